"""HTML of Word, Google Docs, LibreOffice and other programs, turned into the few elements that a text here is made of.

What comes out is tidy and not yet safe: `newsroom.sanitising.clean` calls this first and puts its allow-list over it.
"""

import re
from urllib.parse import parse_qs, urlsplit

import nh3

from newsroom.markup import Element, Node, read, write

_BOXES = {
    "address",
    "article",
    "aside",
    "center",
    "details",
    "div",
    "footer",
    "header",
    "main",
    "nav",
    "pre",
    "section",
}
_HEADINGS = {"h1": "h2", "h2": "h2", "h3": "h3", "h4": "h3", "h5": "h3", "h6": "h3"}
_INLINE = {"b": "strong", "strong": "strong", "i": "em", "em": "em", "cite": "em", "strike": "s", "s": "s", "del": "s"}
_KEPT = {
    "a",
    "blockquote",
    "br",
    "code",
    "figcaption",
    "figure",
    "foot-note",
    "hr",
    "li",
    "ol",
    "p",
    "sub",
    "sup",
    "ul",
}
_BLOCKS = {"blockquote", "figcaption", "figure", "h2", "h3", "hr", "li", "ol", "p", "ul"}
# Everything a word processor's meaning hangs on. None of the attributes leaves this module but the allow-list's own.
_reader = nh3.Cleaner(
    tags={*_BOXES, *_HEADINGS, *_INLINE, *_KEPT, "font", "ins", "span", "table", "tbody", "td", "th", "tr"},
    attributes={
        "*": {"class", "dir", "id", "lang", "name", "style"},
        "a": {"href", "hreflang", "title"},
        "del": {"cite", "datetime"},
        "figure": {"data-image"},
        "ol": {"start"},
    },
    clean_content_tags={"script", "style", "title"},
    link_rel=None,
    strip_comments=True,
)
_RAISED = {"super": {"sup"}, "sub": {"sub"}}
_SPACE = re.compile(r"[ \t\r\n\f]+")
_LEVEL = re.compile(r"\blevel(\d)")
_NUMBERED = re.compile(r"\(?(\d{1,4}|[a-zA-Z]|[ivxlcIVXLC]{1,6})[.)]")
_BULLET = re.compile(r"^[•·▪◦‣●■]\s+")
# The list item that a paragraph of a word processor is, until the lists are put together.
_ITEM = "list-item"


def tidied(html: str) -> str:
    """Return `html` in the elements of the allow-list: real lists, real emphasis, footnotes in their places."""
    root = read(_reader.clean(html))
    if _bring_notes_home(root):
        _drop_last_rule(root)
    return write(_in_paragraphs(_convert(root.children)))


# Footnotes: two links that lead to each other, one in the text and one before the note.


def _bring_notes_home(root: Element) -> bool:
    """Put each note where its sign stands in the text, and say whether there was one."""
    parents = {id(child): parent for parent in root.elements() for child in parent.children}
    links = [element for element in root.elements() if element.tag == "a"]
    named = {name: link for link in links for name in _names(link)}
    done: set[int] = set()
    for sign in links:
        back = named.get(sign.attributes.get("href", "").removeprefix("#"))
        if back is None or back is sign or id(sign) in done:
            continue
        if named.get(back.attributes.get("href", "").removeprefix("#")) is not sign:
            continue
        done |= {id(sign), id(back)}
        note = _around(back, parents)
        if note is None or note is _around(sign, parents):
            continue
        _take_out(back, parents)
        _take_out(note, parents)
        holder = parents[id(sign)]
        if holder.tag == "sup" and not holder.text().replace(sign.text(), "").strip():
            sign = holder
        sign.tag, sign.attributes, sign.children = "foot-note", {}, [*_inline(_convert(note.children))]
    return bool(done)


def _names(link: Element) -> set[str]:
    return {link.attributes.get(name, "") for name in ("id", "name")} - {""}


def _around(link: Element, parents: dict[int, Element]) -> Element | None:
    """Return the note that the link stands in: Word's box around it, or its paragraph."""
    block = None
    element = parents.get(id(link))
    while element is not None and element.tag:
        if element.tag in ("p", "li") and block is None:
            block = element
        if "mso-element:footnote" in element.attributes.get("style", "").replace(" ", ""):
            return block if "footnote-list" in element.attributes["style"] else element
        element = parents.get(id(element))
    return block


