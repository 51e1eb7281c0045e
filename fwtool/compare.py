"""What differs between two images or packages, in words of the field: versions, counters, components, address ranges."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import BinaryIO

from formats.fwp import header as fwp
from formats.fwp.package import seal
from formats.fwp.wrapping import GroupKey
from formats.mcuboot import header as mcuboot
from fwtool.compare_elf import compare_elf
from fwtool.compare_mcuboot import compare_mcuboot
from fwtool.compare_packages import compare_packages
from fwtool.compare_ranges import bounded, ranges
from fwtool.difference import Difference, ElfDifference, entries
from fwtool.documents import compare_sboms
from fwtool.files import open_input
from fwtool.inputs import Limits
from fwtool.sides import Side, image_side, package_side


def compare(first: pathlib.Path, second: pathlib.Path, limits: Limits, groups: Sequence[GroupKey] = ()) -> Difference:
    """Compare two files of any format we read.

    Packages are compared with packages, and MCUboot images with their like, by what they say of themselves; everything else
    by its bytes at their addresses, where a file that has no addresses is taken to begin where the other one does. Of two
    ELF files sections and symbols are compared too.

    Args:
        groups: Keys to look into encrypted packages with.

    Raises:
        FormatError: one of them is damaged, or has no addresses where it needs them.
    """
    with open_input(first) as one, open_input(second) as other:
        kinds = [_kind(file) for file in (one, other)]
        if kinds == ["package", "package"]:
            found = compare_packages(*(seal(file).open().unlocked(groups) for file in (one, other)))
            return dataclasses.replace(found, changes=(*found.changes, *compare_sboms(first, second)))
        if kinds == ["mcuboot", "mcuboot"]:
            return compare_mcuboot(one, other)
        sides = [
            package_side(seal(file).open().unlocked(groups), file.name)
            if kind == "package"
            else image_side(file, limits, file.name)
            for file, kind in zip((one, other), kinds, strict=True)
        ]
        elf = compare_elf(one, other) if sides[0].format == sides[1].format == "elf" else None
        return _images(sides[0].beside(sides[1]), sides[1].beside(sides[0]), elf)


def _kind(file: BinaryIO) -> str:
    """What a file says of itself in its first bytes; empty for a plain image."""
    file.seek(0)
    start = file.read(mcuboot.SIZE)
    return "package" if start.startswith(fwp.MAGIC) else "mcuboot" if mcuboot.recognise(start) else ""


def _images(before: Side, after: Side, elf: ElfDifference | None) -> Difference:
    starts = [{} if side.image.entry is None else {"point": f"0x{side.image.entry:08x}"} for side in (before, after)]
    found, grain = bounded(ranges("image", before.image, after.image))
    return Difference(tuple(entries("entry", *starts)), found, grain=grain, elf=elf, maps=(before.bars, after.bars))
