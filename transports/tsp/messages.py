"""Messages: what frames carry. One table of commands, each with its rights class and the records of both directions.

```
 0  u8 opcode   1  u8 kind   2  u16 request id   4  u16 status   6  u16 size of the authentication field (0)
 8  u32 size of the body     12  authentication field, body
```

Layouts of all bodies: docs/protocol/tsp.md section 5.
"""

import enum
import struct
from typing import Final, NamedTuple

import construct as c

from formats.errors import FormatError
from formats.fwp.manifest import VersionField
from formats.record import Choice, Counted, Nested, Record, Text
from formats.versions import Version

_HEADER: Final = struct.Struct("<BBHHHI")
HEADER_SIZE: Final = _HEADER.size
MAX_BODY: Final = 128 * 1024
MAX_AUTHENTICATION: Final = 64


class Kind(enum.IntEnum):
    """Who speaks, and whether an answer is due."""

    REQUEST = 0
    RESPONSE = 1
    EVENT = 2
    """From the device, unasked."""
    ONE_WAY = 3
    """From the host, without an answer: parts of an update, which flow without waiting."""


class Rights(enum.IntEnum):
    """What a command needs. Without a grant a terminal allows all but `FACTORY`."""

    INSPECT = 0
    SERVICE = 1
    UPDATE = 2
    FACTORY = 3


class Status(enum.IntEnum):
    """How a command ended."""

    OK = 0
    UNKNOWN_COMMAND = 1
    BAD_REQUEST = 2
    NOT_AUTHORISED = 3
    WRONG_STATE = 4
    BAD_SIGNATURE = 5
    WRONG_HARDWARE = 6
    ROLLBACK = 7
    VERSION_TOO_OLD = 8
    UNSETTLED = 9
    LOW_POWER = 10
    TAMPERED = 11
    TOO_LARGE = 12
    BAD_BLOCK = 13
    FLASH_FAULT = 14
    PRINTER_FAULT = 15
    DAMAGED_PACKAGE = 16
    BUSY = 17
    NO_KEY = 18


class Message(NamedTuple):
    """One message."""

    opcode: int
    kind: int
    request_id: int
    status: int
    body: bytes
    authentication: bytes = b""

    def build(self) -> bytes:
        head = _HEADER.pack(self.opcode, self.kind, self.request_id, self.status, len(self.authentication), len(self.body))
        return head + self.authentication + self.body


class Splitter:
    """Cuts a byte stream into messages. Sizes are bounded before anything is collected."""

    def __init__(self, max_body: int = MAX_BODY) -> None:
        self._max_body = max_body
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Messages that are complete now.

        Raises:
            FormatError: a size beyond the bound; nothing behind it can be understood any more.
        """
        self._buffer += data
        messages = []
        at = 0
        while len(self._buffer) - at >= HEADER_SIZE:
            opcode, kind, request_id, status, authentication, size = _HEADER.unpack_from(self._buffer, at)
            if size > self._max_body or authentication > MAX_AUTHENTICATION:
                raise FormatError(f"a message claims a body of {size} bytes, at most {self._max_body} are taken")
            start = at + HEADER_SIZE + authentication
            if len(self._buffer) < start + size:
                break
            body = bytes(self._buffer[start : start + size])
            messages.append(Message(opcode, kind, request_id, status, body, bytes(self._buffer[at + 12 : start])))
            at = start + size
        del self._buffer[:at]
        return messages


class Empty(Record):
    """Nothing."""

    LAYOUT = c.Struct()


class Detail(Record):
    """Why a command was refused, in the device's own words (data, not to be trusted as markup)."""

    text: str
    LAYOUT = c.Struct("text" / Text(c.Int16ul))


class SlotState(enum.IntEnum):
    """What a firmware slot holds."""

    EMPTY = 0
    TRIAL = 1
    CONFIRMED = 2
    BAD = 3
    ACTIVE = 4
    """Confirmed, and running now."""
    WRITING = 5


class Slot(Record):
    """One firmware slot."""

    index: int
    state: SlotState
    running: bool
    starts_left: int
    version: Version
    security_counter: int
    digest: bytes
    """Identity of the installed package, zero if there is none."""
    LAYOUT = c.Struct(
        "index" / c.Int8ul,
        "state" / Choice(c.Int8ul, SlotState),
        "running" / c.Flag,
        "starts_left" / c.Int8ul,
        "version" / VersionField(),
        "security_counter" / c.Int32ul,
        "digest" / c.Bytes(32),
    )


