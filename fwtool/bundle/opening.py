"""Open a bundle that came from somewhere: form, signature, digests, in this order."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from formats.errors import FormatError, TrustError
from formats.keys import PublicKey
from fwtool.bundle import archive, manifest
from fwtool.bundle.manifest import BAD, NAME, Manifest


class Opened(NamedTuple):
    """A bundle that is whole."""

    manifest: Manifest
    signature: str
    """good, unknown_key or not_signed."""
    members: dict[str, bytes]


def opened(data: bytes, keys: Sequence[PublicKey]) -> Opened:
    """Take a bundle apart.

    Args:
        keys: Who may have signed it.

    Raises:
        FormatError: damaged, in another form than ours, or not what its signed list says.
        TrustError: a signature by one of the keys does not hold.
    """
    parts = archive.parse(data)
    first = next(parts)
    if first.name != NAME:
        raise FormatError(f"the first member is {first.name}, expected {NAME}", name="unsupported_format")
    listed = manifest.parse(first.data)
    signature = listed.signature(keys)
    if signature == BAD:
        raise TrustError("the signature of the bundle does not hold", hint="Do not rely on it; ask for it again.")
    members = {part.name: part.data for part in parts}
    if list(members) != list(listed.digests):
        raise FormatError("the bundle does not hold what its signed list names", hint="Ask for it again.")
    for name, body in members.items():
        if hashlib.sha256(body).hexdigest() != listed.digests[name]:
            raise FormatError(f"{name} is not what was signed: its digest differs", hint="Ask for it again.")
    return Opened(listed, signature, members)
