"""Target: MCUboot images."""

import contextlib
import hashlib
import io
import struct
from typing import Final

from formats.errors import FormatError, TrustError
from formats.mcuboot import check, contents, extract, payload
from formats.mcuboot.header import MAGIC, SIZE
from formats.mcuboot.image import McubootImage, open_image
from formats.mcuboot.tlv import PROTECTED_MAGIC, UNPROTECTED_MAGIC, build
from tests.fuzz.target import Target
from tests.support import KEY, P256_KEY

KEYS: Final = [KEY.public, P256_KEY.public]
_HASHES: Final = {0x10: "sha256", 0x11: "sha384", 0x12: "sha512"}


def read_mcuboot(data: bytes) -> None:
    """Every byte belongs to one part; the areas have one spelling; every check comes to an outcome, whatever the image is."""
    file = io.BytesIO(data)
    image = open_image(file)
    stored = b"".join(payload.stored(image.payload))
    assert data.startswith(image.head + stored + image.protected.raw + image.unprotected.raw)
    assert image.trailer is not None or image.unprotected.end == len(data)
    for area, magic in ((image.protected, PROTECTED_MAGIC), (image.unprotected, UNPROTECTED_MAGIC)):
        assert build(area.tlvs, magic, image.header.ORDER) == (area.raw if area.tlvs else b"")
    _check(image)
    for tlv in image.protected.tlvs:
        with contextlib.suppress(FormatError):
            assert contents.describe(image, tlv).isascii() is not None
    found = extract.read(file)
    assert found.pieces[0].size == len(found.pieces[0].read(0, found.pieces[0].size))


def _check(image: McubootImage) -> None:
    """`verify` raises what `explain` found."""
    checks, raised = check.explain(image, KEYS), ""
    try:
        assert check.verify(image, KEYS) == checks
    except (FormatError, TrustError) as error:
        raised = error.name
    assert raised == next((one.error for one in checks if one.error), "")


def mend_mcuboot(data: bytes) -> bytes:
    """With magic numbers, sizes of the areas, and hash as they should be for the rest; the last area takes all that is left."""
    if len(data) < SIZE + 5:
        return data
    order = ">" if data[:1] == b"\x96" else "<"
    _, _, head, protected, size = struct.unpack_from(order + "IIHHI", data)
    head = max(SIZE, min(head, len(data) - 5))
    size = max(1, min(size, len(data) - 4 - head))
    room = len(data) - 4 - head - size
    protected = max(4, min(protected, room)) if protected and room >= 4 else 0
    out = bytearray(data)
    struct.pack_into(order + "I", out, 0, MAGIC)
    struct.pack_into(order + "HHI", out, 8, head, protected, size)
    at = head + size
    if protected:
        struct.pack_into(order + "HH", out, at, PROTECTED_MAGIC, protected)
    at += protected
    struct.pack_into(order + "HH", out, at, UNPROTECTED_MAGIC, min(len(out) - at, 0xFFFF))
    _mend_hash(out, at, order)
    return bytes(out)


def _mend_hash(out: bytearray, end: int, order: str) -> None:
    at = end + 4
    while at + 4 <= len(out):
        kind, _, size = struct.unpack_from(order + "BBH", out, at)
        if kind in _HASHES and at + 4 + size <= len(out):
            digest = hashlib.new(_HASHES[kind], out[:end]).digest()
            if len(digest) == size:
                out[at + 4 : at + 4 + size] = digest
                return
        at += 4 + size


TARGETS: Final = {
    "mcuboot": Target(read_mcuboot, (FormatError, TrustError), mend_mcuboot, max_len=1024, memory=extract.MAX_HELD + (4 << 20))
}
"""A payload is unpacked in memory, up to a limit."""
