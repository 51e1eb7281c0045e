"""The firmware that the scenarios install: small packages with known bytes."""

import dataclasses
import functools
import hashlib
import io

from formats.fwp import package
from formats.fwp.manifest import Manifest
from formats.versions import Version
from tests.support import KEY, make_package, pattern, trust_of

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
