"""The table of describers, by the names of formats (`formats.registry`), and the choice of one for a file."""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple, TypeAlias

from formats import registry
from formats.annotate import dfu, elf, fwp, text, trust, uf2
from formats.annotate.whole import read_at, whole
from formats.fields import Field
from formats.fwp.header import MAGIC as FWP_MAGIC
from formats.mcuboot import fields as mcuboot
from formats.sources import file_size
from formats.trust import MAGIC as TRUST_MAGIC

Describer: TypeAlias = Callable[[BinaryIO], Iterator[Field]]
"""Every byte of an open file, in ascending order; nothing but LocalError is raised for what is in it."""


@whole
def _raw(file: BinaryIO) -> Iterator[Field]:
    """Bytes that say nothing of themselves."""
    size = file_size(file)
    if size:
        yield Field(0, size, "content", "")


DESCRIBERS: Final[Mapping[str, Describer]] = {
    "fwp": fwp.fields,
    "trust": trust.fields,
    "mcuboot": whole(mcuboot.fields),
    "elf": elf.fields,
    "intel-hex": text.hex_fields,
    "srec": text.srec_fields,
    "uf2": uf2.fields,
    "dfuse": dfu.dfuse_fields,
    "dfu": dfu.fields,
    "raw": _raw,
}
_MAGIC: Final = {FWP_MAGIC: "fwp", TRUST_MAGIC: "trust"}
"""What is not an image format of the registry."""


class Annotated(NamedTuple):
    """A file's format, and its fields."""

    format: str
    fields: Iterator[Field]


def annotate(file: BinaryIO) -> Annotated:
    """The format of an open file by its content, and all its fields, read as they are taken.

    Raises:
        LocalError: the medium cannot be read.
    """
    name = _MAGIC.get(read_at(file, 0, len(FWP_MAGIC))) or registry.detect(file).name
    return Annotated(name, DESCRIBERS[name](file))
