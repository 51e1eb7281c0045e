"""One side of a comparison: the bytes of a file at their addresses, and what they are called there."""

from typing import BinaryIO, NamedTuple

from formats import elf_symbols, registry
from formats.errors import FormatError
from formats.fwp.coding import Cipher
from formats.fwp.content import open_component
from formats.fwp.manifest import NO_ADDRESS, Component
from formats.fwp.package import Package
from formats.sources import Image, Piece, check_holes
from fwtool.difference import Bar
from fwtool.inputs import MAX_SIZE, Limits


class Side(NamedTuple):
    """An image, the name of its format, and its bars in the picture."""

    format: str
    image: Image
    bars: tuple[Bar, ...]
    has_addresses: bool = True

    def beside(self, other: "Side") -> "Side":
        """This side, at the start of the other one if only that one has addresses."""
        if self.has_addresses or not other.has_addresses:
            return self
        shift = other.image.start - self.image.start
        pieces = tuple(piece._replace(address=piece.address + shift) for piece in self.image.pieces)
        bars = tuple(Bar(bar.name, bar.start + shift, bar.end + shift) for bar in self.bars)
        return self._replace(image=self.image._replace(pieces=pieces), bars=bars)


def image_side(file: BinaryIO, limits: Limits, name: str) -> Side:
    """An open file of any format but packages; `name` is for messages.

    Raises:
        FormatError: damaged, or with a hole that is too large.
    """
    kind = registry.detect(file)
    try:
        image: Image = kind.read(file)
        bars = _section_bars(file) if kind.name == "elf" else ()
    except FormatError as error:
        raise FormatError(f"{name}: {error.message}", name=error.name, hint=error.hint, offset=error.offset) from error
    check_holes(image, max_hole=limits.max_hole, max_size=MAX_SIZE)
    pieces = tuple(Bar(f"piece {number}", p.address, p.address + p.size) for number, p in enumerate(image.pieces))
    return Side(kind.name, image, bars or pieces, image.placed)


def _section_bars(file: BinaryIO) -> tuple[Bar, ...]:
    found = elf_symbols.sections(file)
    bars = (Bar(s.name, s.load_address, s.load_address + s.size) for s in found if s.load_address is not None and s.size)
    return tuple(sorted(bars, key=lambda bar: bar.start))


def package_side(package: Package, name: str) -> Side:
    """A package, as the image its components make; `name` is for messages.

    Raises:
        FormatError: damaged, or it has several components and not all of them have an address.
    """
    package.check_all()
    components = package.manifest.installed
    placed = all(component.address != NO_ADDRESS for component in components)
    if not placed and len(components) > 1:
        raise FormatError(
            f"{name} has components without an address, so its bytes have no place beside those of an image",
            name="unsupported_format", hint="Compare it with a package, or take it apart with `fwtool image extract`.",
        )  # fmt: skip
    pieces = sorted((component_piece(package, component) for component in components), key=lambda piece: piece.address)
    return Side("fwp", Image(tuple(pieces)), tuple(Bar(b.name, b.start, b.end) for b in component_bars(package)), placed)


def component_piece(package: Package, component: Component) -> Piece:
    """The installed bytes of a component at its address, at 0 if it has none."""
    address = 0 if component.address == NO_ADDRESS else component.address
    return Piece(address, component.installed_size, file=open_component(package, component))


def can_be_seen(package: Package, component: Component) -> bool:
    """Whether a component is plain, or the package has been unlocked."""
    return component.cipher is Cipher.NONE or package.content_key is not None


def component_bars(package: Package) -> tuple[Bar, ...]:
    """The components that go to a device, in the order of their addresses."""
    bars = []
    for component in package.manifest.installed:
        start, space = (0, component.name) if component.address == NO_ADDRESS else (component.address, "")
        bars.append(Bar(component.name, start, start + component.installed_size, space))
    return tuple(sorted(bars, key=lambda bar: (bar.space, bar.start)))
