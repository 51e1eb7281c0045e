"""A set of files for a Feig cVEND terminal, in the folders of the maker's update tool, checked before any of it is sent.

What was checked is what is sent: while a part is checked, each of its chunks gets a digest, and later reads are held to it.
"""

import functools
import hashlib
import pathlib
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from formats.errors import FormatError, LocalError
from formats.outcomes import Check, Outcome
from formats.update_spec import MAX_LENGTH, MAX_SPEC, Claim, Order, UpdateSpec, compare, version_in
from formats.versions import Version

_APPLICATIONS: Final = (0x20, 0x22, 0x24, 0x26, 0x28, 0x30, 0x32, 0x34)
PARTS: Final[dict[str, int]] = {
    "firmware/kernel.gz": 0x10,
    "firmware/rootfs.gz": 0x11,
    "firmware/components.tar.gz": 0x12,
    "firmware/update.spec": 0x13,
    "firmware/update_extended.spec": 0x14,
    **{f"app{number}/update.spec": first for number, first in enumerate(_APPLICATIONS)},
    **{f"app{number}/update.tar.gz": first + 1 for number, first in enumerate(_APPLICATIONS)},
}
"""Path in the folder -> file id (EVerest/zvt, `zvt/src/feig`)."""
CHUNK: Final = 64 * 1024
MAX_EXPANDED: Final = 256 * 1024 * 1024
"""Bytes that a compressed part may become: a bound for what looking into it may cost."""
_GZIP: Final = b"\x1f\x8b"
_WITH_GZIP_HEAD: Final = 31
"""zlib's `wbits`: the largest window, and the head and CRC-32 of gzip (RFC 1952)."""


class PartSource(Protocol):
    """Where the bytes of a part are."""

    @property
    def size(self) -> int: ...
    def read(self, offset: int, size: int) -> bytes:
        """Bytes from anywhere; fewer only where the part ends."""
        ...


