"""`fwtool image diff`."""

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import click

from formats.elf_symbols import Section, Symbol
from formats.sources import MAX_HOLE
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.decrypt_option import decrypt_option, groups_of
from fwtool.cli.output import size_text
from fwtool.compare import compare
from fwtool.diff_page import page
from fwtool.difference import Change, Difference, ElfDifference, Range, extent
from fwtool.files import write_file
from fwtool.inputs import Limits
from fwtool.key_files import KeyFile

SIGNS = {"added": "+", "removed": "-"}
"""Every other kind of change is a `~`."""
SHOWN = 40
"""Ranges, and symbols, that are listed for people; JSON has all of them."""


@click.command("diff", cls=Verb)
@click.argument("before", type=click.Path(path_type=pathlib.Path))
@click.argument("after", type=click.Path(path_type=pathlib.Path))
@click.option("--html", type=click.Path(path_type=pathlib.Path), metavar="FILE", help="Write a page with a memory map.")
@click.option("--max-hole", default=MAX_HOLE, show_default=True, type=click.IntRange(0), help="Largest hole in an image.")
@decrypt_option
@pass_app
def command(
    app: App, before: pathlib.Path, after: pathlib.Path, html: pathlib.Path | None, max_hole: int,
    decrypt_key: tuple[KeyFile, ...],
) -> Outcome:  # fmt: skip
    """Say what differs between two packages, or two images of any format: fields, components, address ranges.

    Of two ELF files, sections, functions and data are compared too.
    """
    del app
    found = compare(before, after, Limits(max_hole=max_hole), groups_of(decrypt_key))
    data = {
        "same": found.same,
        "only_signatures": found.only_signatures,
        "changes": _records(found.changes),
        "signatures": _records(found.signatures),
        "ranges": _records(found.ranges),
        "grain": found.grain,
        "elf": _elf(found.elf) if found.elf else None,
        "page": str(html) if html else None,
    }
    lines = list(lines_of(found))
    if html:
        write_file(html, page(before.name, after.name, found).encode())
        lines.append(f"page written: {html}")
    return Outcome(data, lines, changed=html is not None)


def _records(found: Iterable[Any]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(record) for record in found]


def _elf(found: ElfDifference) -> dict[str, Any]:
    before, after = _records(found.totals)
    return {
        "totals": {"before": before, "after": after},
        "sections": _records(found.sections),
        "symbols": _records(found.symbols),
        "symbols_not_listed": found.symbols_not_listed,
    }


def lines_of(found: Difference) -> Iterator[str]:
    """A difference for people."""
    if found.same:
        yield "no difference"
        return
    yield from (_change(change) for change in (*found.changes, *found.signatures))
    if found.elf:
        yield from _elf_lines(found.elf)
    yield from _range_lines(found)
    if found.only_signatures:
        yield "these differ only in signatures"
    if found.only_names:
        yield "every byte that is loaded is the same"


def _change(change: Change) -> str:
    values = [value for value in (change.before, change.after) if value is not None and value is not True]
    return f"{SIGNS.get(change.kind, '~')} {change.what:<24} {' -> '.join(map(str, values))}".rstrip()


def _elf_lines(found: ElfDifference) -> Iterator[str]:
    before, after = _records(found.totals)
    for name, size in before.items():
        if after[name] != size:
            yield _sized("~", f"total {name}", size, after[name])
    yield from (_thing(change) for change in found.sections)
    symbols = [change for change in found.symbols if change.kind != "moved"]
    yield from (_thing(change) for change in symbols[:SHOWN])
    left = len(symbols[SHOWN:]) + found.symbols_not_listed
    if left:
        yield f"  and {left} more symbols (--json lists them)"
    moved = len(found.symbols) - len(symbols)
    if moved:
        yield f"  {moved} symbols have only moved, and the addresses in them with what they point at (--json lists them)"


def _thing(change: Change) -> str:
    """A section or symbol: `before` and `after` are its records."""
    things: list[Section | Symbol] = [thing for thing in (change.before, change.after) if thing is not None]
    sizes = [extent(thing) for thing in things]
    note = "  content" if change.kind == "changed" else ""
    if change.kind == "moved":
        note = "  " + " -> ".join(f"0x{thing.address:08x}" for thing in things)
    return _sized(SIGNS.get(change.kind, "~"), change.what, sizes[0], sizes[-1]) + note


def _sized(sign: str, what: str, before: int, after: int) -> str:
    grown = f"{before} -> {after} B  ({after - before:+d})" if before != after else f"{after} B"
    return f"{sign} {what:<32} {grown}"


def _range_lines(found: Difference) -> Iterator[str]:
    yield from (_range(piece) for piece in found.ranges[:SHOWN])
    if len(found.ranges) > SHOWN:
        yield f"  and {len(found.ranges) - SHOWN} more ranges (--json has all of them)"
    if found.ranges:
        total = sum(piece.end - piece.start for piece in found.ranges)
        joined = f", joined where less than {found.grain} bytes apart" if found.grain > 1 else ""
        count = f"{len(found.ranges)} range{'s' if len(found.ranges) > 1 else ''}"
        yield f"{size_text(total)} in {count} differ{joined}"


def _range(piece: Range) -> str:
    size = size_text(piece.end - piece.start)
    return f"{SIGNS.get(piece.kind, '~')} {piece.component:<24} 0x{piece.start:08x}..0x{piece.end:08x}  {size}"
