"""Wrong PINs are counted here, because some tokens (SoftHSM among them) never lock themselves.

An attempt is counted on the disk before it is made and taken back when it succeeds, so that neither a crash nor a pulled
plug makes guessing cheaper.
"""

import contextlib
import json
import math
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Final

from formats.errors import LocalError, ToolError
from fwtool.files import read_small, write_file
from fwtool.locks import file_lock

FREE: Final = 3
"""Wrong PINs in a row before waiting begins: as many as smart cards allow."""
WAIT_S: Final = 15 * 60
"""After that many; doubled with each further one."""
LONGEST_S: Final = 7 * 24 * 3600
FILE: Final = "pin-attempts.json"


class WrongPin(Exception):
    """The token did not take the PIN."""


@contextlib.contextmanager
def attempt(state_dir: pathlib.Path, token: str, clock: Callable[[], float] = time.time) -> Iterator[None]:
    """One try with a PIN; the body raises `WrongPin` if it was wrong.

    Args:
        token: Serial number and label.
        clock: Seconds since 1970-01-01 UTC.

    Raises:
        ToolError: too many wrong ones (`not_authorised`), now or before.
        LocalError: the count cannot be kept, so no try is made.
    """
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(f"{state_dir} cannot be made: {error.strerror}", name="disk") from error
    path = state_dir / FILE
    with file_lock(state_dir / f"{FILE}.lock"):
        counts = _load(path)
        failed, since = counts.get(token, (0, 0.0))
        left = _wait(failed) - max(0.0, clock() - since)
        if left > 0:
            raise ToolError(
                f"{failed} wrong PINs in a row: this token is not tried again for {_minutes(left)}", name="not_authorised",
                hint="A token may lock itself for good after the next one. Make sure of the PIN first.",
            )  # fmt: skip
        _save(path, {**counts, token: (failed + 1, clock())})
        try:
            yield
        except WrongPin:
            rest = FREE - failed - 1
            more = f"{rest} more before a pause" if rest > 0 else f"not tried again for {_minutes(_wait(failed + 1))}"
            raise ToolError(f"the token did not take the PIN ({more})", name="not_authorised") from None
        counts.pop(token, None)
        _save(path, counts)


def _wait(failed: int) -> float:
    return 0.0 if failed < FREE else min(WAIT_S * 2.0 ** (failed - FREE), LONGEST_S)


def _minutes(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)} minutes"


def _load(path: pathlib.Path) -> dict[str, tuple[int, float]]:
    if not path.exists():
        return {}
    try:
        told = json.loads(read_small(path))
        return {str(token): (int(failed), float(since)) for token, (failed, since) in told.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise LocalError(
            f"{path} is damaged: wrong PINs cannot be counted", name="record_damaged",
            hint="Remove it if you know why it is damaged.",
        ) from error  # fmt: skip


def _save(path: pathlib.Path, counts: dict[str, tuple[int, float]]) -> None:
    write_file(path, json.dumps(counts).encode(), private=True)
