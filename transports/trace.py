"""Traces: JSON lines with every frame that passed, written while it happens, read again to be shown, replayed, exported.

The first line says what it is; every further one is a record of `transports.tsp.tap`, with `port` where several ports
write into one file.
"""

import contextlib
import datetime
import json
import pathlib
import threading
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from formats.errors import FormatError, LocalError
from transports.pipe import Pipe
from transports.tsp import frames
from transports.tsp.frames import Frame, Kind
from transports.tsp.hello import Hello, session_seed
from transports.tsp.messages import Message
from transports.tsp.pcapng import Packet
from transports.tsp.tap import DIRECTIONS, Reader, Tap, frame_of
from transports.wrapped_pipe import WrappedPipe

VERSION: Final = 1
MAX_LINE: Final = 1 << 18


class TraceFile:
    """A trace that is being written; several pipes, and threads, may write into one.

    Raises:
        LocalError: the file cannot be written.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._lock, self._path = threading.Lock(), path
        try:
            path.write_bytes(b"")
        except OSError as error:
            raise LocalError(f"{path} cannot be written: {error.strerror}", name="disk") from error
        stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.write([{"trace": VERSION, "protocol": "TSP/1", "started": stamp}])

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
    direction: str
    frame: Frame | None
    noise: bytes
    messages: tuple[Message, ...]
    session: int
    """Sessions are counted from 1; 0 before the first."""


def load(path: pathlib.Path, port: str = "") -> Iterator[Entry]:
    """Read a trace.

    Args:
        port: Only what passed at this port; the one that comes first if not given.

    Raises:
        LocalError: not readable.
        FormatError: not a trace, or damaged.
    """
    reader = Reader()
    for number, record in enumerate(_lines(path)):
        if number == 0:
            if record.get("trace") != VERSION:
                raise FormatError(f"{path} is not a trace of this version")
            continue
        port = port or str(record.get("port", ""))
        if record.get("port", "") != port:
            continue
        if record.get("dir") not in DIRECTIONS or not isinstance(record.get("t"), int | float):
            raise FormatError(f"line {number + 1} of the trace has no direction or no time")
        frame = frame_of(record)
        try:
            noise = bytes.fromhex(str(record.get("noise", "")))
        except ValueError as error:
            raise FormatError(f"line {number + 1} of the trace is damaged: {error}") from error
        found = reader.take(record["dir"], frame) if frame else []
        yield Entry(float(record["t"]), record["dir"], frame, noise, tuple(found), reader.sessions)


def packets(path: pathlib.Path, port: str = "") -> Iterator[Packet]:
    """The frames of a trace as they were on the line (but for what was scrubbed), for a capture file; raises as `load`."""
    started, seed, nonce = started_at(path), 0, b""
    first: float | None = None
    for entry in load(path, port):
        if entry.frame is None:
            continue
        if entry.frame.kind in (Kind.HELLO, Kind.WELCOME):
            hello = Hello.parse(entry.frame.payload)
            if entry.frame.kind == Kind.HELLO:
                nonce = hello.nonce
            elif hello.peer_nonce == nonce:
                seed = session_seed(nonce, hello.nonce)
        first = entry.time_s if first is None else first
        yield Packet(started + entry.time_s - first, entry.direction == "tx", frames.encode(*entry.frame, seed))


def started_at(path: pathlib.Path) -> float:
    """Time of day when a trace was begun, seconds since 1970 UTC; raises as `load` does."""
    try:
        return datetime.datetime.fromisoformat(str(next(_lines(path))["started"])).timestamp()
    except (KeyError, ValueError, StopIteration) as error:
        raise FormatError(f"{path} does not say when it was begun") from error


def _lines(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise FormatError(f"line {number} of the trace is not JSON: {error}") from error
                if not isinstance(record, dict):
                    raise FormatError(f"line {number} of the trace is no record")
                yield record
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"{path} cannot be read: {getattr(error, 'strerror', '') or error}") from error
