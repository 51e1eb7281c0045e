"""A faster line, host side: step by step, each step tried with bytes before it is kept, with a safe way back.

The terminal goes back by itself to the last rate that was kept if it hears nothing it understands for a second; so a
cable that cannot do it costs a second, and nothing else.
"""

import os
from typing import Final

from formats.errors import ToolError
from transports.errors import DeviceRefused, LinkLost
from transports.tsp import messages
from transports.tsp.messages import Opcode, RateStep
from transports.tsp_terminal import TspTerminal

PROBE: Final = 512
PROBES: Final = 8
"""At most so many; fewer at low rates, where each takes a while and errors are rare."""
BAD_PROBES: Final = 1
"""So many frames of a probe may be repeated; a line that damages more is better off slower."""
PROBE_S: Final = 0.5
"""A probe may take so long beyond its time on the line."""
FALL_BACK_S: Final = 1.2
"""After so long the terminal is back at its last rate for certain (docs/protocol/tsp.md section 5.1)."""
SILENCE_S: Final = 3.0
"""And after so long without a good frame at the rate it started with."""
ANSWER_S: Final = 2.0


def raise_rate(terminal: TspTerminal, most: int) -> int:
    """Make the line as fast as both ends and the cable allow, at most `most` baud (0: leave it); get the rate reached.

    Raises:
        LinkError: the terminal is not heard any more, at no rate.
    """
    start = terminal.pipe.baud
    if not start or most <= start:
        return start
    try:
        known = terminal.request(Opcode.LINE_RATE, _step(RateStep.TELL, 0), messages.Rates, timeout_s=ANSWER_S)
    except DeviceRefused:
        return start  # a terminal without this command
    for baud in sorted(rate for rate in known.rates if start < rate <= most):
        if not _try(terminal, baud, probes=min(PROBES, 1 + baud // 115_200)):
            break
    return terminal.pipe.baud


def lower_rate(terminal: TspTerminal, baud: int) -> None:
    """Go back to a rate, as far as the terminal still answers; it goes back by itself in any case."""
    if terminal.pipe.baud not in (0, baud):
        _try(terminal, baud, probes=1)


def _try(terminal: TspTerminal, baud: int, probes: int) -> bool:
    before = terminal.pipe.baud
    terminal.request(Opcode.LINE_RATE, _step(RateStep.TRY, baud), messages.Rates, timeout_s=ANSWER_S)
    try:
        terminal.set_baud(baud)
        if _probe(terminal, probes):
            terminal.request(Opcode.LINE_RATE, _step(RateStep.KEEP, baud), messages.Rates, timeout_s=PROBE_S)
            return True
    except ToolError:
        pass  # no answer at this rate, or this end cannot do it
    try:
        terminal.set_baud(before)
        terminal.wait(FALL_BACK_S)
        terminal.request(Opcode.ECHO, messages.Echo(data=b"here again"), messages.Echo, timeout_s=ANSWER_S)
    except LinkLost:
        # Given up by an impatient session; the terminal is heard again at the rate it started with.
        terminal.connect(timeout_s=SILENCE_S + ANSWER_S)
    return False


def _probe(terminal: TspTerminal, count: int) -> bool:
    """Random bytes there and back: enough of them must come through at the first attempt."""
    lost, bad = terminal.link.sender.lost_frames, terminal.link.bad_frames
    for _ in range(count):
        data = os.urandom(PROBE)
        wire_s = 3 * PROBE * terminal.pipe.byte_time_s
        if terminal.request(Opcode.ECHO, messages.Echo(data=data), messages.Echo, timeout_s=PROBE_S + wire_s).data != data:
            return False
        if terminal.link.sender.lost_frames - lost + terminal.link.bad_frames - bad > BAD_PROBES:
            return False
    return True


def _step(step: RateStep, baud: int) -> messages.RateRequest:
    return messages.RateRequest(step=step, baud=baud)
