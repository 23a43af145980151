"""Every address of the site, from the resolver itself, filled with what a test draws."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")


@dataclass(frozen=True)
class Address:
    """One pattern: its text, such as `articles/<slug>/`, and the names of its parameters."""

    text: str
    parameters: tuple[str, ...]

    @property
    def is_staff(self) -> bool:
        return self.text.startswith("admin/")

    def filled(self, values: dict[str, str]) -> str:
        path = _PARAMETER.sub(lambda match: quote(values[match[1]], safe=""), self.text)
        return f"/{path}"


def all_addresses() -> list[Address]:
    """Return every address that the resolver knows, each once."""
    found = {}
    for text in _walk(get_resolver()):
        address = Address(text, tuple(_PARAMETER.findall(text)))
        found[text] = address
    return sorted(found.values(), key=lambda address: address.text)


def _walk(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        text = before + _plain(str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield text
        else:
            yield from _walk(pattern, text)


def _plain(pattern: str) -> str:
    """Write a pattern, by route or by regular expression, with `<name>` for each parameter."""
    text = _GROUP.sub(r"<\1>", pattern)
    if text != pattern or pattern.startswith("^"):
        text = text.removeprefix("^").removesuffix("$").replace("\\", "")
    return _PARAMETER.sub(r"<\1>", text)
