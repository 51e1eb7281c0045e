"""Frames as a capture file that Wireshark opens: pcapng, draft-ietf-opsawg-pcapng (numbers below are its sections).

One section, one interface, one enhanced packet block for each frame. Link type USER0 (147) is kept for private use
(draft-ietf-opsawg-pcaplinktype); `transports.tsp.dissector` is what tells Wireshark how to read it.
"""

import struct
from collections.abc import Iterable
from typing import BinaryIO, Final, NamedTuple

LINKTYPE_USER0: Final = 147

_SECTION_HEADER: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_ENHANCED_PACKET: Final = 6
_BYTE_ORDER: Final = 0x1A2B3C4D
_UNKNOWN_LENGTH: Final = -1
"""Of a section (4.1): a reader goes on to the end of the file."""
_NO_LIMIT: Final = 0
"""Snapshot length (4.2): packets are never cut."""

_END_OF_OPTIONS: Final = 0
_IF_TSRESOL: Final = 9
_MICROSECONDS: Final = b"\x06"
"""Value of if_tsresol (4.2): units of 10^-6 s."""
_EPB_FLAGS: Final = 2
_INBOUND, _OUTBOUND = 1, 2
"""Bits 0 and 1 of epb_flags (4.3.1)."""


class Packet(NamedTuple):
    """One frame as it was on the line."""

    time_s: float
    """Seconds since 1970 UTC, or since whatever start the caller counts from."""
    outbound: bool
    """From the host to the terminal."""
    data: bytes
    """The whole frame, from sync to CRC."""


def write(out: BinaryIO, packets: Iterable[Packet]) -> None:
    """Write a whole capture file; packets go out one by one as they come, so `packets` may be endless."""
    out.write(_block(_SECTION_HEADER, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, _UNKNOWN_LENGTH)))
    interface = struct.pack("<HHI", LINKTYPE_USER0, 0, _NO_LIMIT)
    out.write(_block(_INTERFACE, interface + _options((_IF_TSRESOL, _MICROSECONDS))))
    out.writelines(_block(_ENHANCED_PACKET, _packet(packet)) for packet in packets)


def _packet(packet: Packet) -> bytes:
    """Body of an enhanced packet block (4.3): interface 0, time as two halves, captured and original length, data."""
    high, low = divmod(round(packet.time_s * 1e6), 1 << 32)
    size = len(packet.data)
    flags = struct.pack("<I", _OUTBOUND if packet.outbound else _INBOUND)
    return struct.pack("<IIIII", 0, high, low, size, size) + _padded(packet.data) + _options((_EPB_FLAGS, flags))


def _options(*options: tuple[int, bytes]) -> bytes:
    """Code, length without padding, padded value for each, and the end mark (3.5)."""
    coded = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in (*options, (_END_OF_OPTIONS, b""))]
    return b"".join(coded)


def _block(kind: int, body: bytes) -> bytes:
    """Type, total length, body, total length again (3.1)."""
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def _padded(data: bytes) -> bytes:
    """Up to a multiple of four bytes."""
    return data + bytes(-len(data) % 4)
