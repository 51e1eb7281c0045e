"""Targets: what is signed, and what it is signed with."""

import contextlib
import dataclasses
import functools
import hashlib
import io
import struct
from typing import Final

from formats import trust
from formats.errors import FormatError, LocalError, TrustError
from formats.fwp import build, rules, table, wrapping
from formats.fwp import header as header_module
from formats.fwp.content import open_component
from formats.fwp.explain import explain
from formats.fwp.header import Header
from formats.fwp.manifest import Component, Manifest
from formats.fwp.package import Package, seal
from formats.keys import read_private, read_public
from formats.signing import MAGIC, SignatureBlock, message_for
from tests.fuzz.target import Target
from tests.support import KEY, pattern, sign_package, trust_of

TRUSTED: Final = trust_of(KEY)
REFUSED: Final = (FormatError, TrustError)
MAX_BLOCKS: Final = 128
MAX_STORED: Final = 1 << 16
"""Blocks and bytes that a manifest may ask for before no package is built around it."""


def read_package(data: bytes) -> None:
    """Everything but the signature: every part of the file is written again as it was read."""
    package = seal(io.BytesIO(data)).open()
    _check_parts(package, data)
    package.check_all()
    _check_content(package)


def _check_parts(package: Package, data: bytes) -> None:
    sealed, out = package.sealed, io.BytesIO()
    build.rewrite(sealed, sealed.signatures, out)
    assert out.getvalue() == data
    assert sealed.header.build() + package.manifest.build() == sealed.signed[: -header_module.ROOT_SIZE]


def _check_content(package: Package) -> None:
    """What is not encrypted can be read, block by block and as a file."""
    for component in package.manifest.components:
        if component.cipher is not component.cipher.NONE:
            continue
        content = b"".join(package.component(component))
        assert len(content) == component.installed_size
        assert open_component(package, component).read() == content


