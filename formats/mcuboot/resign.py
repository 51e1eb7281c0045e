"""Adding and replacing signatures of an image that exists; imgtool cannot."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from formats.errors import FormatError
from formats.mcuboot import payload, signatures, tlv, trailer
from formats.mcuboot.build import unprotected
from formats.mcuboot.encryption import DecryptionKey, crypt
from formats.mcuboot.image import McubootImage
from formats.mcuboot.rules import MAX_SIGNATURES, Signed
from formats.mcuboot.signatures import Signable
from formats.mcuboot.trailer import Slot, Trailer
from formats.signing import Signer


def resign(
    image: McubootImage, out: BinaryIO, signers: Sequence[Signer], decrypt_key: DecryptionKey | None = None, *,
    replace: bool = False, full_key: bool = False, slot: Slot | None = None,
) -> None:  # fmt: skip
    """Write the image to `out` with signatures by `signers`. Everything that is hashed stays as it is.

    A signature by the same key is replaced where it stands; others are kept, new ones come after them. Nobody's signature
    is checked, but the hash is: nothing damaged gets a new signature.

    Args:
        decrypt_key: For an encrypted image, whose hash is over the plain payload.
        replace: Drop all signatures it has.
        full_key: Carry the whole public keys of the signers, not their hashes.
        slot: Pad it for this slot. None: a padded image keeps its size and its trailer.

    Raises:
        FormatError: a damaged image, keys that do not go with its hash (`usage`), or no room in its slot (`too_large`).
        TrustError: a wrong decryption key, or a key that cannot sign images.
    """
    if image.is_compressed:
        raise FormatError(
            "a compressed image cannot be signed again: the signature of its decompressed form stands in what is signed",
            name="usage", hint="Build it again from its payload.",
        )  # fmt: skip
    signatures.hash_for(signers, image.hash_name, pure=image.is_pure)
    key = payload.find_key(image, decrypt_key) if image.is_encrypted else None
    _copy(image, key, out)
    pairs = _pairs(image, key, signers, replace=replace, full_key=full_key)
    records = unprotected(image.hash_tlv, pairs, image.encryption_tlv, pure=image.is_pure)
    area = tlv.build(records, tlv.UNPROTECTED_MAGIC, image.header.ORDER)
    out.write(area)
    _finish(image, out, image.unprotected.offset + len(area), slot)


def _copy(image: McubootImage, key: bytes | None, out: BinaryIO) -> None:
    """Everything that is hashed, as it is stored. What is hashed is what is written: the file may change meanwhile."""

    def written(chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            out.write(chunk)
            yield chunk

    plain = crypt(written(payload.stored(image.payload)), key)
    region = chain(written([image.head]), plain, written([image.protected.raw]))
    if payload.digest_of(region, image.hash_name) != image.hash_tlv.value:
        raise FormatError("the image is damaged: its hash differs", hint="Copy the file again from where it came.")


def _pairs(
    image: McubootImage, key: bytes | None, signers: Sequence[Signer], *, replace: bool, full_key: bool
) -> list[Signed]:  # fmt: skip
    """The signatures the image is to have, in their order."""
    region = (lambda: payload.in_memory(payload.region(image, key))) if image.is_pure else None
    what = Signable(image.hash_tlv.value, image.hash_name, region)
    made = {signer.public.key_id: signatures.sign(signer, what, full_key=full_key) for signer in signers}
    keys = [signer.public for signer in signers]
    pairs: list[Signed] = []
    for old in () if replace else image.signed:
        owner = signatures.find(old.key, keys, image.hash_name)
        if owner is None:
            pairs.append(old)
        elif owner.key_id in made:  # otherwise the key had signed twice, by its hash and in full
            pairs.append(made.pop(owner.key_id))
    pairs += made.values()
    if len(pairs) > MAX_SIGNATURES:
        raise FormatError(f"an image has at most {MAX_SIGNATURES} signatures", name="too_large")
    return pairs


def _finish(image: McubootImage, out: BinaryIO, end: int, slot: Slot | None) -> None:
    """Padding and trailer."""
    order, old = image.header.ORDER, image.trailer
    erased = old.erased if old else 0xFF
    if slot is not None:
        slot.check()
        tlv_size = len(image.encryption_tlv.value) if image.encryption_tlv else 0
        plain_size = payload.key_size(image) if tlv_size else 0
        trailer.finish(out, end, slot, order, erased, key_size=tlv_size if slot.save_encrypted_key else plain_size)
    elif old is not None:
        _keep(image, old, out, end)


def _keep(image: McubootImage, old: Trailer, out: BinaryIO, end: int) -> None:
    """The same trailer at the same place. How much of the slot the boot loader needs in front of it is not in the file, so
    the least that is possible with the usual number of sectors is kept free, or as much as was."""
    least = Slot(size=image.file_size, max_align=old.align).trailer_size()
    if end > max(image.unprotected.end, image.file_size - least):
        raise FormatError("the padded image has no room for more signatures", name="too_large", hint="Say how large its slot is.")
    last = trailer.build(old.align, image.header.ORDER, old.erased, confirmed=old.confirmed, copied=old.copied)
    trailer.fill(out, image.file_size - end - len(last), old.erased)
    out.write(last)
