"""Use cases on MCUboot images: look, verify, sign again; and the options they are built with."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

from formats.errors import ToolError
from formats.mcuboot import check as checker
from formats.mcuboot import contents, decryption_keys, resign
from formats.mcuboot.encryption import DecryptionKey, Encryption
from formats.mcuboot.image import McubootImage, open_image
from formats.mcuboot.metadata import Dependency
from formats.mcuboot.options import AUTO, Options
from formats.mcuboot.trailer import Slot
from formats.outcomes import Check, Outcome
from formats.sample_keys import refuse_samples
from formats.signing import Signer
from formats.trust import Trust
from formats.versions import Version
from fwtool.files import open_input, read_small, replacing
from fwtool.key_files import KeyFile


def decryption_key(file: KeyFile) -> DecryptionKey:
    """What an encrypted image is opened with: PEM, or a key for AES key wrap in base64."""
    return decryption_keys.read_private(*file.read())


def describe(file: BinaryIO) -> dict[str, Any]:
    """What an image says of itself.

    Raises:
        FormatError: damaged.
    """
    image = open_image(file)
    header = image.header
    return {
        "format": "mcuboot",
        "version": str(header.version),
        "digest": image.hash_tlv.value.hex(),
        "hash": image.hash_name,
        "flags": [str(flag.name).lower() for flag in header.flags],
        "entry": None,
        "security_counter": image.security_counter,
        "tlvs": [
            {"name": tlv.name, "type": tlv.type, "protected": tlv in image.protected.tlvs, "value": contents.describe(image, tlv)}
            for tlv in (*image.protected.tlvs, *image.unprotected.tlvs)
        ],
        "trailer": None if image.trailer is None else {"confirmed": image.trailer.confirmed, "align": image.trailer.align},
        "components": [{"name": "payload", "address": header.payload_address, "size": header.payload_size}],
        "signatures": [signed.key.value.hex() for signed in image.signed],
    }


def explain(image: McubootImage, trust: Trust, now: float, decrypt_key: DecryptionKey | None = None) -> list[Check]:
    """Every check; all roles of the trust must have their thresholds, as for packages."""
    checks = list(checker.explain(image, trust.keys, decrypt_key))
    known = {key.key_id.hex(): entry for key, entry in zip(trust.keys, trust.record.keys, strict=True)}
    good = {
        check.key_id for check in checks
        if check.id == "signature" and check.outcome is Outcome.HELD and check.key_id
        and not 0 < known[check.key_id].expires <= now
    }  # fmt: skip
    why = _why(image, trust, good, checks)
    checks = [dataclasses.replace(check, error=why) if check.error == "bad_signature" and not check.key_id else check
              for check in checks]  # fmt: skip
    for role in trust.roles_for("package"):
        count = sum(trust.keys[index].key_id.hex() in good for index in role.keys)
        enough = count >= role.threshold
        checks.append(
            Check(
                id=f"threshold {role.role.name.lower()}", outcome=Outcome.HELD if enough else Outcome.FAILED,
                offset=image.unprotected.offset, size=len(image.unprotected.raw),
                detail=f"{count} of {role.threshold} needed signatures by {role.role.name.lower()} keys",
                error="" if enough else why,
            )
        )  # fmt: skip
    return checks


def _why(image: McubootImage, trust: Trust, good: set[str], checks: Sequence[Check]) -> str:
    """What is wrong with the signatures that do not count, named as for packages.

    A signature names its key by a hash that is our key id for all but RSA, so a revoked RSA key is only an unknown one.
    """
    if {signed.key.value for signed in image.signed} & set(trust.record.revoked):
        return "revoked"
    held = {check.key_id for check in checks if check.id == "signature" and check.outcome is Outcome.HELD}
    return "expired" if held - good else "bad_signature"


def sign(path: pathlib.Path, signers: Sequence[Signer], out: pathlib.Path, *, dev: bool = False) -> dict[str, Any]:
    """Write an image with one more signature per signer; one by the same key is replaced.

    Raises:
        FormatError: damaged, or keys that do not go with its hash.
        TrustError: a sample key outside `dev`.
    """
    refuse_samples([signer.public for signer in signers], dev=dev)
    with open_input(path) as file:
        image = open_image(file)
        with replacing(out) as target, file:  # closed before it is replaced: Windows insists
            resign.resign(image, target, signers)
    with open_input(out) as file:
        return describe(file)


class Setting(NamedTuple):
    """One `--set NAME=VALUE` of `image convert --to mcuboot`."""

    help: str
    read: Callable[[str], Any]


def _number(text: str) -> int:
    return int(text, 0)


def _flag(text: str) -> bool:
    values = {"yes": True, "no": False}
    return values[text]


def _counter(text: str) -> Any:
    return AUTO if text == AUTO else int(text, 0)


def _dependency(text: str) -> Dependency:
    image, _, version = text.partition(":")
    return Dependency(int(image), Version.parse(version))


def _vendor_tlv(text: str) -> tuple[int, bytes]:
    number, _, value = text.partition(":")
    return int(number, 0), bytes.fromhex(value[2:]) if value.startswith("0x") else value.encode()


def _recipient(text: str) -> Encryption:
    name, _, path = text.partition(":")
    size = {"aes128": 16, "aes256": 32}[name]
    return Encryption(decryption_keys.read_recipient(read_small(pathlib.Path(path))), size)


SETTINGS: Final[Mapping[str, Setting]] = {
    "version": Setting("MAJOR.MINOR.PATCH[+BUILD]; needed", Version.parse),
    "header_size": Setting("bytes in front of the payload", _number),
    "pad_header": Setting("no: the input begins with room for the header", _flag),
    "big_endian": Setting("yes: numbers with the high byte first", _flag),
    "security_counter": Setting("number, or auto: from the version", _counter),
    "dependencies": Setting("IMAGE:VERSION; repeatable", _dependency),
    "vendor": Setting("UUID, or domain of the maker", str),
    "image_class": Setting("UUID, or name of the kind of image", str),
    "vendor_tlvs": Setting("TYPE:TEXT or TYPE:0xHEX; repeatable", _vendor_tlv),
    "boot_record": Setting("role of the software for attestation", str),
    "load_address": Setting("copied there and run", _number),
    "rom_fixed": Setting("runs from this place only", _number),
    "bootable": Setting("no: never started by itself", _flag),
    "hash_name": Setting("sha256, sha384 or sha512", str),
    "pure": Setting("yes: sign the image, not its hash (Ed25519)", _flag),
    "full_key": Setting("yes: carry the whole public key", _flag),
    "encryption": Setting("aes128:PUB.pem or aes256:PUB.pem", _recipient),
    "compression": Setting("lzma2 or lzma2armthumb", str),
    "erased": Setting("0xff or 0", _number),
}
SLOT_SETTINGS: Final[Mapping[str, Setting]] = {
    "slot_size": Setting("bytes; the image is held against it", _number),
    "align": Setting("smallest write of the flash", _number),
    "max_align": Setting("8, 16 or 32", _number),
    "max_sectors": Setting("for the trailer's size", _number),
    "overwrite_only": Setting("yes: images are copied, never swapped", _flag),
    "pad": Setting("yes: fill up to the slot, on trial", _flag),
    "confirm": Setting("yes: fill up to the slot, confirmed", _flag),
}
REPEATED: Final = ("dependencies", "vendor_tlvs")


def options_of(texts: Sequence[str]) -> Options:
    """The options that `--set NAME=VALUE` give.

    Raises:
        ToolError: an unknown name, or a value that is none (`usage`).
    """
    given: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        name = name.replace("-", "_")
        setting = {**SETTINGS, **SLOT_SETTINGS}.get(name)
        if setting is None:
            known = ", ".join(one.replace("_", "-") for one in (*SETTINGS, *SLOT_SETTINGS))
            raise ToolError(f"--set {text!r}: MCUboot images have no such setting", name="usage", hint=f"Known: {known}.")
        if name in given and name not in REPEATED:
            raise ToolError(f"--set {name} is given twice", name="usage")
        try:
            found = setting.read(value)
        except (ValueError, KeyError) as error:
            raise ToolError(f"--set {text!r}: {setting.help}", name="usage") from error
        given[name] = (*given.get(name, ()), found) if name in REPEATED else found
    if "version" not in given:
        raise ToolError("an MCUboot image needs a version", name="usage", hint="Add --set version=1.2.3.")
    slot = {name: given.pop(name) for name in SLOT_SETTINGS if name in given}
    if slot:
        if "slot_size" not in slot:
            raise ToolError("a slot needs its size", name="usage", hint="Add --set slot-size=0x60000.")
        given["slot"] = Slot(size=slot.pop("slot_size"), **slot)
    return Options(**given)
