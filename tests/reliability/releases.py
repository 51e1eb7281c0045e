"""The firmware that the scenarios install: small packages with known bytes."""

import dataclasses
import functools
import hashlib
import io

from formats import permit, rotation
from formats import trust as trust_format
from formats.fwp import package
from formats.fwp.manifest import ComponentType, Manifest
from formats.keys import PrivateKey
from formats.permit import DAY_S, PermitRecord
from formats.trust import Trust
from formats.trust_record import Role
from formats.versions import Version
from tests.support import KEY, SECOND_KEY, make_package, part, pattern, trust_of

TRUST = trust_of(KEY)


@dataclasses.dataclass(frozen=True)
class Release:
    """One package, taken apart as a host sends it."""

    version: Version
    counter: int
    manifest: Manifest
    signed: bytes
    signatures: bytes
    index: bytes
    pages: tuple[bytes, ...]
    blocks: tuple[bytes, ...]

    @functools.cached_property
    def digest(self) -> bytes:
        return hashlib.sha256(self.signed).digest()


def permitted(version: str, counter: int, size: int, from_counter: int) -> Release:
    """A release that brings a permit for terminals at this counter."""
    record = PermitRecord(
        id=bytes(16), not_before=0, not_after=DAY_S, model="VT-100", devices=(), from_counter=from_counter,
        to_counter=counter, to_version=Version.parse(version), work_order="WO-1", reason="tests",
    )  # fmt: skip
    file = part(permit.build(record).signed([KEY]), "permit", kind=ComponentType.PERMIT)
    return taken_apart(make_package([pattern(size, 8), file], version=version, counter=counter))


def taken_apart(raw: bytes) -> Release:
    opened = package.seal(io.BytesIO(raw)).open()
    manifest, table = opened.manifest, opened.table
    sealed, pages = opened.sealed, range(table.shape.page_count)
    return Release(
        manifest.version, manifest.security_counter, manifest, sealed.signed, sealed.signatures.build(), table.index,
        tuple(table.page(number) for number in pages), tuple(data for _, data in opened.blocks()),
    )  # fmt: skip


@functools.cache
def release(
    version: str, counter: int, size: int, seed: int, parts: int = 1, kept: int = 0, blank: int = 0, erased: int = 0xFF
) -> Release:
    """A release of `size` bytes in `parts` components.

    Args:
        kept: So many bytes from the start are those of seed 1, as in a release before.
        blank: So many bytes in the middle read as erased ones.
    """
    data = pattern(size, 1)[:kept] + pattern(size, seed)[kept:]
    if blank:
        half = (size // 2) & ~4095
        data = data[:half] + bytes([erased]) * blank + data[half + blank :]
    step = -(-size // parts)
    return taken_apart(make_package([data[at : at + step] for at in range(0, size, step)], version=version, counter=counter))


def next_trust(*signers: PrivateKey, version: int = 2) -> Trust:
    """A trust that takes the place of `TRUST`: another key, and the first one is revoked."""
    named = {Role.SIGNER: (1, [("key 1", SECOND_KEY.public)])}
    raw = trust_format.compose(named, version=version, revoked=[KEY.public.key_id])
    return rotation.sign(trust_format.parse(raw), signers)


def bringing(version: str, counter: int, size: int, trusts: tuple[Trust, ...], *signers: PrivateKey) -> Release:
    """A release with these trust files."""
    files = [part(trust.raw, f"trust{number}", kind=ComponentType.TRUST) for number, trust in enumerate(trusts)]
    return taken_apart(make_package([pattern(size, 9), *files], version=version, counter=counter, signers=signers))
