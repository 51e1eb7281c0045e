"""A small writer of packages and trust files from docs/formats/fwp.md and signing.md alone, signed with openssl.

Every computed field can be replaced, and every section edited, to make files that break one rule and no other.
"""

import dataclasses
import hashlib
import hmac
import lzma
import pathlib
import zlib
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.second import fwp, openssl

Edit = Callable[[bytes], bytes]
Version = tuple[int, int, int, int]


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def version(value: Version) -> bytes:
    return number(value[0], 1) + number(value[1], 1) + number(value[2], 2) + number(value[3], 4)


def text(value: str | bytes, width: int = 1) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode()
    return number(len(raw), width) + raw


def same(data: bytes) -> bytes:
    return data


@dataclasses.dataclass
class Part:
    """A component. `fix` replaces fields that follow from the others: installed, stored, first, digest."""

    content: bytes = bytes(range(20))
    name: str | bytes = "app"
    type: int = 3
    address: int = 0x08000000
    encoding: int = 0
    cipher: int = 0
    slot: int = 0
    variant: int = 0
    about: int = 0
    reserved: int = 0
    version: Version = (1, 2, 3, 0)
    base: bytes = bytes(32)
    fix: dict[str, int | bytes] = dataclasses.field(default_factory=dict)
    pack: Edit | None = None  # instead of the compression of a block
    seal: Edit = same  # changes the stored bytes of a block, the table knows
    length: Callable[[int], int] = lambda length: length  # changes the stored length in the table


@dataclasses.dataclass
class Plan:
    """A package. `fix` replaces fields of the header: magic, format, header, manifest, table, payload, reserved."""

    parts: list[Part] = dataclasses.field(default_factory=lambda: [Part()])
    manifest_version: int = 1
    reserved: int = 0
    block: int = 4096
    counter: int = 7
    version: Version = (1, 2, 3, 0)
    minimum: Version = (0, 0, 0, 0)
    revisions: tuple[int, int] = (1, 9)
    built: int = 1_790_000_000
    texts: Sequence[str | bytes] = ("Acme/VT-100", "Acme", "VT-100", "b1")
    notes: list[tuple[str | bytes, str | bytes]] = dataclasses.field(default_factory=lambda: [("en", "First.")])
    recipients: list[bytes] = dataclasses.field(default_factory=list)
    content_key: bytes = bytes(range(32))
    entry: int | None = None
    fix: dict[str, int | bytes] = dataclasses.field(default_factory=dict)
    edit_manifest: Edit = same
    edit_root: Edit = same
    edit_index: Edit = same  # behind the root's back
    edit_pages: Edit = same  # behind the index's back
    edit_entries: Edit = same  # the index and the root follow
    edit_payload: Edit = same


def pack(block: bytes, encoding: int) -> bytes:
    """fwp.md section 5.1."""
    if encoding == 1:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = deflate.compress(block) + deflate.flush()
    elif encoding == 2:
        packed = lzma.compress(block, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 65536}])
    else:
        return block
    return packed if len(packed) < len(block) else block


