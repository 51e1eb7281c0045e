"""Lines of text from files nobody trusts: which encoding, and how long a line may be.

UTF-8 is tried first, strictly; then GB18030, a superset of GBK. GBK text does not pass as UTF-8; Big5 passes as GB18030
with wrong characters, which is why every layout also names words that must be in the header.
"""

import codecs
import contextlib
import gzip
import hashlib
import lzma
import pathlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from formats.errors import FormatError
from fwtool.files import open_input

MAX_LINE: Final = 1 << 16
MAX_SIZE: Final = 8 << 30
"""Bytes after decompression."""
MAX_MEMBERS: Final = 64
_CHUNK: Final = 1 << 20
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, lzma.LZMAError, NotImplementedError, RuntimeError)


class Source(Protocol):
    """Bytes to read."""

    def read(self, size: int = -1, /) -> bytes: ...
    def readline(self, size: int = -1, /) -> bytes: ...


def sha256_of(path: pathlib.Path) -> str:
    """The digest of a file as it lies there.

    Raises:
        LocalError: as `open_input`.
    """
    with open_input(path) as file:
        digest = hashlib.sha256()
        while data := file.read(_CHUNK):
            digest.update(data)
        return digest.hexdigest()


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[Source]:
    """The bytes of a file; of a gzip file, what is in it; of a ZIP file, the member that has the transactions.

    Raises:
        FormatError: damaged, encrypted, too large, or nothing in it that could be meant.
        LocalError: as `open_input`.
    """
    with open_input(path) as file:
        magic = file.read(4)
        file.seek(0)
        try:
            if magic[:2] == b"\x1f\x8b":
                with gzip.open(file) as inside:
                    yield _Limited(inside)
            elif magic == b"PK\x03\x04":
                with zipfile.ZipFile(file, metadata_encoding="gbk") as archive, archive.open(_member(archive)) as member:
                    yield _Limited(member)
            else:
                yield file
        except _DAMAGED as error:
            raise FormatError(f"{path.name} cannot be unpacked: {error}", hint="Fetch it again.") from error


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The transactions, not their summary (汇总); names in bills from Alipay are GBK."""
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise FormatError(f"the archive has {len(infos)} members, at most {MAX_MEMBERS} are looked at", name="too_large")
    found = [info for info in infos if info.filename.lower().endswith((".csv", ".txt", ".xml")) and "汇总" not in info.filename]
    if len(found) != 1:
        raise FormatError(
            f"the archive has {len(found)} files that could be the bill, expected one", hint="Unpack it and import the right one."
        )
    return found[0]


class _Limited:
    """What is read of a compressed file, which ends with an error instead of filling memory and time."""

    def __init__(self, inside: Source) -> None:
        self._inside, self._left = inside, MAX_SIZE

    def read(self, size: int = -1, /) -> bytes:
        return self._counted(self._inside.read(size))

    def readline(self, size: int = -1, /) -> bytes:
        return self._counted(self._inside.readline(size))

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise FormatError(f"there are more than {MAX_SIZE} bytes in the archive", name="too_large")
        return data


def encoding_of(path: pathlib.Path, allowed: Sequence[str] = ("utf-8", "gb18030")) -> str:
    """The first of the encodings in which the whole file is text.

    Raises:
        FormatError: none of them.
    """
    for encoding in allowed:
        name = "utf-8-sig" if encoding == "utf-8" else encoding
        decoder = codecs.getincrementaldecoder(name)("strict")
        with opened(path) as file:
            try:
                while data := file.read(_CHUNK):
                    if data[:2] in _UTF16:
                        raise FormatError(f"{path.name} is UTF-16 text", hint="Save it as UTF-8.")
                    decoder.decode(data)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                continue
        return encoding
    raise FormatError(f"{path.name} is not text in {' or '.join(allowed)}")


def byte_lines(file: Source, name: str) -> Iterator[bytes]:
    """Lines without their ends.

    Raises:
        FormatError: one is longer than `MAX_LINE`.
    """
    number = 0
    while line := file.readline(MAX_LINE + 2):
        number += 1
        if len(line) > MAX_LINE:
            raise FormatError(f"line {number} of {name} is longer than {MAX_LINE} bytes")
        yield line.rstrip(b"\r\n")


def text_lines(path: pathlib.Path, encoding: str) -> Iterator[str]:
    """Lines as text, without their ends; raises as `byte_lines`, and FormatError for NUL and wrong encoding."""
    number = 0
    with opened(path) as file:
        try:
            for number, line in enumerate(byte_lines(file, path.name), 1):
                text = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).decode(encoding)
                if "\0" in text:
                    raise FormatError(f"line {number} of {path.name} has a NUL: it is not text")
                yield text
        except UnicodeDecodeError:
            raise FormatError(f"line {number} of {path.name} is not {encoding}") from None
