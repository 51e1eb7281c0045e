"""ZVT: bytes to records and back, against bytes of others, a second decoder and Wireshark's dissector; nothing secret leaves."""

import hashlib
import itertools
import pathlib
import random
import re
import struct
import subprocess
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import FormatError
from tests.support import ROOT, need
from tests.zvt_examples import (
    ALL_MESSAGES,
    DIGESTS,
    DOUBLED,
    EXAMPLES,
    RECORDED,
    RECORDED_FRAME,
    SECOND_SIZES,
    SECRET,
    raw,
    second_bitmaps,
    second_split,
    second_tlv,
    second_unframe,
)
from transports.tsp.messages import Rights
from transports.zvt import (
    apdu as apdu_module,
)
from transports.zvt import bitmaps, charsets, codes, commands, files, frames, masking, outcome, printing, service, session, tlv
from transports.zvt.apdu import OK, Apdu, refuse
from transports.zvt.bitmaps import BITMAPS, Field, Form
from transports.zvt.commands import COMMANDS
from transports.zvt.describe import Teller, describe
from transports.zvt.files import FileBlock, FilePart, FileRequest, WriteFile
from transports.zvt.frames import Bad, Control, Decoder, Frame, Splitter
from transports.zvt.heads import Fixed, Perhaps
from transports.zvt.layout import Bmp, Container, Declared, Message, Series, Tag, Tags
from transports.zvt.maker import FACTORY_RESET, MakerCompletion, MakerRequest
from transports.zvt.opcodes import Direction, Opcode, Timer
from transports.zvt.outcome import Aborted, Completion, IntermediateStatus, StatusInformation, Totals, Turnover
from transports.zvt.printing import Line, PrintLine, PrintTextBlock
from transports.zvt.serial_link import SerialLink
from transports.zvt.session import Registration, StatusCompletion
from transports.zvt.tcp_link import TcpLink
from transports.zvt.tlv import Tlv
from transports.zvt.values import MARK, Codec, Password

# -- examples -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name: str) -> None:
    """Bytes to records and back; the frame as somebody else computed it."""
    whole, end, record = EXAMPLES[name]
    apdu = Apdu.parse(whole)
    assert apdu.build() == whole
    assert type(record).parse(apdu.data) == record
    assert record.build() == apdu.data
    frame = frames.encode(whole)
    assert frame.endswith(raw(end))
    assert second_unframe(frame) == whole
    assert second_split(whole) == (apdu.opcode, apdu.data)
    assert Decoder().feed(frame) == [Frame(whole)]


def test_examples_in_full() -> None:
    for name, (of_apdu, of_frame) in DIGESTS.items():
        assert hashlib.sha256(EXAMPLES[name][0]).hexdigest() == of_apdu
        assert not of_frame or hashlib.sha256(frames.encode(EXAMPLES[name][0])).hexdigest() == of_frame
    for name, frame in DOUBLED.items():
        assert frames.encode(EXAMPLES[name][0]) == raw(frame)
    assert len(EXAMPLES["block"][0]) == 538
    assert len(EXAMPLES["block"][0]) - 512 == files.BLOCK_OVERHEAD
    assert frames.encode(RECORDED[0][1]) == RECORDED_FRAME


@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_what_others_recorded(number: int) -> None:
    _, whole, record, wanted = RECORDED[number]
    message = record.parse(Apdu.parse(whole).data)
    assert {name: getattr(message, name) for name in wanted} == wanted
    assert record.parse(message.build()) == message


def test_recorded_receipt() -> None:
    block = PrintTextBlock.parse(Apdu.parse(next(whole for source, whole, kind, _ in RECORDED if kind is PrintTextBlock)).data)
    assert block.lines[2] == Line(b"Abschluss - keine TX")
    assert len(block.lines) == 6 + 7 + 1
    assert [line.last for line in block.lines] == [False] * 13 + [True]
    assert block.lines[-1].feeds == 0


def test_the_hex_in_the_document() -> None:
    text = (ROOT / "docs/protocol/zvt.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```hex\n(.*?)```", text, re.DOTALL)
    found = [raw("".join(line.split(";")[0] for line in block.splitlines())) for block in blocks]
    assert found == [frames.encode(EXAMPLES[name][0]) for name in ("registration", "set clock")]


def test_the_table_in_the_document() -> None:
    text = (ROOT / "docs/protocol/zvt.md").read_text(encoding="utf-8")
    table = text.split("<!-- commands -->")[1].split("\n\n")[0].strip().splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table]
    expected = [
        (f"{code >> 8:02X} {code & 255:02X}", Opcode(code).name.lower().replace("_", " "), row.direction.value, row.ends.value,
         row.rights.name.lower())
        for code, row in sorted(COMMANDS.items())
    ]  # fmt: skip
    assert rows == expected


def test_the_table() -> None:
    assert set(COMMANDS) == set(Opcode)
    for row in COMMANDS.values():
        assert row.ends in (Timer.T3, Timer.T4)
        assert row.direction is Direction.TO_TERMINAL or row.ends is Timer.T3  # only a host's command has a completion
    assert commands.rights_of(Apdu(Opcode.MAKER_FUNCTION, raw("0001"))) == Rights.INSPECT
    reset = MakerRequest(password=SECRET, function=FACTORY_RESET)
    assert commands.rights_of(Apdu(Opcode.MAKER_FUNCTION, reset.build())) == Rights.FACTORY
    assert reset.build() == raw("2468130255")
    assert commands.rights_of(Apdu(0x0630)) == Rights.FACTORY
    assert commands.read_request(Apdu(Opcode.REGISTRATION, raw("123456DE"))) == Registration(
        password=Password("123456"), config=0xDE
    )
    with pytest.raises(FormatError, match="06 DA is not known") as caught:
        commands.read_request(Apdu(0x06DA))
    assert caught.value.name == "unsupported_format"


