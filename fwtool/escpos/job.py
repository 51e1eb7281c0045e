"""Print the test slip on an attached printer: look, print, look again."""

import contextlib
import io
from typing import Final, NamedTuple

from fwtool.escpos import queries
from fwtool.escpos.connection import Printer, told
from fwtool.escpos.slip import Slip, send
from fwtool.escpos.status import STOPS, State

SENT: Final = "sent"
"""Everything was sent, and nobody has said that it was printed."""
COMPLETE: Final = "complete"


class Printout(NamedTuple):
    """What became of a slip."""

    outcome: str
    """complete, sent, or the state that stopped it."""
    before: queries.Condition
    after: State
    identity: dict[str, str]
    counters: dict[str, int]
    parts: int
    """Parts of the slip that were sent."""


def print_test(printer: Printer, slip: Slip) -> Printout:
    """Print, unless the printer itself says that it cannot.

    Raises:
        ToolError: the line failed (`no_answer`).
    """
    before = queries.condition(printer)
    who = queries.identity(printer) if before.answered and before.state not in STOPS else {}
    if before.state in STOPS:
        return Printout(str(before.state), before, before.state, who, {}, 0)
    counted = queries.counters(printer) if before.answered else {}
    # The library talks on standard output, where our results go.
    with told(printer.name), contextlib.redirect_stdout(io.StringIO()):
        parts = send(printer.escpos, slip_with(slip, who))
    after = queries.after_printing(printer, queries.TRIES if before.answered else 0)
    return Printout(_outcome(after), before, after, who, counted, parts)


def _outcome(after: State) -> str:
    """An answer behind the slip says that it is printed."""
    if after in STOPS:
        return str(after)
    return SENT if after is State.UNKNOWN else COMPLETE


def slip_with(slip: Slip, who: dict[str, str]) -> Slip:
    """With what the printer tells of itself."""
    lines = tuple(f"Printer {name.replace('_', ' ')} {told}" for name, told in who.items())
    return slip if not lines else Slip(
        (*lines, *slip.device), slip.code, slip.content, slip.when, slip.technician, slip.width
    )  # fmt: skip
