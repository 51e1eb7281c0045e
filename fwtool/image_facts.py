"""What an image file of any format says of itself, as JSON has it."""

import pathlib
from typing import Any

from formats import registry
from formats.fwp import header
from formats.fwp.package import seal
from formats.sources import Flat
from fwtool import mcuboot
from fwtool.files import open_input
from fwtool.inputs import MAX_SIZE, InputSpec, Limits, read_input
from fwtool.package_facts import describe_package
from fwtool.packages import seal_file


def describe(path: pathlib.Path, limits: Limits) -> dict[str, Any]:
    """What is in it.

    Raises:
        LocalError: not readable.
        FormatError: damaged.
    """
    with open_input(path) as file:
        start = file.read(len(header.MAGIC))
    if start == header.MAGIC:
        with seal_file(path).file as file:
            return describe_package(seal(file).open())
    with open_input(path) as file:
        if registry.detect(file).name == "mcuboot":
            return mcuboot.describe(file)
    source, kind = read_input(InputSpec("application", path, None), limits._replace(max_hole=MAX_SIZE))
    assert isinstance(source, Flat)
    return {
        "format": kind,
        "version": None,
        "digest": None,
        "signatures": [],
        "entry": source.image.entry,
        "components": [
            {"name": f"piece {number}", "address": piece.address if source.image.placed else None, "size": piece.size}
            for number, piece in enumerate(source.image.pieces)
        ],
    }
