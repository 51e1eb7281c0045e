"""The terminal: power, boot, a session on the line, commands, and flash work in the background.

Time comes from a scheduler; bytes come in through `receive` and leave through `transmit`. Everything that takes a real
terminal time (a signature check, a line of print, a page of flash) takes it here too.
"""

import dataclasses
import functools
import hashlib
import os
import pathlib
import random
import time
from collections.abc import Callable

from formats.errors import FormatError
from formats.grant import Right
from formats.record import Record
from formats.trust import Trust
from formats.versions import Version
from hwsim import bootloader, commands, self_test
from hwsim.access import OPEN, Access
from hwsim.bootloader import Booted
from hwsim.bootstate import BootLog
from hwsim.flash import BLOCK, PAGE, NorFlash, PowerCut
from hwsim.journal import DeviceJournal
from hwsim.layout import CAPACITY
from hwsim.line_rate import LineRate
from hwsim.peripherals import EPOCH, Account, Peripherals
from hwsim.printer import Printer
from hwsim.refusal import Refused
from hwsim.slots import DEFAULT_IDENTITY, Identity, SlotStore
from hwsim.statistics import Statistics
from hwsim.storage import Storage
from hwsim.update import DeviceUpdate
from transports.scheduled_link import ScheduledLink
from transports.tsp import messages
from transports.tsp.hello import VERSION, Feature, Hello
from transports.tsp.link import Event, Link, Received, Role
from transports.tsp.messages import Detail, Kind, Message, Mode, Opcode, SlotState, Status
from transports.virtual import Scheduler

BOOTLOADER_VERSION = Version(1, 0, 0)
RESTART_S = 1.5
POWER_BACK_S = 2.0
WINDOW = 2 * commands.MAX_BLOCK + 4096
"""Receive buffer: one block being programmed, one arriving."""
MAX_FRAME = 16384
TIDY_S = 1.0
"""So long after the start, and idle, it erases what the next update will write to."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a terminal is born with."""

    identity: Identity = DEFAULT_IDENTITY
    paper: pathlib.Path | None = None
    seed: int = 1
    max_frame: int = MAX_FRAME
    epoch: int = EPOCH
    """Time of day at power-on."""
    baud: int = 0
    """Rate of the line at the start; 0: the line has none."""
    open_rights: Right = OPEN
    """What needs no grant."""


FEATURES = Feature.UPDATE | Feature.PRINTER | Feature.RESUME | Feature.DEFLATE | Feature.GRANTS


