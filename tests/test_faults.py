"""Every fault of the simulator's list is found by the health check under its own id, and by nothing else."""

import pathlib

import pytest

from fwtool.checks import CHECKS
from fwtool.diagnosis import diagnose, examine
from fwtool.findings import Outcome
from hwsim.faults import FAULTS, Fault
from hwsim.service_acts import SERVICE_ACTS
from tests.bench_parts import Bench
from transports.tsp.messages import Level

EXPECTED = {
    "paper_out": {"printer.paper"},
    "paper_low": {"printer.paper"},
    "cover_open": {"printer.paper"},
    "paper_jam": {"printer.jam", "printer.paper"},
    "head_hot": {"printer.head_temperature", "printer.paper"},
    "head_worn": {"printer.wear"},
    "head_dirty": {"printer.cleaning"},
    "dead_dots": {"printer.dead_dots"},
    "card_blocked": {"card_slot.obstruction"},
    "overlay": {"card_slot.overlay"},
    "card_left": {"card_slot.card_left"},
    "slot_dirty": {"card_slot.light"},
    "slot_mechanism": {"card_slot.mechanism"},
    "msr_dirty": {"msr.failed_reads", "msr.track_2"},
    "msr_worn": {"msr.failed_reads", "msr.track_1", "msr.track_2", "msr.track_3"},
    "chip_contacts": {"chip.contacts"},
    "chip_torn": {"chip.dialogues"},
    "chip_dead": {"chip.reader"},
    "contactless": {"contactless.reader"},
    "contactless_init": {"contactless.started"},
    "key_stuck": {"keypad.keys"},
    "pinpad": {"keypad.module"},
    "display": {"display.panel"},
    "battery_low": {"battery.charge"},
    "battery_weak": {"battery.voltage"},
    "charger": {"power.charging"},
    "battery_worn": {"battery.cycles"},
    "battery_old": {"battery.age"},
    "battery_hot": {"battery.temperature"},
    "backup_cell": {"battery.backup_cell"},
    "clock_skew": {"clock.skew"},
    "host_unreachable": {"communications.host"},
    "network_module": {"network.module"},
    "sim_missing": {"network.sim"},
    "network_link": {"network.link"},
    "weak_signal": {"network.signal"},
    "dns": {"network.dns"},
    "tls": {"network.tls"},
    "line_errors": {"communications.line"},
    "maintenance": {"maintenance.running"},
    "certificate": {"security.certificate"},
    "approval_expired": {"security.approval"},
    "self_test_old": {"security.self_test"},
    "keys_missing": {"security.keys"},
    "init_needed": {"setup.initialised"},
    "activation": {"setup.activated"},
    "secure_module": {"security.module"},
    "tamper": {"security.keys", "security.tamper"},
    "offline_unsent": {"batch.offline", "batch.unsettled"},
    "unsettled": {"batch.unsettled"},
    "dead_sector": {"storage.flash"},
    "storage_full": {"storage.room"},
    "turnover_damaged": {"batch.store"},
    "journal_errors": {"journal.errors"},
}
LINE_FAULTS = {"noise", "drop", "duplicate", "burst", "rate_limit", "garbage", "unplug", "power_cut", "hang", "lie_version"}
"""These are met on the line or at read-back, and have their tests there."""


def bad(bench: Bench) -> set[str]:
    findings = diagnose(bench.device(), Level.EXTERNAL)
    return {finding.id for finding in findings if finding.outcome in (Outcome.WARN, Outcome.FAIL)}


def test_every_fault_is_accounted_for() -> None:
    assert set(EXPECTED) | LINE_FAULTS == set(FAULTS)


def test_a_healthy_terminal_passes_everything(tmp_path: pathlib.Path) -> None:
    findings = diagnose(Bench(tmp_path).device(), Level.EXTERNAL)
    assert {finding.outcome for finding in findings} == {Outcome.PASS}
    assert len(findings) == sum(check.level <= Level.EXTERNAL for check in CHECKS)


@pytest.mark.parametrize("fault", sorted(EXPECTED))
def test_a_fault_is_found_and_mended(tmp_path: pathlib.Path, fault: str) -> None:
    bench = Bench(tmp_path)
    FAULTS[fault].plant(bench.machine, Fault(fault))
    assert bad(bench) == EXPECTED[fault]
    FAULTS[fault].mend(bench.machine)
    assert bad(bench) == set()


def test_every_check_speaks_both_languages() -> None:
    for check in CHECKS:
        for words in (check.title, check.cause, check.action):
            assert words.en.isascii(), check.id
            assert any("\u4e00" <= character <= "\u9fff" for character in words.zh), check.id
    assert len({check.id for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("fault", sorted(EXPECTED))
def test_a_fault_is_mended_by_doing_what_the_diagnosis_says(tmp_path: pathlib.Path, fault: str) -> None:
    """By its steps alone, the first cause first, as a person would: no fault is undone by its name."""
    bench = Bench(tmp_path)
    FAULTS[fault].plant(bench.machine, Fault(fault))
    done: list[str] = []
    for _ in range(6):
        device = bench.device()
        ranking = examine(device, Level.EXTERNAL).ranking
        if not ranking.causes:
            break
        for step in ranking.causes[0].steps:
            done.append(step)
            if step == "set_clock":
                device.set_clock(device.wall_clock())
            else:
                SERVICE_ACTS[step.replace("_", "-")][1](bench.machine)
                bench.wait(5)  # a restart is over
    assert bad(bench) == set(), done
