"""Building a package from images of any format, with its documents, compressed and encrypted as asked for."""

import os
import pathlib
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

from formats import raw
from formats.errors import ToolError
from formats.fwp import build, coding
from formats.fwp.build import Part, Recipe
from formats.fwp.coding import Encoding
from formats.fwp.manifest import ComponentType
from formats.fwp.package import Package
from formats.fwp.wrapping import KEY_SIZE
from formats.sources import Flat, Source
from fwtool.files import open_input, replacing
from fwtool.inputs import InputSpec, Limits, component_type, read_input
from fwtool.packages import MAX_DOCUMENT, seal_file
from fwtool.supply_chain import provenance, sbom
from fwtool.text import number, shortened

COMPRESSIONS: Final[dict[str, Encoding | None]] = {
    "none": Encoding.NONE, "deflate": Encoding.DEFLATE, "lzma2": Encoding.LZMA2, "auto": None
}  # fmt: skip
"""What `--compress` takes; auto measures."""
LEAST_GAIN: Final = 0.95
"""What shrinks less is not worth the device's work."""
LZMA_GAIN: Final = 0.95
"""LZMA2 takes 64 KiB of RAM and several times the time of deflate on a small device: it must be that much shorter."""
SAMPLES: Final = 64
"""Blocks that are measured, spread over the component."""


class Documents(NamedTuple):
    """What stays in the file: each is FILE or NAME=FILE, with the name of the component it describes."""

    sboms: Sequence[str] = ()
    provenance: str = ""


NO_DOCUMENTS: Final = Documents()


def build_package(
    recipe: Recipe, inputs: Sequence[InputSpec], limits: Limits, out: pathlib.Path, *, compress: str = "none",
    documents: Documents = NO_DOCUMENTS,
) -> Package:  # fmt: skip
    """Build an unsigned package and open it again.

    Args:
        compress: A key of `COMPRESSIONS`.

    Raises:
        FormatError: an input is damaged or too large.
        LocalError: a file cannot be read or written.
    """
    parts = []
    for spec in inputs:
        source, _ = read_input(spec, limits)
        chosen = COMPRESSIONS[compress]
        encoding = choose_encoding(source, recipe.block_size) if chosen is None else chosen
        parts.append(Part(component_type(spec.name), spec.name, source, encoding=encoding))
    names = [part.name for part in parts]
    for text in documents.sboms:
        parts.append(_document(text, names, ComponentType.SBOM))
    if documents.provenance:
        parts.append(_document(documents.provenance, names, ComponentType.PROVENANCE))
    with replacing(out) as file:
        build.write(recipe, parts, file)
    return seal_file(out).open()


def choose_encoding(source: Source, block_size: int) -> Encoding:
    """The encoding that is worth it for these bytes, measured on blocks from all over them."""
    every = max(1, source.size // block_size // SAMPLES)
    blocks = [block for number, block in enumerate(source.chunks(block_size)) if number % every == 0]
    plain = sum(map(len, blocks))
    deflated, lzma = (sum(len(coding.pack(kind, block)) for block in blocks) for kind in (Encoding.DEFLATE, Encoding.LZMA2))
    if min(deflated, lzma) > LEAST_GAIN * plain:
        return Encoding.NONE
    return Encoding.LZMA2 if lzma < LZMA_GAIN * deflated else Encoding.DEFLATE


def _document(text: str, names: list[str], kind: ComponentType) -> Part:
    """A document beside what it describes; it is read first, so that nobody signs what cannot be read."""
    name, _, path = text.rpartition("=")
    if name and name not in names:
        raise ToolError(f"{text!r}: there is no component {name!r}", name="usage", hint=f"There are: {', '.join(names)}.")
    with open_input(pathlib.Path(path)) as file:
        (sbom if kind is ComponentType.SBOM else provenance).read(file.read(MAX_DOCUMENT + 1))
    about = 1 + names.index(name) if name else 0
    source = Flat(raw.read(open_input(pathlib.Path(path))))
    return Part(kind, f"{name + '.' if name else ''}{kind.name.lower()}", source, encoding=Encoding.DEFLATE, about=about)


def new_secret() -> bytes:
    """What an encrypted package's keys follow from, if the same bytes are not wanted again."""
    return secrets.token_bytes(KEY_SIZE)


def source_date_epoch() -> int:
    """Build time from SOURCE_DATE_EPOCH (reproducible-builds.org specification), 0 if it is not set.

    Raises:
        ToolError: it is no number (`usage`).
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "0")
    seconds = number(text, 2**63 - 1)
    if seconds is None:
        raise ToolError(f"SOURCE_DATE_EPOCH={shortened(text, 40)!r} is not a number of seconds", name="usage")
    return seconds
