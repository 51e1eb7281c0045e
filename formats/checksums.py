"""Named checksums. A CRC finds noise; it never decides whether something is genuine.

Parameters and check values (over "123456789") follow Greg Cook's catalogue of parametrised CRC algorithms.
CRC-16/KERMIT is the one ZVT calls "XModem" (PA00P016 rev. 04); CRC-32/JAMCRC is that of the USB DFU suffix (DFU 1.1 B).
"""

import binascii
import functools
import zlib
from collections.abc import Callable
from typing import NamedTuple


class Crc(NamedTuple):
    """One CRC: generator polynomial with its top bit, register at start, bit order, final XOR, and the check value."""

    polynomial: int
    initial: int
    reflected: bool
    final_xor: int
    check: int


CRCS: dict[str, Crc] = {
    "CRC-8": Crc(0x107, 0x00, False, 0x00, 0xF4),
    "CRC-16/XMODEM": Crc(0x11021, 0x0000, False, 0x0000, 0x31C3),
    "CRC-16/KERMIT": Crc(0x11021, 0x0000, True, 0x0000, 0x2189),
    "CRC-32": Crc(0x104C11DB7, 0x00000000, True, 0xFFFFFFFF, 0xCBF43926),
    "CRC-32/JAMCRC": Crc(0x104C11DB7, 0xFFFFFFFF, True, 0x00000000, 0x340BC6D9),
}
"""Name -> parameters in crcmod's convention: `initial` is the register *after* the final XOR of zero bytes."""


@functools.cache
def crc_function(name: str) -> Callable[[bytes], int]:
    """The fastest exact implementation of a named CRC: zlib or binascii where they have it, crcmod otherwise."""
    if name == "CRC-32":
        return zlib.crc32
    if name == "CRC-16/XMODEM":
        return lambda data: binascii.crc_hqx(data, 0)
    return crcmod_function(name)


@functools.cache
def crcmod_function(name: str) -> Callable[[bytes], int]:
    """The same CRC computed by crcmod, for the tables that have no faster home and as a second opinion in tests."""
    import crcmod

    crc = CRCS[name]
    made: Callable[[bytes], int] = crcmod.mkCrcFun(crc.polynomial, initCrc=crc.initial, rev=crc.reflected, xorOut=crc.final_xor)
    return made


def crcmod_is_compiled() -> bool:
    """False if crcmod runs on its pure-Python fallback, which is some thirty times slower."""
    from crcmod import crcmod as implementation

    return bool(implementation._usingExtension)
