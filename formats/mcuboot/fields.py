"""Every byte of an image, named."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from formats.errors import FormatError
from formats.fields import Field
from formats.mcuboot import contents
from formats.mcuboot.header import MAGIC, SIZE
from formats.mcuboot.image import McubootImage, open_image
from formats.mcuboot.kinds import ENCRYPTION, HASHES
from formats.mcuboot.tlv import HEAD_SIZE, PROTECTED_MAGIC, UNPROTECTED_MAGIC, Area, Tlv
from formats.mcuboot.trailer import MAGIC_SIZE, Trailer, align_up

_HEADER: Final = "image.h struct image_header"
_AREA: Final = "image.h struct image_tlv_info"
_TLV: Final = "image.h struct image_tlv"
_TRAILER: Final = "docs/design.md Image Trailer"


def fields(file: BinaryIO) -> Iterator[Field]:
    """All fields in the order of the file, without gaps; the payload is one of them.

    Raises:
        FormatError: not an image, or a damaged one.
    """
    image = open_image(file)
    covered = "hash, signatures" if image.signed else "hash"
    for offset, size, name, value in _header(image):
        yield Field(offset, size, f"header.{name}", value, _HEADER, covered)
    if len(image.head) > SIZE:
        yield Field(SIZE, len(image.head) - SIZE, "header.padding", "", _HEADER, covered)
    yield Field(image.payload.offset, image.payload.size, "payload", "", "docs/design.md Image Format", covered)
    yield from _area(image, image.protected, "protected", PROTECTED_MAGIC, covered)
    yield from _area(image, image.unprotected, "tlv", UNPROTECTED_MAGIC, "")
    if image.trailer:
        yield from _trailer(image.trailer, image.unprotected.end)


def _header(image: McubootImage) -> Iterator[tuple[int, int, str, str]]:
    header = image.header
    yield 0, 4, "ih_magic", f"0x{MAGIC:08x}"
    yield 4, 4, "ih_load_addr", f"0x{header.load_address:08x}"
    yield 8, 2, "ih_hdr_size", str(header.header_size)
    yield 10, 2, "ih_protect_tlv_size", str(header.protected_size)
    yield 12, 4, "ih_img_size", str(header.payload_size)
    yield 16, 4, "ih_flags", ", ".join(str(flag.name).lower() for flag in header.flags) or "none"
    yield 20, 8, "ih_ver", str(header.version)
    yield 28, 4, "pad", f"0x{header.pad:08x}"


def _area(image: McubootImage, area: Area, name: str, magic: int, covered: str) -> Iterator[Field]:
    if not area.raw:
        return
    yield Field(area.offset, 2, f"{name}.it_magic", f"0x{magic:04x}", _AREA, covered)
    yield Field(area.offset + 2, 2, f"{name}.it_tlv_tot", str(len(area.raw)), _AREA, covered)
    for number, tlv in enumerate(area.tlvs):
        yield Field(tlv.offset, 2, f"{name}[{number}].it_type", tlv.name, _TLV, covered)
        yield Field(tlv.offset + 2, 2, f"{name}[{number}].it_len", str(len(tlv.value)), _TLV, covered)
        if tlv.value:
            at = tlv.offset + HEAD_SIZE
            yield Field(at, len(tlv.value), f"{name}[{number}].value", _say(image, tlv), _TLV, covered or _cover(image, tlv))


def _say(image: McubootImage, tlv: Tlv) -> str:
    try:
        return contents.describe(image, tlv)
    except FormatError:
        return tlv.value.hex()


def _cover(image: McubootImage, tlv: Tlv) -> str:
    """What would notice a change of an unprotected record; keys and signatures are what they are checked against."""
    if tlv.type in HASHES:
        return "the bytes it is over" if image.is_pure or not image.signed else "signatures"
    return "hash of the decrypted payload" if tlv.type in ENCRYPTION else ""


def _trailer(trailer: Trailer, start: int) -> Iterator[Field]:
    """Nothing covers it; the checker accepts nothing but erased bytes, flags and magic."""
    align = trailer.align
    field = trailer.offset + MAGIC_SIZE - align_up(MAGIC_SIZE, align)
    state = {True: "set", False: "unset"}
    done, ok = field - 2 * align, field - align
    for offset, size, name, value in (
        (start, done - start, "padding", ""),
        (done, 1, "copy_done", state[trailer.copied]),
        (done + 1, align - 1, "copy_done.padding", ""),
        (ok, 1, "image_ok", state[trailer.confirmed]),
        (ok + 1, align - 1, "image_ok.padding", ""),
        (field, trailer.offset - field, "magic.padding", ""),
        (trailer.offset, MAGIC_SIZE, "magic", f"aligned to {align}"),
    ):
        if size:
            yield Field(offset, size, f"trailer.{name}", value, _TRAILER)
