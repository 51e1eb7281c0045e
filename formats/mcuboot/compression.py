"""Compressed payloads: two bytes that describe an LZMA2 stream, then the raw stream (docs/compression_format.md).

The filter for Arm Thumb code turns relative jumps into absolute ones, which repeat more often.
"""

import lzma
from collections.abc import Iterable, Iterator
from typing import Any, Final

from formats.errors import FormatError

HEAD_SIZE: Final = 2
DICTIONARY: Final = 128 << 10
"""Bytes a device must have for the dictionary; what imgtool uses."""
_LC, _LP, _PB = 3, 1, 2
_PRESET: Final = 9
MAX_DICTIONARY: Final = 16 << 20
MAX_COMPRESSED: Final = 16 << 20
"""The compressed payload is held in memory while an image is built."""
MAX_DECOMPRESSED: Final = 256 << 20
"""No device with MCUboot has as much."""
STEP: Final = 1 << 20


def _filters(dictionary: int, *, thumb: bool) -> list[dict[str, Any]]:
    lzma2 = {"id": lzma.FILTER_LZMA2, "preset": _PRESET, "dict_size": dictionary, "lc": _LC, "lp": _LP}
    return [{"id": lzma.FILTER_ARMTHUMB}, lzma2] if thumb else [lzma2]


def compress(chunks: Iterable[bytes], *, thumb: bool) -> bytes:
    """The payload as it is stored.

    Raises:
        FormatError: it is too large even when compressed (`too_large`).
    """
    encoder = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=_filters(DICTIONARY, thumb=thumb))
    out = bytearray([_dictionary_byte(DICTIONARY), (_PB * 5 + _LP) * 9 + _LC])
    for chunk in chunks:
        out += encoder.compress(chunk)
        _check_compressed(len(out))
    out += encoder.flush()
    _check_compressed(len(out))
    return bytes(out)


def _check_compressed(size: int) -> None:
    if size > MAX_COMPRESSED:
        raise FormatError(f"the payload has more than {MAX_COMPRESSED} bytes when compressed", name="too_large")


def _dictionary_size(code: int) -> int:
    """Bytes of the dictionary from the byte that stands for them: 4096, 6144, 8192, 12288, ..."""
    return (2 | code & 1) << (code // 2 + 11)


def _dictionary_byte(size: int) -> int:
    return next(code for code in range(40) if size <= _dictionary_size(code))


def decompress(chunks: Iterable[bytes], size: int, *, thumb: bool) -> Iterator[bytes]:
    """The payload as it is installed, in pieces of at most 1 MiB.

    Args:
        size: How many bytes it must have; not one more is made.

    Raises:
        FormatError: damaged, of another size, or with parameters no device has.
    """
    if size > MAX_DECOMPRESSED:
        raise FormatError(f"the payload claims {size} bytes when decompressed", name="too_large")
    left = size
    for data in _decoded(chunks, thumb=thumb):
        if len(data) > left:
            raise FormatError(f"the payload has more than the {size} bytes it claims when decompressed")
        left -= len(data)
        yield data
    if left:
        raise FormatError(f"the payload has {size - left} bytes when decompressed, and claims {size}")


def _decoded(chunks: Iterable[bytes], *, thumb: bool) -> Iterator[bytes]:
    source = iter(chunks)
    start = b""
    while len(start) < HEAD_SIZE:
        more = next(source, None)
        if more is None:
            raise FormatError("the compressed payload is too short")
        start += more
    decoder = _decoder(start, thumb=thumb)
    yield from _step(decoder, start[HEAD_SIZE:])
    for chunk in source:
        if decoder.eof:
            raise FormatError("bytes follow the end of the compressed payload")
        yield from _step(decoder, chunk)
    if not decoder.eof:
        raise FormatError("the compressed payload has no end")


def _decoder(start: bytes, *, thumb: bool) -> lzma.LZMADecompressor:
    """A decoder for the stream that these two bytes describe."""
    code, parameters = start[0], start[1]
    lp, lc = parameters // 9 % 5, parameters % 9
    if code >= 40 or parameters >= 225 or lc + lp > 4:
        raise FormatError("the compressed payload does not begin as one")
    if _dictionary_size(code) > MAX_DICTIONARY:
        raise FormatError(f"decompression needs a dictionary of {_dictionary_size(code)} bytes", name="too_large")
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_filters(_dictionary_size(code), thumb=thumb))


def _step(decoder: lzma.LZMADecompressor, data: bytes) -> Iterator[bytes]:
    """All that can be made of some more input."""
    try:
        while data or not (decoder.eof or decoder.needs_input):
            made = decoder.decompress(data, STEP)
            data = b""
            if made:
                yield made
            elif decoder.eof or decoder.needs_input:
                break
    except (lzma.LZMAError, EOFError) as error:
        raise FormatError("the compressed payload is damaged") from error
    if decoder.unused_data:
        raise FormatError("bytes follow the end of the compressed payload")