def _take_out(element: Element, parents: dict[int, Element]) -> None:
    # By identity: an equal element may stand elsewhere.
    children = parents[id(element)].children
    children[:] = [child for child in children if child is not element]


def _drop_last_rule(root: Element) -> None:
    """Drop the line that stood above the notes, and the empty boxes they leave."""
    while root.children:
        last = root.children[-1]
        if _words(last).strip():
            if isinstance(last, Element) and last.tag in _BOXES:
                _drop_last_rule(last)
            return
        root.children.pop()


# Element by element


def _convert(nodes: list[Node]) -> list[Node]:
    made: list[Node] = []
    for node in nodes:
        made += [_SPACE.sub(" ", node)] if isinstance(node, str) else _converted(node)
    return _with_lists(made)


def _converted(element: Element) -> list[Node]:
    style = _style(element)
    if _is_hidden(element, style):
        return []
    if element.tag == "p" and "mso-list" in style and (level := _LEVEL.search(style["mso-list"])):
        return [_list_item(element, int(level[1]))]
    children = _convert(element.children)
    tag = element.tag
    if tag in _HEADINGS or (tag == "p" and "MsoTitle" in element.attributes.get("class", "")):
        return [Element(_HEADINGS.get(tag, "h2"), {}, _without(children, "strong"))]
    if tag in _BOXES:
        return _in_paragraphs(children) if _has_blocks(children) else [Element("p", {}, children)]
    if tag == "tr":
        return [Element("p", {}, _row(element))]
    if tag == "a":
        address = _real_address(element.attributes.get("href", ""))
        kept = {name: value for name, value in element.attributes.items() if name in ("title", "hreflang")}
        return [Element("a", {"href": address} | kept, children)] if address else children
    if tag in ("ul", "ol"):
        return [Element(tag, _kept(element, "start"), _items(children))]
    if tag in _KEPT:
        return [Element(tag, _kept(element, "data-image"), children)]
    return _emphasised(element, style, children)


def _style(element: Element) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in element.attributes.get("style", "").lower().split(";") if ":" in part)
    return {name.strip(): value.strip() for name, value in pairs}


def _is_hidden(element: Element, style: dict[str, str]) -> bool:
    """Tell what a person who copied did not see or mean: list signs, remarks, deleted words, page breaks."""
    classes = element.attributes.get("class", "")
    return (
        style.get("mso-list") == "ignore"
        or style.get("display") == "none"
        or "mso-hide" in style
        or style.get("mso-element") == "comment-list"
        or "mso-comment-reference" in style
        or "MsoCommentReference" in classes
        or (element.tag == "del" and bool({"cite", "datetime"} & element.attributes.keys()))
        or (element.tag == "br" and ("Apple-interchange-newline" in classes or "page-break-before" in style))
    )


def _kept(element: Element, *names: str) -> dict[str, str]:
    kept = {name: element.attributes[name] for name in names if name in element.attributes}
    # Word processors write the other direction on every paragraph; this one is worth keeping.
    return {**kept, "dir": "rtl"} if element.attributes.get("dir") == "rtl" else kept


def _emphasised(element: Element, style: dict[str, str], children: list[Node]) -> list[Node]:
    """Return the children inside the emphasis that the element or its style gives them."""
    if "Apple-converted-space" in element.attributes.get("class", ""):
        return [" "]
    if _has_blocks(children) or not element.text().strip():
        return children
    marks = {_INLINE[element.tag]} if element.tag in _INLINE else set()
    weight = style.get("font-weight", "")
    marks |= {"strong"} if weight in ("bold", "bolder", "600", "700", "800", "900") else set()
    marks -= {"strong"} if weight in ("normal", "lighter", "300", "400", "500") else set()
    slope = style.get("font-style", "")
    marks |= {"em"} if slope in ("italic", "oblique") else set()
    marks -= {"em"} if slope == "normal" else set()
    marks |= {"s"} if "line-through" in style.get("text-decoration", "") else set()
    marks |= _RAISED.get(style.get("vertical-align", ""), set())
    for mark in sorted(marks):
        children = [Element(mark, {}, children)]
    return children


def _in_paragraphs(nodes: list[Node]) -> list[Node]:
    """Give words that stand loose between paragraphs a paragraph of their own."""
    if not _has_blocks(nodes):
        return nodes
    made: list[Node] = []
    loose: list[Node] = []
    for node in [*nodes, None]:
        if node is not None and not _has_blocks([node]):
            loose.append(node)
            continue
        if any(_words(one).strip() for one in loose):
            made.append(Element("p", {}, loose))
        loose = []
        made += [] if node is None else [node]
    return made


