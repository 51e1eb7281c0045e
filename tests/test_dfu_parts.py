"""USB DFU: which file is for which device, descriptors, and the words for states and status codes."""

import struct
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.dfu import ANY, DFU_VERSION, DFUSE_VERSION, Suffix
from formats.errors import FormatError, ToolError
from tests.dfu_bench import IMAGE, ST, ST_IMAGE, bench, flat, in_dfu_mode
from transports.dfu import matching
from transports.dfu.descriptors import Attribute, Functional, Mode, Setting, parse_configuration, parse_string
from transports.dfu.device import Identity
from transports.dfu.dfuse import DfuseSession
from transports.dfu.matching import Place, find_same
from transports.dfu.status import DFUSE_STATUSES, STATES, STATUSES, Report, State, Status, words_for

# --- suffixes and devices ---------------------------------------------------------------------------------------------------


RUN, DFU = Identity(0x1209, 0x0001, 0x0100), Identity(0x1209, 0x0002, 0x0100)


@pytest.mark.parametrize(
    ("suffix", "fits"),
    [
        (None, True),
        (Suffix(), True),
        (Suffix(vendor=0x1209), True),
        (Suffix(vendor=0x1209, product=0x0001), True),
        (Suffix(vendor=0x1209, product=0x0002), True),
        (Suffix(vendor=0x1209, product=0x0002, device=0x0100), True),
        (Suffix(vendor=0x1209, product=0x0003), False),
        (Suffix(vendor=0x0483, product=0x0002), False),
        (Suffix(vendor=0x0483), False),
        (Suffix(vendor=0x1209, product=0x0002, device=0x0101), False),
        (Suffix(version=DFUSE_VERSION), False),
    ],
)
def test_a_file_for_another_device_is_refused_before_anything_is_written(suffix: Suffix | None, fits: bool) -> None:
    made = in_dfu_mode()
    before = len(made.device.requests)
    if fits:
        made.session.download(flat(IMAGE), suffix)
        return
    with pytest.raises(ToolError) as caught:
        made.session.download(flat(IMAGE), suffix)
    assert (caught.value.name, caught.value.exit_code, bool(caught.value.hint)) == ("wrong_hardware", 6, True)
    assert len(made.device.requests) == before


def test_ids_are_not_mixed_from_two_modes() -> None:
    other = Identity(0x0483, 0xDF11, 0x2200)
    matching.require_match(Suffix(vendor=0x0483, product=0xDF11), (RUN, other), dfuse=False)
    with pytest.raises(ToolError, match=r"product df11 instead of 0001|vendor 1209 instead of 0483"):
        matching.require_match(Suffix(vendor=0x1209, product=0xDF11), (RUN, other), dfuse=False)
    with pytest.raises(ToolError):
        DfuseSession(bench(ST).session).plan(ST_IMAGE, Suffix(vendor=0x0483, product=0xDF11, version=DFUSE_VERSION))
    DfuseSession(bench(ST).session).plan(ST_IMAGE, Suffix(vendor=0x1209, product=0xDF11, version=DFUSE_VERSION))
    DfuseSession(bench(ST).session).plan(ST_IMAGE, Suffix(vendor=0x1209, product=ANY, version=DFU_VERSION))


class Seat(NamedTuple):
    place: Place


def test_a40_a_device_is_found_again_by_serial_number_or_by_its_port() -> None:
    was = Place(1, (4, 2), 0x1209, "A")
    same, moved = Seat(was), Seat(Place(2, (1,), 0x1209, "A"))
    renamed = Seat(Place(1, (4, 2), 0x0483, "STM32FxSTM32"))
    other = Seat(Place(1, (4, 3), 0x1209, "B"))
    foreign = Seat(Place(1, (4, 3), 0x0483, "A"))
    twin = Seat(Place(1, (4, 3), 0x1209, "A"))
    assert find_same([other, same], was) is same
    assert find_same([other, moved], was) is moved
    assert find_same([other, renamed], was) is renamed
    assert find_same([other], was) is None
    assert find_same([foreign], was) is None
    assert find_same([twin, renamed], was, [twin.place]) is renamed
    assert find_same([twin], was, [twin.place]) is None
    assert find_same([same, moved], was) is same
    assert find_same([moved, same], was) is same
    nameless = Place(1, (4, 2), 0x1209, "")
    assert find_same([Seat(Place(1, (4, 3), 0x1209, ""))], nameless) is None
    assert find_same([renamed], nameless) is renamed
    assert find_same([Seat(Place(None, (), 0x1209, ""))], Place(None, (), 0x1209, "")) is None


# --- descriptors and status -------------------------------------------------------------------------------------------------


F405 = bytes.fromhex(
    "0902 3600 01 01 00 c0 32"
    "0904 00 00 00 fe 01 02 040904 00 01 00 fe 01 02 050904 00 02 00 fe 01 02 060904 00 03 00 fe 01 02 07"
    "0921 0b ff00 0008 1a01"
)  # fmt: skip
"""Laid out as `lsusb -v` shows the boot loader of an STM32F405: four settings, 2048 bytes, will detach, DfuSe 1.1a."""
COMPOSITE = bytes.fromhex(
    "0902 4900 04 01 00 80 32"
    "0904 00 00 01 03 00 00 000921 1101 00 01 22 3f000705 81 03 0800 0a"
    "0904 01 00 00 fe 01 01 050921 0d 2c01 4000 1001"
    "0904 02 00 00 fe 03 01 000704 03 00 00 fe 01"
)  # fmt: skip