def mend_package(data: bytes) -> bytes:
    """With table root, sizes and signature block as they should be for the rest."""
    if len(data) < header_module.SIZE:
        return data
    manifest_size, table_size, payload_size = struct.unpack_from("<IQQ", data, 12)
    head = Header(*(min(size, len(data)) for size in (manifest_size, table_size, payload_size)))
    pages = -(-head.table_size // (table.ENTRIES_PER_PAGE * 36 + table.DIGEST_SIZE))
    root = hashlib.sha256(data[head.table_offset :][: pages * table.DIGEST_SIZE]).digest()
    signed = head.build() + data[header_module.SIZE : header_module.SIZE + head.manifest_size]
    rest = data[head.table_offset : head.signatures_offset]
    return signed + root + rest + mend_block(data[head.signatures_offset :])


def read_manifest(data: bytes) -> None:
    """The manifest in a package of which all else is right, signed by a trusted key.

    Where the manifest keeps the rules and nothing is compressed or encrypted, the package must be good.
    """
    whole, plain = _around(data)
    package = seal(io.BytesIO(whole))
    explained = explain(io.BytesIO(whole), TRUSTED).package
    try:
        opened = package.verify(TRUSTED)
        opened.check_all()
    except REFUSED:
        if plain or explained is not None:
            raise AssertionError("a good package was refused, or explained as a good one") from None
        raise
    assert explained is not None
    _check_parts(opened, whole)
    if plain:
        _check_content(opened)


def _around(manifest: bytes) -> tuple[bytes, bool]:
    """A signed package with this manifest, its digests put right, and whether everybody must take it."""
    try:
        parsed = Manifest.parse(manifest)
        rules.check(parsed)
    except FormatError:
        return assembled(manifest, [], b""), False
    assert parsed.build() == manifest
    stored = [component.stored_size for component in parsed.components]
    if parsed.table_shape.blocks > MAX_BLOCKS or sum(stored) > MAX_STORED:
        return assembled(manifest, [], b""), False
    entries: list[table.Entry] = []
    payload = b""
    components = []
    for component in parsed.components:
        blocks = _blocks(component, parsed.block_size)
        digests = [hashlib.sha256(block).digest() for block in blocks]
        coded = parsed.table_shape.coded
        entries += [table.Entry(d, len(b), d if coded else b"") for d, b in zip(digests, blocks, strict=True)]
        payload += b"".join(blocks)
        components.append(dataclasses.replace(component, digest=hashlib.sha256(b"".join(digests)).digest()))
    right = dataclasses.replace(parsed, components=tuple(components)).build()
    return assembled(right, entries, payload), not any(component.is_coded for component in components)


def _blocks(component: Component, block_size: int) -> list[bytes]:
    """As many stored bytes as the manifest says, spread over its blocks: full ones, if they are stored as installed."""
    count, data = component.block_count(block_size), pattern(component.stored_size, 1)
    step = block_size if not component.is_coded else max(1, len(data) // count)
    cuts = [*(number * step for number in range(count)), len(data)]
    return [data[start:end] for start, end in zip(cuts, cuts[1:], strict=False)]


def assembled(manifest: bytes, entries: list[table.Entry], payload: bytes) -> bytes:
    size = table.ENTRIES_PER_PAGE
    pages = [table.build_page(entries[at : at + size]) for at in range(0, len(entries), size)]
    index = b"".join(hashlib.sha256(page).digest() for page in pages)
    body = index + b"".join(pages)
    head = Header(len(manifest), len(body), len(payload))
    return sign_package(head.build() + manifest + table.root_of(index) + body + payload, KEY)


def read_trust(data: bytes) -> None:
    """A trust file has one spelling, and judges whatever it is asked about."""
    found = trust.parse(data)
    if not data.lstrip().startswith(b"-----BEGIN"):
        assert trust.with_head(found.record) + found.signatures.build() == data
    assert trust.parse(found.raw) == found
    assert len(found.judge("trust", found.digest, found.signatures)) == len(found.signatures.signatures)
    assert found.minimum_counter("VT-100") >= 0
    with contextlib.suppress(TrustError, LocalError):
        assert found.require("trust", found.digest, found.signatures, now=1_800_000_000)


def mend_trust(data: bytes) -> bytes:
    """With magic, size and signature block as they should be for the rest."""
    size = min(int.from_bytes(data[8:12], "little"), max(0, len(data) - 12))
    return trust.MAGIC + size.to_bytes(4, "little") + data[12 : 12 + size] + mend_block(data[12 + size :])


def read_signature_block(data: bytes) -> None:
    """A block has one spelling; every signature lies where it says; there is room for one more, or there is not."""
    block = SignatureBlock.parse(data)
    assert block.build() == data
    for (at, size), signature in zip(block.places(0), block.signatures, strict=True):
        assert data[at : at + size] == signature.value
    assert TRUSTED.judge("package", bytes(32), block) is not None
    assert len(block.adding(block.signatures[0]).signatures if block.signatures else ()) == len(block.signatures)


def mend_block(data: bytes) -> bytes:
    """With magic, size and digest as they should be for the rest."""
    body = data[12:-32] if len(data) > 44 else b""
    head = MAGIC + (data[4:6] or b"\0\0").ljust(2, b"\0") + struct.pack("<HI", 0, 44 + len(body))
    return head + body + hashlib.sha256(head + body).digest()


def read_public_key(data: bytes) -> None:
    """A key is the same after it was written; it says no to a signature that is none."""
    group = _quietly(functools.partial(wrapping.read_public, data))
    if group is not None:
        assert isinstance(group, wrapping.GroupPublic)
        assert wrapping.read_public(group.pem()) == group
    for foreign in (True, False):
        key = read_public(data, foreign=foreign)
        assert read_public(key.der, foreign=foreign) == read_public(key.pem(), foreign=foreign) == key
        assert not key.verify(bytes(64), b"message")


def read_private_key(data: bytes) -> None:
    """A key signs what its public half accepts, and is the same after it was written."""
    group = _quietly(functools.partial(wrapping.read_private, data))
    if group is not None:
        assert isinstance(group, wrapping.GroupKey)
        assert wrapping.read_private(group.pem()).public == group.public
    for foreign in (True, False):
        key = read_private(data, foreign=foreign)
        message = message_for("package", bytes(32))
        assert key.public.verify(key.sign(message), message)
        assert read_private(key.pem(), foreign=foreign).public == key.public


def _quietly(read: functools.partial[wrapping.GroupPublic] | functools.partial[wrapping.GroupKey]) -> object:
    try:
        return read()
    except REFUSED:
        return None


TARGETS: Final = {
    "fwp": Target(read_package, REFUSED, mend_package, max_len=4096),
    "fwp-manifest": Target(read_manifest, REFUSED),
    "trust": Target(read_trust, REFUSED, mend_trust),
    "signature-block": Target(read_signature_block, mend=mend_block, max_len=1024),
    "public-key": Target(read_public_key, REFUSED),
    "private-key": Target(read_private_key, REFUSED),
}
