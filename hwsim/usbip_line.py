"""A USB/IP server as the line of a simulated terminal (`fwtool sim --listen usbip:HOST:PORT`).

It exports the terminal's bulk interface as device 1-1, and further devices after it. A client may hold one device; a device
that leaves the bus takes its connection with it, as a real one does: attach it again.
"""

import contextlib
import socket
from typing import Any

from hwsim.server import listen
from hwsim.usb_bulk import BulkUsb
from hwsim.usb_device import UsbDevice
from hwsim.usbip_export import Import, exported
from hwsim.usbip_wire import DeviceList, Malformed, Message, Receiver, Submit, Unlink, device_list, imported
from transports.errors import LinkLost

READ_SIZE = 64 << 10
MAX_CLIENTS = 16
"""The one that has been idle for longest without a device makes room for a new one."""
SEND_S = 2.0
"""A client that does not read for so long is dropped."""


class _Client:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.receiver = Receiver()
        self.held: Import | None = None


class UsbIpLine:
    """The line: what the host sends to the terminal's bulk endpoint is read here, what the terminal says is written."""

    def __init__(self, host: str, port: int, bulk: BulkUsb, *others: UsbDevice) -> None:
        self._listener = listen(host, port)
        self.port = f"usbip://{host}:{self._listener.getsockname()[1]}"
        self._bulk, self._devices = bulk, (bulk, *others)
        self._arrived = bytearray()
        bulk.deliver = self._arrived.extend
        self._clients: dict[socket.socket, _Client] = {}

    def host_baud(self) -> int:
        return 0

    def files(self) -> list[Any]:
        self._answer()
        return [self._listener, *self._clients]

    def readable(self, file: Any) -> bytes:
        """Take what a client sends; get what of it is for the terminal."""
        if file is self._listener:
            self._accept()
            return b""
        client = self._clients.get(file)
        if client is not None:
            self._guarded(client, lambda: self._receive(client))
        arrived = bytes(self._arrived)
        self._arrived.clear()
        return arrived

    def write(self, data: bytes) -> int:
        self._bulk.put(data)
        self._answer()
        return len(data)

    def close(self) -> None:
        for client in list(self._clients.values()):
            self._drop(client)
        self._listener.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(SEND_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        idle = [one for one in self._clients.values() if one.held is None]
        if len(self._clients) >= MAX_CLIENTS and idle:
            self._drop(idle[0])
        self._clients[connection] = _Client(connection)

    def _receive(self, client: _Client) -> None:
        data = client.connection.recv(READ_SIZE)
        if not data:
            raise ConnectionError
        for message in client.receiver.feed(data):
            self._handle(client, message)
        self._carry(client)

    def _handle(self, client: _Client, message: Message) -> None:
        if isinstance(message, Submit) and client.held:
            client.held.submit(message)
        elif isinstance(message, Unlink) and client.held:
            client.connection.sendall(client.held.unlink(message))
        elif isinstance(message, DeviceList):
            here = [exported(one, number) for number, one in enumerate(self._devices, 1) if one.on_bus]
            client.connection.sendall(device_list(here))
            self._drop(client)
        else:
            self._import(client, getattr(message, "bus_id", ""))

    def _import(self, client: _Client, bus_id: str) -> None:
        taken = [one.held.device for one in self._clients.values() if one.held]
        for number, device in enumerate(self._devices, 1):
            if device.on_bus and device not in taken and exported(device, number).bus_id == bus_id:
                shown = exported(device, number)
                client.held = Import(device, shown)
                client.receiver.imported = True
                client.connection.sendall(imported(shown))
                return
        client.connection.sendall(imported(None))
        self._drop(client)

    def _answer(self) -> None:
        for client in list(self._clients.values()):
            self._guarded(client, lambda one=client: self._carry(one))

    def _carry(self, client: _Client) -> None:
        if client.held is None:
            return
        if not client.held.here:
            raise LinkLost("the device has left the bus")
        for answer in client.held.answers():
            client.connection.sendall(answer)

    def _guarded(self, client: _Client, act: Any) -> None:
        """Do something for a client; hang up if it, or its device, has gone, or it makes no sense."""
        try:
            act()
        except (OSError, Malformed, LinkLost):
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        self._clients.pop(client.connection, None)
        with contextlib.suppress(OSError):
            client.connection.shutdown(socket.SHUT_RDWR)
        client.connection.close()
