"""A session with a ZVT terminal: finding it, registering, its status, and commands that mend a broken port first."""

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

from transports.errors import LinkError, LinkLost
from transports.pipe import LineOptions, Pipe
from transports.terminal_records import Identity, TerminalStatus
from transports.zvt import charsets, session
from transports.zvt.layout import Message
from transports.zvt.opcodes import Opcode, Timer
from transports.zvt.service import BAUD_RATES
from transports.zvt.session import CharacterSets, Commands, Registration, RegistrationCompletion, StatusEnquiry
from transports.zvt.timers import Timers
from transports.zvt.values import Password
from transports.zvt_host.dialogue import DIALOGUE_S, Dialogue, Done, recover
from transports.zvt_host.heard import Heard
from transports.zvt_host.line import Silent, Watch, ZvtLine
from transports.zvt_host.refusals import Unsupported, WrongCurrency
from transports.zvt_host.status import terminal_status

LINE: Final = LineOptions(9600, "8N2", "none")
"""How to open a serial line; terminals that were raised to 115200 are found by `connect`."""
TCP_PORT: Final = 20007
CONFIG: Final = session.PAYMENT_RECEIPTS | session.ADMINISTRATION_RECEIPTS | session.INTERMEDIATE_STATES | session.PRINT_COMMANDS
"""8E: all that is printed comes to us, the terminal's menus stay free."""
HOST_APDU: Final = 0x8000
"""Longest message we take (tag 1A), as the maker's tool of Feig has it."""
COLUMNS: Final = 40
SHORT_S: Final = 300.0
"""Longest time of a registration or a status enquiry, in which a terminal may do what is due: dial, print."""
TERMINAL_MAY: Final = (
    Opcode.PRINT_LINE, Opcode.PRINT_TEXT_BLOCK, Opcode.INTERMEDIATE_STATUS, Opcode.SET_HOST_CLOCK, Opcode.FILE_REQUEST
)  # fmt: skip


class Registered(NamedTuple):
    """What was agreed at 06 00."""

    max_apdu: int | None
    """Longest message that the terminal takes; None: not told."""
    charset: int
    columns: int
    terminal_id: str
    currency: int
    initialisation_due: bool
    diagnosis_due: bool


