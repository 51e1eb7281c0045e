"""Frames and messages in words, for people who look at a trace."""

import dataclasses
import enum
from typing import Any

from formats.errors import FormatError
from formats.record import Record
from formats.versions import Version
from transports.tsp import messages
from transports.tsp.frames import Frame, Kind
from transports.tsp.hello import Hello
from transports.tsp.messages import COMMANDS, EVENTS, Chunk, Message, Opcode, Status
from transports.tsp.streams import Ack

LONGEST = 48
"""Bytes of a field that are shown."""


def frame_text(frame: Frame) -> str:
    """One line: kind, position, and what an acknowledgement or a hello says."""
    name = Kind(frame.kind).name if frame.kind in set(Kind) else f"kind {frame.kind}"
    if frame.kind in (Kind.HELLO, Kind.WELCOME):
        return f"{name} {_record_text(Hello, frame.payload)}"
    if frame.kind not in (Kind.DATA, Kind.ACK, Kind.DATA_ACK):
        return name
    ack, size = "", len(frame.payload)
    if frame.kind != Kind.DATA and (parsed := Ack.parse(frame.payload)):
        ack, size = _ack_text(parsed[0]), len(parsed[1])
    data = f" seq {frame.sequence} bytes {frame.offset}..{frame.offset + size}" if frame.kind != Kind.ACK else ""
    return f"{name}{data}{ack}"


def _ack_text(ack: Ack) -> str:
    gaps = f", and {', '.join(f'{low}..{high}' for low, high in ack.ranges)}" if ack.ranges else ""
    return f" ack seq {ack.sequence}, all before {ack.received}{gaps}, credit to {ack.limit}"


def message_text(message: Message) -> str:
    """One line: command, kind, status, and the fields of the body."""
    try:
        opcode = Opcode(message.opcode)
        kind = messages.Kind(message.kind)
    except ValueError:
        return f"opcode {message.opcode:#04x} kind {message.kind}, {len(message.body)} bytes"
    number = f" {message.request_id}" if kind in (messages.Kind.REQUEST, messages.Kind.RESPONSE) else ""
    return f"{opcode.name} {kind.name.lower()}{number}{_status_text(message.status)} {_body_text(opcode, kind, message)}".rstrip()


def _status_text(status: int) -> str:
    if status == Status.OK:
        return ""
    return f" {Status(status).name}" if status in set(Status) else f" status {status}"


def _body_text(opcode: Opcode, kind: messages.Kind, message: Message) -> str:
    if kind == messages.Kind.ONE_WAY:
        try:
            chunk = Chunk.parse(message.body)
        except FormatError as error:
            return f"({error.message})"
        return f"at {chunk.at}, {len(chunk.data)} bytes {chunk.encoding.name.lower()}"
    if message.status != Status.OK:
        return _record_text(messages.Detail, message.body)
    layout = EVENTS.get(opcode)
    if layout is None and opcode in COMMANDS:
        layout = COMMANDS[opcode].request if kind == messages.Kind.REQUEST else COMMANDS[opcode].response
    return _record_text(layout, message.body) if layout else f"{len(message.body)} bytes"


def _record_text(layout: type[Record], body: bytes) -> str:
    try:
        return _fields(layout.parse(body))
    except FormatError as error:
        return f"({error.message})"


def _fields(record: Record) -> str:
    values = ((field.name, getattr(record, field.name)) for field in dataclasses.fields(record))  # type: ignore[arg-type]
    return " ".join(f"{name}={_value(value)}" for name, value in values)


def _value(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex() if len(value) <= LONGEST else f"{value[:16].hex()}... ({len(value)} bytes)"
    if isinstance(value, enum.IntEnum):
        return value.name.lower()
    if isinstance(value, tuple) and not isinstance(value, Version):
        return f"[{'; '.join(_value(part) for part in value)}]"
    return _fields(value) if isinstance(value, Record) else str(value)
