"""TCP: `socket://HOST:PORT`. Also the in-memory pair, which is two sockets joined back to back."""

import contextlib
import socket
from urllib.parse import urlsplit

from formats.errors import ToolError
from transports.descriptor import DescriptorPipe
from transports.errors import LinkError
from transports.pipe import LineOptions

CONNECT_TIMEOUT_S = 5.0


def open_tcp(url: str, options: LineOptions) -> DescriptorPipe:
    """Connect.

    Raises:
        ToolError: not of the form `socket://HOST:PORT` (`usage`).
        LinkError: nobody listens there (`no_device`).
    """
    del options
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ToolError(f"{url!r} is not a TCP port", name="usage", hint="Write socket://HOST:PORT.")
    try:
        connection = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
    except OSError as error:
        raise LinkError(
            f"nothing answers at {host}:{port}: {error.strerror or error}",
            name="no_device",
            hint="Is the terminal switched on, and is this its address?",
            resumable=True,
        ) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return socket_pipe(url, connection)


def socket_pipe(name: str, connection: socket.socket) -> DescriptorPipe:
    connection.setblocking(False)
    return DescriptorPipe(name, connection.fileno(), connection.recv, connection.send, lambda: _hang_up(connection))


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def memory_pair() -> tuple[DescriptorPipe, DescriptorPipe]:
    """Two pipes in this process; what goes into one comes out of the other."""
    first, second = socket.socketpair()
    return socket_pipe("memory:a", first), socket_pipe("memory:b", second)
