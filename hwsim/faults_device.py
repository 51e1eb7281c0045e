"""Faults that the health check finds: paper, head, readers, power, keys, network, money."""

import random
from typing import TYPE_CHECKING, Final

from hwsim.fault import Fault, Kind, setting
from hwsim.statistics import START

if TYPE_CHECKING:
    from hwsim.machine import Machine


def _plant_paper_out(machine: "Machine", fault: Fault) -> None:
    if fault.value:
        machine.terminal.peripherals.paper_lines_left = int(fault.value)
    else:
        machine.terminal.peripherals.paper = "out"


def _mend_paper(machine: "Machine") -> None:
    machine.terminal.peripherals.paper, machine.terminal.peripherals.paper_lines_left = "ok", None


def _plant_battery_low(machine: "Machine", fault: Fault) -> None:
    peripherals = machine.terminal.peripherals
    peripherals.mains, peripherals.battery_percent, peripherals.battery_mv = False, int(fault.value or 12), 3480


def _mend_battery(machine: "Machine") -> None:
    peripherals = machine.terminal.peripherals
    peripherals.mains, peripherals.battery_percent, peripherals.battery_mv = True, 92, 4050


def _plant_tamper(machine: "Machine", fault: Fault) -> None:
    del fault
    peripherals = machine.terminal.peripherals
    peripherals.tampered, peripherals.keys_present = True, False
    machine.terminal.display = "DEVICE OUT OF SERVICE"
    peripherals.secure.trip()


def _mend_tamper(machine: "Machine") -> None:
    """Only the maker can: the simulation gives out a repaired terminal."""
    machine.terminal.peripherals.secure.renew()
    machine.terminal.peripherals.tampered, machine.terminal.peripherals.keys_present = False, True


def _plant_self_test(machine: "Machine", fault: Fault) -> None:
    peripherals = machine.terminal.peripherals
    peripherals.self_test_runs, peripherals.hours_since_self_test = False, int(fault.value or 40)


def _mend_self_test(machine: "Machine") -> None:
    machine.terminal.peripherals.self_test_runs, machine.terminal.peripherals.hours_since_self_test = True, 9


def _plant_dead_dots(machine: "Machine", fault: Fault) -> None:
    generator = random.Random(fault.seed)  # noqa: S311 - repeatable on purpose
    machine.terminal.peripherals.dead_dots = tuple(generator.sample(range(384), int(fault.value or 3)))


