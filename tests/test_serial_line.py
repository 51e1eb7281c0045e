"""What a serial port is told when it is opened; a stand-in for the adapter, since a pty has neither RTS/CTS nor a timer."""

import pathlib

import pytest

from transports.serial_port import _flow, _low_latency, latency_timers


class Port:
    """Remembers what is set; `cts` as a real port reports it."""

    def __init__(self, cts: bool) -> None:
        self.cts = cts
        self.rtscts = False
        self.low_latency = False

    def set_low_latency_mode(self, wanted: bool) -> None:
        self.low_latency = wanted


class Pty(Port):
    @property
    def cts(self) -> bool:
        raise OSError(25, "Inappropriate ioctl for device")

    @cts.setter
    def cts(self, value: bool) -> None:
        del value

    def set_low_latency_mode(self, wanted: bool) -> None:
        raise ValueError("not a real port")


@pytest.mark.parametrize(
    ("flow", "cts", "used"),
    [("auto", True, True), ("auto", False, False), ("none", True, False), ("rtscts", False, True)],
)
def test_rts_cts_is_used_where_the_other_end_holds_it(flow: str, cts: bool, used: bool) -> None:
    port = Port(cts)
    _flow(port, flow)
    assert port.rtscts is used


def test_a_port_without_these_lines_is_left_alone() -> None:
    port = Pty(False)
    _flow(port, "auto")
    _low_latency(port)
    assert port.rtscts is False


def test_the_driver_is_asked_to_be_quick() -> None:
    port = Port(False)
    _low_latency(port)
    assert port.low_latency


def test_latency_timers_are_read(tmp_path: pathlib.Path) -> None:
    for name, text in (("ttyUSB0", "16\n"), ("ttyUSB1", "1\n"), ("ttyUSB2", "broken")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "latency_timer").write_text(text)
    assert latency_timers(tmp_path) == {"ttyUSB0": 16, "ttyUSB1": 1}
    assert latency_timers(tmp_path / "nowhere") == {}