class ZvtSession:
    """One terminal at the end of a pipe.

    Args:
        password: Of the cash register.
        service_password: Of the service menu, for sending files.
        timers: Times of the protocol.
        config: Config byte of the registration.
        currency: ISO 4217 number; a terminal with another one says which.
        serial: The form for serial lines; None: if the pipe has a rate.
        reopen: Gives the port anew after the pipe broke, waiting for it as long as makes sense; raises LinkError.
        watch: Is told every message, without passwords and card numbers.
    """

    def __init__(
        self, pipe: Pipe, *, password: Password, service_password: Password | None = None, timers: Timers = Timers(),  # noqa: B008
        config: int = CONFIG, currency: int = session.EURO, serial: bool | None = None,
        reopen: Callable[[], Pipe] | None = None, watch: Watch | None = None,
    ) -> None:  # fmt: skip
        self.line = ZvtLine(pipe, timers, serial=serial, watch=watch)
        self.identity = Identity()
        """As last told by `status`."""
        self.registered = Registered(None, charsets.CP437, COLUMNS, "", currency, False, False)
        self.missing: set[int] = set()
        """Commands that the terminal has said it does not have."""
        self._password = password
        self.service_password = service_password
        """Of the service menu; the other one is used without it."""
        self._config, self._reopen = config, reopen
        self._start_baud = pipe.baud
        self.broken = False
        """The pipe is gone, or must be given up."""

    @property
    def pipe(self) -> Pipe:
        """The pipe in use; another one after it broke."""
        return self.line.pipe

    # -- commands ---------------------------------------------------------------------------------------------------

    def ask(
        self, opcode: int, request: Message | None = None, *, taken: Collection[int] = (), heard: Heard | None = None,
        limit_s: float = DIALOGUE_S, answer_s: float | None = None,
    ) -> Done:  # fmt: skip
        """One command, to its end; see `Dialogue.run`.

        Args:
            heard: What collects, and answers, the terminal's words.
            limit_s: Longest time of it all.
        """
        self.mend()
        heard = heard or Heard(self.registered.charset, self.registered.columns)
        try:
            return Dialogue(self.line, heard, limit_s).run(opcode, request, taken=taken, answer_s=answer_s)
        except Unsupported:
            self.missing.add(opcode)
            raise
        except LinkLost as lost:
            self.broken = not isinstance(lost, Silent) or not self.line.serial  # X 4: who fails closes the connection
            self.line.renew()
            raise

    @property
    def can_reopen(self) -> bool:
        """Whether a port that broke can be opened again."""
        return self._reopen is not None

    def mend(self) -> None:
        """Open a port that broke anew, if anybody can; raises as `reopen` does."""
        if self.broken and self._reopen is not None:
            self.pipe.close()
            self.line.move_to(self._reopen())
        self.broken = False

    # -- finding it -------------------------------------------------------------------------------------------------

    def connect(self) -> Registered:
        """Find the terminal, at whatever rate it was left, and register.

        Raises:
            LinkError: nobody answers.
            DeviceRefused: it does not want us: another password, for one.
        """
        problem: Silent | None = None
        for baud in self.rates():
            try:
                self.set_baud(baud)
                with self.line.impatient() if problem else contextlib.nullcontext():
                    return self._register_here()
            except Silent as silent:
                problem = problem or silent
        self.set_baud(self._start_baud)
        assert problem is not None
        raise problem

    def rates(self) -> Iterator[int]:
        """Rates to look for the terminal at: the present one, the first one (to which restarts lead), the others."""
        if not self.line.serial or not self.pipe.baud:
            return iter((self.pipe.baud,))
        return iter(dict.fromkeys((self.pipe.baud, self._start_baud, *sorted(BAUD_RATES.values()))))

    def set_baud(self, baud: int) -> None:
        """Another rate at this end; raises as the pipe does."""
        if baud != self.pipe.baud:
            self.line.set_baud(baud)

    def _register_here(self) -> Registered:
        try:
            return self.register()
        except LinkError as error:
            if isinstance(error, LinkLost) and not (isinstance(error, Silent) and error.timer is Timer.T3):
                raise
            self.mend()
            recover(self.line)  # it is there, and busy with, or still answering, what a dead host has asked
            return self.register()

    def register(self) -> Registered:
        """06 00; raises as `connect` does."""
        try:
            done = self.ask(Opcode.REGISTRATION, self._registration(self.registered.currency), limit_s=SHORT_S)
        except WrongCurrency as refused:
            if refused.currency in (None, self.registered.currency):
                raise
            done = self.ask(Opcode.REGISTRATION, self._registration(refused.currency), limit_s=SHORT_S)
            self.registered = self.registered._replace(currency=refused.currency or 0)
        told: RegistrationCompletion = done.completion
        status, sets = told.status or 0, told.charsets.sets if told.charsets else ()
        self.registered = Registered(
            told.max_apdu,
            sets[0] if len(sets) == 1 else charsets.CP437,
            told.columns or COLUMNS,
            told.terminal_id or "",
            told.currency or self.registered.currency,
            bool(status & session.INITIALISATION_DUE),
            bool(status & session.DIAGNOSIS_DUE),
        )
        return self.registered

    def _registration(self, currency: int | None) -> Registration:
        return Registration(
            password=self._password, config=self._config, currency=currency, container=True, max_apdu=HOST_APDU, columns=COLUMNS,
            charsets=CharacterSets(sets=(charsets.CP437,)), commands=Commands(opcodes=TERMINAL_MAY),
        )  # fmt: skip

    def status(self) -> TerminalStatus:
        """05 01: which terminal it is, and how. Raises as `ask` does."""
        request = StatusEnquiry(
            password=self._password, service=session.WITH_CONTAINER, container=True, next_restart=True
        )  # fmt: skip
        found = terminal_status(self.ask(Opcode.STATUS_ENQUIRY, request, limit_s=SHORT_S).completion)
        if found.identity.model or found.identity.serial_number:
            self.identity = found.identity
        return found

    def log_off(self) -> None:
        """06 02: the terminal goes back to its own settings of a register. Raises as `ask` does."""
        self.ask(Opcode.LOG_OFF)

    def close(self) -> None:
        """Let go."""
        self.pipe.close()
