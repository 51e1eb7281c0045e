"""What differs between two packages: what their manifests say, the bytes of their components, and who signed them."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from formats.fwp.manifest import Component
from formats.fwp.package import Package
from formats.sources import Image
from fwtool.compare_ranges import bounded, ranges
from fwtool.difference import Bar, Change, Difference, Range, entries
from fwtool.package_facts import describe_package
from fwtool.sides import can_be_seen, component_bars, component_piece

APART: Final = ("format", "digest", "components", "signatures", "notes")
"""What is said of a package that is compared in its own way, or follows from the rest."""


def compare_packages(first: Package, second: Package) -> Difference:
    """Compare two packages whose manifests have been read.

    Raises:
        FormatError: one of them is damaged.
    """
    for package in (first, second):
        package.check_all()
    one, other = describe_package(first), describe_package(second)
    changes = list(_fields("", one, other, APART))
    changes += entries("notes", one["notes"], other["notes"])
    changes += _order(*([found["name"] for found in facts["components"]] for facts in (one, other)))
    changes += _component_changes(*({found["name"]: found for found in facts["components"]} for facts in (one, other)))
    changes += _content_changes(first, second)
    found, grain = bounded(_ranges(first, second))
    signatures = entries("signature", dict.fromkeys(one["signatures"], True), dict.fromkeys(other["signatures"], True))
    if not (signatures or changes or found) and first.sealed.signatures != second.sealed.signatures:
        signatures = [Change("signature", "changed")]
    return Difference(tuple(changes), found, tuple(signatures), grain, maps=(component_bars(first), component_bars(second)))


def _fields(prefix: str, before: dict[str, Any], after: dict[str, Any], apart: Iterable[str]) -> Iterator[Change]:
    for field in dict.fromkeys([*before, *after]):
        one, other = (_plain(field, facts.get(field)) for facts in (before, after))
        if field not in apart and one != other:
            yield Change(f"{prefix}{field}", "changed", one, other)


def _plain(field: str, value: Any) -> Any:
    if field == "address":
        return "none" if value is None else f"0x{value:08x}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _order(before: list[str], after: list[str]) -> Iterator[Change]:
    """Components are installed in the order in which they stand."""
    if set(before) == set(after) and before != after:
        yield Change("order of components", "changed", ", ".join(before), ", ".join(after))


def _component_changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            kind = "added" if one is None else "removed"
            yield Change(f"component {name}", kind, one and one["size"], other and other["size"])
        else:
            yield from _fields(f"{name} ", one, other, ("name", "digest", "stored_size"))


def _common(first: Package, second: Package) -> Iterator[tuple[Component, Component]]:
    """Components of one name whose bytes may differ."""
    others = {component.name: component for component in second.manifest.components}
    for before in first.manifest.components:
        after = others.get(before.name)
        if after is not None and (after.digest, after.address) != (before.digest, before.address):
            yield before, after


def _ranges(first: Package, second: Package) -> Iterator[Range]:
    yield from (Range(bar.name, "removed", bar.start, bar.end) for bar in _only(first, second))
    yield from (Range(bar.name, "added", bar.start, bar.end) for bar in _only(second, first))
    for before, after in _common(first, second):
        if before in first.manifest.installed and can_be_seen(first, before) and can_be_seen(second, after):
            yield from ranges(before.name, _image(first, before), _image(second, after))


def _only(package: Package, other: Package) -> Iterator[Bar]:
    names = {component.name for component in other.manifest.components}
    return (bar for bar in component_bars(package) if bar.name not in names)


def _image(package: Package, component: Component) -> Image:
    return Image((component_piece(package, component),))


def _content_changes(first: Package, second: Package) -> Iterator[Change]:
    """Of documents, which have no addresses, and of what nobody can look into, only that the content is another."""
    for before, after in _common(first, second):
        if not (can_be_seen(first, before) and can_be_seen(second, after)):
            yield Change(f"{before.name} encrypted content", "changed")
        elif before not in first.manifest.installed and before.digest != after.digest:
            yield Change(f"{before.name} content", "changed")
