"""`fwtool flash` over USB DFU, on simulated devices: signed packages only, for this device only, read back, recorded."""

import dataclasses
import pathlib

import pytest

from fwtool.flashing import FlashJob, flash
from fwtool.records import Records
from hwsim.dfu_device import SimulatedDfu
from hwsim.dfu_port import KINDS, VirtualClock
from hwsim.dfu_profile import Faults
from tests.conftest import Fwtool
from tests.support import KEY, STRANGER, make_package, part, pattern, trust_of
from transports.dfu.status import Status

FLASH = 0x08000000


@pytest.fixture
def package(run: Fwtool, keys: pathlib.Path) -> pathlib.Path:
    (keys / "app.bin").write_bytes(pattern(50_000))
    for name, model in (("plain", "usb-1209-0002"), ("dfuse", "usb-1209-df11:0..9999"), ("other", "usb-1209-0003")):
        build = ("image", "build", f"app=app.bin@{FLASH:#x}", "--version", "2.0.0", "--hardware", model)
        assert run(*build, "--security-counter", "1", "--out", f"{name}.fwp").code == 0
        assert run("image", "sign", f"{name}.fwp", "--key", "maker.pem").code == 0
    return keys


@pytest.mark.parametrize("kind", ["plain", "dfuse"])
def test_a_device_is_flashed_read_back_and_recorded(run: Fwtool, package: pathlib.Path, kind: str) -> None:
    port = f"sim-dfu:?kind={kind}&file=device.bin"
    flash = ("flash", f"{kind}.fwp", "--port", port, "--trust", "maker.trust")
    planned = run(*flash, "--dry-run", "--json").result
    assert planned["data"]["devices"][0]["verdict"] == "planned"
    assert not (package / "device.bin").exists() or pattern(50_000)[:64] not in (package / "device.bin").read_bytes()
    done = run(*flash, "--json").result
    device = done["data"]["devices"][0]
    assert (device["verdict"], device["read_back"], device["verified_by"]) == ("updated", True, "host")
    assert (package / "device.bin").read_bytes()[:50_000] == pattern(50_000)
    assert run(*flash, "--json").result["changed"] is False
    kinds = [entry["kind"] for entry in run("log", "show", "--json").result["data"]["entries"]]
    assert kinds.count("started") == 1


@pytest.mark.parametrize(("name", "trust", "code"), [
    ("other.fwp", "maker.trust", 6), ("plain.fwp", "stranger.pub.pem", 4), ("dfuse.fwp", "maker.trust", 6),
])  # fmt: skip
def test_what_is_unsigned_or_for_another_device_is_not_sent(
    run: Fwtool, package: pathlib.Path, name: str, trust: str, code: int
) -> None:
    (package / "stranger.pub.pem").write_bytes(STRANGER.public.pem())
    done = run("flash", name, "--port", "sim-dfu:?kind=plain&file=device.bin", "--trust", trust, "--json").result
    assert done["exit_code"] == code, done
    held = (package / "device.bin").read_bytes() if (package / "device.bin").exists() else b""
    assert set(held) <= {0xFF}


def test_ports_that_are_none(run: Fwtool, package: pathlib.Path) -> None:
    for port in ("sim-dfu:?kind=what", "sim-dfu:?colour=red", "usb:nonsense"):
        assert run("flash", "plain.fwp", "--port", port, "--trust", "maker.trust").code == 2, port


# -- faults, in process -----------------------------------------------------------------------------------------------------


def job_for(tmp_path: pathlib.Path, kind: str, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> tuple[FlashJob, SimulatedDfu]:
    clock = VirtualClock()
    device = SimulatedDfu(KINDS[kind], clock, faults)
    monkeypatch.setattr("transports.dfu_device.open_port", lambda port: (device, clock))
    model = "usb-1209-df11" if kind == "dfuse" else "usb-1209-0002"
    (tmp_path / "x.fwp").write_bytes(make_package([part(pattern(20_000), address=FLASH)], hardware=model))
    return FlashJob(tmp_path / "x.fwp", "sim-dfu:", trust_of(KEY)), device


@pytest.mark.parametrize(
    ("faults", "kinds", "code"),
    [
        (Faults(manifest=Status.ERR_FIRMWARE), ("plain",), 7),
        (Faults(manifest=Status.ERR_VERIFY), ("plain",), 7),
        (Faults(fail_at=(3, Status.ERR_WRITE)), ("plain", "dfuse"), 7),
        (Faults(cut_at=4), ("plain", "dfuse"), 8),
        (Faults(busy_for_ever=True), ("plain", "dfuse"), None),
        (Faults(stall_at=5), ("plain", "dfuse"), 7),
    ],
    ids=["errFIRMWARE", "errVERIFY", "errWRITE", "power cut", "busy for ever", "stall"],
)
def test_every_fault_is_told_recorded_and_can_be_mended(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, faults: Faults, kinds: tuple[str, ...], code: int | None
) -> None:
    from formats.errors import ToolError

    for kind in kinds:
        folder = tmp_path / kind
        folder.mkdir()
        job, device = job_for(folder, kind, dataclasses.replace(faults), monkeypatch)
        caught = None
        try:
            flash(job, Records(folder / "state"))
        except ToolError as error:
            caught = error
        assert caught is not None, kind
        assert code is None or caught.exit_code == code, (kind, caught)
        entries = Records(folder / "state").entries()
        # Busy for ever, a device cannot even be read before it is written.
        assert [entry.kind for entry in entries] in (["started", "finished"], ["refused"])
        device.faults.__dict__.update(vars(Faults()))
        device.clock.sleep(10)
        assert device.find_again()
        result = flash(job, Records(folder / "state"))
        assert result.verdict == "updated"
        assert pattern(20_000) in bytes(device.loader.memory.cells)


def test_a39_a_lying_read_back_is_noticed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from formats.errors import ToolError

    job, _ = job_for(tmp_path, "plain", Faults(upload_flip=100), monkeypatch)
    with pytest.raises(ToolError) as caught:
        flash(job, Records(tmp_path / "state"))
    assert (caught.value.name, caught.value.exit_code) == ("read_back_differs", 10)
