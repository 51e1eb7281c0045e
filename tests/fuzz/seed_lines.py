"""Seeds: what comes over lines from terminals (TSP, ZVT) and from USB (DFU)."""

import dataclasses
import struct
from typing import Final

from formats.record import Record
from formats.versions import Version
from tests import zvt_examples
from tests.fuzz import lines, zvt
from tests.fuzz.seed_files import Seeds
from tests.spec_examples import examples
from transports.tsp import frames
from transports.tsp.messages import Begin, Chunk, Kind, Message, Opcode, Reading, Readings, Slot, Slots, SlotState
from transports.tsp.streams import Ack
from transports.zvt.apdu import Apdu

APDUS: Final = [apdu for apdu, _, _ in zvt_examples.EXAMPLES.values()] + [apdu for _, apdu, *_ in zvt_examples.RECORDED]


def frame_streams() -> Seeds:
    made = examples()
    ack = Ack(3, 100, 4096, ((150, 200), (300, 310))).build()
    both = frames.encode(frames.Kind.DATA_ACK, 2, 12, ack + b"data", lines.SEED)
    return [made["hello-frame"] + made["welcome-frame"], b"noise" + both + b"\xa5" + both, made["ack-frame"]]


def _smallest(record: type[Record]) -> Seeds:
    """A body made of zeros, or of ones, if there is one of at most 200 bytes."""
    for fill in (b"\0", b"\1"):
        for size in range(200):
            if lines.read_or_none(record, fill * size) is not None:
                return [fill * size]
    return []


def bodies() -> Seeds:
    readings = Readings(readings=(Reading(name="battery", value=-123, exponent=-3, unit="V"),) * 2)
    slot = Slot(
        index=1, state=SlotState.ACTIVE, running=True, starts_left=1, version=Version(1, 2, 3), security_counter=7,
        digest=bytes(range(32)),
    )  # fmt: skip
    slots = Slots(slots=(slot, dataclasses.replace(slot, index=2, running=False, state=SlotState.BAD)))
    begin = Begin(resume=True, signed=b"signed", signatures=b"signatures")
    rich = [(type(one), one.build()) for one in (readings, slots, begin)]
    small = [(record, body) for record in lines.BODIES for body in _smallest(record)]
    return [bytes([lines.BODIES.index(record)]) + body for record, body in (*small, *rich)]


def messages() -> Seeds:
    request = Message(Opcode.HEALTH, Kind.REQUEST, 7, 0, b"\2").build()
    chunk = Message(Opcode.DATA, Kind.ONE_WAY, 0, 0, Chunk(3, b"block").build(), b"grant").build()
    return [request + chunk, Message(Opcode.FAILED, Kind.EVENT, 0, 15, b"\2\0no").build()]


def words(*given: int) -> bytes:
    return struct.pack(f"<{len(given)}I", *given)


def acks() -> Seeds:
    return [Ack(1, 12, 135180).build(), Ack(70, 5, 900, ((6, 7), (10, 300), (301, 302)), True, True).build() + b"behind"]


def acks_for_a_sender() -> Seeds:
    acks = [Ack(1, 100, 1500), Ack(3, 100, 4000, ((200, 300),)), Ack(4, 500, 6000)]
    return [b"\x64" * 6 + b"".join(b"\x7d" + ack.build() for ack in acks) + b"\x7e\x60\x60"]


def descriptors() -> Seeds:
    setting = b"\x09\x04\x01%c\x00\xfe\x01\x02\x04"
    functional = bytes.fromhex("0921 0b ff00 0008 1a01")
    body = bytes.fromhex("0904000002ffffff00") + setting % 0 + setting % 1 + functional
    text = "@Flash".encode("utf-16-le")
    return [
        struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 2, 1, 0, 0x80, 50) + body,
        bytes([2 + len(text), 3]) + text,
    ]


def layouts() -> Seeds:
    return [
        b"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg", b"@Option Bytes /0x1FFFC000/01*016 e/0x1FFEC000/01*016 e",
        b"@x/0x0/1*1a/0X10/2*3Bb,4*5Mg", b"@OTP Memory /0x1FFF7800/01*512 e,01*016 e\xff\xffrubbish",
    ]  # fmt: skip


def records() -> Seeds:
    known = [(type(record), apdu) for apdu, _, record in zvt_examples.EXAMPLES.values()]
    known += [(record, apdu) for _, apdu, record, *_ in zvt_examples.RECORDED]
    return [bytes([zvt.BODIES.index(record)]) + Apdu.parse(apdu).data for record, apdu in known if record in zvt.BODIES]


def containers() -> Seeds:
    found = [data[data.index(6) + 2 :] for data in (Apdu.parse(apdu).data for apdu in APDUS) if 6 in data]
    return [*found, bytes.fromhex("1f8005612e62696e 1f810100 ff40 03 000000 2d04 1d0110 0700")]
