"""The page of a yearly statement: a plain A4 layout of lines that are already written."""

from datetime import datetime
from typing import Any

from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from newsroom.pdf import FAMILY, LINE_MM, Paper

COLUMNS = (32, 36, 32, 32)
ALIGN = ("LEFT", "LEFT", "RIGHT", "RIGHT")


def draw(printed: dict[str, Any], *, number: str, made_at: datetime) -> bytes:
    """Return the PDF of a statement. The same lines and time give the same bytes."""
    paper = Paper(
        title=printed["title"],
        author=printed["organisation"][0],
        language=printed["language"],
        foot=number,
        made_at=made_at,
    )
    paper.lines(printed["organisation"], size=9)
    paper.ln(10)
    paper.heading(printed["title"])
    paper.ln(2)
    paper.lines(printed["donor"] + printed["facts"])
    paper.ln(4)
    paper.lines(printed["notes"], size=9)
    for table in printed["tables"]:
        _table(paper, printed["columns"], table)
    if printed["closing"]:
        paper.ln(6)
        paper.lines(printed["closing"], size=9)
    return bytes(paper.output())


def _table(paper: Paper, columns: list[str], table: dict[str, Any]) -> None:
    paper.ln(6)
    paper.heading(table["title"], size=12, line_mm=8)
    paper.set_font(FAMILY, size=9)
    bold = FontFace(emphasis="BOLD")
    with paper.table(
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
    paper.ln(3)
    paper.heading(table["total"], size=10, line_mm=LINE_MM)
