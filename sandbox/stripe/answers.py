"""What the server sends back: JSON, pages, redirects."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.template import Context, Engine

TEMPLATES = Path(__file__).parent / "templates"
ENGINE = Engine(dirs=[str(TEMPLATES)], autoescape=True)
# The pages need no script at all, so none is allowed to run.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Request:
    """A request as it came in, with its path, query, form body and lower-case headers."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer. `lost` closes the connection without sending it, as a network does that fails at the wrong moment."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False


def json_answer(data: Any, status: int = 200, **headers: str) -> Answer:
    """Answer with JSON, as pretty as Stripe's."""
    body = json.dumps(data, indent=2, ensure_ascii=False).encode()
    return Answer(
        status, body, {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    )


def page(template: str, status: int = 200, **context: Any) -> Answer:
    """Answer with a page."""
    body = ENGINE.get_template(template).render(Context(context, use_l10n=False, use_tz=False)).encode()
    return Answer(status, body, {"Content-Type": "text/html; charset=utf-8"} | PAGE_HEADERS)


def redirect(location: str) -> Answer:
    """Send the browser elsewhere with a GET."""
    return Answer(303, b"", {"Location": location, "Cache-Control": "no-store"})


def stylesheet() -> Answer:
    """Answer with the pages' one stylesheet."""
    body = (TEMPLATES / "style.css").read_bytes()
    return Answer(200, body, {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "no-cache"})
