"""Faults of a simulated ZVT terminal by name, and how they reach into its scripts. Those of the line, of paper, battery and so
on are in `hwsim.faults` and work here too.
"""

import dataclasses
from collections.abc import Callable
from typing import Final, NamedTuple

from hwsim.zvt_profile import Knobs
from hwsim.zvt_script import Script
from transports.zvt.apdu import Apdu
from transports.zvt.opcodes import Opcode
from transports.zvt.outcome import IntermediateStatus, Lines

SPARE_S: Final = 10.0
"""A terminal that has asked for more time is done so long before that is over."""


class ZvtFault(NamedTuple):
    """One row: what it does, the knob, and its value where none is given. A value of 0 means the knob is a switch."""

    description: str
    knob: str
    default: float = 0.0


ZVT_FAULTS: Final = {
    "lose_ack": ZvtFault("`value` acknowledgements (1) of the terminal get lost", "lose_acks", 1),
    "late_answer": ZvtFault("its next answer comes `value` seconds (8) later", "late_answer_s", 8.0),
    "silence": ZvtFault("it works `value` seconds (200) without a word", "silence_s", 200.0),
    "longer_t4": ZvtFault("it asks for `value` minutes (5), and takes them", "longer_minutes", 5),
    "repeat_offset": ZvtFault("it asks `value` times (3) more for one piece of a file", "repeat_offset", 3),
    "sensitive_to_cc": ZvtFault("a host that cannot print makes the command fail", "sensitive_to_cc"),
    "no_last_line": ZvtFault("no line is marked as the last", "no_last_line"),
    "bare_f0": ZvtFault("the end of day is open, and 05 01 tells only that", "bare_f0"),
    "no_currency": ZvtFault("the registration is completed without a currency", "no_currency"),
    "restart_in_dialogue": ZvtFault("it restarts in place of its message number `value` (1)", "restart_after", 1),
    "answers_first": ZvtFault("08 10 is completed before the update runs", "answers_first"),
    "maintenance": ZvtFault("remote maintenance is on for `value` status enquiries (3)", "busy_polls", 3),
    "update_follows": ZvtFault("an update follows the end of day", "follows", 0xE0),
    "restart_follows": ZvtFault("a restart follows the end of day", "follows", 0xFC),
    "open_reservations": ZvtFault("pre-authorisations are open", "open_reservations"),
    "endless_status": ZvtFault("it says that it works, without end", "endless_status"),
    "endless_offset": ZvtFault("it asks for the same piece of a file without end", "endless_offset"),
    "offset_outside": ZvtFault("it asks for a piece behind the end of a file", "offset_outside"),
    "unknown_file": ZvtFault("it asks for a file that was not offered", "unknown_file"),
    "escapes": ZvtFault("its texts have control sequences and a card number", "escapes"),
    "lying_lengths": ZvtFault("its data objects are longer than they can be", "lying_lengths"),
    "forgets_block": ZvtFault("what it keeps of a file is not what came", "forgets_block"),
}
"""Name -> row."""


def plant(knobs: Knobs, name: str, value: float = 0.0) -> None:
    """Turn a knob; KeyError: there is no such fault."""
    row = ZVT_FAULTS[name]
    kind = type(getattr(knobs, row.knob))
    setattr(knobs, row.knob, kind(value or row.default or 1))


def mend(knobs: Knobs, name: str) -> None:
    """Turn a knob back."""
    knob = ZVT_FAULTS[name].knob
    setattr(knobs, knob, {field.name: field.default for field in dataclasses.fields(Knobs)}[knob])


def disturbed(knobs: Knobs, script: Script, restart: Callable[[], None]) -> Script:
    """A script as the knobs make it."""
    answered, said, reply = False, 0, None
    try:
        while True:
            step = script.send(reply)
            reply = None
            if isinstance(step, Apdu) and step.is_answer and not answered:
                answered = True
                late, knobs.late_answer_s = knobs.late_answer_s, 0.0
                if late:
                    yield late
                yield step
                if step.positive:
                    yield from _afterwards(knobs)
            elif isinstance(step, Apdu) and not step.is_answer:
                said += 1
                if said == knobs.restart_after:
                    knobs.restart_after = 0
                    restart()
                    return
                reply = yield step
            else:
                reply = yield step
    except StopIteration:
        return
    finally:
        script.close()


def _afterwards(knobs: Knobs) -> Script:
    """What goes wrong behind a positive answer."""
    silence, knobs.silence_s = knobs.silence_s, 0.0
    if silence:
        yield silence
    minutes, knobs.longer_minutes = knobs.longer_minutes, 0
    if minutes:
        yield Apdu(Opcode.INTERMEDIATE_STATUS, IntermediateStatus(state=0x0E, minutes=minutes).build())
        yield minutes * 60 - SPARE_S
    if knobs.escapes:
        nasty = Lines(lines=(b"\x1b[2J\x07", b"4111111111111111"))
        yield Apdu(Opcode.INTERMEDIATE_STATUS, IntermediateStatus(state=0xFF, minutes=1, display=nasty).build())
    while knobs.endless_status:
        yield Apdu(Opcode.INTERMEDIATE_STATUS, b"\x0e")
