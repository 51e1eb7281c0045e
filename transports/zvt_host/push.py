"""Files to the terminal, 08 14: what there is, then the pieces it asks for, in the order it likes (S, E).

Neither a hash nor a signature travels, so what goes out was checked before, and what the terminal runs afterwards is read
back. The terminal asks for offsets: what it holds from an earlier run it does not ask for again.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from formats.errors import FormatError, ToolError
from transports.errors import DeviceRefused, LinkError
from transports.terminal_records import Pushed
from transports.zvt.apdu import DEFAULT_SIZE, MAX_SIZE, Apdu, refuse
from transports.zvt.files import BLOCK_OVERHEAD, MAX_BLOCK, FileBlock, FilePart, FileRequest, WriteFile
from transports.zvt.opcodes import Opcode
from transports.zvt.values import Password
from transports.zvt_host.heard import PROTOCOL_ERROR, Heard
from transports.zvt_host.session import HOST_APDU, ZvtSession
from transports.zvt_host.status import FEIG

REPEATS: Final = 3
"""How often the same offset may come again (S)."""
WRONG: Final = 3
"""How often something may be asked for that there is not."""
SPARE_REQUESTS: Final = 64
BLOCK_S: Final = 2.0
"""A block may take so long on the line: the terminal waits 5 s (T3) for it, and doubled bytes may make it twice as long."""
LEAST_BLOCK: Final = 64
ROUND_TRIP_BYTES: Final = 22 + 1 + BLOCK_OVERHEAD + 6 + 1
"""On a serial line, besides the block: 04 0C in its frame, an acknowledgement, head and frame of the answer, another one."""
DOUBLED: Final = 1 / 256
"""Share of bytes that are 10, of files without a pattern, as compressed ones are."""
PATIENCE_S: Final = 1800.0
"""Longest time of a push beyond that which its bytes take."""
SLOWNESS: Final = 4
"""So much longer than on a perfect line it may take."""
LEAST_RATE: Final = 10_000.0
"""Bytes per second that a network brings at least."""

Progress = Callable[[int, int], None]
"""Told the bytes that the terminal holds, as far as can be seen, and those of all files."""


class PushFile(Protocol):
    """A file that was checked (`formats.update_set.CheckedPart` is one)."""

    @property
    def file_id(self) -> int: ...
    @property
    def size(self) -> int: ...
    def read(self, offset: int, size: int) -> bytes:
        """Bytes from anywhere; fewer only at the end. Raises ToolError."""
        ...


def block_size(session: ZvtSession, byte_s: float) -> int:
    """Largest piece that the terminal takes, and that is over in time on a line with so many seconds to a byte. A cVEND that
    does not say how much takes what the maker's tool sends (E); of others the specification's 256 bytes are believed."""
    assumed = HOST_APDU if session.identity.maker == FEIG else DEFAULT_SIZE
    apdu = min(session.registered.max_apdu or assumed, MAX_SIZE)
    in_time = max(DEFAULT_SIZE - BLOCK_OVERHEAD, int(BLOCK_S / byte_s)) if byte_s else MAX_BLOCK
    size = min(apdu - BLOCK_OVERHEAD, MAX_BLOCK, in_time)
    if size < LEAST_BLOCK:
        raise LinkError(f"the terminal says that it takes no more than {apdu} bytes at once", name="protocol")
    return size


def predicted_s(session: ZvtSession, files: Sequence[PushFile], baud: int = 0) -> float:
    """Seconds that the line needs for these files, if nothing is asked for twice; 0 where the line is not the limit.

    Args:
        baud: At this rate; 0: at that of now.
    """
    now_s = session.pipe.byte_time_s
    byte_s = now_s * session.pipe.baud / baud if baud else now_s
    if not byte_s:
        return 0.0
    block = block_size(session, byte_s)
    pieces = sum(-(-one.size // block) for one in files)
    return (sum(one.size for one in files) * (1 + DOUBLED) + pieces * ROUND_TRIP_BYTES) * byte_s


def push(session: ZvtSession, files: Sequence[PushFile], password: Password, progress: Progress) -> Pushed:
    """Offer files, and send what is asked for.

    Args:
        password: That of the service menu.

    Raises:
        DeviceRefused: the terminal does not want them; with an open batch, for one.
        LinkLost: the conversation ended; calling again goes on where it stopped.
        LinkError: the terminal asks for what there is not, or for the same without end.
        ToolError: a file cannot be read any more, or has changed.
    """
    return _Push(session, files, progress).run(password)


class _Push:
    def __init__(self, session: ZvtSession, files: Sequence[PushFile], progress: Progress) -> None:
        self._session, self._progress = session, progress
        self._files = {one.file_id: one for one in files}
        if len(self._files) != len(files) or not files:
            raise FormatError("every file to send needs an id of its own", name="usage")
        self._block = block_size(session, session.pipe.byte_time_s)
        self._total = sum(one.size for one in files)
        self._asked: Counter[tuple[int, int]] = Counter()
        self._ends = dict.fromkeys(self._files, 0)
        """File id -> where what was sent of it ends."""
        self._sent = self._fresh = self._requests = self._repeats = self._wrong = self._largest = 0
        self._strange: LinkError | None = None
        """What it asked for that there is not."""
        self._unreadable: ToolError | None = None

    def run(self, password: Password) -> Pushed:
        session = self._session
        parts = tuple(FilePart(file_id=number, size=one.size) for number, one in self._files.items())
        heard = Heard(session.registered.charset, session.registered.columns)
        heard.answers[Opcode.FILE_REQUEST] = self._answer
        started = session.pipe.now()
        try:
            session.ask(Opcode.WRITE_FILE, WriteFile(password=password, files=parts), heard=heard, limit_s=self._limit_s())
        except DeviceRefused as refused:
            raise self._strange or refused from refused
        except LinkError as error:
            raise self._unreadable or error from error
        self._progress(self._total, self._total)
        seconds = session.pipe.now() - started
        return Pushed(self._total, self._sent, self._total - self._fresh, self._requests, self._repeats, self._largest, seconds)

    def _limit_s(self) -> float:
        return PATIENCE_S + SLOWNESS * self._total * max(self._session.pipe.byte_time_s, 1 / LEAST_RATE)

    def _answer(self, data: bytes) -> Apdu:
        asked = FileRequest.parse(data).file
        source = self._files.get(asked.file_id) if asked.file_id is not None else None
        offset = asked.offset or 0
        if source is None:
            name = f"file {asked.file_id:02X}" if asked.file_id is not None else "a file without a number"
            return self._refuse(f"{name}, which is not among those offered")
        if offset >= source.size:
            return self._refuse(f"byte {offset} of file {source.file_id:02X}, which has {source.size} bytes")
        self._count(source, offset)
        try:
            block = source.read(offset, min(self._block, source.size - offset))
        except ToolError as error:
            self._unreadable = error
            raise LinkError(error.message) from error
        self._sent += len(block)
        self._fresh += len(block) if self._asked[source.file_id, offset] == 1 else 0
        self._largest = max(self._largest, len(block))
        self._ends[source.file_id] = max(self._ends[source.file_id], offset + len(block))
        self._progress(sum(self._ends.values()), self._total)
        return Apdu(0x8000, FileBlock(file=FilePart(file_id=source.file_id, offset=offset, block=block)).build())

    def _refuse(self, what: str) -> Apdu:
        """Something that there is not: say so; the terminal should end with 06 1E."""
        self._wrong += 1
        self._strange = LinkError(f"the terminal asks for {what}", name="protocol", hint="Report this with a trace.")
        if self._wrong > WRONG:
            raise self._strange
        return refuse(PROTOCOL_ERROR)

    def _count(self, source: PushFile, offset: int) -> None:
        """Raises LinkError: too often the same, or too many in all."""
        self._requests += 1
        self._asked[source.file_id, offset] += 1
        again = self._asked[source.file_id, offset] - 1
        self._repeats += again > 0
        most = (1 + REPEATS) * (self._total // self._block + len(self._files)) + SPARE_REQUESTS
        if again > REPEATS or self._requests > most:
            what = f"byte {offset} of file {source.file_id:02X} {again + 1} times" if again > REPEATS else "too many pieces"
            raise LinkError(
                f"the terminal asks for {what}", name="transfer_incomplete", resumable=True,
                hint="Restart the terminal, then run the same command again.",
            )  # fmt: skip
