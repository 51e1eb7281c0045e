"""Image files as inputs: what an INPUT argument means, and the bytes it stands for."""

import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from formats import raw, registry, update_set
from formats.errors import FormatError, ToolError
from formats.fwp.manifest import MAKER_RANGE, ComponentType
from formats.sources import MAX_HOLE, Flat, Image, Source, check_holes
from fwtool.files import open_input

_INPUT = re.compile(r"(?:([A-Za-z0-9_.-]{1,64})=)?(.+?)(?:@(0[xX][0-9A-Fa-f]+|[0-9]+))?")
MAX_SIZE = 1 << 40


class InputSpec(NamedTuple):
    """`[NAME=]FILE[@ADDRESS]` taken apart. The name is a component type, or a free name of an application."""

    name: str
    path: pathlib.Path
    address: int | None
    as_it_is: bool = False
    """The file's bytes, whatever format they look like."""


def parse_inputs(texts: Sequence[str]) -> list[InputSpec]:
    """Read INPUT arguments. A folder stands for the parts of a cVEND update in it, each a component named as its file there.

    Raises:
        ToolError: not of the form (`usage`).
        FormatError: a folder without such parts, or with one that does not hold.
    """
    found: list[InputSpec] = []
    for text in texts:
        folder = pathlib.Path(text)
        if folder.is_dir():
            parts = update_set.open_folder(folder).parts
            found += [InputSpec(part.name, folder / part.name, None, as_it_is=True) for part in parts]
        else:
            found.append(parse_input(text))
    return found


def parse_input(text: str) -> InputSpec:
    """Read one INPUT argument.

    Raises:
        ToolError: not of the form (`usage`).
    """
    match = _INPUT.fullmatch(text)
    if not match:
        raise ToolError(f"{text!r} is not an input", name="usage", hint="Write [NAME=]FILE[@ADDRESS].")
    path = pathlib.Path(match[2])
    if match[3] is None or pathlib.Path(text).exists():
        return InputSpec(match[1] or "application", pathlib.Path(text) if match[1] is None else path, None)
    return InputSpec(match[1] or "application", path, int(match[3], 0))


NAMES = {"app": ComponentType.APPLICATION, **{kind.name.lower(): kind for kind in ComponentType}}
"""What can stand before the `=`; `maker-8001` to `maker-ffff` are the maker's own types."""


def component_type(name: str) -> int:
    """The type a component name stands for; unknown names are applications with a name of their own."""
    if name in NAMES:
        return NAMES[name]
    match = re.fullmatch(r"maker-([0-9a-fA-F]{4})", name)
    if match:
        number = int(match[1], 16)
        if number not in MAKER_RANGE:
            raise ToolError(f"{name}: maker types run from 8000 to ffff", name="usage")
        return number
    return ComponentType.APPLICATION


class Limits(NamedTuple):
    """How holes are filled and how large they may be."""

    fill: int = 0xFF
    max_hole: int = MAX_HOLE


def read_input(spec: InputSpec, limits: Limits) -> tuple[Source, str]:
    """Open an input and read its structure; the bytes follow when they are needed.

    Returns:
        The source, and the name of the format it was read as.
    """
    file = open_input(spec.path)
    kind = registry.FORMATS[-1] if spec.as_it_is else registry.detect(file)
    try:
        image: Image = (raw if kind.whole else kind).read(file)
    except FormatError as error:
        raise FormatError(f"{spec.path}: {error.message}", name=error.name, hint=error.hint, offset=error.offset) from error
    if spec.address is not None:
        image = at_address(image, spec.address, kind.name)
    check_holes(image, max_hole=limits.max_hole, max_size=MAX_SIZE)
    return Flat(image, limits.fill), kind.name


def at_address(image: Image, address: int, kind: str) -> Image:
    """An image that says nothing of its place, at this one.

    Raises:
        ToolError: it does say something (`usage`).
        FormatError: it does not fit there.
    """
    if image.placed:
        raise ToolError(f"{kind} brings its own addresses", name="usage", hint="Leave out @ADDRESS.")
    if address + image.end > 2**64 - 1:
        raise FormatError(f"an image of {image.end} bytes does not fit at address 0x{address:x}")
    return image._replace(pieces=tuple(piece._replace(address=piece.address + address) for piece in image.pieces), placed=True)
