"""One image format into another: nothing is lost without being named."""

import dataclasses
import pathlib
from typing import Any

from formats import registry
from formats.errors import FormatError, ToolError
from formats.fwp import header
from formats.fwp.content import open_component
from formats.fwp.manifest import NO_ADDRESS
from formats.fwp.package import seal
from formats.sources import Image, Piece, check_holes
from fwtool.files import open_input, replacing
from fwtool.inputs import MAX_SIZE, InputSpec, Limits, at_address


@dataclasses.dataclass(frozen=True)
class Conversion:
    """What is wanted."""

    source: InputSpec
    to: str
    out: pathlib.Path
    options: dict[str, Any]
    """`family`, `alternate`, `fill`, `size`, `header`, `suffix`, `name`, `options`, `signers`, `decrypt_key`, `groups`: for
    the formats that know them."""
    lose: frozenset[str] = frozenset()
    """What may get lost: addresses, holes, entry."""
    component: str = ""
    """Of a package with several components, this one."""
    max_hole: int | None = None


@dataclasses.dataclass(frozen=True)
class Converted:
    """What was done."""

    format_from: str
    format_to: str
    pieces: int
    size: int
    lost: tuple[str, ...]


def convert(wanted: Conversion) -> Converted:
    """Read, check what would be lost, write.

    Raises:
        ToolError: no such format to write, or an option that neither format has (`usage`).
        FormatError: the input is damaged, or something would be lost that was not given up (`data_would_be_lost`).
    """
    target = registry.named(wanted.to)
    if target is None or target.write is None:
        names = ", ".join(entry.name for entry in registry.FORMATS if entry.write)
        hint = "Packages are built: fwtool image build." if wanted.to == "fwp" else f"Known: {names}."
        raise ToolError(f"{wanted.to!r} is no format that can be written", name="usage", hint=hint)
    with open_input(wanted.source.path) as file:
        name, known, image = _read(wanted, file)
        given = {option for option, value in wanted.options.items() if value is not None}
        for option in sorted(given - set(known) - set(target.write_options)):
            raise ToolError(f"neither {name} nor {target.name} has anything to do with {option!r}", name="usage")
        lost = sorted(registry.features(image) - target.keeps)
        refused = [feature for feature in lost if feature not in wanted.lose]
        if refused:
            raise FormatError(
                f"{target.name} cannot hold the {' and '.join(refused)} of this image", name="data_would_be_lost",
                hint=f"Choose another format, or give them up: --lose {' --lose '.join(refused)}.",
            )  # fmt: skip
        if registry.HOLES in lost:
            limits = Limits() if wanted.max_hole is None else Limits(max_hole=wanted.max_hole)
            check_holes(image, max_hole=limits.max_hole, max_size=MAX_SIZE)
        with replacing(wanted.out) as out:
            target.write(image, out, **registry.options_for(target.write_options, wanted.options))
    size = sum(piece.size for piece in image.pieces)
    return Converted(name, target.name, len(image.pieces), size, tuple(lost))


def _read(wanted: Conversion, file: Any) -> tuple[str, tuple[str, ...], Image]:
    """Name of the format, the options it takes, and the image."""
    start = file.read(len(header.MAGIC))
    if start == header.MAGIC:
        return "fwp", ("groups",), _component(wanted, file)
    if wanted.component:
        raise ToolError("only packages have components", name="usage")
    kind = registry.detect(file)
    image = kind.read(file, **registry.options_for(kind.read_options, wanted.options))
    if wanted.source.address is not None:
        image = at_address(image, wanted.source.address, kind.name)
    return kind.name, kind.read_options, image


def _component(wanted: Conversion, file: Any) -> Image:
    """The bytes of one component of a package, every block of which is checked against its table first."""
    package = seal(file).open().unlocked(wanted.options.get("groups", ()))
    package.check_all()
    components = package.manifest.components
    chosen = [c for c in components if not wanted.component or c.name == wanted.component]
    if len(chosen) != 1:
        names = ", ".join(component.name for component in components)
        raise ToolError(f"which component? This package has: {names}", name="usage", hint="Name one with --component.")
    address = chosen[0].address
    has_address = address != NO_ADDRESS
    content = open_component(package, chosen[0])
    return Image((Piece(address if has_address else 0, chosen[0].installed_size, file=content),), placed=has_address)
