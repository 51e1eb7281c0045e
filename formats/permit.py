"""A permit: one release may be installed on some terminals although its security counter is below theirs. Layout:
docs/formats/signing.md section 7.

It travels as a component of the package it is for, so it cannot be used with another one.
"""

import dataclasses
from typing import ClassVar

import construct as c

from formats import signed_file
from formats.errors import TrustError
from formats.fwp.manifest import ComponentType, Manifest, VersionField
from formats.record import Counted, Record, Text
from formats.signed_file import SignedDocument, SignedFile
from formats.trust import Trust
from formats.versions import Version

MAGIC = b"FWPERMT\x01"
ID_SIZE = 16
MAX_DEVICES = 64
MAX_DAYS = 31
DAY_S = 24 * 3600


class PermitRecord(Record):
    """The signed part."""

    id: bytes
    """Random; names it in journals and records."""
    not_before: int
    """Seconds since 1970-01-01 UTC."""
    not_after: int
    """From that second on no host sends it. A device looks at no clock."""
    model: str
    devices: tuple[str, ...]
    """Serial numbers; none: every terminal of the model."""
    from_counter: int
    """The terminal's security counter, exactly: once it has risen, the permit is good for nothing."""
    to_counter: int
    """The package's."""
    to_version: Version
    work_order: str
    reason: str
    LAYOUT = c.Struct(
        "id" / c.Bytes(ID_SIZE),
        "not_before" / c.Int64ul,
        "not_after" / c.Int64ul,
        "model" / Text(),
        "devices" / Counted(c.Int8ul, Text(), at_most=MAX_DEVICES),
        "from_counter" / c.Int32ul,
        "to_counter" / c.Int32ul,
        "to_version" / VersionField(),
        "work_order" / Text(),
        "reason" / Text(),
    )


@dataclasses.dataclass(frozen=True)
class Permit(SignedDocument):
    """A permit."""

    OBJECT: ClassVar[str] = "permit"

    record: PermitRecord
    file: SignedFile

    def check(self, trust: Trust, manifest: Manifest, model: str, serial_number: str, counter: int) -> None:
        """Whether it lets this terminal take this package.

        Args:
            counter: The terminal's.

        Raises:
            TrustError: not signed as the trust demands; for something else (`rollback`).
        """
        trust.require("permit", self.digest, self.file.signatures)
        record = self.record
        if record.model != model or (record.devices and serial_number not in record.devices):
            raise TrustError(f"the permit is not for {model} {serial_number}", name="rollback")
        if (record.to_counter, record.to_version) != (manifest.security_counter, manifest.version):
            raise TrustError(f"the permit is for {record.to_version}, counter {record.to_counter}", name="rollback")
        if record.from_counter != counter:
            raise TrustError(
                f"the permit is for terminals at counter {record.from_counter}, this is at {counter}", name="rollback"
            )

    def check_time(self, now: float) -> None:
        """For hosts.

        Args:
            now: Seconds since 1970-01-01 UTC.

        Raises:
            TrustError: `expired`.
        """
        if not self.record.not_before <= now < self.record.not_after:
            raise TrustError(
                "the permit is not valid at this time", name="expired", hint="Ask for a new one: fwtool permit create"
            )


def is_brought(manifest: Manifest) -> bool:
    """Whether a package carries permits."""
    return any(component.type == ComponentType.PERMIT for component in manifest.installed)


def build(record: PermitRecord) -> Permit:
    """A permit that nobody has signed yet.

    Raises:
        FormatError: it contradicts itself (`usage`).
    """
    return parse(signed_file.unsigned(MAGIC, record.build()), error_name="usage")


def parse(data: bytes, *, error_name: str = "damaged_file") -> Permit:
    """Read a permit.

    Raises:
        FormatError: damaged, or its rules do not hold.
    """
    found = signed_file.parse(data, MAGIC, "permit")
    record = PermitRecord.parse(found.body, what="the permit", offset=signed_file.HEAD_SIZE)
    signed_file.hold((
        (bool(record.model) and all(record.devices), "the permit names no model, or a device without a number"),
        (list(record.devices) == sorted(set(record.devices)), "devices must be named once, in order"),
        (record.to_counter < record.from_counter, "a permit leads from a higher counter to a lower one"),
        (
            0 < record.not_after - record.not_before <= MAX_DAYS * DAY_S,
            f"a permit begins before it ends, and lasts at most {MAX_DAYS} days",
        ),
    ), error_name)  # fmt: skip
    return Permit(record, found)
