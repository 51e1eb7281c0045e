"""What carries out a command on a simulated ZVT terminal: generators that yield what to say, and how long to work."""

import enum
from collections.abc import Generator
from typing import Final, TypeAlias

from transports.zvt.apdu import Apdu
from transports.zvt.opcodes import Opcode
from transports.zvt.outcome import Aborted

SYSTEM_ERROR: Final = 0xFF
PROTOCOL_ERROR: Final = 0x9A


class Pause(enum.Enum):
    """What a script may wait for besides time."""

    ACKNOWLEDGED = "until all that was said has arrived"


Step: TypeAlias = Apdu | float | Pause
"""A message to say, seconds to work, or something to wait for."""
Script: TypeAlias = Generator[Step, Apdu | None, None]
"""A message of the terminal's own comes back with the host's answer."""
Trial: TypeAlias = Generator[Step, Apdu | None, bool]
"""Part of a script; returns whether it worked."""


def aborted(code: int, text: str = "") -> Script:
    """06 1E: the command has failed."""
    yield Apdu(Opcode.ABORTED, Aborted(result=code, error_text=text or None).build())
