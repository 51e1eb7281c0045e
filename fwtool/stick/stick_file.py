"""Reading a file of a stick, and what is said when the stick fails (threat A43)."""

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from typing import Final

from formats.errors import LocalError
from fwtool.text import clean

STEP: Final = 1 << 20
"""Bytes that are read at once."""
AGAIN: Final = "Is the stick still in? Put it in again, or take another one; then run the same command again."
_FULL: Final = ("disk", "Make room on the stick, or take another one; then run the same command again.")
_LOCKED: Final = ("permission", "The stick is write-protected. Move its switch, or take another one.")
_CAUSES: Final[dict[int, tuple[str, str]]] = {
    errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EFBIG: _FULL,
    errno.EROFS: _LOCKED, errno.EACCES: _LOCKED, errno.EPERM: _LOCKED,
}  # fmt: skip
"""Name of the error and what to do next, for what is not a failing stick."""
_ITS_OWN: Final = frozenset(
    (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP, errno.ENOTDIR)
)
"""Errors that say something of one name, not of the whole stick."""


class LeftAlone(LocalError):
    """One entry that is not used; the rest of the stick may be."""


@contextlib.contextmanager
def telling(name: str, verb: str = "read", *, entry: bool = False) -> Iterator[None]:
    """Turn the system's errors into one that a person can act on.

    Args:
        entry: What fails may be a matter of this one name.

    Raises:
        LeftAlone: it is.
        LocalError: it is the stick.
    """
    try:
        yield
    except OSError as error:
        said = f"{clean(name)} on the stick cannot be {verb}: {error.strerror or error}"
        if entry and error.errno in _ITS_OWN:
            raise LeftAlone(said) from error
        cause, hint = _CAUSES.get(error.errno or 0, ("file_unreadable", AGAIN))
        raise LocalError(said, name=cause, hint=hint) from error


class StickFile(io.RawIOBase):
    """A regular file on a stick, opened once; a swap of names cannot change what is read here."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor, self._name = descriptor, name

    def fileno(self) -> int:
        return self._descriptor

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """As many bytes as there are now; 0 at the end. Raises LocalError."""
        with telling(self._name):
            data = os.read(self._descriptor, min(len(buffer), STEP))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with telling(self._name):
            return os.lseek(self._descriptor, offset, whence)

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        super().close()
