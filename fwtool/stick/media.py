"""A mounted folder that nobody vouches for (threats A41 to A43): names are looked up in folders that are held open, only
regular files are read, no link is followed, no other file system is entered, everything is counted.
"""

import contextlib
import enum
import itertools
import os
import pathlib
import stat
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Self

from formats.errors import FormatError, LocalError
from fwtool.stick import system
from fwtool.stick.stick_file import AGAIN, LeftAlone, StickFile, telling
from fwtool.text import clean

MAX_ENTRIES: Final = 10_000
"""Names on a stick, in all its folders."""
MAX_DEPTH: Final = 8
_CLOSED: Final = -1
"""No descriptor: whoever uses a closed folder gets an error, not the folder that has its name by then."""


class Kind(enum.StrEnum):
    """What a name stands for."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    PIPE = "named pipe"
    SOCKET = "socket"
    DEVICE = "device"
    ELSEWHERE = "mount point of another file system"
    UNUSABLE = "name that cannot be used"
    NOTHING = "name that is not there"


_TYPES: Final[tuple[tuple[Callable[[int], bool], Kind], ...]] = (
    (stat.S_ISREG, Kind.FILE),
    (stat.S_ISDIR, Kind.FOLDER),
    (stat.S_ISLNK, Kind.LINK),
    (stat.S_ISFIFO, Kind.PIPE),
    (stat.S_ISSOCK, Kind.SOCKET),
)


class Entry(NamedTuple):
    """One name in a folder."""

    name: str
    kind: Kind
    size: int
    """Bytes it says it has."""


class Folder:
    """A folder of a stick.

    Args:
        path: For messages, and for systems where a folder cannot be held open.
        descriptor: The open folder, or None there.
        device: The file system the stick is; nothing on another one is touched.
    """

    def __init__(self, path: pathlib.Path, descriptor: int | None, device: int) -> None:
        self.path, self.descriptor, self._device = path, descriptor, device

    @classmethod
    def root(cls, path: pathlib.Path) -> Self:
        """The folder that a person has named.

        Raises:
            LocalError: there is no such folder.
        """
        try:
            if not path.is_dir():
                hint = "Put the stick in, and give the folder it is mounted at."
                raise LocalError(f"{path} is not a folder" if path.exists() else f"{path} does not exist", hint=hint)
            descriptor = system.open_folder(str(path), None, follow=True)
            return cls(path, descriptor, (path.stat() if descriptor is None else os.fstat(descriptor)).st_dev)
        except OSError as error:
            raise LocalError(f"{path} cannot be read: {error.strerror or error}", hint=AGAIN) from error

    def at(self, name: str) -> str:
        """How a name in this folder is told to the system, beside `descriptor`."""
        return name if self.descriptor is not None else str(self.path / name)

    def names(self, at_most: int = MAX_ENTRIES) -> list[str]:
        """All names in it, sorted.

        Raises:
            FormatError: there are more (`too_large`).
            LocalError: the stick cannot be read.
        """
        with telling(self.path.name), os.scandir(self.path if self.descriptor is None else self.descriptor) as entries:
            found = [entry.name for entry in itertools.islice(entries, at_most + 1)]
        if len(found) > at_most:
            raise _too_much()
        return sorted(found)

    def look(self, name: str) -> Entry:
        """What stands under a name; nothing is opened. Raises LocalError: the stick cannot be read."""
        try:
            with telling(name, entry=True):
                status = os.stat(self.at(name), dir_fd=self.descriptor, follow_symlinks=False)
        except LeftAlone:
            return Entry(name, Kind.UNUSABLE, 0)
        except LocalError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return Entry(name, Kind.NOTHING, 0)
            raise
        return Entry(name, self._kind(status), status.st_size)

    def _kind(self, status: os.stat_result) -> Kind:
        if system.is_link(status):
            return Kind.LINK
        if status.st_dev != self._device:
            return Kind.ELSEWHERE
        return next((kind for is_type, kind in _TYPES if is_type(status.st_mode)), Kind.DEVICE)

    def open(self, name: str) -> StickFile:
        """A regular file, to be read from the medium.

        Raises:
            LeftAlone: it is something else, or not ours to read.
            LocalError: the stick cannot be read.
        """
        self._insist(self.look(name).kind, Kind.FILE, name)
        with telling(name, entry=True):
            file = StickFile(system.open_file(self.at(name), self.descriptor), name)
        try:
            with telling(name):
                self._insist(self._kind(os.fstat(file.fileno())), Kind.FILE, name)
                system.from_medium(file.fileno())
        except BaseException:
            file.close()
            raise
        return file

    def folder(self, name: str) -> "Folder":
        """A folder in this one, to be closed. Raises as `open`."""
        self._insist(self.look(name).kind, Kind.FOLDER, name)
        with telling(name, entry=True):
            inside = Folder(self.path / name, system.open_folder(self.at(name), self.descriptor), self._device)
        try:
            if inside.descriptor is not None:
                with telling(name):
                    self._insist(self._kind(os.fstat(inside.descriptor)), Kind.FOLDER, name)
        except BaseException:
            inside.close()
            raise
        return inside

    def _insist(self, found: Kind, wanted: Kind, name: str) -> None:
        if found is not wanted:
            raise LeftAlone(f"{clean(name)} is a {found}, not a {wanted}: it is left alone")

    def close(self) -> None:
        if self.descriptor is not None and self.descriptor != _CLOSED:
            with contextlib.suppress(OSError):
                os.close(self.descriptor)
            self.descriptor = _CLOSED

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _too_much() -> FormatError:
    hint = "Take an empty stick for the packages."
    return FormatError(f"the stick holds more than {MAX_ENTRIES} files and folders", name="too_large", hint=hint)


def walk(
    folder: Folder, path: str = "", depth: int = 0, count: Iterator[int] | None = None
) -> Iterator[tuple[Folder, str, Entry]]:
    """Every entry with the folder it is in, held open meanwhile, and its path from the root; folders before what is in them.

    Raises:
        FormatError: too many entries, or folders too deep (`too_large`).
        LocalError: the stick cannot be read.
    """
    count = count or itertools.count(1)
    for name in folder.names():
        if next(count) > MAX_ENTRIES:
            raise _too_much()
        entry = folder.look(name)
        if entry.kind is Kind.NOTHING:
            raise LocalError(f"{clean(path + name)} was on the stick a moment ago, and is not", hint=AGAIN)
        yield folder, f"{path}{name}", entry
        if entry.kind is not Kind.FOLDER:
            continue
        if depth == MAX_DEPTH:
            raise FormatError(f"{clean(path + name)}: folders are more than {MAX_DEPTH} deep", name="too_large")
        try:
            inside = folder.folder(name)
        except LeftAlone:
            continue
        with inside:
            yield from walk(inside, f"{path}{name}/", depth + 1, count)
