"""The thermal printer: lines of text and patterns onto a strip 384 dots wide (8 dots/mm, 48 mm), as a picture.

Half-width characters are 12 x 24 dots, Chinese ones 24 x 24; a dead dot of the head leaves a white line down the slip, and a
worn or dirty head prints paler.
"""

import functools
import pathlib
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from hwsim import code128, qr_code

if TYPE_CHECKING:
    from PIL import Image, ImageFont

WIDTH = 384
CELL = 12
LINE_HEIGHT = 30
COLUMNS = WIDTH // CELL
MARGIN = 24
LINES_PER_SECOND = 20
MODULE = 5
"""Dots of a module of the QR code."""
MOST_BARS = 28
"""Characters of a bar code: 384 modules of one dot."""
ROWS = {"bar_code": 3, "qr_code": 7}
"""Lines that a pattern is high, where it is not one."""
FONTS = pathlib.Path(__file__).parent / "fonts"


class Line(NamedTuple):
    """One line: text, or one of the patterns of the test slip."""

    text: str = ""
    pattern: str = ""
    """density, dots, ruler, rule, bar_code or qr_code (of the text); empty for text."""
    large: bool = False
    ink: int = 0
    """Grey of what is printed: 0 is black."""

    @property
    def height(self) -> int:
        """Dots."""
        return LINE_HEIGHT * (2 if self.large else ROWS.get(self.pattern, 1))


def width_of(character: str) -> int:
    """Cells a character takes: two for Chinese, one for the rest (Unicode Standard Annex 11)."""
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@functools.cache
def _font(name: str, size: int) -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.truetype(FONTS / name, size)


def render(lines: list[Line], dead_dots: tuple[int, ...] = ()) -> "Image.Image":
    """The slip as a picture, 8 bits of grey."""
    from PIL import Image, ImageDraw

    height = 2 * MARGIN + sum(line.height for line in lines)
    picture = Image.new("L", (WIDTH, height), 255)
    draw = ImageDraw.Draw(picture)
    y = MARGIN
    for line in lines:
        if line.pattern:
            PATTERNS[line.pattern](draw, y, line)
        else:
            _draw_text(draw, line, y)
        y += line.height
    for dot in dead_dots:
        draw.line([(dot, 0), (dot, height)], fill=255)
    return picture


def _draw_text(draw: Any, line: Line, y: int) -> None:
    scale = 2 if line.large else 1
    total = sum(width_of(character) for character in line.text) * CELL * scale
    x = (WIDTH - total) // 2 if line.large else 0
    for character in line.text:
        cells = width_of(character)
        if cells == 2:
            font, lift = _font("chinese.ttf", 23 * scale), 0
        else:
            font, lift = _font("latin.ttf", 20 * scale), 1 * scale
        draw.text((x, y + lift), character, font=font, fill=line.ink)
        x += cells * CELL * scale


def _rule(draw: Any, y: int, line: Line) -> None:
    draw.rectangle([0, y + 14, WIDTH - 1, y + 15], fill=line.ink)


def _density(draw: Any, y: int, line: Line) -> None:
    """Eight steps from light to black."""
    for x in range(WIDTH):
        for row in range(26):
            if (x * 7 + row * 13) % 8 <= x // 48:
                draw.point((x, y + row), fill=line.ink)


def _dots(draw: Any, y: int, line: Line) -> None:
    """Odd dots, then even ones: a dead dot leaves a gap in one of the rows."""
    for x in range(0, WIDTH, 2):
        draw.rectangle([x, y + 2, x, y + 13], fill=line.ink)
        draw.rectangle([x + 1, y + 14, x + 1, y + 25], fill=line.ink)


def _ruler(draw: Any, y: int, line: Line) -> None:
    """Millimetres (8 dots), longer at every tenth."""
    for millimetre in range(WIDTH // 8 + 1):
        draw.rectangle([millimetre * 8, y, millimetre * 8, y + (20 if millimetre % 10 == 0 else 8)], fill=line.ink)


def _bar_code(draw: Any, y: int, line: Line) -> None:
    """Code 128 with bars as wide as fit between quiet zones of ten modules."""
    widths = code128.widths(line.text[:MOST_BARS])
    module = max(1, WIDTH // (sum(widths) + 20))
    x = (WIDTH - module * sum(widths)) // 2
    for number, width in enumerate(widths):
        if number % 2 == 0:
            draw.rectangle([x, y + 4, x + width * module - 1, y + line.height - 12], fill=line.ink)
        x += width * module


def _qr_code(draw: Any, y: int, line: Line) -> None:
    left, top = (WIDTH - MODULE * qr_code.SIZE) // 2, y + (line.height - MODULE * qr_code.SIZE) // 2
    for row, dark in enumerate(qr_code.modules(line.text)):
        for column in range(qr_code.SIZE):
            if dark[column]:
                x, top_of = left + column * MODULE, top + row * MODULE
                draw.rectangle([x, top_of, x + MODULE - 1, top_of + MODULE - 1], fill=line.ink)


PATTERNS: dict[str, Callable[[Any, int, Line], None]] = {
    "rule": _rule, "density": _density, "dots": _dots, "ruler": _ruler, "bar_code": _bar_code, "qr_code": _qr_code,
}  # fmt: skip


class Printer:
    """Counts lines against the roll, and keeps the pictures."""

    def __init__(self, folder: pathlib.Path | None) -> None:
        self.folder = folder

    def save(self, lines: list[Line], dead_dots: tuple[int, ...]) -> str:
        """Store the slip; get its path, or nothing if slips are not kept."""
        if self.folder is None or not lines:
            return ""
        self.folder.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(path.stem[5:]) for path in self.folder.glob("slip-????.png")), default=0)
        path = self.folder / f"slip-{number:04}.png"
        render(lines, dead_dots).save(path, optimize=True)
        return str(path)
