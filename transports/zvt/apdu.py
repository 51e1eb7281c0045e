"""One message: class, instruction, length, data (S 1.2, X 4.1).

```
 0  class   1  instruction   2  length n; FF: two more bytes, low byte first   3 or 5  n bytes of data
```
"""

from typing import Final, NamedTuple

from formats.errors import FormatError

EXTENDED: Final = 0xFF
"""In the length byte: the length is in the next two."""
MAX_DATA: Final = 0xFFFF
MAX_SIZE: Final = MAX_DATA + 5
DEFAULT_SIZE: Final = 256
"""Longest APDU that a partner takes who did not say (tag 1A)."""
POSITIVE: Final = (0x8000, 0x8400)
_ANSWERS: Final = (0x80, 0x84)


def declared_size(head: bytes | bytearray) -> int | None:
    """Bytes of the APDU that begins here, None if its length has not come yet. A length in long form may be short."""
    if len(head) < 3:
        return None
    if head[2] != EXTENDED:
        return 3 + head[2]
    return 5 + int.from_bytes(head[3:5], "little") if len(head) >= 5 else None


class Apdu(NamedTuple):
    """One message."""

    opcode: int
    """Class and instruction, e.g. 0x0600."""
    data: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> "Apdu":
        """Read one APDU from all of `data`.

        Raises:
            FormatError: shorter or longer than it says.
        """
        size = declared_size(data)
        if size is None:
            raise FormatError(f"an APDU of {len(data)} bytes has no length")
        if size != len(data):
            raise FormatError(f"an APDU says it has {size} bytes, and has {len(data)}")
        return cls(int.from_bytes(data[:2], "big"), bytes(data[5 if data[2] == EXTENDED else 3 :]))

    def build(self) -> bytes:
        """The APDU as bytes, its length in the short form where it fits.

        Raises:
            FormatError: too much data.
        """
        size = len(self.data)
        if size > MAX_DATA or not 0 <= self.opcode <= 0xFFFF:
            raise FormatError(f"an APDU takes an opcode of two bytes and at most {MAX_DATA} bytes of data, not {size}")
        length = bytes([size]) if size < EXTENDED else bytes([EXTENDED]) + size.to_bytes(2, "little")
        return self.opcode.to_bytes(2, "big") + length + self.data

    @property
    def is_answer(self) -> bool:
        """True for 80 xx and 84 xx, false for commands."""
        return self.opcode >> 8 in _ANSWERS

    @property
    def positive(self) -> bool:
        """True for an answer that agrees: 80 00 or 84 00 (S 1.2)."""
        return self.opcode in POSITIVE

    @property
    def refusal(self) -> int | None:
        """Result code of an answer that refuses (S 10), else None."""
        return self.opcode & 0xFF if self.is_answer and not self.positive else None


OK: Final = Apdu(0x8000)


def refuse(code: int) -> Apdu:
    """The answer 84 xx."""
    return Apdu(0x8400 | code)
