"""What is on the bus and who may use it: `fwtool ports`, `fwtool doctor`, the udev rule, and the advice for each system."""

import errno
import os
import pathlib
import re
import stat
import sys
from fnmatch import fnmatchcase

import pytest

from formats.errors import LocalError, ToolError
from fwtool.cli import doctor_rights, main
from hwsim.dfu_device import SimulatedDfu
from hwsim.usb_backend import SimulatedBus
from hwsim.usb_bulk import BulkUsb
from hwsim.usb_dfu import DfuUsb
from tests.conftest import Done, Fwtool
from tests.dfu_bench import PLAIN, VirtualClock
from transports import usb_bus
from transports.dfu.device import Identity
from transports.usb_list import MAKERS, list_usb
from transports.usb_rights import ADVICE, RULE_FILE, udev_rule


class Keyboard(BulkUsb):
    """Another class of device; with a maker's number it is listed all the same."""

    def configuration(self) -> bytes:
        return bytes.fromhex("0902 1b00 01 01 00 80 32  0904 00 00 00 03 00 00 00  0921 1101 00 01 22 3f00")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Fwtool:
    """Run fwtool in this process, so that it finds the bus of the test."""
    monkeypatch.setenv("FWTOOL_STATE_DIR", str(tmp_path / "state"))

    def call(*arguments: str) -> Done:
        code = main.run(list(arguments))
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return call


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> SimulatedBus:
    made = SimulatedBus(
        BulkUsb("T\x1b[31m1", (1,)),
        DfuUsb(SimulatedDfu(PLAIN, VirtualClock()), (2,)),
        Keyboard("K1", (3,), numbers=Identity(0x11CA, 0x0201, 1)),
        Keyboard("K2", (4,), numbers=Identity(0x046D, 0xC31C, 1)),
    )
    monkeypatch.setattr(usb_bus, "usb_backend", lambda: made)
    monkeypatch.setattr("transports.serial_port.list_ports", list)
    return made


def test_ports_lists_what_each_device_speaks(run: Fwtool, bus: SimulatedBus) -> None:
    done = run("ports", "--json")
    shown = [(one["port"], one["kind"], one["guess"], one["problem"]) for one in done.result["data"]["ports"]]
    assert shown == [
        ("usb:1209:0003:T[31m1", "usb-tsp", "payment terminal", ""),
        ("usb:1209:0001:SIM-0001", "usb-dfu", "device with a boot loader", ""),
        ("usb:11ca:0201:K1", "usb", "Verifone device", ""),
    ]
    assert bus.devices[0].passed == 0  # type: ignore[attr-defined]
    assert bus.devices[1].device.requests == []  # type: ignore[attr-defined]
    text = run("ports").out
    assert "\x1b" not in text
    assert "the terminal protocol (TSP)" in text


def test_a_device_that_may_not_be_opened_is_told_and_not_fatal(run: Fwtool, bus: SimulatedBus) -> None:
    bus.errors = {0x0003: errno.EACCES}
    first = run("ports", "--json").result["data"]["ports"][0]
    assert (first["port"], first["serial_number"]) == ("usb:1209:0003:@3-1", None)
    assert "may not use the device" in first["problem"]
    done = run("doctor", "--json").result
    assert done["exit_code"] == 9
    assert done["data"]["denied"] == ["usb:1209:0003:@3-1"]
    assert "usb:1209:0003:@3-1 may not be used" in done["data"]["problems"]


def test_twins_are_listed_by_where_they_sit(bus: SimulatedBus) -> None:
    bus.devices = [BulkUsb("SAME", (1,)), BulkUsb("SAME", (2,)), BulkUsb("OWN", (3,))]
    seen = list_usb(bus)
    assert [one.port(seen) for one in seen] == ["usb:1209:0003:@3-1", "usb:1209:0003:@3-2", "usb:1209:0003:OWN"]


