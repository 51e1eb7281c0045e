"""What differs between two images or packages, in words of the field: versions, counters, components, address ranges."""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

from formats.fwp import header
from formats.fwp.manifest import NO_ADDRESS, Component
from formats.fwp.package import Package, seal
from formats.sources import Flat, Image, Piece
from fwtool.files import open_input
from fwtool.images import InputSpec, Limits, describe_package, read_input
from fwtool.packages import seal_file

UNIT = 16
"""Bytes that are compared as one: ranges begin and end at multiples of it."""
STEP = 1 << 16
FIELDS = ("package_id", "vendor", "version", "hardware", "minimum_version", "security_counter", "build_id", "build_time",
          "block_size")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Change:
    """One difference. `kind` is changed, added or removed; what was not there is None."""

    what: str
    kind: str
    before: Any = None
    after: Any = None


@dataclasses.dataclass(frozen=True)
class Range:
    """Bytes of one component (or of the image) that differ."""

    component: str
    kind: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Difference:
    """All of it."""

    changes: tuple[Change, ...]
    ranges: tuple[Range, ...]
    signatures: tuple[Change, ...] = ()

    @property
    def same(self) -> bool:
        return not (self.changes or self.ranges or self.signatures)

    @property
    def only_signatures(self) -> bool:
        return bool(self.signatures) and not (self.changes or self.ranges)


def compare(first: pathlib.Path, second: pathlib.Path, limits: Limits) -> Difference:
    """Compare two files of any format we read. Packages are compared with packages, everything else by its bytes.

    Raises:
        FormatError: one of them is damaged.
    """
    packages = [_is_package(path) for path in (first, second)]
    if all(packages):
        with seal_file(first).file as one, seal_file(second).file as other:
            return _packages(seal(one).open(), seal(other).open())
    images = [_image(path, limits, is_package=found) for path, found in zip((first, second), packages, strict=True)]
    entries = [{} if image.entry is None else {"point": f"0x{image.entry:08x}"} for image in images]
    return Difference(tuple(_entries("entry", *entries)), tuple(ranges("image", *images)))


def _is_package(path: pathlib.Path) -> bool:
    with open_input(path) as file:
        return file.read(len(header.MAGIC)) == header.MAGIC


def _image(path: pathlib.Path, limits: Limits, *, is_package: bool) -> Image:
    if not is_package:
        source, _ = read_input(InputSpec("image", path, None), limits)
        assert isinstance(source, Flat)
        return source.image
    package = seal(open_input(path)).open()
    package.check_all()
    pieces = [_piece(package, component) for component in package.manifest.components]
    return Image(tuple(sorted(pieces, key=lambda piece: piece.address)))


def _piece(package: Package, component: Component) -> Piece:
    address = 0 if component.address == NO_ADDRESS else component.address
    return Piece(address, component.installed_size, file=package.sealed.file, offset=package.payload_of(component))


def _packages(first: Package, second: Package) -> Difference:
    for package in (first, second):
        package.check_all()
    one, other = describe_package(first), describe_package(second)
    changes = [Change(field, "changed", one[field], other[field]) for field in FIELDS if one[field] != other[field]]
    changes += _entries("notes", one["notes"], other["notes"])
    found: list[Range] = []
    components = [{component.name: component for component in p.manifest.components} for p in (first, second)]
    for name in dict.fromkeys([*components[0], *components[1]]):
        before, after = components[0].get(name), components[1].get(name)
        if before is None or after is None:
            kind = "added" if before is None else "removed"
            changes.append(Change(f"component {name}", kind, before and before.installed_size, after and after.installed_size))
            continue
        for field in ("type_name", "version", "address", "installed_size"):
            old, new = str(getattr(before, field)), str(getattr(after, field))
            if old != new:
                changes.append(Change(f"{name} {field}", "changed", old, new))
        if before.digest != after.digest:
            found += ranges(name, Image((_piece(first, before),)), Image((_piece(second, after),)))
    signatures = _entries("signature", dict.fromkeys(one["signatures"], True), dict.fromkeys(other["signatures"], True))
    if not (signatures or changes or found) and first.sealed.signatures != second.sealed.signatures:
        signatures = [Change("signature", "changed")]
    return Difference(tuple(changes), tuple(found), tuple(signatures))


def _entries(what: str, before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    found = []
    for key in dict.fromkeys([*before, *after]):
        if key not in after:
            found.append(Change(f"{what} {key}", "removed", before[key]))
        elif key not in before:
            found.append(Change(f"{what} {key}", "added", None, after[key]))
        elif before[key] != after[key]:
            found.append(Change(f"{what} {key}", "changed", before[key], after[key]))
    return found


def ranges(component: str, first: Image, second: Image) -> Iterator[Range]:
    """Address ranges that only one of them has, or whose bytes differ; neighbours of one kind are joined."""
    current: Range | None = None
    for start, end in _spans(first, second):
        one, other = _bytes(first, start, end), _bytes(second, start, end)
        for low, high, kind in _differences(start, end, one, other):
            if current and (current.end, current.kind) == (low, kind):
                current = dataclasses.replace(current, end=high)
                continue
            if current:
                yield current
            current = Range(component, kind, low, high)
    if current:
        yield current


def _spans(first: Image, second: Image) -> Iterator[tuple[int, int]]:
    """Spans of at most `STEP` bytes, each wholly inside or outside of any piece of either image."""
    borders = sorted({edge for image in (first, second) for p in image.pieces for edge in (p.address, p.address + p.size)})
    for low, high in zip(borders, borders[1:], strict=False):
        for start in range(low, high, STEP):
            yield start, min(start + STEP, high)


def _bytes(image: Image, start: int, end: int) -> bytes | None:
    for piece in image.pieces:
        if piece.address <= start and end <= piece.address + piece.size:
            return piece.read(start - piece.address, end - start)
    return None


def _differences(start: int, end: int, one: bytes | None, other: bytes | None) -> Iterator[tuple[int, int, str]]:
    if one == other:
        return
    if one is None or other is None:
        yield start, end, "added" if one is None else "removed"
        return
    for low in range(start - start % UNIT, end, UNIT):
        first, last = max(low, start), min(low + UNIT, end)
        if one[first - start : last - start] != other[first - start : last - start]:
            yield first, last, "changed"
