"""Captures and the Wireshark dissector: what tshark reads out of a recorded update is what the tool itself reads."""

import io
import os
import pathlib
import random
import re
import struct
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import construct as c
import pytest

from formats.record import Record, Text
from hwsim.faults import FAULTS, Fault
from tests.bench_parts import Bench
from tests.support import make_package, need, pattern
from transports.errors import DeviceRefused
from transports.tsp import dissector, frames, messages, pcapng
from transports.tsp.frames import Frame, Kind
from transports.tsp.hello import Hello, session_seed
from transports.tsp.messages import COMMANDS, Message, Opcode, Splitter, Status
from transports.tsp.pcapng import Packet
from transports.tsp.streams import Ack, Receiver

SCRIPT: Final = dissector.lua()
SORTS: Final = "number|flag|bytes|version|prefixed|text|rest|counted|nested"
PATHS: Final = sorted(set(re.findall(rf'(?:\b(?:{SORTS})\(|field\("\w+", )"([a-z_.]+)"', SCRIPT)))
"""Every field of the dissector, without the protocol's name."""


class Heard(NamedTuple):
    """A frame as one end got it."""

    time_s: float
    outbound: bool
    frame: Frame
    seed: int

    @property
    def packet(self) -> Packet:
        frame = self.frame
        data = frames.encode(frame.kind, frame.sequence, frame.offset, frame.payload, self.seed)
        return Packet(self.time_s, self.outbound, data)


