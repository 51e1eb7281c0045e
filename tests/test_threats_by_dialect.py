"""Threats A36 to A39 on the dialects that are not ours: what a ZVT terminal or a DFU device says of itself is data."""

import dataclasses
import json
import pathlib
import unicodedata

import pytest

from formats import trust
from formats.errors import ToolError
from fwtool.cli import main as command_line
from fwtool.flashing import FlashJob, flash
from fwtool.records import Records
from hwsim import dfu_port, zvt_pipe, zvt_profile
from tests.conftest import Fwtool
from tests.support import KEY, make_package, part, pattern, trust_of
from tests.test_zvt_push import make_set

TEXTS = {
    "path": "../../../../etc/cron.d/x", "statement": "'; DROP TABLE entries; --", "command": "$(touch here)`touch here`",
    "title": "a\x1b]0;owned\x07b", "screen": "a\x1b[2Jb", "one byte": "a\x9b2Jb", "formula": "=cmd|' /C calc'!A0",
}  # fmt: skip
VERBS = (("info",), ("diagnose",), ("batch", "show"), ("-v", "info"))


@pytest.fixture(params=["zvt", "dfu"])
def hostile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> "Hostile":
    """A device of each kind that says what it is told to say."""
    return Hostile(request.param, monkeypatch)


class Hostile:
    def __init__(self, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.port = f"sim-{protocol}:"
        self._protocol, self._patch = protocol, monkeypatch

    def says(self, text: str) -> None:
        """Its name, or its serial number, is this text."""
        if self._protocol == "zvt":
            self._patch.setattr(zvt_pipe, "_machines", {})
            changed = dataclasses.replace(zvt_profile.PROFILES["feig"], device=text, version=f"{text} v{{}}")
            self._patch.setitem(zvt_profile.PROFILES, "feig", changed)
        else:
            self._patch.setitem(dfu_port.KINDS, "plain", dataclasses.replace(dfu_port.KINDS["plain"], serial_number=text))


def visible(text: str) -> bool:
    return not any(unicodedata.category(one) in ("Cc", "Cf") for one in text if one != "\n")


@pytest.mark.parametrize("kind", TEXTS)
def test_a36_a37_a38_what_a_device_says_is_data(
    hostile: Hostile, kind: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It moves no cursor, chooses no file, runs no command: on the screen, in JSON, as an error."""
    home = tmp_path / "here"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("FWTOOL_STATE_DIR", str(tmp_path / "state"))
    hostile.says(TEXTS[kind])
    for verb in VERBS:
        assert command_line.run([*verb, "--port", hostile.port]) != 1
        told = capsys.readouterr()
        assert visible(told.out + told.err), (verb, told)
        command_line.run([*verb, "--port", hostile.port, "--json"])
        for line in capsys.readouterr().out.splitlines():
            json.loads(line)
            assert visible(line)
    assert not list(home.iterdir())
    assert {path.name for path in tmp_path.iterdir()} <= {"here", "state"}


def test_a38_a_dfu_device_s_serial_number_stands_in_the_record_as_it_is(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, text in enumerate(TEXTS.values()):
        Hostile("dfu", monkeypatch).says(text)
        image = part(pattern(2_000), address=0x08000000)
        (tmp_path / "x.fwp").write_bytes(make_package([image], hardware="usb-1209-0002"))
        records = Records(tmp_path / f"state-{number}")
        flash(FlashJob(tmp_path / "x.fwp", "sim-dfu:", trust_of(KEY)), records)
        assert {entry.body["serial_number"] for entry in records.entries()} == {text}
    assert {path.name for path in tmp_path.iterdir()} == {"x.fwp", *(f"state-{number}" for number in range(len(TEXTS)))}


def test_a39_a_zvt_terminal_that_says_ok_and_does_nothing_is_found_out(
    run: Fwtool, keys: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (keys / "set").mkdir()
    make_set(keys / "set")
    build = ("image", "build", "set", "--version", "1.1.0", "--hardware", "cVEND sim", "--security-counter", "1")
    assert run(*build, "--out", "set.fwp").code == 0
    assert run("image", "sign", "set.fwp", "--key", "maker.pem").code == 0
    lazy = dataclasses.replace(zvt_profile.PROFILES["feig"], checks_sets=False)
    monkeypatch.setitem(zvt_profile.PROFILES, "feig", lazy)
    monkeypatch.setattr(zvt_pipe, "_machines", {})
    trusted = trust.parse((keys / "maker.trust").read_bytes())
    passwords = {"password": lambda what: "210888" if what == "service" else "000000"}
    job = FlashJob(keys / "set.fwp", "sim-zvt:", trusted, settle=True, port_options=passwords)
    with pytest.raises(ToolError) as caught:
        flash(job, Records(keys / "state"))
    assert (caught.value.name, caught.value.exit_code) == ("reverted", 8)
    assert [entry.kind for entry in Records(keys / "state").entries()] == ["started", "finished"]