def wrap(key: bytes, content: bytes) -> bytes:
    """RFC 3394 section 2.2.1."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    a, rest = b"\xa6" * 8, [content[at : at + 8] for at in range(0, len(content), 8)]
    for turn in range(6 * len(rest)):
        place = turn % len(rest)
        out = encryptor.update(a + rest[place])
        a = bytes(x ^ y for x, y in zip(out[:8], (turn + 1).to_bytes(8, "big"), strict=True))
        rest[place] = out[8:]
    return a + b"".join(rest)


def recipient(group: bytes, one_time_key: pathlib.Path, content_key: bytes) -> bytes:
    """An entry for a group, whose SubjectPublicKeyInfo is given; fwp.md section 5.2."""
    agreement = 1 if group.startswith(fwp.X25519_HEAD) else 2
    one_time = openssl.public(one_time_key)[-32 if agreement == 1 else -65 :]
    secret = openssl.agree(one_time_key, group)
    wrapped = wrap(fwp.derive(secret, b"wrapping key " + one_time + sha256(group)), content_key)
    return number(agreement, 1) + sha256(group) + text(one_time) + wrapped


@dataclasses.dataclass
class Stored:
    entries: list[bytes]
    digests: list[bytes]
    payload: list[bytes]


def store(plan: Plan, part_number: int, part: Part, first: int, second: bool) -> Stored:
    """The blocks of a component, and their entries."""
    found = Stored([], [], [])
    for block_number, at in enumerate(range(0, len(part.content), plan.block), first):
        block = part.content[at : at + plan.block]
        stored = part.pack(block) if part.pack else pack(block, part.encoding)
        digest = sha256(block)
        if part.cipher:
            key = fwp.block_key(plan.content_key, part_number)
            stored = AESGCM(key).encrypt(block_number.to_bytes(12, "big"), stored, None)
            digest = hmac.digest(fwp.digest_key(plan.content_key, part_number), block, "sha256")
        stored = part.seal(stored)
        entry = digest + number(part.length(len(stored)), 4) + (sha256(stored) if second else b"")
        found.entries.append(entry)
        found.digests.append(digest)
        found.payload.append(stored)
    return found


def component(part: Part, first: int, stored: Stored) -> bytes:
    fields = {
        "installed": len(part.content), "stored": sum(map(len, stored.payload)), "first": first,
        "digest": sha256(*stored.digests), **part.fix,
    }  # fmt: skip
    options = (part.encoding, part.cipher, part.slot, part.variant, part.about, part.reserved)
    return (
        number(part.type, 2) + bytes(options) + version(part.version) + number(part.address, 8)
        + number(int(fields["installed"]), 8) + number(int(fields["stored"]), 8) + number(int(fields["first"]), 4)
        + bytes(fields["digest"]) + part.base + text(part.name)
    )  # fmt: skip


def manifest(plan: Plan, components: list[bytes]) -> bytes:
    notes = [text(language) + text(note, 2) for language, note in plan.notes]
    raw = (
        number(plan.manifest_version, 2) + number(plan.reserved, 2) + number(plan.block, 4) + number(plan.counter, 4)
        + version(plan.version) + version(plan.minimum) + number(plan.revisions[0], 4) + number(plan.revisions[1], 4)
        + number(plan.built, 8) + b"".join(map(text, plan.texts))
    )  # fmt: skip
    for entries in (components, notes, plan.recipients):
        raw += number(len(entries), 1) + b"".join(entries)
    return plan.edit_manifest(raw)


@dataclasses.dataclass(frozen=True)
class Unsigned:
    region: bytes
    table: bytes
    payload: bytes

    @property
    def identity(self) -> bytes:
        return sha256(self.region)

    def with_block(self, block: bytes) -> bytes:
        return self.region + self.table + self.payload + block


def table(plan: Plan, entries: list[bytes]) -> tuple[bytes, bytes]:
    """Table and root."""
    size = len(entries[0])
    raw = plan.edit_entries(b"".join(entries))
    pages = [raw[at : at + 64 * size] for at in range(0, len(raw), 64 * size)]
    index = b"".join(map(sha256, pages))
    return plan.edit_index(index) + plan.edit_pages(raw), plan.edit_root(sha256(index))


def build(plan: Plan) -> Unsigned:
    """A package without its signature block."""
    second = any(part.encoding or part.cipher for part in plan.parts) if plan.entry is None else plan.entry == 68
    components: list[bytes] = []
    entries: list[bytes] = []
    payload: list[bytes] = []
    for part_number, part in enumerate(plan.parts):
        stored = store(plan, part_number, part, len(entries), second)
        components.append(component(part, len(entries), stored))
        entries += stored.entries
        payload += stored.payload
    body = manifest(plan, components)
    stored_table, root = table(plan, entries)
    stored_payload = plan.edit_payload(b"".join(payload))
    fields = {
        "magic": b"FWP\r\n\x1a\n\0", "format": 1, "header": 64, "manifest": len(body), "table": len(stored_table),
        "payload": len(stored_payload), "reserved": bytes(32), **plan.fix,
    }  # fmt: skip
    head = (
        bytes(fields["magic"]) + number(int(fields["format"]), 2) + number(int(fields["header"]), 2)
        + number(int(fields["manifest"]), 4) + number(int(fields["table"]), 8) + number(int(fields["payload"]), 8)
        + bytes(fields["reserved"])
    )  # fmt: skip
    return Unsigned(head + body + root, stored_table, stored_payload)


# --- signing.md section 3


def signature_entry(identity: bytes, signature: bytes, *, zero: int = 0, size: int | None = None) -> bytes:
    return identity + number(len(signature) if size is None else size, 2) + number(zero, 2) + signature


def signature_block(
    entries: list[bytes], *, magic: bytes = b"FWSB", count: int | None = None, zero: int = 0, size: int | None = None,
    behind: bytes = b"", digest: Edit = same,
) -> bytes:  # fmt: skip
    body = b"".join(entries) + behind
    head = magic + number(len(entries) if count is None else count, 2) + number(zero, 2)
    head += number(44 + len(body) if size is None else size, 4)
    return head + body + digest(sha256(head + body))


@dataclasses.dataclass(frozen=True)
class Signer:
    """A private key and its algorithm."""

    algorithm: str
    path: pathlib.Path
    spki: bytes

    @property
    def identity(self) -> bytes:
        return sha256(self.spki)

    def entry(self, kind: str, digest: bytes) -> bytes:
        return signature_entry(self.identity, openssl.sign(self.algorithm, self.path, fwp.message(kind, digest)))


def signed(unsigned: Unsigned, *signers: Signer) -> bytes:
    """A package with a signature of each key."""
    return unsigned.with_block(signature_block(sorted(signer.entry("package", unsigned.identity) for signer in signers)))


# --- signing.md section 4


@dataclasses.dataclass
class TrustPlan:
    """A trust file: keys as (name, expires, SubjectPublicKeyInfo), roles as (role, threshold, indices)."""

    keys: list[tuple[str | bytes, int, bytes]]
    roles: list[tuple[int, int, Sequence[int]]] = dataclasses.field(default_factory=lambda: [(0, 1, (0,))])
    version: int = 1
    created: int = 0
    expires: int = 0
    revoked: list[bytes] = dataclasses.field(default_factory=list)
    models: list[tuple[str | bytes, int]] = dataclasses.field(default_factory=list)
    magic: bytes = b"FWTRUST\x01"
    size: int | None = None
    behind: bytes = b""
    block: Callable[[bytes], bytes] = lambda identity: signature_block([])


def trust_file(plan: TrustPlan) -> bytes:
    record = number(plan.version, 4) + number(plan.created, 8) + number(plan.expires, 8)
    record += number(len(plan.keys), 1)
    for name, expires, spki in plan.keys:
        record += text(name) + number(expires, 8) + text(spki, 2)
    record += number(len(plan.roles), 1)
    for role, threshold, indices in plan.roles:
        record += bytes((role, threshold, len(indices), *indices))
    record += number(len(plan.revoked), 1) + b"".join(plan.revoked)
    record += number(len(plan.models), 1) + b"".join(text(model) + number(counter, 4) for model, counter in plan.models)
    record += plan.behind
    body = plan.magic + number(len(record) if plan.size is None else plan.size, 4) + record
    return body + plan.block(sha256(body))


# --- signing.md section 6


@dataclasses.dataclass
class GrantPlan:
    """A grant for a holder whose SubjectPublicKeyInfo is given."""

    key: bytes
    first: int
    until: int
    rights: int = fwp.FACTORY
    sessions: int = 2
    identifier: bytes = bytes(16)
    model: str | bytes = "VT-100"
    serials: Sequence[str | bytes] = ("SIM-0001",)
    order: str | bytes = "W-1"
    holder: str | bytes = "Li Wei"
    magic: bytes = b"FWGRANT\x01"
    behind: bytes = b""


def grant_file(plan: GrantPlan, signers: Sequence[Signer], kind: str = "grant") -> bytes:
    record = plan.identifier + number(plan.first, 8) + number(plan.until, 8) + bytes((plan.rights, plan.sessions))
    record += text(plan.model) + number(len(plan.serials), 1) + b"".join(map(text, plan.serials))
    record += text(plan.order) + text(plan.holder) + text(plan.key, 2) + plan.behind
    body = plan.magic + number(len(record), 4) + record
    return body + signature_block(sorted(signer.entry(kind, sha256(body)) for signer in signers))