# -- messages and their parts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "length", "tag_length"),
    [(0, "00", "00"), (127, "7F", "7F"), (128, "80", "8180"), (254, "FE", "81FE"), (255, "FFFF00", "81FF"),
     (256, "FF0001", "820100"), (65535, "FFFFFF", "82FFFF")],
)  # fmt: skip
def test_lengths(size: int, length: str, tag_length: str) -> None:
    whole = Apdu(0x0601, bytes(size)).build()
    assert whole == raw("0601" + length) + bytes(size)
    assert Apdu.parse(whole).data == bytes(size)
    assert apdu_module.declared_size(whole[:5]) == len(whole)
    assert Tlv(0x1C, bytes(size)).build() == raw("1C" + tag_length) + bytes(size)
    assert tlv.parse(raw("1C" + tag_length) + bytes(size)) == (Tlv(0x1C, bytes(size)),)


def test_lengths_in_longer_forms() -> None:
    assert Apdu.parse(raw("0601FF0200ABCD")) == Apdu(0x0601, raw("ABCD"))
    assert tlv.parse(raw("1C8102ABCD")) == tlv.parse(raw("1C820002ABCD")) == (Tlv(0x1C, raw("ABCD")),)
    for form in ("80", "83000001", "84", "FF"):
        with pytest.raises(FormatError, match="81 and 82"):
            tlv.parse(raw("1C" + form))
    with pytest.raises(FormatError):
        Apdu(0x0601, bytes(65536)).build()
    with pytest.raises(FormatError):
        Tlv(0x1C, bytes(65536)).build()


def test_answers() -> None:
    assert OK.build() == raw("800000")
    assert OK.is_answer
    assert OK.positive
    assert OK.refusal is None
    assert Apdu.parse(raw("840000")).positive
    assert refuse(0xCC) == Apdu.parse(raw("84CC00"))
    assert refuse(0xCC).refusal == 0xCC
    assert not Apdu(0x0600).is_answer
    assert Apdu(0x0600).refusal is None


TAGS: Final = st.sampled_from(
    [0x07, 0x1C, 0x25, 0x2D, 0x7E, 0x1F00, 0x1F44, 0x1F7F, 0x3F21, 0xDF01, 0xFF40, 0x1F8101 | 0x4, 0xDF8103]
)


@given(st.lists(st.tuples(TAGS, st.binary(max_size=300)), max_size=6))
def test_tags_there_and_back(pairs: list[tuple[int, bytes]]) -> None:
    items = tuple(Tlv(tag, value) for tag, value in pairs if not 0x1F8100 <= tag <= 0x1F81FF)
    data = tlv.build(items)
    assert tlv.parse(data) == items
    assert second_tlv(data) == [(f"{item.tag:02x}", item.value) for item in items]


@pytest.mark.parametrize("name", ["registration", "status", "write file", "cleaning card", "abort"])
def test_tags_end_where_they_say(name: str) -> None:
    """Cut anywhere but between two of them, a row of tags is refused."""
    whole = next(value for number, value in second_bitmaps(tail_of(name)) if number == "06")
    ends = {0, *itertools.accumulate(len(item.build()) for item in tlv.parse(whole))}
    for size in range(len(whole)):
        if size in ends:
            tlv.parse(whole[:size])
        else:
            with pytest.raises(FormatError):
                tlv.parse(whole[:size])


def tail_of(name: str) -> bytes:
    """The data of an example from its first BMP on."""
    data = Apdu.parse(EXAMPLES[name][0]).data
    return data[{"registration": 6, "status": 13, "write file": 3, "cleaning card": 2, "abort": 1}[name] :]


def test_tags_that_break_their_own_rule() -> None:
    """1F80 with two bytes (S) and with three (later texts); 1F72 as 1FF2 (E); three bytes at most."""
    assert tlv.parse(raw("1F80036B2E67 1F8104 74657874 1FF20101")) == (
        Tlv(0x1F80, b"k.g"), Tlv(0x1F81, b"text"), Tlv(0x1FF2, b"\1"),
    )  # fmt: skip
    assert tlv.parse(raw("1F8000036B2E67 1F80010474657874")) == (Tlv(0x1F8000, b"k.g"), Tlv(0x1F8001, b"text"))
    for form in ("1F80036B2E67", "1F8000036B2E67"):
        assert FilePart.parse(raw(form)).name == "k.g"
    assert FilePart(name="k.g").build() == raw("1F80036B2E67")
    assert FilePart.parse(raw("1F8102 6162")).mime_type == FilePart.parse(raw("1F80010261 62")).mime_type == "ab"
    with pytest.raises(FormatError, match="another tag"):
        FilePart(name="k").build()
    with pytest.raises(FormatError, match="there 2 times"):
        FilePart.parse(raw("1F80036B2E67 1F8000036B2E67"))
    with pytest.raises(FormatError, match="more than 3"):
        tlv.parse(raw("DF81820101"))


