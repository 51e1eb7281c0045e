"""The bytes of an image in order, in steps of 1 MiB: as stored, as hashed, as installed."""

import dataclasses
import hashlib
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from formats.errors import FormatError
from formats.mcuboot import compression
from formats.mcuboot.encryption import DecryptionKey, crypt, unwrap
from formats.mcuboot.header import COMPRESSED, Flags
from formats.mcuboot.header import SIZE as HEADER_SIZE
from formats.mcuboot.image import McubootImage
from formats.mcuboot.kinds import COMPRESSION, Kind
from formats.mcuboot.tlv import PROTECTED_MAGIC, Tlv, build
from formats.sources import Piece

STEP: Final = 1 << 20
MAX_PURE: Final = 16 << 20
"""Signatures over the image itself need all of it in memory; a device needs it in one address range."""


def stored(piece: Piece) -> Iterator[bytes]:
    """All bytes of a piece."""
    for start in range(0, piece.size, STEP):
        yield piece.read(start, min(STEP, piece.size - start))


def aes_key(image: McubootImage, key: DecryptionKey) -> bytes:
    """The key of an encrypted image's payload.

    Raises:
        TrustError: `key` does not open it.
        FormatError: the image is not encrypted.
    """
    tlv = image.encryption_tlv
    if tlv is None:
        raise FormatError("the image is not encrypted", name="usage")
    return unwrap(tlv, key, key_size(image))


def key_size(image: McubootImage) -> int:
    """Bytes of the AES key, as the flags say."""
    return 32 if image.header.flags & Flags.ENCRYPTED_AES256 else 16


def region(image: McubootImage, key: bytes | None = None) -> Iterator[bytes]:
    """What hash and signatures cover: header, payload, protected area.

    Args:
        key: AES key the payload is encrypted with; None: take it as it is.
    """
    yield image.head
    yield from crypt(stored(image.payload), key)
    yield image.protected.raw


def digest(image: McubootImage, key: bytes | None = None) -> bytes:
    """The image hash, computed."""
    return digest_of(region(image, key), image.hash_name)


def digest_of(chunks: Iterable[bytes], name: str) -> bytes:
    running = hashlib.new(name)
    for chunk in chunks:
        running.update(chunk)
    return running.digest()


def in_memory(chunks: Iterable[bytes]) -> bytes:
    """A region as one piece, for signatures that cover the image itself.

    Raises:
        FormatError: it is too large for that (`too_large`).
    """
    kept, size = [], 0
    for chunk in chunks:
        kept.append(chunk)
        size = check_pure(size + len(chunk))
    return b"".join(kept)


def check_pure(size: int) -> int:
    """The size of a region that is signed itself, if it is not too large for that."""
    if size > MAX_PURE:
        raise FormatError(f"signatures over the image itself are possible up to {MAX_PURE} bytes", name="too_large")
    return size


def find_key(image: McubootImage, key: DecryptionKey | None) -> bytes | None:
    """The AES key to read the payload with; None: it is plain, whatever the flags say.

    Raises:
        FormatError: the payload is damaged, or it is encrypted and `key` is None (`usage`).
        TrustError: `key` does not open it.
    """
    if digest(image) == image.hash_tlv.value:
        return None
    if not image.is_encrypted:
        raise FormatError("the image is damaged: its hash differs", hint="Copy the file again from where it came.")
    if key is None:
        raise FormatError("the payload of this image is encrypted", name="usage", hint="Give the key to decrypt it with.")
    found = aes_key(image, key)
    if digest(image, found) != image.hash_tlv.value:
        raise FormatError("the image is damaged: its hash differs after decryption")
    return found


@dataclasses.dataclass(frozen=True)
class Installed:
    """The payload as it ends up on the device: decrypted and decompressed. A `formats.sources.Source`.

    Attributes:
        key: AES key of the payload (see `find_key`), None where it is plain.
    """

    image: McubootImage
    key: bytes | None = None

    @property
    def size(self) -> int:
        return self._number(Kind.DECOMP_SIZE) if self.image.is_compressed else self.image.header.payload_size

    @property
    def address(self) -> int | None:
        return self.image.header.payload_address

    def chunks(self, size: int) -> Iterator[bytes]:
        """The bytes in chunks of `size`; only the last may be shorter.

        Raises:
            FormatError: a compressed payload is damaged.
        """
        pending = bytearray()
        for data in self._bytes():
            pending += data
            whole = len(pending) // size * size
            yield from (bytes(pending[at : at + size]) for at in range(0, whole, size))
            del pending[:whole]
        if pending:
            yield bytes(pending)

    def region(self) -> Iterator[bytes]:
        """What the hash of the decompressed image covers: the image as if it had never been compressed."""
        header, kept = self.image.header, self._kept()
        protected = build(kept, PROTECTED_MAGIC, header.ORDER)
        plain = dataclasses.replace(
            header, flags=header.flags & ~COMPRESSED, payload_size=self.size, protected_size=len(protected)
        )  # fmt: skip
        yield plain.build() + self.image.head[HEADER_SIZE:]
        yield from self._bytes()
        yield protected

    def _kept(self) -> list[Tlv]:
        return [tlv for tlv in self.image.protected.tlvs if tlv.type not in COMPRESSION]

    def _bytes(self) -> Iterator[bytes]:
        header = self.image.header
        plain = crypt(stored(self.image.payload), self.key)
        if not self.image.is_compressed:
            return plain
        if not header.flags & Flags.LZMA2:
            raise FormatError("payloads compressed with LZMA1 are not supported", name="unsupported_format")
        packed = self._number(Kind.COMP_DEC_SIZE) if self.image.is_encrypted else header.payload_size
        if packed > header.payload_size:
            raise FormatError(
                f"the compressed payload claims {packed} bytes, more than there are", offset=header.protected_offset
            )
        return compression.decompress(_first(plain, packed), self.size, thumb=bool(header.flags & Flags.ARM_THUMB))

    def _number(self, kind: Kind) -> int:
        return int(struct.unpack(self.image.header.ORDER + "I", self.image.protected.all(kind)[0].value)[0])


def _first(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The first `size` bytes; what follows must be zero, as it is padding."""
    for chunk in chunks:
        part = chunk[:size]
        size -= len(part)
        if chunk[len(part) :].strip(b"\0"):
            raise FormatError("the padding of the compressed payload is not zero")
        if part:
            yield part
