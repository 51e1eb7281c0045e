"""Reads files of text records: runs of alike lines at once where a format can, everything else line by line."""

from typing import BinaryIO, Final, Protocol

from formats.columns import MAX_RUN, MIN_RUN
from formats.errors import FormatError

STEP: Final = 1 << 20
MAX_LINE: Final = 600


class LineReader(Protocol):
    """What a format does with its lines."""

    def line(self, line: bytes, offset: int) -> None:
        """One line, its end included."""
        ...

    def run(self, text: bytes, at: int, size: int, most: int) -> int:
        """Take as many lines of `size` characters from `at` on as are data records that follow each other; how many.

        Args:
            most: Lines that are looked at.
        """
        ...


def read_lines(file: BinaryIO, reader: LineReader, what: str) -> int:
    """Give a whole file to a reader; get its size.

    Raises:
        FormatError: a line without end, or what the reader has against one.
    """
    file.seek(0)
    offset, rest, wait, patience, most = 0, b"", 0, MIN_RUN, MIN_RUN
    while chunk := file.read(STEP):
        text, at = rest + chunk, 0
        while (end := text.find(b"\n", at) + 1) > 0:
            if wait:
                wait -= 1
            elif _promising(text, at, end - at):
                lines = reader.run(text, at, end - at, most)
                # What is looked at in vain is never much more than what was taken.
                most = min(2 * most, MAX_RUN) if lines == most else max(lines, MIN_RUN)
                if lines >= MIN_RUN:
                    patience = MIN_RUN
                else:
                    wait, patience = patience, 2 * patience  # nothing regular here: look again later and later
                if lines:
                    at += lines * (end - at)
                    continue
            reader.line(text[at:end], offset + at)
            at = end
        offset, rest = offset + at, text[at:]
        if len(rest) > MAX_LINE:
            raise FormatError(f"a line of the {what} is longer than {MAX_LINE} characters", offset=offset)
    if rest:
        reader.line(rest, offset)
    return offset + len(rest)


def _promising(text: bytes, at: int, size: int) -> bool:
    """Whether the lines that follow seem to have the same length."""
    return text[at + 2 * size - 1 : at + 2 * size] == text[at + MIN_RUN * size - 1 : at + MIN_RUN * size] == b"\n"
