"""The forms that stand in a page: where they lead, and the names of their fields."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._by_id: dict[str, Form] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(values.get("action", ""), values.get("method", "get").lower()))
        elif tag in {"input", "select", "textarea", "button"} and values.get("name") and self.forms:
            self.forms[-1].fields.setdefault(values["name"], values.get("value", ""))


def forms_in(html: str) -> list[Form]:
    finder = _Finder()
    finder.feed(html)
    return finder.forms
