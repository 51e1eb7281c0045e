"""A grant: the bank lets somebody do something on some terminals for some time. Layout: docs/formats/signing.md section 6.

It names the holder's key: whoever copies the file cannot use it. A terminal takes each grant once.
"""

import dataclasses
import enum
from typing import ClassVar

import construct as c

from formats import signed_file
from formats.errors import TrustError
from formats.keys import PublicKey, read_public
from formats.record import Counted, Record, Text
from formats.signed_file import SignedDocument, SignedFile
from formats.trust import Trust

MAGIC = b"FWGRANT\x01"
ID_SIZE = 16
MAX_DEVICES = 64
MAX_USES = 16
MAX_DAYS = 31
"""Longest time a grant is good for: long enough for a tour, short enough to lose one."""
DAY_S = 24 * 3600


class Right(enum.IntFlag):
    """What a grant allows."""

    INSPECT = 1
    SERVICE = 2
    UPDATE = 4
    FACTORY = 8


class GrantRecord(Record):
    """The signed part."""

    id: bytes
    """Random; a terminal remembers it."""
    not_before: int
    """Seconds since 1970-01-01 UTC."""
    not_after: int
    """From that second on it is good for nothing."""
    rights: int
    uses: int
    """Sessions it opens on each terminal; an update takes two, because a restart is in between."""
    model: str
    devices: tuple[str, ...]
    """Serial numbers."""
    work_order: str
    holder: str
    """Name of the technician."""
    holder_key: bytes
    """SubjectPublicKeyInfo of the technician's key."""
    LAYOUT = c.Struct(
        "id" / c.Bytes(ID_SIZE),
        "not_before" / c.Int64ul,
        "not_after" / c.Int64ul,
        "rights" / c.Int8ul,
        "uses" / c.Int8ul,
        "model" / Text(),
        "devices" / Counted(c.Int8ul, Text(), at_most=MAX_DEVICES),
        "work_order" / Text(),
        "holder" / Text(),
        "holder_key" / c.Prefixed(c.Int16ul, c.GreedyBytes),
    )


@dataclasses.dataclass(frozen=True)
class Grant(SignedDocument):
    """A grant."""

    OBJECT: ClassVar[str] = "grant"

    record: GrantRecord
    key: PublicKey
    file: SignedFile

    @property
    def rights(self) -> Right:
        return Right(self.record.rights)

    def check(self, trust: Trust, model: str, serial_number: str, now: float) -> None:
        """Whether it is good on this terminal now.

        Args:
            now: Seconds since 1970-01-01 UTC.

        Raises:
            TrustError: not signed as the trust demands; for other terminals or another time (`not_authorised`).
        """
        trust.require("grant", self.digest, self.file.signatures)
        record = self.record
        if self.key.key_id in trust.record.revoked:
            raise TrustError("the holder's key is revoked", name="revoked")
        if record.model != model or serial_number not in record.devices:
            raise TrustError(f"the grant is not for {model} {serial_number}", name="not_authorised")
        if not record.not_before <= now < record.not_after:
            raise TrustError("the grant is not valid at this time", name="not_authorised")


def build(record: GrantRecord) -> Grant:
    """A grant that nobody has signed yet.

    Raises:
        FormatError: it contradicts itself (`usage`).
    """
    return parse(signed_file.unsigned(MAGIC, record.build()), error_name="usage")


def parse(data: bytes, *, error_name: str = "damaged_file") -> Grant:
    """Read a grant.

    Raises:
        FormatError: damaged, or its rules do not hold.
        TrustError: a weak holder's key.
    """
    found = signed_file.parse(data, MAGIC, "grant")
    record = GrantRecord.parse(found.body, what="the grant", offset=signed_file.HEAD_SIZE)
    key = read_public(record.holder_key)
    signed_file.hold((
        (key.der == record.holder_key, "the holder's key is not in its canonical form"),
        (0 < record.rights <= sum(Right), "the grant gives no rights, or some that do not exist"),
        (1 <= record.uses <= MAX_USES, f"a grant opens 1 to {MAX_USES} sessions"),
        (bool(record.model) and all(record.devices), "the grant names no model, or a device without a number"),
        (bool(record.devices) and list(record.devices) == sorted(set(record.devices)), "devices must be named once, in order"),
        (
            0 < record.not_after - record.not_before <= MAX_DAYS * DAY_S,
            f"a grant begins before it ends, and lasts at most {MAX_DAYS} days",
        ),
    ), error_name)  # fmt: skip
    return Grant(record, key, found)