class Info(Record):
    """Identity, versions and what the device can say about its flash (for predictions)."""

    vendor: str
    model: str
    revision: int
    serial_number: str
    version: Version
    bootloader: Version
    security_counter: int
    trust_version: int
    capacity: int
    """Largest package payload a slot takes, bytes."""
    erase_size: int
    erase_time_us: int
    """Typical time to erase `erase_size` bytes."""
    program_size: int
    program_time_us: int
    verify_time_us: int
    """Time of one signature check."""
    restart_time_ms: int
    LAYOUT = c.Struct(
        "vendor" / Text(),
        "model" / Text(),
        "revision" / c.Int32ul,
        "serial_number" / Text(),
        "version" / VersionField(),
        "bootloader" / VersionField(),
        "security_counter" / c.Int32ul,
        "trust_version" / c.Int32ul,
        "capacity" / c.Int64ul,
        "erase_size" / c.Int32ul,
        "erase_time_us" / c.Int32ul,
        "program_size" / c.Int32ul,
        "program_time_us" / c.Int32ul,
        "verify_time_us" / c.Int32ul,
        "restart_time_ms" / c.Int32ul,
    )


class Slots(Record):
    """All firmware slots."""

    slots: tuple[Slot, ...]
    LAYOUT = c.Struct("slots" / Counted(c.Int8ul, Nested(Slot), at_most=8))


class Mode(enum.IntEnum):
    """What the terminal is doing."""

    READY = 0
    TRIAL = 1
    """Running firmware that has not been confirmed."""
    UPDATING = 2
    OUT_OF_SERVICE = 3


class PrinterState(enum.IntEnum):
    """The printer's main state (UnifiedPOS: cover, paper; plus head temperature)."""

    OK = 0
    PAPER_LOW = 1
    PAPER_OUT = 2
    COVER_OPEN = 3
    HEAD_HOT = 4
    FAULT = 5


class TerminalStatus(Record):
    """Momentary state."""

    mode: Mode
    uptime_s: int
    mains: bool
    battery_percent: int
    battery_mv: int
    printer: PrinterState
    tampered: bool
    update_digest: bytes
    """Package that is being received or is partly there, zero if none."""
    blocks_held: int
    display: str
    LAYOUT = c.Struct(
        "mode" / Choice(c.Int8ul, Mode),
        "uptime_s" / c.Int32ul,
        "mains" / c.Flag,
        "battery_percent" / c.Int8ul,
        "battery_mv" / c.Int16ul,
        "printer" / Choice(c.Int8ul, PrinterState),
        "tampered" / c.Flag,
        "update_digest" / c.Bytes(32),
        "blocks_held" / c.Int32ul,
        "display" / Text(),
    )


class Level(enum.IntEnum):
    """UnifiedPOS CheckHealth levels."""

    INTERNAL = 1
    EXTERNAL = 2
    INTERACTIVE = 3


class HealthRequest(Record):
    """Run the self-test up to a level."""

    level: Level
    LAYOUT = c.Struct("level" / Choice(c.Int8ul, Level))


class Reading(Record):
    """One measured value: `value` times ten to the power of `exponent`, in `unit`."""

    name: str
    value: int
    exponent: int
    unit: str
    LAYOUT = c.Struct("name" / Text(), "value" / c.Int64sl, "exponent" / c.Int8sl, "unit" / Text())

    @property
    def number(self) -> float:
        return float(self.value * 10**self.exponent) if self.exponent >= 0 else self.value / 10**-self.exponent


class Readings(Record):
    """Answer to a health check."""

    readings: tuple[Reading, ...]
    LAYOUT = c.Struct("readings" / Counted(c.Int16ul, Nested(Reading), at_most=256))


class Counter(Record):
    """One statistic by its UnifiedPOS name."""

    name: str
    value: int
    LAYOUT = c.Struct("name" / Text(), "value" / c.Int64ul)


class Statistics(Record):
    """All statistics."""

    counters: tuple[Counter, ...]
    LAYOUT = c.Struct("counters" / Counted(c.Int16ul, Nested(Counter), at_most=256))


