"""A reader's browser in miniature: follows redirects on the sandbox itself and fills in forms, without a script."""

import urllib.error
import urllib.request
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin


class Form(HTMLParser):
    """The forms of a page, each with its address and the values that it would send untouched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a form or one of its fields."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given["action"], {}))
        elif tag == "input" and self.forms and (given.get("type") != "radio" or "checked" in given):
            self.forms[-1][1][given["name"]] = given.get("value", "")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow no redirect by itself."""
        return


class Browser:
    """`page` is the text of the current page, `address` where it is, `left_for` where the browser was sent away to."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.opener = urllib.request.build_opener(_Stay)
        self.page = ""
        self.status = 0
        self.address = ""
        self.left_for = ""
        self.headers: dict[str, str] = {}

    def open(self, address: str, data: dict[str, str] | None = None) -> str:
        """Go to a page of the sandbox, or post a form to it."""
        self.address = urljoin(self.address or self.origin, address)
        body = urlencode(data).encode() if data is not None else None
        try:
            with self.opener.open(urllib.request.Request(self.address, data=body)) as answer:  # noqa: S310
                self._read(answer)
        except urllib.error.HTTPError as error:
            with error:
                self._read(error)
        location = self.headers.get("Location")
        if self.status == 303 and location:
            target = urljoin(self.address, location)
            if not target.startswith(self.origin):
                self.left_for = target
                return ""
            return self.open(target)
        return self.page

    def _read(self, answer: Any) -> None:
        self.status = answer.status
        self.headers = dict(answer.headers.items())
        self.page = answer.read().decode()

    def submit(self, number: int = 0, /, **changes: str) -> str:
        """Send a form of the current page, with some of its fields changed."""
        action, values = Form(self.page).forms[number]
        return self.open(action, values | changes)
