"""The table of image formats. To add one: a file beside this one, and a line here."""

from collections.abc import Callable
from typing import Any, BinaryIO, Final, NamedTuple

from formats import dfu, elf, intel_hex, raw, srec, text_writer, uf2
from formats.mcuboot import build as mcuboot_build
from formats.mcuboot import extract
from formats.mcuboot import image as mcuboot
from formats.sources import Image, file_size

ADDRESSES, HOLES, ENTRY = "addresses", "holes", "entry"
"""What an image may have that a format may not be able to hold: where bytes belong, places without bytes, where to start."""
EVERYTHING: Final = frozenset({ADDRESSES, HOLES, ENTRY})


class ImageFormat(NamedTuple):
    """One format: how it is recognised by its content, how it is read and written."""

    name: str
    recognise: Callable[[bytes], bool]
    """Given the first `SNIFF_SIZE` bytes."""
    read: Callable[..., Image]
    """Takes the open file, and the options named in `read_options`."""
    recognise_end: Callable[[bytes], bool] = lambda end: False
    """Given the last 16 bytes, for formats that are only known by their end."""
    write: Callable[..., object] | None = None
    """Takes the image and the open file, and the options named in `write_options`; None: it is only read."""
    keeps: frozenset[str] = EVERYTHING
    """What of an image the written file holds."""
    read_options: tuple[str, ...] = ()
    write_options: tuple[str, ...] = ()
    whole: bool = False
    """A package takes the file as it is: its header and signatures are for the device's own boot loader."""


SNIFF_SIZE = 512
END_SIZE = 16
_LAYOUT: Final = frozenset({ADDRESSES, HOLES})
FORMATS = (
    ImageFormat("elf", elf.recognise, elf.read),
    ImageFormat("intel-hex", intel_hex.recognise, intel_hex.read, write=text_writer.write_intel_hex, write_options=("size",)),
    ImageFormat("srec", srec.recognise, srec.read, write=text_writer.write_srec, write_options=("size", "header")),
    ImageFormat(
        "mcuboot", mcuboot.recognise, extract.read, read_options=("decrypt_key",), write=mcuboot_build.write,
        keeps=frozenset(), write_options=("options", "signers"), whole=True,
    ),
    ImageFormat(
        "uf2", uf2.recognise, uf2.read, write=uf2.write, keeps=_LAYOUT,
        read_options=("family",), write_options=("family", "fill"),
    ),
    ImageFormat(
        "dfuse", dfu.recognise, dfu.read_dfuse, write=dfu.write_dfuse, keeps=_LAYOUT,
        read_options=("alternate",), write_options=("suffix", "alternate", "name"),
    ),
    ImageFormat(
        "dfu", lambda start: False, dfu.read, recognise_end=dfu.recognise_end,
        write=dfu.write, keeps=frozenset(), write_options=("suffix", "fill"),
    ),
    ImageFormat(
        "raw", raw.recognise, raw.read, write=raw.write, keeps=frozenset(), write_options=("fill",)
    ),
)  # fmt: skip
"""In order of recognition; raw takes what nobody else knows."""


def detect(file: BinaryIO) -> ImageFormat:
    """The format of an open file, by content and never by name."""
    size = file_size(file)
    if size == 0:
        return FORMATS[-1]
    file.seek(0)
    start = file.read(SNIFF_SIZE)
    file.seek(max(0, size - END_SIZE))
    end = file.read(END_SIZE)
    return next(entry for entry in FORMATS if entry.recognise(start) or entry.recognise_end(end))


def named(name: str) -> ImageFormat | None:
    """The format with this name."""
    return next((entry for entry in FORMATS if entry.name == name), None)


def features(image: Image) -> set[str]:
    """What of `EVERYTHING` an image has."""
    found = {ADDRESSES} if image.placed else set()
    pairs = zip(image.pieces, image.pieces[1:], strict=False)
    if any(second.address > first.address + first.size for first, second in pairs):
        found.add(HOLES)
    if image.entry is not None:
        found.add(ENTRY)
    return found


def options_for(names: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Of all options, those a format takes."""
    return {name: options[name] for name in names if options.get(name) is not None}
