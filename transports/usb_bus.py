"""The USB bus through pyusb and libusb, which are loaded when it is first looked at: devices, strings, errors."""

import errno
import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn, TypeVar

from formats.errors import FormatError, ToolError
from transports.dfu.descriptors import CONFIGURATION, STRING, parse_string
from transports.dfu.matching import Place
from transports.errors import LinkError, LinkLost

TIMEOUT_MS: Final = 5000
"""For one control transfer."""
ENGLISH: Final = 0x0409
RIGHTS: Final = "`fwtool doctor` says how: a udev rule on Linux, the WinUSB driver on Windows."
GET_DESCRIPTOR: Final = 6
Found = TypeVar("Found")


class UsbStall(LinkError):
    """The device refused a transfer."""

    default_name = "device_fault"


def usb_backend() -> Any:
    """A pyusb backend over libusb.

    Raises:
        ToolError: pyusb or libusb is not installed (`missing_component`).
    """
    for name, function in (("libusb_package", "get_libusb1_backend"), ("usb.backend.libusb1", "get_backend")):
        try:
            backend = getattr(importlib.import_module(name), function)()
        except ImportError:
            continue
        if backend is not None:
            return backend
    raise ToolError("USB needs pyusb and libusb, which are not installed", name="missing_component",
                    hint="Install the packages pyusb and libusb-package.")  # fmt: skip


def scan(
    look: Callable[[Any], Iterable[Found]], backend: Any, matters: Callable[[Any], bool] = lambda handle: False
) -> list[Found]:
    """What `look` finds in each device (a `usb.core.Device`) on the bus.

    Args:
        matters: Given a device: whether trouble with it is to be raised. The others are left out then.

    Raises:
        ToolError: as `usb_backend`, or as `look` does for a device that matters.
    """
    found: list[Found] = []
    for handle in importlib.import_module("usb.core").find(find_all=True, backend=backend):
        try:
            found += look(handle)
        except ToolError:
            if matters(handle):
                raise
    return found


def seat(handle: Any) -> tuple[int | None, tuple[int, ...]]:
    """Bus, and port numbers from the root hub down, where the system tells them."""
    return handle.bus, tuple(handle.port_numbers or ())


def place_of(handle: Any) -> Place:
    """Where a device sits, and its serial number."""
    return Place(*seat(handle), handle.idVendor, read_string(handle, handle.iSerialNumber))


def read_string(handle: Any, index: int) -> str:
    """A string as it stands, without what could steer a terminal; empty if it cannot be read.

    pyusb's own reader refuses those of some boot loaders.
    """
    if not index:
        return ""
    with suppress(LinkError, ToolError), translated():
        return parse_string(read_descriptor(handle, STRING, index, ENGLISH, 255))
    return ""


def read_configuration(handle: Any, configuration: Any) -> bytes:
    """All descriptors of a configuration, as the device tells them."""
    return read_descriptor(handle, CONFIGURATION, configuration.index, 0, configuration.wTotalLength)


def read_descriptor(handle: Any, kind: int, index: int, language: int, size: int) -> bytes:
    return bytes(handle.ctrl_transfer(0x80, GET_DESCRIPTOR, kind << 8 | index, language, size, TIMEOUT_MS))


def release(handle: Any) -> None:
    """Let go of a device; may be called twice, and for one that is gone."""
    with suppress(importlib.import_module("usb.core").USBError, NotImplementedError):
        importlib.import_module("usb.util").dispose_resources(handle)


def claim(handle: Any, interface: int) -> None:
    """Take an interface, so that nobody else uses it."""
    with translated():
        importlib.import_module("usb.util").claim_interface(handle, interface)


@contextmanager
def translated(stalled: Callable[[], LinkError] = lambda: UsbStall("the device refused a transfer")) -> Iterator[None]:
    """Errors of pyusb in our words.

    Args:
        stalled: What to raise for a stall.
    """
    try:
        yield
    except importlib.import_module("usb.core").USBError as error:
        _raise(error, stalled)
    except NotImplementedError as error:  # libusb's NOT_SUPPORTED: on Windows, a device without a driver it can use
        raise ToolError("this system has no driver through which the device can be used", name="permission",
                        hint=RIGHTS) from error  # fmt: skip
    except (ValueError, IndexError) as error:
        raise FormatError("the device's descriptors contradict one another") from error


def _raise(error: Any, stalled: Callable[[], LinkError]) -> NoReturn:
    if error.errno == errno.EPIPE:
        raise stalled() from error
    if error.errno == errno.ETIMEDOUT:
        raise LinkError(f"the device did not answer within {TIMEOUT_MS / 1000:g} s") from error
    if error.errno in (errno.EACCES, errno.EPERM):
        raise ToolError("this user may not use the device", name="permission", hint=RIGHTS) from error
    if error.errno == errno.EBUSY:
        raise ToolError("another program uses the device", name="device_busy", hint="Close it and try again.") from error
    if error.errno == errno.EOVERFLOW:
        raise LinkLost("the device sent more than its descriptors allow", name="protocol", hint="Replug it.") from error
    raise LinkLost(f"the device is gone: {error.strerror or error}", resumable=True) from error