def test_nesting_is_bounded() -> None:
    data = b""
    for depth in range(1, tlv.MAX_DEPTH + 1):
        data = Tlv(0x25, data).build()
        assert [place for place, _ in tlv.walk(data)] == list(range(1, depth + 1))
    with pytest.raises(FormatError, match="deeper than 8"):
        list(tlv.walk(Tlv(0x25, data).build()))
    deep = b""
    while len(deep) < 60000:
        deep = Tlv(0x25, deep).build()
    with pytest.raises(FormatError):
        list(tlv.walk(deep))


def test_the_table_of_fields() -> None:
    """Typed a second time from the specification."""
    forms = {Form.LL: "LL", Form.LLL: "LLL", Form.TLV: "T"}
    assert {f"{number:02X}": forms.get(row.form, str(row.size)) for number, row in BITMAPS.items()} == SECOND_SIZES


@st.composite
def fields(draw: st.DrawFn) -> Field:
    number = draw(st.sampled_from(sorted(BITMAPS)))
    row = BITMAPS[number]
    sizes = {Form.FIXED: (row.size, row.size), Form.LL: (0, 99), Form.LLL: (0, 999), Form.TLV: (0, 1000)}[row.form]
    return Field(number, draw(st.binary(min_size=sizes[0], max_size=sizes[1])))


@given(st.lists(fields(), max_size=6))
@settings(max_examples=60)
def test_fields_there_and_back(items: list[Field]) -> None:
    data = bitmaps.build(items)
    assert list(bitmaps.parse(data)) == items
    assert second_bitmaps(data) == [(f"{item.number:02X}", item.value) for item in items]


def test_fields_that_are_refused() -> None:
    with pytest.raises(FormatError, match="BMP 07 is not known") as caught:
        bitmaps.parse(raw("270007"))
    assert caught.value.name == "unsupported_format"
    for damaged in ("29700043", "22F0", "22F0FA00", "2231", "22F03141", "3CF0F1F2", "0605"):
        with pytest.raises(FormatError):
            bitmaps.parse(raw(damaged))
    for field in (Field(0x29, b"123"), Field(0x22, bytes(100)), Field(0x3C, bytes(1000)), Field(0x07, b"")):
        with pytest.raises(FormatError):
            field.build()
    with pytest.raises(FormatError, match="BMP 27 is there 2 times"):
        Completion.parse(raw("27002701"))
    with pytest.raises(FormatError, match="tag 1F16 is there 2 times"):
        Completion.parse(raw("0608 1F160100 1F160101"))
    with pytest.raises(FormatError, match="date is missing"):
        service.SetClock.parse(raw("2468130C101010"))
    with pytest.raises(FormatError, match="file is missing"):
        FileRequest.parse(b"")


def candidates(codec: Codec, size: int | None) -> list[bytes]:
    """Bytes that the codec reads and writes back as they were."""
    source = getattr(codec.decode, "__self__", None)
    if isinstance(source, type) and issubclass(source, Declared):
        return []
    found = []
    for length in range(1, 20) if size is None else (size,):
        for seed in range(4):
            value = bytes(random.Random(f"{length} {seed}").choices(b"0123456789ABCDEFGHI", k=length))
            try:
                if codec.encode(codec.decode(value)) == value:
                    found.append(value)
            except FormatError:
                continue
    return found


def values(codec: Codec, size: int | None = None) -> st.SearchStrategy[Any]:
    source = getattr(codec.decode, "__self__", None)
    if isinstance(source, type) and issubclass(source, Declared):
        return records(source)
    if codec is outcome.TOTALS:
        groups = st.tuples(*[st.builds(Turnover, st.integers(0, 255), st.integers(0, 10**12 - 1))] * 7)
        return st.builds(Totals, st.integers(0, 9999), st.integers(0, 9999), groups)
    if codec.decode is tlv.parse:
        texts = st.builds(Tlv, st.just(printing.TEXT_TAG), st.binary(max_size=40))
        return st.lists(texts | st.builds(Tlv, st.just(printing.ATTRIBUTE_TAG), st.binary(min_size=1, max_size=1))).map(tuple)
    if codec is MARK:
        return st.just(True)
    good = candidates(codec, size)
    assert good, codec
    return st.sampled_from(good).map(codec.decode)


def part_values(part: Any) -> st.SearchStrategy[Any]:
    if isinstance(part, Container):
        return st.just(True)
    if isinstance(part, Bmp):
        row = BITMAPS[part.number]
        return values(part.codec, row.size or None)
    if isinstance(part, Tags):
        return st.lists(values(part.codec), max_size=3).map(tuple)
    if isinstance(part, Series):
        return st.lists(values(part.codec), max_size=part.room).map(tuple)
    if isinstance(part, Fixed | Perhaps):
        return values(part.codec, part.size)
    return values(part.codec).filter(lambda value: getattr(part, "tag", 0) != 0x1F80 or len(value) > 1)


def records(kind: type[Declared]) -> st.SearchStrategy[Any]:
    """Records of a kind, out of its layout; optional fields come and go, but positional ones are all there."""
    always = {part.name: part_values(part) for part in kind.LAYOUT if not isinstance(part, Bmp | Tag)}
    sometimes = {part.name: part_values(part) for part in kind.LAYOUT if isinstance(part, Bmp | Tag)}
    if kind is Aborted:
        del always["currency"]  # only with 6F; see the test of positional traps
    needed = {name for name in sometimes if name not in vars(kind)}
    mandatory = {name: sometimes.pop(name) for name in needed}
    return st.fixed_dictionaries({**always, **mandatory}, optional=sometimes).map(lambda found: kind(**found))


