"""The fixed 64-byte header: the only thing that is parsed before a signature has been checked.

```
 0  magic "FWP" 0D 0A 1A 0A 00    a text-mode transfer or a cut at a NUL shows at once
 8  u16 format version = 1        10 u16 header size = 64       12 u32 manifest size
16  u64 table size                24 u64 payload size           32 32 bytes reserved, zero
```

Sections follow without gaps: header, manifest, table root (32 bytes), table, payload, signature block. So a size is all
there is to believe. The signature block is the rest of the file: its size changes with every signature and therefore
cannot stand in the signed header; it names its own.
"""

import struct
from typing import Final, NamedTuple, Self

from formats.errors import FormatError
from formats.signing import MAX_BLOCK_SIZE, MIN_BLOCK_SIZE

MAGIC: Final = b"FWP\r\n\x1a\n\0"
FORMAT_VERSION: Final = 1
ROOT_SIZE: Final = 32
MAX_MANIFEST: Final = 16 * 1024
MAX_FILE: Final = 2**63 - 1
_LAYOUT: Final = struct.Struct("<8sHHIQQ32s")
SIZE: Final = _LAYOUT.size


class Header(NamedTuple):
    """Sizes of the sections, in bytes."""

    manifest_size: int
    table_size: int
    payload_size: int

    @property
    def signed_size(self) -> int:
        """Header, manifest and table root: what the signatures cover directly, and the table and payload through it."""
        return SIZE + self.manifest_size + ROOT_SIZE

    @property
    def table_offset(self) -> int:
        return self.signed_size

    @property
    def payload_offset(self) -> int:
        return self.table_offset + self.table_size

    @property
    def signatures_offset(self) -> int:
        return self.payload_offset + self.payload_size

    @classmethod
    def parse(cls, data: bytes | memoryview, file_size: int | None) -> Self:
        """Read the header and hold it against the size of its file (None: only the header is at hand, as on a device).

        Raises:
            FormatError: not a package, an unsupported version, or sizes that do not add up.
        """
        if len(data) < SIZE or bytes(data[:8]) != MAGIC:
            raise FormatError("this is not a firmware package (.fwp)", name="unsupported_format", offset=0)
        _, version, size, manifest, table, payload, zero = _LAYOUT.unpack_from(data)
        if version != FORMAT_VERSION:
            raise FormatError(
                f"this is package format version {version}, only version {FORMAT_VERSION} is known",
                name="unsupported_format",
                hint="Update fwtool and try again.",
                offset=8,
            )
        if size != SIZE or any(zero):
            raise FormatError("the package header is damaged", offset=10 if size != SIZE else 32)
        header = cls(manifest, table, payload)
        if not 0 < manifest <= MAX_MANIFEST:
            raise FormatError("the package header claims an impossible manifest size", offset=12)
        if header.signatures_offset > MAX_FILE:
            raise FormatError("the package header claims an impossible file size", offset=16)
        if file_size is not None:
            header.check_file_size(file_size)
        return header

    def check_file_size(self, size: int) -> None:
        """A signature block, and nothing else, must fit between the payload and the end of the file.

        Raises:
            FormatError: the file is too short or too long.
        """
        rest = size - self.signatures_offset
        if not MIN_BLOCK_SIZE <= rest <= MAX_BLOCK_SIZE:
            kind = "short" if rest < MIN_BLOCK_SIZE else "long"
            raise FormatError(
                f"the package is too {kind}: {size} bytes, where its header asks for "
                f"{self.signatures_offset + MIN_BLOCK_SIZE} to {self.signatures_offset + MAX_BLOCK_SIZE}",
                hint="Copy the file again from where it came.",
                offset=min(size, self.signatures_offset),
            )

    def build(self) -> bytes:
        return _LAYOUT.pack(MAGIC, FORMAT_VERSION, SIZE, *self, bytes(32))
