"""Scenario files: what they may say, and that triggers come when they should."""

import pathlib

import pytest

from formats.errors import ToolError
from hwsim import scenario
from tests.bench_parts import Bench


@pytest.mark.parametrize(
    "text",
    [
        "[unknown]",
        "[terminal]\ncolour = 'red'",
        "[terminal]\nbattery_percent = 'full'",
        "[terminal]\nrevision = true",
        "[[fault]]\nkind = 'nonsense'",
        "[[fault]]\nkind = 'tamper'\nwhen = 3",
        "[[fault]]\nkind = 'tamper'\nat = { byte = 3, time_s = 4 }",
        "[[fault]]\nkind = 'tamper'\nat = { byte = 3, direction = 'up' }",
        "[[fault]]\nkind = 'tamper'\nat = { time_s = -1 }",
        "not toml at all =",
    ],
)
def test_what_means_nothing_is_an_error(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    with pytest.raises(ToolError) as caught:
        scenario.load(path)
    assert caught.value.exit_code == 2


def test_settings_and_identity_are_taken(tmp_path: pathlib.Path) -> None:
    bench = Bench(
        tmp_path,
        scenario={
            "terminal": {"serial_number": "LINE-7", "revision": 5, "battery_percent": 44, "unsettled": 2, "security_counter": 9}
        },
        installed=None,
    )
    bench.connect()
    info = bench.info()
    assert (info.serial_number, info.revision, info.security_counter) == ("LINE-7", 5, 9)
    assert bench.machine.terminal.peripherals.battery_percent == 44
    assert bench.machine.terminal.account.count == 2


@pytest.mark.parametrize(
    "at", [{"time_s": 3.0}, {"byte": 60, "direction": "rx"}, {"byte": 200, "direction": "tx"}, {"flash_op": 1}]
)
def test_faults_come_when_they_are_due(tmp_path: pathlib.Path, at: dict[str, object]) -> None:
    bench = Bench(tmp_path, scenario={"fault": [{"kind": "card_blocked", "at": at}]})
    if "flash_op" not in at:  # the journal entry at start is a flash operation
        assert bench.machine.terminal.peripherals.card_slot == "clear"
    bench.connect()
    bench.info()
    bench.wait(2.0)
    assert bench.machine.terminal.peripherals.card_slot == "blocked"
