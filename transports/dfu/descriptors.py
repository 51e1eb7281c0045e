"""What a device tells of its DFU interface in its configuration descriptor (USB 2.0, 9.6; DFU 1.1, 4.1 to 4.2)."""

import enum
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from formats.errors import FormatError

CONFIGURATION, STRING, INTERFACE, FUNCTIONAL = 2, 3, 4, 0x21
APPLICATION_SPECIFIC, DFU_SUBCLASS = 0xFE, 0x01
DFUSE_VERSION: Final = 0x011A
_CONFIGURATION: Final = struct.Struct("<BBHBBBBB")
_INTERFACE: Final = struct.Struct("<BBBBBBBBB")
_FUNCTIONAL: Final = struct.Struct("<BHHH")
MAX_SETTINGS: Final = 256


class Attribute(enum.IntFlag):
    """bmAttributes (DFU 1.1, table 4.2)."""

    CAN_DOWNLOAD = 1
    CAN_UPLOAD = 2
    MANIFESTATION_TOLERANT = 4
    WILL_DETACH = 8


class Mode(enum.Enum):
    """What a device is doing."""

    RUN_TIME = "run-time"
    DFU = "DFU"


class Functional(NamedTuple):
    """The DFU functional descriptor."""

    attributes: Attribute
    detach_timeout_ms: int
    """How long a detached device waits for a USB reset."""
    transfer_size: int
    """Most bytes in one control transfer."""
    version: int
    """bcdDFUVersion; 0x011A is DfuSe."""

    @classmethod
    def parse(cls, data: bytes) -> "Functional":
        """Read the descriptor: 9 bytes, or 7 without the version, as in DFU 1.0.

        Raises:
            FormatError: another type or length.
        """
        if len(data) not in (7, 9) or data[0] != len(data) or data[1] != FUNCTIONAL:
            raise FormatError(f"a DFU functional descriptor has 7 or 9 bytes, this one {len(data)}")
        attributes, timeout, size, version = _FUNCTIONAL.unpack(data[2:] + (b"\0\1" if len(data) == 7 else b""))
        return cls(Attribute(attributes), timeout, size, version)

    @property
    def is_dfuse(self) -> bool:
        return self.version == DFUSE_VERSION


class Setting(NamedTuple):
    """One alternate setting of the DFU interface: a memory to write to, or read from."""

    alternate: int
    string_index: int
    """Number of the string with its name; 0: none."""


class DfuInterface(NamedTuple):
    """The DFU interface of a configuration."""

    number: int
    mode: Mode
    functional: Functional
    settings: tuple[Setting, ...]


def parse_configuration(data: bytes) -> list[DfuInterface]:
    """The DFU interfaces of one configuration; most devices have none or one.

    Raises:
        FormatError: lengths do not fit, or a DFU interface without functional descriptor.
    """
    found: dict[int, list[bytes]] = {}
    functional: dict[int, bytes] = {}
    current: int | None = None
    for one in walk(data):
        if one[1] == INTERFACE:
            current = _number_if_dfu(one)
            if current is not None:
                found.setdefault(current, []).append(one)
        elif one[1] == FUNCTIONAL and current is not None:
            functional.setdefault(current, one)
    return [_interface(number, settings, functional.get(number)) for number, settings in found.items()]


def walk(data: bytes) -> Iterator[bytes]:
    """All descriptors after the header of the configuration.

    Raises:
        FormatError: lengths do not fit.
    """
    if len(data) < _CONFIGURATION.size or data[0] != _CONFIGURATION.size or data[1] != CONFIGURATION:
        raise FormatError("this is not a configuration descriptor", offset=0)
    total = _CONFIGURATION.unpack_from(data)[2]
    if total != len(data):
        raise FormatError(f"the configuration should have {total} bytes, {len(data)} came", offset=2)
    at = _CONFIGURATION.size
    while at < total:
        size = data[at]
        if size < 2 or at + size > total:
            raise FormatError("a descriptor ends outside of the configuration", offset=at)
        yield data[at : at + size]
        at += size


def _number_if_dfu(one: bytes) -> int | None:
    if len(one) != _INTERFACE.size:
        raise FormatError(f"an interface descriptor has {_INTERFACE.size} bytes, this one {len(one)}")
    _, _, number, _, _, kind, subclass, _, _ = _INTERFACE.unpack(one)
    return int(number) if (kind, subclass) == (APPLICATION_SPECIFIC, DFU_SUBCLASS) else None


def _interface(number: int, descriptors: list[bytes], functional: bytes | None) -> DfuInterface:
    if functional is None:
        raise FormatError(f"the DFU interface {number} has no functional descriptor")
    if len(descriptors) > MAX_SETTINGS:
        raise FormatError(f"the DFU interface {number} has more than {MAX_SETTINGS} alternate settings")
    parsed = Functional.parse(functional)
    settings = tuple(Setting(one[3], one[8]) for one in descriptors)
    return DfuInterface(number, _mode(descriptors[0][7], parsed), parsed, settings)


def _mode(protocol: int, functional: Functional) -> Mode:
    """bInterfaceProtocol: 1 run-time, 2 DFU mode; ST's boot loaders say 0 in DFU mode."""
    return Mode.DFU if protocol == 2 or (protocol == 0 and functional.is_dfuse) else Mode.RUN_TIME


def parse_string(data: bytes) -> str:
    """The text of a string descriptor (USB 2.0, 9.6.7).

    Some boot loaders state a wrong length, or leave rubbish behind the text (STM32F42x): what is there is read, up to the first
    NUL. What could steer a terminal is left out.
    """
    if len(data) < 2 or data[1] != STRING:
        return ""
    text = data[2 : data[0]].decode("utf-16-le", "replace")
    return "".join(one for one in text.split("\0")[0] if one.isprintable()).strip()
