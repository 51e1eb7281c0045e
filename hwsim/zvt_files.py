"""Files that a host writes to a simulated terminal (08 14): the terminal asks for pieces, keeps what it has over anything that
happens, and judges the whole.

Where a file goes on after an interruption is safe only if it is the same file: specs are always fetched anew, and if one has
changed what there is of its folder is thrown away.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from formats.errors import FormatError
from formats.update_set import PARTS
from formats.update_spec import UpdateSpec
from formats.versions import Version
from hwsim.zvt_script import PROTOCOL_ERROR, SYSTEM_ERROR, Script, Trial, aborted
from transports.zvt.apdu import Apdu
from transports.zvt.files import FileBlock, FilePart, FileRequest, WriteFile
from transports.zvt.opcodes import Opcode

if TYPE_CHECKING:
    from hwsim.zvt_terminal import ZvtTerminal

TRIES: Final = 4
"""How often one piece is asked for."""
ROOM: Final = 64 << 20
"""Bytes of all files."""
NAMES: Final = {number: name for name, number in PARTS.items()}
END_OF_DAY_OPEN: Final = 0xF0
MEMORY_FULL: Final = 0xB1


class FileStore:
    """What is there, complete or not."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self.data: dict[int, bytearray] = {}
        self.asked: list[tuple[int, int]] = []
        """Every request so far: file id and offset."""
        self._ready: Version | None = None
        self._used = False
        """What is there has been judged, and is not gone on with."""

    def begin(self, parts: Iterable[FilePart]) -> None:
        """Files that will come: keep what fits."""
        if self._used:
            self.sizes.clear()
            self.data.clear()
        self._used = False
        wanted = {part.file_id: part.size for part in parts if part.file_id is not None and part.size is not None}
        self.data = {number: data for number, data in self.data.items() if self.sizes.get(number) == wanted.get(number)}
        self.data |= {number: bytearray() for number in wanted if number not in self.data}
        self.sizes = wanted

    def drop(self, number: int) -> None:
        """Forget what there is of a file."""
        self.data[number] = bytearray()

    def take(self, number: int, block: bytes) -> None:
        self.data[number] += block

    def complete(self, number: int) -> bool:
        return len(self.data[number]) == self.sizes[number]

    def approve(self, version: Version | None) -> None:
        """The set is good; the next start installs it."""
        self._ready, self._used = version, True

    def install(self) -> Version | None:
        """At the start: what now runs, if it is something new."""
        version, self._ready = self._ready, None
        return version


def write_files(terminal: "ZvtTerminal", request: WriteFile) -> Script:
    """08 14, after its answer."""
    store, ids = terminal.files, [part.file_id for part in request.files]
    if terminal.account.count:
        yield from aborted(END_OF_DAY_OPEN, "end of day first")
        return
    if not ids or len(set(ids)) != len(ids) or any(not part.size or part.file_id is None for part in request.files):
        yield from aborted(PROTOCOL_ERROR, "files without id or size")
        return
    if sum(part.size or 0 for part in request.files) > ROOM:
        yield from aborted(MEMORY_FULL, "no room")
        return
    if terminal.profile.checks_sets and (unknown := [number for number in ids if number not in NAMES]):
        yield from aborted(SYSTEM_ERROR, f"file {unknown[0]:02X} unknown")
        return
    store.begin(request.files)
    terminal.display = "UPDATING - KEEP THE POWER ON"
    for part in sorted(request.files, key=lambda part: (not _is_spec(part.file_id), part.file_id)):
        assert part.file_id is not None
        if not (yield from _fetch(terminal, part.file_id)):
            yield from aborted(PROTOCOL_ERROR, f"file {part.file_id:02X} does not come")
            return
    yield from _finish(terminal, ids)


def _finish(terminal: "ZvtTerminal", ids: list[int | None]) -> Script:
    store = terminal.files
    if terminal.knobs.forgets_block:
        store.data[max(store.data, key=lambda number: len(store.data[number]))][0] ^= 1
    problem, version = judge(store) if terminal.profile.checks_sets else ("", None)
    if problem:
        for number in ids:
            store.drop(number or 0)
        yield from aborted(SYSTEM_ERROR, problem)
        return
    store.approve(version)
    terminal.note("files_received", ", ".join(f"{number:02X}" for number in ids))
    yield Apdu(Opcode.COMPLETION)
    if terminal.profile.checks_sets:
        terminal.later(0.2, terminal.restart)


def _fetch(terminal: "ZvtTerminal", number: int) -> Trial:
    """All of a file; true if it is there."""
    store, size = terminal.files, terminal.files.sizes[number]
    before = bytes(store.data[number]) if _is_spec(number) else b""
    if _is_spec(number):
        store.drop(number)
    tries = pieces = 0
    while len(store.data[number]) < size and tries < TRIES:
        offset, asked = _wanted(terminal, number, len(store.data[number]))
        store.asked.append((asked, offset))
        answer = yield _request(terminal, asked, offset)
        block = _block(answer, asked, offset, terminal.profile.takes_apdu)
        tries += 1
        if block is None or asked != number or offset + len(block) > size or terminal.knobs.endless_offset:
            tries -= terminal.knobs.endless_offset
            continue
        if pieces == 1 and tries <= terminal.knobs.repeat_offset:
            continue  # it does not please: once more
        store.take(number, block)
        tries, pieces = 0, pieces + 1
    if before and before != bytes(store.data[number]):
        for other in [one for one in store.data if _folder(one) == _folder(number) and one != number]:
            store.drop(other)
    return store.complete(number)


def _wanted(terminal: "ZvtTerminal", number: int, offset: int) -> tuple[int, int]:
    """Offset and file id of the next piece; a hostile terminal wants others."""
    if terminal.knobs.offset_outside:
        return terminal.files.sizes[number] + 1000, number
    return offset, 0x7E if terminal.knobs.unknown_file else number


def _request(terminal: "ZvtTerminal", number: int, offset: int) -> Apdu:
    data = FileRequest(file=FilePart(file_id=number, offset=offset)).build()
    if terminal.knobs.lying_lengths:
        data = data[:3] + bytes([data[3] + 40]) + data[4:]
    return Apdu(Opcode.FILE_REQUEST, data)


def _block(answer: Apdu | None, number: int, offset: int, longest: int) -> bytes | None:
    """The piece in an answer; None if there is none, or another."""
    if answer is None or not answer.positive or len(answer.build()) > longest:
        return None
    try:
        part = FileBlock.parse(answer.data).file
    except FormatError:
        return None
    return part.block if (part.file_id, part.offset) == (number, offset) and part.block else None


def judge(store: FileStore) -> tuple[str, Version | None]:
    """What the terminal holds of a set: a reason against it, and the version that it brings."""
    specs: dict[str, UpdateSpec] = {}
    for number in filter(_is_spec, store.data):
        try:
            specs[_folder(number)] = UpdateSpec.parse(bytes(store.data[number]))
        except FormatError as error:
            return error.message[:60], None
    for number, data in store.data.items():
        folder, _, part = NAMES[number].partition("/")
        if folder not in specs:
            return f"{folder} has no update.spec", None
        claim = specs[folder].claim(part)
        if claim and hashlib.sha256(data).digest() != claim.digest:
            return f"{NAMES[number]} is damaged", None
    return "", specs.get("app1", next(iter(specs.values()))).version


def _is_spec(number: int | None) -> bool:
    return NAMES.get(number or 0, "").endswith("/update.spec")


def _folder(number: int) -> str:
    return NAMES.get(number, "").partition("/")[0]
