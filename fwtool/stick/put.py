"""Writing a file to a stick: it has its name only once it is whole and has been read back (threat A43, faults F17 and F20)."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterable
from typing import Final

from formats.errors import FormatError, ToolError
from fwtool.stick import system
from fwtool.stick.layout import UNFINISHED
from fwtool.stick.media import Folder, Kind
from fwtool.stick.stick_file import STEP, LeftAlone, telling

_NOT_FOR_FOLDERS: Final = frozenset((errno.EINVAL, errno.ENOTSUP, errno.EBADF))
"""What file systems say that cannot synchronise a folder (fsync(2))."""


def put(folder: Folder, name: str, chunks: Iterable[bytes], sha256: str) -> None:
    """Write a file, have it reach the medium, read it back, and only then give it its name.

    Args:
        sha256: Of what is to be there, in hexadecimal.

    Raises:
        FormatError: the chunks are something else by now.
        LocalError: the stick is full, write-protected or gone; there is nothing new under this name.
        ToolError: what was read back differs (`read_back_differs`).
    """
    part = name + UNFINISHED
    remove(folder, part)
    try:
        if _write(folder, part, chunks) != sha256:
            raise FormatError(f"what is to become {name} on the stick changed while it was read")
        if digest_of(folder, part) != sha256:
            raise ToolError(
                f"{name} on the stick is not what was written to it", name="read_back_differs",
                hint="The stick is failing: take another one.",
            )  # fmt: skip
        with telling(name, "written"):
            os.replace(folder.at(part), folder.at(name), src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)
    except BaseException:
        with contextlib.suppress(ToolError):
            remove(folder, part)
        raise
    synchronise(folder)


def _write(folder: Folder, name: str, chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    with telling(name, "written"):
        descriptor = system.create_file(folder.at(name), folder.descriptor)
    try:
        for chunk in chunks:
            digest.update(chunk)
            with telling(name, "written"):
                _write_all(descriptor, chunk)
        with telling(name, "written"):
            os.fsync(descriptor)
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    return digest.hexdigest()


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[:STEP]) :]


def digest_of(folder: Folder, name: str) -> str:
    """SHA-256 of a file as the medium has it, in hexadecimal; empty if there is no regular file of this name."""
    if folder.look(name).kind is not Kind.FILE:
        return ""
    try:
        file = folder.open(name)
    except LeftAlone:
        return ""
    with file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(folder: Folder, name: str) -> bool:
    """Remove a file, if it is there; whether it was."""
    with telling(name, "removed"):
        try:
            os.unlink(folder.at(name), dir_fd=folder.descriptor)
        except FileNotFoundError:
            return False
    return True


def make_folder(folder: Folder, name: str) -> Folder:
    """A folder in this one, made if it is not there; to be closed.

    Raises:
        LocalError: the stick is full or gone, or something else has this name.
    """
    with telling(name, "made"), contextlib.suppress(FileExistsError):
        os.mkdir(folder.at(name), dir_fd=folder.descriptor)
        synchronise(folder)
    return folder.folder(name)


def synchronise(folder: Folder) -> None:
    """Have names reach the medium, where folders can be synchronised."""
    if folder.descriptor is None:
        return
    with telling(folder.path.name, "written"):
        try:
            os.fsync(folder.descriptor)
        except OSError as error:
            if error.errno not in _NOT_FOR_FOLDERS:
                raise
