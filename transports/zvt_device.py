"""The ZVT dialect as a device: a payment terminal at its cash register's line (docs/protocol/zvt.md)."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

from formats import update_set
from formats.errors import ToolError
from formats.fwp.content import open_component
from formats.fwp.manifest import Component
from formats.fwp.package import Package
from formats.update_set import UpdateSet
from formats.update_spec import Order
from formats.versions import Hardware
from transports.device import Choice, Device, Listener, Moved, Plan, Update
from transports.errors import DeviceRefused, LinkError, LinkLost
from transports.offer import Offer
from transports.pipe import LineOptions, Pipe
from transports.port_names import Home
from transports.port_options import PortOptions, open_line
from transports.terminal_records import Batch, Capability, Facts, Printed, Report, Settled, TerminalStatus
from transports.tsp.messages import BatchState, Level
from transports.zvt_host.line import Passed
from transports.zvt_host.status import FEIG
from transports.zvt_terminal import LINE, LONGEST_SILENCE_S, VERIFIED_BY, Password, ZvtTerminal

RETURN_S: Final = 120.0
DEFAULT_PASSWORD: Final = "000000"  # noqa: S105 - what terminals are delivered with (facts: X 2.1)
MAX_BAUD: Final = 115200


class ZvtDevice(Device):
    """A terminal that speaks ZVT, over a serial line or TCP."""

    protocol: ClassVar[str] = "zvt"
    line: ClassVar[LineOptions] = LINE
    verified_by: ClassVar[str] = VERIFIED_BY
    longest_silence_s: ClassVar[float] = LONGEST_SILENCE_S
    instead: ClassVar[Mapping[Capability, str]] = {
        Capability.UPDATE: "It fetches its updates from its provider: settle, then start that in its own menu.",
        Capability.SLOTS: "It keeps one firmware and judges itself whether it takes another.",
    }

    def __init__(self, options: PortOptions) -> None:
        self.options = options
        self.port = options.port
        self._home = Home(options.port)
        self._settled_here = False
        self._secret: Callable[[str], str] = options.password or (lambda what: DEFAULT_PASSWORD)
        self.terminal = ZvtTerminal(
            self._open(options.port), password=Password(self._secret("cashier")), reopen=self._reopen,
            watch=self._trace if options.trace else None,
        )  # fmt: skip
        try:
            self.terminal.connect()
            self._status = self.terminal.status()
        except BaseException:
            self.close()
            raise

    def _open(self, port: str) -> Pipe:
        return open_line(self.options, self.line, port)

    def _reopen(self) -> Pipe:
        self.port, pipe = self._home.reopen(self._open, RETURN_S)
        return pipe

    def _trace(self, passed: Passed) -> None:
        """Messages, not bytes: only in a message can a password be told from what may be kept."""
        assert self.options.trace is not None
        record = {"t": round(passed.time_s, 6), "dir": "tx" if passed.outbound else "rx", "zvt": passed.apdu.build().hex()}
        self.options.trace.write([record | {"port": self.port}])

    @property
    def capabilities(self) -> frozenset[Capability]:
        can = self.terminal.capabilities | {Capability.HEALTH}
        # Only one maker's terminals are known to take files as firmware.
        return can if self.terminal.identity.maker == FEIG else can - {Capability.UPDATE, Capability.RESUME}

    def now(self) -> float:
        return self.terminal.pipe.now()

    def wall_clock(self) -> int:
        return int(self.terminal.pipe.wall_clock())

    def status(self) -> TerminalStatus:
        """What 05 01 tells, asked anew."""
        self._status = self.terminal.status()
        return self._status

    def facts(self) -> Facts:
        found = self.status()
        voltage = None
        if Capability.MAKER_INFORMATION in self.capabilities:
            voltage = self.terminal.maker_information().battery_v
        return Facts(
            model=found.identity.model,
            serial_number=found.identity.serial_number or found.identity.terminal_id,
            version=found.identity.version,
            vendor=found.identity.maker,
            mode="out_of_service" if found.tampered else "ready" if not found.state else "busy",
            display=found.state_text,
            battery_v=float(voltage) if voltage is not None else None,
            tampered=found.tampered,
        )

    def fits(self, hardware: Hardware) -> bool:
        """By the name that the terminal tells, its letters and digits; it tells no revision."""
        return hardware.fits(hardware.model, 0) and _plain(hardware.model) == _plain(self._status.identity.model)

    def readings(self, level: Level) -> Mapping[str, float]:
        found = self.status()
        readings: dict[str, float] = {"tamper.open": float(found.tampered)}
        if found.has_keys is not None:
            readings["keys.present"] = float(found.has_keys)
        if found.hours_since_self_test is not None:
            readings["self_test.hours_ago"] = found.hours_since_self_test
        if Capability.MAKER_INFORMATION in self.capabilities:
            told = self.terminal.maker_information()
            if told.battery_v is not None:
                readings["battery.voltage"] = float(told.battery_v)
        if level >= Level.EXTERNAL and self.can(Capability.DIAGNOSE):
            readings["host.reachable"] = float(self._works(self.terminal.diagnosis))
        return readings

    @staticmethod
    def _works(act: Callable[[], Report]) -> bool:
        try:
            act()
        except DeviceRefused:
            return False
        return True

    # -- money, time, paper -----------------------------------------------------------------------------------------

    def batch(self) -> Batch:
        """Some terminals do not tell; right after an end of day of ours we know."""
        found = self.terminal.batch()
        if found.state is BatchState.UNKNOWN and self._settled_here:
            return Batch(BatchState.CLOSED, 0)
        return found

    def settle(self) -> Settled:
        settled = self.terminal.end_of_day()
        self._settled_here = True
        if settled.follows:
            self.terminal.wait_for_return(LONGEST_SILENCE_S)
        return settled

    def clock(self) -> int:
        found = self.status().clock
        if found is None:
            self.cannot(Capability.CLOCK)
        return int(found.astimezone().timestamp())

    def set_clock(self, time: int) -> None:
        self._need(Capability.CLOCK_SET)
        self.terminal.set_clock(datetime.datetime.fromtimestamp(time))  # noqa: DTZ006 - terminals keep local time

    def print_test(self, lines: Sequence[str] = ()) -> Printed:
        """The terminal's configuration is its test slip; it has no place for lines of ours."""
        del lines
        self._need(Capability.PRINT_TEST)
        text = self.terminal.print_configuration().lines
        return Printed(len(text), len(text), text=text)

    # -- resets -----------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Refused while something is not settled: what is under way may be posted wrongly (facts: K, 06 18)."""
        self._need(Capability.RESTART)
        self._settled("a restart")
        self.terminal.restart()

    def reinitialise(self) -> None:
        """06 93: get keys, parameters and totals from the payment host anew."""
        self._need(Capability.INITIALISE)
        self._settled("an initialisation")
        self.terminal.initialise()

    def factory_reset(self) -> None:
        if Capability.FACTORY_RESET not in self.capabilities:
            self.cannot(Capability.FACTORY_RESET)
        self._settled("a factory reset")
        self.terminal.factory_reset()
        self.terminal.wait_for_return()

    def _need(self, act: Capability) -> None:
        if not self.can(act):
            self.cannot(act)

    def _settled(self, what: str) -> None:
        batch = self.batch()
        if not batch.counts_as_open:
            return
        said = f"{batch.count} transactions are not settled" if batch.count else "the terminal does not tell what is settled"
        raise ToolError(
            f"{said} with the bank; {what} could lose something",
            name="unsettled",
            hint="Run this again with --settle: the end of day comes first.",
        )

    # -- firmware ---------------------------------------------------------------------------------------------------

    def prepare(self, offer: Offer, choice: Choice) -> Update:
        self._need(Capability.UPDATE)
        return ZvtUpdate(self, offer, choice)

    def service_password(self) -> Password:
        """That of the service menu, asked for when it is needed."""
        return Password(self._secret("service"))

    def close(self) -> None:
        self.terminal.close()


