"""Kinds of ZVT terminals that are simulated, and their habits (facts: K is an acquirer's terminal, Feig a cVEND)."""

import dataclasses
from typing import Final

from transports.zvt.opcodes import Opcode
from transports.zvt.service import BAUD_RATES

_O = Opcode
ALL: Final = frozenset(
    one for one in Opcode
    if one not in (_O.SET_HOST_CLOCK, _O.FILE_REQUEST, _O.STATUS_INFORMATION, _O.INTERMEDIATE_STATUS, _O.COMPLETION, _O.ABORTED)
    and one != _O.MAKER_FUNCTION
)  # fmt: skip
K_HAS: Final = frozenset({
    _O.REGISTRATION, _O.LOG_OFF, _O.STATUS_ENQUIRY, _O.END_OF_DAY, _O.DIAGNOSIS, _O.CHANGE_PASSWORD, _O.ABORT, _O.RESTART,
    _O.PRINT_TEXT_BLOCK, _O.DISPLAY_TEXT, _O.SOFTWARE_UPDATE, _O.CHANGE_BAUD_RATE,
})  # fmt: skip
FEIG_HAS: Final = frozenset({
    _O.REGISTRATION, _O.STATUS_ENQUIRY, _O.INITIALISATION, _O.DIAGNOSIS, _O.RESTART, _O.PRINT_CONFIGURATION, _O.SET_TERMINAL_ID,
    _O.END_OF_DAY, _O.CHANGE_CONFIGURATION, _O.WRITE_FILE, _O.MAKER_FUNCTION, _O.ABORT,
})  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Profile:
    """One kind."""

    name: str
    device: str
    """Name that it tells in 05 01."""
    version: str
    """Text that it tells; `{}` stands for the numbers."""
    commands: frozenset[int] = ALL
    max_apdu: int | None = 4096
    """Longest message that it says it takes; None: it does not say."""
    takes_apdu: int = 4096
    """Longest message that it really takes."""
    columns: int | None = 24
    rates: tuple[int, ...] = tuple(BAUD_RATES.values())
    password: str = "000000"  # noqa: S105 - of a simulation
    service_password: str = "210888"  # noqa: S105
    refuses_password_early: bool = False
    """With 84 37; others take the command, and abort it with 37."""
    keeps_registration: bool = False
    """Over a restart."""
    config_after_log_off: int = 0x86
    marks_last_line: bool = True
    checks_sets: bool = False
    """It knows the maker's files, holds them to their specs, and installs them."""
    update_aborts: bool = False
    """08 10 ends with 06 1E E0: the update starts (K)."""
    year_in_totals: bool = False


PROFILES: Final = {
    one.name: one
    for one in (
        Profile("full", "SIM ZVT", "SIM {}"),
        Profile(
            "k", "SIM-K", "K {}", K_HAS, max_apdu=1024, takes_apdu=1024, columns=48, rates=(9600, 115200),
            refuses_password_early=True, keeps_registration=True, config_after_log_off=0xBE, update_aborts=True,
            year_in_totals=True,
        ),
        Profile(
            "feig", "cVEND sim", "GER-APP-v{};cR02.01.01-00.09-2-2;CC26", FEIG_HAS, max_apdu=None, takes_apdu=33_000,
            columns=None, marks_last_line=False, checks_sets=True,
        ),
    )
}  # fmt: skip


@dataclasses.dataclass
class Knobs:
    """What goes wrong; all off in a healthy terminal. Planted by name, see `hwsim.zvt_faults`."""

    lose_acks: int = 0
    """So many acknowledgements of its own get lost."""
    late_answer_s: float = 0.0
    """Its next answer comes so much later."""
    silence_s: float = 0.0
    """After its next answer it works so long without a word."""
    longer_minutes: int = 0
    """After its next answer it asks for so much time (04 FF with a T4), and takes nearly all of it."""
    repeat_offset: int = 0
    """The second piece of a file is asked for so many times more."""
    sensitive_to_cc: bool = False
    """A host that cannot print makes the command fail."""
    no_last_line: bool = False
    bare_f0: bool = False
    """05 01 tells state F0, and no version before it."""
    no_currency: bool = False
    restart_after: int = 0
    """It restarts in place of its message of that number in a dialogue, counted from 1."""
    answers_first: bool = False
    """08 10 is completed before the update runs."""
    busy_polls: int = 0
    """So many times 05 01 says that maintenance is on; then that it has restarted."""
    follows: int = 0
    """Result of the end of day: E0 an update follows, FC a restart."""
    open_reservations: bool = False
    endless_status: bool = False
    endless_offset: bool = False
    offset_outside: bool = False
    unknown_file: bool = False
    escapes: bool = False
    """Texts with sequences that steer a screen, and with a card number."""
    lying_lengths: bool = False
    """Data objects that are longer than what they stand in."""
    forgets_block: bool = False
    """A flash that keeps other bytes than came."""
