"""The fields of a binary record, found by walking its construct layout: the declaration that reads a record explains it too.

A record that gets a field, or a format that gets a record, needs no line here. What a layout is made of is walked where it
holds several fields, and read whole where it is one; a sort of layout that this module does not know is one field, with
the right size and the value that construct gives it.
"""

import io
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import construct as c

from formats.annotate.words import Words, plain
from formats.errors import FormatError
from formats.fields import Field
from formats.record import Counted, Nested, Record


class _Leaf(NamedTuple):
    """A field, with its place in the data that is walked."""

    name: str
    start: int
    end: int
    value: Any


_Walk: TypeAlias = Generator[_Leaf, None, Any]
"""Gives the fields of a part of a layout, and returns the part's value: later parts may depend on it."""


def fields_of(
    record: type[Record],
    data: bytes,
    *,
    offset: int,
    prefix: str,
    clause: str = "",
    covered_by: str = "",
    words: Words | None = None,
) -> Iterator[Field]:
    """The fields of one record; arguments and errors as in `fields_in`."""
    return fields_in(record.LAYOUT, data, offset=offset, prefix=prefix, clause=clause, covered_by=covered_by, words=words)


def fields_in(
    layout: Any, data: bytes, *, offset: int, prefix: str, clause: str = "", covered_by: str = "", words: Words | None = None
) -> Iterator[Field]:
    """The fields of one construct `Struct` that fills all of `data`, in ascending order, without gaps.

    Args:
        offset: Where `data` starts in its file.
        prefix: Path of the struct; the names of the fields stand behind it. May be empty.
        clause, covered_by: What all the fields say of themselves.
        words: How the values of some fields are written.

    Raises:
        FormatError: the bytes are damaged, or go on behind the struct; all fields before that have been given.
    """
    stream = io.BytesIO(data)
    for leaf in _walk(layout, prefix, stream, c.Container()):
        write = (words or {}).get(leaf.name.rpartition(".")[2].partition("[")[0], plain)
        yield Field(offset + leaf.start, leaf.end - leaf.start, leaf.name, write(leaf.value), clause, covered_by)
    _check_end(stream, prefix, len(data))


def _walk(part: Any, name: str, stream: io.BytesIO, context: Any) -> _Walk:
    return _WALKS.get(type(part), _leaf)(part, name, stream, context)


def _leaf(part: Any, name: str, stream: io.BytesIO, context: Any) -> _Walk:
    """One field; in two parts if it is bytes or text with their length in front."""
    start, prefixed = stream.tell(), _prefixed_under(part)
    if prefixed is not None:
        length = _read(prefixed.lengthfield, name, stream, context)
        body = stream.tell()
        yield _Leaf(f"{name}.length", start, body, length)
        stream.seek(start)
        start = body
    value = _read(part, name, stream, context)
    yield _Leaf(name, start, stream.tell(), value)
    return value


def _prefixed_under(part: Any) -> Any:
    """The length-prefixed bytes at the bottom of nested adapters, if that is what they adapt."""
    while isinstance(part, c.Subconstruct) and not isinstance(part, c.Prefixed):
        part = part.subcon
    return part if isinstance(part, c.Prefixed) and part.subcon is c.GreedyBytes else None


def _const(part: Any, name: str, stream: io.BytesIO, context: Any) -> _Walk:
    """Fixed bytes: those that mean something are shown as Python would write them."""
    start = stream.tell()
    value = _read(part, name, stream, context)
    readable = isinstance(value, bytes) and any(value)
    yield _Leaf(name, start, stream.tell(), _Verbatim(repr(value)[1:]) if readable else value)
    return value


class _Verbatim:
    """A value that is written as it stands."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def _struct(part: Any, name: str, stream: io.BytesIO, context: Any) -> _Walk:
    values = c.Container(_=context)
    declared = {inner.name for inner in part.subcons}
    for inner in part.subcons:
        # An underscore marks what carries no value (record.py); it stays only where the name without it is taken.
        bare = (inner.name or "unnamed").lstrip("_")
        shown = inner.name if inner.name != bare and bare in declared else bare
        values[inner.name] = yield from _walk(inner, f"{name}.{shown}" if name else shown, stream, values)
    return values


def _counted(part: Counted, name: str, stream: io.BytesIO, context: Any) -> _Walk:
    count = yield from _walk(part.count, f"{name}.count", stream, context)
    if count > part.at_most:
        raise FormatError(f"{name} claims {count} entries, at most {part.at_most} are allowed")
    return (yield from _elements(part.element, count, name, stream, context))


def _array(part: Any, name: str, stream: io.BytesIO, context: Any) -> _Walk:
    return (yield from _elements(part.subcon, part.count(context) if callable(part.count) else part.count, name, stream, context))


def _elements(element: Any, count: int, name: str, stream: io.BytesIO, context: Any) -> _Walk:
    values = []
    for number in range(count):
        values.append((yield from _walk(element, f"{name}[{number}]", stream, context)))
    return values


def _prefixed(part: Any, name: str, stream: io.BytesIO, context: Any) -> _Walk:
    """A length, and a layout that fills that many bytes."""
    if part.subcon is c.GreedyBytes:
        return (yield from _leaf(part, name, stream, context))
    start = stream.tell()
    length = _read(part.lengthfield, name, stream, context)
    base = stream.tell()
    yield _Leaf(f"{name}.length", start, base, length)
    size = length - (base - start if part.includelength else 0)
    inner = io.BytesIO(_read(c.Bytes(size), name, stream, context))
    walk = _walk(part.subcon, name, inner, context)
    try:
        while True:
            leaf = next(walk)
            yield leaf._replace(start=base + leaf.start, end=base + leaf.end)
    except StopIteration as stop:
        _check_end(inner, name, size)
        return stop.value


def _check_end(stream: io.BytesIO, name: str, size: int) -> None:
    if stream.tell() != size:
        raise FormatError(f"{name or 'it'} is followed by {size - stream.tell()} unexpected bytes")


def _read(part: Any, name: str, stream: io.BytesIO, context: Any) -> Any:
    """The value of a part.

    Raises:
        FormatError: whatever is wrong with the bytes.
    """
    try:
        return part._parsereport(stream, context, "")
    except FormatError as error:
        raise FormatError(f"{name}: {error.message}", name=error.name, hint=error.hint) from error
    except c.StreamError as error:
        raise FormatError(f"the bytes end inside {name}") from error
    except (c.ConstructError, RecursionError, OverflowError, ValueError, ArithmeticError, LookupError) as error:
        reason = [line for line in str(error).splitlines() if line and not line.startswith("Error in path")]
        raise FormatError(f"{name} is damaged: {reason[-1] if reason else type(error).__name__}") from error


_WALKS: Final[Mapping[type, Callable[[Any, str, io.BytesIO, Any], _Walk]]] = {
    c.Renamed: lambda part, name, stream, context: _walk(part.subcon, name, stream, context),
    c.Struct: _struct,
    Nested: lambda part, name, stream, context: _walk(part.subcon, name, stream, context),
    Counted: _counted,
    c.Array: _array,
    c.Prefixed: _prefixed,
    c.Const: _const,
}
"""Sort of layout -> how it is walked; what is not here is one field."""