def _plant_dead_sector(machine: "Machine", fault: Fault) -> None:
    machine.terminal.flash.dead_sectors.add(int(fault.value or 0x0860000 // 4096))
    machine.terminal.peripherals.storage_bad_sectors = len(machine.terminal.flash.dead_sectors)


def _mend_dead_sector(machine: "Machine") -> None:
    machine.terminal.flash.dead_sectors.clear()
    machine.terminal.peripherals.storage_bad_sectors = 0


def _plant_unsettled(machine: "Machine", fault: Fault) -> None:
    machine.terminal.account.open_with(int(fault.value or 3))


def _plant_offline(machine: "Machine", fault: Fault) -> None:
    count = int(fault.value or 4)
    machine.terminal.account.open_with(count)
    machine.terminal.account.offline_unsent = count


def _plant_msr_dirty(machine: "Machine", fault: Fault) -> None:
    failed = int(fault.value or 31)
    machine.terminal.peripherals.msr_failed_percents = (min(4, failed), failed, min(3, failed))
    for name in ("FailedReadCount", "ParityLRCErrorTrack2Count"):
        machine.terminal.statistics.add(name, 2 * failed)


def _plant_msr_worn(machine: "Machine", fault: Fault) -> None:
    failed = int(fault.value or 44)
    machine.terminal.peripherals.msr_failed_percents = (failed, failed, failed)
    for name in ("FailedReadCount", *(f"MissingStartSentinelTrack{track}Count" for track in (1, 2, 3))):
        machine.terminal.statistics.add(name, 2 * failed)


def _mend_msr(machine: "Machine") -> None:
    machine.terminal.peripherals.msr_failed_percents = (1, 2, 1)


def _plant_line_errors(machine: "Machine", fault: Fault) -> None:
    machine.terminal.statistics.add("CommunicationErrorCount", int(fault.value or 900))


def _mend_line_errors(machine: "Machine") -> None:
    machine.terminal.statistics.values["CommunicationErrorCount"] = START["CommunicationErrorCount"]


DEVICE_FAULTS: Final[dict[str, Kind]] = {
    "paper_out": Kind("the paper ends, now or after `value` lines", _plant_paper_out, _mend_paper),
    "paper_low": setting("the roll is near its end", "paper", "low", "ok"),
    "cover_open": setting("the printer's cover is open", "cover_open", True, False),
    "paper_jam": setting("the paper is jammed", "jammed", True, False),
    "head_hot": setting("the print head is at `value` degrees (75)", "head_temperature_c", 75, 34),
    "head_worn": setting("the print head has done `value` metres (52000)", "head_metres", 52_000, 4_200),
    "head_dirty": setting("the print head was cleaned `value` metres ago (240)", "metres_since_cleaning", 240, 18),
    "dead_dots": Kind(
        "`value` dots (3) of the head are dead",
        _plant_dead_dots,
        lambda m: setattr(m.terminal.peripherals, "dead_dots", ()),
    ),
    "card_blocked": setting("something is in the card slot", "card_slot", "blocked", "clear"),
    "overlay": setting("a foreign part sits on the card slot", "card_slot", "overlay", "clear"),
    "card_left": setting("a card was left in the slot", "card_left", True, False),
    "slot_dirty": setting("the slot's light barriers get `value` percent (45) of their light", "slot_light_percent", 45, 96),
    "slot_mechanism": setting("the slot's lock does not move", "slot_mechanism_ok", False, True),
    "msr_dirty": Kind("`value` percent (31) of the reads of track 2 fail", _plant_msr_dirty, _mend_msr),
    "msr_worn": Kind("`value` percent (44) of the reads of every track fail", _plant_msr_worn, _mend_msr),
    "chip_contacts": setting("the chip contacts do not close", "chip_ok", False, True),
    "chip_torn": setting("`value` percent (20) of the chip dialogues break off", "chip_torn_percent", 20, 1),
    "chip_dead": setting("the chip reader does not answer", "chip_answers", False, True),
    "contactless": setting("the contactless reader is dead", "contactless_ok", False, True),
    "contactless_init": setting("the contactless reader was not started", "contactless_started", False, True),
    "key_stuck": setting("a key hangs", "keypad_stuck", "5", ""),
    "pinpad": setting("the keypad's module does not answer", "keypad_answers", False, True),
    "display": setting("the display is faulty", "display_ok", False, True),
    "battery_low": Kind("on battery, at `value` percent (12)", _plant_battery_low, _mend_battery),
    "battery_weak": setting("the battery's voltage is down to `value` mV (3350)", "battery_mv", 3350, 4050),
    "charger": setting("mains is there, yet the battery is not charged", "charge_fault", True, False),
    "battery_worn": setting("the battery has done `value` cycles (920)", "battery_cycles", 920, 140),
    "battery_old": setting("the battery is `value` days old (900)", "battery_age_days", 900, 320),
    "battery_hot": setting("the battery is at `value` degrees (58)", "battery_temperature_c", 58, 27),
    "backup_cell": setting("the tamper cell is at `value` mV (2450)", "backup_cell_mv", 2450, 3050),
    "clock_skew": setting("the clock is off by `value` seconds (7200)", "clock_offset_s", 7200, 0),
    "host_unreachable": setting("the bank's host does not answer", "host_reachable", False, True),
    "network_module": setting("the network module does not answer", "network_module_ok", False, True),
    "sim_missing": setting("there is no SIM card", "sim_card", False, True),
    "network_link": setting("there is no network cable or carrier", "network_link", False, True),
    "weak_signal": setting("the radio signal is at `value` percent (12)", "network_signal_percent", 12, 71),
    "dns": setting("names of hosts are not found", "dns_ok", False, True),
    "tls": setting("the bank's host refuses TLS", "tls_ok", False, True),
    "line_errors": Kind("`value` errors (900) on the line to the host computer", _plant_line_errors, _mend_line_errors),
    "maintenance": setting("the bank's remote maintenance goes on", "maintenance", True, False),
    "certificate": setting("the certificate has `value` days left (6)", "certificate_days_left", 6, 420),
    "approval_expired": setting("the approval of the firmware ended `value` days (-20) from now", "approval_days_left", -20, 560),
    "self_test_old": Kind("the self-test does not run; the last was `value` hours ago (40)", _plant_self_test, _mend_self_test),
    "keys_missing": setting("the keys are gone", "keys_present", False, True),
    "init_needed": setting("the terminal wants to be initialised", "initialised", False, True),
    "activation": setting("the terminal wants to be activated", "activated", False, True),
    "secure_module": setting("the secure module is another one than before", "module_changed", True, False),
    "tamper": Kind("the tamper switch opens", _plant_tamper, _mend_tamper),
    "offline_unsent": Kind(
        "`value` offline payments (4) have not gone to the bank",
        _plant_offline,
        lambda m: m.terminal.account.settle(m.terminal.clock()),
    ),
    "unsettled": Kind(
        "`value` transactions (3) are not settled",
        _plant_unsettled,
        lambda m: m.terminal.account.settle(m.terminal.clock()),
    ),
    "dead_sector": Kind("flash sector number `value` cannot be erased", _plant_dead_sector, _mend_dead_sector),
    "storage_full": setting("`value` percent (100) of the room for journals is used", "storage_used_percent", 100, 21),
    "turnover_damaged": setting("the stored transactions are damaged", "turnover_ok", False, True),
    "journal_errors": setting("`value` errors (12) in the journal since yesterday", "journal_errors", 12, 1),
}