def test_without_libusb_ports_lists_the_rest(run: Fwtool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("libusb_package", "usb.backend.libusb1"):
        monkeypatch.setitem(sys.modules, name, None)
    done = run("ports", "--json").result
    assert done["exit_code"] == 0
    assert "not installed" in done["data"]["usb_problem"]
    assert "USB devices are not shown" in run("ports").out
    assert any("not installed" in problem for problem in run("doctor", "--json").result["data"]["problems"])


@pytest.mark.parametrize("system", ["Linux", "Windows", "Darwin"])
def test_doctor_explains_rights_for_each_system(
    run: Fwtool, bus: SimulatedBus, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, system: str
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr(doctor_rights, "ROOT", tmp_path)
    bus.errors = {0x0003: errno.EACCES}
    data = run("doctor", "--json").result["data"]
    assert data["advice"] == list(ADVICE[system])
    assert bool(data["udev_rule"]) == (system == "Linux")
    text = run("doctor").out
    assert {"Linux": "dialout", "Windows": "Zadig", "Darwin": "/dev/cu."}[system] in text
    assert ("ff5401" in text) == (system == "Linux")


def test_a_serial_port_that_may_not_be_used_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda name, mode: name != "ttyX1")
    assert doctor_rights.denied_ports(["ttyX0", "ttyX1"]) == (["ttyX1"] if os.name == "posix" else [])


# --- the udev rule


def conditions(line: str) -> dict[str, str]:
    """The comparisons of a line of a rule (udev(7))."""
    return dict(re.findall(r'([A-Z]+(?:\{\w+\})?)=="([^"]*)"', line))


def fits(wanted: dict[str, str], device: dict[str, str]) -> bool:
    return all(any(fnmatchcase(device.get(key, ""), one) for one in patterns.split("|")) for key, patterns in wanted.items())


def granted(device: dict[str, str]) -> bool:
    return any('TAG+="uaccess"' in line and fits(conditions(line), device) for line in udev_rule().splitlines())


def test_the_rule_gives_terminals_and_boot_loaders_and_nothing_else() -> None:
    usb = {"SUBSYSTEM": "usb", "ENV{DEVTYPE}": "usb_device"}
    assert granted({**usb, "ENV{ID_USB_INTERFACES}": ":ff5401:"})
    assert granted({**usb, "ENV{ID_USB_INTERFACES}": ":020201:0a0000:ff5401:"})
    assert granted({**usb, "ENV{ID_USB_INTERFACES}": ":fe0102:"})
    assert granted({**usb, "ATTR{idVendor}": "11ca"})
    assert granted({"SUBSYSTEM": "tty", "ATTRS{idVendor}": "0b00"})
    for other in (":030101:", ":ff5402:", ":080650:", ":ff0054:", ":fe0201:"):
        assert not granted({**usb, "ENV{ID_USB_INTERFACES}": other, "ATTR{idVendor}": "046d"})
    assert not granted({"SUBSYSTEM": "tty", "ATTRS{idVendor}": "0403"})
    assert not granted({**usb, "ENV{DEVTYPE}": "usb_interface", "ENV{ID_USB_INTERFACES}": ":ff5401:"})


def test_the_rule_is_made_of_whole_lines_that_udev_knows() -> None:
    token = r'[A-Z]+(\{\w+\})?(==|=|\+=)"[^"]*"'
    lines = [line for line in udev_rule().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(rf"{token}(, {token})*", line) for line in lines)
    assert all(f"{vendor:04x}" in udev_rule() for vendor in MAKERS)
    assert RULE_FILE.rsplit("/", 1)[1] < "73-seat-late.rules"


def test_the_rule_is_installed_whole_and_once(tmp_path: pathlib.Path) -> None:
    done = doctor_rights.install_udev(tmp_path, system="Linux", user=0)
    path = tmp_path / RULE_FILE
    assert (done.changed, path.read_text(), doctor_rights.rule_installed(tmp_path)) == (True, udev_rule(), True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert not doctor_rights.install_udev(tmp_path, system="Linux", user=0).changed
    path.write_text("# of an older release\n")
    assert doctor_rights.install_udev(tmp_path, system="Linux", user=0).changed
    assert path.read_text() == udev_rule()


def test_the_rule_is_not_installed_by_others_or_elsewhere(tmp_path: pathlib.Path) -> None:
    with pytest.raises(LocalError) as caught:
        doctor_rights.install_udev(tmp_path, system="Linux", user=1000)
    assert (caught.value.name, "sudo fwtool doctor --install-udev" in caught.value.hint) == ("permission", True)
    with pytest.raises(ToolError) as elsewhere:
        doctor_rights.install_udev(tmp_path, system="Windows", user=0)
    assert elsewhere.value.name == "not_supported_here"
    (tmp_path / "etc").write_text("a file where a folder should be")
    with pytest.raises(LocalError) as blocked:
        doctor_rights.install_udev(tmp_path, system="Linux", user=0)
    assert blocked.value.exit_code == 9
