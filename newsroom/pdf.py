"""Paper: A4 in a font that is in the file itself, with Latin, Cyrillic and Greek letters."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF, XPos, YPos

# A glyph that the font lacks would be logged, and that is a letter of somebody's name.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)

FONTS = Path(__file__).parent / "fonts"
FAMILY = "DejaVu"
MARGIN_MM = 22
LINE_MM = 5.5


class Paper(FPDF):
    """A4 with a word of its own and the page's number at the foot. The same words and time give the same bytes."""

    def __init__(self, *, title: str, author: str, language: str, foot: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        self.foot = foot
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(True, margin=MARGIN_MM)
        self.add_font(FAMILY, fname=FONTS / "DejaVuSans.ttf")
        self.add_font(FAMILY, style="B", fname=FONTS / "DejaVuSans-Bold.ttf")
        self.set_lang(language)
        self.set_title(title)
        self.set_author(author)
        self.set_creation_date(made_at.astimezone(UTC))
        self.set_draw_color(190)
        self.set_line_width(0.15)
        self.add_page()

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(FAMILY, size=8)
        self.cell(0, 5, f"{self.foot}   {self.page_no()}/{{nb}}", align="R")

    def heading(self, words: str, *, size: float = 18, line_mm: float = 9) -> None:
        self.set_font(FAMILY, style="B", size=size)
        self.multi_cell(0, line_mm, words, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def lines(self, lines: Iterable[str], *, size: float = 10) -> None:
        self.set_font(FAMILY, size=size)
        for line in lines:
            self.multi_cell(0, LINE_MM, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
