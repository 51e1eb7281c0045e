"""The line protocol, read as docs/protocol/tsp.md says, and by nothing else; traces as docs/protocol/trace.md says.

`decode` takes what passed on a line, frame by frame, and accounts for every byte: as a field of a frame, as an
acknowledgement, or as a field of a message. What the document forbids raises `Refused`, which names the section.
`check_update` holds the messages of an update to section 6.
"""

import dataclasses
import datetime
import hashlib
import hmac
import json
import pathlib
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, Self

from tests.second import fwp, openssl
from tests.second.fwp import DAMAGED, Cursor, Refused

HOST = "tx"
TERMINAL = "rx"
OTHER = {HOST: TERMINAL, TERMINAL: HOST}

HELLO, WELCOME, DATA, ACK, PING, RESET, DATA_ACK = range(1, 8)
NAMES = {HELLO: "HELLO", WELCOME: "WELCOME", DATA: "DATA", ACK: "ACK", PING: "PING", RESET: "RESET", DATA_ACK: "DATA_ACK"}
SEEDLESS = (HELLO, WELCOME, RESET)

# CRC-32 of IEEE 802.3, low bit first, by a table made here
CRC_TABLE = []
for _value in range(256):
    for _ in range(8):
        _value = _value >> 1 ^ (0xEDB88320 if _value & 1 else 0)
    CRC_TABLE.append(_value)


def crc32(data: bytes, before: int = 0) -> int:
    """CRC-32, as if `before` were the CRC of bytes before."""
    register = before ^ 0xFFFFFFFF
    for byte in data:
        register = register >> 8 ^ CRC_TABLE[(register ^ byte) & 0xFF]
    return register ^ 0xFFFFFFFF


def wrong(section: str) -> Refused:
    return Refused(f"tsp {section}", DAMAGED)


def require(held: bool, section: str) -> None:
    if not held:
        raise wrong(section)


# --- section 1: frames


@dataclasses.dataclass(frozen=True)
class Frame:
    kind: int
    sequence: int
    offset: int
    payload: bytes

    @property
    def name(self) -> str:
        return NAMES.get(self.kind, f"kind {self.kind}")


@dataclasses.dataclass(frozen=True)
class Noise:
    """Bytes between frames."""

    data: bytes


def header(frame: Frame) -> bytes:
    before = b"\xa5\x5a" + bytes((frame.kind,))
    behind = b"".join(
        value.to_bytes(size, "little") for value, size in ((len(frame.payload), 2), (frame.sequence, 2), (frame.offset, 4))
    )
    return before + bytes((crc32(before + behind) & 0xFF,)) + behind


def encode(frame: Frame, seed: int) -> bytes:
    """A frame as it stands on the line."""
    body = header(frame) + frame.payload
    return body + crc32(body, 0 if frame.kind in SEEDLESS else seed).to_bytes(4, "little")


def check_fields(frame: Frame) -> None:
    if frame.kind not in (DATA, DATA_ACK):
        require(frame.sequence == 0 and frame.offset == 0, "1 sequence number and offset of other kinds")
    if frame.kind in (PING, RESET):
        require(not frame.payload, "1 payload of PING and RESET")


def whole_frame(data: bytes, seed: int) -> Frame:
    """One frame, and nothing else."""
    require(data[:2] == b"\xa5\x5a" and len(data) >= 16, "1 sync")
    frame = Frame(
        data[2], int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:12], "little"), data[12 : len(data) - 4]
    )  # fmt: skip
    require(int.from_bytes(data[4:6], "little") == len(frame.payload), "1 payload size")
    require(data[3] == crc32(data[:3] + data[4:12]) & 0xFF, "1 header check")
    body, crc = data[:-4], int.from_bytes(data[-4:], "little")
    require(crc == crc32(body, 0 if frame.kind in SEEDLESS else seed), "1 CRC")
    check_fields(frame)
    return frame


