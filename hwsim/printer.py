"""The thermal printer: lines of text and patterns onto a strip 384 dots wide (8 dots/mm, 48 mm), as a picture.

Half-width characters are 12 x 24 dots, Chinese ones 24 x 24; a dead dot of the head leaves a white line down the slip.
"""

import functools
import pathlib
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from PIL import Image, ImageFont

WIDTH = 384
CELL = 12
LINE_HEIGHT = 30
COLUMNS = WIDTH // CELL
MARGIN = 24
LINES_PER_SECOND = 20
FONTS = pathlib.Path(__file__).parent / "fonts"


class Line(NamedTuple):
    """One line: text, or one of the patterns of the test slip."""

    text: str = ""
    pattern: str = ""
    """density, dots, ruler or rule; empty for text."""
    large: bool = False


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

    height = 2 * MARGIN + sum(LINE_HEIGHT * (2 if line.large else 1) for line in lines)
    picture = Image.new("L", (WIDTH, height), 255)
    draw = ImageDraw.Draw(picture)
    y = MARGIN
    for line in lines:
        if line.pattern:
            _draw_pattern(draw, line.pattern, y)
        else:
            _draw_text(draw, line, y)
        y += LINE_HEIGHT * (2 if line.large else 1)
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
        draw.text((x, y + lift), character, font=font, fill=0)
        x += cells * CELL * scale


def _draw_pattern(draw: Any, pattern: str, y: int) -> None:
    PATTERNS[pattern](draw, y)


def _rule(draw: Any, y: int) -> None:
    draw.rectangle([0, y + 14, WIDTH - 1, y + 15], fill=0)


def _density(draw: Any, y: int) -> None:
    """Eight steps from light to black."""
    for x in range(WIDTH):
        for row in range(26):
            if (x * 7 + row * 13) % 8 <= x // 48:
                draw.point((x, y + row), fill=0)


def _dots(draw: Any, y: int) -> None:
    """Odd dots, then even ones: a dead dot leaves a gap in one of the rows."""
    for x in range(0, WIDTH, 2):
        draw.rectangle([x, y + 2, x, y + 13], fill=0)
        draw.rectangle([x + 1, y + 14, x + 1, y + 25], fill=0)


def _ruler(draw: Any, y: int) -> None:
    """Millimetres (8 dots), longer at every tenth."""
    for millimetre in range(WIDTH // 8 + 1):
        draw.rectangle([millimetre * 8, y, millimetre * 8, y + (20 if millimetre % 10 == 0 else 8)], fill=0)


PATTERNS = {"rule": _rule, "density": _density, "dots": _dots, "ruler": _ruler}


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
