"""A page as a PDF (ISO 32000) on A4, its fonts subset and embedded. Needs the extra `report` (fpdf2)."""

import datetime
import io
import logging
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from formats.errors import LocalError
from fwtool.report.chart import chart, shown
from fwtool.report.document import (
    PAGE_LANGUAGES,
    Boxes,
    Curve,
    Document,
    Facts,
    Heading,
    Lines,
    NewPage,
    Paragraph,
    Picture,
    Table,
    cleaned,
)

if TYPE_CHECKING:
    from fpdf import FPDF

MARGIN: Final = 15
"""All measures are in mm, sizes of letters in points (1/72 inch)."""
SMALL, PLAIN, LARGE, TITLE = 8, 9.5, 12, 16
LINE: Final = 5.0
LABEL: Final = 50
PICTURE: Final = (80, 110)
CHART: Final = (140, 16)
BOX: Final = "\u25a1"
MAGNIFIED: Final = 1.6
FOLDER: Final = pathlib.Path(__file__).parent / "fonts"
FONTS: Final = (
    ("latin", "", "latin.ttf"),
    ("latin", "B", "latin-bold.ttf"),
    ("han", "", "chinese.ttf"),
    ("han", "B", "chinese.ttf"),
)


def pages(document: Document) -> bytes:
    """The file; the same document gives the same bytes.

    Raises:
        LocalError: fpdf2 is not installed (`missing_component`), or a picture cannot be read.
    """
    pdf = _opened(document)
    try:
        pdf.set_font("latin", "B", TITLE)
        pdf.multi_cell(0, 9, _text(pdf, document.title), new_x="LMARGIN", new_y="NEXT")
        pdf.ln(1)
        for block in document.blocks:
            DRAWN[type(block)](pdf, block)
        return bytes(pdf.output())
    finally:
        for font in pdf.fonts.values():  # their files are open until the end of `output`
            font.close()  # type: ignore[union-attr]


def _opened(document: Document) -> "FPDF":
    try:
        import fpdf
    except ImportError as error:
        raise LocalError(
            "PDF files need the package fpdf2", name="missing_component",
            hint="Install it: pip install 'fwtool-terminal[report]'. The HTML page is there, and can be printed.",
        ) from error  # fmt: skip
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # each table it leaves out is a line otherwise
    logging.getLogger("fpdf").setLevel(logging.ERROR)

    class Page(fpdf.FPDF):  # the library calls `footer` at the end of each page
        def footer(self) -> None:
            self.set_y(-MARGIN)
            self.set_font("latin", "", SMALL)
            self.multi_cell(0, 4, f"{_text(self, document.footer)}  {self.page_no()}/{{nb}}", align="L")

    pdf = Page(format="A4")
    for family, style, name in FONTS:
        pdf.add_font(family, style, FOLDER / name)
    pdf.set_fallback_fonts(["han"], exact_match=True)
    pdf.set_margin(MARGIN)
    pdf.set_auto_page_break(True, MARGIN + 8)
    pdf.set_title(_text(pdf, document.title))
    pdf.set_lang(PAGE_LANGUAGES[document.language])
    pdf.set_creation_date(datetime.datetime.fromtimestamp(document.time, datetime.UTC))
    pdf.add_page()
    return pdf


def _text(pdf: "FPDF", text: object) -> str:
    """Text to print; a character that no font has is an empty box, not a gap."""
    known = [font.cmap for font in (pdf.fonts["latin"], pdf.fonts["han"])]  # type: ignore[union-attr]
    return "".join(letter if any(ord(letter) in one for one in known) else BOX for letter in cleaned(text))


def _heading(pdf: "FPDF", block: Heading) -> None:
    if pdf.will_page_break(4 * LINE):
        pdf.add_page()
    pdf.ln(2.5)
    pdf.set_font("latin", "B", LARGE)
    pdf.multi_cell(0, 6.5, _text(pdf, block.text), new_x="LMARGIN", new_y="NEXT")


def _paragraph(pdf: "FPDF", block: Paragraph) -> None:
    times = MAGNIFIED if block.large else 1
    pdf.set_font("latin", "B" if block.strong else "", PLAIN * times)
    pdf.multi_cell(0, LINE * times, _text(pdf, block.text), align="L", new_x="LMARGIN", new_y="NEXT")


