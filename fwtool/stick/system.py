"""What differs between systems when a folder that nobody vouches for is read.

On POSIX every name is looked up relative to an open folder and without following links (openat, O_NOFOLLOW, POSIX.1-2008),
so that the kernel itself refuses a link that was put there a moment ago. Windows has no such call: there a path is looked at
before it is opened, and what was opened is looked at again.
"""

import contextlib
import os
import stat
import sys
from typing import Final

READS_MEDIUM: Final = hasattr(os, "posix_fadvise")
"""Whether a file can be read back from the medium itself."""

if sys.platform == "win32":

    def open_file(name: str, inside: int | None) -> int:
        """Open for reading, whatever it is."""
        del inside
        return os.open(name, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)

    def create_file(name: str, inside: int | None) -> int:
        """Open a new file for writing; there must be nothing of this name."""
        del inside
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_BINARY | os.O_NOINHERIT, 0o644)

    def open_folder(name: str, inside: int | None, *, follow: bool = False) -> int | None:
        """Hold a folder open; None: there is no such thing here."""
        del name, inside, follow
        return None

    def is_link(status: os.stat_result) -> bool:
        """Symbolic links, junctions, and whatever else stands for something in another place."""
        return bool(status.st_file_attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)

    def from_medium(descriptor: int) -> None:
        """There is no call for this here: what was just written may be read from memory."""
        del descriptor

else:
    _COMMON = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

    def open_file(name: str, inside: int | None) -> int:
        """Open for reading, whatever it is but a link; never waits for the other end of a pipe."""
        return os.open(name, os.O_RDONLY | _COMMON, dir_fd=inside)

    def create_file(name: str, inside: int | None) -> int:
        """Open a new file for writing; there must be nothing of this name."""
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _COMMON, 0o644, dir_fd=inside)

    def open_folder(name: str, inside: int | None, *, follow: bool = False) -> int | None:
        """Hold a folder open; `follow` is for the one that a person has named."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        return os.open(name, flags if follow else flags | os.O_NOFOLLOW, dir_fd=inside)

    def is_link(status: os.stat_result) -> bool:
        """Symbolic links."""
        return stat.S_ISLNK(status.st_mode)

    def from_medium(descriptor: int) -> None:
        """Have the next read come from the medium, not from memory, where there is a call for it (posix_fadvise,
        POSIX.1-2001). What was written must have been synchronised."""
        if READS_MEDIUM:
            with contextlib.suppress(OSError):
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
