"""Traces: JSON lines with every frame that passed, written while it happens, read again to be shown, replayed, exported.

The first line says what it is; every further one is a record of `transports.tsp.tap`, or a ZVT message with `zvt` in its
place, with `port` where several ports write into one file.
"""

import contextlib
import datetime
import json
import pathlib
import threading
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from formats.errors import FormatError, LocalError, ToolError
from transports.pipe import Pipe
from transports.tsp import frames
from transports.tsp.frames import Frame, Kind
from transports.tsp.hello import Hello, session_seed
from transports.tsp.messages import Message
from transports.tsp.pcapng import Packet
from transports.tsp.tap import DIRECTIONS, Reader, Tap, frame_of
from transports.wrapped_pipe import WrappedPipe
from transports.zvt.apdu import Apdu
from transports.zvt.describe import Teller

VERSION: Final = 1
MAX_LINE: Final = 1 << 18
MAX_TIME_S: Final = 1e9
"""Of a line's clock: thirty years."""


class TraceFile:
    """A trace that is being written; several pipes, and threads, may write into one.

    Raises:
        ToolError: there is such a file already; nothing is ever written over (`usage`).
        LocalError: the file cannot be written.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._lock, self._path = threading.Lock(), path
        self.problem = ""
        """Why the trace is not complete."""
        try:
            path.open("xb").close()
        except FileExistsError as error:
            hint = "Give --trace a name that is not there yet."
            raise ToolError(f"{path} is there already; a trace is not written over it", name="usage", hint=hint) from error
        except OSError as error:
            raise LocalError(f"{path} cannot be written: {error.strerror}", name="disk") from error
        stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.write([{"trace": VERSION, "started": stamp}])

    def write(self, records: list[dict[str, Any]]) -> None:
        """Append records. A full disk ends the trace, not the job."""
        lines = "".join(json.dumps(record) + "\n" for record in records)
        with self._lock, contextlib.suppress(OSError), self._path.open("a", encoding="ascii") as file:
            file.write(lines)


class TracedPipe(WrappedPipe):
    """A pipe whose traffic goes into a trace."""

    def __init__(self, pipe: Pipe, trace: TraceFile) -> None:
        super().__init__(pipe)
        self._trace, self._tap = trace, Tap()

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        written, received = super().exchange(out, until)
        time_s = round(self.now(), 6)
        for direction, data in (("tx", bytes(out[:written])), ("rx", received)):
            if data:
                self._write(self._tap.feed(direction, data, time_s))
        return written, received

    def _write(self, records: list[dict[str, Any]]) -> None:
        if records:
            self._trace.write([record | {"port": self.name} for record in records])

    def close(self) -> None:
        self._write(self._tap.close())
        super().close()


class Entry(NamedTuple):
    """One record of a trace: a frame with the messages it completes, or noise."""

    time_s: float
    port: str
    direction: str
    frame: Frame | None
    noise: bytes
    messages: tuple[Message, ...]
    session: int
    """Sessions of a port are counted from 1; 0 before the first."""
    apdu: Apdu | None = None
    """A message of the ZVT dialect; then there is neither frame nor noise."""
    said: str = ""
    """It in words."""


def load(path: pathlib.Path, port: str = "") -> Iterator[Entry]:
    """Read a trace. A last line that was cut short, as by a kill, is passed over.

    Args:
        port: Only what passed at this port; all ports if not given.

    Raises:
        LocalError: not readable.
        FormatError: not a trace, or damaged.
        ToolError: nothing passed at this port (`usage`).
    """
    readers: dict[str, Reader] = {}
    tellers: dict[str, Teller] = {}
    for number, record in enumerate(_lines(path), 1):
        if number == 1:
            if record.get("trace") != VERSION:
                raise _no_trace(path)
            continue
        where, time_s = str(record.get("port", "")), record.get("t")
        if record.get("dir") not in DIRECTIONS or not isinstance(time_s, int | float) or not 0 <= time_s < MAX_TIME_S:
            raise FormatError(f"line {number} of the trace has no direction or no time")
        reader = readers.setdefault(where, Reader())
        frame = None if "zvt" in record else frame_of(record)
        try:
            noise = bytes.fromhex(str(record.get("noise", "")))
            apdu = Apdu.parse(bytes.fromhex(str(record["zvt"]))) if "zvt" in record else None
        except ValueError as error:
            raise FormatError(f"line {number} of the trace is damaged: {error}") from error
        found = reader.take(record["dir"], frame) if frame else []
        said = tellers.setdefault(where, Teller()).tell(apdu).text if apdu else ""
        if port in ("", where):
            yield Entry(float(time_s), where, record["dir"], frame, noise, tuple(found), reader.sessions, apdu, said)
    if port and port not in readers:
        ports = ", ".join(readers) or "none"
        raise ToolError(f"nothing passed at {port} in this trace", name="usage", hint=f"Ports in it: {ports}.")


def _no_trace(path: pathlib.Path) -> FormatError:
    return FormatError(f"{path} is not a trace of this version", hint="Traces are written by --trace FILE.")


def packets(path: pathlib.Path, port: str = "") -> Iterator[Packet]:
    """The frames of a trace as they were on the line (but for what was scrubbed), for a capture file; raises as `load`.

    Of the ZVT dialect they are the messages alone, as over TCP, whatever line they were sent on.
    """
    started = started_at(path)
    seeds: dict[str, int] = {}
    nonces: dict[str, bytes] = {}
    first: float | None = None
    for entry in load(path, port):
        if entry.frame is None and entry.apdu is None:
            continue
        first = entry.time_s if first is None else first
        time_s = max(0.0, started + entry.time_s - first)
        if entry.apdu:
            yield Packet(time_s, entry.direction == "tx", entry.apdu.build())
            continue
        assert entry.frame is not None
        if entry.frame.kind in (Kind.HELLO, Kind.WELCOME):
            with contextlib.suppress(FormatError):  # an answer that makes no sense opens no session
                hello = Hello.parse(entry.frame.payload)
                if entry.frame.kind == Kind.HELLO:
                    nonces[entry.port] = hello.nonce
                elif hello.peer_nonce == nonces.get(entry.port):
                    seeds[entry.port] = session_seed(hello.peer_nonce, hello.nonce)
        yield Packet(time_s, entry.direction == "tx", frames.encode(*entry.frame, seeds.get(entry.port, 0)))


def started_at(path: pathlib.Path) -> float:
    """Time of day when a trace was begun, seconds since 1970 UTC; raises as `load` does."""
    try:
        return max(0.0, datetime.datetime.fromisoformat(str(next(_lines(path))["started"])).timestamp())
    except (KeyError, ValueError, OverflowError, StopIteration) as error:
        raise _no_trace(path) from error


def _lines(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                try:
                    record = json.loads(line.decode("ascii"))
                except (ValueError, RecursionError) as error:
                    if number == 1:
                        raise _no_trace(path) from error
                    if not line.endswith(b"\n") and not file.read(1):
                        return  # whoever wrote it was killed
                    raise FormatError(f"line {number} of the trace is no JSON object") from error
                if not isinstance(record, dict):
                    raise FormatError(f"line {number} of the trace is no record")
                yield record
            if not number:
                raise _no_trace(path)
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}") from error
