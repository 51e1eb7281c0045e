"""The signed part of a trust file, and the rules its numbers must keep. Layout: docs/formats/signing.md section 4."""

import enum

import construct as c

from formats.errors import FormatError
from formats.keys import PublicKey
from formats.record import Choice, Counted, Nested, Record, Text

MAX_KEYS = 16
MAX_ROLES = 4
MAX_REVOKED = 64
MAX_MODELS = 64


class Role(enum.IntEnum):
    """For whom a key speaks."""

    SIGNER = 0
    MAKER = 1
    BANK = 2
    ROOT = 3
    """Signs trust files, and nothing else."""


class KeyEntry(Record):
    """One trusted key: SubjectPublicKeyInfo in DER, and the name people know it by."""

    name: str
    expires: int
    """Seconds since 1970-01-01 UTC from which on its signatures do not count any more; 0: never."""
    der: bytes
    LAYOUT = c.Struct("name" / Text(), "expires" / c.Int64ul, "der" / c.Prefixed(c.Int16ul, c.GreedyBytes))


class RoleEntry(Record):
    """How many (`threshold`) of which keys (indices into the key list, ascending) must sign."""

    role: Role
    threshold: int
    keys: tuple[int, ...]
    LAYOUT = c.Struct(
        "role" / Choice(c.Int8ul, Role), "threshold" / c.Int8ul, "keys" / Counted(c.Int8ul, c.Int8ul, at_most=MAX_KEYS)
    )


class ModelEntry(Record):
    """The lowest security counter that a package for a model may have."""

    model: str
    counter: int
    LAYOUT = c.Struct("model" / Text(), "counter" / c.Int32ul)


class TrustRecord(Record):
    """Who may sign what, until when, and what is too old."""

    version: int
    """Counts up with each rotation; a device never goes back."""
    created: int
    """Seconds since 1970-01-01 UTC; a clock that is far before it is wrong. 0: not said."""
    expires: int
    """From then on it vouches for nothing any more; 0: never."""
    keys: tuple[KeyEntry, ...]
    roles: tuple[RoleEntry, ...]
    revoked: tuple[bytes, ...]
    """Ids of keys whose signatures are never to count again, ascending."""
    models: tuple[ModelEntry, ...]
    LAYOUT = c.Struct(
        "version" / c.Int32ul,
        "created" / c.Int64ul,
        "expires" / c.Int64ul,
        "keys" / Counted(c.Int8ul, Nested(KeyEntry), at_most=MAX_KEYS),
        "roles" / Counted(c.Int8ul, Nested(RoleEntry), at_most=MAX_ROLES),
        "revoked" / Counted(c.Int8ul, c.Bytes(32), at_most=MAX_REVOKED),
        "models" / Counted(c.Int8ul, Nested(ModelEntry), at_most=MAX_MODELS),
    )


def check_rules(record: TrustRecord, keys: tuple[PublicKey, ...], error_name: str) -> None:
    """Rules between the fields.

    Raises:
        FormatError: one of them does not hold.
    """
    ids = [key.key_id for key in keys]
    roles = [role.role for role in record.roles]
    models = [entry.model for entry in record.models]
    rules = (
        (bool(keys) and ids == sorted(set(ids)), "a trust file needs at least one key, each key once"),
        (
            all(key.der == entry.der for key, entry in zip(keys, record.keys, strict=True)),
            "a key in the trust file is not in its canonical form",
        ),
        (len(set(roles)) == len(roles), "a trust file has each role once"),
        (any(role is not Role.ROOT for role in roles), "a trust file needs a role that signs packages"),
        (list(record.revoked) == sorted(set(record.revoked)), "a trust file names a revoked key twice, or out of order"),
        (not set(ids) & set(record.revoked), "a trust file both trusts and revokes a key"),
        (models == sorted(set(models)) and all(models), "a trust file names a model twice, or out of order"),
    )
    for holds, reason in rules:
        if not holds:
            raise FormatError(reason, name=error_name)
    for role in record.roles:
        if list(role.keys) != sorted(set(role.keys)) or any(index >= len(keys) for index in role.keys):
            raise FormatError("a role lists a key twice, or one that is not there", name=error_name)
        if not 1 <= role.threshold <= len(role.keys):
            raise FormatError(f"a threshold of {role.threshold} with {len(role.keys)} keys makes no sense", name=error_name)
