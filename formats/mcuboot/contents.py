"""Checks of what the protected records say. They are read only when hash and signatures hold."""

from collections.abc import Iterator, Sequence

from formats.errors import FormatError, ToolError, TrustError
from formats.keys import PublicKey
from formats.mcuboot import metadata, payload, signatures
from formats.mcuboot.image import McubootImage
from formats.mcuboot.kinds import Kind
from formats.mcuboot.outcome import Check, failed, held, not_checked
from formats.mcuboot.signatures import Signable
from formats.mcuboot.tlv import Tlv

TOLD = (Kind.SEC_CNT, Kind.DEPENDENCY, Kind.BOOT_RECORD, Kind.UUID_VID, Kind.UUID_CID)
_UNSOUND = "hash or signatures do not hold"


def checks(image: McubootImage, key: bytes | None, signers: Sequence[PublicKey], *, sound: bool) -> Iterator[Check]:
    """Checks of all records.

    Args:
        key: AES key of the payload; None: it is plain.
        signers: Trusted keys whose signatures hold.
        sound: Whether hash and signatures hold.
    """
    if image.is_compressed:
        tlv = image.protected.all(Kind.DECOMP_SHA)[0]
        yield _decompressed(image, key, signers, tlv) if sound else not_checked("decompressed", tlv, _UNSOUND)
    for tlv in image.protected.all(*TOLD):
        yield _record(image, tlv) if sound else not_checked(tlv.name, tlv, _UNSOUND)


def _record(image: McubootImage, tlv: Tlv) -> Check:
    """A boot record of another form is no failure: the boot loader hands it on without looking at it."""
    try:
        return held(tlv.name, tlv, describe(image, tlv))
    except FormatError as error:
        return not_checked(tlv.name, tlv, error.message) if tlv.type == Kind.BOOT_RECORD else failed(tlv.name, tlv, error)


def describe(image: McubootImage, tlv: Tlv) -> str:
    """What a record says, in words; raw bytes in hexadecimal.

    Raises:
        FormatError: it is damaged.
    """
    order = image.header.ORDER
    if tlv.type == Kind.SEC_CNT:
        return str(metadata.counter_of(tlv, order))
    if tlv.type == Kind.DEPENDENCY:
        number, version = metadata.dependency_of(tlv, order)
        return f"image {number} at least {version}"
    if tlv.type == Kind.BOOT_RECORD:
        record = metadata.boot_record_of(tlv)
        return f"{record.role} {record.version}, {record.algorithm}"
    return tlv.value.hex()


def _decompressed(image: McubootImage, key: bytes | None, signers: Sequence[PublicKey], tlv: Tlv) -> Check:
    """The decompressed image has its own hash and signature, which the device checks after unpacking."""
    installed = payload.Installed(image, key)
    try:
        if payload.digest_of(installed.region(), image.hash_name) != tlv.value:
            raise FormatError(
                "the decompressed image has another hash than it claims: no device would start it",
                hint="imgtool 2.5 makes such images with --compression and --non-bootable.",
            )  # fmt: skip
        _check_signature(image, installed, signers, tlv.value)
    except ToolError as error:
        return failed("decompressed", tlv, error)
    return held("decompressed", tlv, f"{installed.size} bytes, hash and signature fit")


def _check_signature(image: McubootImage, installed: payload.Installed, signers: Sequence[PublicKey], digest: bytes) -> None:
    """It must be by one of the trusted keys that signed the image as it is."""
    value = image.protected.all(Kind.DECOMP_SIGNATURE)[0].value
    region = (lambda: payload.in_memory(installed.region())) if image.is_pure else None
    what = Signable(digest, image.hash_name, region)
    if not any(signatures.holds(value, key, what) for key in signers):
        raise TrustError("the signature of the decompressed image does not hold")