class BatchState(enum.IntEnum):
    """State of the batch of transactions; unknown counts as open."""

    CLOSED = 0
    OPEN = 1
    UNKNOWN = 2


class Total(Record):
    """Sum in one currency (ISO 4217), in its minor unit."""

    currency: str
    minor_units: int
    decimals: int
    LAYOUT = c.Struct("currency" / Text(), "minor_units" / c.Int64sl, "decimals" / c.Int8ul)


class Batch(Record):
    """The batch: what has not been settled with the bank yet."""

    state: BatchState
    count: int
    offline_unsent: int
    business_date: str
    """ISO 8601 date."""
    last_close: int
    """Seconds since 1970 UTC, 0 if never."""
    totals: tuple[Total, ...]
    LAYOUT = c.Struct(
        "state" / Choice(c.Int8ul, BatchState),
        "count" / c.Int32ul,
        "offline_unsent" / c.Int32ul,
        "business_date" / Text(),
        "last_close" / c.Int64ul,
        "totals" / Counted(c.Int8ul, Nested(Total), at_most=16),
    )


class PrintRequest(Record):
    """Print the test slip, with lines of the host's at its end."""

    lines: tuple[str, ...]
    LAYOUT = c.Struct("lines" / Counted(c.Int8ul, Text(), at_most=16))


class PrintResult(Record):
    """How far a print came."""

    lines_printed: int
    lines_total: int
    state: PrinterState
    slip: str
    """Name of the slip's picture on a simulated terminal, else empty."""
    LAYOUT = c.Struct(
        "lines_printed" / c.Int16ul,
        "lines_total" / c.Int16ul,
        "state" / Choice(c.Int8ul, PrinterState),
        "slip" / Text(),
    )


class ResetKind(enum.IntEnum):
    """Kinds of reset, from harmless to not."""

    RESTART = 0
    REINITIALISE = 1
    FACTORY = 2


class ResetRequest(Record):
    """Restart, initialise again, or back to factory state (needs a grant)."""

    reset: ResetKind
    LAYOUT = c.Struct("reset" / Choice(c.Int8ul, ResetKind))


class JournalRequest(Record):
    """Entries from a number on."""

    first: int
    LAYOUT = c.Struct("first" / c.Int32ul)


class JournalEntry(Record):
    """One line of the terminal's own journal."""

    number: int
    time: int
    """Terminal clock, seconds since 1970 UTC."""
    event: str
    detail: str
    LAYOUT = c.Struct("number" / c.Int32ul, "time" / c.Int64ul, "event" / Text(), "detail" / Text())


class Journal(Record):
    """Some entries, and how many there are."""

    total: int
    entries: tuple[JournalEntry, ...]
    LAYOUT = c.Struct("total" / c.Int32ul, "entries" / Counted(c.Int8ul, Nested(JournalEntry), at_most=64))


class Clock(Record):
    """Time, seconds since 1970 UTC."""

    time: int
    LAYOUT = c.Struct("time" / c.Int64ul)


class Begin(Record):
    """Start or continue an update: all that a terminal needs to decide whether it wants it."""

    resume: bool
    """False: forget what is there of this package."""
    signed: bytes
    """Header, manifest and table root."""
    signatures: bytes
    LAYOUT = c.Struct(
        "resume" / c.Flag,
        "_reserved" / c.Const(bytes(3)),
        "signed" / c.Prefixed(c.Int32ul, c.GreedyBytes),
        "signatures" / c.Prefixed(c.Int32ul, c.GreedyBytes),
    )


class Begun(Record):
    """What the terminal has of it already."""

    blocks_total: int
    blocks_held: int
    """Blocks from the start that are there and have just been checked."""
    LAYOUT = c.Struct("blocks_total" / c.Int32ul, "blocks_held" / c.Int32ul)


class Progress(Record):
    """Event: blocks that are programmed and read back."""

    blocks_done: int
    LAYOUT = c.Struct("blocks_done" / c.Int32ul)


class HoldingRequest(Record):
    """Which of these blocks need not be sent? Asked before an update, to know what it will take; nothing is changed."""

    block_size: int
    first: int
    """Number of the first block."""
    digests: bytes
    """First eight bytes of the SHA-256 of up to 64 blocks in a row."""
    LAYOUT = c.Struct("block_size" / c.Int32ul, "first" / c.Int32ul, "digests" / c.Prefixed(c.Int16ul, c.GreedyBytes))


