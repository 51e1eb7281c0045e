"""Packages and trust files, read as docs/formats/fwp.md and docs/formats/signing.md say, and by nothing else.

A cursor walks over the bytes; every rule is checked where the documents have it in their order. A rule that does not hold
raises `Refused`, which names it: "fwp 3 rule 5" is rule 5 of section 3 of fwp.md.
"""

import dataclasses
import hashlib
import hmac
import lzma
import pathlib
import zlib
from collections.abc import Callable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.second import openssl

DAMAGED = "damaged"
UNSUPPORTED = "unsupported"
UNTRUSTED = "not trusted"
BELOW = "below the counter"  # of the trust file
REFUSED = "refused"  # and the documents do not say as what
# the documents do not tell the two apart where a manifest is refused
EITHER = (DAMAGED, UNSUPPORTED)

NOWHERE = 2**64 - 1
ENTRIES_OF_A_PAGE = 64
DOCUMENT_TYPES = (11, 12)
BLOCK_SIZES = (4096, 8192, 16384, 32768, 65536)

# fwp.md, first list: the characters no text holds
FORBIDDEN = [
    (0x0000, 0x001F), (0x007F, 0x009F), (0x00AD, 0x00AD), (0x0600, 0x0605), (0x061C, 0x061C), (0x06DD, 0x06DD),
    (0x070F, 0x070F), (0x0890, 0x0891), (0x08E2, 0x08E2), (0x180E, 0x180E), (0x200B, 0x200F), (0x2028, 0x202E),
    (0x2060, 0x2064), (0x2066, 0x206F), (0xD800, 0xDFFF), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0x110BD, 0x110BD),
    (0x110CD, 0x110CD), (0x13430, 0x13438), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0001, 0xE0001), (0xE0020, 0xE007F),
]  # fmt: skip


class Refused(Exception):
    """A rule of the documents that does not hold."""

    def __init__(self, rule: str, *kinds: str) -> None:
        super().__init__(f"{rule} ({' or '.join(kinds)})")
        self.rule = rule
        self.kinds = kinds


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


class Cursor:
    """Takes fields from bytes, one after the other."""

    def __init__(self, data: bytes, where: str, *kinds: str) -> None:
        self.data = data
        self.at = 0
        self.where = where
        self.kinds = kinds or (DAMAGED,)

    def refuse(self, rule: str) -> Refused:
        return Refused(f"{self.where} {rule}", *self.kinds)

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise self.refuse("room")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def version(self) -> tuple[int, int, int, int]:
        return (self.number(1), self.number(1), self.number(2), self.number(4))

    def zeros(self, size: int) -> None:
        if any(self.take(size)):
            raise self.refuse("reserved")

    def text(self, width: int = 1, *, lines: bool = False) -> str:
        raw = self.take(self.number(width))
        try:
            found = decode_utf8(raw)
        except ValueError as problem:
            raise self.refuse("text: UTF-8") from problem
        for character in found:
            if forbidden(ord(character)) and not (lines and character == "\n"):
                raise self.refuse("text: character")
        return found

    def times(self, lowest: int, highest: int, what: str) -> Iterator[int]:
        count = self.number(1)
        if not lowest <= count <= highest:
            raise self.refuse(f"number of {what}")
        return iter(range(count))

    def end(self) -> None:
        if self.left:
            raise self.refuse("bytes behind the end")


def forbidden(code: int) -> bool:
    return any(first <= code <= last for first, last in FORBIDDEN)


def decode_utf8(raw: bytes) -> str:
    """UTF-8 by hand, from RFC 3629: no overlong form, no surrogate, nothing above 10FFFF."""
    found = []
    at = 0
    while at < len(raw):
        head = raw[at]
        more = 0 if head < 0x80 else 1 if 0xC2 <= head < 0xE0 else 2 if 0xE0 <= head < 0xF0 else 3 if 0xF0 <= head < 0xF5 else -1
        rest = raw[at + 1 : at + 1 + max(more, 0)]
        if more < 0 or len(rest) != more or any(byte & 0xC0 != 0x80 for byte in rest):
            raise ValueError(at)
        code = head if more == 0 else head & (0x3F >> more)
        for byte in rest:
            code = code << 6 | byte & 0x3F
        if code < (0, 0x80, 0x800, 0x10000)[more] or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
            raise ValueError(at)
        found.append(chr(code))
        at += 1 + more
    return "".join(found)


# --- fwp.md section 2: the header


@dataclasses.dataclass(frozen=True)
class Header:
    manifest: int
    table: int
    payload: int

    @property
    def region(self) -> int:
        """Size of the signed region."""
        return 96 + self.manifest

    @property
    def end(self) -> int:
        """Where the signature block starts."""
        return self.region + self.table + self.payload