def _facts(pdf: "FPDF", block: Facts) -> None:
    times = MAGNIFIED if block.large else 1
    for name, value in block.rows:
        pdf.set_font("latin", "", PLAIN * times)
        pdf.cell(LABEL, LINE * times, _text(pdf, name))
        pdf.set_font("latin", "B", PLAIN * times)
        pdf.multi_cell(0, LINE * times, _text(pdf, value) or "-", align="L", new_x="LMARGIN", new_y="NEXT")


def _table(pdf: "FPDF", block: Table) -> None:
    times = MAGNIFIED if block.large else 1
    pdf.set_font("latin", "", SMALL * times)
    with pdf.table(
        col_widths=tuple(block.widths), line_height=4.2 * times, text_align="LEFT", borders_layout="HORIZONTAL_LINES",
        padding=0.6,
    ) as table:  # fmt: skip
        for cells in (block.head, *block.rows):
            row = table.row()
            for cell in cells:
                row.cell(_text(pdf, cell))
    pdf.ln(1)


def _picture(pdf: "FPDF", block: Picture) -> None:
    width, height = PICTURE
    if pdf.will_page_break(height + LINE):
        pdf.add_page()
    try:
        pdf.image(io.BytesIO(block.data), x=MARGIN, w=width, h=height, keep_aspect_ratio=True)
    except (OSError, ValueError, SyntaxError) as error:
        raise LocalError(f"the picture of {block.caption} cannot be read: {error}") from error
    pdf.set_y(pdf.get_y() + 1)
    _paragraph(pdf, Paragraph(block.caption))


def _curve(pdf: "FPDF", block: Curve) -> None:
    width, height = CHART
    if pdf.will_page_break(height + 3 * LINE):
        pdf.add_page()
    _paragraph(pdf, Paragraph(f"{block.title} ({block.unit})" if block.unit else block.title))
    found = chart(block)
    left, top = MARGIN + 20.0, pdf.get_y() + 1
    places = [(left + 2 + x * (width - 4), top + 2 + (1 - y) * (height - 4)) for x, y in found.points]
    pdf.set_font("latin", "", SMALL)
    pdf.text(MARGIN, top + 3, shown(found.high))
    pdf.text(MARGIN, top + height, shown(found.low))
    pdf.line(left, top, left, top + height)
    pdf.line(left, top + height, left + width, top + height)
    if len(places) > 1:
        pdf.polyline(places)
    for x, y in places:
        pdf.circle(x, y, 0.8, style="F")
    pdf.text(left, top + height + 4, block.days[0])
    if block.days[-1] != block.days[0]:
        pdf.text(left + width - pdf.get_string_width(block.days[-1]), top + height + 4, block.days[-1])
    pdf.set_y(top + height + 6)


def _boxes(pdf: "FPDF", block: Boxes) -> None:
    for item in block.items:
        pdf.set_font("latin", "", LARGE)
        pdf.cell(8, 7, BOX)
        pdf.set_font("latin", "", PLAIN)
        pdf.multi_cell(0, 7, _text(pdf, item), align="L", new_x="LMARGIN", new_y="NEXT")


def _new_page(pdf: "FPDF", block: NewPage) -> None:
    del block
    pdf.add_page()


def _lines(pdf: "FPDF", block: Lines) -> None:
    if pdf.will_page_break(28):
        pdf.add_page()
    top = pdf.get_y() + 20
    width = (pdf.epw - 8 * (len(block.names) - 1)) / len(block.names)
    pdf.set_font("latin", "", SMALL)
    for number, name in enumerate(block.names):
        left = MARGIN + number * (width + 8)
        pdf.line(left, top, left + width, top)
        pdf.set_xy(left, top + 1)
        pdf.cell(width, 4, _text(pdf, name))
    pdf.set_y(top + 8)


DRAWN: Final[dict[type, Callable[["FPDF", Any], None]]] = {
    Heading: _heading, Paragraph: _paragraph, Facts: _facts, Table: _table, Picture: _picture, Curve: _curve, Boxes: _boxes,
    Lines: _lines, NewPage: _new_page,
}  # fmt: skip
