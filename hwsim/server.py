"""A simulated terminal in real time: behind a pty, a TCP port, or an existing tty. One loop serves line and control port.

`serve` returns when it is told to (SIGTERM, SIGINT arrive as KeyboardInterrupt).
"""

import contextlib
import importlib
import json
import os
import selectors
import socket
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, cast

from formats.errors import LocalError, ToolError
from transports.virtual import Scheduler, Wire

READ_SIZE = 4096
QUEUE_LIMIT = 1 << 20
"""Bytes kept for a host that does not read; what comes after them is lost, as on a real line."""
IDLE_S = 0.5
MAX_REQUEST = 4096

Act: TypeAlias = Callable[[bytes], dict[str, Any]]
"""Carries out one line of the control port and gives its answer."""


class Line(Protocol):
    """What the terminal's plug sits on."""

    port: str

    def host_baud(self) -> int:
        """Rate the host has set at its end; 0 if that cannot be seen."""
        ...

    def files(self) -> list[Any]: ...
    def readable(self, file: Any) -> bytes: ...
    def write(self, data: bytes) -> int: ...
    def close(self) -> None: ...


class Served(Protocol):
    """What can be served: a simulated terminal, or a recording of a real one."""

    host: Callable[[bytes], None]

    @property
    def scheduler(self) -> Scheduler: ...
    @property
    def to_terminal(self) -> Wire: ...
    @property
    def plugged(self) -> bool: ...
    @property
    def start_baud(self) -> int: ...
    @property
    def host_baud(self) -> int: ...
    def set_host_baud(self, baud: int) -> None: ...
    def start(self) -> None: ...


def pty_line() -> Line:
    """Behind a new pty.

    Raises:
        ToolError: there are none on this system (`not_supported_here`).
    """
    return cast("Line", _posix_lines("there are no pseudo-terminals on this system").PtyLine())


def tty_line(path: str, baud: int) -> Line:
    """On a tty that is there.

    Raises:
        ToolError: not with this system (`not_supported_here`).
        LocalError: it cannot be opened (`port_busy`).
    """
    return cast("Line", _posix_lines("a port cannot be sat on with this system").TtyLine(path, baud))


def _posix_lines(why_not: str) -> Any:
    if os.name != "posix":
        raise ToolError(why_not, name="not_supported_here", hint="Use --listen tcp:127.0.0.1:0.")
    return importlib.import_module("hwsim.posix_lines")


class TcpLine:
    """A TCP port; one host at a time, a later one takes over."""

    def __init__(self, host: str, port: int) -> None:
        self._listener = listen(host, port)
        self.port = f"socket://{host}:{self._listener.getsockname()[1]}"
        self._host: socket.socket | None = None

    def host_baud(self) -> int:
        return 0

    def files(self) -> list[Any]:
        return [self._listener, *([self._host] if self._host else [])]

    def readable(self, file: Any) -> bytes:
        if file is self._listener:
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._drop()
            self._host = connection
            return b""
        data = b""
        with contextlib.suppress(ConnectionError):
            data = file.recv(READ_SIZE)
        if not data:
            self._drop()
        return data

    def write(self, data: bytes) -> int:
        if self._host is None:
            return len(data)  # nobody listens: the bytes go nowhere
        try:
            return self._host.send(data)
        except ConnectionError:
            self._drop()
            return len(data)

    def _drop(self) -> None:
        if self._host:
            self._host.close()
            self._host = None

    def close(self) -> None:
        self._drop()
        self._listener.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        LocalError: the address is taken (`port_busy`).
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise LocalError(f"{host}:{port} cannot be listened on: {error.strerror}", name="port_busy") from error
    listener.listen(8)
    listener.setblocking(False)
    return listener


class Server:
    """The loop."""

    def __init__(self, machine: Served, line: Line, control: tuple[socket.socket, Act] | None) -> None:
        self._machine, self._line = machine, line
        self._control: socket.socket | None = control[0] if control else None
        self._act: Act | None = control[1] if control else None
        self._outgoing = bytearray()
        self._first_baud = 0
        self._clients: dict[socket.socket, bytearray] = {}
        machine.host = self._to_host

    def _to_host(self, data: bytes) -> None:
        if len(self._outgoing) + len(data) <= QUEUE_LIMIT:
            self._outgoing += data

    def serve(self, ready: Callable[[], None]) -> None:
        """Serve until KeyboardInterrupt; `ready` is called once everything listens."""
        try:
            self._machine.start()
            ready()
            while True:
                self._turn()
        except KeyboardInterrupt:
            return
        finally:
            self._line.close()
            for client in self._clients:
                client.close()
            if self._control:
                self._control.close()

    def _turn(self) -> None:
        scheduler = self._machine.scheduler
        scheduler.run_due()
        self._flush()
        with selectors.DefaultSelector() as selector:
            takes = self._machine.to_terminal.room > 0
            for file in self._line.files():
                wanted = (selectors.EVENT_READ if takes else 0) | (selectors.EVENT_WRITE if self._outgoing else 0)
                if wanted:
                    selector.register(file, wanted)
            for client in [*self._clients, *([self._control] if self._control else [])]:
                selector.register(client, selectors.EVENT_READ)
            wake = min(scheduler.next_time(), scheduler.now() + IDLE_S)
            if not takes:
                wake = min(wake, self._machine.to_terminal.room_at)
            events = selector.select(max(0.0, wake - scheduler.now()))
        for key, ready in events:
            if ready & selectors.EVENT_READ:
                self._read(key.fileobj)

    def _flush(self) -> None:
        while self._outgoing:
            try:
                written = self._line.write(bytes(self._outgoing[:READ_SIZE]))
            except BlockingIOError:
                return
            del self._outgoing[:written]

    def _read(self, file: Any) -> None:
        if self._control is not None and file is self._control:
            client, _ = file.accept()
            self._clients[client] = bytearray()
        elif file in self._clients:
            self._read_control(file)
        else:
            with contextlib.suppress(BlockingIOError, OSError):
                data = self._line.readable(file)
                if data and self._machine.plugged:
                    self._follow_rate()
                    self._machine.to_terminal.send(data)

    def _follow_rate(self) -> None:
        """A pty shows what rate the host has set. The first one seen stands for that of the line at its start, so that
        nobody has to give `--baud` for a line that only pretends to have a rate.
        """
        machine, seen = self._machine, self._line.host_baud() if self._machine.start_baud else 0
        if not seen:
            return
        self._first_baud = self._first_baud or seen
        baud = machine.start_baud if seen == self._first_baud else seen
        if baud != machine.host_baud:
            machine.set_host_baud(baud)

    def _read_control(self, client: socket.socket) -> None:
        buffer = self._clients[client]
        data = b""
        with contextlib.suppress(ConnectionError):
            data = client.recv(MAX_REQUEST)
        buffer += data
        if not data or len(buffer) > MAX_REQUEST:
            del self._clients[client]
            client.close()
            return
        while b"\n" in buffer:
            line, _, rest = bytes(buffer).partition(b"\n")
            buffer[:] = rest
            with contextlib.suppress(ConnectionError):
                client.sendall(json.dumps(self._act(line) if self._act else {}).encode() + b"\n")
