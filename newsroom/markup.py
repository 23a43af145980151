"""A small tree of HTML that nh3 has read and written before, so that it is well-formed and says what browsers see."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import Union

VOID = {"br", "hr"}
# Deeper than any text that a person writes. What lies deeper is kept without its own elements.
DEEPEST = 80
BLOCKS = {"blockquote", "figcaption", "figure", "h2", "h3", "hr", "li", "ol", "p", "ul"}

Node = Union[str, "Element"]


@dataclass
class Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    def elements(self) -> Iterator["Element"]:
        """Yield this element and every one inside it, in the order of the text."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.elements()

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def is_block(self) -> bool:
        return self.tag in BLOCKS

    def write(self) -> str:
        inner = write(self.children)
        attributes = "".join(f' {name}="{_escaped(value)}"' for name, value in self.attributes.items())
        return f"<{self.tag}{attributes}>" if self.tag in VOID else f"<{self.tag}{attributes}>{inner}</{self.tag}>"


def write(nodes: list[Node]) -> str:
    return "".join(_escaped(node, quote=False) if isinstance(node, str) else node.write() for node in nodes)


def read(html: str) -> Element:
    """Return what `html` holds as the children of one nameless element. `html` is what nh3 wrote."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.root


def _escaped(text: str, *, quote: bool = True) -> str:
    return escape(text, quote=quote).replace("&#x27;", "'").replace("\xa0", "&nbsp;")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        parent = self._open[-1]
        if len(self._open) > DEEPEST:
            if tag not in VOID:
                # It is open like any other, and what it holds becomes its parent's.
                self._open.append(Element(tag, children=parent.children))
            return
        element = Element(tag, {name: value or "" for name, value in attrs})
        parent.children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open[1:]):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)
