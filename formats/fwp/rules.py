"""Rules between the fields of a manifest (docs/formats/fwp.md section 3). None of it is used before all of them hold."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from formats.errors import FormatError
from formats.fwp.coding import TAG_SIZE, Cipher, Encoding
from formats.fwp.header import MAX_MANIFEST
from formats.fwp.manifest import BLOCK_SIZES, DOCUMENTS, NO_ADDRESS, Manifest, Slot
from formats.fwp.wrapping import fits_agreement

Broken: TypeAlias = Iterator[str]
"""What is wrong, rule by rule."""


def read(data: bytes, *, table_size: int, payload_size: int, offset: int) -> Manifest:
    """Parse a manifest and hold it against the sizes of the table and the payload.

    Raises:
        FormatError: damaged, or its numbers do not fit each other.
    """
    manifest = Manifest.parse(data, what="the manifest", offset=offset)
    check(manifest, offset)
    if manifest.table_shape.size != table_size:
        raise FormatError("the block table does not have the size its components need", offset=offset)
    if sum(component.stored_size for component in manifest.components) != payload_size:
        raise FormatError("the components do not add up to the payload", offset=offset)
    return manifest


def check(manifest: Manifest, offset: int | None = None) -> None:
    """Hold every rule against a manifest.

    Raises:
        FormatError: one of them does not hold.
    """
    for rule in RULES:
        for reason in rule(manifest):
            raise FormatError(reason, offset=offset)


def _whole(manifest: Manifest) -> Broken:
    if manifest.block_size not in BLOCK_SIZES:
        yield f"block size {manifest.block_size} is none of {', '.join(map(str, BLOCK_SIZES))}"
    if not manifest.components:
        yield "the package holds no component"
    if manifest.revision_min > manifest.revision_max or not manifest.model:
        yield "the hardware range is empty"
    names = [component.name for component in manifest.components]
    if len(set(names)) != len(names) or not all(names):
        yield "component names must be there and different"
    languages = [note.language for note in manifest.notes]
    if len(set(languages)) != len(languages):
        yield "release notes hold a language twice"


def _blocks(manifest: Manifest) -> Broken:
    expected = 0
    for component in manifest.components:
        if component.installed_size == 0 or component.first_block != expected:
            yield f"component {component.name!r} is empty or numbers its blocks wrongly"
        count = component.block_count(manifest.block_size)
        if not sizes_fit(component.encoding, component.cipher, component.installed_size, component.stored_size, count):
            yield f"component {component.name!r} has sizes that do not fit its encoding"
        expected += count
    if expected >= 2**32:
        yield "the package has too many blocks"


def sizes_fit(encoding: Encoding, cipher: Cipher, installed: int, stored: int, blocks: int) -> bool:
    """Whether `installed` bytes in so many blocks can be stored in `stored` bytes: compression never makes a block longer,
    encryption adds a tag to each."""
    most = largest(cipher, installed, blocks)
    least = most if encoding is Encoding.NONE else most - installed + blocks
    return least <= stored <= most


def largest(cipher: Cipher, installed: int, blocks: int) -> int:
    """Bytes that `installed` bytes in so many blocks take at most."""
    return installed + (TAG_SIZE * blocks if cipher is not Cipher.NONE else 0)


def _addresses(manifest: Manifest) -> Broken:
    ranges = []
    for component in manifest.components:
        if component.address == NO_ADDRESS:
            continue
        end = component.address + component.installed_size
        if end > NO_ADDRESS:
            yield f"component {component.name!r} ends beyond the address space"
        ranges.append((component.address, end, component.name))
    ranges.sort()
    for (_, end, first), (start, _, second) in zip(ranges, ranges[1:], strict=False):
        if start < end:
            yield f"components {first!r} and {second!r} overlap at 0x{start:08x}"


def _documents(manifest: Manifest) -> Broken:
    documents = [component.slot is Slot.NOWHERE for component in manifest.components]
    if documents != sorted(documents) or all(documents):
        yield "documents must stand behind what is installed"
    for component in manifest.components:
        kind = component.type in DOCUMENTS
        if kind != (component.slot is Slot.NOWHERE) or (kind and component.address != NO_ADDRESS):
            yield f"component {component.name!r} is a document in the wrong place"
        if kind and component.cipher is not Cipher.NONE:
            yield f"component {component.name!r} is a document, and encrypted"
        if component.about > (len(manifest.installed) if kind else 0):
            yield f"component {component.name!r} describes a component that is not there"


def _recipients(manifest: Manifest) -> Broken:
    ids = [recipient.key_id for recipient in manifest.recipients]
    if ids != sorted(set(ids)):
        yield "a recipient is named twice, or out of order"
    if bool(ids) != any(component.cipher is not Cipher.NONE for component in manifest.components):
        yield "recipients and encrypted components belong together"
    for recipient in manifest.recipients:
        if not fits_agreement(recipient.one_time, recipient.agreement):
            yield "a recipient's one-time key is none of its kind"


RULES: Final[tuple[Callable[[Manifest], Broken], ...]] = (_whole, _blocks, _addresses, _documents, _recipients)


def check_size(size: int) -> None:
    """A manifest must fit the smallest device's buffer.

    Raises:
        FormatError: it is too large.
    """
    if size > MAX_MANIFEST:
        raise FormatError(
            f"the manifest would be {size} bytes, at most {MAX_MANIFEST} are allowed",
            name="too_large",
            hint="Shorten the release notes.",
        )
