"""What the protected records say: security counter, dependencies, vendor and class, boot record."""

import re
import struct
import uuid
from typing import Final, NamedTuple

from formats.errors import FormatError
from formats.mcuboot.cbor import Value, dump, load
from formats.mcuboot.kinds import Kind
from formats.mcuboot.tlv import Tlv
from formats.versions import Version

MAX_COUNTER: Final = 2**32 - 1
MAX_ROLE: Final = 12
"""Characters of a boot record's software type (imgtool)."""
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")


class Dependency(NamedTuple):
    """Another image that must be there, at least in this version (image.h `struct image_dependency`)."""

    image: int
    """Its number, from 0 to 255."""
    version: Version


class BootRecord(NamedTuple):
    """What the boot loader hands on for attestation (Arm PSA Attestation API 1.0, software component)."""

    role: str
    """Type of the software, e.g. `NSPE`."""
    version: str
    signer: bytes
    """Hash of the key; zeros if nobody signs."""
    algorithm: str
    """Of the measurement, e.g. `SHA256`."""
    measurement: bytes
    """Zeros: the boot loader fills in the image hash."""


_ROLE, _MEASUREMENT, _VERSION, _SIGNER, _ALGORITHM = 1, 2, 4, 5, 6
"""Keys of a boot record's map. The measurement comes last, since the boot loader writes into the last bytes."""


def automatic_counter(version: Version) -> int:
    """The security counter that follows from a version: 8 bits major, 8 bits minor, 16 bits revision; the build is left out."""
    return version.major << 24 | version.minor << 16 | version.patch


def counter_of(tlv: Tlv, order: str) -> int:
    return int(struct.unpack(order + "I", tlv.value)[0])


def counter_tlv(counter: int, order: str) -> Tlv:
    if not 0 <= counter <= MAX_COUNTER:
        raise FormatError(f"a security counter is a number from 0 to {MAX_COUNTER}, not {counter}", name="usage")
    return Tlv(Kind.SEC_CNT, struct.pack(order + "I", counter))


def dependency_of(tlv: Tlv, order: str) -> Dependency:
    """Read a dependency.

    Raises:
        FormatError: its reserved bytes are in use.
    """
    image, zero, *version = struct.unpack(order + "B3sBBHI", tlv.value)
    if any(zero):
        raise FormatError("a dependency uses its reserved bytes", offset=tlv.offset)
    return Dependency(image, Version(*version))


def dependency_tlv(dependency: Dependency, order: str) -> Tlv:
    try:
        return Tlv(Kind.DEPENDENCY, struct.pack(order + "B3xBBHI", dependency.image, *dependency.version))
    except struct.error as error:
        raise FormatError(f"a dependency on image {dependency.image} does not fit its record", name="usage") from error


def uuid_tlv(kind: Kind, text: str, namespace: bytes | None) -> Tlv:
    """An identifier, given as a UUID with or without dashes, or as a name (UUID version 5, RFC 9562).

    Args:
        namespace: UUID that names are relative to; None: there is none.

    Raises:
        FormatError: a name where none is possible, or one that cannot be printed.
    """
    if _UUID.fullmatch(text):
        return Tlv(kind, uuid.UUID(text).bytes)
    if namespace is None:
        raise FormatError("a class given by name needs the vendor it belongs to", name="usage")
    if not text.isprintable() or not text:
        raise FormatError(f"{text!r} is neither a UUID nor a name", name="usage")
    return Tlv(kind, uuid.uuid5(uuid.UUID(bytes=namespace), text).bytes)


def identity_tlvs(vendor: str | None, kind: str | None) -> list[Tlv]:
    """Records of vendor and image class: names of vendors are domains, names of classes are relative to their vendor."""
    found = []
    if vendor is not None:
        found.append(uuid_tlv(Kind.UUID_VID, vendor, uuid.NAMESPACE_DNS.bytes))
    if kind is not None:
        found.append(uuid_tlv(Kind.UUID_CID, kind, found[0].value if found else None))
    return found


def boot_record_tlv(record: BootRecord) -> Tlv:
    if len(record.role) > MAX_ROLE:
        raise FormatError(f"the software type {record.role!r} has more than {MAX_ROLE} characters", name="usage")
    entries: dict[int, Value] = {
        _ROLE: record.role,
        _VERSION: record.version,
        _SIGNER: record.signer,
        _ALGORITHM: record.algorithm,
        _MEASUREMENT: record.measurement,
    }
    return Tlv(Kind.BOOT_RECORD, dump(entries))


def boot_record_of(tlv: Tlv) -> BootRecord:
    """Read a boot record.

    Raises:
        FormatError: not one of the form that imgtool writes.
    """
    entries = load(tlv.value, offset=tlv.offset + 4)
    expected = {_ROLE: str, _VERSION: str, _SIGNER: bytes, _ALGORITHM: str, _MEASUREMENT: bytes}
    if {key: type(value) for key, value in entries.items()} != expected or list(entries)[-1] != _MEASUREMENT:
        raise FormatError("the boot record holds other entries than expected", offset=tlv.offset)
    return BootRecord(*(entries[key] for key in expected))  # type: ignore[arg-type]