KINDS: Final = sorted(
    {kind for row in COMMANDS.values() for kind in (row.request, row.answer, row.completion)}, key=lambda kind: kind.__name__
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_records_there_and_back(kind: type[Message]) -> None:
    @given(records(kind))
    @settings(max_examples=30, deadline=None)
    def check(record: Message) -> None:
        data = record.build()
        assert kind.parse(data) == record
        assert Apdu.parse(Apdu(0x0601, data).build()).data == data
        assert "123" not in repr(Password("123123"))

    check()


def test_positional_traps() -> None:
    without = raw("123456DE 06041A028000")
    assert Registration.parse(without) == Registration(password=Password("123456"), config=0xDE, container=True, max_apdu=0x8000)
    assert Registration.parse(raw("123456DE 0600")).container
    assert not Registration.parse(raw("123456DE 0978")).container
    # a time of six minutes, and a container at once
    assert IntermediateStatus.parse(raw("E2 06 0606240407024142")).minutes == 6
    assert IntermediateStatus.parse(raw("E2 0606240407024142")).minutes is None
    assert IntermediateStatus.parse(raw("E2")) == IntermediateStatus(state=0xE2)
    # F0 and F6 are states, not the beginning of a version
    for state in ("F0", "F6"):
        assert StatusCompletion.parse(raw(state)) == StatusCompletion(state=int(state, 16))
        assert StatusCompletion.parse(raw(state + "0600")).version is None
    assert StatusCompletion.parse(raw("F0 F1F0F24142")) == StatusCompletion(state=0xF0)
    assert Aborted.parse(raw("6F 0978")).currency == 978
    assert Aborted.parse(raw("6F 06051F160210F2")).error == b"\x10\xf2"
    assert Aborted.parse(raw("6F")).currency is None
    assert Aborted.parse(raw("6C 490978")).currency is None
    assert Aborted.parse(raw("B8 870005 0606 2304 08020005")).open_receipts == outcome.Receipts(numbers=("0005",))
    assert PrintLine.parse(raw("FF 06")).line == Line(b"", printing.FEED, 6)
    assert PrintLine.parse(raw("FF")).line == Line(b"", printing.FEED, 1)
    assert PrintLine.parse(raw("00 06 41")).text == b"\x06A"
    assert MakerCompletion.parse(b"") == MakerCompletion()
    assert session.StatusEnquiry.parse(raw("06031F7800")).password is None


def test_lines_of_a_block() -> None:
    def lines(content: str) -> tuple[Line, ...]:
        return PrintTextBlock(content=tlv.parse(raw(content))).lines

    assert lines("070141 090140 070142 0700") == (Line(b"A"), Line(b"B", 0x40), Line(b"", 0x40))
    assert lines("070141 0901FF") == (Line(b"A"), Line(b"", printing.FEED, 1))
    assert lines("0901FF 070103 070141") == (Line(b"", printing.FEED, 3), Line(b"A"))
    assert lines("0901FF 070120 070141") == (Line(b"", printing.FEED, 1), Line(b" "), Line(b"A"))
    assert lines("0901FF 0901FF 090181 070141") == (Line(b"", 255), Line(b"", 255), Line(b"A", 0x81))
    assert lines("090180") == ()
    assert Line(b"", 0x81).last
    assert not Line(b"", 0x80).last
    assert PrintTextBlock.parse(raw("06041F070103")).lines == ()


def test_totals_add_up() -> None:
    record = EXAMPLES["totals"][2]
    assert isinstance(record, StatusInformation)
    assert record.totals
    assert (record.totals.payments, record.totals.amount) == (3, record.amount)


def test_text() -> None:
    assert charsets.decode(raw("E1 81 20 00 00")) == "ßü "
    assert charsets.decode(raw("DF"), 1) == "ß"
    assert charsets.decode("ß €".encode(), charsets.UTF8) == "ß €"
    assert charsets.decode_zvt7(b"[]{|}~") == "ÄÜäöüß"
    assert charsets.encode_zvt7("ÄÖÜäöüß") == b"[\\]{|}~"
    hostile = "\x1b]0;x\x07\x9b2J\u202e\r\n=cmd()"
    assert charsets.decode(hostile.encode(), charsets.UTF8) == "\ufffd]0;x\ufffd\ufffd2J\ufffd =cmd()"
    for charset in (12, 17, 0x80):
        with pytest.raises(FormatError):
            charsets.decode(b"", charset)
    with pytest.raises(FormatError):
        charsets.encode("€")
    with pytest.raises(FormatError):
        charsets.encode_zvt7("[")
    for charset in (0, *range(1, 12), 13, 14, 15, 16, 254, 255):
        assert charsets.decode(charsets.encode("Kopf 203", charset), charset) == "Kopf 203"


def test_codes() -> None:
    assert codes.result(0xCC) == "printer not ready"
    assert codes.result(0x37) == "refused by the payment host"
    assert codes.result(0xFA + 0) == "clearing of offline transactions failed"
    assert codes.result(0x99) == "unknown result"
    assert codes.state(0x51) == "initialisation required"
    assert codes.state(0xF0) == "end of day open"
    assert codes.intermediate(0xE2) == "use the cleaning card"
    assert codes.intermediate(0x4A) == "remove card"
    assert codes.intermediate(0x55) == "wrong PIN, remove card"
    assert codes.locks(b"\x04\x04") == ("printer lock", "battery low")
    assert codes.locks(b"\x81\x80") == ("end-of-day lock", "secure module changed", "transaction log defective")


# -- what is refused ------------------------------------------------------------------------------------------------------


def frames_in(data: bytes) -> list[bytes]:
    """Good frames that a receiver finds, a silence behind the bytes included."""
    decoder = Decoder()
    items = [*decoder.feed(data), *decoder.give_up()]
    return [item.payload for item in items if isinstance(item, Frame)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_damaged_frame_is_taken(name: str) -> None:
    """Every flipped bit and every truncation; then the frame itself gets through."""
    frame = frames.encode(EXAMPLES[name][0])
    for at, bit in itertools.product(range(len(frame)), range(8)):
        damaged = bytearray(frame)
        damaged[at] ^= 1 << bit
        assert frames_in(bytes(damaged)) == [], (at, bit)
    for size in range(len(frame)):
        assert frames_in(frame[:size]) == []
        decoder = Decoder()
        decoder.feed(frame[:size])
        decoder.give_up()
        assert [item for item in decoder.feed(frame) if isinstance(item, Frame)] == [Frame(EXAMPLES[name][0])]


def test_frames_split_anywhere_between_noise() -> None:
    noise = b"\x00\x10\x10\x06\x15\x03\x10\x03boot text\x10"
    whole = EXAMPLES["set clock"][0]
    stream = noise + frames.encode(whole) + b"\x06" + frames.encode(whole)
    for step in range(1, 12):
        decoder = Decoder()
        items = [item for at in range(0, len(stream), step) for item in decoder.feed(stream[at : at + step])]
        assert items == [Control.ACK, Control.NAK, Frame(whole), Control.ACK, Frame(whole)]
        assert decoder.skipped == len(noise) - 2
        assert not decoder.waiting


@given(st.binary(max_size=400), st.integers(1, 50))
def test_frames_there_and_back(payload: bytes, step: int) -> None:
    frame = frames.encode(payload)
    assert second_unframe(frame) == payload
    decoder = Decoder()
    items = [item for at in range(0, len(frame), step) for item in decoder.feed(frame[at : at + step])]
    assert items == [Bad("the CRC of a frame is wrong") if payload[:1] == b"\0" else Frame(payload)]


def test_zeros_in_front_are_damage() -> None:
    """A CRC that starts from 0 does not see them."""
    whole = EXAMPLES["set clock"][0]
    assert frames.checksum(b"\0\0" + whole) == frames.checksum(whole)
    assert frames_in(frames.encode(b"\0" + whole)) == []


@pytest.mark.parametrize(("name", "whole", "kind"), ALL_MESSAGES, ids=[name for name, _, _ in ALL_MESSAGES])
def test_no_damage_leaves_as_another_error(name: str, whole: bytes, kind: type[Message]) -> None:
    """Truncations and additions of an APDU are refused; whatever the data become, only FormatError comes out."""
    for size in range(len(whole)):
        with pytest.raises(FormatError):
            Apdu.parse(whole[:size])
    with pytest.raises(FormatError):
        Apdu.parse(whole + b"\0")
    data = Apdu.parse(whole).data[:120]
    for damaged in (*(data[:size] for size in range(len(data))), *flips(data)):
        for read in (kind.parse, lambda data: list(tlv.walk(data)), bitmaps.parse):
            try:
                read(damaged)
            except FormatError:
                continue
        told = Teller().tell(Apdu(Opcode.COMPLETION, damaged))
        assert len(told.apdu.data) == len(damaged)


def flips(data: bytes) -> Iterator[bytes]:
    for at, bit in itertools.product(range(len(data)), range(8)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << bit
        yield bytes(damaged)


@given(st.sampled_from(KINDS), st.binary(max_size=60))
@settings(max_examples=400)
def test_random_data_are_read_or_refused(kind: type[Message], data: bytes) -> None:
    try:
        record = kind.parse(data)
    except FormatError:
        return
    assert isinstance(record, kind)
    assert "\n" not in describe(Apdu(0x060F, data), kind)


@pytest.mark.parametrize("name", ["registration", "status", "write file", "cleaning card", "text block"])
def test_lying_lengths(name: str) -> None:
    """Each byte of a container with every value: a length that lies is refused, never believed beyond its place."""
    data = Apdu.parse(EXAMPLES[name][0]).data[:90]
    for at in range(len(data)):
        for value in range(256):
            changed = data[:at] + bytes([value]) + data[at + 1 :]
            try:
                items = list(tlv.walk(changed))
            except FormatError:
                continue
            assert sum(len(item.build()) for depth, item in items if depth == 1) <= len(changed)


def test_endless_input() -> None:
    """Nothing that is sent makes the receiver grow, nor keeps it busy out of proportion."""
    parts = [b"\x11", b"\x10", b"\x10\x02", b"\x06\x15", b"\0", b"\xff"]
    beginnings = [b"", b"\x10\x02", b"\x06\x00\xff\xff\xff"]
    tracemalloc.start()
    begun = time.process_time()
    for part, beginning in itertools.product(parts, beginnings):
        for link in (SerialLink(), TcpLink()):
            for number in range(3):
                link.receive(beginning + part * (8192 // len(part)), number / 100)
                link.outgoing()
                while link.next_event():
                    pass
    assert time.process_time() - begun < 20
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_longest_message() -> None:
    """What was agreed is taken, and no more."""
    most = b"\x11" * 64
    assert Decoder(64).feed(frames.encode(most + b"\x11")) == []
    assert Decoder(64).feed(frames.encode(most)) == [Frame(most)]
    with pytest.raises(FormatError, match="at most 1024 were agreed"):
        Splitter(1024).feed(raw("8000FF0004"))


def test_worst_text_to_search() -> None:
    """The largest messages made of what is searched for are gone through in time."""
    begun = time.process_time()
    for data in (b"\0" + b"\x06" * 65000, b"\0" + b"4012" * 16000):
        masking.scrub(Apdu(Opcode.PRINT_LINE, data), PrintLine)
    masking.scrub_digits(b"\x40\x12" * 32000)
    assert time.process_time() - begun < 20


# -- secrets --------------------------------------------------------------------------------------------------------------


def invented_card(seed: int, size: int) -> str:
    """Digits with a right check digit that nobody has: they begin with 9 (national assignment)."""
    digits = "9" + "".join(random.Random(seed).choices("0123456789", k=size - 2))
    total = sum(sum(divmod(2 * int(one), 10)) if at % 2 == 0 else int(one) for at, one in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def half_bytes(digits: str) -> bytes:
    return bytes.fromhex(digits + "F" * (len(digits) % 2))


def hiding_places(card: str) -> Iterator[tuple[Apdu, type[Message]]]:
    """Where a terminal could put a card number, as text and as half bytes."""
    text, packed = card.encode(), half_bytes(card)
    track = half_bytes(card + "D2612" + "0" * 7)
    for fields_ in (
        [Field(0x22, packed)], [Field(0x23, track)], [Field(0x24, track)], [Field(0x2D, text + b"^X")], [Field(0x2E, packed)],
        [Field(0x3C, b"Karte " + text)], [Field(0x8B, text)], [Field(0xAF, packed)],
        [Field(0x06, Tlv(0x5A, packed).build())], [Field(0x06, Tlv(0x57, track).build())],
        [Field(0x06, Tlv(0x1F17, text).build())], [Field(0x06, Tlv(0x4D, packed).build())],
        [Field(0x06, Tlv(0x1F4D, text).build())],
        [Field(0x06, Tlv(0x60, Tlv(0x44, packed).build()).build())],
        [Field(0x06, Tlv(0x2D, Tlv(0x1D, b"\1").build() + Tlv(0x1C, b"log " + text + packed).build()).build())],
    ):  # fmt: skip
        yield Apdu(Opcode.STATUS_INFORMATION, bitmaps.build(fields_)), StatusInformation
    yield Apdu(Opcode.PRINT_LINE, b"\0Nr: " + text), PrintLine
    yield Apdu(Opcode.PRINT_LINE, b"\0Nr: " + " ".join(re.findall(".{1,4}", card)).encode()), PrintLine
    yield Apdu(Opcode.PRINT_TEXT_BLOCK, printing.block([b"Nr", text]).build()), PrintTextBlock
    yield Apdu(Opcode.COMPLETION, text), Completion
    yield Apdu(Opcode.COMPLETION, packed), Completion
    yield Apdu(0x0601, Field(0x22, packed).build()), None  # type: ignore[misc]


def test_no_card_number_leaves() -> None:
    for seed, size in itertools.product(range(25), (13, 15, 16, 19)):
        card = invented_card(seed, size)
        for apdu, record in hiding_places(card):
            clean = masking.scrub(apdu, record)
            assert len(clean.data) == len(apdu.data)
            spoken = describe(apdu, record)
            for leak in (clean.data.hex(), re.sub(r"[ \"]", "", spoken), clean.data.replace(b" ", b"").decode("latin-1")):
                assert card not in leak, (record, spoken)
                assert card[:-4] not in leak


def test_secret_fields_are_empty_whatever_is_in_them() -> None:
    for number in masking.SECRET_BITMAPS:
        field = Field(number, b"\x17" * (BITMAPS[number].size or 9))
        clean = masking.scrub(Apdu(Opcode.STATUS_INFORMATION, Field(0x27, b"\x6c").build() + field.build()), StatusInformation)
        assert clean.data.startswith(b"\x27\x6c" + bytes([number]))
        assert bitmaps.parse(clean.data)[1].value == bytes(len(field.value))
    for tag in masking.SECRET_TAGS:
        data = Field(0x06, Tlv(0x2F, Tlv(tag, b"\x17\x2b").build()).build()).build()
        assert masking.scrub(Apdu(Opcode.COMPLETION, data), Completion).data == data[:-2] + bytes(2)
    masked = masking.scrub(Apdu(Opcode.STATUS_INFORMATION, raw("22F0F8 1234567890123456")), StatusInformation)
    assert masked.data == raw("22F0F8 0000000000003456")


def test_numbers_that_are_no_cards_stay() -> None:
    for name, (whole, _, record) in EXAMPLES.items():
        apdu = Apdu.parse(whole)
        if not any(isinstance(getattr(record, part.name), Password) for part in record.LAYOUT):
            assert masking.scrub(apdu, type(record)) == apdu, name
    block = bytes(half_bytes(invented_card(1, 16)))
    answer = FileBlock(file=FilePart(file_id=1, offset=0, block=block))
    assert masking.scrub(Apdu(0x8000, answer.build()), FileBlock).data == answer.build()  # our own file


def test_no_password_leaves() -> None:
    secret, other = Password("975310"), Password("864209")
    messages: list[tuple[int, Message]] = [
        (Opcode.REGISTRATION, Registration(password=secret, config=0x8E, currency=978)),
        (Opcode.STATUS_ENQUIRY, session.StatusEnquiry(password=secret)),
        (Opcode.END_OF_DAY, service.EndOfDay(password=secret)),
        (Opcode.INITIALISATION, service.WithPassword(password=secret)),
        (Opcode.SET_CLOCK, service.SetClock(password=secret, date="261110", time="100310")),
        (Opcode.CHANGE_PASSWORD, service.ChangePassword(old=secret, new=other)),
        (Opcode.SET_TERMINAL_ID, service.SetTerminalId(password=secret)),
        (Opcode.SERVICE_MODE, service.ServiceMode(password=secret)),
        (Opcode.WRITE_FILE, WriteFile(password=secret)),
        (Opcode.MAKER_FUNCTION, MakerRequest(password=secret, function=FACTORY_RESET)),
        (Opcode.CHANGE_CONFIGURATION, files.ChangeConfiguration(feig=files.FeigConfiguration(password=secret, host=bytes(7)))),
    ]
    with_password = {opcode for opcode, row in COMMANDS.items() if any(head.codec.secret for head in row.request.heads())}
    assert with_password - {opcode for opcode, _ in messages} == {Opcode.TURNOVER_TOTALS, Opcode.SEND_OFFLINE}  # as 06 93
    for opcode, message in messages:
        told = Teller().tell(Apdu(opcode, message.build()))
        for text in (told.text, told.apdu.data.hex(), repr(message), str(message)):
            assert secret.digits not in text
            assert other.digits not in text
        assert "******" in told.text
        assert COMMANDS[opcode].request.parse(told.apdu.data)
    for damaged in (raw("975310"), raw("97531086"), raw("97531086420901")):
        assert set(Teller().tell(Apdu(0x06FE, damaged)).apdu.data) == {0}  # an unknown command
        assert set(Teller().tell(Apdu(Opcode.SET_CLOCK, damaged)).apdu.data) == {0}  # one that cannot be read
    with pytest.raises(FormatError) as caught:
        Password("97531x")
    assert "97531" not in str(caught.value)
    with pytest.raises(FormatError) as caught:
        service.WithPassword.parse(raw("97531A"))
    assert "97531" not in str(caught.value).upper()


def test_a_conversation_in_words() -> None:
    """Answers and completions are read by what they belong to."""
    teller = Teller()
    conversation = [
        ("status enquiry", "05 01 status enquiry password=****** service=04"),
        ("", "80 00 ok"),
        (
            "cleaning card",
            '04 FF intermediate status state=E2 (use the cleaning card) minutes=5 display=[lines=["Reinigungskarte"',
        ),
        ("", "80 00 ok"),
        ("status", '06 0F completion version="SIM 0.3.7" state=CC (printer not ready) device=[name="SIM-1"'),
        ("no paper", "84 CC refused: printer not ready"),
        ("write file", "08 14 write file password=****** files=[[file_id=10 size=66560]; [file_id=13 size=784]]"),
        ("", "80 00 ok"),
        ("ask for a block", "04 0C file request file=[file_id=10 offset=4096]"),
        ("block", "80 00 ok file=[file_id=10 offset=4096 block=(512 bytes)]"),
        ("abort", '06 1E aborted result=FF (system error) error=10f2 error_text="head temp"'),
        ("totals", "04 0F status information result=00 (ok) amount=5149"),
    ]
    for name, wanted in conversation:
        whole = EXAMPLES[name][0] if name else OK.build()
        line = teller.tell(Apdu.parse(whole)).text
        assert line.startswith(wanted), line
        assert re.fullmatch(r"[\x20-\x7e]*", line)
    assert teller.tell(Apdu(0x06DA, b"abc")).text == "06 DA unknown command (3 bytes)"
    assert teller.tell(Apdu(Opcode.ABORT, b"\x07")).text == "06 B0 abort (1 bytes that make no sense)"
    assert "locks=0404 (printer lock, battery low)" in describe(Apdu.parse(EXAMPLES["status"][0]), StatusCompletion)
    twice = Teller()
    for name in ("status enquiry", "status"):
        twice.tell(Apdu.parse(EXAMPLES[name][0]))
    assert twice.tell(Apdu(Opcode.COMPLETION, raw("2700"))).text == "06 0F completion result=00 (ok)"
    info = Teller()
    info.tell(Apdu(Opcode.MAKER_FUNCTION, raw("0001")))
    info.tell(OK)
    assert 'device_id="17FD1E3C"' in info.tell(Apdu.parse(RECORDED[-3][1])).text


def test_hostile_text_stays_on_its_line() -> None:
    nasty = "\x1b]0;x\x07\n2026-01-01 all is well\r\x9b\u202e"
    for charset, message in itertools.product(("utf-8", "cp437"), range(4)):
        text = nasty.encode(charset, "replace")
        apdu, record = [
            (Apdu(Opcode.PRINT_LINE, b"\0" + text), PrintLine),
            (Apdu(Opcode.PRINT_TEXT_BLOCK, printing.block([text]).build()), PrintTextBlock),
            (Apdu(Opcode.ABORTED, b"\xff" + Field(0x06, Tlv(0x1F17, text).build()).build()), Aborted),
            (Apdu(Opcode.STATUS_INFORMATION, Field(0x3C, text).build()), StatusInformation),
        ][message]
        line = describe(apdu, record)
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", line), line


# -- another opinion: Wireshark's dissector -------------------------------------------------------------------------------


def pcap(packets: list[bytes]) -> bytes:
    """A capture of link type USER0."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 147)
    return out + b"".join(struct.pack("<IIII", number, 0, len(one), len(one)) + one for number, one in enumerate(packets))


def shark(folder: pathlib.Path, packets: list[bytes], names: list[str]) -> list[list[list[str]]]:
    """Fields of every packet, each with all its values."""
    (folder / "zvt.pcap").write_bytes(pcap(packets))
    wanted = [part for name in names for part in ("-e", name)]
    done = subprocess.run(
        [need("tshark"), "-r", "zvt.pcap", "-o", 'uat:user_dlts:"User 0 (DLT=147)","zvt","0","","0",""', "-T", "fields",
         "-E", "occurrence=a", "-E", "aggregator=|", *wanted],
        cwd=folder, check=True, timeout=60, capture_output=True, text=True, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return [[[one for one in cell.split("|") if one] for cell in line.split("\t")] for line in done.stdout.splitlines()]


KNOWN_TO_WIRESHARK: Final = (0x040F, 0x04FF, 0x0600, 0x060F, 0x061E, 0x0650, 0x0670, 0x0693, 0x06D1, 0x06D3)
"""In the form for TCP it takes a packet for ZVT by its opcode; there is no list for the serial one."""


def test_wireshark_reads_the_same(tmp_path: pathlib.Path) -> None:
    """Opcode, length, CRC, numbers of fields and tags, and the values that its dissector knows. It does not undouble."""
    messages = [message for _, message, _ in ALL_MESSAGES]
    bare = [one for one in messages if Apdu.parse(one).opcode in KNOWN_TO_WIRESHARK or Apdu.parse(one).is_answer]
    plain = [one for one in messages if 0x10 not in one]
    assert len(bare) > 30
    assert len(plain) > 15
    names = ["control_field", "ccrc", "aprc", "length_field", "crc", "bmp", "tlv.tag", "tlv.len", "amount", "terminal_id",
             "password", "reg.config_byte", "int_status", "tlv.text_lines.line", "tlv.permitted_command"]  # fmt: skip
    seen = shark(tmp_path, [*bare, *map(frames.encode, plain)], [f"zvt.{name}" for name in names])
    compared = checked = 0
    for number, (message, row) in enumerate(zip([*bare, *plain], seen, strict=True)):
        found, apdu = dict(zip(names, row, strict=True)), Apdu.parse(message)
        if apdu.is_answer:
            assert int(found["ccrc"][0], 16) << 8 | int(found["aprc"][0], 16) == apdu.opcode
        else:
            assert int(found["control_field"][0], 16) == apdu.opcode
        assert int(found["length_field"][0]) == len(apdu.data)
        if number >= len(bare):  # in some messages it reads on behind the end, and does not come to the CRC
            assert [int(crc, 16) for crc in found["crc"]] in ([frames.checksum(message)], [])
            checked += len(found["crc"])
        elif apdu.opcode in (Opcode.REGISTRATION, Opcode.STATUS_INFORMATION, Opcode.INTERMEDIATE_STATUS, Opcode.PRINT_TEXT_BLOCK):
            compare(apdu, found)
            compared += 1
    assert compared > 10
    assert checked > 15


def compare(apdu: Apdu, found: dict[str, list[str]]) -> None:
    """One packet's values, as the dissector and as we read them."""
    record = COMMANDS[apdu.opcode].request.parse(apdu.data)
    if isinstance(record, Registration):
        assert found["password"] == [record.password.digits]
        assert int(found["reg.config_byte"][0], 16) == record.config
        assert [int(one, 16) for one in found["tlv.permitted_command"]] == list(
            record.commands.opcodes if record.commands else ()
        )
    elif isinstance(record, StatusInformation):
        assert found["amount"] == ([str(record.amount)] if record.amount is not None else [])
        shown = [field.number for field in bitmaps.parse(apdu.data)]
        read = [int(one, 16) for one in found["bmp"]]
        assert read == shown[: len(read)]  # it stops at the first BMP that it does not know
        assert found["terminal_id"] == ([record.terminal_id] if 0x29 in read else [])
        assert read or shown[0] not in (0x27, 0x04)
    elif isinstance(record, IntermediateStatus):
        assert int(found["int_status"][0], 16) == record.state
        shown_lines = record.display.lines if record.display else ()
        assert found["tlv.text_lines.line"] == [line.decode("cp437") for line in shown_lines]
    elif isinstance(record, PrintTextBlock):
        lines = [item.value for item in record.content if item.tag == printing.TEXT_TAG]
        assert len(found["tlv.text_lines.line"]) == len(lines)
        objects = [item for _, item in tlv.walk(second_bitmaps(apdu.data)[0][1])]
        assert [int(one, 16) for one in found["tlv.tag"]] == [item.tag for item in objects]
        assert [int(one) for one in found["tlv.len"]][-len(objects) :] == [len(item.value) for item in objects]
