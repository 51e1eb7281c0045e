"""The test slip for an attached printer, through python-escpos: what it prints by itself, and pictures for what it cannot."""

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from PIL import Image

DOTS_PER_MM: Final = 8
WIDTHS: Final = (384, 512, 576)
"""Dots of 48, 64 and 72 mm, at 203 dpi."""
STEPS: Final = 8
LATIN: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz 0123456789 .,:;!?#%&()*+-/="
WESTERN: Final = "\xe4\xf6\xfc\xdf \xe9\xe8\xe7 \xf1 \xa3\xa5"
"""Of code page 437."""
CHINESE: Final = "缺纸 卡纸 请勿断电 批结算 签购单"
_START: Final = b"\x1b@"
_CHINESE_ON, _CHINESE_OFF = b"\x1c&", b"\x1c."
MAX_CODE: Final = 20


@dataclasses.dataclass(frozen=True)
class Slip:
    """What stands on it."""

    device: tuple[str, ...]
    """Lines about the printer and what it is attached to."""
    code: str
    """In the bar code: letters and digits, at most 20."""
    content: str
    """In the QR code."""
    when: datetime.datetime
    technician: str = ""
    width: int = WIDTHS[0]
    """Dots."""


def send(escpos: Any, slip: Slip) -> int:
    """Print it; get the number of its parts.

    Args:
        escpos: A printer of python-escpos.
    """
    escpos._raw(_START)
    parts = (_title, _about, _code_pages, _bar_code, _qr_code, _density, _dots, _ruler, _end)
    for part in parts:
        part(escpos, slip)
    return len(parts)


def _title(escpos: Any, slip: Slip) -> None:
    del slip
    escpos.set_with_default(align="center", double_height=True, double_width=True)
    escpos.textln("TEST SLIP")
    _chinese(escpos, "打印测试单")
    escpos.set_with_default()


def _about(escpos: Any, slip: Slip) -> None:
    for line in slip.device:
        escpos.textln(_plain(line))
    escpos.textln(f"Date {slip.when:%Y-%m-%d %H:%M}")
    if slip.technician:
        escpos._raw(b"Technician ")
        _chinese(escpos, slip.technician)


def _code_pages(escpos: Any, slip: Slip) -> None:
    del slip
    escpos.textln(LATIN)
    escpos.charcode("CP437")
    escpos.textln(WESTERN)
    escpos.charcode("AUTO")
    _chinese(escpos, CHINESE)


def _chinese(escpos: Any, text: str) -> None:
    """In the printer's double-byte mode (FS &), GB18030; python-escpos has none."""
    escpos._raw(_CHINESE_ON + text.encode("gb18030", "replace") + b"\n" + _CHINESE_OFF)


def _bar_code(escpos: Any, slip: Slip) -> None:
    escpos.barcode("{B" + slip.code, "CODE128", height=64, width=2, pos="BELOW", function_type="B", align_ct=False)
    escpos._raw(b"\n")


def _qr_code(escpos: Any, slip: Slip) -> None:
    """As a picture: not every printer can make one itself, and every dot of it is tested on the way."""
    escpos.qr(slip.content, ec=1, size=6)


def _density(escpos: Any, slip: Slip) -> None:
    escpos.image(density(slip.width))


def _dots(escpos: Any, slip: Slip) -> None:
    escpos.image(dots(slip.width))


def _ruler(escpos: Any, slip: Slip) -> None:
    escpos.image(ruler(slip.width))


def _end(escpos: Any, slip: Slip) -> None:
    del slip
    escpos.textln("END OF TEST")
    escpos.cut()


def density(width: int) -> "Image.Image":
    """Steps from white-ish to black, left to right."""
    picture, pixels = _blank(width, 32)
    for x in range(width):
        for y in range(32):
            if (x * 7 + y * 13) % STEPS <= x * STEPS // width:
                pixels[x, y] = 0
    return picture


def dots(width: int) -> "Image.Image":
    """Odd dots, then even ones: a dead dot leaves a gap in one of the rows."""
    picture, pixels = _blank(width, 32)
    for x in range(width):
        for y in range(2, 15):
            pixels[x, y + 14 * (x % 2)] = 0
    return picture


def ruler(width: int) -> "Image.Image":
    """Millimetres, longer at every tenth."""
    picture, pixels = _blank(width, 24)
    for x in range(0, width, DOTS_PER_MM):
        for y in range(20 if x % (10 * DOTS_PER_MM) == 0 else 8):
            pixels[x, y] = 0
    return picture


def _blank(width: int, height: int) -> "tuple[Image.Image, Any]":
    from PIL import Image

    picture = Image.new("1", (width, height), 1)
    return picture, picture.load()


def _plain(text: str) -> str:
    """ASCII without anything a printer would obey."""
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def code_of(text: str) -> str:
    """What of a text can stand in the bar code."""
    found = "".join(character for character in text if character.isascii() and (character.isalnum() or character in "-./"))
    return found[:MAX_CODE] or "TEST"
