"""Decode the nested form keys that Stripe's clients send, such as `items[0][price]=price_1`."""

from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import invalid


def decode(text: str) -> dict[str, Any]:
    """Return the nested dictionary that a form body or query string spells.

    A list stays a dictionary with "0", "1", … as keys: only the parameter's declared type tells the two apart.
    """
    decoded: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        path = split_key(key)
        place = decoded
        for part in path[:-1]:
            name = str(len(place)) if part == "" else part
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise invalid(f"Invalid key: {key}", param=path[0])
        last = path[-1]
        place[str(len(place)) if last == "" else last] = value
    return decoded


def split_key(key: str) -> list[str]:
    """Return the parts of a key: `a[b][0]` is `["a", "b", "0"]`, and `a[]` is `["a", ""]`."""
    name, bracket, rest = key.partition("[")
    if not bracket:
        return [name]
    return [name, *rest.removesuffix("]").split("][")]
