"""Writing a package in one pass over its inputs, and writing one with another signature block.

The same inputs give the same bytes: no clock, no random numbers, no file names in here.
"""

import hashlib
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from formats.errors import FormatError
from formats.fwp import table
from formats.fwp.header import Header
from formats.fwp.manifest import BLOCK_SIZES, NO_ADDRESS, Cipher, Component, Encoding, Manifest, Note, Slot, check_size
from formats.fwp.package import Sealed
from formats.signing import SignatureBlock
from formats.sources import Source
from formats.versions import Hardware, Version


class Part(NamedTuple):
    """One component to be built."""

    type: int
    name: str
    source: Source
    version: Version | None = None
    """None: that of the package."""


class Recipe(NamedTuple):
    """Everything that goes into a package besides the bytes."""

    version: Version
    hardware: Hardware
    security_counter: int
    vendor: str
    package_id: str
    build_id: str = ""
    build_time: int = 0
    minimum_version: Version = Version.parse("0.0.0")
    block_size: int = 16384
    notes: tuple[Note, ...] = ()


def write(recipe: Recipe, parts: list[Part], out: BinaryIO, progress: Callable[[int], None] = lambda done: None) -> Manifest:
    """Write an unsigned package to `out` (seekable, empty).

    Args:
        progress: Told the size of each block written.

    Returns:
        The manifest that was written.

    Raises:
        FormatError: the parts do not make a valid package.
    """
    if recipe.block_size not in BLOCK_SIZES:
        raise FormatError(f"block size {recipe.block_size} is none of {', '.join(map(str, BLOCK_SIZES))}")
    draft = _manifest(recipe, parts, [bytes(32)] * len(parts))
    draft.check()
    manifest_size = len(draft.build())
    check_size(manifest_size)
    pages = _PageWriter(out, draft.block_count)
    header = Header(manifest_size, table.size_for(draft.block_count), sum(part.source.size for part in parts))
    pages.section = header.table_offset
    out.seek(header.payload_offset)
    digests = [_write_payload(part, draft.block_size, out, pages, progress) for part in parts]
    out.write(SignatureBlock().build())
    pages.flush()
    manifest = _manifest(recipe, parts, digests)
    out.seek(0)
    out.write(header.build() + manifest.build() + table.root_of(pages.index) + pages.index)
    return manifest


class _PageWriter:
    """Puts each page of the table in its place as soon as it is full, so that only its digest is kept."""

    def __init__(self, out: BinaryIO, blocks: int) -> None:
        self._out, self._blocks = out, blocks
        self._entries: list[table.Entry] = []
        self.index = b""
        self.section = 0

    def add(self, entry: table.Entry) -> None:
        self._entries.append(entry)
        if len(self._entries) == table.ENTRIES_PER_PAGE:
            self.flush()

    def flush(self) -> None:
        if not self._entries:
            return
        page = table.build_page(self._entries)
        at, _ = table.page_span(len(self.index) // table.DIGEST_SIZE, self._blocks)
        back = self._out.tell()
        self._out.seek(self.section + at)
        self._out.write(page)
        self._out.seek(back)
        self.index += hashlib.sha256(page).digest()
        self._entries.clear()


def _write_payload(part: Part, block_size: int, out: BinaryIO, pages: _PageWriter, progress: Callable[[int], None]) -> bytes:
    """Write one component's blocks, noting their digests; its own digest is returned."""
    digests, size = hashlib.sha256(), 0
    for block in part.source.chunks(block_size):
        digest = hashlib.sha256(block).digest()
        digests.update(digest)
        out.write(block)
        pages.add(table.Entry(digest, len(block)))
        size += len(block)
        progress(len(block))
    if size != part.source.size:
        raise FormatError(f"{part.name} changed while it was read: {size} bytes instead of {part.source.size}")
    return digests.digest()


def _manifest(recipe: Recipe, parts: list[Part], digests: list[bytes]) -> Manifest:
    components = []
    first_block = 0
    for part, digest in zip(parts, digests, strict=True):
        address = part.source.address
        components.append(
            Component(
                type=part.type,
                encoding=Encoding.NONE,
                cipher=Cipher.NONE,
                slot=Slot.ANY,
                variant_of=0,
                version=part.version or recipe.version,
                address=NO_ADDRESS if address is None else address,
                installed_size=part.source.size,
                stored_size=part.source.size,
                first_block=first_block,
                digest=digest,
                base_digest=bytes(32),
                name=part.name,
            )
        )
        first_block += -(-part.source.size // recipe.block_size)
    return Manifest(
        block_size=recipe.block_size,
        security_counter=recipe.security_counter,
        version=recipe.version,
        minimum_version=recipe.minimum_version,
        revision_min=recipe.hardware.revision_min,
        revision_max=recipe.hardware.revision_max,
        build_time=recipe.build_time,
        package_id=recipe.package_id,
        vendor=recipe.vendor,
        model=recipe.hardware.model,
        build_id=recipe.build_id,
        components=tuple(components),
        notes=recipe.notes,
    )


def rewrite(sealed: Sealed, signatures: SignatureBlock, out: BinaryIO) -> None:
    """Copy a package to `out` (empty) with another signature block; the identity stays the same."""
    sealed.file.seek(0)
    left = sealed.header.signatures_offset
    while left:
        data = sealed.file.read(min(left, 1 << 20))
        if not data:
            raise FormatError("the file ends too early", offset=sealed.header.signatures_offset - left)
        out.write(data)
        left -= len(data)
    out.write(signatures.build())
