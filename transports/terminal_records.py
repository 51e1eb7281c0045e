"""What a payment terminal has told, in words that belong to no protocol."""

import dataclasses
import datetime
import enum
from decimal import Decimal
from typing import Final, NamedTuple

from transports.tsp.messages import BatchState

SELF_TEST_EVERY_H: Final = 24
"""A terminal restarts, and tests itself, once a day (PCI PTS POI, B1)."""


class Capability(enum.StrEnum):
    """Something that a terminal may be able to do."""

    STATUS = "status"
    CLOCK = "clock"
    CLOCK_SET = "clock_set"
    BATCH = "batch"
    SETTLE = "settle"
    SLOTS = "slots"
    """Firmware slots, with trial, confirm and revert."""
    JOURNAL = "journal"
    STATISTICS = "statistics"
    HEALTH = "health"
    """Readings for the health check."""
    SERIAL_NUMBER = "serial_number"
    """A unit without one takes one."""
    PASSWORD = "password"  # noqa: S105 - the name of an act
    """The password of its administrator can be set."""
    GRANT = "grant"
    """Sessions that a grant of the bank opens."""
    REINITIALISE = "reinitialise"
    INITIALISE = "initialise"
    DIAGNOSE = "diagnose"
    SELF_TEST = "self_test"
    PRINT_TEST = "print_test"
    DISPLAY = "display"
    RESTART = "restart"
    FACTORY_RESET = "factory_reset"
    UPDATE = "update"
    RESUME = "resume"
    READ_BACK = "read_back"
    SELF_UPDATE = "self_update"
    """It fetches its update itself when told to."""
    READ_FILE = "read_file"
    DELETE_FILE = "delete_file"
    LINE_RATE = "line_rate"
    MAKER_INFORMATION = "maker_information"


class Identity(NamedTuple):
    """Which terminal it is. Texts are as it tells them, without characters that steer a screen; empty: not told."""

    model: str = ""
    serial_number: str = ""
    version: str = ""
    terminal_id: str = ""
    maker: str = ""
    """Only where we know the maker's own commands."""


class Facts(NamedTuple):
    """What a device of any kind tells of itself. None, and empty: it does not tell."""

    model: str
    serial_number: str
    version: str
    """Of what it runs."""
    vendor: str = ""
    revision: int | None = None
    bootloader: str = ""
    security_counter: int | None = None
    mode: str = ""
    display: str = ""
    """What its display shows, or the state that it tells."""
    battery_percent: int | None = None
    battery_v: float | None = None
    mains: bool | None = None
    printer: str = ""
    tampered: bool = False
    capacity: int | None = None
    """Largest image that it takes, bytes."""
    max_block: int | None = None
    """Largest block that it takes, bytes."""

    @property
    def who(self) -> str:
        """One device and no other."""
        return f"{self.vendor}/{self.model}/{self.serial_number}"


class Printed(NamedTuple):
    """How far a print came."""

    lines_printed: int
    lines_total: int
    outcome: str = "complete"
    """complete, or what stopped it: paper_out, cover_open, head_hot, fault."""
    slip: str = ""
    """Name of a picture of it, of a simulated printer."""
    text: tuple[str, ...] = ()
    """What was printed, where the device told it instead of printing."""


class TerminalStatus(NamedTuple):
    """How a terminal is."""

    identity: Identity
    state: int
    """Code of the protocol; 0: ready."""
    state_text: str
    locks: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    clock: datetime.datetime | None = None
    """The terminal's local time."""
    next_restart: datetime.datetime | None = None
    restarted: bool = False
    """It has started anew since it was last asked."""
    has_keys: bool | None = None
    tampered: bool = False

    @property
    def hours_since_self_test(self) -> float | None:
        """From the time of the next daily restart; None if that, or the clock, was not told."""
        if self.clock is None or self.next_restart is None:
            return None
        return SELF_TEST_EVERY_H - (self.next_restart - self.clock).total_seconds() / 3600


class Money(NamedTuple):
    """A sum."""

    amount: Decimal
    currency: str
    """ISO 4217 letters, or its number where we do not know the letters."""


@dataclasses.dataclass(frozen=True)
class GroupTotal:
    """What was paid with one kind of card."""

    name: str
    count: int
    total: Money


@dataclasses.dataclass(frozen=True)
class Batch:
    """Transactions that the bank has not settled, or had not until this moment. Unknown counts as open."""

    state: BatchState
    count: int | None = None
    """Transactions; None: not told. ZVT counts each group up to 255, and begins again."""
    totals: tuple[Money, ...] = ()
    """One sum per currency."""
    groups: tuple[GroupTotal, ...] = ()
    first_receipt: int | None = None
    last_receipt: int | None = None
    business_date: datetime.date | None = None
    agrees: bool = True
    """The sums of the groups add up to the total."""
    offline_unsent: int | None = None
    """Of the transactions, those the bank has not even heard of."""
    last_close: int | None = None
    """Seconds since 1970 UTC."""

    @property
    def counts_as_open(self) -> bool:
        return self.state is not BatchState.CLOSED


class Slip(NamedTuple):
    """One receipt that a terminal would have printed."""

    lines: tuple[str, ...]
    kind: str = ""
    """merchant, customer, administration; empty: not told."""


class Report(NamedTuple):
    """What a terminal said while it carried something out."""

    slips: tuple[Slip, ...] = ()
    states: tuple[str, ...] = ()
    """What it was doing, in words, in order."""
    clock: datetime.datetime | None = None
    """Time that it got from the payment host."""

    @property
    def lines(self) -> tuple[str, ...]:
        """All that was printed."""
        return tuple(line for slip in self.slips for line in slip.lines)


class Settled(NamedTuple):
    """An end of day."""

    batch: Batch
    """What was settled; its state is that after it."""
    report: Report
    follows: str = ""
    """`update` or `restart`: the terminal does that now, and does not answer meanwhile."""


class MakerInformation(NamedTuple):
    """What a maker's own command tells; None: not told."""

    device_id: str | None
    version: str | None
    terminal_id: str | None
    battery_v: Decimal | None
    temperature_c: Decimal | None


class FileCopy(NamedTuple):
    """A file of the terminal, without the card numbers in it."""

    data: bytes
    changed: bool
    """Something was hidden."""


class Pushed(NamedTuple):
    """What sending files has moved."""

    size: int
    """Bytes of all files."""
    sent: int
    """Bytes that went over, repeats included."""
    resumed: int
    """Bytes that were not asked for: the terminal had them from an earlier run."""
    requests: int
    repeats: int
    block: int
    """Largest piece that was sent, bytes."""
    seconds: float
