"""`fwtool image diff`."""

import dataclasses
import pathlib
from typing import Any

import click

from formats.sources import MAX_HOLE
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.output import size_text
from fwtool.compare import Change, Difference, Range, compare
from fwtool.images import Limits

SIGNS = {"changed": "~", "added": "+", "removed": "-"}
SHOWN = 40
"""Ranges that are listed for people; JSON has all of them."""


@click.command("diff", cls=Verb)
@click.argument("before", type=click.Path(path_type=pathlib.Path))
@click.argument("after", type=click.Path(path_type=pathlib.Path))
@click.option("--max-hole", default=MAX_HOLE, show_default=True, type=click.IntRange(0), help="Largest hole in an image.")
@pass_app
def command(app: App, before: pathlib.Path, after: pathlib.Path, max_hole: int) -> Outcome:
    """Say what differs between two packages, or two images of any format: fields, components, address ranges."""
    del app
    found = compare(before, after, Limits(max_hole=max_hole))
    data = {
        "same": found.same,
        "only_signatures": found.only_signatures,
        "changes": [dataclasses.asdict(change) for change in found.changes],
        "signatures": [dataclasses.asdict(change) for change in found.signatures],
        "ranges": [dataclasses.asdict(piece) for piece in found.ranges],
    }
    return Outcome(data, _lines(found))


def _lines(found: Difference) -> list[str]:
    if found.same:
        return ["no difference"]
    lines = [_change(change) for change in (*found.changes, *found.signatures)]
    lines += [_range(piece) for piece in found.ranges[:SHOWN]]
    if len(found.ranges) > SHOWN:
        lines.append(f"  and {len(found.ranges) - SHOWN} more ranges (--json has all of them)")
    if found.ranges:
        total = sum(piece.end - piece.start for piece in found.ranges)
        lines.append(f"{size_text(total)} in {len(found.ranges)} ranges differ")
    if found.only_signatures:
        lines.append("these differ only in signatures")
    return lines


def _change(change: Change) -> str:
    values: list[Any] = [value for value in (change.before, change.after) if value is not None and value is not True]
    return f"{SIGNS[change.kind]} {change.what:<24} {' -> '.join(map(str, values))}".rstrip()


def _range(piece: Range) -> str:
    size = size_text(piece.end - piece.start)
    return f"{SIGNS[piece.kind]} {piece.component:<24} 0x{piece.start:08x}..0x{piece.end:08x}  {size}"