class Terminal:
    """One terminal."""

    def __init__(self, settings: Settings, storage: Storage, scheduler: Scheduler) -> None:
        self.settings, self.scheduler, self.storage = settings, scheduler, storage
        self.identity = settings.identity
        self.flash: NorFlash = storage.flash
        self.counter = storage.counter
        self.peripherals = Peripherals(secure=storage.key_cells)
        storage.key_cells.on_trip = self._tripped
        self.account = Account(last_close=settings.epoch - 9 * 3600)
        self.statistics = Statistics()
        self.printer = Printer(settings.paper)
        self.transmit: Callable[[bytes], None] = lambda data: None
        self.drained_at: Callable[[], float] = scheduler.now
        """When all that was transmitted will be on the line."""
        self.set_baud: Callable[[int], None] = lambda baud: None
        self.reported_version: Version | None = None
        """Set by a fault: what a lying device says it runs."""
        self.hung = False
        self.power_returns_s: float | None = POWER_BACK_S
        self.powered = False
        self.booted: Booted | None = None
        self.display = ""
        self._epoch = 0
        self._started_at = self._tested_at = 0.0
        # In virtual time everything is repeatable; in real time a session of yesterday must not fit that of today.
        nonces = random.Random(settings.seed).randbytes if scheduler.virtual else os.urandom  # noqa: S311
        hello = Hello(
            version_min=VERSION, version_max=VERSION, max_frame=settings.max_frame,
            features=int(FEATURES), max_block=commands.MAX_BLOCK,
            max_manifest=messages.MAX_BODY, window=WINDOW, nonce=bytes(16), peer_nonce=bytes(16), public_key=b"",
        )  # fmt: skip
        self.link = Link(Role.DEVICE, hello, nonces, dead_after_s=30.0)
        self._line = ScheduledLink(self.link, scheduler, self._send, self._hear, self.later, lambda: not self.hung)
        self.line_rate = LineRate(self)
        self.access = Access(storage.used_grants, nonces, settings.open_rights)
        self.update = DeviceUpdate(self)
        self._splitter = messages.Splitter()

    # -- power ------------------------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Start the boot loader; the firmware runs `RESTART_S` later."""
        if self.powered:
            return
        self.powered = True
        self._epoch += 1
        self._started_at = self.scheduler.now()
        self.display = "starting"
        self.transmit(f"{self.identity.model} boot {BOOTLOADER_VERSION}\r\n".encode())
        self.later(RESTART_S, self._boot)

    def power_off(self) -> None:
        """The power goes: all that is not in flash is gone."""
        self.powered = False
        self.booted = None
        self.hung = False
        self.display = ""
        self._epoch += 1
        self.update = DeviceUpdate(self)
        self.link.forget()
        self.line_rate.reset()
        self._splitter = messages.Splitter()

    def restart(self) -> None:
        self.power_off()
        self.power_on()

    def _boot(self) -> None:
        log = BootLog(self.flash)
        self.boot_log = log
        self.journal = DeviceJournal(self.flash)
        self.booted = bootloader.boot(self.flash, log, self.counter, self.storage.trust_store, self.identity)
        for event, detail in self.booted.events:
            self.note(event, detail)
        self._wake()
        self.display = self.idle_text()
        ready = "OUT OF SERVICE: TAMPERED" if self.peripherals.tampered else "ready"
        self.transmit(f"{self.identity.model} {self.version} {ready}\r\n".encode())
        self.flush()
        self.later(TIDY_S, self.update.tidy)

    def _wake(self) -> None:
        """Look at the tamper latch and the keys, then test everything else, now and every 24 hours."""
        cells = self.storage.key_cells
        if cells.tripped:
            self._tripped()
        self.peripherals.keys_present &= cells.present
        self._test_self(at_start=True)

    def _test_self(self, *, at_start: bool = False) -> None:
        self.later(self_test.EVERY_S, self._test_self)
        if not self.peripherals.self_test_runs:
            return
        failed = self_test.failed(self, at_start=at_start)
        self.peripherals.self_test_ok, self._tested_at = not failed, self.scheduler.now()
        self.note("self_test", f"failed: {', '.join(failed)}" if failed else "passed")

    def sense(self) -> Peripherals:
        """What the sensors say now."""
        if self.peripherals.self_test_runs:
            self.peripherals.hours_since_self_test = int((self.scheduler.now() - self._tested_at) / 3600)
        return self.peripherals

    def _tripped(self) -> None:
        """The tamper circuit has acted: the keys are gone, and so is everything but being asked."""
        self.peripherals.tampered, self.peripherals.keys_present = True, False
        self.display = self.idle_text()
        if self.booted is None:
            return  # the next start finds it
        if self.update.installer:
            self.update.fail(Status.TAMPERED, "the tamper switch has opened")
        if not self.storage.key_cells.told:
            self.note("tamper", "the case was opened; keys erased")
            self.storage.key_cells.tell()

    def idle_text(self) -> str:
        """What the display says when nothing is going on."""
        if self.peripherals.tampered:
            return "DEVICE OUT OF SERVICE"
        if self.booted is None or self.booted.slot is None:
            return "NO FIRMWARE - UPDATE NEEDED"
        return "WELCOME"

    @property
    def version(self) -> Version:
        offered = self.booted.offered if self.booted else None
        return offered.manifest.version if offered else Version(0, 0, 0)

    @property
    def trust(self) -> Trust | None:
        return self.storage.trust

    @property
    def in_recovery(self) -> bool:
        """Nothing may be started; the boot loader answers by itself."""
        return self.booted is not None and self.booted.slot is None

    @property
    def target_slot(self) -> int:
        """The slot an update goes to: the one that is not running."""
        running = self.booted.slot if self.booted else None
        return 1 - (self.boot_log.state.active if running is None else running)

    @property
    def mode(self) -> Mode:
        if self.peripherals.tampered or self.booted is None or self.booted.slot is None:
            return Mode.OUT_OF_SERVICE
        if self.update.installer:
            return Mode.UPDATING
        return Mode.TRIAL if self.booted.trial else Mode.READY

    # -- time -------------------------------------------------------------------------------------------------------

    def clock(self) -> int:
        """Terminal time, seconds since 1970 UTC."""
        return self.settings.epoch + int(self.scheduler.now()) + self.peripherals.clock_offset_s

    def date(self) -> str:
        """Business date, ISO 8601."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.clock()))

    def partial_update(self) -> tuple[bytes, int]:
        """Package that is being received, or is partly there from before, and its blocks done so far in this session."""
        if installer := self.update.installer:
            return installer.digest, installer.blocks_done
        for index, mark in enumerate(self.boot_log.state.slots):
            stored = SlotStore(self.flash, index).metadata() if mark.state is SlotState.WRITING else None
            if stored:
                return hashlib.sha256(stored[0]).digest(), 0
        return bytes(32), 0

    @property
    def started_at(self) -> float:
        """Of the last start."""
        return self._started_at

    def uptime_s(self) -> int:
        return int(self.scheduler.now() - self._started_at)

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Run something later, unless the power went in between. A power cut inside it is handled here."""
        epoch = self._epoch

        def run() -> None:
            if epoch == self._epoch:
                self._guarded(call)

        self.scheduler.after(delay_s, run)

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except PowerCut:
            self.cut_power()

    def cut_power(self) -> None:
        """The power goes, and comes back later if it is to."""
        self.power_off()
        if self.power_returns_s is not None:
            self.scheduler.after(self.power_returns_s, self.power_on)

    # -- line -------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Bytes from the line."""
        if not self.powered or self.booted is None or self.hung:
            return
        self._guarded(functools.partial(self._receive, data))

    def _receive(self, data: bytes) -> None:
        self._line.receive(data)
        self.line_rate.watch()

    def _send(self, data: bytes) -> None:
        self.transmit(data)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Received):
            self._take(event.data)
        else:
            self._splitter = messages.Splitter()
            self.access.reset()
            self.update.forget()

    def flush(self) -> None:
        """Send what there is to say."""
        self._line.flush()

    # -- messages ---------------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        try:
            arrived = self._splitter.feed(data)
        except FormatError:
            self.link.forget()  # nothing behind it makes sense; the host will be told to start again
            return
        for message in arrived:
            size = messages.HEADER_SIZE + len(message.authentication) + len(message.body)
            if message.kind == Kind.ONE_WAY:
                self.update.take_part(message, size)
                continue
            self.link.consume(size)
            if message.kind == Kind.REQUEST:
                self._take_request(message)

    def _take_request(self, message: Message) -> None:
        try:
            self.access.check(self, message)
            cost, answer = commands.run(self, message)
        except Refused as refused:
            self.note("refused", f"{_name(message.opcode)}: {refused.reason}")
            self.later(0.0, functools.partial(self.answer, message, refused.status, Detail(text=refused.reason)))
            return
        if answer is not None:
            self.later(cost, functools.partial(self.answer, message, Status.OK, answer))

    @property
    def nonces(self) -> tuple[bytes, bytes]:
        """Of the session: the host's and its own."""
        return self.link.nonces

    def answer(self, message: Message, status: Status, body: Record) -> None:
        """Send a response."""
        self.link.send(Message(message.opcode, Kind.RESPONSE, message.request_id, status, body.build()).build())
        self.flush()

    def send_event(self, opcode: Opcode, status: Status, body: Record) -> None:
        self.link.send(Message(opcode, Kind.EVENT, 0, status, body.build()).build())
        self.flush()

    def note(self, event: str, detail: str = "") -> None:
        """Write into the terminal's journal."""
        self.journal.add(self.clock(), event, detail)

    def info(self) -> messages.Info:
        timing = self.flash.timing
        return messages.Info(
            vendor=self.identity.vendor,
            model=self.identity.model,
            revision=self.identity.revision,
            serial_number=self.identity.serial_number,
            version=self.reported_version or self.version,
            bootloader=BOOTLOADER_VERSION,
            security_counter=self.counter.value,
            trust_version=self.trust.record.version if self.trust else 0,
            capacity=CAPACITY,
            erase_size=BLOCK,
            erase_time_us=round(timing.erase_block_s * 1e6),
            program_size=PAGE,
            program_time_us=round(timing.program_page_s * 1e6),
            verify_time_us=round(commands.SIGNATURE_S * 1e6),
            restart_time_ms=round(RESTART_S * 1e3),
        )


def _name(opcode: int) -> str:
    try:
        return Opcode(opcode).name
    except ValueError:
        return f"opcode {opcode:#04x}"
