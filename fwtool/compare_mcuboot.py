"""What differs between two MCUboot images: what header and records say, the bytes of the payload, and who signed them."""

from typing import Any, BinaryIO

from formats.errors import FormatError
from formats.mcuboot import contents, extract
from formats.mcuboot.image import McubootImage, open_image
from formats.mcuboot.kinds import ENCRYPTION, HASHES, KEYS, SIGNATURES, Kind
from formats.mcuboot.tlv import Tlv
from formats.sources import Image
from fwtool.compare_ranges import bounded, ranges
from fwtool.difference import Bar, Change, Difference, Range, entries
from fwtool.sides import Side


def compare_mcuboot(first: BinaryIO, second: BinaryIO) -> Difference:
    """Compare two MCUboot images. Hashes are checked, signatures are not.

    Raises:
        FormatError: one of them is damaged.
    """
    images = [open_image(file) for file in (first, second)]
    changes = entries("", *(_facts(image) for image in images)) + entries("tlv", *(_records(image) for image in images))
    before, after = (_side(image) for image in images)
    found: tuple[Range, ...] = ()
    grain = 1
    if before.image.pieces and after.image.pieces:
        before, after = before.beside(after), after.beside(before)
        found, grain = bounded(ranges("payload", before.image, after.image))
    elif images[0].hash_tlv.value != images[1].hash_tlv.value:
        changes.append(Change("encrypted payload", "changed"))
    signatures = entries("signature", *(_signers(image) for image in images))
    if not (signatures or changes or found) and images[0].unprotected.raw != images[1].unprotected.raw:
        signatures = [Change("signature", "changed")]
    return Difference(tuple(changes), found, tuple(signatures), grain, maps=(before.bars, after.bars))


def _facts(image: McubootImage) -> dict[str, Any]:
    header = image.header
    address = header.payload_address
    facts: dict[str, Any] = {
        "version": str(header.version),
        "flags": ", ".join(str(flag.name).lower() for flag in header.flags) or "none",
        "address": "none" if address is None else f"0x{address:08x}",
        "header_size": header.header_size,
        "payload_size": header.payload_size,
        "hash": image.hash_name,
    }
    if image.trailer:
        facts |= {"image_ok": _flag(image.trailer.confirmed), "copy_done": _flag(image.trailer.copied)}
    return facts


def _flag(value: bool) -> str:
    return "set" if value else "unset"


def _records(image: McubootImage) -> dict[str, str]:
    """What the records say, but for keys, hashes and signatures; of an encrypted key, which is never the same, only its kind."""
    apart = {*KEYS, *HASHES, *SIGNATURES}
    found = [tlv for tlv in (*image.protected.tlvs, *image.unprotected.tlvs) if tlv.type not in apart]
    said: dict[str, str] = {}
    for tlv in found:
        name = _key(tlv)
        told = name if tlv.type in ENCRYPTION else _said(image, tlv)
        said[name] = f"{said[name]}, {told}" if name in said else told
    return said


def _key(tlv: Tlv) -> str:
    return f"dependency on image {tlv.value[0]}" if tlv.type == Kind.DEPENDENCY else tlv.name


def _said(image: McubootImage, tlv: Tlv) -> str:
    try:
        return contents.describe(image, tlv)
    except FormatError:
        return tlv.value.hex()


def _signers(image: McubootImage) -> dict[str, bool]:
    return {f"{signed.signature.name} by {signed.key.value.hex()}": True for signed in image.signed}


def _side(image: McubootImage) -> Side:
    """The payload as it is installed; no pieces if it is encrypted."""
    try:
        payload = extract.read(image.file)
    except FormatError as error:
        if not (image.is_encrypted and error.name == "usage"):
            raise
        payload = Image(())
    start = image.header.payload_address
    size = payload.end - payload.start if payload.pieces else image.header.payload_size
    return Side("mcuboot", payload, (Bar("payload", start or 0, (start or 0) + size),), start is not None)