class SerialNumber(Record):
    """Serial number that a terminal without one is given, once."""

    serial_number: str
    LAYOUT = c.Struct("serial_number" / Text())


class Authorise(Record):
    """A grant, and the proof that it is in its holder's hands (`transports.tsp.grants`)."""

    grant: bytes
    host_key: bytes
    """X25519 public key of the host, for this session."""
    proof: bytes
    """Signature by the holder's key."""
    LAYOUT = c.Struct(
        "grant" / c.Prefixed(c.Int32ul, c.GreedyBytes), "host_key" / c.Bytes(32), "proof" / c.Prefixed(c.Int16ul, c.GreedyBytes)
    )


class Authorised(Record):
    """The session is open."""

    device_key: bytes
    """X25519 public key of the terminal, for this session."""
    LAYOUT = c.Struct("device_key" / c.Bytes(32))


class PasswordVerifier(Record):
    """What a terminal keeps of the administrator's password (`transports.tsp.password`)."""

    log_n: int
    """Binary logarithm of scrypt's N."""
    r: int
    p: int
    salt: bytes
    stored_key: bytes
    """Nobody logs in with it; told it is zeros."""
    LAYOUT = c.Struct("log_n" / c.Int8ul, "r" / c.Int8ul, "p" / c.Int8ul, "salt" / c.Bytes(16), "stored_key" / c.Bytes(32))


class PasswordState(Record):
    """What a host needs for a proof."""

    log_n: int
    r: int
    p: int
    salt: bytes
    failures: int
    """Tries since the last right one."""
    wait_s: int
    """Seconds until the next one is looked at."""
    LAYOUT = c.Struct(
        "log_n" / c.Int8ul, "r" / c.Int8ul, "p" / c.Int8ul, "salt" / c.Bytes(16), "failures" / c.Int32ul,
        "wait_s" / c.Int32ul,
    )  # fmt: skip


class PasswordLogin(Record):
    """Proof of the password, for this session and this key."""

    host_key: bytes
    """X25519 public key of the host, for this session."""
    proof: bytes
    LAYOUT = c.Struct("host_key" / c.Bytes(32), "proof" / c.Bytes(32))


class RateStep(enum.IntEnum):
    """How a line gets faster: ask, try, and keep if bytes come through."""

    TELL = 0
    TRY = 1
    KEEP = 2


class RateRequest(Record):
    """Line rate to try, or to keep; with TELL it means nothing."""

    step: RateStep
    baud: int
    LAYOUT = c.Struct("step" / Choice(c.Int8ul, RateStep), "baud" / c.Int32ul)


class Rates(Record):
    """The rate now, and all that this terminal can; none if its line has no rate."""

    baud: int
    rates: tuple[int, ...]
    LAYOUT = c.Struct("baud" / c.Int32ul, "rates" / Counted(c.Int8ul, c.Int32ul, at_most=32))


class Echo(Record):
    """Bytes that come back as they are."""

    data: bytes
    LAYOUT = c.Struct("data" / c.Prefixed(c.Int16ul, c.GreedyBytes))


class Held(Record):
    """Event: blocks of a page of the table that need not be sent."""

    first: int
    """First block of the page."""
    blocks: int
    """Bit n: block `first` + n."""
    LAYOUT = c.Struct("first" / c.Int32ul, "blocks" / c.Int64ul)


class Confirm(Record):
    """Confirm the running firmware, named by the digest of its package."""

    digest: bytes
    LAYOUT = c.Struct("digest" / c.Bytes(32))


class Opcode(enum.IntEnum):
    """Commands."""

    INFO = 0x01
    STATUS = 0x02
    HEALTH = 0x03
    STATISTICS = 0x04
    STATISTICS_RESET = 0x05
    BATCH = 0x06
    SETTLE = 0x07
    PRINT_TEST = 0x08
    RESET = 0x09
    JOURNAL = 0x0A
    CLOCK = 0x0B
    CLOCK_SET = 0x0C
    SLOTS = 0x0D
    LINE_RATE = 0x0E
    ECHO = 0x0F
    HOLDING = 0x10
    SERIAL_SET = 0x11
    AUTHORISE = 0x12
    PASSWORD = 0x13
    PASSWORD_LOGIN = 0x14
    PASSWORD_SET = 0x15
    BEGIN = 0x20
    TABLE = 0x21
    DATA = 0x22
    FINISH = 0x23
    ABORT = 0x24
    CONFIRM = 0x25
    REVERT = 0x26
    PROGRESS = 0x30
    FAILED = 0x31
    HELD = 0x32