def header(data: bytes, *, region_alone: bool = False) -> Header:
    """The first 64 bytes of a package, or of a signed region alone."""
    if len(data) < 64 or data[:8] != b"FWP\r\n\x1a\n\0":
        raise Refused("fwp 2 size and magic", DAMAGED)
    fields = Cursor(data[8:64], "fwp 2")
    if fields.number(2) != 1:
        raise Refused("fwp 2 format version", UNSUPPORTED)
    size = fields.number(2)
    found = Header(fields.number(4), fields.number(8), fields.number(8))
    if size != 64 or any(fields.take(32)):
        raise Refused("fwp 2 header size and reserved", DAMAGED)
    if not 1 <= found.manifest <= 16384:
        raise Refused("fwp 2 manifest size", DAMAGED)
    if found.end > 2**63 - 1:
        raise Refused("fwp 2 sum of sizes", DAMAGED)
    if region_alone:
        if found.region != len(data):
            raise Refused("fwp 2 size of the region", DAMAGED)
    elif not 44 <= len(data) - found.end <= 16384:
        raise Refused("fwp 2 rest of the file", DAMAGED)
    return found


# --- signing.md section 3: the signature block


def signature_block(data: bytes, where: str = "signing 3") -> dict[bytes, bytes]:
    """Signatures by key id, in the order of the block."""
    if not 44 <= len(data) <= 16384:
        raise Refused(f"{where} size", DAMAGED)
    fields = Cursor(data[:-32], where)
    magic, count, zero = fields.take(4), fields.number(2), fields.number(2)
    if magic != b"FWSB" or zero or count > 16:
        raise Refused(f"{where} magic, zero and count", DAMAGED)
    if fields.number(4) != len(data):
        raise Refused(f"{where} size field", DAMAGED)
    if sha256(data[:-32]) != data[-32:]:
        raise Refused(f"{where} closing digest", DAMAGED)
    return signature_entries(fields, count, where)


def signature_entries(fields: Cursor, count: int, where: str) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    last = b""
    for _ in range(count):
        if fields.left < 36:
            raise Refused(f"{where} entry: head", DAMAGED)
        identity, size = fields.take(32), fields.number(2)
        if fields.number(2):
            raise Refused(f"{where} entry: zero", DAMAGED)
        if not 1 <= size <= 4096 or size > fields.left:
            raise Refused(f"{where} entry: size", DAMAGED)
        found[identity] = fields.take(size)
        if identity <= last:
            raise Refused(f"{where} entry: order", DAMAGED)
        last = identity
    if fields.left:
        raise Refused(f"{where} bytes before the digest", DAMAGED)
    return found


def message(kind: str, digest: bytes) -> bytes:
    """What is signed: signing.md section 1."""
    return b"fwtool/" + kind.encode() + b"/v1\0" + digest


# --- signing.md section 2: keys

P25519 = 2**255 - 19
SMALL_ORDER = {
    0,
    1,
    P25519 - 1,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
}
# p and b of the curves (SP 800-186); a is -3 for both
P256 = (
    2**256 - 2**224 + 2**192 + 2**96 - 1,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
)
P384 = (
    2**384 - 2**128 - 2**96 + 2**32 - 1,
    0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
)
ED25519_HEAD = bytes.fromhex("302A300506032B6570032100")
P256_HEAD = bytes.fromhex("3059301306072A8648CE3D020106082A8648CE3D03010703420004")
P384_HEAD = bytes.fromhex("3076301006072A8648CE3D020106052B8104002203620004")
X25519_HEAD = bytes.fromhex("302A300506032B656E032100")
ML_DSA_HEAD = bytes.fromhex("308207B2300B0609608648016503040312038207A100")
EXPONENT_65537 = bytes.fromhex("0203010001")


def rsa_head(modulus: int) -> bytes:
    """What stands before the modulus of an RSA key, whose bytes are `modulus` many and begin with a set bit."""
    number = b"\x02\x82" + (modulus + 1).to_bytes(2, "big") + b"\0"
    pair = b"\x30\x82" + (len(number) + modulus + len(EXPONENT_65537)).to_bytes(2, "big") + number
    bits = b"\x03\x82" + (len(pair) + modulus + len(EXPONENT_65537) + 1).to_bytes(2, "big") + b"\0" + pair
    kind = bytes.fromhex("300D06092A864886F70D0101010500")
    return b"\x30\x82" + (len(kind) + len(bits) + modulus + len(EXPONENT_65537)).to_bytes(2, "big") + kind + bits


