"""The strict checker: what a boot loader checks, and that every byte of the file is covered or fixed.

It differs from the boot loader where that is lenient: a bad signature by a trusted key is a failure even beside a good one,
and an image is not called good before its payload has been seen in plain.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from formats.errors import FormatError, ToolError, TrustError
from formats.keys import PublicKey
from formats.mcuboot import contents, payload, signatures
from formats.mcuboot.encryption import DecryptionKey
from formats.mcuboot.image import McubootImage
from formats.mcuboot.outcome import Check, Outcome, failed, held, not_checked
from formats.mcuboot.rules import Signed
from formats.mcuboot.signatures import Signable
from formats.mcuboot.tlv import Area, Tlv

__all__ = ["Check", "Outcome", "explain", "verify"]


def verify(
    image: McubootImage, keys: Sequence[PublicKey], decrypt_key: DecryptionKey | None = None, *, threshold: int = 1
) -> list[Check]:
    """Check an image completely.

    Args:
        keys: Who may sign. Nothing in the image adds to them.
        decrypt_key: For an encrypted image.
        threshold: How many of the keys must have signed.

    Raises:
        TrustError: a signature that does not hold, too few of them, or an encrypted payload without its key.
        FormatError: anything else that does not hold.
    """
    checks = explain(image, keys, decrypt_key, threshold=threshold)
    for check in checks:
        check.raise_error()
    return checks


def explain(
    image: McubootImage, keys: Sequence[PublicKey], decrypt_key: DecryptionKey | None = None, *, threshold: int = 1
) -> list[Check]:
    """All checks with their outcomes; arguments as for `verify`."""
    return list(_Judge(image, keys, decrypt_key, max(1, threshold)).checks())


class _Judge:
    """Runs the checks in an order in which each may lean on those before it."""

    def __init__(self, image: McubootImage, keys: Sequence[PublicKey], decrypt_key: DecryptionKey | None, threshold: int) -> None:
        self.image, self.decrypt_key, self.threshold = image, decrypt_key, threshold
        self.keys = list({key.key_id: key for key in keys}.values())
        self.key: bytes | None = None
        """AES key of the payload; None: it is plain, or the key is not known."""
        self.plain = True
        """Whether the payload can be read."""
        self.good: dict[bytes, PublicKey] = {}
        """Trusted keys whose signatures hold, by their ids."""

    def checks(self) -> Iterator[Check]:
        image = self.image
        yield from self._structure()
        digest = payload.digest(image)
        in_the_clear = digest == image.hash_tlv.value
        tlv = image.encryption_tlv
        if tlv is not None:
            yield self._encryption(tlv, in_the_clear=in_the_clear)
            if self.key is not None:
                digest = payload.digest(image, self.key)
        yield (hashed := self._hash(digest))
        for signed in image.signed:
            yield self._signature(signed, digest)
        yield (enough := self._enough())
        sound = hashed.outcome is enough.outcome is Outcome.HELD
        yield from contents.checks(image, self.key, list(self.good.values()), sound=sound)

    def _structure(self) -> Iterator[Check]:
        """What has been checked when the image was opened."""
        image = self.image
        version = f"version {image.header.version}"
        yield Check(id="header", outcome=Outcome.HELD, offset=0, size=len(image.head), detail=version)
        if image.protected.raw:
            yield _area("protected_tlvs", image.protected)
        yield _area("tlvs", image.unprotected)
        if image.trailer:
            state = "confirmed" if image.trailer.confirmed else "on trial"
            start = image.unprotected.end
            yield Check(id="trailer", outcome=Outcome.HELD, offset=start, size=image.file_size - start, detail=state)

    def _encryption(self, tlv: Tlv, *, in_the_clear: bool) -> Check:
        self.plain = in_the_clear
        if self.decrypt_key is None:
            return not_checked(
                "encryption", tlv, "the image is encrypted: without the key to decrypt it with, it cannot be checked",
                error="trust_failed", hint="Give the private key that the device decrypts with.",
            )  # fmt: skip
        try:
            key = payload.aes_key(self.image, self.decrypt_key)
        except ToolError as error:
            return failed("encryption", tlv, error)
        self.key, self.plain = None if in_the_clear else key, True
        return held("encryption", tlv, "the payload is plain" if in_the_clear else "the payload is encrypted")

    def _hash(self, digest: bytes) -> Check:
        tlv = self.image.hash_tlv
        if not self.plain:
            return not_checked("hash", tlv, "the payload cannot be read", error="trust_failed")
        if digest != tlv.value:
            what = "the image is damaged or altered: its hash differs"
            return failed("hash", tlv, FormatError(what, hint="Copy the file again from where it came."))
        return held("hash", tlv, self.image.hash_name)

    def _signature(self, signed: Signed, digest: bytes) -> Check:
        """Without the plain payload there is still the hash it should have, which is what most signatures are about."""
        image, tlv = self.image, signed.signature
        key = signatures.find(signed.key, self.keys, image.hash_name)
        if key is None:
            return not_checked("signature", tlv, "by a key that is not trusted: it does not count")
        name = key.key_id.hex()
        if not self.plain and image.is_pure:
            return not_checked("signature", tlv, "the payload cannot be read", key_id=name)
        region = (lambda: payload.in_memory(payload.region(image, self.key))) if image.is_pure else None
        try:
            if key.key_id in self.good:
                raise TrustError("a key signs twice", offset=tlv.offset)
            signatures.check(signed, key, Signable(digest if self.plain else image.hash_tlv.value, image.hash_name, region))
        except ToolError as error:
            return failed("signature", tlv, error, key_id=name)
        self.good[key.key_id] = key
        return held("signature", tlv, key.algorithm, key_id=name)

    def _enough(self) -> Check:
        count = len(self.good)
        check = _area("signatures", self.image.unprotected, f"{count} by trusted keys, {self.threshold} needed")
        if count >= self.threshold:
            return check
        if not self.image.signed:
            detail, error = "the image is not signed", "not_signed"
        elif not count:
            detail, error = "the image is not signed by a trusted key", "bad_signature"
        else:
            detail, error = check.detail, "trust_failed"
        return dataclasses.replace(check, outcome=Outcome.FAILED, detail=detail, error=error)


def _area(name: str, area: Area, detail: str = "") -> Check:
    said = detail or f"records: {len(area.tlvs)}, sizes add up"
    return Check(id=name, outcome=Outcome.HELD, offset=area.offset, size=len(area.raw), detail=said)
