"""One look over a whole stick: what each file is. Packages stay open, so that what is looked at now is what is used."""

import contextlib
import hashlib
import io
import pathlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from formats import trust
from formats.errors import FormatError
from fwtool.stick.bundle import MAX_SUMS, SUMS
from fwtool.stick.layout import MAGIC_SIZE, MAGICS, Role, role_by_place
from fwtool.stick.media import Entry, Folder, Kind, walk
from fwtool.stick.stick_file import STEP, LeftAlone
from fwtool.text import clean

MAX_PACKAGES: Final = 100
MAX_TOOL: Final = 2 << 30
"""Bytes of all files of the tool together."""


class Item(NamedTuple):
    """One entry that is not a folder."""

    path: str
    """From the root of the stick, with "/" between; fit to be shown."""
    role: Role
    size: int
    remark: str = ""
    """Why it is left alone."""
    file: BinaryIO | None = None
    """A package, open."""
    data: bytes = b""
    """A trust file, or a list of digests; one byte more than it may have, at most."""
    sha256: str = ""
    """Of a file of the tool, in hexadecimal, if it was asked for."""


@contextlib.contextmanager
def surveyed(path: pathlib.Path, *, tool: bool = False) -> Iterator[list[Item]]:
    """All entries of a stick but its folders, in the order of their paths; packages are open until the block ends.

    Args:
        tool: Read the files of the tool, too.

    Raises:
        LocalError: no such folder, or it cannot be read.
        FormatError: there is too much on it (`too_large`).
    """
    with contextlib.ExitStack() as held:
        look = _Look(held, tool=tool)
        with Folder.root(path) as root:
            items = [look.item(folder, where, entry) for folder, where, entry in walk(root) if entry.kind is not Kind.FOLDER]
        if sum(item.role is Role.PACKAGE for item in items) > MAX_PACKAGES:
            hint = "Take an empty stick, and write the packages that are needed."
            raise FormatError(f"there are more than {MAX_PACKAGES} packages on the stick", name="too_large", hint=hint)
        yield items


class _Look:
    """One look at a stick.

    Args:
        held: Closes the packages.
        tool: Read the files of the tool, too.
    """

    def __init__(self, held: contextlib.ExitStack, *, tool: bool) -> None:
        self._held, self._tool = held, tool
        self._room = MAX_TOOL
        """Bytes that other files of the tool may have."""

    def item(self, folder: Folder, where: str, entry: Entry) -> Item:
        if entry.kind is not Kind.FILE:
            return Item(clean(where), Role.FOREIGN, 0, f"{entry.kind}: left alone")
        item = Item(clean(where), role_by_place(where), entry.size)
        if item.role is Role.UNFINISHED or (item.role is Role.TOOL and not self._tool):
            return item
        try:
            file = io.BufferedReader(folder.open(entry.name))
        except LeftAlone as error:
            return item._replace(role=Role.FOREIGN, remark=error.message)
        with contextlib.ExitStack() as own:
            own.enter_context(file)
            item = self._tool_file(item, file) if item.role is Role.TOOL else _opened(item, file)
            if item.file:
                self._held.enter_context(own.pop_all())
        return item

    def _tool_file(self, item: Item, file: BinaryIO) -> Item:
        """A file of the tool is never taken for a package, whatever it begins with."""
        self._room -= item.size
        if self._room < 0:
            hint = "Write it again: fwtool stick write --with-tool BUNDLE DRIVE"
            raise FormatError(f"the tool on the stick has more than {MAX_TOOL} bytes", name="too_large", hint=hint)
        digest, left = hashlib.sha256(), item.size
        while left and (data := file.read(min(STEP, left))):
            digest.update(data)
            left -= len(data)
        file.seek(0)
        kept = file.read(MAX_SUMS + 1) if item.path.endswith(f"/{SUMS}") else b""
        return item._replace(sha256=digest.hexdigest(), data=kept)


def _opened(item: Item, file: BinaryIO) -> Item:
    """What its first bytes say; a package keeps the file."""
    role = MAGICS.get(file.read(MAGIC_SIZE), item.role)
    if role is Role.PACKAGE:
        return item._replace(role=role, file=file)
    file.seek(0)
    return item._replace(role=role, data=file.read(trust.MAX_FILE_SIZE + 1) if role is Role.TRUST else b"")
