"""What a terminal finds out about itself at every start and every 24 hours (docs/device/boot.md section 10)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from hwsim.counter import Counter
from hwsim.slots import SlotStore
from hwsim.trust_store import TrustStore

if TYPE_CHECKING:
    from hwsim.terminal import Terminal

EVERY_S: Final = 24 * 3600.0


def _firmware(terminal: "Terminal") -> bool:
    """Every block of what runs is what was signed."""
    booted = terminal.booted
    if booted is None or booted.slot is None or booted.offered is None:
        return True  # nothing runs, and that is told elsewhere
    return SlotStore(terminal.flash, booted.slot).held(booted.offered) == booted.offered.manifest.block_count


def _trust(terminal: "Terminal") -> bool:
    return TrustStore(terminal.flash).current == terminal.trust


def _counter(terminal: "Terminal") -> bool:
    return Counter(terminal.counter.part).value == terminal.counter.value


def _keys(terminal: "Terminal") -> bool:
    return terminal.storage.key_cells.present


def _tamper(terminal: "Terminal") -> bool:
    return not terminal.storage.key_cells.tripped


TESTS: Final[dict[str, Callable[["Terminal"], bool]]] = {
    "firmware": _firmware,
    "trust": _trust,
    "counter": _counter,
    "keys": _keys,
    "tamper": _tamper,
}


def failed(terminal: "Terminal", *, at_start: bool) -> list[str]:
    """Names of the tests that do not pass. At a start the boot loader has just looked at the firmware."""
    return [name for name, passes in TESTS.items() if not (at_start and name == "firmware") and not passes(terminal)]
