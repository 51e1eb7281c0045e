"""An image as a source of bytes to install, for everything that works with any format."""

from typing import BinaryIO, Final

from formats.errors import FormatError
from formats.mcuboot import payload
from formats.mcuboot.encryption import DecryptionKey
from formats.mcuboot.image import open_image
from formats.sources import Image, Piece

MAX_HELD: Final = 32 << 20
"""A payload that must be decrypted or decompressed is held in memory."""


def read(file: BinaryIO, decrypt_key: DecryptionKey | None = None) -> Image:
    """The payload as one piece, plain; its address is 0 if the image does not name one.

    Raises:
        FormatError: damaged (the hash is checked, signatures are not), or encrypted and `decrypt_key` is None (`usage`).
        TrustError: another key than the image was encrypted for.
    """
    image = open_image(file)
    installed = payload.Installed(image, payload.find_key(image, decrypt_key))
    if installed.key is None and not image.is_compressed:
        return Image((image.payload,), placed=installed.address is not None)
    if installed.size > MAX_HELD:
        raise FormatError(f"a payload of {installed.size} bytes is too large to be unpacked here", name="too_large")
    data = bytearray(installed.size)
    at = 0
    for chunk in installed.chunks(payload.STEP):
        data[at : at + len(chunk)] = chunk
        at += len(chunk)
    return Image((Piece(installed.address or 0, len(data), data=data),), placed=installed.address is not None)
