"""The same commands on every kind of device: what one cannot do it says, with what to do instead."""

import json
import pathlib
import subprocess

import pytest

from tests.bench_parts import TRUST
from tests.conftest import Fwtool
from tests.support import make_package, need, pattern
from tests.test_zvt_push import make_set
from transports.device import Device
from transports.dialects import DIALECTS, connect, protocol_of
from transports.terminal_records import Capability

ZVT = "sim-zvt:"
PORTS = {"tsp": "sim:", "zvt": ZVT, "dfu": "sim-dfu:"}


@pytest.fixture
def set_package(run: Fwtool, keys: pathlib.Path) -> pathlib.Path:
    """A signed package made of the folder of a cVEND update."""
    (keys / "set").mkdir()
    make_set(keys / "set")
    build = ("image", "build", "set", "--version", "1.1.0", "--hardware", "cVEND sim", "--security-counter", "1")
    built = run(*build, "--out", "set.fwp", "--json").result["data"]
    assert [one["name"] for one in built["components"]] == [
        "firmware/kernel.gz", "firmware/rootfs.gz", "firmware/update.spec", "app1/update.spec", "app1/update.tar.gz",
    ]  # fmt: skip
    assert run("image", "sign", "set.fwp", "--key", "maker.pem").code == 0
    (keys / "passwords").write_text("000000\n210888\n")
    return keys


def test_every_dialect_has_a_simulated_device() -> None:
    assert set(PORTS) == set(DIALECTS)
    assert {name: protocol_of(port) for name, port in PORTS.items()} == {name: name for name in PORTS}


@pytest.mark.parametrize("protocol", sorted(PORTS))
def test_the_shape_holds(protocol: str, keys: pathlib.Path) -> None:
    """Every act either works or says that it is not there and what to do; facts name one device; closing twice is fine."""
    (keys / "old.fwp").write_bytes(make_package())
    (keys / "tests.trust").write_bytes(TRUST.raw)
    old = f"?trust={keys / 'tests.trust'}&firmware={keys / 'old.fwp'}"
    port = PORTS[protocol] + (old if protocol == "tsp" else "")
    with connect(port) as device:
        assert device.protocol == protocol
        assert device.facts().who.count("/") == 2
        assert device.verified_by in ("device", "host")
        acts = {
            Capability.BATCH: device.batch, Capability.SETTLE: device.settle, Capability.CLOCK: device.clock,
            Capability.STATISTICS: device.statistics, Capability.SLOTS: device.slots, Capability.PRINT_TEST: device.print_test,
        }  # fmt: skip
        for act, call in acts.items():
            if device.can(act):
                assert call() is not None
            else:
                with pytest.raises(Exception, match="no ") as caught:
                    call()
                assert caught.value.name == "not_supported_here"  # type: ignore[attr-defined]
                assert caught.value.hint  # type: ignore[attr-defined]
    device.close()


def test_each_act_of_the_shape_is_one_that_can_be_missing() -> None:
    """A dialect that has nothing says so for everything; no act is forgotten."""

    class Bare(Device):
        protocol = "bare"
        verified_by = "host"
        longest_silence_s = 1.0
        capabilities = frozenset()

        def now(self) -> float:
            return 0.0

        wall_clock = facts = close = lambda self: None

    bare = Bare()
    arguments = {"set_clock": (0,), "readings": (1,), "journal": (1,), "confirm": (b"",), "prepare": (None, None),
                 "set_serial_number": ("1",), "set_password": ("1",)}  # fmt: skip
    acts = [name for name, value in vars(Device).items() if callable(value) and name[0] != "_"]
    for name in set(acts) - {"can", "cannot", "fits", "now", "wall_clock", "facts", "close", "line"}:
        with pytest.raises(Exception, match="this device") as caught:
            getattr(bare, name)(*arguments.get(name, ()))
        assert caught.value.name == "not_supported_here"  # type: ignore[attr-defined]


def test_a_zvt_terminal_by_the_same_commands(run: Fwtool) -> None:
    info = run("info", "--port", ZVT, "--json").result["data"]
    assert (info["protocol"], info["model"], info["serial_number"], info["slots"]) == ("zvt", "cVEND sim", "00000001", [])
    assert info["battery"] == {"percent": None, "voltage": 4.05, "mains": None}
    assert run("batch", "show", "--port", "sim-zvt:?profile=full&unsettled=2", "--json").result["data"]["count"] == 2
    settled = run("batch", "settle", "--port", "sim-zvt:?unsettled=2", "--json").result
    assert settled["changed"] is True
    slip = run("print-test", "--port", ZVT, "--json").result["data"]
    assert any("S/N" in line for line in slip["text"])
    assert run("clock", "show", "--port", ZVT).code == 0
    assert run("clock", "set", "--port", "sim-zvt:?profile=full").code == 0
    findings = run("diagnose", "--port", ZVT, "--json").lines[-1]["data"]["findings"]
    told = {one["id"]: one["outcome"] for one in findings if one["outcome"] != "not_run"}
    shown, all_of_it = run("diagnose", "--port", ZVT).out, run("-v", "diagnose", "--port", ZVT).out
    assert "not run" not in shown
    assert f"{len(findings) - len(told)} checks are not possible here" in shown
    assert all_of_it.count("not run") == len(findings) - len(told)
    assert told["security.tamper"] == told["communications.host"] == told["security.self_test"] == "pass"
    for verb in (("slots", "show"), ("stats", "show"), ("journal", "show")):
        refused = run(*verb, "--port", ZVT, "--json").result
        assert (refused["exit_code"], refused["error"]["name"]) == (2, "not_supported_here")


