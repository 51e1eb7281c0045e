"""A faster line to a ZVT terminal: 08 40 (S 2.57). The terminal answers at the old rate and listens at the new one 2 s later."""

from typing import Final

from transports.errors import DeviceRefused, LinkError, LinkLost
from transports.zvt.opcodes import Opcode
from transports.zvt.service import BAUD_PAUSE_S, BAUD_RATES, ChangeBaudRate
from transports.zvt_host.session import ZvtSession

RATE_UNKNOWN: Final = 0xFD
MARGIN_S: Final = 0.1


def raise_baud(session: ZvtSession, highest: int) -> int:
    """Make the line as fast as both ends can, but not faster than `highest`; get its rate. TCP has none: 0.

    Raises:
        ToolError: this end cannot be set to a rate that the terminal can (`usage`).
        LinkLost: the terminal changed its rate, and is not understood any more.
    """
    before = session.pipe.baud
    if not session.line.serial:
        return before
    for code, baud in sorted(BAUD_RATES.items(), reverse=True):
        if before < baud <= highest:
            try:
                session.ask(Opcode.CHANGE_BAUD_RATE, ChangeBaudRate(code=code))
            except DeviceRefused as refused:
                if refused.status == RATE_UNKNOWN:
                    continue
                return before  # 7D: it cannot change at all
            return _settle(session, baud, before)
    return before


def _settle(session: ZvtSession, baud: int, before: int) -> int:
    """Both ends have agreed: try the new rate twice, then the old one."""
    problem = ""
    for rate in (baud, baud, before):
        session.set_baud(rate)
        session.line.pause(BAUD_PAUSE_S + MARGIN_S)
        try:
            session.status()
        except LinkError as error:
            problem = error.message
        except DeviceRefused:
            return rate
        else:
            return rate
    raise LinkLost(
        f"the terminal has changed the rate of the line to {baud}, and is not understood any more: {problem}",
        hint="Switch it off and on, then run the same command again and leave the rate as it is (--max-baud 0).",
        resumable=True,
    )
