"""A simulated ZVT terminal in virtual time with a host at its other end, and both roles played from a transcript."""

import datetime
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest

from hwsim.pipe import SimPipe
from hwsim.zvt_faults import plant
from hwsim.zvt_machine import ZvtMachine, make_zvt, pipe_to
from tests.test_cable_pull import never_stuck
from transports.errors import LinkError
from transports.zvt import frames
from transports.zvt_host.line import Passed
from transports.zvt_terminal import Password, ZvtTerminal

PASSWORD: Final = Password("246813")
SERVICE: Final = Password("135790")
MOMENT: Final = int(datetime.datetime(2026, 11, 22, 22, 15, 30, tzinfo=datetime.UTC).timestamp())
"""What every clock says while a transcript is played."""


class ZvtBench:
    """Terminal, line, host."""

    def __init__(self, profile: str = "full", *, serial: bool = True, baud: int = 9600, reopens: bool = True) -> None:
        self.machine: ZvtMachine = make_zvt(profile, baud=baud, serial=serial)
        terminal = self.machine.terminal
        terminal.passwords.update(register=PASSWORD, service=SERVICE)
        self.pipe = never_stuck(pipe_to(self.machine))
        self.seen: list[Passed] = []
        self._bound = 0
        self.host = ZvtTerminal(
            self.pipe,
            password=PASSWORD,
            service_password=SERVICE,
            reopen=self.reopen if reopens else None,
            watch=self.seen.append,
        )
        self.wait(3.0)

    @property
    def knobs(self) -> Any:
        return self.machine.terminal.knobs

    def plant(self, name: str, value: float = 0.0) -> None:
        plant(self.knobs, name, value)

    def reopen(self) -> SimPipe:
        """The port again, once it is there; a minute is waited."""
        for _ in range(60):
            if self.machine.plugged:
                if not self.machine.terminal.serial:
                    self.machine.terminal.abandoned()
                self.pipe = never_stuck(SimPipe(self.machine))
                return self.pipe
            self._pass(1.0)
        raise LinkError("the port does not come back", name="no_device")

    def _pass(self, seconds: float) -> None:
        scheduler = self.machine.scheduler
        until = scheduler.now() + seconds
        while scheduler.now() < until:
            scheduler.advance(until)

    def wait(self, seconds: float) -> None:
        """Let virtual time pass, whatever arrives."""
        self._pass(seconds)
        self.pipe.exchange(b"", self.pipe.now())

    def bounded(self, seconds: float) -> None:
        """Fail if the test still runs after so much virtual time; the last bound counts."""
        self._bound = number = self._bound + 1
        self.machine.scheduler.after(seconds, lambda: number == self._bound and pytest.fail(f"still going on after {seconds} s"))

    def usable(self) -> None:
        """The terminal is there, and does what it is told."""
        self.host.connect()
        assert self.host.status().identity.serial_number == "00000001"


class Data:
    """A file to push."""

    def __init__(self, file_id: int, data: bytes) -> None:
        self.file_id, self.data, self.size = file_id, data, len(data)

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


def nothing(done: int, total: int) -> None:
    """Progress that nobody wants to know."""


# -- transcripts ----------------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    """One message of a transcript."""

    host: bool
    apdu: bytes


def script(text: str) -> list[Said]:
    """Lines `H` or `T`, hexadecimal digits, and text in quotes."""
    found = []
    for line in filter(None, map(str.strip, text.strip().splitlines())):
        side, _, rest = line.partition(" ")
        parts = rest.split('"')
        raw = b"".join(part.encode("cp437") if at % 2 else bytes.fromhex(part) for at, part in enumerate(parts))
        assert side in "HT"
        found.append(Said(side == "H", raw))
    return found


def wire(said: list[Said], *, serial: bool) -> list[tuple[bool, bytes]]:
    """Who sends which bytes: on a serial line each frame is followed by the other side's acknowledgement (X 3.1)."""
    if not serial:
        return [(one.host, one.apdu) for one in said]
    return [item for one in said for item in ((one.host, frames.encode(one.apdu)), (not one.host, b"\x06"))]


class ScriptedTerminal:
    """A pipe at whose other end a terminal says what stands in a transcript, and wants to hear what stands there."""

    name = "script"
    byte_time_s = 0.0

    def __init__(self, said: list[Said], *, serial: bool) -> None:
        self.items = wire(said, serial=serial)
        self.baud = 9600 if serial else 0
        self._now = 0.0
        self._heard = b""
        self._to_host = b""

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def now(self) -> float:
        return self._now

    def wall_clock(self) -> float:
        return MOMENT

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        self._heard += bytes(out)
        while self.items:
            host, data = self.items[0]
            if host:
                assert self._heard[: len(data)] == data[: len(self._heard)], f"expected {data.hex(' ')}: {self._heard.hex(' ')}"
                if len(self._heard) < len(data):
                    break
                self._heard = self._heard[len(data) :]
            else:
                self._to_host += data
            self.items.pop(0)
        assert self.items or not self._heard, f"too much: {self._heard.hex(' ')}"
        received, self._to_host = self._to_host, b""
        if not received:
            self._now = max(self._now, until)
        return len(out), received

    def close(self) -> None:
        pass


def play_host(bench: ZvtBench, said: list[Said], *, serial: bool) -> None:
    """Say the host's lines to the simulated terminal, and hold its own to the transcript."""
    pipe = bench.pipe
    for host, data in wire(said, serial=serial):
        if host:
            out = data
            while out:
                out = out[pipe.exchange(out, pipe.now())[0] :]
            continue
        heard = b""
        until = pipe.now() + 100
        while len(heard) < len(data) and pipe.now() < until:
            one = pipe.exchange(b"", until)[1]
            pending = data[len(heard) :]
            heard += one
            assert pending.startswith(one) or one.startswith(pending), f"expected {data.hex(' ')}: {heard.hex(' ')}"
        assert heard[: len(data)] == data, f"expected {data.hex(' ')}: {heard.hex(' ')}"
        if len(heard) > len(data):
            pipe.arrive(heard[len(data) :])


Act = Callable[[ZvtTerminal], Any]
