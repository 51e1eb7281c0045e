"""Deflate (RFC 1951), bounded: what comes out has a size that is known before."""

import zlib

from formats.errors import FormatError

LEVEL = 6
WINDOW_BITS = -15
"""Raw deflate, no header and no checksum: blocks have digests."""


def deflate(data: bytes) -> bytes:
    """`data`, compressed as one stream."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW_BITS)
    return packer.compress(data) + packer.flush()


def inflate(data: bytes, size: int) -> bytes:
    """The `size` bytes that `data` stands for; never more are produced.

    Raises:
        FormatError: damaged, of another size, or followed by something.
    """
    unpacker = zlib.decompressobj(WINDOW_BITS)
    try:
        found = unpacker.decompress(data, size + 1)
    except zlib.error as error:
        raise FormatError(f"a compressed block is damaged: {error}") from error
    if len(found) != size or not unpacker.eof or unpacker.unused_data:
        raise FormatError(f"a compressed block does not give exactly its {size} bytes")
    return found
