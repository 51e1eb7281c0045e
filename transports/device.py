"""A device that has answered, whatever it speaks: the acts that every dialect offers, or says it does not have.

To add a dialect: a file beside this one with a subclass of `Device`, and a line in `transports.dialects`.
"""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, NamedTuple, Never, Protocol, Self

from formats.errors import ToolError
from formats.versions import Hardware
from transports.offer import Offer
from transports.pipe import LineOptions
from transports.terminal_records import Batch, Capability, Facts, Printed, Settled
from transports.tsp.messages import JournalEntry, Level, Slot

_INSTEAD: Final[dict[Capability, str]] = {
    Capability.BATCH: "Look in the terminal's own menu whether everything is settled.",
    Capability.SETTLE: "Settle at the terminal, in its own menu.",
    Capability.CLOCK: "Read the time on its display.",
    Capability.CLOCK_SET: "It takes the time from the payment host: run its diagnosis, or set it in its own menu.",
    Capability.PRINT_TEST: "Print from the terminal's own menu.",
    Capability.RESTART: "Switch it off and on again.",
    Capability.REINITIALISE: "Use the terminal's own menu.",
    Capability.FACTORY_RESET: "Only its maker, or the bank, can do that.",
    Capability.SLOTS: "It keeps one firmware; to go back, flash the older package if its maker allows that.",
    Capability.JOURNAL: "Its maker's service tool may show it.",
    Capability.STATISTICS: "Its maker's service tool may show them.",
    Capability.HEALTH: "Use the device's own self-test.",
    Capability.UPDATE: "Update it in the way its maker provides.",
    Capability.SERIAL_NUMBER: "Its maker gives it its number.",
    Capability.PASSWORD: "Use the terminal's own menu.",
    Capability.GRANT: "Leave --grant out.",
}
"""What to do about an act that a device does not have."""


class Choice(NamedTuple):
    """What the user has decided about an update."""

    resume: bool = True
    max_baud: int = 0
    """The line is made as fast as it goes up to this rate; 0: it is left as it is."""
    alternate: int = 0
    """Of a USB DFU device: which of its memories."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What an update would do. A plan is a value; nothing happens by making one. Zero where the device does not tell."""

    version_from: str
    version_to: str
    blocks_total: int
    blocks_held: int
    bytes_to_send: int
    """Payload bytes that still have to go."""
    bytes_on_wire: int = 0
    """The same compressed, with table and all framing."""
    erase_count: int = 0
    program_count: int = 0
    baud: int = 0
    """Line rate that is used; 0 if the line has none."""
    round_trip_ms: float = 0.0
    """The shortest answer: what line and adapter take."""
    transfer_s: float = 0.0
    total_s: float = 0.0
    """Until the new firmware has answered and been checked."""
    limit: str = ""
    """line or flash: what the time is made of."""
    faster_baud: int = 0
    """A rate that the line could have if somebody set it at the device; 0: this one is the highest."""
    faster_s: float = 0.0
    """Time for the transfer at that rate."""


class Moved(NamedTuple):
    """What an update has moved."""

    bytes_written: int
    """Bytes that went over the line."""
    bytes_payload: int
    """Bytes of the image in them."""
    transfer_s: float
    resumed: bool = False
    """An earlier run had brought a part."""


class Listener(Protocol):
    """Told how an update goes."""

    def progress(self, phase: str, done: int, total: int) -> None:
        """So many of so many bytes of a phase: transfer, erasing, sending, reading back."""
        ...

    def say(self, text: str) -> None:
        """What begins now."""
        ...


class Update(abc.ABC):
    """A package on its way into one device. Nothing has been written by making one."""

    size: int
    """Bytes that the device will hold of it."""
    compared: bool = False
    """What the device holds was read and compared with the package, byte by byte or by its own digest."""
    line_limit: float | None = None
    """Payload bytes per second that the line can carry; None if the line is not the limit."""

    @abc.abstractmethod
    def plan(self, look_s: float) -> Plan:
        """Predict.

        Args:
            look_s: Time it took to look the device over, which is done again after.
        """

    @abc.abstractmethod
    def in_place(self) -> bool:
        """Whether the device runs exactly this already."""

    @abc.abstractmethod
    def install(self, listener: Listener) -> Moved:
        """Send it, and wait until the device runs it.

        Raises:
            ToolError: the device refuses it, or the line broke; `resumable` says whether to call again.
        """

    @abc.abstractmethod
    def read_back(self) -> None:
        """Hold what the device runs now against the package.

        Raises:
            ToolError: it went back to its old firmware (`reverted`), or has something else (`read_back_differs`).
        """

    def on_trial(self) -> bool:
        """Whether what runs now goes away again unless it is confirmed."""
        return False

    def confirm(self) -> None:  # noqa: B027 - most devices have no trial
        """Keep what runs now for good."""

    def give_up(self) -> bool:
        """Go back to what ran before; False if the device cannot."""
        return False

    def leave_alone(self) -> None:  # noqa: B027 - most devices are as they were
        """Nothing is going to be installed: put the device back to what it did before `prepare`."""


