"""A Wireshark dissector for TSP, written from the layouts that the tool itself reads and writes with.

`lua()` gives a script for `tshark -X lua_script:FILE`, or for Wireshark's folder of personal Lua plugins. It reads
captures of link type USER0 with one frame to a packet, as `transports.tsp.pcapng` writes them.

The middle of the script is made here: one Lua table for each layout, one line for each field, found by walking the
construct declarations; a new record or command is in it without a change to this file. Around it stand two texts that
know no record: how a field of each sort is shown, and how messages are found in the two streams (docs/protocol/tsp.md
section 4). The API is that of Wireshark's developer's guide, chapter "Wireshark's Lua API Reference Manual"; nothing in
it is newer than Wireshark 3.

Wireshark has a protocol `tsp` of its own (the Time Synchronization Protocol of BSD), so this one is called `tsp1`.
"""

import enum
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import construct as c

from formats.fwp.manifest import VersionField
from formats.record import Choice, Counted, Nested, Record, Text
from transports.tsp import frames, messages
from transports.tsp.dissector_lua import SHOWING, STREAMS
from transports.tsp.hello import Hello
from transports.tsp.messages import COMMANDS, Opcode
from transports.tsp.streams import Ack

NAME: Final = "tsp1"
"""What Wireshark calls the protocol; all its fields begin with it."""

FRAME: Final = c.Struct(
    "sync" / c.Const(frames.SYNC),
    "kind" / Choice(c.Int8ul, frames.Kind),
    "header_check" / c.Int8ul,
    "size" / c.Int16ul,
    "sequence" / c.Int16ul,
    "offset" / c.Int32ul,
)
"""Header of a frame; the tool itself reads it with `struct`, for speed (as the next three)."""
ACK: Final = c.Struct("sequence" / c.Int16ul, "received" / c.Int32ul, "limit" / c.Int32ul, "flags" / c.Int8ul)
"""An acknowledgement without its ranges."""
MESSAGE: Final = c.Struct(
    "opcode" / Choice(c.Int8ul, Opcode),
    "kind" / Choice(c.Int8ul, messages.Kind),
    "request_id" / c.Int16ul,
    "status" / Choice(c.Int16ul, messages.Status),
    "authentication_size" / c.Int16ul,
    "body_size" / c.Int32ul,
)
"""Header of a message."""
CHUNK: Final = c.Struct("at" / c.Int32ul, "encoding" / Choice(c.Int32ul, messages.Encoding), "data" / c.GreedyBytes)
"""Body of TABLE and DATA."""
CHUNK_HEAD: Final = 8
"""Bytes of it before the data: all that is collected from several frames."""

_NUMBERS: Final = {
    "<B": ("uint8", 1), "<H": ("uint16", 2), "<L": ("uint32", 4), "<Q": ("uint64", 8),
    "<b": ("int8", 1), "<h": ("int16", 2), "<l": ("int32", 4), "<q": ("int64", 8),
}  # fmt: skip
"""Format of a construct number -> Wireshark's name for its type, size in bytes."""


