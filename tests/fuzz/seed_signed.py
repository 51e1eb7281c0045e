"""Seeds: what is signed, and keys. Private keys belong to names (tests.support): they are made, and lie in no file."""

import functools
import hashlib
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import mldsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding as KeyEncoding
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat, PublicFormat

from formats import trust
from formats.fwp import wrapping
from formats.fwp.coding import Encoding
from formats.fwp.header import SIZE, Header
from formats.fwp.manifest import ComponentType, Note
from formats.mcuboot.metadata import Dependency
from formats.mcuboot.trailer import Slot
from formats.signing import SignatureBlock
from formats.trust_record import Role
from formats.versions import Version
from tests import mcuboot_support
from tests.fuzz.seed_files import Seeds
from tests.spec_examples import examples
from tests.support import KEY, P256_KEY, SECOND_KEY, make_package, part, pattern, signatures_of

TEXT: Final = b"the same words again and again, " * 40


@functools.cache
def group() -> wrapping.GroupKey:
    """A group of devices."""
    handle = x25519.X25519PrivateKey.from_private_bytes(hashlib.sha256(b"group").digest())
    return wrapping.read_private(handle.private_bytes(KeyEncoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def packages() -> Seeds:
    """Plain, compressed, encrypted, with documents and notes, signed by several."""
    app = part(TEXT, "app", address=0x08000000)
    notes = (Note(language="en", text="First.\nSecond."), Note(language="zh", text="首个版本"))
    about = part(b"{}", "app sbom", kind=ComponentType.SBOM)._replace(about=1)
    closed: dict[str, Any] = {"recipients": (group().public,), "secret": bytes(range(32))}
    return [
        make_package([pattern(20)], build_id="b1", notes=notes),
        make_package([part(pattern(200), "boot", kind=ComponentType.BOOTLOADER), b"two"]),
        make_package([app._replace(encoding=Encoding.DEFLATE)], signers=(KEY, P256_KEY)),
        make_package([app._replace(encoding=Encoding.LZMA2), about]),
        make_package([app._replace(encoding=Encoding.DEFLATE), pattern(30)], **closed),
    ]


def manifests() -> Seeds:
    return [data[SIZE : SIZE + Header.parse(data, None).manifest_size] for data in packages()]


def trusts() -> Seeds:
    plain = examples()["trust-file"]
    raw = trust.compose(
        {Role.ROOT: (1, [("root", SECOND_KEY.public)]), Role.SIGNER: (2, [("one", KEY.public), ("two", P256_KEY.public)])},
        version=3, created=1_700_000_000, expires=1_900_000_000, key_expires={KEY.public.key_id: 1_850_000_000},
        revoked=[bytes(range(32))], counters={"VT-100": 9},
    )  # fmt: skip
    head = trust.with_head(trust.parse(raw).record)
    signed = head + signatures_of("trust", hashlib.sha256(head).digest(), SECOND_KEY).build()
    return [plain, raw, signed, KEY.public.pem()]


def mcuboots() -> Seeds:
    small, tag = pattern(17, 5), ((0xA0, b"x"),)
    kinds: tuple[dict[str, Any], ...] = (
        {"security_counter": 3}, {"hash_name": "sha512"}, {"pure": True}, {"full_key": True}, {"rom_fixed": 0x1000},
        {"big_endian": True, "vendor_tlvs": tag, "security_counter": 3}, {"header_size": 40, "boot_record": "NSPE"},
        {"dependencies": (Dependency(1, Version(1, 0, 0)),), "vendor": "example.com", "image_class": "terminal"},
    )  # fmt: skip
    plain = [mcuboot_support.make(small, KEY, **options) for options in kinds]
    packed = [mcuboot_support.make(mcuboot_support.COMPRESSIBLE, KEY, compression=name) for name in ("lzma2", "lzma2armthumb")]
    padded = mcuboot_support.make(small, KEY, slot=Slot(size=300, max_sectors=1, confirm=True))
    return [*plain, *packed, padded, mcuboot_support.make(small)]


def signature_blocks() -> Seeds:
    block = signatures_of("package", bytes(32), KEY, SECOND_KEY, P256_KEY)
    return [SignatureBlock().build(), SignatureBlock(block.signatures[:1]).build(), block.build()]


def public_keys() -> Seeds:
    """None of RSA: each would be tested for a prime modulus, and a hundred runs take as long as a million others."""
    quantum = mldsa.MLDSA65PrivateKey.from_seed_bytes(bytes(32)).public_key()
    encoded = quantum.public_bytes(KeyEncoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return [KEY.public.pem(), P256_KEY.public.pem(), KEY.public.der, P256_KEY.public.der, group().public.pem(), encoded]


def private_keys() -> Seeds:
    return [KEY.pem(), P256_KEY.pem(), group().pem(), KEY.public.pem()]
