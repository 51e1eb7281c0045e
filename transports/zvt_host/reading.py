"""Files from the terminal, 08 11 (S 2.40): it sends pieces in 04 0F until the file is there."""

import re
from typing import Final

from formats.errors import FormatError
from transports.errors import LinkError
from transports.scrub import scrub_digits, scrub_text
from transports.terminal_records import FileCopy
from transports.zvt.apdu import OK, Apdu, refuse
from transports.zvt.files import FilePart, ReadFile
from transports.zvt.opcodes import Opcode
from transports.zvt.outcome import StatusInformation
from transports.zvt_host.heard import Heard
from transports.zvt_host.refusals import command_name
from transports.zvt_host.session import ZvtSession

MAX_FILE: Final = 8 << 20
"""Bytes; journals of terminals are far smaller."""
TOO_LARGE: Final = 0xB1
_NO_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def read_file(session: ZvtSession, file_id: int) -> FileCopy:
    """Fetch one file; card numbers in it are hidden.

    Raises:
        DeviceRefused, LinkLost, LinkError: as `ZvtSession.ask`; `transfer_incomplete` if a piece is missing.
    """
    heard = Heard(session.registered.charset, session.registered.columns)
    file = _File(file_id)
    heard.answers[Opcode.STATUS_INFORMATION] = file.take
    session.ask(Opcode.READ_FILE, ReadFile(files=(FilePart(file_id=file_id, offset=0),)), heard=heard)
    return _clean(file.whole())


class _File:
    def __init__(self, file_id: int) -> None:
        self._id = file_id
        self._data = bytearray()
        self._last: FilePart | None = None
        self._size: int | None = None

    def take(self, data: bytes) -> Apdu:
        """One 04 0F; without a piece of this file it is about something else."""
        for part in StatusInformation.parse(data).files:
            if part.file_id in (self._id, None) and part.block is not None and part != self._last:
                self._size = self._size if part.size is None else part.size
                if part.offset not in (None, len(self._data)):
                    raise FormatError(f"a piece at {part.offset} comes, {len(self._data)} bytes are there")
                if len(self._data) + len(part.block) > MAX_FILE:
                    return refuse(TOO_LARGE)
                self._data += part.block
                self._last = part if part.offset is not None else None
        return OK

    def whole(self) -> bytes:
        if self._size not in (None, len(self._data)):
            raise LinkError(
                f"{command_name(Opcode.READ_FILE)} brought {len(self._data)} of {self._size} bytes",
                name="transfer_incomplete", resumable=True, hint="Run the same command again.",
            )  # fmt: skip
        return bytes(self._data)


def _clean(data: bytes) -> FileCopy:
    """Card numbers may be spelt, and in a binary file also stand in half bytes; in text the latter would be letters."""
    hidden = scrub_text(data)
    if _NO_TEXT.search(hidden):
        hidden = scrub_digits(hidden)
    return FileCopy(hidden, hidden != data)
