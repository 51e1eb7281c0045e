"""The TSP bulk interface in a device's descriptors (USB 2.0, 9.6.5 and 9.6.6; docs/protocol/tsp.md, section 8)."""

from typing import Final, NamedTuple

from formats.errors import FormatError
from transports.dfu.descriptors import INTERFACE, walk

VENDOR_SPECIFIC, TSP_SUBCLASS, TSP_PROTOCOL = 0xFF, 0x54, 0x01
"""bInterfaceClass, bInterfaceSubClass ("T") and bInterfaceProtocol (TSP/1) of the interface."""
ENDPOINT: Final = 5
ENDPOINT_SIZE: Final = 7
"""An audio endpoint has 9 bytes, of which the first 7 are the same."""
TRANSFER_TYPE, BULK = 0x03, 0x02
PACKET_SIZES: Final = (8, 16, 32, 64, 512, 1024)
"""What bulk endpoints may have: full speed (5.8.3), high speed, SuperSpeed."""


class Endpoint(NamedTuple):
    """A bulk endpoint."""

    address: int
    packet_size: int

    @property
    def is_in(self) -> bool:
        """From device to host."""
        return bool(self.address & 0x80)


class BulkInterface(NamedTuple):
    """An interface that carries TSP."""

    number: int
    alternate: int
    into_host: Endpoint
    out_of_host: Endpoint


def is_tsp(kind: int, subclass: int, protocol: int) -> bool:
    """Whether an interface's class numbers are those of TSP over bulk."""
    return (kind, subclass, protocol) == (VENDOR_SPECIFIC, TSP_SUBCLASS, TSP_PROTOCOL)


def parse_bulk(data: bytes) -> BulkInterface | None:
    """The TSP interface of a configuration; None: it has none. Of several the first counts.

    Raises:
        FormatError: lengths do not fit, or the interface has not exactly one bulk endpoint each way, of a size that exists.
    """
    found: bytes | None = None
    endpoints: list[bytes] = []
    for one in walk(data):
        if one[1] == INTERFACE:
            if found is not None:
                break
            found = one if len(one) == 9 and is_tsp(*one[5:8]) else None
        elif one[1] == ENDPOINT and found is not None:
            endpoints.append(one)
    return None if found is None else _interface(found, endpoints)


def _interface(found: bytes, descriptors: list[bytes]) -> BulkInterface:
    if found[4] != len(descriptors):
        raise FormatError(f"the TSP interface says that it has {found[4]} endpoints, and shows {len(descriptors)}")
    bulk = [_endpoint(one) for one in descriptors if _is_bulk(one)]
    inward = [one for one in bulk if one.is_in]
    outward = [one for one in bulk if not one.is_in]
    if len(inward) != 1 or len(outward) != 1:
        raise FormatError(f"the TSP interface needs one bulk endpoint each way, and has {len(inward)} in, {len(outward)} out")
    return BulkInterface(found[2], found[3], inward[0], outward[0])


def _is_bulk(one: bytes) -> bool:
    if len(one) < ENDPOINT_SIZE:
        raise FormatError(f"an endpoint descriptor has {ENDPOINT_SIZE} bytes, this one {len(one)}")
    return one[3] & TRANSFER_TYPE == BULK


def _endpoint(one: bytes) -> Endpoint:
    address, packet_size = one[2], one[4] | one[5] << 8
    if address & 0x70 or not address & 0x0F:
        raise FormatError(f"{address:#04x} is not the address of a bulk endpoint")
    if packet_size not in PACKET_SIZES:
        raise FormatError(f"a bulk endpoint's packets have {', '.join(map(str, PACKET_SIZES))} bytes, not {packet_size}")
    return Endpoint(address, packet_size)
