"""Small MCUboot images of every kind that is signed, for the tests that try all damage."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from formats.mcuboot.check import Check
from formats.mcuboot.encryption import Encryption
from formats.mcuboot.header import Flags
from formats.mcuboot.kinds import Kind
from formats.mcuboot.metadata import Dependency
from formats.mcuboot.trailer import Slot
from formats.versions import Version
from tests.mcuboot_support import ALGORITHMS, COMPRESSIBLE, accept, area, by_hand, device_key, key, make, opened, recipient
from tests.support import pattern

ED = "ed25519"
SMALL = pattern(17, 5)


@dataclasses.dataclass(frozen=True)
class Sample:
    """An image of one kind, and who can check it."""

    data: bytes
    trusted: tuple[str, ...] = (ED,)
    decrypt: str = ""
    threshold: int = 1

    @property
    def end(self) -> int:
        """Where the image ends and padding begins."""
        return opened(self.data).unprotected.end


def key_wrapped() -> bytes:
    """An image encrypted with AES key wrap, which we only read."""
    aes, kek = bytes(range(16)), device_key("kw128")
    assert isinstance(kek, bytes)
    clear = by_hand(SMALL + bytes(15), key(ED), flags=int(Flags.ENCRYPTED_AES128))
    hidden = Cipher(algorithms.AES(aes), modes.CTR(bytes(16))).encryptor().update(SMALL + bytes(15))
    records = [(one.type, one.value) for one in opened(by_hand(SMALL + bytes(15), key(ED))).unprotected.tlvs]
    digest = hashlib.sha256(clear[:64]).digest()
    records[0] = (Kind.SHA256, digest)
    records[2] = (Kind.ED25519, key(ED).sign(digest))
    return clear[:32] + hidden + area(0x6907, [*records, (Kind.ENC_KW, keywrap.aes_key_wrap(kek, aes))])


def two_signatures() -> bytes:
    return make(SMALL, key(ED), key("ecdsa-p256"), security_counter=3)


_SAMPLES: dict[str, Callable[[], Sample]] = {
    **{name: lambda name=name: Sample(make(SMALL, key(name), security_counter=3), (name,)) for name in ALGORITHMS},  # type: ignore[misc]
    "pure": lambda: Sample(make(SMALL, key(ED), pure=True, security_counter=3)),
    "full-key": lambda: Sample(make(SMALL, key("ecdsa-p256"), full_key=True), ("ecdsa-p256",)),
    "padded-signature": lambda: Sample(make(SMALL, key("ecdsa-p256"), pad_signature=True), ("ecdsa-p256",)),
    "sha512": lambda: Sample(make(SMALL, key(ED), hash_name="sha512")),
    "two-signatures": lambda: Sample(two_signatures(), (ED, "ecdsa-p256"), threshold=2),
    "big-endian": lambda: Sample(make(SMALL, key(ED), big_endian=True, vendor_tlvs=((0xA0, b"x"),), security_counter=3)),
    "metadata": lambda: Sample(
        make(
            SMALL, key(ED), header_size=40, security_counter="auto", boot_record="NSPE",
            dependencies=(Dependency(1, Version(1, 0, 0)),), vendor="example.com", image_class="terminal", rom_fixed=0x1000,
        )
    ),
    "confirmed": lambda: Sample(make(SMALL, key(ED), slot=Slot(size=300, max_sectors=1, confirm=True))),
    "aligned-16": lambda: Sample(make(SMALL, key(ED), slot=Slot(size=400, align=16, max_sectors=1, pad=True))),
    "aligned-32": lambda: Sample(make(SMALL, key(ED), slot=Slot(size=600, align=32, max_sectors=1, confirm=True))),
    "for-x25519": lambda: Sample(make(SMALL, key(ED), encrypt="x25519"), decrypt="x25519"),
    "for-p256": lambda: Sample(make(SMALL, key(ED), encrypt="p256"), decrypt="p256"),
    "for-rsa": lambda: Sample(make(SMALL[:1], key(ED), encrypt="rsa"), decrypt="rsa"),
    "key-wrap": lambda: Sample(key_wrapped(), decrypt="kw128"),
    "clear": lambda: Sample(
        make(SMALL, key(ED), encryption=Encryption(recipient("x25519"), key_size=32, sha512=True, clear=True)), decrypt="x25519"
    ),
    "pure-for-x25519": lambda: Sample(make(SMALL, key(ED), encrypt="x25519", pure=True), decrypt="x25519"),
    "compressed": lambda: Sample(make(COMPRESSIBLE, key(ED), compression="lzma2armthumb")),
    "compressed-for-x25519": lambda: Sample(
        make(COMPRESSIBLE, key(ED), compression="lzma2", encrypt="x25519", security_counter=3), decrypt="x25519"
    ),
}  # fmt: skip
SAMPLES = tuple(_SAMPLES)


@functools.cache
def sample(name: str) -> Sample:
    """One of `SAMPLES`: the same one for the same name."""
    return _SAMPLES[name]()


def try_image(which: Sample, data: bytes) -> list[Check]:
    return accept(data, *which.trusted, decrypt=which.decrypt, threshold=which.threshold)