def test_a_configuration_descriptor_as_it_stands() -> None:
    (found,) = parse_configuration(F405)
    assert (found.number, found.mode) == (0, Mode.DFU)
    assert found.functional == Functional(Attribute(0x0B), 255, 2048, 0x011A)
    assert found.settings == (Setting(0, 4), Setting(1, 5), Setting(2, 6), Setting(3, 7))
    assert Attribute.CAN_UPLOAD in found.functional.attributes
    assert Attribute.MANIFESTATION_TOLERANT not in found.functional.attributes


def test_the_descriptor_of_another_class_is_not_taken_for_dfu_s() -> None:
    """Type 0x21 is also HID's."""
    data = COMPOSITE[: -7 - 9]
    data = data[:2] + struct.pack("<H", len(data)) + data[4:]
    (found,) = parse_configuration(data)
    assert (found.number, found.mode, found.functional) == (1, Mode.RUN_TIME, Functional(Attribute(0x0D), 300, 64, 0x0110))


def test_modes_and_the_short_functional_descriptor_of_dfu_1_0() -> None:
    assert Functional.parse(bytes.fromhex("0721 03 e803 4000")) == Functional(Attribute(3), 1000, 64, 0x0100)
    st_rom = bytearray(F405)
    st_rom[16] = 0  # bInterfaceProtocol of older boot loaders of ST
    assert parse_configuration(bytes(st_rom))[0].mode is Mode.DFU
    st_rom[-2:] = b"\x10\x01"
    assert parse_configuration(bytes(st_rom))[0].mode is Mode.RUN_TIME


def test_damaged_descriptors() -> None:
    for data in [F405[:n] for n in range(len(F405))] + [F405 + b"\0", F405[:-9][:2] + b"\x2d\0" + F405[4:-9]]:
        with pytest.raises(FormatError):
            parse_configuration(data)
    for bit in range(len(F405) * 8):
        flipped = bytearray(F405)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            parse_configuration(bytes(flipped))
        except FormatError:
            continue


@given(st.binary(max_size=80))
def test_any_bytes_are_descriptors_or_a_format_error(data: bytes) -> None:
    body = data[9:]
    for one in (data, struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0x80, 50) + body):
        try:
            parse_configuration(one)
        except FormatError:
            continue
    assert isinstance(parse_string(data), str)


def test_strings_of_boot_loaders() -> None:
    text = "@Internal Flash"
    good = bytes([2 + 2 * len(text), 3]) + text.encode("utf-16-le")
    assert parse_string(good) == text
    assert parse_string(bytes([255, 3]) + good[2:]) == text  # states more than it has
    assert parse_string(good + b"\0\0rubbish!") == text
    assert parse_string(good[:-1])[:14] == text[:14]
    assert parse_string(bytes([12, 3]) + "a\x1b[2J".encode("utf-16-le")) == "a[2J"
    assert parse_string(b"") == parse_string(b"\x04\x04ab") == ""


def test_the_report_as_it_stands() -> None:
    report = Report.parse(bytes.fromhex("00 640000 04 00"))
    assert (report.status, report.poll_s, report.state, report.failed) == (0, 0.1, State.DNBUSY, False)
    assert Report.parse(bytes.fromhex("0a 010203 0a 05")) == Report(10, 0x030201 / 1000, State.ERROR, 5)
    for poll_ms in (0, 1, 255, 999, 16_777_215):
        built = Report(Status.OK, poll_ms / 1000, State.IDLE, 0).build()
        assert built[1:4] == poll_ms.to_bytes(3, "little")
        assert Report.parse(built).build() == built


def test_every_state_and_status_has_words() -> None:
    """Names as in DFU 1.1, 6.1.2."""
    assert [STATES[state].name for state in State] == [
        "appIDLE", "appDETACH", "dfuIDLE", "dfuDNLOAD-SYNC", "dfuDNBUSY", "dfuDNLOAD-IDLE", "dfuMANIFEST-SYNC", "dfuMANIFEST",
        "dfuMANIFEST-WAIT-RESET", "dfuUPLOAD-IDLE", "dfuERROR",
    ]  # fmt: skip
    assert [STATUSES[status].name for status in Status] == [
        "OK", "errTARGET", "errFILE", "errWRITE", "errERASE", "errCHECK_ERASED", "errPROG", "errVERIFY", "errADDRESS",
        "errNOTDONE", "errFIRMWARE", "errVENDOR", "errUSBR", "errPOR", "errUNKNOWN", "errSTALLEDPKT",
    ]  # fmt: skip
    assert all(words.meaning and words.next_step for words in (*STATES.values(), *STATUSES.values(), *DFUSE_STATUSES.values()))
    assert "0xee" in words_for(0xEE).name
    assert words_for(Status.ERR_VENDOR, dfuse=True) != words_for(Status.ERR_VENDOR)
    assert words_for(Status.ERR_PROG, dfuse=True) == words_for(Status.ERR_PROG)
