"""The signed list of what is in a bundle: object `bundle` of docs/formats/signing.md, as a small signed file."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from formats import signed_file
from formats.errors import FormatError
from formats.keys import PublicKey
from formats.signed_file import SignedFile
from formats.signing import Signature, SignatureBlock, Signer, message_for
from fwtool.bundle.archive import Member
from fwtool.bundle.json_file import Fields, load
from fwtool.records.entry import canonical

MAGIC: Final = b"FWBUNDL\x01"
OBJECT: Final = "bundle"
NAME: Final = "MANIFEST.fwb"
SCHEMA: Final = 1
TRUSTED, UNKNOWN, NOT_SIGNED, BAD = "good", "unknown_key", "not_signed", "bad"
"""What a signature comes to."""


class Manifest(NamedTuple):
    """What a bundle says of itself."""

    facts: dict[str, Any]
    """`created`, `tool`, `technician`, `reason`, `port`, `model`, `serial_number`, `simulated`."""
    digests: dict[str, str]
    """Name of each other member -> SHA-256, lower-case hex, in order."""
    missing: dict[str, str]
    """What could not be had, and why."""
    file: SignedFile

    @property
    def key_id(self) -> str:
        """The key it says it is signed with; empty: it is not signed."""
        found = self.file.signatures.signatures
        return found[0].key_id.hex() if found else ""

    def signature(self, keys: Sequence[PublicKey]) -> str:
        """What the signature comes to under these keys. One by an unknown key never counts."""
        known = {key.key_id: key for key in keys}
        ours = [(known[one.key_id], one) for one in self.file.signatures.signatures if one.key_id in known]
        if not ours:
            return UNKNOWN if self.key_id else NOT_SIGNED
        message = message_for(OBJECT, self.file.digest)
        return TRUSTED if all(key.verify(one.value, message) for key, one in ours) else BAD


def sign(facts: dict[str, Any], members: Sequence[Member], missing: dict[str, str], signer: Signer) -> Member:
    """The list as a member."""
    body = {
        "schema": SCHEMA,
        "facts": facts,
        "members": [{"name": one.name, "sha256": hashlib.sha256(one.data).hexdigest()} for one in members],
        "missing": missing,
    }
    bare = SignedFile(MAGIC, canonical(body).encode(), SignatureBlock())
    signature = Signature(signer.public.key_id, signer.sign(message_for(OBJECT, bare.digest)))
    return Member(NAME, bare._replace(signatures=SignatureBlock((signature,))).build())


def parse(data: bytes) -> Manifest:
    """Read the list; nothing in it has been believed yet.

    Raises:
        FormatError: damaged, or of another kind.
    """
    found = signed_file.parse(data, MAGIC, "list of a support bundle")
    body = Fields(load(found.body, NAME), NAME)
    if body.whole("schema") != SCHEMA:
        raise FormatError(f"the bundle is of a form that is not known here ({body.whole('schema')})", name="unsupported_format")
    rows = [Fields(row, NAME) for row in body.rows("members")]
    digests = {row.text("name"): row.text("sha256") for row in rows}
    if len(digests) != len(rows):
        raise FormatError(f"{NAME} names a member twice")
    missing = {name: str(reason) for name, reason in body.table("missing").items()}
    return Manifest(body.table("facts"), digests, missing, found)


def dumped(value: Any) -> bytes:
    """A member's JSON: sorted keys, indented, for people too."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"
