"""What people do to mend a terminal: one act for each step that the diagnosis can advise, with the same name."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from hwsim.faults import FAULTS
from hwsim.peripherals import Peripherals
from hwsim.refusal import Refused
from transports.tsp.messages import BatchState, Status

if TYPE_CHECKING:
    from hwsim.machine import Machine

Done = Callable[["Machine"], None]


def _set(**values: object) -> Done:
    def act(machine: "Machine") -> None:
        for name, value in values.items():
            setattr(machine.terminal.peripherals, name, value)

    return act


def _load_paper(machine: "Machine") -> None:
    _set(paper="ok", paper_lines_left=None, cover_open=False)(machine)


def _clear_jam(machine: "Machine") -> None:
    """Paper that was jammed is torn off; the roll is put in again."""
    _set(jammed=False, cover_open=False)(machine)


def _tell_bank(machine: "Machine") -> None:
    """The bank's own people come: they take evidence away and put its books in order. Opened terminals stay out of service."""
    _set(card_slot="clear", turnover_ok=True)(machine)


def _swap(machine: "Machine") -> None:
    """Another terminal, with keys, stands in its place. One with an open batch must not go."""
    if machine.terminal.account.state is not BatchState.CLOSED:
        raise Refused(Status.UNSETTLED, "transactions are not settled")
    machine.terminal.storage.key_cells.renew()
    machine.terminal.peripherals = Peripherals(secure=machine.terminal.storage.key_cells)
    FAULTS["dead_sector"].mend(machine)
    machine.terminal.display = "WELCOME"


def _inject_keys(machine: "Machine") -> None:
    """Not into one that was opened."""
    if not machine.terminal.peripherals.tampered:
        machine.terminal.peripherals.secure.inject()
        _set(keys_present=True)(machine)


def _settle(machine: "Machine") -> None:
    """The bank has the transactions, so the terminal needs them no more."""
    machine.terminal.account.settle(machine.terminal.clock())
    _set(storage_used_percent=21)(machine)


def _restart(machine: "Machine") -> None:
    machine.terminal.restart()
    machine.terminal.peripherals.started()


def _reinitialise(machine: "Machine") -> None:
    if machine.terminal.account.state is not BatchState.CLOSED:
        raise Refused(Status.UNSETTLED, "transactions are not settled")
    _set(initialised=True)(machine)


def _replace_cable(machine: "Machine") -> None:
    """The count of errors begins anew, as `fwtool stats reset` makes it."""
    machine.terminal.statistics.values["CommunicationErrorCount"] = 0


SERVICE_ACTS: Final[dict[str, tuple[str, Done]]] = {
    "load-paper": ("put a new roll in and close the cover", _load_paper),
    "close-cover": ("close the printer's cover", _set(cover_open=False)),
    "clear-jam": ("tear the jammed paper off and put the roll in again", _clear_jam),
    "cool-head": ("let the print head cool", _set(head_temperature_c=34)),
    "clean-head": ("clean the print head", _set(metres_since_cleaning=0)),
    "replace-printer": ("replace the printer module", _set(head_metres=0, metres_since_cleaning=0, dead_dots=())),
    "clean-msr": ("draw a cleaning card through the stripe reader", _set(msr_failed_percents=(1, 2, 1))),
    "clean-chip": ("use a cleaning card for chip readers", _set(chip_ok=True, chip_torn_percent=1)),
    "clean-slot": ("use a cleaning card for the slot", _set(slot_light_percent=96)),
    "return-card": ("end the payment; its owner takes the card", _set(card_left=False)),
    "clean-keypad": ("wipe the keypad", _set(keypad_stuck="")),
    "charge": ("connect mains and charge the battery", _set(mains=True, battery_percent=100, battery_mv=4150)),
    "check-supply": ("put power supply, cable and base right", _set(charge_fault=False)),
    "cool-battery": ("unplug it and let the battery cool", _set(battery_temperature_c=27)),
    "replace-battery": (
        "replace the battery",
        _set(battery_cycles=0, battery_age_days=0, battery_percent=60, battery_mv=3900, battery_temperature_c=25),
    ),
    "check-cable": ("put the network cable right", _set(network_link=True)),
    "check-sim": ("put the SIM card right", _set(sim_card=True)),
    "check-network-settings": ("put the network settings right", _set(dns_ok=True)),
    "improve-signal": ("find a better place for the terminal", _set(network_signal_percent=64)),
    "replace-cable": ("replace the cable to the computer", _replace_cable),
    "renew-certificate": ("renew the certificate", _set(certificate_days_left=730, tls_ok=True)),
    "inject-keys": ("have keys injected", _inject_keys),
    "activate": ("have the terminal activated", _set(activated=True)),
    "update-firmware": ("install firmware that is approved", _set(approval_days_left=1000)),
    "read-journal": ("read the journal and send it to the maker", _set(journal_errors=0)),
    "wait": ("wait until the bank's maintenance is over", _set(maintenance=False, host_reachable=True)),
    "restart": ("switch it off and on", _restart),
    "reinitialise": ("initialise it in its menu", _reinitialise),
    "settle": ("settle the batch at the terminal", _settle),
    "tell-bank": ("tell the bank, whose people come", _tell_bank),
    "swap-terminal": ("put another terminal in its place", _swap),
}
"""Name -> what it is, and the function."""
