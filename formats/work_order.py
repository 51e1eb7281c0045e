"""A work order: the bank says which terminals somebody may work on, what may be done there, and when.
Layout: docs/formats/work-order.md.

It names no person: whoever has it may do what it says. Who that was is in the record.
"""

import dataclasses
import enum
from typing import ClassVar, Final

import construct as c

from formats import signed_file
from formats.errors import TrustError
from formats.record import Counted, Record, Text
from formats.signed_file import SignedDocument, SignedFile
from formats.trust import Trust

MAGIC: Final = b"FWORDER\x01"
OBJECT: Final = "work-order"
MAX_TERMINALS: Final = 255
MAX_DAYS: Final = 92
"""Longest time an order is good for: a quarter's round of inspections."""
DAY_S: Final = 24 * 3600


class Act(enum.IntFlag):
    """What an order allows."""

    SERVICE = 1
    """Look at the terminal, clean it, print a test slip."""
    SETTLE = 2
    """Settle the batch."""
    RESET = 4
    """Restart or re-initialise it; never a factory reset, which takes a grant."""
    UPDATE = 8
    """Install firmware."""

    @property
    def names(self) -> list[str]:
        """Each one in lower case, in order."""
        return [str(act.name).lower() for act in self]


class OrderRecord(Record):
    """The signed part."""

    number: str
    """As the bank calls the order."""
    bank: str
    """Name of the bank that gives it."""
    not_before: int
    """Seconds since 1970-01-01 UTC."""
    not_after: int
    """From that second on it is good for nothing."""
    acts: int
    terminals: tuple[str, ...]
    """Serial numbers."""
    LAYOUT = c.Struct(
        "number" / Text(),
        "bank" / Text(),
        "not_before" / c.Int64ul,
        "not_after" / c.Int64ul,
        "acts" / c.Int16ul,
        "terminals" / Counted(c.Int8ul, Text(), at_most=MAX_TERMINALS),
    )


@dataclasses.dataclass(frozen=True)
class WorkOrder(SignedDocument):
    """An order."""

    OBJECT: ClassVar[str] = OBJECT
    record: OrderRecord
    file: SignedFile

    @property
    def acts(self) -> Act:
        return Act(self.record.acts)

    def check_signed(self, trust: Trust, now: float) -> None:
        """Whether the bank has signed it. `trust` is the one pinned on this computer, never one that came with the order.

        Args:
            now: Seconds since 1970-01-01 UTC.

        Raises:
            TrustError: not signed as the trust demands.
            LocalError: the clock is wrong (`clock_wrong`).
        """
        if not self.file.signatures.signatures:
            hint = "The bank signs it with: fwtool order sign FILE --key KEY.pem"
            raise TrustError(f"the work order {self.record.number} is not signed", name="not_signed", hint=hint)
        trust.require(OBJECT, self.digest, self.file.signatures, now)

    def check(self, trust: Trust, serial_number: str, act: Act, now: float) -> None:
        """Whether it allows an act on this terminal now.

        Raises:
            TrustError: as `check_signed`; for other terminals, acts or another time (`not_authorised`).
        """
        self.check_signed(trust, now)
        self.check_scope(serial_number, act, now)

    def check_scope(self, serial_number: str, act: Act, now: float) -> None:
        """What `check` asks besides the signatures. Raises as it does."""
        record = self.record
        if serial_number not in record.terminals:
            raise _refused(f"the work order {record.number} is not for the terminal {serial_number or 'without a number'}")
        if act & ~self.acts:
            raise _refused(f"the work order {record.number} does not allow: {', '.join((act & ~self.acts).names)}")
        if now < record.not_before:
            raise _refused(f"the work order {record.number} is not valid yet")
        if now >= record.not_after:
            raise _refused(f"the work order {record.number} is no longer valid")


def _refused(said: str) -> TrustError:
    return TrustError(said, name="not_authorised", hint="Ask the bank for an order that covers this.")


def build(record: OrderRecord) -> WorkOrder:
    """An order that nobody has signed yet.

    Raises:
        FormatError: it contradicts itself (`usage`).
    """
    return parse(signed_file.unsigned(MAGIC, record.build()), error_name="usage")


def parse(data: bytes, *, error_name: str = "damaged_file") -> WorkOrder:
    """Read an order.

    Raises:
        FormatError: damaged, or its rules do not hold.
    """
    found = signed_file.parse(data, MAGIC, OBJECT.replace("-", " "))
    record = OrderRecord.parse(found.body, what="the work order", offset=signed_file.HEAD_SIZE)
    terminals = list(record.terminals)
    signed_file.hold((
        (bool(record.number and record.bank), "a work order has a number, and the name of its bank"),
        (0 < record.acts <= sum(Act), "the work order allows nothing, or what does not exist"),
        (bool(terminals) and all(terminals), "the work order names no terminal, or one without a number"),
        (terminals == sorted(set(terminals)), "terminals must be named once, in order"),
        (
            0 < record.not_after - record.not_before <= MAX_DAYS * DAY_S,
            f"a work order begins before it ends, and lasts at most {MAX_DAYS} days",
        ),
    ), error_name)  # fmt: skip
    return WorkOrder(record, found)
