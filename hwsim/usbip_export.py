"""One simulated device as USB/IP exports it: what the lists say of it, and the transfers that wait for it."""

import contextlib
from collections.abc import Callable, Iterator

from hwsim.usb_device import IN, Setup, UsbDevice
from hwsim.usbip_wire import CONNECTION_RESET as UNLINKED
from hwsim.usbip_wire import PIPE, PROTOCOL, ZERO_PACKET, Exported, Malformed, Submit, Unlink, returned, unlinked
from transports.dfu.descriptors import INTERFACE, walk
from transports.dfu.device import Stalled
from transports.errors import LinkError, LinkLost

BUS = 1
HIGH_SPEED = 3
MAX_WAITING = 256
"""Transfers that may wait."""
MAX_WAITING_BYTES = 4 << 20


def exported(device: UsbDevice, number: int) -> Exported:
    """The device as number `number` of the bus."""
    interfaces = tuple((one[5], one[6], one[7]) for one in walk(device.configuration()) if one[1] == INTERFACE and not one[3])
    return Exported(f"{BUS}-{number}", BUS, number + 1, HIGH_SPEED, *device.identity, interfaces)


class Import:
    """A device in the hands of one client, until it leaves the bus."""

    def __init__(self, device: UsbDevice, shown: Exported) -> None:
        self.device, self._shown = device, shown
        self._session = device.session
        self._waiting: dict[int, Submit] = {}

    @property
    def here(self) -> bool:
        """Whether it is still the device that was imported."""
        return self._session is not None and self.device.session is self._session

    def submit(self, message: Submit) -> None:
        """Take a transfer; `answers` has what becomes of it.

        Raises:
            Malformed: for another device, or there is no end of them.
        """
        held = sum(len(one.data) for one in self._waiting.values())
        known = message.sequence in self._waiting
        if message.device_id != self._shown.device_id or known or len(self._waiting) >= MAX_WAITING or held > MAX_WAITING_BYTES:
            raise Malformed
        self._waiting[message.sequence] = message

    def unlink(self, message: Unlink) -> bytes:
        """Forget a transfer; the answer."""
        found = self._waiting.pop(message.unwanted, None)
        return unlinked(message, UNLINKED if found else 0)

    def answers(self) -> Iterator[bytes]:
        """Answers to what is done, each endpoint in its order.

        Raises:
            LinkLost: the device has left the bus.
        """
        blocked: set[tuple[int, bool]] = set()
        for sequence, message in list(self._waiting.items()):
            endpoint = (message.endpoint, message.is_in)
            if endpoint in blocked:
                continue
            answer = self._try(message)
            if answer is None:
                blocked.add(endpoint)
            else:
                del self._waiting[sequence]
                yield answer

    def _try(self, message: Submit) -> bytes | None:
        act: Callable[[Submit], bytes | None] = self._bulk if message.endpoint else self._control
        try:
            with self.device.changed:
                return act(message)
        except Stalled:
            return returned(message, PIPE, b"", 0)
        except LinkLost:
            raise
        except LinkError:
            return returned(message, PROTOCOL, b"", 0)

    def _control(self, message: Submit) -> bytes:
        told = self.device.control(Setup.parse(message.setup), message.data)[: message.length]
        return returned(message, 0, told, len(told)) if message.is_in else returned(message, 0, b"", len(message.data))

    def _bulk(self, message: Submit) -> bytes | None:
        if message.is_in:
            told = self.device.bulk_in(message.endpoint | IN, message.length)
            return None if told is None else returned(message, 0, told[: message.length], len(told[: message.length]))
        taken = self.device.bulk_out(message.endpoint, message.data)
        if taken is None:
            return None
        if message.flags & ZERO_PACKET and message.data:
            with contextlib.suppress(Stalled):
                self.device.bulk_out(message.endpoint, b"")
        return returned(message, 0, b"", taken)
