"""Seals and photos: what is kept of them is a digest, to be compared with the next visit (PCI DSS 9.5.1.2)."""

import hashlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from formats.errors import LocalError
from fwtool.files import open_input, read_small

Kept: TypeAlias = Mapping[str, Any]
"""What is kept of a seal or a photo; `sha256` is in each."""
SHOWN: Final = 2
"""Last characters of a seal's number that are kept as they are."""
STEP: Final = 1 << 20
MAX_PHOTO: Final = 200 << 20
MAX_PICTURE: Final = 8 << 20
PICTURES: Final = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg"}
"""First bytes, and the ending that such a file gets."""


def photo(path: pathlib.Path) -> dict[str, Any]:
    """Name, size and digest of a photo.

    Raises:
        LocalError: not readable, or too large for a photo.
    """
    digest, size = hashlib.sha256(), 0
    with open_input(path) as file:
        while data := file.read(STEP):
            digest.update(data)
            size += len(data)
            if size > MAX_PHOTO:
                raise LocalError(f"{path} is larger than {MAX_PHOTO} bytes: that is no photo")
    return {"name": path.name, "size": size, "sha256": digest.hexdigest()}


def seal(number: str, serial_number: str) -> dict[str, str]:
    """A seal as it is kept: a digest over terminal and number, and the end of the number, for people. It keeps the numbers out
    of exported records; who has a number can test it.
    """
    digest = hashlib.sha256(b"\0".join((b"fwtool/seal", serial_number.encode(), number.strip().upper().encode())))
    return {"ends": number.strip()[-SHOWN:], "sha256": digest.hexdigest()}


def compared(seals: Sequence[Kept], photos: Sequence[Kept], last: Mapping[str, Any]) -> dict[str, Any]:
    """Seals and photos of this visit beside those of the last one.

    Returns:
        `seals`, `photos`; `seals_missing`, `seals_new` (ends of numbers; empty if there is nothing to compare with);
        `photos_again`: names of those that are the very picture of the last time; `attention`: ids of what does not fit.
    """
    before, now = (_by_digest(found) for found in (last.get("seals", ()), seals))
    old = _by_digest(last.get("photos", ()))
    missing = [one["ends"] for digest, one in before.items() if digest not in now]
    new = [one["ends"] for digest, one in now.items() if digest not in before] if before else []
    again = [one["name"] for one in photos if one["sha256"] in old]
    flags = (("seals_missing", missing), ("seals_new", new), ("photos_again", again))
    return {
        "seals": [dict(one) for one in seals], "photos": [dict(one) for one in photos], "seals_missing": missing,
        "seals_new": new, "photos_again": again, "attention": [name for name, found in flags if found],
    }  # fmt: skip


def _by_digest(found: Sequence[Kept]) -> dict[str, Kept]:
    return {str(one["sha256"]): one for one in found}


def picture(path: pathlib.Path) -> tuple[bytes, str]:
    """A picture of a slip, and the ending of its kind; a device may have named any file, so only pictures are taken.

    Raises:
        LocalError: not readable, too large, or neither PNG nor JPEG.
    """
    data = read_small(path, MAX_PICTURE)
    for magic, suffix in PICTURES.items():
        if data.startswith(magic):
            return data, suffix
    raise LocalError(f"{path} is neither a PNG nor a JPEG picture")