class PartFile(NamedTuple):
    """A part in a folder. Opened for each read, so that nothing need be closed."""

    path: pathlib.Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def read(self, offset: int, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


class CheckedPart:
    """A part that has been read once from end to end."""

    def __init__(self, name: str, source: PartSource, size: int, digests: tuple[bytes, ...]) -> None:
        self.name, self.size = name, size
        self.file_id = PARTS[name]
        self._source, self._digests = source, digests
        self._chunk = functools.lru_cache(maxsize=1)(self._read_chunk)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from anywhere; fewer only where the part ends.

        Raises:
            FormatError: they are not those that were checked.
            LocalError: the file cannot be read any more.
        """
        end = min(offset + size, self.size)
        pieces = []
        while offset < end:
            number, start = divmod(offset, CHUNK)
            piece = self._chunk(number)[start : start + end - offset]
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    def _read_chunk(self, number: int) -> bytes:
        data = _read(self.name, self._source, number * CHUNK, min(CHUNK, self.size - number * CHUNK))
        if hashlib.sha256(data).digest() != self._digests[number]:
            raise FormatError(f"{self.name} has changed since it was checked", hint="Get the update again, and start anew.")
        return data


class UpdateSet(NamedTuple):
    """Parts that hold, in the order of their ids."""

    parts: tuple[CheckedPart, ...]
    specs: dict[str, UpdateSpec]
    """Folder -> its spec."""
    checks: tuple[Check, ...]
    """What was checked of each part, and what could not be."""
    ignored: tuple[str, ...] = ()
    """Files in the folder that are no part."""

    @property
    def size(self) -> int:
        """Bytes to send."""
        return sum(part.size for part in self.parts)

    @property
    def version(self) -> Version | None:
        """Of the application that stands for all, as the maker's tool has it (`app1`), or of the first that has one."""
        named = [folder for folder in ("app1", *sorted(self.specs)) if folder in self.specs and folder.startswith("app")]
        return self.specs[named[0]].version if named else None

    def order(self, running: str) -> Order:
        """What this set is beside what a terminal says it runs."""
        return compare(self.version, version_in(running)) if self.version else Order.UNKNOWN


def open_folder(folder: pathlib.Path) -> UpdateSet:
    """Find the parts in a folder, and check them.

    Raises:
        FormatError: there are none, or one does not hold.
        LocalError: not readable.
    """
    try:
        found = {name: PartFile(folder / name) for name in PARTS if (folder / name).is_file()}
        inside = {path.relative_to(folder).as_posix() for path in folder.glob("*/*") if path.is_file()}
    except OSError as error:
        raise LocalError(f"{folder} cannot be read: {error.strerror}") from error
    return check(found)._replace(ignored=tuple(sorted(inside - found.keys())))


def check(sources: Mapping[str, PartSource]) -> UpdateSet:
    """Check parts, wherever they are.

    Args:
        sources: Names as in `PARTS`.

    Raises:
        FormatError: no parts, an unknown name, a part without its spec or a spec without its part, or a digest that differs.
        LocalError: not readable.
    """
    if unknown := sources.keys() - PARTS.keys():
        raise FormatError(f"{min(unknown)!r} is no part of such an update", name="unsupported_format")
    if not sources:
        raise FormatError(
            "there is no update for a cVEND terminal here", name="unsupported_format", hint=f"Expected e.g. {next(iter(PARTS))}."
        )
    specs = {_folder(name): _read_spec(name, sources[name]) for name in sources if name.endswith("/update.spec")}
    _complete(sources, specs)
    checked = [_check_part(name, sources[name], specs) for name in sorted(sources, key=lambda name: PARTS[name])]
    return UpdateSet(tuple(part for part, _ in checked), specs, tuple(outcome for _, outcome in checked))


def _folder(name: str) -> str:
    return name.partition("/")[0]


def _read(name: str, source: PartSource, offset: int, size: int) -> bytes:
    try:
        return source.read(offset, size)
    except OSError as error:
        raise LocalError(f"{name} cannot be read: {error.strerror or error}") from error


def _size(name: str, source: PartSource) -> int:
    try:
        size = source.size
    except OSError as error:
        raise LocalError(f"{name} cannot be read: {error.strerror or error}") from error
    if not 0 < size <= MAX_LENGTH:
        raise FormatError(f"{name} has {size} bytes; a part has 1 to {MAX_LENGTH}", name="too_large" if size else "damaged_file")
    return size


def _read_spec(name: str, source: PartSource) -> UpdateSpec:
    try:
        return UpdateSpec.parse(_read(name, source, 0, min(_size(name, source), MAX_SPEC + 1)))
    except FormatError as error:
        raise FormatError(f"{name}: {error.message}", name=error.name) from error


def _complete(sources: Mapping[str, PartSource], specs: Mapping[str, UpdateSpec]) -> None:
    """Each folder must have its spec and what the spec needs."""
    for name in sources:
        if _folder(name) not in specs:
            raise FormatError(f"{name} comes without {_folder(name)}/update.spec")
    for folder, spec in specs.items():
        needed = [claim.part for claim in spec.claims] if folder == "firmware" else ["update.tar.gz"]
        for part in needed:
            if f"{folder}/{part}" not in sources:
                raise FormatError(f"{folder}/update.spec comes without {folder}/{part}", hint="Get the whole update again.")


def _check_part(name: str, source: PartSource, specs: Mapping[str, UpdateSpec]) -> tuple[CheckedPart, Check]:
    size = _size(name, source)
    plain, digests, inflated = hashlib.sha256(), [], _Inflated()
    for offset in range(0, size, CHUNK):
        data = _read(name, source, offset, min(CHUNK, size - offset))
        if len(data) != min(CHUNK, size - offset):
            raise FormatError(f"{name} ends after {offset + len(data)} of {size} bytes")
        plain.update(data)
        digests.append(hashlib.sha256(data).digest())
        if name.endswith(".gz"):
            inflated.feed(name, data, first=not offset)
    inflated.end(name)
    claim = specs[_folder(name)].claim(name.partition("/")[2])
    part = CheckedPart(name, source, size, tuple(digests))
    return part, _judge(name, size, claim, (plain.digest(), size), inflated)


class _Inflated:
    """What a gzip file holds, without keeping it. Something else under such a name is left alone."""

    def __init__(self) -> None:
        self.digest, self.size = hashlib.sha256(), 0
        self.is_gzip = False
        self._stream = zlib.decompressobj(_WITH_GZIP_HEAD)

    def feed(self, name: str, data: bytes, *, first: bool) -> None:
        """Raises FormatError: damaged, or larger than anybody needs."""
        self.is_gzip = self.is_gzip or (first and data.startswith(_GZIP))
        while data and self.is_gzip:
            if self._stream.eof:
                data = data.lstrip(b"\0")  # filling between members, and behind the last
                if not data:
                    return
                self._stream = zlib.decompressobj(_WITH_GZIP_HEAD)
            data = self._member(name, data)

    def _member(self, name: str, data: bytes) -> bytes:
        """Read on in one member; get what stands behind it."""
        stream = self._stream
        try:
            while data and not stream.eof:
                out = stream.decompress(data, CHUNK)
                data = stream.unconsumed_tail
                self.digest.update(out)
                self.size += len(out)
                if self.size > MAX_EXPANDED:
                    raise FormatError(f"{name} expands to more than {MAX_EXPANDED} bytes", name="too_large")
        except zlib.error as error:
            raise FormatError(f"{name} is damaged: {error}", hint="Get the update again.") from error
        return stream.unused_data

    def end(self, name: str) -> None:
        """Raises FormatError: it is cut off."""
        if self.is_gzip and not self._stream.eof:
            raise FormatError(f"{name} is cut off", hint="Get the update again.")


def _judge(name: str, size: int, claim: Claim | None, plain: tuple[bytes, int], inflated: _Inflated) -> Check:
    """Hold a part to its spec. Whether a digest is that of the file or of what the file holds is not told: either will do."""
    if claim is None:
        checked = inflated.is_gzip or name.endswith("/update.spec")
        detail = "its own CRC holds" if inflated.is_gzip else "it can be read" if checked else "no digest is told of it"
        return Check(id=name, outcome=Outcome.HELD if checked else Outcome.NOT_CHECKED, offset=0, size=size, detail=detail)
    ways = [plain, *([(inflated.digest.digest(), inflated.size)] if inflated.is_gzip else [])]
    fitting = [length for digest, length in ways if digest == claim.digest]
    if not fitting:
        raise FormatError(f"{name} is not what its update.spec says: its SHA-256 differs", hint="Get the update again.")
    if claim.length is not None and claim.length not in fitting:
        raise FormatError(f"{name} has {fitting[0]} bytes, its update.spec says {claim.length}")
    return Check(id=name, outcome=Outcome.HELD, offset=0, size=size, detail="its SHA-256 is that in the spec")
