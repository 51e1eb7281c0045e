"""`update.spec`, the manifest of a part of a Feig cVEND update: a JSON object, as seen (the maker has published nothing).

```
type, version                                        text
uboot_sha256, uboot_git_revision, uboot_config_hash  64 hexadecimal digits each (a revision may have 40)
kernel_image_length                                  bytes
kernel_image_sha256, rootfs_image_sha256             64 hexadecimal digits
signature                                            512 hexadecimal digits: RSA-2048, by the maker
```

The specs of applications have been seen with a version only. What else stands there is passed over. The signature is judged
by the terminal: nobody else has the key.
"""

import enum
import json
import re
from typing import Any, Final, NamedTuple, NoReturn, Self

from formats.errors import FormatError
from formats.versions import Version

MAX_SPEC: Final = 64 * 1024
"""Bytes; those seen have two thousand."""
MAX_LENGTH: Final = 2**32 - 1
"""Of a part, bytes: ZVT tells sizes in four."""
SHA256_DIGITS: Final = 64
SIGNATURE_DIGITS: Final = 512
_DIGESTS: Final = {"kernel_image": "kernel.gz", "rootfs_image": "rootfs.gz"}
"""Stem of the field -> file that lies beside the spec."""
_HEX: Final[dict[str, tuple[int, ...]]] = {
    "uboot_sha256": (SHA256_DIGITS,),
    "uboot_git_revision": (40, SHA256_DIGITS),
    "uboot_config_hash": (SHA256_DIGITS,),
    "kernel_image_sha256": (SHA256_DIGITS,),
    "rootfs_image_sha256": (SHA256_DIGITS,),
    "signature": (SIGNATURE_DIGITS,),
}
"""Field -> how many hexadecimal digits it may have."""
_VERSION: Final = re.compile(r"(?<![0-9.])([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,5})(?![0-9.])")
_MARKED: Final = re.compile(r"(?<![0-9A-Za-z.])v([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,5})(?![0-9.])")


class Order(enum.StrEnum):
    """One version beside another, in the words of UnifiedPOS (CompareFirmwareVersion)."""

    OLDER = "older"
    SAME = "same"
    NEWER = "newer"
    UNKNOWN = "unknown"


class Claim(NamedTuple):
    """What a spec says of a file beside it."""

    part: str
    digest: bytes
    """SHA-256."""
    length: int | None = None
    """Bytes, if told."""


class UpdateSpec(NamedTuple):
    """One spec."""

    kind: str
    """Field `type`; empty if there is none."""
    version: Version
    claims: tuple[Claim, ...] = ()
    signature: bytes = b""

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a spec from all of `raw`.

        Raises:
            FormatError: not a JSON object, a field of the wrong form, or no version.
        """
        fields = _fields(raw)
        kind = fields.get("type", "")
        if not isinstance(kind, str) or not re.fullmatch(r"[ -~]{0,64}", kind):
            raise FormatError("type in update.spec is not a short text in ASCII")
        digits = {name: _hex(fields, name) for name in _HEX}
        return cls(kind, _version(fields), tuple(_claims(fields, digits)), digits["signature"] or b"")

    def claim(self, part: str) -> Claim | None:
        """What is said of a file."""
        return next((one for one in self.claims if one.part == part), None)


def version_in(text: str) -> Version | None:
    """The version in a device's text such as `GER-APP-v2.0.9;cR02.01.01`: the one marked `v`, else the only one there is."""
    marked = _MARKED.findall(text[:256])
    found = marked[:1] or _VERSION.findall(text[:256])
    try:
        return Version.parse(found[0]) if len(found) == 1 else None
    except FormatError:
        return None


def compare(offered: Version, running: Version | None) -> Order:
    """What the offered version is beside the running one, number by number: 2.0.1 is older than 2.0.12."""
    if running is None:
        return Order.UNKNOWN
    if offered == running:
        return Order.SAME
    return Order.NEWER if offered > running else Order.OLDER


def _fields(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_SPEC:
        raise FormatError(f"update.spec has {len(raw)} bytes, at most {MAX_SPEC} are read", name="too_large")
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormatError(f"update.spec is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise FormatError("update.spec is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormatError("a field of update.spec is there twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise FormatError(f"{name} in update.spec is no JSON")


def _hex(fields: dict[str, Any], name: str) -> bytes | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) not in _HEX[name] or not re.fullmatch("[0-9A-Fa-f]*", value):
        sizes = " or ".join(str(size) for size in _HEX[name])
        raise FormatError(f"{name} in update.spec is not {sizes} hexadecimal digits")
    return bytes.fromhex(value)


def _version(fields: dict[str, Any]) -> Version:
    text = fields.get("version")
    version = version_in(text) if isinstance(text, str) else None
    if version is None:
        raise FormatError("update.spec has no version of the form MAJOR.MINOR.PATCH")
    return version


def _claims(fields: dict[str, Any], digits: dict[str, bytes | None]) -> list[Claim]:
    claims = []
    for stem, part in _DIGESTS.items():
        length, digest = fields.get(f"{stem}_length"), digits[f"{stem}_sha256"]
        if length is not None and (type(length) is not int or not 0 < length <= MAX_LENGTH):
            raise FormatError(f"{stem}_length in update.spec is not a size in bytes")
        if digest is not None:
            claims.append(Claim(part, digest, length))
        elif length is not None:
            raise FormatError(f"update.spec tells the length of {part}, and no digest")
    return claims