def _words(node: Node) -> str:
    return node if isinstance(node, str) else node.text()


def _has_blocks(nodes: list[Node]) -> bool:
    return any(isinstance(node, Element) and (node.tag in _BLOCKS or node.tag == _ITEM) for node in nodes)


def _without(nodes: list[Node], tag: str) -> list[Node]:
    made: list[Node] = []
    for node in nodes:
        if isinstance(node, Element):
            node.children = _without(node.children, tag)
        made += node.children if isinstance(node, Element) and node.tag == tag else [node]
    return made


def _inline(nodes: list[Node]) -> list[Node]:
    """Return the words of paragraphs as the words of one."""
    made: list[Node] = []
    for node in nodes:
        if isinstance(node, Element) and (node.tag in _BLOCKS or node.tag == _ITEM):
            made += [*([" "] if made else []), *_inline(node.children)]
        else:
            made.append(node)
    if made and isinstance(made[0], str):
        made[0] = made[0].lstrip()
    return made


def _row(row: Element) -> list[Node]:
    """Write a table's row as one line, since a text here has no tables."""
    line: list[Node] = []
    for cell in row.children:
        words = _inline(_convert(cell.children)) if isinstance(cell, Element) else []
        if any(_words(word).strip() for word in words):
            line += [" · ", *words] if line else words
    return line


def _real_address(address: str) -> str:
    """Return where a link leads, without Google's detour; nothing for a place inside the copied document."""
    if address.startswith("#"):
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.hostname in ("www.google.com", "google.com") and parts.path == "/url":
        return parse_qs(parts.query).get("q", [""])[0]
    return address


# Lists


def _list_item(paragraph: Element, level: int) -> Element:
    sign = next((one.text() for one in paragraph.elements() if _style(one).get("mso-list") == "ignore"), "").strip()
    attributes = {"level": str(level)}
    if numbered := _NUMBERED.match(sign):
        attributes["number"] = numbered[1]
    return Element(_ITEM, attributes, _convert(paragraph.children))


def _with_lists(nodes: list[Node]) -> list[Node]:
    """Put together the lists that paragraphs stand for."""
    made: list[Node] = []
    items: list[Element] = []
    for node in nodes:
        item = _as_item(node)
        if item is not None:
            items.append(item)
        elif items and isinstance(node, str) and not node.strip():
            continue
        else:
            made += [*_nested(items), node]
            items = []
    return made + _nested(items)


def _as_item(node: Node) -> Element | None:
    if not isinstance(node, Element) or node.tag == _ITEM:
        return node if isinstance(node, Element) else None
    first = node.children[0] if node.children and node.tag == "p" else None
    if isinstance(first, str) and (sign := _BULLET.match(first)):
        return Element(_ITEM, {"level": "1"}, [first[sign.end() :], *node.children[1:]])
    return None


def _nested(items: list[Element]) -> list[Node]:
    made: list[Node] = []
    while items:
        level, is_numbered = int(items[0].attributes["level"]), "number" in items[0].attributes
        first = items[0].attributes.get("number", "1")
        whole = Element("ol" if is_numbered else "ul", {"start": first} if first.isdecimal() and first != "1" else {})
        last = whole
        while items and int(items[0].attributes["level"]) >= level:
            if int(items[0].attributes["level"]) > level:
                last.children += _nested(_leading(items, level))
            elif ("number" in items[0].attributes) is is_numbered:
                last = Element("li", {}, [Element("p", {}, items.pop(0).children)])
                whole.children.append(last)
            else:
                break
        made.append(whole)
    return made


def _leading(items: list[Element], level: int) -> list[Element]:
    """Take the items that lie deeper than `level` from the head of the list."""
    taken = []
    while items and int(items[0].attributes["level"]) > level:
        taken.append(items.pop(0))
    return taken


def _items(children: list[Node]) -> list[Node]:
    """Give each list its place in an item: Google Docs writes a deeper list beside the item it belongs to."""
    made: list[Node] = []
    for child in children:
        if isinstance(child, Element) and child.tag in ("ul", "ol"):
            if made and isinstance(made[-1], Element):
                made[-1].children.append(child)
                continue
            child = Element("li", {}, [child])
        if isinstance(child, Element):
            made.append(child)
        elif child.strip():
            made.append(Element("li", {}, [child]))
    return made
