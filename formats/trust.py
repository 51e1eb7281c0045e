"""The trust file: which keys may sign, and how many of them must.

Binary, because the terminal's boot loader reads the same file; `fwtool trust show` is its human face. Layout:
docs/formats/signing.md section 4. Counting is over distinct key material: a key's id is a digest of the key, and a file
that names a key twice is refused.
"""

import dataclasses
import enum
import hashlib
import struct

import construct as c

from formats.errors import FormatError, TrustError
from formats.keys import PublicKey, read_public
from formats.record import Choice, Counted, Nested, Record, Text
from formats.signing import SignatureBlock, message_for

MAX_KEYS = 16
MAX_ROLES = 4
MAX_FILE_SIZE = 64 * 1024
MAGIC = b"FWTRUST\x01"
_HEAD = struct.Struct("<8sI")


class Role(enum.IntEnum):
    """For whom a key speaks. Every role that a trust file lists must be satisfied."""

    SIGNER = 0
    MAKER = 1
    BANK = 2


class KeyEntry(Record):
    """One trusted key: SubjectPublicKeyInfo in DER, and the name people know it by."""

    name: str
    der: bytes
    LAYOUT = c.Struct("name" / Text(), "der" / c.Prefixed(c.Int16ul, c.GreedyBytes))


class RoleEntry(Record):
    """How many (`threshold`) of which keys (indices into the key list, ascending) must sign."""

    role: Role
    threshold: int
    keys: tuple[int, ...]
    LAYOUT = c.Struct(
        "role" / Choice(c.Int8ul, Role), "threshold" / c.Int8ul, "keys" / Counted(c.Int8ul, c.Int8ul, at_most=MAX_KEYS)
    )


class TrustRecord(Record):
    """The signed part of a trust file."""

    version: int
    """Counts up with each rotation; a device never goes back."""
    keys: tuple[KeyEntry, ...]
    roles: tuple[RoleEntry, ...]
    LAYOUT = c.Struct(
        "version" / c.Int32ul,
        "keys" / Counted(c.Int8ul, Nested(KeyEntry), at_most=MAX_KEYS),
        "roles" / Counted(c.Int8ul, Nested(RoleEntry), at_most=MAX_ROLES),
    )