class Scanner:
    """A receiver without its clock: steps 1 to 3 of section 1. Every byte comes out in a frame or in noise."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.waiting = b""
        self.noise = b""

    def feed(self, data: bytes, seed: Callable[[], int]) -> Iterator[Frame | Noise]:
        self.waiting += data
        while True:
            start = self.waiting.find(b"\xa5\x5a")
            if start < 0:
                start = len(self.waiting) - self.waiting.endswith(b"\xa5")
            self.skip(start)
            if len(self.waiting) < 12:
                return
            size = 16 + int.from_bytes(self.waiting[4:6], "little")
            if self.waiting[3] != crc32(self.waiting[:3] + self.waiting[4:12]) & 0xFF or size - 16 > self.longest:
                self.skip(1)
                continue
            if len(self.waiting) < size:
                return
            try:
                frame = whole_frame(self.waiting[:size], seed())
            except Refused:
                self.skip(1)
                continue
            if self.noise:
                yield Noise(self.noise)
                self.noise = b""
            self.waiting = self.waiting[size:]
            yield frame

    def skip(self, count: int) -> None:
        self.noise += self.waiting[:count]
        self.waiting = self.waiting[count:]


# --- trace.md


@dataclasses.dataclass(frozen=True)
class Record:
    """A line of a trace: a frame, or bytes that belong to none."""

    time: float
    direction: str
    port: str
    what: Frame | Noise


def trace_record(line: dict[str, Any]) -> Record:
    fields = set(line)
    if fields == {"t", "dir", "port", "noise"}:
        what: Frame | Noise = Noise(bytes.fromhex(line["noise"]))
    else:
        if fields != {"t", "dir", "port", "frame", "seq", "offset", "data"}:
            raise Refused(f"trace: fields of a record: {sorted(fields)}", DAMAGED)
        kinds = [kind for kind, name in NAMES.items() if name == line["frame"]]
        if not kinds:
            raise Refused(f"trace: kind of frame {line['frame']}", DAMAGED)
        what = Frame(kinds[0], line["seq"], line["offset"], bytes.fromhex(line["data"]))
        check_fields(what)
    if line["dir"] not in OTHER:
        raise Refused("trace: direction", DAMAGED)
    return Record(line["t"], line["dir"], line["port"], what)


def read_trace(path: pathlib.Path) -> list[Record]:
    """Every record of a trace, whose times must be in order."""
    lines = path.read_text().split("\n")[:-1]  # what stands behind the last line feed was cut short
    first = json.loads(lines[0])
    started = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(first.get("started")))
    if set(first) != {"trace", "started"} or first["trace"] != 1 or not started:
        raise Refused("trace: first line", DAMAGED)
    found = [trace_record(json.loads(line)) for line in lines[1:]]
    times = [record.time for record in found]
    if times != sorted(times):
        raise Refused("trace: times in order", DAMAGED)
    return found


# --- section 3: HELLO and WELCOME


@dataclasses.dataclass(frozen=True)
class Hello:
    lowest: int
    highest: int
    longest: int
    features: int
    largest_block: int
    largest_body: int
    window: int
    nonce: bytes
    answers: bytes
    key: bytes


def hello(frame: Frame) -> Hello:
    fields = Cursor(frame.payload, "tsp 3")
    found = Hello(
        fields.number(1), fields.number(1), fields.number(2), fields.number(4), fields.number(4), fields.number(4),
        fields.number(4), fields.take(16), fields.take(16), fields.take(fields.number(1)),
    )  # fmt: skip
    fields.end()
    require(found.longest >= 64, "3 longest payload")
    require(found.lowest <= found.highest, "3 versions")
    require(not found.key, "3 empty in version 1")
    require(frame.kind == WELCOME or found.answers == bytes(16), "3 HELLO answers no nonce")
    return found


def session_seed(host: bytes, device: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"fwtool/tsp/v1\0" + host + device).digest()[:4], "little")


# --- section 4: streams


@dataclasses.dataclass(frozen=True)
class Acknowledgement:
    highest: int
    received: int
    limit: int
    before: bool
    behind: bool
    ranges: tuple[tuple[int, int], ...]


def leb128(fields: Cursor) -> int:
    value = 0
    for shift in range(0, 35, 7):
        byte = fields.number(1)
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            require(0 < value < 2**32, "4 LEB128")
            return value
    raise wrong("4 LEB128")


def acknowledgement(fields: Cursor) -> Acknowledgement:
    start = fields.at
    highest, received, limit, count = fields.number(2), fields.number(4), fields.number(4), fields.number(1)
    ranges = []
    at = received
    for _ in range(count & 0x3F):
        first = at + leb128(fields)
        at = first + leb128(fields)
        ranges.append((first, at))
    require(fields.at - start <= 64, "4 size of an acknowledgement")
    require(received <= limit and at <= limit, "4 limit")
    return Acknowledgement(highest, received, limit, bool(count & 0x40), bool(count & 0x80), tuple(ranges))


class Stream:
    """One direction of a session, as the host sees it: all it sends passes here, and all that reaches it."""

    def __init__(self, window: int, complete: bool) -> None:
        self.limit = window  # what the receiver gave credit for
        self.complete = complete  # every frame of the sender is seen
        self.sequence = 0
        self.end = 0  # behind the last byte seen
        self.data = bytearray()  # in order
        self.ahead: dict[int, bytes] = {}  # out of order, by offset
        self.received = 0  # what the receiver has said it has
        self.repeated = 0

    def newer(self, low: int) -> int:
        """The full sequence number next to the last known one."""
        base = self.sequence - self.sequence % 65536 + low
        return min((base - 65536, base, base + 65536), key=lambda number: abs(number - self.sequence))

    def add(self, frame: Frame, data: bytes) -> None:
        full = self.newer(frame.sequence)
        require(full == self.sequence + 1 if self.complete else full > self.sequence, "4 sequence numbers")
        self.sequence = full
        end = frame.offset + len(data)
        require(len(data) > 0 and end < 2**32, "4 offsets")
        require(end <= self.limit, "4 credit")
        self.repeated += min(self.end, end) - frame.offset if frame.offset < self.end else 0
        self.end = max(self.end, end)
        self.put(frame.offset, data)

    def put(self, offset: int, data: bytes) -> None:
        """Bytes that come twice are the same twice."""
        self.ahead[offset] = max(self.ahead.get(offset, b""), data, key=len)
        for at in sorted(self.ahead):
            if at > len(self.data):
                break
            piece = self.ahead.pop(at)
            known = bytes(self.data[at : at + len(piece)])
            require(piece[: len(known)] == known, "4 repeated bytes")
            self.data += piece[len(known) :]

    def acknowledge(self, ack: Acknowledgement) -> None:
        last = self.newer(ack.highest)
        require(last >= 0 and (not self.complete or last <= self.sequence), "4 highest sequence number")
        require(ack.limit >= self.limit, "4 limit goes down")
        require(ack.received >= self.received, "4 received goes down")
        if self.complete:
            require(max([ack.received, *(end for _, end in ack.ranges)]) <= self.end, "4 bytes never sent")
        elif not self.ahead:
            require(ack.received <= len(self.data), "4 bytes never sent")
        self.limit = ack.limit
        self.received = ack.received


# --- section 5: messages

REQUEST, RESPONSE, EVENT, ONE_WAY = range(4)


@dataclasses.dataclass
class Message:
    opcode: int
    kind: int
    identity: int
    status: int
    size: int  # with its head
    body: dict[str, Any]
    direction: str
    time: float = 0.0
    session: int = 0
    authentication: bytes = b""

    @property
    def name(self) -> str:
        return OPCODES[self.opcode].name


Reader = Callable[[Cursor], Any]


def u(size: int, allowed: range | None = None) -> Reader:
    def read(fields: Cursor) -> int:
        value = fields.number(size)
        if allowed is not None and value not in allowed:
            raise fields.refuse("value")
        return value

    return read


def signed(size: int) -> Reader:
    return lambda fields: int.from_bytes(fields.take(size), "little", signed=True)


def text(fields: Cursor) -> str:
    return fields.text()


def version(fields: Cursor) -> tuple[int, int, int, int]:
    return fields.version()


def yes_no(fields: Cursor) -> bool:
    return fields.number(1) != 0


def raw(size: int) -> Reader:
    return lambda fields: fields.take(size)


def counted(width: int) -> Reader:
    return lambda fields: fields.take(fields.number(width))


def zeros(size: int) -> Reader:
    return lambda fields: fields.zeros(size)


def rest(fields: Cursor) -> bytes:
    return fields.take(fields.left)


def list_of(most: int, entry: dict[str, Reader] | Reader, width: int = 1) -> Reader:
    def read(fields: Cursor) -> list[Any]:
        count = fields.number(width)
        if count > most:
            raise fields.refuse("count")
        return [entry(fields) if callable(entry) else structure(fields, entry) for _ in range(count)]

    return read


def structure(fields: Cursor, layout: dict[str, Reader]) -> dict[str, Any]:
    return {name: read(fields) for name, read in layout.items()}


def matching(pattern: str) -> Reader:
    def read(fields: Cursor) -> str:
        value = fields.text()
        if not re.fullmatch(pattern, value):
            raise fields.refuse("text")
        return value

    return read


def iso_date(fields: Cursor) -> str:
    value = fields.text()
    try:
        datetime.date.fromisoformat(value)
    except ValueError as problem:
        raise fields.refuse("date") from problem
    return value


U8, U16, U32, U64 = u(1), u(2), u(4), u(8)
PRINTER = u(1, range(6))
REFUSAL: dict[str, Reader] = {"text": lambda fields: fields.text(2)}

INFO = {
    "vendor": text, "model": text, "revision": U32, "serial": text, "version": version, "loader": version, "counter": U32,
    "trust": U32, "capacity": U64, "erase size": U32, "erase time": U32, "program size": U32, "program time": U32,
    "signature check": U32, "restart": U32,
}  # fmt: skip
STATUS = {
    "mode": u(1, range(4)), "uptime": U32, "mains": yes_no, "battery": U8, "voltage": U16, "printer": PRINTER,
    "tampered": yes_no, "partly": raw(32), "done": U32, "display": text,
}  # fmt: skip
HEALTH = {"readings": list_of(256, {"name": text, "value": signed(8), "exponent": signed(1), "unit": text}, 2)}
STATISTICS = {"counters": list_of(256, {"name": text, "value": U64}, 2)}
BATCH = {
    "state": u(1, range(3)), "count": U32, "unsent": U32, "date": iso_date, "closed": U64,
    "totals": list_of(16, {"currency": matching("[A-Z]{3}"), "units": signed(8), "decimals": U8}),
}  # fmt: skip
PRINTED = {"printed": U16, "all": U16, "printer": PRINTER, "slip": text}
JOURNAL = {"written": U32, "entries": list_of(64, {"number": U32, "time": U64, "event": text, "detail": text})}
SLOTS = {
    "slots": list_of(8, {
        "index": U8, "state": u(1, range(6)), "running": yes_no, "starts": U8, "version": version, "counter": U32,
        "digest": raw(32),
    })
}  # fmt: skip
BEGIN = {
    "resume": yes_no, "zero": zeros(3), "region": counted(4), "signatures": counted(4),
}  # fmt: skip
AUTHORISE = {"grant": counted(4), "key": raw(32), "proof": counted(2)}
PASSWORD = {"log_n": U8, "r": U8, "p": U8, "salt": raw(16)}
HOLDING = {"block": u(4, range(1, 65537)), "first": U32, "digests": counted(2)}
HELD = {"first": U32, "bitmap": U64}


@dataclasses.dataclass(frozen=True)
class Opcode:
    """What the messages of an opcode hold; None: there is no such message."""

    name: str
    request: dict[str, Reader] | None = None
    response: dict[str, Reader] | None = None
    one_way: dict[str, Reader] | None = None
    event: dict[str, Reader] | None = None


NOTHING: dict[str, Reader] = {}
OPCODES = {
    0x01: Opcode("INFO", NOTHING, INFO),
    0x02: Opcode("STATUS", NOTHING, STATUS),
    0x03: Opcode("HEALTH", {"level": u(1, range(1, 4))}, HEALTH),
    0x04: Opcode("STATISTICS", NOTHING, STATISTICS),
    0x05: Opcode("STATISTICS_RESET", NOTHING, NOTHING),
    0x06: Opcode("BATCH", NOTHING, BATCH),
    0x07: Opcode("SETTLE", NOTHING, BATCH),
    0x08: Opcode("PRINT_TEST", {"lines": list_of(16, text)}, PRINTED),
    0x09: Opcode("RESET", {"how": u(1, range(3))}, NOTHING),
    0x0A: Opcode("JOURNAL", {"first": U32}, JOURNAL),
    0x0B: Opcode("CLOCK", NOTHING, {"time": U64}),
    0x0C: Opcode("CLOCK_SET", {"time": U64}, NOTHING),
    0x0D: Opcode("SLOTS", NOTHING, SLOTS),
    0x0E: Opcode("LINE_RATE", {"step": u(1, range(3)), "baud": U32}, {"baud": U32, "rates": list_of(32, U32)}),
    0x0F: Opcode("ECHO", {"bytes": counted(2)}, {"bytes": counted(2)}),
    0x10: Opcode("HOLDING", HOLDING, HELD),
    0x11: Opcode("SERIAL_SET", {"serial": matching("[A-Za-z0-9.-]{1,32}")}, NOTHING),
    0x12: Opcode("AUTHORISE", AUTHORISE, {"key": raw(32)}),
    0x13: Opcode("PASSWORD", NOTHING, {**PASSWORD, "failures": U32, "wait": U32}),
    0x14: Opcode("PASSWORD_LOGIN", {"key": raw(32), "proof": raw(32)}, {"key": raw(32)}),
    0x15: Opcode("PASSWORD_SET", {**PASSWORD, "stored": raw(32)}, NOTHING),
    0x20: Opcode("BEGIN", BEGIN, {"blocks": U32, "held": U32}),
    0x21: Opcode("TABLE", one_way={"offset": U32, "zero": zeros(4), "bytes": rest}),
    0x22: Opcode("DATA", one_way={"block": U32, "encoding": u(4, range(2)), "bytes": rest}),
    0x23: Opcode("FINISH", NOTHING, NOTHING),
    0x24: Opcode("ABORT", NOTHING, NOTHING),
    0x25: Opcode("CONFIRM", {"digest": raw(32)}, NOTHING),
    0x26: Opcode("REVERT", NOTHING, NOTHING),
    0x30: Opcode("PROGRESS", event={"done": U32}),
    0x31: Opcode("FAILED", event=REFUSAL),
    0x32: Opcode("HELD", event=HELD),
}
STATUSES = range(19)
AUTHENTICATION = 24  # bytes of an authentication field


def layout_of(opcode: Opcode, kind: int, status: int, direction: str) -> dict[str, Reader]:
    require(kind in ((REQUEST, ONE_WAY) if direction == HOST else (RESPONSE, EVENT)), "5 kind of message")
    found = (opcode.request, opcode.response, opcode.event, opcode.one_way)[kind]
    if found is None:
        raise wrong("5.1 no such message")
    return REFUSAL if kind == RESPONSE and status else found


def check_values(opcode: Opcode, body: dict[str, Any]) -> None:
    """What the table says of single values."""
    if opcode.name == "HOLDING" and "digests" in body:
        require(len(body["digests"]) % 8 == 0 and len(body["digests"]) <= 64 * 8, "5.1 HOLDING: digests")
    if opcode.name == "HELD":
        require(body["first"] % 64 == 0, "5.1 HELD: first block of a page")


def message(data: bytes, at: int, direction: str) -> Message | None:
    """The message at an offset of a stream; None if it is not whole yet."""
    if len(data) - at < 12:
        return None
    head = Cursor(bytes(data[at : at + 12]), "tsp 5")
    code, kind, identity, status, authentication, size = (head.number(width) for width in (1, 1, 2, 2, 2, 4))
    require(authentication in ((0, AUTHENTICATION) if kind == REQUEST else (0,)), "5 size of the authentication field")
    require(size <= 131072, "5 size of the body")
    start = at + 12 + authentication
    if len(data) < start + size:
        return None
    require(code in OPCODES, "5.1 opcode")
    opcode = OPCODES[code]
    require(kind in (RESPONSE, EVENT) or status == 0, "5 status of requests")
    require((identity == 0) if kind in (EVENT, ONE_WAY) else True, "5 id of events and one-way messages")
    require(status in STATUSES, "5.2 status")
    require(kind != EVENT or (status != 0) == (opcode.name == "FAILED"), "5.1 status of events")
    fields = Cursor(bytes(data[start : start + size]), f"tsp 5.1 {opcode.name}")
    body = structure(fields, layout_of(opcode, kind, status, direction))
    fields.end()
    check_values(opcode, body)
    field = bytes(data[at + 12 : start])
    return Message(code, kind, identity, status, 12 + authentication + size, body, direction, authentication=field)


# --- a whole line


class Session:
    """What passes after a WELCOME that opens a session."""

    def __init__(self, number: int, host: Hello, terminal: Hello) -> None:
        self.number = number
        self.hellos = {HOST: host, TERMINAL: terminal}
        self.seed = session_seed(host.nonce, terminal.nonce)
        # a sender's credit is the window that the other side announced
        self.streams = {HOST: Stream(terminal.window, complete=True), TERMINAL: Stream(host.window, complete=False)}
        self.read = {HOST: 0, TERMINAL: 0}  # bytes of a stream that belong to whole messages
        self.waiting: Message | None = None  # the request without a response
        self.granted = False  # opened with a grant

    def take(self, record: Record, frame: Frame) -> Iterator[Message]:
        require(len(frame.payload) <= self.hellos[OTHER[record.direction]].longest, "1 longest payload of the receiver")
        fields = Cursor(frame.payload, "tsp 4")
        if frame.kind in (ACK, DATA_ACK):
            self.streams[OTHER[record.direction]].acknowledge(acknowledgement(fields))
        if frame.kind == ACK:
            fields.end()
        if frame.kind in (DATA, DATA_ACK):
            self.streams[record.direction].add(frame, fields.take(fields.left))
            yield from self.messages(record)

    def messages(self, record: Record) -> Iterator[Message]:
        data = self.streams[record.direction].data
        while found := message(data, self.read[record.direction], record.direction):
            self.read[record.direction] += found.size
            found.time, found.session = record.time, self.number
            self.pair(found)
            yield found

    def pair(self, found: Message) -> None:
        """One request at a time; its response repeats opcode and id."""
        if found.kind == REQUEST:
            require(self.waiting is None, "5 one request at a time")
            require(self.granted or not found.authentication, "5 authentication field in a session without a grant")
            self.waiting = found
        elif found.kind == RESPONSE:
            asked = self.waiting
            require(asked is not None, "5 response without a request")
            if asked is not None:
                require((found.opcode, found.identity) == (asked.opcode, asked.identity), "5 response to another request")
            self.granted = self.granted or (found.name in ("AUTHORISE", "PASSWORD_LOGIN") and not found.status)
            self.waiting = None

    def left(self) -> dict[str, int]:
        """Bytes of the streams that belong to no whole message, or were not seen in order."""
        return {
            way: len(stream.data) - self.read[way] + sum(map(len, stream.ahead.values()))
            for way, stream in self.streams.items()
        }  # fmt: skip


@dataclasses.dataclass
class Line:
    """All that passed on a line."""

    sessions: list[Session] = dataclasses.field(default_factory=list)
    messages: list[Message] = dataclasses.field(default_factory=list)
    noise: dict[str, bytes] = dataclasses.field(default_factory=lambda: {HOST: b"", TERMINAL: b""})
    frames: dict[str, int] = dataclasses.field(default_factory=dict)
    asked: Hello | None = None  # the last HELLO
    session: Session | None = None
    seed: int = 0

    def take(self, record: Record) -> None:
        if isinstance(record.what, Noise):
            self.noise[record.direction] += record.what.data
            return
        frame = record.what
        self.frames[frame.name] = self.frames.get(frame.name, 0) + 1
        sender = {HELLO: (HOST,), WELCOME: (TERMINAL,), RESET: (TERMINAL,)}.get(frame.kind, (HOST, TERMINAL))
        require(record.direction in sender, f"2 sender of {frame.name}")
        if frame.kind == HELLO:
            self.asked = hello(frame)
        elif frame.kind == WELCOME:
            self.welcome(hello(frame))
        elif frame.kind == RESET:
            self.session = None
        else:
            require(self.session is not None, f"2 {frame.name} without a session")
            if self.session is not None:
                self.messages.extend(self.session.take(record, frame))

    def welcome(self, answer: Hello) -> None:
        if self.asked is None or answer.answers != self.asked.nonce:
            return  # it does not answer the last nonce: ignored
        if self.session is not None and self.session.hellos == {HOST: self.asked, TERMINAL: answer}:
            return  # the same WELCOME again: the session goes on
        require(answer.lowest <= answer.highest and answer.lowest <= 1, "3 version 1 is common")
        self.session = Session(len(self.sessions), self.asked, answer)
        self.sessions.append(self.session)
        self.seed = self.session.seed


def decode(records: Iterable[Record]) -> Line:
    line = Line()
    for record in records:
        line.take(record)
    return line


def scan(chunks: Iterable[tuple[str, bytes]], longest: int) -> tuple[list[Record], dict[str, int]]:
    """Records of bytes as they passed on a line, and how many bytes at the end of each direction belong to none."""
    line = Line()
    scanners = {HOST: Scanner(longest), TERMINAL: Scanner(longest)}
    records = []
    for direction, data in chunks:
        for found in scanners[direction].feed(data, lambda: line.seed):
            record = Record(0.0, direction, "", found)
            line.take(record)
            records.append(record)
    return records, {way: len(scanner.waiting + scanner.noise) for way, scanner in scanners.items()}


# --- section 5.3: readings of a health check

INTERNAL = {
    "power.mains": "0/1", "power.charge_fault": "0/1", "battery.charge": "%", "battery.voltage": "V",
    "battery.temperature": "degC", "battery.cycles": "", "battery.age": "d", "backup_cell.voltage": "V", "tamper.open": "0/1",
    "secure_module.changed": "0/1", "keys.present": "0/1", "setup.initialised": "0/1", "setup.activated": "0/1",
    "maintenance.running": "0/1", "certificate.days_left": "d", "firmware_approval.days_left": "d", "storage.bad_sectors": "",
    "storage.used": "%", "batch.store_ok": "0/1", "journal.errors": "", "self_test.hours_ago": "h", "self_test.passed": "0/1",
}  # fmt: skip
EXTERNAL = {
    "printer.state": "printer", "printer.cover_open": "0/1", "printer.paper_left": "0/1/2", "printer.jammed": "0/1",
    "printer.head_temperature": "degC", "printer.head_distance": "m", "printer.since_cleaning": "m", "printer.dead_dots": "",
    "card_slot.obstructed": "0/1", "card_slot.overlay": "0/1", "card_slot.card_left": "0/1", "card_slot.light": "%",
    "card_slot.mechanism_ok": "0/1", "msr.failed": "%", "msr.failed_1": "%", "msr.failed_2": "%", "msr.failed_3": "%",
    "chip.contacts_ok": "0/1", "chip.answers": "0/1", "chip.torn": "%", "contactless.ok": "0/1", "contactless.started": "0/1",
    "keypad.stuck": "0/1", "keypad.answers": "0/1", "display.ok": "0/1", "network.module_ok": "0/1", "network.sim_card": "0/1",
    "network.link": "0/1", "network.signal": "%", "network.dns_ok": "0/1", "network.tls_ok": "0/1", "host.reachable": "0/1",
}  # fmt: skip
MEANINGS = {"0/1": range(2), "0/1/2": range(3), "printer": range(6)}
"""What a number without a unit may be."""


def check_readings(level: int, readings: list[dict[str, Any]]) -> None:
    expected = INTERNAL if level == 1 else {**INTERNAL, **EXTERNAL}
    require(sorted(reading["name"] for reading in readings) == sorted(expected), "5.3 names of the readings")
    for reading in readings:
        unit = expected[reading["name"]]
        require(reading["exponent"] == (-3 if unit == "V" else 0), "5.3 exponent")
        require(reading["unit"] == ("" if unit in MEANINGS else unit), "5.3 unit")
        require(unit not in MEANINGS or reading["value"] in MEANINGS[unit], "5.3 value")


# --- section 6: an update


@dataclasses.dataclass
class Update:
    """An update that BEGIN has started."""

    header: fwp.Header
    manifest: fwp.Manifest
    root: bytes
    signatures: dict[bytes, bytes]
    identity: bytes
    resume: bool
    held: int  # blocks from the start, of the response to BEGIN
    index: list[bytes] = dataclasses.field(default_factory=list)
    pages: dict[int, list[bytes]] = dataclasses.field(default_factory=dict)
    blocks: dict[int, bytes] = dataclasses.field(default_factory=dict)  # installed bytes, or what is to be decoded
    kept: set[int] = dataclasses.field(default_factory=set)  # need not be sent: HELD
    progress: list[tuple[float, int]] = dataclasses.field(default_factory=list)
    finished: bool = False
    failed: int = 0

    @property
    def installed(self) -> int:
        """Blocks that are installed: documents stay in the file (fwp.md section 3), and stand behind all others."""
        return sum(self.manifest.blocks_of(part) for part in self.manifest.components if part.slot == 0)

    @property
    def told_the_end(self) -> bool:
        """Whether PROGRESS told the end, if anything was to be done."""
        return self.held == self.installed or (self.progress[-1:] != [] and self.progress[-1][1] == self.installed)

    def table(self, body: dict[str, Any]) -> None:
        data = body["bytes"]
        if not self.index:
            require(body["offset"] == 0 and len(data) == 32 * self.manifest.pages, "6 step 2: the whole index comes first")
            self.index = fwp.check_index(self.manifest, self.root, data)
            return
        size = fwp.ENTRIES_OF_A_PAGE * self.manifest.entry
        number, odd = divmod(body["offset"] - 32 * self.manifest.pages, size)
        require(odd == 0 and 0 <= number < self.manifest.pages, "6 step 2: a page at its offset")
        require(number not in self.pages, "6 step 2: a page comes once")
        require(number == (max(self.pages) + 1 if self.pages else self.held // 64), "6 step 2: pages in order from the first")
        whole = b"".join(self.index) + bytes(size * number) + data
        self.pages[number] = fwp.page(self.manifest, self.index, whole, number)
        require(len(data) == self.manifest.entry * len(self.pages[number]), "6 step 2: a page is whole")

    def data(self, body: dict[str, Any]) -> None:
        number = body["block"]
        require(bool(self.index), "6 step 2: the index comes before anything else")
        require(self.held <= number < self.installed, "6 step 2: a block that is not held")
        require(all(number > other for other in self.blocks), "6 step 2: blocks in order")
        require(number // 64 in self.pages, "6 step 2: its page has come")
        behind = min(number // 64 + 1, self.manifest.pages - 1)
        require(behind in self.pages, "6 step 2: the page behind comes before the first block of the one before it")
        part = self.part_of(number)
        content = body["bytes"]
        if body["encoding"] == 1:
            require(not part.cipher, "6 an encrypted block does not get shorter")
            content = inflate(content)
        self.blocks[number] = content

    def part_of(self, number: int) -> fwp.Component:
        return [part for part in self.manifest.components if part.first <= number][-1]

    def finish(self) -> None:
        missing = set(range(self.held, self.installed)) - set(self.blocks) - self.kept
        require(not missing, "6 step 3: every block that is not held has been sent")
        require(set(self.pages) == set(range(self.held // 64, self.manifest.pages)), "6 step 2: all pages behind the first")

    def event(self, found: Message) -> None:
        if found.name == "HELD":
            require(self.resume, "6 step 2: HELD without resume")
            first = found.body["first"]
            require(first // 64 in self.pages, "6 step 2: HELD of a page that has come")
            self.kept |= {first + bit for bit in range(64) if found.body["bitmap"] >> bit & 1}
            require(all(number < self.installed for number in self.kept), "6 step 2: HELD of blocks that are there")
        elif found.name == "PROGRESS":
            require(found.body["done"] <= self.installed, "6 PROGRESS")
            require(not self.progress or found.body["done"] >= self.progress[-1][1], "6 PROGRESS goes back")
            self.progress.append((found.time, found.body["done"]))
        else:
            self.failed = found.status


def inflate(data: bytes) -> bytes:
    """RFC 1951, one stream with nothing behind."""
    stream = zlib.decompressobj(-15)
    try:
        found = stream.decompress(data, 65537)
    except zlib.error as problem:
        raise wrong("5.1 DATA: deflate") from problem
    require(stream.eof and not stream.unused_data and len(found) <= 65536, "5.1 DATA: one deflate stream")
    return found


def begin(request: Message, response: Message) -> Update:
    region, block = request.body["region"], request.body["signatures"]
    head, manifest, root = fwp.region(region)
    signatures = fwp.signature_block(block)
    held = response.body["held"]
    found = Update(head, manifest, root, signatures, fwp.sha256(region), request.body["resume"], held)
    require(response.body["blocks"] == found.installed, "6 BEGIN: blocks in all")
    require(held <= found.installed, "6 BEGIN: blocks held")
    require(found.resume or held == 0, "6 BEGIN: held without resume")
    return found


class Updates:
    """The updates of a line: which message may come when."""

    def __init__(self) -> None:
        self.all: list[Update] = []
        self.now: Update | None = None
        self.asked: Message | None = None
        self.session = -1

    def take(self, found: Message) -> None:
        if found.session != self.session:
            self.session, self.now = found.session, None  # a new session ends an update
        if found.kind == REQUEST:
            self.request(found)
        elif found.kind == RESPONSE:
            self.response(found)
        elif found.kind == ONE_WAY:
            self.part(found)
        else:
            require(self.now is not None, f"6 {found.name} without an update")
            if self.now is not None:
                self.now.event(found)

    def request(self, found: Message) -> None:
        self.asked = found
        if found.name == "FINISH" and self.now is not None:
            self.now.finish()

    def response(self, found: Message) -> None:
        asked = self.asked
        if found.status or asked is None:
            return
        if found.name == "BEGIN":
            self.now = begin(asked, found)
            self.all.append(self.now)
        elif found.name == "FINISH" and self.now is not None:
            require(self.now.told_the_end, "6 PROGRESS at the end")
            self.now.finished, self.now = True, None
        elif found.name == "ABORT":
            self.now = None

    def part(self, found: Message) -> None:
        require(self.now is not None, f"6 {found.name} without an update")
        if self.now is not None:
            if found.name == "TABLE":
                self.now.table(found.body)
            else:
                self.now.data(found.body)


def updates(line: Line) -> list[Update]:
    """The updates of a line, each held to section 6."""
    found = Updates()
    for each in line.messages:
        found.take(each)
    return found.all


def requests(messages: Iterable[Message]) -> list[str]:
    return [each.name for each in messages if each.kind == REQUEST]


# --- a host of its own


class Host:
    """A host that says what it is told to, right or wrong, on a line that loses nothing: a TCP connection."""

    WINDOW = 65536
    LONGEST = 4096

    def __init__(self, address: tuple[str, int]) -> None:
        self.line = socket.create_connection(address, timeout=10)
        self.scanner = Scanner(self.LONGEST)
        self.noise = b""
        self.resets = 0
        self.welcomes: list[Hello] = []
        self.acks: list[Acknowledgement] = []
        self.events: list[Message] = []
        self.responses: list[Message] = []
        self.seed = 0
        self.nonces = b""
        self.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def forget(self) -> None:
        """Begin with streams of a new session."""
        self.stream = Stream(self.WINDOW, complete=False)
        self.read = 0
        self.sequence = 0
        self.offset = 0
        self.identity = 0
        self.key = b""  # of a session that a grant has opened
        self.number = 0

    def send(self, frame: Frame) -> None:
        self.line.sendall(encode(frame, self.seed))

    def hello_payload(self, nonce: bytes, lowest: int = 1, highest: int = 1) -> bytes:
        numbers = ((lowest, 1), (highest, 1), (self.LONGEST, 2), (15, 4), (65536, 4), (131072, 4), (self.WINDOW, 4))
        return b"".join(value.to_bytes(size, "little") for value, size in numbers) + nonce + bytes(17)

    def open(self, nonce: bytes) -> Hello:
        """Open a session."""
        before = len(self.welcomes)
        self.send(Frame(HELLO, 0, 0, self.hello_payload(nonce)))
        self.until(lambda: len(self.welcomes) > before)
        self.seed = session_seed(nonce, self.welcomes[-1].nonce)
        self.nonces = nonce + self.welcomes[-1].nonce
        self.forget()
        return self.welcomes[-1]

    def until(self, done: Callable[[], bool], seconds: float = 10) -> None:
        """Listen until something has come."""
        end = time.monotonic() + seconds
        while not done():
            self.line.settimeout(max(end - time.monotonic(), 0.001))
            data = self.line.recv(65536)
            if not data:
                raise ConnectionError("the line is closed")
            for found in self.scanner.feed(data, lambda: self.seed):
                self.take(found)

    def nothing_more(self, seconds: float = 0.3) -> None:
        """Listen for a while; what comes is kept."""
        try:
            self.until(lambda: False, seconds)
        except TimeoutError:
            return

    def take(self, found: Frame | Noise) -> None:
        if isinstance(found, Noise):
            self.noise += found.data
        elif found.kind == WELCOME:
            self.welcomes.append(hello(found))
        elif found.kind == RESET:
            self.resets += 1
        else:
            fields = Cursor(found.payload, "tsp 4")
            if found.kind in (ACK, DATA_ACK):
                self.acks.append(acknowledgement(fields))
            if found.kind in (DATA, DATA_ACK):
                self.stream.add(found, fields.take(fields.left))
                self.hear()

    def hear(self) -> None:
        while found := message(self.stream.data, self.read, TERMINAL):
            self.read += found.size
            (self.events if found.kind == EVENT else self.responses).append(found)
        received = len(self.stream.data)
        self.stream.limit = received + self.WINDOW
        numbers = ((self.stream.sequence & 0xFFFF, 2), (received, 4), (self.stream.limit, 4), (0, 1))
        self.send(Frame(ACK, 0, 0, b"".join(value.to_bytes(size, "little") for value, size in numbers)))

    def say(
        self, opcode: int, body: bytes = b"", kind: int = REQUEST, authentication: bytes | None = None, size: int | None = None
    ) -> None:
        """Send a message; `authentication`: instead of the field that is right, `size`: what its head says of the body."""
        self.identity += kind == REQUEST
        head = bytes((opcode, kind)) + (self.identity if kind == REQUEST else 0).to_bytes(2, "little") + bytes(2)
        length = (len(body) if size is None else size).to_bytes(4, "little")
        if authentication is None:
            authentication = self.authentication(head + bytes(2) + length + body) if kind == REQUEST else b""
        whole = head + len(authentication).to_bytes(2, "little") + length + authentication + body
        for at in range(0, len(whole), 1024):
            self.sequence += 1
            piece = whole[at : at + 1024]
            self.send(Frame(DATA, self.sequence & 0xFFFF, self.offset, piece))
            self.offset += len(piece)

    def authentication(self, message: bytes) -> bytes:
        """Section 7: the field of a request, whose bytes with an empty field are given."""
        if not self.key:
            return b""
        self.number += 1
        number = self.number.to_bytes(8, "little")
        return number + hmac.digest(self.key, number + message, "sha256")[:16]

    def ask(self, opcode: int, body: bytes = b"", authentication: bytes | None = None) -> Message:
        """A request and its response."""
        before = len(self.responses)
        self.say(opcode, body, REQUEST, authentication)
        self.until(lambda: len(self.responses) > before)
        found = self.responses[-1]
        require((found.opcode, found.identity) == (opcode, self.identity), "5 response to another request")
        return found

    def proof(self, identity: bytes, key: bytes, holder: "Holder") -> bytes:
        """Section 7: the signature of the holder of a grant."""
        digest = fwp.sha256(self.nonces + identity + key)
        return openssl.sign(holder.algorithm, holder.path, fwp.message("grant-use", digest))

    def authorise(
        self, grant: bytes, holder: "Holder", once: pathlib.Path, key: bytes | None = None, proof: bytes | None = None
    ) -> Message:
        """Open the session with a grant; `once` is a fresh X25519 key. Other bytes may stand for the key and the proof."""
        identity = fwp.sha256(grant[: 12 + int.from_bytes(grant[8:12], "little")])
        public = openssl.public(once)[-32:] if key is None else key
        seal = self.proof(identity, public, holder) if proof is None else proof
        size = len(grant).to_bytes(4, "little")
        found = self.ask(0x12, size + grant + public + len(seal).to_bytes(2, "little") + seal)
        if not found.status:
            secret = openssl.agree(once, fwp.X25519_HEAD + found.body["key"])
            self.key = fwp.hkdf(secret, self.nonces, b"fwtool/tsp/v1 session" + identity)
            self.number = 0
        return found


class Holder(Protocol):
    """The key of the holder of a grant."""

    algorithm: str
    path: pathlib.Path


def begin_body(region: bytes, block: bytes, *, resume: int = 0, zero: bytes = bytes(3)) -> bytes:
    return bytes((resume,)) + zero + len(region).to_bytes(4, "little") + region + len(block).to_bytes(4, "little") + block
