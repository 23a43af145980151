"""An article's HTML as text that is made to be read in a mail."""

from html.parser import HTMLParser

# Each starts a paragraph of its own.
BLOCKS = {"p", "h2", "h3", "blockquote", "ul", "ol", "li", "hr"}


def plain_text(html: str, *, base: str) -> str:
    """Return sanitised HTML as paragraphs with an empty line between them.

    Lists get their dashes or numbers, quotations a mark on each paragraph, and a link stands behind its words. `base`
    is put before the paths of this site.
    """
    writer = _Writer(base)
    writer.feed(html)
    writer.close()
    return writer.text()


class _Writer(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base = base
        self._paragraphs: list[str] = []
        self._words = ""
        self._link = ""
        self._link_began_at = 0
        self._quotes = 0
        # The next number of each open list; None for one without numbers.
        self._lists: list[int | None] = []
        self._mark = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in BLOCKS:
            self._end_paragraph()
        if tag == "blockquote":
            self._quotes += 1
        elif tag in ("ul", "ol"):
            start = values.get("start") or "1"
            self._lists.append((int(start) if start.isdecimal() else 1) if tag == "ol" else None)
        elif tag == "li":
            self._mark = self._next_mark()
        elif tag == "hr":
            self._words = "* * *"
            self._end_paragraph()
        elif tag == "br":
            self._words += "\n"
        elif tag == "a":
            self._link = values.get("href") or ""
            self._link_began_at = len(self._words)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link:
            self._end_link()
        if tag in BLOCKS:
            self._end_paragraph()
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        before = " " if data[:1].isspace() and self._words and not self._words[-1].isspace() else ""
        after = " " if words and data[-1:].isspace() else ""
        self._words += before + words + after

    def text(self) -> str:
        self._end_paragraph()
        return "\n\n".join(self._paragraphs)

    def _next_mark(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "– "
        number = self._lists[-1]
        self._lists[-1] = number + 1
        return f"{number}. "

    def _end_link(self) -> None:
        address = f"{self._base}{self._link}" if self._link.startswith("/") else self._link
        if self._words[self._link_began_at :].strip() != address:
            self._words = f"{self._words.rstrip()} ({address})"
        self._link = ""

    def _end_paragraph(self) -> None:
        words = self._words.strip()
        self._words = ""
        if not words:
            return
        indent = "  " * max(0, len(self._lists) - 1)
        words = f"{indent}{self._mark}{words}"
        self._mark = ""
        if self._quotes:
            words = "\n".join(f"> {line}" for line in words.splitlines())
        self._paragraphs.append(words)
