"""One job at a time on one device, across all processes of this computer. The lock goes with the process that holds it,
so there is no stale one."""

import contextlib
import hashlib
import pathlib
import sys
from collections.abc import Iterator

from formats.errors import LocalError


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


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