class _Part(NamedTuple):
    """A component of a package as a part of the maker's set."""

    package: Package
    component: Component

    @property
    def size(self) -> int:
        return self.component.installed_size

    def read(self, offset: int, size: int) -> bytes:
        content = open_component(self.package, self.component)
        content.seek(offset)
        return content.read(size)


class ZvtUpdate(Update):
    """The files of one package, pushed by 08 14; the terminal installs them and restarts."""

    def __init__(self, device: ZvtDevice, offer: Offer, choice: Choice) -> None:
        self._device, self._offer = device, offer
        self._before = device.status().identity
        self._set = _files(offer.package)
        self._refuse_older()
        self.size = self._set.size
        if choice.max_baud and Capability.LINE_RATE in device.capabilities:
            self._raise_rate(choice.max_baud)

    def _raise_rate(self, highest: int) -> None:
        try:
            self._device.terminal.raise_baud(min(highest, MAX_BAUD))
        except DeviceRefused:
            return  # it is slower, and works

    def _refuse_older(self) -> None:
        if self._set.order(self._before.version) is Order.OLDER:
            raise ToolError(
                f"the package has {self._set.version}; the terminal runs {self._before.version}", name="rollback",
                hint="Take a newer package. To go back, ask the maker of the terminal.",
            )  # fmt: skip

    def plan(self, look_s: float) -> Plan:
        terminal = self._device.terminal
        seconds = terminal.predicted_push_s(self._set.parts)
        faster = MAX_BAUD if 0 < terminal.pipe.baud < MAX_BAUD else 0
        return Plan(
            version_from=self._before.version,
            version_to=str(self._offer.manifest.version),
            blocks_total=len(self._set.parts),
            blocks_held=0,
            bytes_to_send=self.size,
            baud=terminal.pipe.baud,
            transfer_s=round(seconds, 3),
            total_s=round(seconds + look_s, 3),
            limit="line" if seconds else "",
            faster_baud=faster,
            faster_s=round(terminal.predicted_push_s(self._set.parts, faster), 3) if faster else 0.0,
        )

    def in_place(self) -> bool:
        return self._set.order(self._before.version) is Order.SAME

    def install(self, listener: Listener) -> Moved:
        terminal, total = self._device.terminal, self.size
        terminal.service_password = self._device.service_password()
        listener.progress("transfer", 0, total)
        try:
            pushed = terminal.push(self._set.parts, lambda done, whole: listener.progress("transfer", done, total))
        except LinkLost as error:
            raise LinkError(
                f"the transfer stopped: {error.message}", name="transfer_incomplete", resumable=True,
                hint="The terminal keeps its old firmware. Run the same command again: it asks for what it does not have.",
            ) from error  # fmt: skip
        listener.say("the terminal installs it; do not switch it off")
        terminal.wait_for_return(LONGEST_SILENCE_S)
        return Moved(pushed.sent, pushed.sent, pushed.seconds, pushed.resumed > 0)

    def read_back(self) -> None:
        """Only its version can be read."""
        found = self._device.status().identity
        if self._set.order(found.version) is Order.SAME:
            return
        if found.version == self._before.version:
            raise ToolError(
                f"the terminal still runs {found.version}: it did not take the update", name="reverted", resumable=True,
                hint="Its display or its own log may say why. It can be used as before.",
            )  # fmt: skip
        raise ToolError(
            f"the terminal says it runs {found.version}; {self._set.version} was sent", name="read_back_differs",
            hint="Ask the maker of the terminal before you use it.",
        )  # fmt: skip


def _files(package: Package) -> UpdateSet:
    """The parts in a package, held to their own specs.

    Raises:
        ToolError: there are none for this kind of terminal (`wrong_hardware`).
        FormatError: a part does not hold.
    """
    parts = {one.name: _Part(package, one) for one in package.manifest.installed if one.name in update_set.PARTS}
    if not parts:
        raise ToolError(
            "the package has no files for this terminal", name="wrong_hardware",
            hint=f"Build it from the maker's folder, each file under its name there: {next(iter(update_set.PARTS))}=FILE ...",
        )  # fmt: skip
    return update_set.check(parts)


def _plain(model: str) -> str:
    return "".join(filter(str.isalnum, model.lower()))
