"""Text: which characters the bytes of a terminal are (S 9.4.2, tags 14 and 27; 7-bit ZVT: S 1.6).

What a terminal says is data for people. Characters that would steer a screen are not passed on.
"""

import unicodedata
from typing import Final

from formats.errors import FormatError

ASCII: Final = 0x00
UTF8: Final = 0xFE
CP437: Final = 0xFF
"""Character set of everything unless another was agreed."""
_ISO_8859: Final = frozenset(range(1, 17)) - {12}
_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ZVT7: Final = str.maketrans("[\\]{|}~", "ÄÖÜäöüß")
_ZVT7_BACK: Final = str.maketrans("ÄÖÜäöüß", "[\\]{|}~")


def codec_name(charset: int) -> str:
    """Python's name of a character set.

    Raises:
        FormatError: there is no such set.
    """
    if charset in _ISO_8859:
        return f"iso8859-{charset}"
    names = {ASCII: "ascii", UTF8: "utf-8", CP437: "cp437"}
    if charset not in names:
        raise FormatError(f"character set {charset:02X} does not exist", name="unsupported_format")
    return names[charset]


def decode(raw: bytes, charset: int = CP437) -> str:
    """Bytes as text: zero bytes at the end are filling, and what is no text becomes U+FFFD.

    Raises:
        FormatError: there is no such character set.
    """
    return clean(raw.rstrip(b"\0").decode(codec_name(charset), "replace"))


def encode(text: str, charset: int = CP437) -> bytes:
    """Text as bytes.

    Raises:
        FormatError: a character that the set does not have.
    """
    name = codec_name(charset)
    try:
        return text.encode(name)
    except UnicodeEncodeError as error:
        raise FormatError(f"{error.object[error.start]!r} does not exist in {name}") from error


def decode_zvt7(raw: bytes) -> str:
    """7-bit ZVT as text: ASCII with the German letters in place of brackets."""
    return clean(raw.rstrip(b"\0").decode("ascii", "replace").translate(_ZVT7))


def encode_zvt7(text: str) -> bytes:
    """Text as 7-bit ZVT; raises as `encode` does."""
    if taken := set(text) & set("[\\]{|}~"):
        raise FormatError(f"{min(taken)!r} does not exist in 7-bit ZVT")
    return encode(text.translate(_ZVT7_BACK), ASCII)


def clean(text: str) -> str:
    """Line ends and tabulators become spaces, other characters without a picture U+FFFD."""
    shown = text.replace("\r\n", " ").replace("\r", " ").replace("\n", " ").replace("\t", " ")
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(one) in _STEERING else one for one in shown)