class Tap:
    """Listens at both ends of a bench's line: the frames that arrive whole, and the messages that both streams carry."""

    def __init__(self, bench: Bench) -> None:
        self.now = bench.pipe.now
        self.heard: list[Heard] = []
        self.messages: list[tuple[bool, Message]] = []
        self._decoders = {outbound: frames.Decoder(frames.MAX_PAYLOAD) for outbound in (True, False)}
        self._nonces: tuple[bytes, bytes] | None = None
        for outbound, wire in ((True, bench.machine.to_terminal), (False, bench.machine.to_host)):
            wire.deliver = self._listening(outbound, wire.deliver)

    def _listening(self, outbound: bool, deliver: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def heard(data: bytes) -> None:
            for frame in self._decoders[outbound].feed(data):
                self._take(outbound, frame)
            deliver(data)

        return heard

    def _take(self, outbound: bool, frame: Frame) -> None:
        if frame.kind == Kind.WELCOME:
            self._open(Hello.parse(frame.payload))
        self.heard.append(Heard(self.now(), outbound, frame, self._decoders[outbound].seed))
        data = data_of(frame)
        if data is not None:
            ready = self._receivers[outbound].take(frame.sequence, frame.offset, data)
            self.messages += [(outbound, message) for message in self._splitters[outbound].feed(ready)]

    def _open(self, welcome: Hello) -> None:
        if self._nonces == (welcome.peer_nonce, welcome.nonce):
            return
        self._nonces = (welcome.peer_nonce, welcome.nonce)
        self._receivers = {outbound: Receiver(1 << 32) for outbound in (True, False)}
        self._splitters = {outbound: Splitter() for outbound in (True, False)}
        for decoder in self._decoders.values():
            decoder.seed = session_seed(*self._nonces)

    @property
    def packets(self) -> list[Packet]:
        return [heard.packet for heard in self.heard]

    def repeats(self) -> list[bool]:
        """Of each frame: does it only repeat bytes that came before?"""
        known: set[tuple[bool, int, int]] = set()
        found = []
        for _, outbound, frame, seed in self.heard:
            data = data_of(frame)
            place = (outbound, seed, frame.offset + len(data or b""))
            found.append(data is not None and place in known)
            if data is not None:
                known.add(place)
        return found


def ack_of(frame: Frame) -> tuple[Ack, bytes] | None:
    """The acknowledgement in a frame, and what is behind it."""
    return Ack.parse(frame.payload) if frame.kind in (Kind.ACK, Kind.DATA_ACK) else None


def data_of(frame: Frame) -> bytes | None:
    """Bytes of the stream in a frame."""
    if frame.kind == Kind.DATA:
        return frame.payload
    told = ack_of(frame) if frame.kind == Kind.DATA_ACK else None
    return told[1] if told else None


class Seen(NamedTuple):
    """What tshark makes of one packet."""

    outbound: bool
    protocols: str
    fields: dict[str, list[str]]


class Shark:
    """tshark with the dissector, in a folder of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.tool, self.folder = need("tshark"), folder
        (folder / "tsp.lua").write_text(SCRIPT)

    def run(self, packets: Iterable[Packet], *options: str) -> str:
        with (self.folder / "tsp.pcapng").open("wb") as out:
            pcapng.write(out, packets)
        done = subprocess.run(
            [self.tool, "-r", "tsp.pcapng", "-X", "lua_script:tsp.lua", *options], cwd=self.folder, check=True, timeout=60,
            capture_output=True, text=True, env={**os.environ, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)},
        )  # fmt: skip
        assert "Lua" not in done.stderr, done.stderr
        assert "Lua Error" not in done.stdout, done.stdout
        return done.stdout

    def see(self, packets: Iterable[Packet], *options: str) -> list[Seen]:
        """Direction, protocols and all fields of TSP of every packet; empty values are left out."""
        names = ["frame.p2p_dir", "frame.protocols", "_ws.malformed", *(f"{dissector.NAME}.{path}" for path in PATHS)]
        wanted = [part for name in names for part in ("-e", name)]
        text = self.run(packets, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|", *wanted, *options)
        return [self._seen(line.split("\t")) for line in text.splitlines()]

    def infos(self, packets: Iterable[Packet], *options: str) -> list[str]:
        """The Info column of every packet."""
        return self.run(packets, "-o", 'gui.column.format:"Info","%i"', *options).splitlines()

    @staticmethod
    def _seen(columns: list[str]) -> Seen:
        direction, protocols, malformed, *values = columns
        assert not malformed
        split = {path: [plain(one) for one in value.split("|")] for path, value in zip(PATHS, values, strict=True)}
        return Seen(direction == "0", protocols, {path: [one for one in all_ if one] for path, all_ in split.items()})


def plain(value: str) -> str:
    """Empty bytes and yes/no are written in different ways by different versions of tshark."""
    return {"<MISSING>": "", "True": "1", "False": "0"}.get(value, value)


@pytest.fixture(name="shark")
def _shark(tmp_path: pathlib.Path) -> Shark:
    return Shark(tmp_path)


def values_of(record: Record) -> dict[str, list[str]]:
    """A record as the dissector's fields, in order, without empty values."""
    owner = dissector.Layouts().record(type(record)).removeprefix("layouts.")
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in record.to_container().items():
        several = isinstance(value, tuple) and not hasattr(value, "_fields")
        for one in value if several else (value,):
            if isinstance(one, Record):
                for path, inner in values_of(one).items():
                    found[path] += inner
            elif shown := shown_as(one):
                found[f"{owner}.{name}"].append(shown)
        if several:
            found[f"{owner}.{name}_count"].append(str(len(value)))
    return found


def shown_as(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return str(int(value)) if isinstance(value, int) else str(value)


def body_of(message: Message) -> Record | None:
    """The body of a message as its record; TABLE and DATA have none."""
    if message.status != Status.OK:
        return messages.Detail.parse(message.body)
    kinds = {messages.Kind.EVENT: messages.EVENTS.get(Opcode(message.opcode))}
    if (command := COMMANDS.get(Opcode(message.opcode))) is not None:
        kinds |= {messages.Kind.REQUEST: command.request, messages.Kind.RESPONSE: command.response}
    record = kinds.get(messages.Kind(message.kind))
    return record.parse(message.body) if record else None


def expected_of(message: Message) -> dict[str, list[str]]:
    """All that the dissector should say of one message."""
    found = {
        "message.opcode": [str(int(message.opcode))],
        "message.kind": [str(int(message.kind))],
        "message.request_id": [str(message.request_id)],
        "message.status": [str(message.status)],
        "message.body_size": [str(len(message.body))],
    }
    record = body_of(message)
    if record is not None:
        return {**found, **values_of(record)}
    chunk = messages.Chunk.parse(message.body)
    return {**found, "chunk.at": [str(chunk.at)], "chunk.encoding": [str(int(chunk.encoding))]}


def everything(values: Iterable[dict[str, list[str]]]) -> dict[str, list[str]]:
    """Values of the same field, one behind the other."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in values:
        for path, more in one.items():
            found[path] += more
    return found


def recorded(folder: pathlib.Path, noise: float = 0.0) -> Tap:
    """An update with a look at most of what a terminal can tell, a refusal, a restart, and the confirmation."""
    bench = Bench(folder, baud=115_200)
    package = make_package([pattern(40_000)], version="1.1.0", counter=8)
    tap = Tap(bench)
    if noise:
        FAULTS["noise"].plant(bench.machine, Fault("noise", noise, 1))
    bench.connect()
    bench.info()
    ask = bench.host.request
    ask(Opcode.HEALTH, messages.HealthRequest(level=messages.Level.EXTERNAL), messages.Readings)
    ask(Opcode.STATISTICS, messages.Empty(), messages.Statistics)
    ask(Opcode.BATCH, messages.Empty(), messages.Batch)
    ask(Opcode.PRINT_TEST, messages.PrintRequest(lines=("Grüße", "")), messages.PrintResult)
    ask(Opcode.LINE_RATE, messages.RateRequest(step=messages.RateStep.TELL, baud=0), messages.Rates)
    ask(Opcode.STATUS, messages.Empty(), messages.TerminalStatus)
    with pytest.raises(DeviceRefused):
        ask(Opcode.FINISH, messages.Empty(), messages.Empty)
    bench.send(package)
    bench.restart()
    bench.slots()
    bench.confirm(package)
    ask(Opcode.JOURNAL, messages.JournalRequest(first=0), messages.Journal)
    return tap


def test_a_recorded_update_is_read_as_the_tool_reads_it(shark: Shark, tmp_path: pathlib.Path) -> None:
    tap = recorded(tmp_path)
    seen = shark.see(tap.packets)
    assert len(seen) == len(tap.heard) > 50
    assert {one.protocols.split(":")[-1] for one in seen} == {dissector.NAME}
    assert not any(one.fields[path] for one in seen for path in ("surplus", "unplaced"))
    for outbound in (True, False):
        new = [one for one, repeated in zip(seen, tap.repeats(), strict=True) if one.outbound is outbound and not repeated]
        found = everything(one.fields for one in new)
        wanted = everything(expected_of(message) for direction, message in tap.messages if direction is outbound)
        assert {Opcode(int(one)) for one in found["message.opcode"]} >= {Opcode.INFO, Opcode.BEGIN, Opcode.FINISH}
        for path, values in wanted.items():
            assert found[path] == values, path
    heard = {(path, value) for one in seen for path in one.fields for value in one.fields[path]}
    assert {("info.model", "VT-100"), ("info.version", "1.0.0"), ("slot.version", "1.1.0"), ("begin.resume", "1")} <= heard
    assert {("detail.text", "no update is going on"), ("print_request.lines", "Grüße")} <= heard


def test_frames_acknowledgements_and_hellos(shark: Shark, tmp_path: pathlib.Path) -> None:
    tap = recorded(tmp_path, noise=2e-4)
    told_ranges = 0
    for heard, seen in zip(tap.heard, shark.see(tap.packets), strict=True):
        frame, fields = heard.frame, seen.fields
        assert seen.outbound is heard.outbound
        assert fields["frame.kind"] + fields["frame.sequence"] + fields["frame.offset"] + fields["frame.size"] == [
            str(one) for one in (frame.kind, frame.sequence, frame.offset, len(frame.payload))
        ]
        assert fields["frame.crc"] == [f"0x{struct.unpack('<I', heard.packet.data[-4:])[0]:08x}"]
        if frame.kind in (Kind.HELLO, Kind.WELCOME):
            hello = values_of(Hello.parse(frame.payload))
            assert {path: fields[path] for path in hello} == hello
        told = ack_of(frame)
        if told is not None:
            ack = told[0]
            numbers = ("sequence", "received", "limit", "count", "later", "more")
            assert [fields[f"ack.{name}"] for name in numbers] == [
                [str(int(one))] for one in (ack.sequence, ack.received, ack.limit, len(ack.ranges), ack.later, ack.more)
            ]
            assert fields["ack.ranges.start"] == [str(low) for low, _ in ack.ranges]
            assert fields["ack.ranges.end"] == [str(high) for _, high in ack.ranges]
            told_ranges += len(ack.ranges)
    assert told_ranges > 10


@pytest.mark.parametrize("passes", [[], ["-2"]], ids=["one pass", "two passes"])
def test_on_a_noisy_line_every_message_is_found(shark: Shark, tmp_path: pathlib.Path, passes: list[str]) -> None:
    tap = recorded(tmp_path, noise=2e-4)
    assert any(tap.repeats())
    seen = shark.see(tap.packets, *passes)
    assert not any(one.fields["surplus"] for one in seen)
    assert any(one.fields["message.continued"] and one.fields["reading.name"] for one in seen), "no answer spans frames"
    for outbound in (True, False):
        found = everything(one.fields for one in seen if one.outbound is outbound)
        wanted = everything(expected_of(message) for direction, message in tap.messages if direction is outbound)
        for path, values in wanted.items():
            assert not Counter(values) - Counter(found[path]), path
            assert set(found[path]) == set(values), path


NONCES: Final = bytes(range(16)), bytes(range(16, 32))


def opening() -> list[Packet]:
    """HELLO and WELCOME."""
    hello = Hello(
        version_min=1, version_max=1, max_frame=4096, features=7, max_block=65536, max_manifest=131072, window=65536,
        nonce=NONCES[0], peer_nonce=bytes(16), public_key=b"",
    )  # fmt: skip
    welcome = Hello(**{**hello.to_container(), "nonce": NONCES[1], "peer_nonce": NONCES[0]})
    return [
        Packet(0.0, True, frames.encode(Kind.HELLO, 0, 0, hello.build(), 0)),
        Packet(0.1, False, frames.encode(Kind.WELCOME, 0, 0, welcome.build(), 0)),
    ]


def cut(stream: bytes, *ends: int, outbound: bool = True) -> list[Packet]:
    """A stream in DATA frames that end at these offsets."""
    pieces = list(zip((0, *ends), (*ends, len(stream)), strict=True))
    return [
        Packet(1.0 + number, outbound, frames.encode(Kind.DATA, number, low, stream[low:high], session_seed(*NONCES)))
        for number, (low, high) in enumerate(pieces, 1)
    ]


ECHO: Final = Message(Opcode.ECHO, messages.Kind.REQUEST, 3, 0, messages.Echo(data=b"echo").build()).build()
CLOCK: Final = Message(Opcode.CLOCK, messages.Kind.REQUEST, 4, 0, b"").build()
PART: Final = Message(Opcode.DATA, messages.Kind.ONE_WAY, 0, 0, messages.Chunk(9, bytes(100)).build()).build()


def infos(shark: Shark, packets: list[Packet], *options: str) -> list[str]:
    """What the Info column says of the messages in packets behind the opening."""
    return [info.split(": ", 1)[-1] for info in shark.infos([*opening(), *packets], *options)][2:]


def test_the_info_column_can_be_read_by_a_person(shark: Shark) -> None:
    hello, _, *said = shark.infos([*opening(), *cut(ECHO + PART + CLOCK, 30, 60)])
    assert said == [
        "DATA seq 1 offset 0 len 30: ECHO request 3, DATA one-way (continued)",
        "DATA seq 2 offset 30 len 30: DATA one-way (at 9, encoding RAW) (continued)",
        "DATA seq 3 offset 60 len 90: DATA one-way (continued), CLOCK request 4",
    ]
    assert hello.startswith("HELLO version_min 1, version_max 1, max_frame 4096")
    listed = shark.run(opening()).splitlines()
    assert re.search(r"host → terminal\s+TSP 69 HELLO", listed[0])
    assert re.search(r"terminal → host\s+TSP 69 WELCOME", listed[1])


def test_the_tree_names_what_it_shows(shark: Shark) -> None:
    refused = messages.Detail(text="no").build()
    answer = Message(Opcode.FINISH, messages.Kind.RESPONSE, 5, Status.WRONG_STATE, refused).build()
    text = shark.run([*opening(), *cut(answer, outbound=False)], "-V")
    for line in ("Message: FINISH response 5 WRONG_STATE", "opcode: FINISH (35)", "status: WRONG_STATE (4)", "text: no"):
        assert line in text


@pytest.mark.parametrize("size", [1, 2, 5, 12, 13, 40])
def test_messages_in_frames_of_any_size(shark: Shark, size: int) -> None:
    stream = ECHO + CLOCK + PART + ECHO
    seen = shark.see([*opening(), *cut(stream, *range(size, len(stream), size))])
    found = everything(one.fields for one in seen)
    assert [int(one) for one in found["message.opcode"]] == [Opcode.ECHO, Opcode.CLOCK, Opcode.DATA, Opcode.ECHO]
    assert found["echo.data"] == [b"echo".hex()] * 2
    assert found["chunk.at"] == ["9"]


def test_frames_out_of_order_and_repeated(shark: Shark) -> None:
    first, second, third = cut(ECHO + CLOCK + PART, 10, 25)
    assert infos(shark, [first, third, first, second, third]) == [
        "10 bytes of an unknown message",
        f"{len(ECHO + CLOCK + PART) - 25} bytes of an unknown message",
        "10 bytes of an unknown message",
        "ECHO request 3, CLOCK request 4, DATA one-way (at 9, encoding RAW) (continued)",
        "CLOCK request 4 (continued), DATA one-way (at 9, encoding RAW)",
    ]
    again = infos(shark, [first, third, second], "-2")
    assert again[:2] == ["ECHO request 3 (continued)", "CLOCK request 4 (continued), DATA one-way (at 9, encoding RAW)"]


def test_a_new_session_begins_at_offset_zero_and_a_repeated_welcome_does_not(shark: Shark) -> None:
    (whole,) = cut(ECHO + CLOCK)
    begin, end = cut(ECHO + CLOCK, 20)
    assert infos(shark, [begin, *opening(), end])[-1] == "CLOCK request 4"
    fresh = [packet._replace(data=packet.data.replace(NONCES[1], bytes(range(1, 17)))) for packet in opening()]
    assert infos(shark, [begin, *fresh, whole])[-1] == "ECHO request 3, CLOCK request 4"
    assert infos(shark, [begin, fresh[1], end])[-1] == "10 bytes of an unknown message"


def test_what_is_too_large_is_not_waited_for(shark: Shark) -> None:
    head = struct.pack("<BBHHHI", Opcode.ECHO, 0, 1, 0, 0, messages.MAX_BODY + 1)
    seen = shark.run([*opening(), *cut(head + ECHO)], "-V")
    assert "claims more than is allowed" in seen


def test_no_bytes_make_the_dissector_stumble(shark: Shark, tmp_path: pathlib.Path) -> None:
    generator = random.Random(1)
    packets = [*opening(), *recorded(tmp_path).packets]
    for number, packet in enumerate(packets):
        damaged = bytearray(packet.data)
        for _ in range(3):
            damaged[generator.randrange(2, min(len(damaged), 80))] = generator.randrange(256)
        if number % 2:  # keep the size, so that the payload is looked at
            damaged[:8] = packet.data[:8]
        packets[number] = packet._replace(data=bytes(damaged[: generator.choice([None, None, None, 7])]))
    text = shark.run(packets, "-V")
    assert "not exactly one frame" in text
    assert "Malformed" not in text
    assert shark.run(packets, "-2", "-V")


# -- without tshark -----------------------------------------------------------------------------------------------------


def test_every_command_and_field_is_in_the_script() -> None:
    for members in (Opcode, Kind, messages.Kind, Status, messages.SlotState, messages.PrinterState):
        for member in members:
            assert f'[{member.value}] = "{member.name}"' in SCRIPT
    records = {record for command in COMMANDS.values() for record in (command.request, command.response) if record}
    for record in (*records, *messages.EVENTS.values(), Hello, messages.Slot, messages.Reading, messages.Total):
        owner = dissector.Layouts().record(record).removeprefix("layouts.")
        for name in record.__dataclass_fields__:  # type: ignore[attr-defined]
            assert f"{owner}.{name}" in PATHS
    assert {Opcode(int(row)) for row in re.findall(r"^  \[(\d+)\] = \{", SCRIPT, re.MULTILINE)} == set(Opcode)


def test_layouts_of_headers_are_those_of_the_tool() -> None:
    frame = frames.encode(Kind.DATA, 5, 1200, b"abc", 7)
    head = dissector.FRAME.parse(frame)
    assert (head.kind, head.size, head.sequence, head.offset, head.header_check) == (Kind.DATA, 3, 5, 1200, frame[3])
    assert dissector.FRAME.sizeof() == frames.HEADER_SIZE
    ack = dissector.ACK.parse(Ack(1, 2, 3, ((4, 5),), later=True).build())
    assert (ack.sequence, ack.received, ack.limit, ack.flags) == (1, 2, 3, 0x41)
    message = dissector.MESSAGE.parse(Message(Opcode.ECHO, messages.Kind.RESPONSE, 3, 2, b"abcd", b"a").build())
    assert tuple(message[name] for name in ("opcode", "kind", "request_id", "status", "authentication_size", "body_size")) == (
        Opcode.ECHO, messages.Kind.RESPONSE, 3, Status.BAD_REQUEST, 1, 4,
    )  # fmt: skip
    assert dissector.MESSAGE.sizeof() == messages.HEADER_SIZE
    chunk = dissector.CHUNK.parse(messages.Chunk(7, b"data", messages.Encoding.DEFLATE).build())
    assert (chunk.at, chunk.data, chunk.encoding) == (7, b"data", messages.Encoding.DEFLATE)


@pytest.mark.parametrize(
    "part",
    [c.Int16ub, c.VarInt, c.Bytes(lambda context: 3), c.Prefixed(c.Int8ul, c.Int8ul), c.CString("utf8"), Text(c.VarInt)],
    ids=str,
)
def test_an_unknown_layout_is_an_error_when_the_script_is_made(part: Any) -> None:
    with pytest.raises(TypeError, match=r"new\.field"):
        dissector.Layouts().struct("new", c.Struct("field" / part))


def test_two_layouts_of_one_name_are_an_error() -> None:
    layouts = dissector.Layouts()
    layouts.record(messages.Clock)
    with pytest.raises(TypeError, match="clock"):
        layouts.struct("clock", c.Struct())


def blocks_of(data: bytes) -> list[tuple[int, bytes]]:
    """Types and bodies of the blocks of a pcapng file."""
    found = []
    while data:
        kind, size = struct.unpack_from("<II", data)
        assert size % 4 == 0
        assert struct.unpack_from("<I", data, size - 4)[0] == size
        found.append((kind, data[8 : size - 4]))
        data = data[size:]
    return found


def test_a_capture_file_byte_by_byte() -> None:
    out = io.BytesIO()
    packets = [Packet(1_700_000_000.000_001, True, b"abcde"), Packet(0.25, False, b"")]
    pcapng.write(out, packets)
    (section, head), (interface, about), *rest = blocks_of(out.getvalue())
    assert (section, struct.unpack("<IHHq", head)) == (0x0A0D0D0A, (0x1A2B3C4D, 1, 0, -1))
    assert (interface, struct.unpack("<HHI HH4s HH", about)) == (1, (147, 0, 0, 9, 1, b"\x06\0\0\0", 0, 0))
    assert [kind for kind, _ in rest] == [6, 6]
    for packet, (_, body) in zip(packets, rest, strict=True):
        number, high, low, captured, size = struct.unpack_from("<IIIII", body)
        assert (number, high << 32 | low, captured) == (0, round(packet.time_s * 1e6), size)
        padded = size + -size % 4
        assert body[20 : 20 + padded] == packet.data + bytes(padded - size)
        assert struct.unpack("<HHI HH", body[20 + padded :]) == (2, 4, 2 if packet.outbound else 1, 0, 0)


def test_no_packet_is_a_capture_too() -> None:
    out = io.BytesIO()
    pcapng.write(out, [])
    assert [kind for kind, _ in blocks_of(out.getvalue())] == [0x0A0D0D0A, 1]
