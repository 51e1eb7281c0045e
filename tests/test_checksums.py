"""Checksums: check values of the catalogue, and two independent implementations that agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.checksums import CRCS, crc_function, crcmod_function, crcmod_is_compiled

CHECK_INPUT = b"123456789"


def bit_by_bit(name: str, data: bytes) -> int:
    """A CRC straight from its definition, one bit at a time."""
    crc = CRCS[name]
    width = crc.polynomial.bit_length() - 1
    register = crc.initial ^ crc.final_xor
    polynomial = crc.polynomial & ((1 << width) - 1)
    if crc.reflected:
        polynomial = int(f"{polynomial:0{width}b}"[::-1], 2)
    for byte in data:
        register ^= byte if crc.reflected else byte << (width - 8)
        for _ in range(8):
            if crc.reflected:
                register = register >> 1 ^ (polynomial if register & 1 else 0)
            else:
                register = (register << 1 ^ (polynomial if register >> (width - 1) else 0)) & ((1 << width) - 1)
    return register ^ crc.final_xor


@pytest.mark.parametrize("name", CRCS)
def test_check_values(name: str) -> None:
    assert crc_function(name)(CHECK_INPUT) == CRCS[name].check
    assert crcmod_function(name)(CHECK_INPUT) == CRCS[name].check
    assert bit_by_bit(name, CHECK_INPUT) == CRCS[name].check


def test_check_values_are_those_of_the_catalogue() -> None:
    assert {name: crc.check for name, crc in CRCS.items()} == {
        "CRC-8": 0xF4,
        "CRC-16/XMODEM": 0x31C3,
        "CRC-16/KERMIT": 0x2189,
        "CRC-32": 0xCBF43926,
        "CRC-32/JAMCRC": 0x340BC6D9,
    }


@pytest.mark.parametrize("name", CRCS)
@settings(deadline=None)
@given(data=st.binary(max_size=300))
def test_implementations_agree(name: str, data: bytes) -> None:
    assert crc_function(name)(data) == crcmod_function(name)(data) == bit_by_bit(name, data)


@pytest.mark.parametrize("name", CRCS)
def test_implementations_agree_on_a_megabyte(name: str) -> None:
    data = bytes(range(256)) * 4096
    assert crc_function(name)(data) == crcmod_function(name)(data)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(KeyError):
        crc_function("CRC-5/USB")


def test_crcmod_is_compiled() -> None:
    assert crcmod_is_compiled() is True
