"""Reading and replacing files on this computer, with errors a person can act on."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from formats.errors import LocalError


def _trouble(path: pathlib.Path, error: OSError, verb: str) -> LocalError:
    name = "disk" if error.errno in (28, 30, 122) else "permission" if isinstance(error, PermissionError) else "file_unreadable"
    return LocalError(f"{path} cannot be {verb}: {error.strerror or error}", name=name)


def open_input(path: pathlib.Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        LocalError: not there, not a file, or not allowed.
    """
    try:
        if not path.is_file():
            raise LocalError(f"{path} is not a file" if path.exists() else f"{path} does not exist")
        return path.open("rb")
    except OSError as error:
        raise _trouble(path, error, "read") from error


def read_small(path: pathlib.Path, at_most: int = 1 << 20) -> bytes:
    """A whole small file.

    Raises:
        LocalError: as `open_input`, or it is larger than `at_most`.
    """
    with open_input(path) as file:
        try:
            data = file.read(at_most + 1)
        except OSError as error:
            raise _trouble(path, error, "read") from error
    if len(data) > at_most:
        raise LocalError(f"{path} is larger than {at_most} bytes, which is too much for what it should be")
    return data


@contextlib.contextmanager
def replacing(path: pathlib.Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Write a file that appears under its name only when it is complete and on the disk.

    Args:
        private: Readable by the owner alone (0600).

    Raises:
        LocalError: no space, no permission.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not private:
            mask = os.umask(0)
            os.umask(mask)
            pathlib.Path(temporary).chmod(0o666 & ~mask)
        pathlib.Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise _trouble(path, error, "written") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                pathlib.Path(temporary).unlink()


def write_file(path: pathlib.Path, data: bytes, *, private: bool = False) -> None:
    with replacing(path, private=private) as file:
        file.write(data)
