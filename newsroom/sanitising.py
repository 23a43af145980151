"""The one allow-list for HTML that staff write or paste. What it lets through is what is stored.

Two elements are this paper's own and are drawn for readers by `newsroom.prose`: `<figure data-image="7">` names a
picture of the image library and holds its caption here, and `<foot-note>` holds the words of a note where its sign
will stand. No other picture passes, so no text can load anything from another machine.
"""

import re

import nh3

from newsroom.markup import Element, Node, read, write
from newsroom.pasting import tidied

# What the editor in the admin offers. Its own list and this one are compared by a test.
TAGS = {
    "a", "blockquote", "br", "code", "em", "figcaption", "figure", "foot-note", "h2", "h3", "hr", "li", "ol", "p", "s",
    "strong", "sub", "sup", "ul",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title", "hreflang"}, "figure": {"data-image"}, "ol": {"start"}, "*": {"lang", "dir"}}
URL_SCHEMES = {"http", "https", "mailto", "tel"}

_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes=URL_SCHEMES,
    # Links open in the same window and the site's Referrer-Policy speaks for all of them.
    link_rel=None,
    strip_comments=True,
)
# Sanitised HTML has neither, so it never takes this way again.
_FOREIGN = re.compile(rf"<(?!/?(?:{'|'.join(sorted(TAGS))})[\s>])[a-z!]|<[^>]*\s(?:style|class)\s*=", re.IGNORECASE)
_OWN = re.compile("<(?:fig|foot-note)")
_EMPTY_BLOCKS = re.compile(r"<(p|h2|h3|blockquote|li|ul|ol|figcaption)>(?:\s|&nbsp;|<br>)*</\1>")
_TAG = re.compile(r"<[^>]*>")
_PLACED = re.compile(r'<figure data-image="(\d+)">')
_FIGURE = re.compile(r'<figure data-image="(\d+)">.*?</figure>', re.DOTALL)
_IMAGE_ID = re.compile(r"[1-9][0-9]{0,8}")
# Where a picture may stand: between paragraphs, in a quotation or in a list's item.
_AROUND_FIGURES = {"blockquote", "li", "ol", "ul"}


def clean(html: str) -> str:
    """Return the part of `html` that the allow-list lets through, without blocks that hold nothing."""
    # PostgreSQL cannot store NUL, and no text needs it.
    html = html.replace("\x00", "")
    cleaned = _cleaner.clean(tidied(html) if _FOREIGN.search(html) else html)
    if _OWN.search(cleaned):
        cleaned = _cleaner.clean(write(_in_shape(read(cleaned).children, frozenset())))
    previous = ""
    while cleaned != previous:
        previous, cleaned = cleaned, _EMPTY_BLOCKS.sub("", cleaned)
    return cleaned.strip()


def plain(html: str) -> str:
    """Return the words of sanitised HTML on one line, for descriptions, word counts and search."""
    words = _TAG.sub(" ", html)
    for entity, character in (("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        words = words.replace(entity, character)
    return " ".join(words.split())


def image_numbers(html: str) -> list[int]:
    """Return the keys of the images that stand in sanitised HTML."""
    return [int(number) for number in _PLACED.findall(html)]


def without_images(html: str, numbers: set[int]) -> str:
    """Take pictures out of sanitised HTML with their captions."""
    return _FIGURE.sub(lambda match: "" if int(match[1]) in numbers else match[0], html)


def _in_shape(nodes: list[Node], inside: frozenset[str]) -> list[Node]:
    """Keep pictures and notes only where they have a meaning, and in the one form that `newsroom.prose` reads."""
    made: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            made.append(node)
        elif node.tag == "figure":
            made += _figure(node, inside)
        elif node.tag == "figcaption":
            words = _line(node.children)
            made += words if inside - _AROUND_FIGURES else [Element("p", {}, words)]
        elif node.tag == "foot-note":
            words = _line(node.children)
            is_note = not inside & {"a", "code", "sub", "sup"} and "".join(_text(word) for word in words).strip()
            made += [Element("foot-note", {}, words)] if is_note else words
        else:
            made.append(Element(node.tag, node.attributes, _in_shape(node.children, inside | {node.tag})))
    return made


def _figure(figure: Element, inside: frozenset[str]) -> list[Node]:
    number = figure.attributes.get("data-image", "")
    if inside - _AROUND_FIGURES or not _IMAGE_ID.fullmatch(number):
        return _in_shape(figure.children, inside)
    caption = next((one for one in figure.children if isinstance(one, Element) and one.tag == "figcaption"), None)
    others = [child for child in figure.children if child is not caption]
    kept: list[Node] = [Element("figcaption", {}, _line(caption.children))] if caption is not None else []
    return [Element("figure", {"data-image": number}, kept), *_in_shape(others, inside)]


def _line(nodes: list[Node]) -> list[Node]:
    """Return the words alone with their emphasis and links, without paragraphs, pictures or notes."""
    made: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            made.append(node)
        elif node.is_block() or node.tag == "foot-note":
            made += [*([" "] if made and node.is_block() else []), *_line(node.children)]
        else:
            made.append(Element(node.tag, node.attributes, _line(node.children)))
    return made


def _text(node: Node) -> str:
    return node if isinstance(node, str) else node.text()