class Device(abc.ABC):
    """A device at a port. Acts that a dialect does not have raise ToolError (`not_supported_here`); others raise
    DeviceRefused, LinkLost or LinkError, as the dialect says."""

    protocol: ClassVar[str]
    """Name of the dialect, as for `--protocol`."""
    line: ClassVar[LineOptions] = LineOptions()
    """How its serial lines are opened if nobody says otherwise."""
    verified_by: ClassVar[str]
    """Who checks the signature: the device, or only the host."""
    longest_silence_s: ClassVar[float]
    """How long it may say nothing while it installs."""
    instead: ClassVar[Mapping[Capability, str]] = {}
    """What to do about a missing act, where the usual advice does not fit."""
    port: str
    """Where it is now; a restart may change that."""

    @property
    @abc.abstractmethod
    def capabilities(self) -> frozenset[Capability]:
        """What this device can, as far as is known."""

    @abc.abstractmethod
    def now(self) -> float:
        """Seconds on the line's own clock, which is virtual for a simulated one."""

    @abc.abstractmethod
    def wall_clock(self) -> int:
        """Time of day at this end, seconds since 1970 UTC."""

    @abc.abstractmethod
    def facts(self) -> Facts:
        """Who it is and how it is."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let go; may be called twice."""

    def fits(self, hardware: Hardware) -> bool:
        """Whether a package for this hardware is meant for this device."""
        facts = self.facts()
        return hardware.fits(facts.model, facts.revision or 0)

    def can(self, act: Capability) -> bool:
        return act in self.capabilities

    def cannot(self, act: Capability) -> Never:
        """Raises ToolError (`not_supported_here`)."""
        words = act.value.replace("_", " ")
        raise ToolError(
            f"this device ({self.protocol}) has no {words}", name="not_supported_here",
            hint=self.instead.get(act) or _INSTEAD.get(act, "Use the device's own menu, or the tool of its maker."),
        )  # fmt: skip

    # -- money and time ---------------------------------------------------------------------------------------------

    def batch(self) -> Batch:
        """What has not been settled with the bank. Unknown counts as open."""
        self.cannot(Capability.BATCH)

    def settle(self) -> Settled:
        """Settle it now."""
        self.cannot(Capability.SETTLE)

    def clock(self) -> int:
        """Its clock, seconds since 1970 UTC."""
        self.cannot(Capability.CLOCK)

    def set_clock(self, time: int) -> None:
        """Set it, seconds since 1970 UTC."""
        self.cannot(Capability.CLOCK_SET)

    # -- looking ----------------------------------------------------------------------------------------------------

    def readings(self, level: Level) -> Mapping[str, float]:
        """What the self-test of a level measures (docs/protocol/tsp.md, 5.3), by name."""
        self.cannot(Capability.HEALTH)

    def statistics(self) -> Mapping[str, int]:
        """Counters by their UnifiedPOS names."""
        self.cannot(Capability.STATISTICS)

    def reset_statistics(self) -> None:
        self.cannot(Capability.STATISTICS)

    def journal(self, last: int) -> tuple[int, Sequence[JournalEntry]]:
        """Entries of the device's own journal: how many there are, and the last ones."""
        self.cannot(Capability.JOURNAL)

    def print_test(self, lines: Sequence[str] = ()) -> Printed:
        """Print the test slip, with lines of the host's at its end."""
        self.cannot(Capability.PRINT_TEST)

    # -- firmware ---------------------------------------------------------------------------------------------------

    def slots(self) -> tuple[Slot, ...]:
        """Its firmware slots."""
        self.cannot(Capability.SLOTS)

    def confirm(self, digest: bytes) -> None:
        """Keep the firmware that runs on trial."""
        self.cannot(Capability.SLOTS)

    def revert(self) -> None:
        """Go back to the other slot's firmware, and wait until that runs."""
        self.cannot(Capability.SLOTS)

    def prepare(self, offer: Offer, choice: Choice) -> Update:
        """See what of a package fits this device.

        Raises:
            ToolError: nothing does (`wrong_hardware`).
        """
        self.cannot(Capability.UPDATE)

    # -- resets: each waits until the device is back ----------------------------------------------------------------

    def restart(self) -> None:
        self.cannot(Capability.RESTART)

    def reinitialise(self) -> None:
        """Set the application up again."""
        self.cannot(Capability.REINITIALISE)

    def factory_reset(self) -> None:
        self.cannot(Capability.FACTORY_RESET)

    def set_serial_number(self, number: str) -> None:
        """Give a unit that has none its number."""
        self.cannot(Capability.SERIAL_NUMBER)

    def set_password(self, text: str) -> None:
        """Give it its administrator's password, or another one."""
        del text
        self.cannot(Capability.PASSWORD)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
