"""Targets: ZVT, from bytes on a line to messages in words."""

from collections.abc import Iterable
from typing import Final

from formats.errors import FormatError
from tests.fuzz.target import Target, harmless, pieces
from transports.zvt import bitmaps, commands, frames, tlv
from transports.zvt.apdu import Apdu
from transports.zvt.commands import COMMANDS
from transports.zvt.describe import Teller
from transports.zvt.frames import DLE, Decoder, Frame, Item, Splitter, encode
from transports.zvt.heads import Remainder
from transports.zvt.layout import Message
from transports.zvt.printing import PrintLine, PrintTextBlock

MAX_SIZE: Final = 1024
BODIES: Final[tuple[type[Message], ...]] = tuple(
    dict.fromkeys(record for row in COMMANDS.values() for record in (row.request, row.completion, row.answer))
)
"""Every record that the data of an APDU can be."""


def find_frames(data: bytes) -> None:
    """In whatever pieces it comes: the same frames, as they stand in the data; what was skipped is counted the same way."""
    once, found = _decoded([data])
    slowly, again = _decoded(pieces(data))
    assert found == again
    assert (once.skipped, once.in_frame, once.waiting) == (slowly.skipped, slowly.in_frame, slowly.waiting)
    assert once.give_up() == slowly.give_up()
    assert not once.waiting
    assert all(encode(item.payload) in data for item in found if isinstance(item, Frame))


def _decoded(chunks: Iterable[bytes]) -> tuple[Decoder, list[Item]]:
    decoder = Decoder(MAX_SIZE)
    return decoder, [item for chunk in chunks for item in decoder.feed(chunk)]


def mend_frames(data: bytes) -> bytes:
    """What stands between `10 02` and `10 03` becomes a good frame."""
    out = b""
    start, end = bytes([DLE, frames.STX]), bytes([DLE, frames.ETX])
    for part in data.split(start)[1:]:
        payload, _, rest = part.partition(end)
        out += encode(payload.replace(bytes([DLE, DLE]), bytes([DLE]))) + rest[2:]
    return out


def split_stream(data: bytes) -> None:
    """In whatever pieces it comes: the same APDUs; joined, they are the data."""
    once, slowly, found = Splitter(MAX_SIZE), Splitter(MAX_SIZE), []
    for chunk in pieces(data):
        found += slowly.feed(chunk)
    assert b"".join(found) == data[: sum(map(len, found))]
    assert once.feed(data) == found
    assert once.waiting == slowly.waiting == (sum(map(len, found)) < len(data))
    for whole in found:
        Apdu.parse(whole)


def read_apdu(data: bytes) -> None:
    """An APDU is the same after it was written; the short form of a length stays short."""
    apdu = Apdu.parse(data)
    assert Apdu.parse(apdu.build()) == apdu
    assert apdu.build() == data or data[2] == 0xFF
    assert apdu.refusal is None or not apdu.positive


def read_tlv(data: bytes) -> None:
    """Objects are the same after they were written, unless no text can say them otherwise than they came."""
    items = tlv.parse(data)
    assert [(tag, data[start:end]) for tag, start, end in tlv.locate(data)] == list(items)
    try:
        built = tlv.build(items)
    except FormatError:
        assert any(item.tag in tlv.TWO_BYTES for item in items)
    else:
        assert tlv.parse(built) == items
        assert len(built) <= len(data)
    assert sum(1 for _ in tlv.walk(data)) <= len(data)


def read_bitmaps(data: bytes) -> None:
    """Fields are the same after they were written, with lengths no longer than they were."""
    fields = bitmaps.parse(data)
    built = bitmaps.build(fields)
    assert bitmaps.parse(built) == fields
    assert len(built) <= len(data)
    assert built == data or any(field.number == bitmaps.CONTAINER for field in fields)


def read_command(data: bytes) -> None:
    """A command that is known can be read, and is the same after it was written."""
    apdu = Apdu.parse(data)
    commands.rights_of(apdu)
    _check(commands.read_request(apdu))


def read_body(data: bytes) -> None:
    """The first byte chooses what the data of an APDU are: requests, completions, answers."""
    if not data:
        raise FormatError("nothing")
    _check(BODIES[data[0] % len(BODIES)].parse(data[1:]))


def _check(record: Message) -> None:
    """What was read can be looked at, and, where it can be written, is read again as the same."""
    if isinstance(record, PrintLine):
        assert len(record.line.text) <= len(record.text)
    if isinstance(record, PrintTextBlock):
        assert len(record.lines) <= 2 * len(record.content) + 1
    try:
        built = record.build()
    except FormatError:
        return  # characters that no byte stands for, numbers that were read from too many bytes
    again = type(record).parse(built)
    # Text without a length ends where a container begins: two of them behind each other are told apart by nobody.
    assert again == record or any(isinstance(head, Remainder) for head in record.heads())


def tell(data: bytes) -> None:
    """A conversation: one line of text for each message, and messages of the same size without secrets."""
    teller = Teller()
    for whole in Splitter(MAX_SIZE).feed(data):
        apdu = Apdu.parse(whole)
        told = teller.tell(apdu)
        assert harmless(told.text)
        assert (told.apdu.opcode, len(told.apdu.data)) == (apdu.opcode, len(apdu.data))


TARGETS: Final = {
    "zvt-frames": Target(find_frames, (), mend_frames),
    "zvt-tcp": Target(split_stream),
    "zvt-apdu": Target(read_apdu, max_len=600),
    "zvt-tlv": Target(read_tlv, max_len=600),
    "zvt-bitmaps": Target(read_bitmaps, max_len=600),
    "zvt-commands": Target(read_command, max_len=600),
    "zvt-records": Target(read_body, max_len=600),
    "zvt-describe": Target(tell),
}
