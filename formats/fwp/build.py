"""Writing a package in one pass over its inputs, and writing one with another signature block.

The same inputs give the same bytes: no clock, no random numbers, no file names in here. Who encrypts gives the secret that
everything random follows from.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from formats.errors import FormatError
from formats.fwp import coding, rules, table, wrapping
from formats.fwp.coding import BlockCipher, Cipher, Coder, Encoding
from formats.fwp.header import Header
from formats.fwp.manifest import BLOCK_SIZES, DOCUMENTS, NO_ADDRESS, Component, Manifest, Note, Slot
from formats.fwp.package import Sealed, read_into
from formats.fwp.wrapping import GroupPublic
from formats.signing import SignatureBlock
from formats.sources import Source
from formats.versions import Hardware, Version


class Part(NamedTuple):
    """One component to be built. Documents (SBOM, provenance) come after all others."""

    type: int
    name: str
    source: Source
    version: Version | None = None
    """None: that of the package."""
    encoding: Encoding = Encoding.NONE
    about: int = 0
    """Of a document: 1 + number of the part it describes."""


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
    recipients: tuple[GroupPublic, ...] = ()
    """Groups of devices that it is encrypted for; none: not encrypted. Documents stay readable."""
    secret: bytes = b""
    """32 bytes that nobody else knows, if it is encrypted: the content key follows from them and the content."""


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
    key = _content_key(recipe, parts) if recipe.recipients else None
    plan = _Plan(recipe, parts, key)
    draft = plan.manifest([_Written(bytes(32), plan.largest(part)) for part in parts])
    rules.check(draft)
    manifest_size = len(draft.build())
    rules.check_size(manifest_size)
    shape = draft.table_shape
    table_offset = Header(manifest_size, shape.size, 0).table_offset
    pages = _PageWriter(out, shape, table_offset)
    out.seek(table_offset + shape.size)
    content = _Content(recipe.secret)
    written = []
    for number, part in enumerate(parts):
        written.append(
            _write_payload(
                part, plan.coder(number), draft.components[number].first_block, recipe.block_size, pages, content, progress
            )
        )
    if key is not None and content.key != key:
        raise FormatError("an input changed while it was read", hint="Build again from files nobody else writes to.")
    out.write(SignatureBlock().build())
    pages.flush()
    manifest = plan.manifest(written)
    header = Header(manifest_size, shape.size, sum(one.stored_size for one in written))
    out.seek(0)
    out.write(header.build() + manifest.build() + table.root_of(pages.index) + pages.index)
    return manifest


class _Written(NamedTuple):
    """What became of a part."""

    digest: bytes
    stored_size: int


def _content_key(recipe: Recipe, parts: list[Part]) -> bytes:
    """A key that belongs to this content: whoever builds twice with one secret, for two contents, never gets one key twice,
    which AES-GCM does not forgive."""
    if len(recipe.secret) != wrapping.KEY_SIZE:
        raise ValueError(f"the secret has {len(recipe.secret)} bytes instead of {wrapping.KEY_SIZE}")
    content = _Content(recipe.secret)
    for part in parts:
        for block in part.source.chunks(recipe.block_size):
            content.take(coding.pack(part.encoding, block))
    return content.key


class _Content:
    """What will be encrypted, packed as it is encrypted: another compressor gives other bytes, and so another key."""

    def __init__(self, secret: bytes) -> None:
        self._mac = hmac.new(secret, b"fwtool/fwp/v1 content key\0", "sha256")

    def take(self, packed: bytes) -> None:
        """The next block."""
        self._mac.update(len(packed).to_bytes(4, "little") + packed)

    @property
    def key(self) -> bytes:
        return self._mac.digest()


class _PageWriter:
    """Puts each page of the table in its place as soon as it is full, so that only its digest is kept."""

    def __init__(self, out: BinaryIO, shape: table.Shape, section: int) -> None:
        self.out, self.shape, self._section = out, shape, section
        self._entries: list[table.Entry] = []
        self.index = b""

    def add(self, entry: table.Entry) -> None:
        self._entries.append(entry)
        if len(self._entries) == table.ENTRIES_PER_PAGE:
            self.flush()

    def flush(self) -> None:
        if not self._entries:
            return
        page = table.build_page(self._entries)
        at, _ = self.shape.page_span(len(self.index) // table.DIGEST_SIZE)
        back = self.out.tell()
        self.out.seek(self._section + at)
        self.out.write(page)
        self.out.seek(back)
        self.index += hashlib.sha256(page).digest()
        self._entries.clear()


def _write_payload(
    part: Part, coder: Coder, index: int, block_size: int, pages: _PageWriter, content: _Content,
    progress: Callable[[int], None],
) -> _Written:  # fmt: skip
    """Write one component's blocks, the first of which has the number `index`, noting their digests."""
    digests, size, stored_size = hashlib.sha256(), 0, 0
    for block in part.source.chunks(block_size):
        packed = coding.pack(part.encoding, block)
        content.take(packed)
        digest, stored = coder.digest(block), coder.seal(index, packed)
        digests.update(digest)
        pages.out.write(stored)
        pages.add(table.Entry(digest, len(stored), hashlib.sha256(stored).digest() if pages.shape.coded else b""))
        size, stored_size, index = size + len(block), stored_size + len(stored), index + 1
        progress(len(block))
    if size != part.source.size:
        raise FormatError(f"{part.name} changed while it was read: {size} bytes instead of {part.source.size}")
    return _Written(digests.digest(), stored_size)


