"""One job at a time on one device, across all processes of this computer. The lock goes with the process that holds it,
so there is no stale one."""

import contextlib
import hashlib
import pathlib
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

from formats.errors import LocalError

WAIT_S = 10.0
RETRY_S = 0.02


@contextlib.contextmanager
def device_lock(folder: pathlib.Path, identity: str) -> Iterator[None]:
    """Hold a device by who it is.

    Args:
        folder: Where records are kept; the file name in it is a hash, because what a device says is only data.

    Raises:
        LocalError: another job has it (`device_busy`), or the folder cannot be written (`disk`).
    """
    path = folder / "locks" / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise LocalError(f"{path} cannot be made: {error.strerror}", name="disk") from error
    with file:
        try:
            _lock(file.fileno())
        except OSError as error:
            raise LocalError(
                "another job is working on this terminal",
                name="device_busy",
                hint="Wait until it has finished; `fwtool log show` names it.",
            ) from error
        yield


@contextlib.contextmanager
def file_lock(path: pathlib.Path) -> Iterator[BinaryIO]:
    """Hold a file, waiting for others to let it go; it is open for reading and appending meanwhile.

    Raises:
        LocalError: it cannot be made, or was not let go within `WAIT_S` (`disk`).
    """
    try:
        file = path.open("a+b")
    except OSError as error:
        raise LocalError(f"{path} cannot be made: {error.strerror}", name="disk") from error
    with file:
        until = time.monotonic() + WAIT_S
        while True:
            try:
                _lock(file.fileno())
            except OSError as error:
                if time.monotonic() >= until:
                    raise LocalError(f"{path} is held by another program", name="disk") from error
                time.sleep(RETRY_S)
            else:
                break
        yield file


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
