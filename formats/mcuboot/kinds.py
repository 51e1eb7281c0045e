"""The types of TLV records: where they may stand, how large their values are (image.h, `IMAGE_TLV_*`)."""

import enum
from collections.abc import Collection
from typing import Final

MAX_AREA: Final = 0xFFFF
"""Bytes of a TLV area with its head."""
DEPENDENCY_SIZE: Final = 12
UUID_SIZE: Final = 16
VENDOR_BYTE: Final = 0xA0
"""Types whose low byte is at least this belong to vendors, 0xffff excepted (image.h)."""
ANY: Final = 0xFFFF


class Kind(enum.IntEnum):
    """Types of records (image.h, `IMAGE_TLV_*`). docs/design.md gives VID and CID as 0x80 and 0x81; the code does not."""

    KEYHASH = 0x01
    PUBKEY = 0x02
    SHA256 = 0x10
    SHA384 = 0x11
    SHA512 = 0x12
    RSA2048_PSS = 0x20
    ECDSA_SIG = 0x22
    RSA3072_PSS = 0x23
    ED25519 = 0x24
    SIG_PURE = 0x25
    ENC_RSA2048 = 0x30
    ENC_KW = 0x31
    ENC_EC256 = 0x32
    ENC_X25519 = 0x33
    ENC_X25519_SHA512 = 0x34
    DEPENDENCY = 0x40
    SEC_CNT = 0x50
    BOOT_RECORD = 0x60
    DECOMP_SIZE = 0x70
    DECOMP_SHA = 0x71
    DECOMP_SIGNATURE = 0x72
    COMP_DEC_SIZE = 0x73
    UUID_VID = 0x74
    UUID_CID = 0x75


KEYS: Final = (Kind.KEYHASH, Kind.PUBKEY)
HASHES: Final = {Kind.SHA256: "sha256", Kind.SHA384: "sha384", Kind.SHA512: "sha512"}
SIGNATURES: Final = (Kind.RSA2048_PSS, Kind.ECDSA_SIG, Kind.RSA3072_PSS, Kind.ED25519)
ENCRYPTION: Final = (Kind.ENC_RSA2048, Kind.ENC_KW, Kind.ENC_EC256, Kind.ENC_X25519, Kind.ENC_X25519_SHA512)
COMPRESSION: Final = (Kind.DECOMP_SIZE, Kind.DECOMP_SHA, Kind.DECOMP_SIGNATURE, Kind.COMP_DEC_SIZE)
REPEATED: Final = frozenset({*KEYS, *SIGNATURES})
"""What may be there more than once (dependencies, too: one for each image); of the rest a second one could only confuse."""
UNPROTECTED: Final = frozenset({*KEYS, *HASHES, *SIGNATURES, *ENCRYPTION, Kind.SIG_PURE})
"""What a boot loader with an allow list takes outside the protected area (image_validate.c); all else belongs inside."""
_DIGESTS: Final = (32, 48, 64)
_ECDSA: Final = range(8, 105)
"""DER of two integers: up to 72 bytes for P-256 (old images are padded to that), up to 104 for P-384."""
SIZES: Final[dict[Kind, Collection[int]]] = {
    Kind.KEYHASH: _DIGESTS,
    Kind.PUBKEY: (44, 91, 120, 270, 398),
    Kind.SHA256: (32,),
    Kind.SHA384: (48,),
    Kind.SHA512: (64,),
    Kind.RSA2048_PSS: (256,),
    Kind.ECDSA_SIG: _ECDSA,
    Kind.RSA3072_PSS: (384,),
    Kind.ED25519: (64,),
    Kind.SIG_PURE: (1,),
    Kind.ENC_RSA2048: (256,),
    Kind.ENC_KW: (24, 40),
    Kind.ENC_EC256: (113, 129),
    Kind.ENC_X25519: (80, 96),
    Kind.ENC_X25519_SHA512: (112, 128),
    Kind.DEPENDENCY: (DEPENDENCY_SIZE,),
    Kind.SEC_CNT: (4,),
    Kind.BOOT_RECORD: range(1, MAX_AREA),
    Kind.DECOMP_SIZE: (4,),
    Kind.DECOMP_SHA: _DIGESTS,
    Kind.DECOMP_SIGNATURE: (256, 384, *_ECDSA),
    Kind.COMP_DEC_SIZE: (4,),
    Kind.UUID_VID: (UUID_SIZE,),
    Kind.UUID_CID: (UUID_SIZE,),
}
"""Bytes that a value may have. Of public keys: Ed25519, P-256, P-384 (SubjectPublicKeyInfo), RSA-2048, -3072 (PKCS#1)."""


def is_vendor(number: int) -> bool:
    """Whether a type belongs to the range of vendors: 0x00a0 to 0x00ff, 0x01a0 to 0x01ff, ... 0xffa0 to 0xfffe."""
    return 0 <= number < ANY and number & 0xFF >= VENDOR_BYTE


def name_of(number: int) -> str:
    """A type by its name in image.h in lower case, or as a number."""
    return Kind(number).name.lower() if number in SIZES else f"0x{number:04x}"
