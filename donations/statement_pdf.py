"""The page of a yearly statement: a plain A4 layout of lines that are already written."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fpdf import FPDF, XPos, YPos
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

# A glyph that the font lacks would be logged, and that is a letter of a donor's name.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)

FONTS = Path(__file__).parent / "fonts"
FAMILY = "DejaVu"
MARGIN_MM = 22
LINE_MM = 5.5
COLUMNS = (32, 36, 32, 32)
ALIGN = ("LEFT", "LEFT", "RIGHT", "RIGHT")


class _Page(FPDF):
    """A4 with the statement's number and the page's at the foot."""

    number = ""

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(FAMILY, size=8)
        self.cell(0, 5, f"{self.number}   {self.page_no()}/{{nb}}", align="R")


def draw(printed: dict[str, Any], *, number: str, made_at: datetime) -> bytes:
    """Return the PDF of a statement. The same lines and time give the same bytes."""
    page = _Page(format="A4")
    page.number = number
    page.set_margins(MARGIN_MM, MARGIN_MM)
    page.set_auto_page_break(True, margin=MARGIN_MM)
    page.add_font(FAMILY, fname=FONTS / "DejaVuSans.ttf")
    page.add_font(FAMILY, style="B", fname=FONTS / "DejaVuSans-Bold.ttf")
    page.set_lang(printed["language"])
    page.set_title(printed["title"])
    page.set_author(printed["organisation"][0])
    page.set_creation_date(made_at.astimezone(UTC))
    page.set_draw_color(190)
    page.set_line_width(0.15)
    page.add_page()
    _lines(page, printed["organisation"], size=9)
    page.ln(10)
    page.set_font(FAMILY, style="B", size=18)
    page.multi_cell(0, 9, printed["title"], new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(2)
    _lines(page, printed["donor"] + printed["facts"], size=10)
    page.ln(4)
    _lines(page, printed["notes"], size=9)
    for table in printed["tables"]:
        _table(page, printed["columns"], table)
    if printed["closing"]:
        page.ln(6)
        _lines(page, printed["closing"], size=9)
    return bytes(page.output())


def _lines(page: FPDF, lines: list[str], *, size: int) -> None:
    page.set_font(FAMILY, size=size)
    for line in lines:
        page.multi_cell(0, LINE_MM, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")


def _table(page: FPDF, columns: list[str], table: dict[str, Any]) -> None:
    page.ln(6)
    page.set_font(FAMILY, style="B", size=12)
    page.cell(0, 8, table["title"], new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font(FAMILY, size=9)
    bold = FontFace(emphasis="BOLD")
    with page.table(
        col_widths=COLUMNS,
        text_align=ALIGN,
        line_height=LINE_MM,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=bold,
        padding=1,
    ) as drawn:
        drawn.row(columns)
        for row in table["rows"]:
            drawn.row(row)
        drawn.row(table["sums"], style=bold)
    page.ln(3)
    page.set_font(FAMILY, style="B", size=10)
    page.multi_cell(0, LINE_MM, table["total"], new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
