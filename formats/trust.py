"""The trust file: which keys may sign, and how many of them must.

Binary, because the terminal's boot loader reads the same file; `fwtool trust show` is its human face. Layout:
docs/formats/signing.md section 4. Counting is over distinct key material: a key's id is a digest of the key, and a file
that names a key twice is refused.
"""

import dataclasses
import enum
from collections.abc import Mapping, Sequence

from formats import signed_file
from formats.errors import FormatError, LocalError, TrustError
from formats.keys import PublicKey, read_public
from formats.signing import SignatureBlock, message_for
from formats.trust_record import KeyEntry, ModelEntry, Role, RoleEntry, TrustRecord, check_rules

MAX_FILE_SIZE = signed_file.MAX_SIZE
MAGIC = b"FWTRUST\x01"
BANK_OBJECTS = ("grant", "permit", "work-order")
"""Who may do what on a terminal, and when, is the bank's to say."""
CLOCK_SLACK_S = 24 * 3600
"""A clock may be that far behind the moment a trust file was made."""


class Check(enum.StrEnum):
    """What became of one signature."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN_KEY = "unknown_key"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclasses.dataclass(frozen=True)
class Judged:
    """One signature of a block, judged against a trust file."""

    key_id: bytes
    check: Check
    key_name: str = ""


@dataclasses.dataclass(frozen=True)
class Trust:
    """A trust file after all its checks. `now` is in seconds since 1970-01-01 UTC; None: expiry is not looked at, as on a
    device, whose clock must neither lock nor unlock it."""

    record: TrustRecord
    keys: tuple[PublicKey, ...]
    raw: bytes

    @property
    def digest(self) -> bytes:
        """Identity of this trust file, 32 bytes; independent of any signatures on it."""
        return signed_file.parse(self.raw, MAGIC, "trust file").digest

    @property
    def signatures(self) -> SignatureBlock:
        """By whom the file itself is signed."""
        return signed_file.parse(self.raw, MAGIC, "trust file").signatures

    def roles_for(self, kind: str) -> tuple[RoleEntry, ...]:
        """The roles that must all have their threshold: the root for trust files, the bank for what permits work on its
        terminals, if there are such roles; else all but the root."""
        special = {"trust": Role.ROOT, **dict.fromkeys(BANK_OBJECTS, Role.BANK)}.get(kind)
        chosen = tuple(role for role in self.record.roles if role.role is special)
        return chosen or tuple(role for role in self.record.roles if role.role is not Role.ROOT)

    def minimum_counter(self, model: str) -> int:
        """The lowest security counter that a package for `model` may have."""
        return next((entry.counter for entry in self.record.models if entry.model == model), 0)

    def judge(self, kind: str, digest: bytes, block: SignatureBlock, now: float | None = None) -> tuple[Judged, ...]:
        """What each signature of `block` is worth for an object of this kind and digest."""
        message = message_for(kind, digest)
        known = {key.key_id: (key, entry) for key, entry in zip(self.keys, self.record.keys, strict=True)}
        judged = []
        for signature in block.signatures:
            key, entry = known.get(signature.key_id, (None, None))
            if key is None or entry is None:
                check = Check.REVOKED if signature.key_id in self.record.revoked else Check.UNKNOWN_KEY
                judged.append(Judged(signature.key_id, check))
            elif not key.verify(signature.value, message):
                judged.append(Judged(signature.key_id, Check.INVALID, entry.name))
            else:
                late = now is not None and 0 < entry.expires <= now
                judged.append(Judged(signature.key_id, Check.EXPIRED if late else Check.VALID, entry.name))
        return tuple(judged)

    def require(self, kind: str, digest: bytes, block: SignatureBlock, now: float | None = None) -> tuple[Judged, ...]:
        """Judge, and insist that every role has its threshold and that no trusted key signed badly.

        Raises:
            TrustError: `not_signed` without any signature, `expired`, `revoked`, else `bad_signature`.
            LocalError: the clock is wrong (`clock_wrong`).
        """
        self.check_time(now)
        judged = self.judge(kind, digest, block, now)
        self.decide(kind, judged)
        return judged

    def decide(self, kind: str, judged: Sequence[Judged]) -> None:
        """Whether these are enough. Raises as `require` does."""
        if not judged:
            raise TrustError("it is not signed", name="not_signed", hint=_SIGN.get(kind, ""))
        for one in judged:
            if one.check is Check.INVALID:
                raise TrustError(
                    f"the signature by {one.key_name} ({one.key_id.hex()[:16]}) does not fit the content",
                    hint="The content was changed after signing, or the file is forged. Get it again from its maker.",
                )
        valid = {one.key_id for one in judged if one.check is Check.VALID}
        for role in self.roles_for(kind):
            signed = sum(self.keys[index].key_id in valid for index in role.keys)
            if signed < role.threshold:
                raise _too_few(role, signed, judged)

    def check_time(self, now: float | None) -> None:
        """Whether this trust file still vouches for anything at `now`.

        Raises:
            TrustError: `expired`.
            LocalError: the clock is before the making of the file, so nothing can be said (`clock_wrong`).
        """
        if now is None:
            return
        if now < self.record.created - CLOCK_SLACK_S:
            raise LocalError(
                "the clock of this computer is before the day this trust file was made", name="clock_wrong",
                hint="Set the clock and try again.",
            )  # fmt: skip
        if 0 < self.record.expires <= now:
            raise TrustError(
                "the trust file has expired", name="expired", hint="Get its successor, and install it: fwtool trust install TRUST"
            )


_VERBS = {"package": "image sign", "grant": "grant sign", "permit": "permit sign", "work-order": "order sign"}
_SIGN = {kind: f"Sign it with: fwtool {verb} FILE --key KEY.pem" for kind, verb in _VERBS.items()}
_WORTHLESS = {Check.UNKNOWN_KEY: "unknown", Check.REVOKED: "revoked", Check.EXPIRED: "expired"}


def _too_few(role: RoleEntry, signed: int, judged: Sequence[Judged]) -> TrustError:
    others = [f"{one.key_id.hex()[:16]} {_WORTHLESS[one.check]}" for one in judged if one.check in _WORTHLESS]
    checks = {one.check for one in judged}
    name = "revoked" if Check.REVOKED in checks else "expired" if Check.EXPIRED in checks else "bad_signature"
    return TrustError(
        f"{signed} of {role.threshold} needed signatures by {role.role.name.lower()} keys are there"
        + (f" (these do not count: {', '.join(others)})" if others else ""),
        name=name,
        hint="Ask for the missing signatures, or check that this is the right trust file.",
    )


def create(keys: Sequence[tuple[str, PublicKey]], threshold: int, version: int = 1, *, foreign: bool = False) -> bytes:
    """A trust file for one role (signer), not signed by an earlier root. Raises as `compose` does.

    Args:
        keys: Name and key of each signer.
        threshold: How many of them must sign.
    """
    return compose({Role.SIGNER: (threshold, keys)}, version=version, foreign=foreign)


def compose(
    roles: Mapping[Role, tuple[int, Sequence[tuple[str, PublicKey]]]],
    *,
    version: int = 1,
    created: int = 0,
    expires: int = 0,
    key_expires: Mapping[bytes, int] | None = None,
    revoked: Sequence[bytes] = (),
    counters: Mapping[str, int] | None = None,
    foreign: bool = False,
) -> bytes:
    """A trust file that nobody has signed yet.

    Args:
        roles: Threshold, and names and keys, of each role.
        created, expires: Seconds since 1970-01-01 UTC; 0: not said, never.
        key_expires: The same for single keys, by key id.
        revoked: Ids of keys that are not to count any more.
        counters: Lowest security counter of each model.
        foreign: As for `parse`.

    Raises:
        FormatError: a key twice in a role, no keys, or a threshold that cannot be met (`usage`).
    """
    known: dict[bytes, tuple[str, PublicKey]] = {}
    for _, keys in roles.values():
        for name, key in keys:
            known.setdefault(key.key_id, (name, key))
    ordered = sorted(known)
    entries = [
        RoleEntry(role=role, threshold=threshold, keys=tuple(sorted(ordered.index(key.key_id) for _, key in keys)))
        for role, (threshold, keys) in sorted(roles.items())
    ]
    late = key_expires or {}
    record = TrustRecord(
        version=version,
        created=created,
        expires=expires,
        keys=tuple(KeyEntry(name=known[i][0], expires=late.get(i, 0), der=known[i][1].der) for i in ordered),
        roles=tuple(entries),
        revoked=tuple(sorted(set(revoked))),
        models=tuple(ModelEntry(model=model, counter=counter) for model, counter in sorted((counters or {}).items())),
    )
    raw = with_head(record) + SignatureBlock().build()
    parse(raw, error_name="usage", foreign=foreign)
    return raw


def with_head(record: TrustRecord) -> bytes:
    """What is signed of a trust file."""
    return signed_file.signed_part(MAGIC, record.build())


def parse(data: bytes, *, error_name: str = "damaged_file", foreign: bool = False) -> Trust:
    """Read a trust file, or a lone public key in PEM as a trust of one.

    Args:
        foreign: Also take a lone key that only signs images of others (`formats.algorithms.FOREIGN`).

    Raises:
        FormatError: damaged, or rules that make no sense.
        TrustError: a weak key in it.
    """
    if data.lstrip().startswith(b"-----BEGIN"):
        return parse(create([("public key", read_public(data, foreign=foreign))], threshold=1, foreign=foreign), foreign=foreign)
    try:
        found = signed_file.parse(data, MAGIC, "trust file")
    except FormatError as error:
        if error.name == "unsupported_format":
            error.hint = "Make one with: fwtool trust create --threshold M PUB.pem... --out TRUST"
        raise
    record = TrustRecord.parse(found.body, what="the trust file", offset=signed_file.HEAD_SIZE)
    keys = tuple(read_public(entry.der, foreign=foreign) for entry in record.keys)
    check_rules(record, keys, error_name)
    return Trust(record, keys, data)