def test_a_zvt_terminal_with_open_money_is_not_restarted(run: Fwtool) -> None:
    for kind in ("restart", "reinitialise", "factory"):
        refused = run("reset", kind, "--port", "sim-zvt:?unsettled=2", "--json").result
        assert (refused["exit_code"], refused["error"]["name"]) == (6, "unsettled"), kind
        assert run("reset", kind, "--port", "sim-zvt:?unsettled=2", "--settle").code == 0


def test_a_zvt_terminal_is_updated_from_a_signed_package(run: Fwtool, set_package: pathlib.Path) -> None:
    flash = ("flash", "set.fwp", "--port", "sim-zvt:?unsettled=2", "--trust", "maker.trust")
    assert run(*flash, "--json").result["error"]["name"] == "unsettled"
    planned = run(*flash, "--settle", "--dry-run", "--json").result["data"]["devices"][0]
    assert planned["verdict"] == "planned"
    wrong = run(*flash, "--settle", "--json").result
    assert wrong["exit_code"] == 6, "the service menu has another password than the cashier"
    done = run(*flash, "--settle", "--password-file", "passwords", "--json").result["data"]["devices"][0]
    assert (done["verdict"], done["protocol"], done["verified_by"], done["read_back"]) == ("updated", "zvt", "device", False)
    assert abs(done["transfer_s"] - planned["predicted_s"]) < 0.05 * planned["predicted_s"]
    entries = run("log", "show", "--json").result["data"]["entries"]
    assert [entry["kind"] for entry in entries if entry["act"] == "flash"][-2:] == ["started", "finished"]
    assert "210888" not in json.dumps(entries)


def test_a_zvt_terminal_refuses_what_is_not_for_it(run: Fwtool, set_package: pathlib.Path) -> None:
    other = run("flash", "set.fwp", "--port", "sim-zvt:?profile=k", "--trust", "maker.trust", "--settle", "--json").result
    assert (other["exit_code"], other["error"]["name"]) == (6, "wrong_hardware")
    (set_package / "app.bin").write_bytes(pattern(5000))
    build = ("image", "build", "app=app.bin", "--version", "1.1.0", "--hardware", "cVEND sim", "--security-counter", "1")
    assert run(*build, "--out", "none.fwp").code == 0
    assert run("image", "sign", "none.fwp", "--key", "maker.pem").code == 0
    none = run("flash", "none.fwp", "--port", ZVT, "--trust", "maker.trust", "--settle", "--json").result
    assert (none["exit_code"], none["error"]["name"]) == (6, "wrong_hardware")
    make_set(set_package / "set", version="0.9.0")
    old = ("image", "build", "set", "--version", "0.9.0", "--hardware", "cVEND sim", "--security-counter", "1")
    assert run(*old, "--out", "old.fwp").code == 0
    assert run("image", "sign", "old.fwp", "--key", "maker.pem").code == 0
    older = run("flash", "old.fwp", "--port", ZVT, "--trust", "maker.trust", "--settle", "--json").result
    assert (older["exit_code"], older["error"]["name"]) == (6, "rollback")


def test_a_folder_that_is_no_update_is_no_input(run: Fwtool, keys: pathlib.Path) -> None:
    (keys / "folder").mkdir()
    build = ("image", "build", "folder", "--version", "1.1.0", "--hardware", "X", "--security-counter", "1", "--out", "x.fwp")
    assert run(*build).code == 3


def test_a_protocol_can_be_named(run: Fwtool) -> None:
    assert run("info", "--port", ZVT, "--protocol", "tsp", "--timeout", "1").code == 5
    assert run("info", "--port", ZVT, "--protocol", "what").code == 2
    assert run("info", "--port", ZVT, "--protocol", "dfu").code == 2


def test_a_trace_of_a_zvt_terminal_has_its_messages_and_no_password(run: Fwtool, tmp_path: pathlib.Path) -> None:
    (tmp_path / "passwords").write_text("918273\n")
    assert run("info", "--port", ZVT, "--password-file", "passwords", "--trace", "refused.jsonl").code == 6
    assert "918273" not in (tmp_path / "refused.jsonl").read_text()
    assert run("batch", "settle", "--port", "sim-zvt:?unsettled=2", "--trace", "t.jsonl").code == 0
    shown = run("trace", "show", "t.jsonl").out
    assert "06 50 end of day" in shown
    assert "password=******" in shown
    exported = run("trace", "export", "t.jsonl", "--out", "t.pcapng", "--json").result
    assert exported["changed"] is True
    listed = subprocess.run(
        [need("tshark"), "-r", "t.pcapng", "-o", 'uat:user_dlts:"User 0 (DLT=147)","zvt","0","","0",""'], cwd=tmp_path,
        check=True, capture_output=True, text=True, timeout=60, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    ).stdout  # fmt: skip
    assert "Completion" in listed
    replayed = run("info", "--port", "replay:t.jsonl", "--json").result
    assert (replayed["exit_code"], "only TSP" in replayed["error"]["message"]) == (3, True)
    assert run("info", "--port", "sim-dfu:", "--trace", "none.jsonl").code == 2


def test_who_speaks_what_on_the_network() -> None:
    assert protocol_of("socket://192.0.2.1:20007") == "zvt"
    assert protocol_of("socket://192.0.2.1:20008") == protocol_of("socket://192.0.2.1:200071") == "tsp"