class _Plan:
    """The manifest as far as it is known before the bytes are."""

    def __init__(self, recipe: Recipe, parts: list[Part], content_key: bytes | None) -> None:
        self._recipe, self._parts, self._content_key = recipe, parts, content_key
        groups = sorted(recipe.recipients, key=lambda group: group.key_id)
        self._recipients = tuple(wrapping.wrap(content_key, group) for group in groups) if content_key else ()

    def cipher(self, part: Part) -> Cipher:
        return Cipher.AES_256_GCM if self._content_key and part.type not in DOCUMENTS else Cipher.NONE

    def coder(self, number: int) -> Coder:
        part = self._parts[number]
        secret = self._content_key if self.cipher(part) is not Cipher.NONE else None
        return Coder(part.encoding, BlockCipher(secret, number) if secret else None)

    def largest(self, part: Part) -> int:
        """What a part takes at most when it is stored."""
        blocks = -(-part.source.size // self._recipe.block_size)
        return rules.largest(self.cipher(part), part.source.size, blocks)

    def manifest(self, written: list[_Written]) -> Manifest:
        recipe = self._recipe
        components = []
        first_block = 0
        for part, done in zip(self._parts, written, strict=True):
            address = part.source.address
            components.append(
                Component(
                    type=part.type,
                    encoding=part.encoding,
                    cipher=self.cipher(part),
                    slot=Slot.NOWHERE if part.type in DOCUMENTS else Slot.ANY,
                    variant_of=0,
                    about=part.about,
                    version=part.version or recipe.version,
                    address=NO_ADDRESS if address is None else address,
                    installed_size=part.source.size,
                    stored_size=done.stored_size,
                    first_block=first_block,
                    digest=done.digest,
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
            recipients=self._recipients,
        )


def rewrite(sealed: Sealed, signatures: SignatureBlock, out: BinaryIO) -> None:
    """Copy a package to `out` (empty) with another signature block; the identity stays the same."""
    left = sealed.header.signatures_offset
    buffer = memoryview(bytearray(1 << 20))
    while left:
        part = buffer[: min(left, len(buffer))]
        read_into(sealed.file, sealed.header.signatures_offset - left, part)
        out.write(part)
        left -= len(part)
    out.write(signatures.build())
