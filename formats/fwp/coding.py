"""The stored form of a block: compressed, then encrypted, each block on its own, so that any of them can be checked and
programmed alone.

`installed -> [deflate | LZMA2] -> [AES-256-GCM] -> stored`; a block that does not shrink stays as it is, which its length
tells. Of an encrypted component the digests in the table are keyed: they do not let anyone guess its content.
"""

import enum
import hashlib
import hmac
import lzma
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from formats import deflate
from formats.errors import FormatError
from formats.fwp.wrapping import derive

TAG_SIZE: Final = 16
DICTIONARY: Final = 64 * 1024
"""Of LZMA2: the largest block; a device needs so much RAM to decode one."""
_FILTERS: Final = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": DICTIONARY}]


class Encoding(enum.IntEnum):
    """How the bytes of a block are compressed."""

    NONE = 0
    DEFLATE = 1
    """RFC 1951, one stream."""
    LZMA2 = 2
    """Raw LZMA2 (xz 5), dictionary of 64 KiB."""


class Cipher(enum.IntEnum):
    """How a block is encrypted."""

    NONE = 0
    AES_256_GCM = 1
    """NIST SP 800-38D: nonce of 96 bits, the number of the block (big endian); tag of 128 bits behind the block."""


def _pack_lzma2(data: bytes) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_RAW, filters=_FILTERS)


def _unpack_lzma2(data: bytes, size: int) -> bytes:
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=_FILTERS)
    try:
        found = unpacker.decompress(data, size + 1)
        if len(found) == size and not unpacker.eof:
            found += unpacker.decompress(b"", 1)
    except (lzma.LZMAError, EOFError) as error:
        raise FormatError(f"a compressed block is damaged: {error}") from error
    if len(found) != size or not unpacker.eof or unpacker.unused_data:
        raise FormatError(f"a compressed block does not give exactly its {size} bytes")
    return found


class _Packer(NamedTuple):
    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes, int], bytes]
    """Stored bytes and installed size; never gives more than that. Raises FormatError."""


_PACKERS: Final = {
    Encoding.DEFLATE: _Packer(deflate.deflate, deflate.inflate),
    Encoding.LZMA2: _Packer(_pack_lzma2, _unpack_lzma2),
}


def pack(encoding: Encoding, installed: bytes) -> bytes:
    """A block, compressed if that makes it shorter."""
    if encoding is Encoding.NONE:
        return installed
    packed = _PACKERS[encoding].pack(installed)
    return packed if len(packed) < len(installed) else installed


def unpack(encoding: Encoding, packed: bytes, size: int) -> bytes:
    """The `size` installed bytes of a block.

    Raises:
        FormatError: damaged, or of another size.
    """
    if len(packed) > size or (encoding is Encoding.NONE and len(packed) != size):
        raise FormatError(f"a block of {size} bytes is stored as {len(packed)}")
    return bytes(packed) if len(packed) == size else _PACKERS[encoding].unpack(packed, size)


class BlockCipher:
    """Encrypts the blocks of one component, and keys their digests.

    Args:
        content_key: 32 bytes.
        component: Its number in the manifest.
    """

    def __init__(self, content_key: bytes, component: int) -> None:
        number = component.to_bytes(4, "little")
        self._gcm = AESGCM(derive(content_key, b"block key " + number))
        self._digest_key = derive(content_key, b"digest key " + number)

    def seal(self, index: int, packed: bytes) -> bytes:
        return self._gcm.encrypt(index.to_bytes(12, "big"), packed, None)

    def open(self, index: int, stored: bytes) -> bytes:
        """Raises FormatError: altered, or not encrypted with this key."""
        try:
            return self._gcm.decrypt(index.to_bytes(12, "big"), stored, None)
        except InvalidTag as error:
            raise FormatError(f"block {index} cannot be decrypted") from error

    def digest(self, installed: bytes | memoryview) -> bytes:
        return hmac.digest(self._digest_key, installed, "sha256")


class Coder:
    """Turns installed blocks of one component into stored ones and back.

    Args:
        cipher: None: not encrypted.
    """

    def __init__(self, encoding: Encoding, cipher: BlockCipher | None = None) -> None:
        self._encoding, self._cipher = encoding, cipher

    def digest(self, installed: bytes | memoryview) -> bytes:
        """What the table says of a block."""
        return self._cipher.digest(installed) if self._cipher else hashlib.sha256(installed).digest()

    def seal(self, index: int, packed: bytes) -> bytes:
        """The stored form of a block that has been packed."""
        return self._cipher.seal(index, packed) if self._cipher else packed

    def install(self, index: int, stored: bytes, size: int) -> bytes:
        """The `size` installed bytes of block `index`.

        Raises:
            FormatError: damaged.
        """
        packed = self._cipher.open(index, stored) if self._cipher else stored
        return unpack(self._encoding, packed, size)