def check_ed25519(raw: bytes) -> None:
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= P25519:
        raise Refused("signing 2 Ed25519: not canonical", REFUSED)
    if y in SMALL_ORDER:
        raise Refused("signing 2 Ed25519: small order", REFUSED)
    d = -121665 * pow(121666, -1, P25519)
    square = (y * y - 1) * pow(d * y * y + 1, -1, P25519) % P25519
    if pow(square, (P25519 - 1) // 2, P25519) > 1:
        raise Refused("signing 2 point not on its curve", REFUSED)


def check_point(raw: bytes, curve: tuple[int, int]) -> None:
    p, b = curve
    x, y = (int.from_bytes(half, "big") for half in (raw[: len(raw) // 2], raw[len(raw) // 2 :]))
    if max(x, y) >= p or (y * y - x * x * x + 3 * x - b) % p:
        raise Refused("signing 2 point not on its curve", REFUSED)


def check_rsa(raw: bytes) -> None:
    if not raw[0] & 0x80:
        raise Refused("signing 2 RSA: size of the modulus", REFUSED)
    if raw[-5:] != EXPONENT_65537:
        raise Refused("signing 2 RSA: exponent", REFUSED)


# algorithm, head of the SubjectPublicKeyInfo, bytes behind the head, check of these bytes
KEYS: list[tuple[str, bytes, int, Callable[[bytes], None]]] = [
    ("ed25519", ED25519_HEAD, 32, check_ed25519),
    ("ecdsa-p256", P256_HEAD, 64, lambda raw: check_point(raw, P256)),
    ("ecdsa-p384", P384_HEAD, 96, lambda raw: check_point(raw, P384)),
    ("rsa-3072", rsa_head(384), 384 + 5, check_rsa),
    ("rsa-4096", rsa_head(512), 512 + 5, check_rsa),
    ("ml-dsa-65", ML_DSA_HEAD, 1952, lambda raw: None),
]
SIGNATURE_SIZES = {"ed25519": 64, "rsa-3072": 384, "rsa-4096": 512, "ml-dsa-65": 3309}


def algorithm_of(spki: bytes) -> str:
    """Algorithm of a key that may sign; every other kind of key is refused."""
    for algorithm, head, size, check in KEYS:
        if spki.startswith(head) and len(spki) == len(head) + size:
            check(spki[len(head) :])
            return algorithm
    raise Refused("signing 2 kind of key", REFUSED)


def der_number(data: bytes, at: int) -> int:
    """Where an INTEGER of X.690 section 8.3 ends, which is positive and as short as it can be; -1 for anything else."""
    head = data[at : at + 2]
    body = data[at + 2 : at + 2 + head[1]] if len(head) == 2 else b""
    short = body[:1] != b"\0" or len(body) == 1 or body[1:2] >= b"\x80"
    good = head[:1] == b"\x02" and body and len(body) == head[1] and body[0] < 0x80 and short
    return at + 2 + len(body) if good else -1


def ecdsa_sig_value(data: bytes) -> bool:
    """Whether this is the DER of a sequence of two numbers, none of which has 128 bytes. openssl reads only as much of a
    signature file as the longest signature has, and does not see what stands behind.
    """
    if data[:1] != b"\x30" or len(data) < 2 or data[1] != len(data) - 2 or data[1] >= 0x80:
        return False
    middle = der_number(data, 2)
    return middle > 0 and der_number(data, middle) == len(data)


def holds(spki: bytes, text: bytes, signature: bytes) -> bool | None:
    """Whether a signature holds; None where this openssl does not know the algorithm."""
    algorithm = algorithm_of(spki)
    if len(signature) != SIGNATURE_SIZES.get(algorithm, len(signature)):
        return False
    if algorithm.startswith("ecdsa") and not ecdsa_sig_value(signature):
        return False
    return openssl.verify(algorithm, spki, text, signature)


# --- signing.md section 4: the trust file

SIGNER, MAKER, BANK, ROOT = range(4)


@dataclasses.dataclass(frozen=True)
class TrustKey:
    name: str
    expires: int
    spki: bytes

    @property
    def identity(self) -> bytes:
        return sha256(self.spki)


@dataclasses.dataclass(frozen=True)
class Role:
    role: int
    threshold: int
    keys: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Trust:
    version: int
    created: int
    expires: int
    keys: tuple[TrustKey, ...]
    roles: tuple[Role, ...]
    revoked: tuple[bytes, ...]
    models: tuple[tuple[str, int], ...]
    signatures: dict[bytes, bytes]
    identity: bytes

    def roles_for(self, kind: str) -> list[Role]:
        """The roles that sign a kind of object: signing.md section 3.1, row 5."""
        special = {"trust": ROOT, "grant": BANK, "permit": BANK, "work-order": BANK}.get(kind)
        if special is not None and any(role.role == special for role in self.roles):
            return [role for role in self.roles if role.role == special]
        return [role for role in self.roles if role.role != ROOT]

    def by_id(self, identity: bytes) -> TrustKey | None:
        return next((key for key in self.keys if key.identity == identity), None)


def trust_record(data: bytes) -> tuple[list[TrustKey], list[Role], list[bytes], list[tuple[str, int]], tuple[int, int, int]]:
    fields = Cursor(data, "signing 4 record")
    head = (fields.number(4), fields.number(8), fields.number(8))
    keys = [TrustKey(fields.text(), fields.number(8), fields.take(fields.number(2))) for _ in fields.times(1, 16, "keys")]
    roles = []
    for _ in fields.times(1, 4, "roles"):
        role, threshold = fields.number(1), fields.number(1)
        roles.append(Role(role, threshold, tuple(fields.number(1) for _ in range(fields.number(1)))))
    revoked = [fields.take(32) for _ in fields.times(0, 64, "revoked")]
    models = [(fields.text(), fields.number(4)) for _ in fields.times(0, 64, "models")]
    fields.end()
    return keys, roles, revoked, models, head


def ascending(values: list) -> bool:
    """Strictly ascending."""
    return all(first < second for first, second in zip(values, values[1:], strict=False))


def check_trust_rules(keys: list[TrustKey], roles: list[Role], revoked: list[bytes], models: list[tuple[str, int]]) -> None:
    identities = [key.identity for key in keys]
    numbers = [role.role for role in roles]
    rules = [
        bool(keys) and ascending(identities),
        any(number != ROOT for number in numbers) and len(set(numbers)) == len(numbers) and set(numbers) <= {0, 1, 2, 3},
        all(ascending(list(role.keys)) and all(index < len(keys) for index in role.keys) for role in roles),
        all(1 <= role.threshold <= len(role.keys) for role in roles),
        ascending(revoked) and not set(revoked) & set(identities),
        ascending([model for model, _ in models]) and all(model for model, _ in models),
    ]
    for number, held in enumerate(rules, 1):
        if not held:
            raise Refused(f"signing 4 rule {number}", DAMAGED)


def trust_file(data: bytes) -> Trust:
    """A trust file, in the order of checks of signing.md section 4."""
    record, signatures, identity = signed_record(data, b"FWTRUST\x01", "signing 4")
    keys, roles, revoked, models, head = trust_record(record)
    for key in keys:
        algorithm_of(key.spki)
    check_trust_rules(keys, roles, revoked, models)
    return Trust(*head, tuple(keys), tuple(roles), tuple(revoked), tuple(models), signatures, identity)


# --- signing.md section 6: grants

INSPECT, SERVICE, UPDATE, FACTORY = 1, 2, 4, 8
MONTH = 31 * 86400


@dataclasses.dataclass(frozen=True)
class Grant:
    identifier: bytes
    first: int
    until: int
    rights: int
    sessions: int
    model: str
    serials: tuple[str, ...]
    order: str
    holder: str
    key: bytes
    signatures: dict[bytes, bytes]
    identity: bytes


def signed_record(data: bytes, magic: bytes, where: str) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Record, signatures and identity of a file of the form of section 4."""
    if len(data) > 65536:
        raise Refused(f"{where} at most 65,536 bytes", REFUSED)
    if len(data) < 12 or data[:8] != magic:
        raise Refused(f"{where} size and magic", DAMAGED)
    end = 12 + int.from_bytes(data[8:12], "little")
    if end > len(data):
        raise Refused(f"{where} size of the record", DAMAGED)
    signatures = signature_block(data[end:], f"{where} signature block")
    return data[12:end], signatures, sha256(data[:end])


def grant_file(data: bytes) -> Grant:
    record, signatures, identity = signed_record(data, b"FWGRANT\x01", "signing 6")
    fields = Cursor(record, "signing 6 record")
    head = (fields.take(16), fields.number(8), fields.number(8), fields.number(1), fields.number(1), fields.text())
    serials = tuple(fields.text() for _ in fields.times(1, 64, "serial numbers"))
    found = Grant(*head, serials, fields.text(), fields.text(), fields.take(fields.number(2)), signatures, identity)
    fields.end()
    algorithm_of(found.key)
    rules = {
        "times": 0 < found.until - found.first <= MONTH,
        "rights": 1 <= found.rights <= 15,
        "sessions": 1 <= found.sessions <= 16,
        "serial numbers": ascending(list(serials)),
    }
    for rule, held in rules.items():
        if not held:
            raise Refused(f"signing 6 {rule}", DAMAGED)
    return found


# --- signing.md section 3.1: judging a block


@dataclasses.dataclass
class Judgement:
    """What became of every signature, by key id."""

    held: set[bytes] = dataclasses.field(default_factory=set)
    skipped: set[bytes] = dataclasses.field(default_factory=set)
    revoked: set[bytes] = dataclasses.field(default_factory=set)
    expired: set[bytes] = dataclasses.field(default_factory=set)
    unchecked: set[bytes] = dataclasses.field(default_factory=set)  # this openssl does not know the algorithm


def check_clock(trust: Trust, now: int) -> None:
    if trust.created and now < trust.created - 86400:
        raise Refused("signing 4 clock before created", REFUSED)
    if trust.expires and now >= trust.expires:
        raise Refused("signing 4 expired", UNTRUSTED)


def judge(trust: Trust, kind: str, digest: bytes, signatures: dict[bytes, bytes], now: int | None = None) -> Judgement:
    """Judge the signatures of an object. `now`: the clock of a host; a device has None. Unknown algorithms count as held."""
    if now is not None:
        check_clock(trust, now)
    if not signatures:
        raise Refused("signing 3.1 row 1: not signed", UNTRUSTED)
    found = Judgement()
    for identity, signature in signatures.items():
        key = trust.by_id(identity)
        if key is None:
            found.skipped.add(identity)
            if identity in trust.revoked:
                found.revoked.add(identity)
            continue
        verdict = holds(key.spki, message(kind, digest), signature)
        if verdict is False:
            raise Refused("signing 3.1 row 3: a trusted key's signature does not hold", UNTRUSTED)
        expired = now is not None and key.expires and now >= key.expires
        place = found.expired if expired else found.unchecked if verdict is None else found.held
        place.add(identity)
    check_thresholds(trust, kind, found.held | found.unchecked)
    return found


def check_thresholds(trust: Trust, kind: str, counted: set[bytes]) -> None:
    for role in trust.roles_for(kind):
        if sum(trust.keys[index].identity in counted for index in role.keys) < role.threshold:
            raise Refused("signing 3.1 row 5: threshold", UNTRUSTED)


def check_successor(old: Trust, new: Trust, now: int | None = None) -> None:
    """signing.md section 4.1: whether a trust file may take the place of another; the expiry of the old one does not count."""
    if new.version <= old.version:
        raise Refused("signing 4.1 version", UNTRUSTED, BELOW)
    judge(old, "trust", new.identity, new.signatures)
    judge(new, "trust", new.identity, new.signatures, now)


# --- fwp.md section 3: the manifest


@dataclasses.dataclass
class Component:
    type: int
    encoding: int
    cipher: int
    slot: int
    variant: int
    about: int
    version: tuple[int, int, int, int]
    address: int
    installed: int
    stored: int
    first: int
    digest: bytes
    base: bytes
    name: str
    content: bytes | None = None  # once read; None without a key

    @property
    def tag(self) -> int:
        return 16 if self.cipher else 0


@dataclasses.dataclass(frozen=True)
class Recipient:
    agreement: int
    group: bytes
    one_time: bytes
    wrapped: bytes


@dataclasses.dataclass
class Manifest:
    block: int
    counter: int
    version: tuple[int, int, int, int]
    minimum: tuple[int, int, int, int]
    revisions: tuple[int, int]
    built: int
    package: str
    vendor: str
    model: str
    build: str
    components: list[Component]
    notes: list[tuple[str, str]]
    recipients: list[Recipient]

    def blocks_of(self, part: Component) -> int:
        return -(-part.installed // self.block)

    @property
    def blocks(self) -> int:
        return sum(self.blocks_of(part) for part in self.components)

    @property
    def pages(self) -> int:
        return -(-self.blocks // ENTRIES_OF_A_PAGE)

    @property
    def entry(self) -> int:
        return 68 if any(part.encoding or part.cipher for part in self.components) else 36

    @property
    def table(self) -> int:
        return 32 * self.pages + self.entry * self.blocks


def component(fields: Cursor) -> Component:
    kind = fields.number(2)
    options = [fields.number(1) for _ in range(5)]
    fields.zeros(1)
    return Component(
        kind, *options, fields.version(), fields.number(8), fields.number(8), fields.number(8), fields.number(4),
        fields.take(32), fields.take(32), fields.text(),
    )  # fmt: skip


def recipient(fields: Cursor) -> Recipient:
    return Recipient(fields.number(1), fields.take(32), fields.take(fields.number(1)), fields.take(40))


def manifest_form(data: bytes) -> Manifest:
    """The fields of a manifest; the rules between them are `check_manifest`."""
    fields = Cursor(data, "fwp 3", *EITHER)
    if fields.number(2) != 1:
        raise Refused("fwp 3 manifest version", *EITHER)
    fields.zeros(2)
    found = Manifest(
        fields.number(4), fields.number(4), fields.version(), fields.version(), (fields.number(4), fields.number(4)),
        fields.number(8), fields.text(), fields.text(), fields.text(), fields.text(), [], [], [],
    )  # fmt: skip
    found.components.extend(component(fields) for _ in fields.times(1, 32, "components"))
    found.notes.extend((fields.text(), fields.text(2, lines=True)) for _ in fields.times(0, 16, "release notes"))
    found.recipients.extend(recipient(fields) for _ in fields.times(0, 16, "recipients"))
    fields.end()
    return found


def rule_1(found: Manifest, head: Header) -> bool:
    return found.block in BLOCK_SIZES and len(found.components) >= 1


def rule_2(found: Manifest, head: Header) -> bool:
    return found.revisions[0] <= found.revisions[1] and found.model != ""


def rule_3(found: Manifest, head: Header) -> bool:
    names = [part.name for part in found.components]
    languages = [language for language, _ in found.notes]
    return all(names) and len(set(names)) == len(names) and len(set(languages)) == len(languages)


def rule_4(found: Manifest, head: Header) -> bool:
    before = 0
    for part in found.components:
        if part.first != before:
            return False
        before += found.blocks_of(part)
    return before < 2**32


def stored_range(installed: int, blocks: int, part: Component) -> range:
    """Sizes that a component, or a block of it, may have in the file: rule 5."""
    tags = part.tag * blocks
    return range(blocks + tags if part.encoding else installed + tags, installed + tags + 1)


def rule_5(found: Manifest, head: Header) -> bool:
    return all(
        part.installed and part.stored in stored_range(part.installed, found.blocks_of(part), part) for part in found.components
    )


def rule_6(found: Manifest, head: Header) -> bool:
    ranges = sorted((part.address, part.address + part.installed) for part in found.components if part.address != NOWHERE)
    within = all(end <= 2**64 - 1 for _, end in ranges)
    return within and all(first[1] <= second[0] for first, second in zip(ranges, ranges[1:], strict=False))


def rule_7(found: Manifest, head: Header) -> bool:
    return head.table == found.table and head.payload == sum(part.stored for part in found.components)


def rule_8(found: Manifest, head: Header) -> bool:
    return all(
        (1 <= part.type <= 12 or part.type >= 0x8000)
        and part.encoding in (0, 1, 2)
        and part.cipher in (0, 1)
        and part.slot in (0, 1)
        and part.variant == 0
        and part.base == bytes(32)
        for part in found.components
    ) and all(taker.agreement in (1, 2) for taker in found.recipients)


def rule_9(found: Manifest, head: Header) -> bool:
    documents = [part for part in found.components if part.type in DOCUMENT_TYPES]
    others = [part for part in found.components if part.type not in DOCUMENT_TYPES]
    return (
        all(part.slot == 1 and part.address == NOWHERE and part.about <= len(others) for part in documents)
        and all(part.slot == 0 and part.about == 0 for part in others)
        and found.components == others + documents
        and bool(others)
    )


def rule_10(found: Manifest, head: Header) -> bool:
    encrypted = any(part.cipher for part in found.components)
    return ascending([taker.group for taker in found.recipients]) and encrypted == bool(found.recipients)


RULES = [rule_1, rule_2, rule_3, rule_4, rule_5, rule_6, rule_7, rule_8, rule_9, rule_10]


def check_manifest(found: Manifest, head: Header) -> None:
    for number, rule in enumerate(RULES, 1):
        if not rule(found, head):
            raise Refused(f"fwp 3 rule {number}", *EITHER)
    if any(part.slot and part.cipher for part in found.components):
        raise Refused("fwp 5.2 documents are not encrypted", *EITHER)
    if not all(one_time_form(taker) for taker in found.recipients):
        raise Refused("fwp 5.2 one-time public key", *EITHER)


def one_time_form(taker: Recipient) -> bool:
    if taker.agreement == 1:
        return len(taker.one_time) == 32
    return len(taker.one_time) == 65 and taker.one_time[0] == 4


# --- fwp.md section 4: the table


@dataclasses.dataclass(frozen=True)
class Block:
    """A block and its entry in the table."""

    number: int
    part: Component
    part_number: int
    size: int  # installed
    digest: bytes
    length: int  # stored
    stored_digest: bytes | None


def check_index(found: Manifest, root: bytes, table: bytes) -> list[bytes]:
    index = table[: 32 * found.pages]
    if sha256(index) != root:
        raise Refused("fwp 6 row 5: index against the root", DAMAGED)
    return [index[at : at + 32] for at in range(0, len(index), 32)]


def page(found: Manifest, index: list[bytes], table: bytes, number: int) -> list[bytes]:
    """The entries of a page, held against the index."""
    start = 32 * found.pages + ENTRIES_OF_A_PAGE * found.entry * number
    count = min(ENTRIES_OF_A_PAGE, found.blocks - ENTRIES_OF_A_PAGE * number)
    raw = table[start : start + found.entry * count]
    if sha256(raw) != index[number]:
        raise Refused("fwp 6 row 6: page against the index", DAMAGED)
    return [raw[at : at + found.entry] for at in range(0, len(raw), found.entry)]


def blocks_of_table(found: Manifest, index: list[bytes], table: bytes) -> Iterator[Block]:
    """Every block with its entry; a page is checked before an entry of it is used."""
    number = 0
    entries: list[bytes] = []
    for part_number, part in enumerate(found.components):
        for at in range(0, part.installed, found.block):
            if number % ENTRIES_OF_A_PAGE == 0:
                entries = page(found, index, table, number // ENTRIES_OF_A_PAGE)
            fields = Cursor(entries[number % ENTRIES_OF_A_PAGE], "fwp 4")
            size = min(found.block, part.installed - at)
            second = found.entry == 68
            yield Block(
                number, part, part_number, size, fields.take(32), fields.number(4), fields.take(32) if second else None,
            )  # fmt: skip
            number += 1


# --- fwp.md section 5.1: encoding


def decompress(data: bytes, encoding: int, size: int) -> bytes:
    """One stream, which must give exactly `size` bytes and end with the data."""
    limit = size + 1  # one more than allowed tells too much from enough
    try:
        if encoding == 1:
            deflate = zlib.decompressobj(-15)
            found = deflate.decompress(data, limit)
            done, behind = deflate.eof, deflate.unused_data + deflate.unconsumed_tail
        else:
            lzma2 = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 65536}])
            found = lzma2.decompress(data, limit)
            done, behind = lzma2.eof, lzma2.unused_data
    except (zlib.error, lzma.LZMAError, EOFError) as problem:
        raise Refused("fwp 5.1 stream", DAMAGED) from problem
    if len(found) != size:
        raise Refused("fwp 5.1 length of what the stream gives", DAMAGED)
    if not done or behind:
        raise Refused("fwp 5.1 end of the stream", DAMAGED)
    return found


# --- fwp.md section 5.2: cipher


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) for 32 bytes: one round of extract, one of expand."""
    return hmac.digest(hmac.digest(salt, secret, "sha256"), info + b"\x01", "sha256")


def derive(key: bytes, purpose: bytes) -> bytes:
    return hkdf(key, bytes(32), b"fwtool/fwp/v1 " + purpose)  # no salt: as many zeros as the hash has bytes


def number_u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def block_key(content_key: bytes, part: int) -> bytes:
    return derive(content_key, b"block key " + number_u32(part))


def digest_key(content_key: bytes, part: int) -> bytes:
    return derive(content_key, b"digest key " + number_u32(part))


def one_time_spki(taker: Recipient) -> bytes:
    return X25519_HEAD + taker.one_time if taker.agreement == 1 else P256_HEAD[:-1] + taker.one_time


def unwrap(key: bytes, wrapped: bytes) -> bytes:
    """RFC 3394 section 2.2.2."""
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    blocks = [wrapped[at : at + 8] for at in range(0, len(wrapped), 8)]
    a, rest = blocks[0], blocks[1:]
    for turn in reversed(range(6 * len(rest))):
        place = turn % len(rest)
        a = bytes(x ^ y for x, y in zip(a, (turn + 1).to_bytes(8, "big"), strict=True))
        plain = decryptor.update(a + rest[place])
        a, rest[place] = plain[:8], plain[8:]
    if a != b"\xa6" * 8:
        raise Refused("fwp 5.2 wrapped content key", DAMAGED)
    return b"".join(rest)


def content_key(found: Manifest, group_keys: list[pathlib.Path]) -> bytes | None:
    """The content key, if one of the private keys belongs to a recipient."""
    for path in group_keys:
        identity = sha256(openssl.public(path))
        for taker in found.recipients:
            if taker.group == identity:
                try:
                    secret = openssl.agree(path, one_time_spki(taker))
                except openssl.OpensslError as problem:
                    raise Refused("fwp 5.2 agreement", DAMAGED) from problem
                return unwrap(derive(secret, b"wrapping key " + taker.one_time + taker.group), taker.wrapped)
    return None


def decrypt(block: Block, stored: bytes, key: bytes) -> bytes:
    nonce = block.number.to_bytes(12, "big")
    try:
        return AESGCM(block_key(key, block.part_number)).decrypt(nonce, stored, None)
    except InvalidTag as problem:
        raise Refused("fwp 5.2 tag", DAMAGED) from problem


# --- fwp.md section 6: a whole package


def install(block: Block, stored: bytes, key: bytes | None) -> bytes | None:
    """The installed bytes of a block, held against its first digest; None if it is encrypted and there is no key."""
    if block.stored_digest is not None and sha256(stored) != block.stored_digest:
        raise Refused("fwp 6 row 7: second digest", DAMAGED)
    part = block.part
    if part.cipher and key is None:
        return None
    packed = decrypt(block, stored, key) if part.cipher and key is not None else stored
    plain = decompress(packed, part.encoding, block.size) if len(packed) < block.size else packed
    mac = hmac.digest(digest_key(key, block.part_number), plain, "sha256") if part.cipher and key is not None else sha256(plain)
    if mac != block.digest:
        raise Refused("fwp 6 row 7: first digest", DAMAGED)
    return plain


@dataclasses.dataclass
class Package:
    header: Header
    manifest: Manifest
    root: bytes
    index: list[bytes]
    blocks: list[Block]
    stored: list[bytes]  # the stored bytes of every block
    installed: list[bytes | None]
    signatures: dict[bytes, bytes]
    judgement: Judgement | None
    identity: bytes


def read_blocks(found: Package, table: bytes, payload: bytes, key: bytes | None) -> None:
    """Rows 6 to 8: every block in order, every component at its last block."""
    at = 0
    pieces: list[bytes | None] = []
    digests: list[bytes] = []
    stored = 0
    for block in blocks_of_table(found.manifest, found.index, table):
        if block.length not in stored_range(block.size, 1, block.part):
            raise Refused("fwp 6 row 7: stored length", DAMAGED)
        if at + block.length > len(payload):
            raise Refused("fwp 5 stored blocks fill the payload", DAMAGED)
        raw = payload[at : at + block.length]
        at += block.length
        stored += block.length
        plain = install(block, raw, key)
        found.blocks.append(block)
        found.stored.append(raw)
        found.installed.append(plain)
        pieces.append(plain)
        digests.append(block.digest)
        if len(digests) == found.manifest.blocks_of(block.part):
            if stored != block.part.stored:
                raise Refused("fwp 5 stored blocks fill the stored size", DAMAGED)
            if sha256(*digests) != block.part.digest:
                raise Refused("fwp 6 row 8: component digest", DAMAGED)
            whole = [piece for piece in pieces if piece is not None]
            block.part.content = b"".join(whole) if len(whole) == len(pieces) else None
            pieces, digests, stored = [], [], 0
    if at != len(payload):
        raise Refused("fwp 5 stored blocks fill the payload", DAMAGED)


def region(data: bytes) -> tuple[Header, Manifest, bytes]:
    """A signed region alone, as a device gets it."""
    head = header(data, region_alone=True)
    found = manifest_form(data[64 : 64 + head.manifest])
    check_manifest(found, head)
    return head, found, data[64 + head.manifest :]


def read(
    data: bytes, trust: Trust | None = None, *, now: int | None = None, group_keys: list[pathlib.Path] | None = None
) -> Package:
    """A whole package, in the order of checks of section 6; without `trust` row 3 is left out."""
    head = header(data)
    signatures = signature_block(data[head.end :])
    identity = hashlib.sha256(data[: head.region]).digest()
    judgement = None if trust is None else judge(trust, "package", identity, signatures, now)
    found = manifest_form(data[64 : 64 + head.manifest])
    check_manifest(found, head)
    if trust is not None and found.counter < dict(trust.models).get(found.model, 0):
        raise Refused("signing 4 lowest security counter of the model", BELOW)
    root = data[64 + head.manifest : head.region]
    table = data[head.region : head.region + head.table]
    index = check_index(found, root, table)
    package = Package(head, found, root, index, [], [], [], signatures, judgement, identity)
    read_blocks(package, table, data[head.region + head.table : head.end], content_key(found, group_keys or []))
    return package


# --- boot.md: what a device keeps


def crc_field(data: bytes, covered: int) -> None:
    if int.from_bytes(data[covered : covered + 4], "little") != zlib.crc32(data[:covered]):
        raise Refused("boot CRC-32", DAMAGED)


def slot_head(data: bytes) -> tuple[int, int, int]:
    """Sequence, size of the signed region, size of the signature block: boot.md section 1."""
    fields = Cursor(data, "boot 1 head")
    sequence, region_size, block_size = (fields.number(4) for _ in range(3))
    crc_field(data, 12)
    if sequence < 1 or not 65 <= region_size <= 16480 or block_size > 16384:
        raise Refused("boot 1 head: ranges", DAMAGED)
    return sequence, region_size, block_size


def head_or_none(data: bytes) -> tuple[int, int, int] | None:
    """A head, or None where there is none: its CRC or its sizes are wrong."""
    try:
        return slot_head(data)
    except Refused:
        return None


def journal_record(data: bytes) -> tuple[int, bytes]:
    """Number and event of a record of the journal: boot.md section 1."""
    fields = Cursor(data, "boot 1 journal")
    number, _, event, detail = fields.number(4), fields.number(8), fields.take(24), fields.take(84)
    crc_field(data, 120)
    fields.take(4)
    fields.zeros(4)
    for field in (event, detail):
        decode_utf8(field.rstrip(b"\0"))
    return number, event.rstrip(b"\0")


SLOT_STATES = ("empty", "trial", "confirmed", "bad", None, "writing")


def boot_record(data: bytes) -> tuple[int, int, int, list[tuple[str, int]]]:
    """Sequence, active slot, clean spare heads, and state and starts left of both slots: boot.md section 2."""
    fields = Cursor(data, "boot 2")
    if len(data) != 64 or fields.take(2) != b"BS" or fields.number(2) != 2:
        raise Refused("boot 2 record", DAMAGED)
    sequence, active, clean = fields.number(4), fields.number(1), fields.number(1)
    fields.zeros(2)
    slots = []
    for _ in range(2):
        state, starts = fields.number(1), fields.number(1)
        fields.zeros(2)
        name = SLOT_STATES[state] if state < len(SLOT_STATES) else None
        if name is None:
            raise Refused("boot 2 state", DAMAGED)
        slots.append((name, starts))
    crc_field(data, 20)
    if sequence < 1 or active > 1 or clean > 3 or set(data[24:]) != {0xFF}:
        raise Refused("boot 2 record", DAMAGED)
    return sequence, active, clean, slots
