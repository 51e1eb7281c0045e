"""What a fuzz target is: a parser, the errors it may raise, and properties of what it returns."""

import unicodedata
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from formats.errors import FormatError

PER_BYTE: Final = 256
_STEPS: Final = (1, 2, 3, 5, 8, 13, 64, 1)
_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Target(NamedTuple):
    """One parser."""

    parse: Callable[[bytes], None]
    """Raises AssertionError where a property does not hold."""
    allowed: tuple[type[Exception], ...] = (FormatError,)
    """Errors that say "these bytes are not right"; any other is a finding."""
    mend: Callable[[bytes], bytes] | None = None
    """Makes right what chance never does (digests, CRCs, sizes); tried on what was refused as it is."""
    max_len: int = 2048
    """Longest input of a run, bytes."""
    memory: int = 3 << 19
    """What any input may take, bytes; `PER_BYTE` for each of its own comes on top."""

    def accepts(self, data: bytes) -> bool:
        """Try an input, and what can be mended of it; whether one of them was taken.

        Raises:
            Exception: a finding.
        """
        if self._try(data):
            return True
        mended = self.mend(data) if self.mend else data
        return mended != data and self._try(mended)

    def _try(self, data: bytes) -> bool:
        try:
            self.parse(data)
        except self.allowed:
            return False
        return True


def pieces(data: bytes) -> Iterator[bytes]:
    """The bytes as a line would bring them: in pieces of several sizes."""
    at = number = 0
    while at < len(data):
        step = _STEPS[number % len(_STEPS)]
        yield data[at : at + step]
        at, number = at + step, number + 1


def numbers(data: bytes, *, size: int) -> Iterator[int]:
    """The bytes as numbers of `size` bytes; a shorter rest is left out."""
    return (int.from_bytes(data[at : at + size], "little") for at in range(0, len(data) - size + 1, size))


def harmless(text: str) -> bool:
    """Whether a text is one line, and steers no screen."""
    return not any(unicodedata.category(one) in _STEERING for one in text)
