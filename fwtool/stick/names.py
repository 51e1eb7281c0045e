"""Names that every system and every FAT32 file system takes, made from what has been signed and from digests.

Rules: Microsoft FAT specification 1.03, section 7 (long names: 255 UTF-16 units, case is kept and does not count), and
"Naming Files, Paths, and Namespaces" (reserved names, no dot or space at the end).
"""

import re
from typing import Final

from formats.fwp.manifest import Manifest

MAX_FILE: Final = 2**32 - 1
"""Bytes a file on FAT32 can have."""
MAX_NAME: Final = 255
PACKAGE_SUFFIX: Final = ".fwp"
TRUST_SUFFIX: Final = ".fwt"
ORDER_SUFFIX: Final = ".fwo"
_DIGITS: Final = 16
"""Of a digest in a name: enough that no two on one stick are alike."""
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f"*/:<>?\\|\x7f]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def is_safe(name: str) -> bool:
    """Whether FAT32 and Windows take this name as it is."""
    fits = 0 < len(name.encode("utf-16-le", "surrogatepass")) // 2 <= MAX_NAME
    return fits and not _FORBIDDEN.search(name) and name[-1] not in ". " and name[0] != " " and not _RESERVED.fullmatch(name)


def of_package(manifest: Manifest, digest: bytes) -> str:
    """For people; nothing is ever concluded from it."""
    model = re.sub(r"[^A-Za-z0-9_-]", "_", manifest.model)[:32]
    version = str(manifest.version).replace("+", "b")
    return f"FW_{model}_{version}_c{manifest.security_counter}_{digest.hex()[:_DIGITS]}{PACKAGE_SUFFIX}"


def of_trust(version: int, digest: bytes) -> str:
    return f"TRUST_{version}_{digest.hex()[:_DIGITS]}{TRUST_SUFFIX}"


def of_order(digest: bytes) -> str:
    return f"ORDER_{digest.hex()[:_DIGITS]}{ORDER_SUFFIX}"
