"""Ask a printer how it is, who it is, and what it has counted."""

from typing import Final, NamedTuple

from fwtool.escpos import status
from fwtool.escpos.connection import Printer
from fwtool.escpos.status import COUNTERS, IDENTITY, QUESTIONS, STOPS, State

TRIES: Final = 10
"""How often a printer is asked while it prints; a second or more goes by each time."""
_PIECES: Final = 8
"""Reads that one text may take (python-escpos reads 16 bytes at most)."""


class Condition(NamedTuple):
    """How a printer is."""

    state: State
    answered: tuple[int, ...]
    """Questions (DLE EOT n) that were answered."""


def condition(printer: Printer) -> Condition:
    """Ask all four; works also while the printer is offline. What gives no answer says nothing."""
    told = {n: status.real_time(n, printer.ask(status.ask_real_time(n))) for n in QUESTIONS}
    states = {n: state for n, state in told.items() if state is not None}
    return Condition(status.worst(list(states.values())), tuple(states))


def after_printing(printer: Printer, tries: int) -> State:
    """The state once everything that was sent is printed, or what has stopped it; unknown: neither was told.

    The answers are told apart by bit 4: it is 0 in that of GS r, and 1 in those of DLE EOT.

    Args:
        tries: How often it is asked what it waits for; 0: one that has answered nothing before is not waited for.
    """
    answer = printer.ask(status.ask_queued())
    for _ in range(tries):
        if status.queued(answer) is not None:
            break
        told = [printer.ask(status.ask_real_time(n)) for n in QUESTIONS]
        states = [status.real_time(n, one) for n, one in zip(QUESTIONS, told, strict=True)]
        state = status.worst([one for one in states if one is not None])
        if state in STOPS:
            return state
        answer = b"".join(told) + printer.more()
    return status.queued(answer) or State.UNKNOWN


def identity(printer: Printer) -> dict[str, str]:
    """Maker, model, firmware and serial number, as far as it tells them."""
    found = {name: _text(printer, status.ask_identity(n)) for name, n in IDENTITY.items()}
    return {name: told for name, told in found.items() if told}


def counters(printer: Printer) -> dict[str, int]:
    """Counters, as far as it tells them. A printer that does not know the first one is not asked for more."""
    found: dict[str, int] = {}
    for n, (name, _) in COUNTERS.items():
        told = _text(printer, status.ask_counter(n))
        if told is None:
            break
        if told.isascii() and told.isdigit():
            found[name] = int(told)
    return found


def _text(printer: Printer, question: bytes) -> str | None:
    """An answer that may come in pieces."""
    answer = printer.ask(question)
    for _ in range(_PIECES):
        if not answer or 0 in answer:
            break
        piece = printer.more()
        if not piece:
            break
        answer += piece
    return status.text(answer)
