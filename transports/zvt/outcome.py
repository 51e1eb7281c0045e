"""What a terminal says while it works and when it is done: 04 FF, 04 0F, 06 0F, 06 1E (S 3)."""

from typing import Final, NamedTuple

from formats.errors import FormatError
from transports.zvt.files import FilePart
from transports.zvt.heads import Fixed, Perhaps, Values, if_any
from transports.zvt.layout import Bmp, Group, Message, Tag, Tags, group
from transports.zvt.session import Moment
from transports.zvt.values import BYTE, CURRENCY, RAW, TEXT, Codec, bcd, digits

WRONG_CURRENCY: Final = 0x6F
CARD_GROUPS: Final = ("girocard", "JCB", "Mastercard", "Amex", "VISA", "Diners", "others")
_RECEIPTS: Final = 4
_GROUP: Final = 7
TOTALS_SIZE: Final = _RECEIPTS + len(CARD_GROUPS) * _GROUP


class Turnover(NamedTuple):
    """How many payments, and their sum in minor units."""

    payments: int
    amount: int


class Totals(NamedTuple):
    """BMP 60: first and last receipt, then the groups in the order of `CARD_GROUPS`. Counts wrap at 255."""

    first_receipt: int
    last_receipt: int
    groups: tuple[Turnover, ...]

    @property
    def payments(self) -> int:
        """In all groups."""
        return sum(one.payments for one in self.groups)

    @property
    def amount(self) -> int:
        """Of all groups, minor units; that of the message is BMP 04."""
        return sum(one.amount for one in self.groups)


_RECEIPT: Final = bcd(2)
_SUM: Final = bcd(6)


def _read_totals(raw: bytes) -> Totals:
    if len(raw) != TOTALS_SIZE:
        raise FormatError(f"individual totals have {len(raw)} bytes, not {TOTALS_SIZE}")
    groups = [raw[at : at + _GROUP] for at in range(_RECEIPTS, TOTALS_SIZE, _GROUP)]
    turnovers = tuple(Turnover(one[0], _SUM.decode(one[1:])) for one in groups)
    return Totals(_RECEIPT.decode(raw[:2]), _RECEIPT.decode(raw[2:4]), turnovers)


def _write_totals(totals: Totals) -> bytes:
    if len(totals.groups) != len(CARD_GROUPS) or any(not 0 <= one.payments <= 0xFF for one in totals.groups):
        raise FormatError(f"individual totals have {len(CARD_GROUPS)} groups with counts of one byte")
    receipts = _RECEIPT.encode(totals.first_receipt) + _RECEIPT.encode(totals.last_receipt)
    return receipts + b"".join(bytes([one.payments]) + _SUM.encode(one.amount) for one in totals.groups)


TOTALS: Final = Codec(_read_totals, _write_totals)


class Lines(Group):
    """Tag 24: lines of a display."""

    lines: tuple[bytes, ...] = ()
    LAYOUT = (Tags("lines", 0x07, RAW),)


class Receipts(Group):
    """Tag 23: pre-authorisations that are still open."""

    numbers: tuple[str, ...] = ()
    LAYOUT = (Tags("numbers", 0x08, digits(2)),)


class IntermediateStatus(Message):
    """04 FF. The time stands in the specification whenever a container follows, yet not in its own example."""

    state: int
    """`codes.intermediate` has the words."""
    minutes: int | None = None
    """New T4. Seen with 0, which the specification does not explain."""
    display: Lines | None = None
    LAYOUT = (
        Fixed("state", 1, BYTE),
        Perhaps("minutes", 1, bcd(1), if_any),
        Tag("display", 0x24, group(Lines)),
    )


class StatusInformation(Message):
    """04 0F: totals of 06 50 and 06 10, parts of a file in 08 11."""

    result: int | None = None
    amount: int | None = None
    totals: Totals | None = None
    trace: int | None = None
    time: str | None = None
    date: str | None = None
    """MMDD."""
    currency: int | None = None
    terminal_id: str | None = None
    receipt: str | None = None
    text: str | None = None
    moment: Moment | None = None
    files: tuple[FilePart, ...] = ()
    error: bytes | None = None
    error_text: str | None = None
    LAYOUT = (
        Bmp("result", 0x27, BYTE),
        Bmp("amount", 0x04, bcd(6)),
        Bmp("totals", 0x60, TOTALS),
        Bmp("trace", 0x0B, bcd(3)),
        Bmp("time", 0x0C, digits(3)),
        Bmp("date", 0x0D, digits(2)),
        Bmp("currency", 0x49, CURRENCY),
        Bmp("terminal_id", 0x29, digits(4)),
        Bmp("receipt", 0x87, digits(2)),
        Bmp("text", 0x3C, TEXT),
        Tag("moment", 0x2E, group(Moment)),
        Tags("files", 0x2D, group(FilePart)),
        Tag("error", 0x1F16, RAW),
        Tag("error_text", 0x1F17, TEXT),
    )


class Completion(Message):
    """06 0F, unless the command has one of its own. Only 27 other than 0 says that something failed."""

    result: int | None = None
    status: int | None = None
    terminal_id: str | None = None
    currency: int | None = None
    time: str | None = None
    date: str | None = None
    """YYMMDD."""
    error: bytes | None = None
    error_text: str | None = None
    LAYOUT = (
        Bmp("result", 0x27, BYTE),
        Bmp("status", 0x19, BYTE),
        Bmp("terminal_id", 0x29, digits(4)),
        Bmp("currency", 0x49, CURRENCY),
        Bmp("time", 0x0C, digits(3)),
        Bmp("date", 0xAA, digits(3)),
        Tag("error", 0x1F16, RAW),
        Tag("error_text", 0x1F17, TEXT),
    )


def _names_currency(rest: bytes, seen: Values) -> bool:
    return seen["result"] == WRONG_CURRENCY and if_any(rest, seen)


class Aborted(Message):
    """06 1E: the command has failed, or was ended."""

    result: int
    """`codes.result` has the words."""
    currency: int | None = None
    """Only with 6F."""
    receipt: str | None = None
    """An open pre-authorisation; FFFF: none, or all."""
    text: str | None = None
    error: bytes | None = None
    """The maker's own code."""
    error_text: str | None = None
    open_receipts: Receipts | None = None
    LAYOUT = (
        Fixed("result", 1, BYTE),
        Perhaps("currency", 2, CURRENCY, _names_currency),
        Bmp("receipt", 0x87, digits(2)),
        Bmp("text", 0x3C, TEXT),
        Tag("error", 0x1F16, RAW),
        Tag("error_text", 0x1F17, TEXT),
        Tag("open_receipts", 0x23, group(Receipts)),
    )
