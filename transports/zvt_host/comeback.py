"""Waiting for a ZVT terminal that restarts, or installs an update: it may be silent, busy, and back at 9600 baud (K)."""

import contextlib
from typing import Final

from transports.errors import DeviceRefused, LinkError, LinkLost
from transports.terminal_records import Identity, TerminalStatus
from transports.zvt_host.line import Silent
from transports.zvt_host.refusals import BUSY
from transports.zvt_host.session import ZvtSession

RETURN_S: Final = 180.0
"""How long a terminal may take to come back from a restart."""
UPDATE_S: Final = 3600.0
"""The same while it installs an update."""
GOES_DOWN_S: Final = 3.0
"""After its last word a terminal may answer for so long before it goes down."""
POLL_S: Final = 5.0


def wait_for_return(session: ZvtSession, limit_s: float = RETURN_S) -> TerminalStatus:
    """Wait until the terminal is there and not busy; register again; get its status.

    Raises:
        LinkError: it did not come back in time (`install_failed`), or another one is there (`wrong_device`).
        LinkLost: the port broke, and nobody can open it again.
    """
    before = session.identity
    until = session.pipe.now() + limit_s
    rest_s = GOES_DOWN_S
    while True:
        found, problem = _try(session, rest_s)
        if found is not None:
            return _same(before, found)
        if session.pipe.now() >= until:
            raise LinkError(
                f"the terminal did not come back within {limit_s:g} s: {problem}",
                name="install_failed",
                hint="Look at its display; if it is off, switch it on. Then run the same command again.",
                resumable=True,
            )
        rest_s = POLL_S


def _try(session: ZvtSession, rest_s: float) -> tuple[TerminalStatus | None, str]:
    """Rest, and look once; what was found, or why not."""
    try:
        session.mend()
        session.line.pause(rest_s)
        return _look(session), "it says that it is busy"
    except Silent as silent:
        return None, silent.message
    except LinkLost as lost:
        session.broken = True
        if not session.can_reopen:
            raise
        return None, lost.message
    except (LinkError, DeviceRefused) as error:
        return None, error.message


def _look(session: ZvtSession) -> TerminalStatus | None:
    """Is it there, at any rate? Then register, and get its status; None: it is busy."""
    problem: Silent | None = None
    for baud in session.rates():
        session.set_baud(baud)
        seen = None
        try:
            with session.line.impatient(), contextlib.suppress(DeviceRefused):
                seen = session.status()
        except Silent as silent:
            problem = problem or silent
            continue
        if seen is not None and seen.state in BUSY:
            return None
        session.register()
        found = session.status()
        return found._replace(restarted=found.restarted or (seen is not None and seen.restarted))
    assert problem is not None
    raise problem


def _same(before: Identity, found: TerminalStatus) -> TerminalStatus:
    if before.serial_number not in ("", found.identity.serial_number):
        raise LinkError(
            f"another terminal has come back: {found.identity.serial_number or 'one without a number'}, "
            f"not {before.serial_number}",
            name="wrong_device",
            hint="Connect the terminal that was there before.",
        )
    return found