class Layouts:
    """Lua declarations of layouts, each once, inner ones before those that hold them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: dict[str, Any] = {}

    def record(self, record: type[Record]) -> str:
        """Declare a record; get the Lua name of its layout."""
        return self.struct(re.sub(r"(?<!^)(?=[A-Z])", "_", record.__name__).lower(), record.LAYOUT)

    def struct(self, name: str, layout: Any) -> str:
        """Declare a struct under a name.

        Raises:
            TypeError: part of it is of a sort that this module does not know, or the name is taken.
        """
        if name not in self._known:
            self._known[name] = layout
            parts = [f"  {self.part(part, name + '.' + part.name.strip('_'))}," for part in layout.subcons]
            self.lines += [f"layouts.{name} = {{", *parts, "}"]
        elif self._known[name] is not layout:
            raise TypeError(f"two layouts are called {name}")
        return f"layouts.{name}"

    def part(self, part: Any, field: str) -> str:
        """The Lua expression that reads one part of a layout, as the field of this name."""
        bare = part.subcon if isinstance(part, c.Renamed) else part
        walk = _WALKS.get(type(bare))
        if walk is None:
            raise TypeError(f"{field}: there is no dissector for {type(bare).__name__}")
        return walk(self, bare, field)


def _number(layouts: Layouts, part: Any, field: str) -> str:
    del layouts
    kind, size = _numeric(part, field)
    return f'number("{field}", "{kind}", {size})'


def _choice(layouts: Layouts, part: Any, field: str) -> str:
    del layouts
    kind, size = _numeric(part.subcon, field)
    return f'number("{field}", "{kind}", {size}, {_names(part.members)})'


def _bytes(layouts: Layouts, part: Any, field: str) -> str:
    del layouts
    if not isinstance(part.length, int):
        raise TypeError(f"{field}: its size is computed")
    return f'bytes("{field}", {part.length})'


def _prefixed(layouts: Layouts, part: Any, field: str) -> str:
    del layouts
    if part.subcon is not c.GreedyBytes or part.includelength:
        raise TypeError(f"{field}: only plain bytes may stand behind their size")
    return f'prefixed("{field}", {_numeric(part.lengthfield, field)[1]})'


def _text(layouts: Layouts, part: Any, field: str) -> str:
    del layouts
    return f'text("{field}", {_numeric(part.subcon.subcon.lengthfield, field)[1]})'


def _counted(layouts: Layouts, part: Any, field: str) -> str:
    kind, size = _numeric(part.count, field)
    return f'counted("{field}_count", "{kind}", {size}, {layouts.part(part.element, field)})'


_WALKS: Final[Mapping[type, Callable[[Layouts, Any, str], str]]] = {
    c.FormatField: _number,
    type(c.Flag): lambda layouts, part, field: f'flag("{field}")',
    c.Bytes: _bytes,
    type(c.GreedyBytes): lambda layouts, part, field: f'rest("{field}")',
    c.Prefixed: _prefixed,
    c.Const: lambda layouts, part, field: layouts.part(part.subcon, field),
    Choice: _choice,
    Text: _text,
    Counted: _counted,
    Nested: lambda layouts, part, field: f'nested("{field}", {layouts.record(part.record)})',
    VersionField: lambda layouts, part, field: f'version("{field}")',
}
"""Sort of layout -> how its Lua expression is made."""


def _numeric(part: Any, field: str) -> tuple[str, int]:
    """Wireshark's type and the size of a number."""
    known = _NUMBERS.get(getattr(part, "fmtstr", ""))
    if known is None:
        raise TypeError(f"{field}: {part} is no little endian number")
    return known


def _names(members: type[enum.IntEnum]) -> str:
    """A Lua table from number to name."""
    return "{ " + ", ".join(f'[{member.value}] = "{member.name}"' for member in members) + " }"


def lua() -> str:
    """The dissector as a Lua script.

    Raises:
        TypeError: a record has a layout of a sort that this module does not know.
    """
    layouts = Layouts()
    for name, layout in (("frame", FRAME), ("ack", ACK), ("message", MESSAGE), ("chunk", CHUNK)):
        layouts.struct(name, layout)
    for record in (Hello, messages.Detail):
        layouts.record(record)
    bodies = _bodies(layouts)
    made = [*_constants(), "", *layouts.lines, "", "local bodies = {", *bodies, "}"]
    return "\n".join((_TITLE + SHOWING, *made, STREAMS))


def _constants() -> list[str]:
    """Numbers and kinds that the last part of the script needs."""
    later, more = (Ack(0, 0, 0, later=later, more=not later).build()[-1] for later in (True, False))
    values = {
        "FRAME_HEADER": frames.HEADER_SIZE,
        "FRAME_OVERHEAD": frames.OVERHEAD,
        "MESSAGE_HEADER": messages.HEADER_SIZE,
        "CHUNK_HEAD": CHUNK_HEAD,
        "MAX_BODY": messages.MAX_BODY,
        "MAX_AUTHENTICATION": messages.MAX_AUTHENTICATION,
        "ACK_LATER": later,
        "ACK_MORE": more,
        "RESPONSE": int(messages.Kind.RESPONSE),
        "ONE_WAY": int(messages.Kind.ONE_WAY),
        **{kind.name: int(kind) for kind in frames.Kind},
    }
    return [f"local {name} = {value}" for name, value in values.items()]


def _bodies(layouts: Layouts) -> list[str]:
    """For each opcode a Lua table from kind of message to the layout of its body, where status is 0."""
    kind = messages.Kind
    found: dict[Opcode, dict[messages.Kind, str]] = {}
    for opcode, command in COMMANDS.items():
        asked = {kind.REQUEST: layouts.record(command.request)} if command.request else {kind.ONE_WAY: "layouts.chunk"}
        found[opcode] = {**asked, kind.RESPONSE: layouts.record(command.response)}
    for opcode, event in messages.EVENTS.items():
        found[opcode] = {kind.EVENT: layouts.record(event)}
    return [
        f"  [{opcode.value}] = {{ {', '.join(f'[{number.value}] = {name}' for number, name in rows.items())} }},"
        for opcode, rows in found.items()
    ]


_TITLE: Final = f"""\
-- Wireshark dissector for TSP/1, docs/protocol/tsp.md. Written by transports.tsp.dissector: do not edit.

local NAME = "{NAME}"
"""