class Command(NamedTuple):
    """One row: what a command needs, takes and gives."""

    rights: Rights
    request: type[Record] | None
    response: type[Record]


COMMANDS: Final[dict[Opcode, Command]] = {
    Opcode.INFO: Command(Rights.INSPECT, Empty, Info),
    Opcode.STATUS: Command(Rights.INSPECT, Empty, TerminalStatus),
    Opcode.HEALTH: Command(Rights.INSPECT, HealthRequest, Readings),
    Opcode.STATISTICS: Command(Rights.INSPECT, Empty, Statistics),
    Opcode.STATISTICS_RESET: Command(Rights.SERVICE, Empty, Empty),
    Opcode.BATCH: Command(Rights.INSPECT, Empty, Batch),
    Opcode.SETTLE: Command(Rights.SERVICE, Empty, Batch),
    Opcode.PRINT_TEST: Command(Rights.SERVICE, PrintRequest, PrintResult),
    Opcode.RESET: Command(Rights.SERVICE, ResetRequest, Empty),
    Opcode.JOURNAL: Command(Rights.INSPECT, JournalRequest, Journal),
    Opcode.CLOCK: Command(Rights.INSPECT, Empty, Clock),
    Opcode.CLOCK_SET: Command(Rights.SERVICE, Clock, Empty),
    Opcode.SLOTS: Command(Rights.INSPECT, Empty, Slots),
    Opcode.LINE_RATE: Command(Rights.INSPECT, RateRequest, Rates),
    Opcode.ECHO: Command(Rights.INSPECT, Echo, Echo),
    Opcode.HOLDING: Command(Rights.INSPECT, HoldingRequest, Held),
    Opcode.SERIAL_SET: Command(Rights.FACTORY, SerialNumber, Empty),
    Opcode.AUTHORISE: Command(Rights.INSPECT, Authorise, Authorised),
    Opcode.PASSWORD: Command(Rights.INSPECT, Empty, PasswordState),
    Opcode.PASSWORD_LOGIN: Command(Rights.INSPECT, PasswordLogin, Authorised),
    Opcode.PASSWORD_SET: Command(Rights.FACTORY, PasswordVerifier, Empty),
    Opcode.BEGIN: Command(Rights.UPDATE, Begin, Begun),
    Opcode.TABLE: Command(Rights.UPDATE, None, Empty),
    Opcode.DATA: Command(Rights.UPDATE, None, Empty),
    Opcode.FINISH: Command(Rights.UPDATE, Empty, Empty),
    Opcode.ABORT: Command(Rights.UPDATE, Empty, Empty),
    Opcode.CONFIRM: Command(Rights.UPDATE, Confirm, Empty),
    Opcode.REVERT: Command(Rights.UPDATE, Empty, Empty),
}
"""TABLE and DATA are ONE_WAY and rush by; their bodies are read with `Chunk`."""


EVENTS: Final[dict[Opcode, type[Record]]] = {
    Opcode.PROGRESS: Progress,
    Opcode.FAILED: Detail,
    Opcode.HELD: Held,
}
"""What a terminal says unasked, and its body."""


class Encoding(enum.IntEnum):
    """How the bytes of a block travel."""

    RAW = 0
    DEFLATE = 1
    """RFC 1951, one stream for each block."""


class Chunk(NamedTuple):
    """Body of TABLE (`at`: offset in the table section) and DATA (`at`: block number): u32 at, u32 encoding, bytes."""

    at: int
    data: bytes
    encoding: Encoding = Encoding.RAW

    def build(self) -> bytes:
        return struct.pack("<II", self.at, self.encoding) + self.data

    @classmethod
    def parse(cls, body: bytes) -> "Chunk":
        """Raises FormatError: too short, or in an encoding of a later version."""
        if len(body) < 8:
            raise FormatError("a chunk is shorter than its header")
        at, encoding = struct.unpack_from("<II", body)
        try:
            return cls(at, body[8:], Encoding(encoding))
        except ValueError:
            raise FormatError("a chunk has an encoding of a later version", name="unsupported_format") from None
