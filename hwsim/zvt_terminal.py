"""The simulated terminal with ZVT at its plug: the same power, clock, batch, printer and journal, another language.

A command is carried out by a script: a generator that yields what to say, or how long to work. Messages of its own come back
to it with the host's answer. Until the script ends the terminal is master, and hears nothing but answers and 06 B0 (S 1.4).
"""

import functools
from collections.abc import Callable
from typing import Final

from formats.versions import Version
from hwsim import zvt_commands
from hwsim.storage import Storage
from hwsim.terminal import Settings, Terminal
from hwsim.zvt_files import FileStore
from hwsim.zvt_profile import Knobs, Profile
from hwsim.zvt_script import PROTOCOL_ERROR, Pause, Script, aborted
from hwsim.zvt_station import Station
from transports.virtual import Scheduler
from transports.zvt.apdu import OK, Apdu, refuse
from transports.zvt.link import Event, Failed, Malformed, Received
from transports.zvt.opcodes import Opcode
from transports.zvt.serial_link import SerialLink
from transports.zvt.session import Registration
from transports.zvt.tcp_link import TcpLink
from transports.zvt.values import Password

BITS: Final = 11
"""Of a byte on the line: start, eight, two stop bits."""
ABORT_KEY: Final = 0x6C
FIRST_VERSION: Final = Version(1, 0, 0)
ACK: Final = 0x06


class ZvtTerminal(Terminal):
    """One terminal.

    Args:
        serial: With frames, as on a serial line; else as on TCP.
    """

    def __init__(self, settings: Settings, storage: Storage, scheduler: Scheduler, profile: Profile, *, serial: bool) -> None:
        super().__init__(settings, storage, scheduler)
        self.profile, self.serial = profile, serial
        self.knobs = Knobs()
        self.speak: Callable[[bytes], None] = lambda data: None
        """Takes the bytes for the line."""
        self.hang_up: Callable[[], None] = lambda: None
        """Ends a connection."""
        self.files = FileStore()
        self.deleted: set[int] = set()
        """Files that a host has read and deleted."""
        self.running = FIRST_VERSION
        self.terminal_id = "70004321"
        self.passwords = {"register": Password(profile.password), "service": Password(profile.service_password)}
        self.registered: Registration | None = None
        self.config = profile.config_after_log_off
        self.has_restarted = False
        """And has not told so."""
        self.carried_out: list[int] = []
        """Commands that were begun, for those who watch."""
        self.account.currency = "EUR"
        self._script: Script | None = None
        self._awaiting = False
        self._deaf_until = 0.0
        link = SerialLink(byte_time_s=BITS / settings.baud if settings.baud else 0.0) if serial else TcpLink()
        self._station = Station(link, scheduler, self._send_out, self._on_event, self.later)

    # -- power ------------------------------------------------------------------------------------------------------

    def power_off(self) -> None:
        super().power_off()
        self._script, self._awaiting, self._deaf_until = None, False, 0.0
        self._station.forget()
        if not self.profile.keeps_registration:
            self.registered, self.config = None, self.profile.config_after_log_off
        if self.settings.baud:
            self.set_rate(self.settings.baud)
        self.hang_up()

    def _boot(self) -> None:
        super()._boot()
        self.has_restarted = True
        self.running = self.files.install() or self.running

    def _tidy(self) -> None:
        """No update in the terminal's own form goes to this one."""

    def _idle_text(self) -> str:
        return "DEVICE OUT OF SERVICE" if self.peripherals.tampered else "WELCOME"

    @property
    def version(self) -> Version:
        return self.running

    def true_time(self) -> int:
        """What the payment host's clock says."""
        return self.settings.epoch + int(self.scheduler.now())

    # -- line -------------------------------------------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        if self.scheduler.now() >= self._deaf_until:
            self._station.receive(data)

    def _send_out(self, data: bytes) -> None:
        if self.knobs.lose_acks and self.serial and data[0] == ACK:
            self.knobs.lose_acks -= 1
            data = data[1:]
        self.speak(data)

    def abandoned(self) -> None:
        """The host has closed its connection: the dialogue counts as aborted (X 4)."""
        self._stop()
        self._station.forget()

    def set_rate(self, baud: int, deaf_s: float = 0.0) -> None:
        """Another rate of the line, at which nothing is heard for a while."""
        self._deaf_until = self.scheduler.now() + deaf_s
        if self.settings.baud:
            self.set_baud(baud)
            if isinstance(self._station.link, SerialLink):
                self._station.link.byte_time_s = BITS / baud

    # -- scripts ----------------------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Failed):
            self._stop()
            if not self.serial:
                self.hang_up()
        elif isinstance(event, Malformed):
            if self._script is None:
                self._station.say(refuse(PROTOCOL_ERROR))
        elif event.apdu.is_answer:
            self._hear_answer(event)
        elif self._script is None:
            self.run(zvt_commands.script_for(self, event.apdu))
        elif event.apdu.opcode == Opcode.ABORT:
            self._stop()
            self._station.say(OK)
            self.run(aborted(ABORT_KEY))

    def _hear_answer(self, event: Received) -> None:
        if self._awaiting:
            self._awaiting = False
            self._advance(event.apdu)

    def _stop(self) -> None:
        """The command ends here, whatever it was doing."""
        script, self._script, self._awaiting = self._script, None, False
        if script is not None:
            script.close()

    def run(self, script: Script) -> None:
        """Carry out a script."""
        self._script = script
        self._advance(None)

    def _resume(self, script: Script) -> None:
        if script is self._script:
            self._advance(None)

    def _advance(self, reply: Apdu | None) -> None:
        script = self._script
        while script is not None and script is self._script:
            try:
                step = script.send(reply)
            except StopIteration:
                self._script = None
                return
            reply = None
            if isinstance(step, Apdu):
                self._station.say(step)
                if not step.is_answer:
                    self._awaiting = True
                    return
            elif isinstance(step, Pause):
                self._station.when_idle(functools.partial(self._resume, script))
                return
            else:
                self.later(step, functools.partial(self._resume, script))
                return