class Check(enum.StrEnum):
    """What became of one signature."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN_KEY = "unknown_key"


@dataclasses.dataclass(frozen=True)
class Judged:
    """One signature of a block, judged against a trust file."""

    key_id: bytes
    check: Check
    key_name: str = ""


@dataclasses.dataclass(frozen=True)
class Trust:
    """A trust file after all its checks."""

    record: TrustRecord
    keys: tuple[PublicKey, ...]
    raw: bytes

    @property
    def digest(self) -> bytes:
        """Identity of this trust file, 32 bytes; independent of any signatures on it."""
        return hashlib.sha256(_with_head(self.record)).digest()

    def judge(self, kind: str, digest: bytes, block: SignatureBlock) -> tuple[Judged, ...]:
        """What each signature of `block` is worth for an object of this kind and digest."""
        message = message_for(kind, digest)
        known = {key.key_id: (key, entry.name) for key, entry in zip(self.keys, self.record.keys, strict=True)}
        judged = []
        for signature in block.signatures:
            key, name = known.get(signature.key_id, (None, ""))
            if key is None:
                judged.append(Judged(signature.key_id, Check.UNKNOWN_KEY))
            else:
                good = key.verify(signature.value, message)
                judged.append(Judged(signature.key_id, Check.VALID if good else Check.INVALID, name))
        return tuple(judged)

    def require(self, kind: str, digest: bytes, block: SignatureBlock) -> tuple[Judged, ...]:
        """Judge, and insist that every role has its threshold and that no trusted key signed badly.

        Raises:
            TrustError: `not_signed` without any signature, else `bad_signature`.
        """
        judged = self.judge(kind, digest, block)
        if not judged:
            raise TrustError("it is not signed", name="not_signed", hint="Sign it with: fwtool image sign FILE --key KEY.pem")
        for one in judged:
            if one.check is Check.INVALID:
                raise TrustError(
                    f"the signature by {one.key_name} ({one.key_id.hex()[:16]}) does not fit the content",
                    hint="The content was changed after signing, or the file is forged. Get it again from its maker.",
                )
        valid = {one.key_id for one in judged if one.check is Check.VALID}
        for role in self.record.roles:
            signed = sum(self.keys[index].key_id in valid for index in role.keys)
            if signed < role.threshold:
                unknown = ", ".join(j.key_id.hex()[:16] for j in judged if j.check is Check.UNKNOWN_KEY)
                raise TrustError(
                    f"{signed} of {role.threshold} needed signatures by {role.role.name.lower()} keys are there"
                    + (f" (unknown keys do not count: {unknown})" if unknown else ""),
                    hint="Ask for the missing signatures, or check that this is the right trust file.",
                )
        return judged


def create(keys: list[tuple[str, PublicKey]], threshold: int, version: int = 1) -> bytes:
    """A trust file for one role (signer), not signed by an earlier root.

    Args:
        keys: Name and key of each signer.
        threshold: How many of them must sign.

    Raises:
        FormatError: a key twice, no keys, or a threshold that cannot be met (`name="usage"`).
    """
    ordered = sorted(keys, key=lambda pair: pair[1].key_id)
    record = TrustRecord(
        version=version,
        keys=tuple(KeyEntry(name=name, der=key.der) for name, key in ordered),
        roles=(RoleEntry(role=Role.SIGNER, threshold=threshold, keys=tuple(range(len(ordered)))),),
    )
    raw = _with_head(record) + SignatureBlock().build()
    parse(raw, error_name="usage")
    return raw


def _with_head(record: TrustRecord) -> bytes:
    body = record.build()
    return _HEAD.pack(MAGIC, len(body)) + body


def parse(data: bytes, *, error_name: str = "damaged_file") -> Trust:
    """Read a trust file, or a lone public key in PEM as a trust of one.

    Raises:
        FormatError: damaged, or rules that make no sense.
        TrustError: a weak key in it.
    """
    if data.lstrip().startswith(b"-----BEGIN"):
        return parse(create([("public key", read_public(data))], threshold=1))
    if not _HEAD.size <= len(data) <= MAX_FILE_SIZE or not data.startswith(MAGIC):
        raise FormatError(
            "this is not a trust file", hint="Make one with: fwtool trust create --threshold M PUB.pem... --out TRUST"
        )
    end = _HEAD.size + _HEAD.unpack_from(data)[1]
    if end > len(data):
        raise FormatError("the trust file is shorter than it says", offset=len(data))
    SignatureBlock.parse(data[end:], offset=end)
    record = TrustRecord.parse(data[_HEAD.size : end], what="the trust file", offset=_HEAD.size)
    keys = tuple(read_public(entry.der) for entry in record.keys)
    _check_rules(record, keys, error_name)
    return Trust(record, keys, data)


def _check_rules(record: TrustRecord, keys: tuple[PublicKey, ...], name: str) -> None:
    ids = [key.key_id for key in keys]
    if not keys or len(set(ids)) != len(ids) or ids != sorted(ids):
        raise FormatError("a trust file needs at least one key, each key once", name=name)
    if any(key.der != entry.der for key, entry in zip(keys, record.keys, strict=True)):
        raise FormatError("a key in the trust file is not in its canonical form", name=name)
    roles = [role.role for role in record.roles]
    if not roles or len(set(roles)) != len(roles):
        raise FormatError("a trust file needs at least one role, each role once", name=name)
    for role in record.roles:
        if list(role.keys) != sorted(set(role.keys)) or any(index >= len(keys) for index in role.keys):
            raise FormatError("a role lists a key twice, or one that is not there", name=name)
        if not 1 <= role.threshold <= len(role.keys):
            raise FormatError(f"a threshold of {role.threshold} with {len(role.keys)} keys makes no sense", name=name)
