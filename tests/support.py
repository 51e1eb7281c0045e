"""What several test files share: deterministic keys, packages made to order, trust, and tools from outside."""

import hashlib
import io
import os
import pathlib
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from formats import trust
from formats.fwp import build
from formats.fwp.build import Part, Recipe
from formats.fwp.header import Header
from formats.fwp.manifest import ComponentType
from formats.fwp.package import seal
from formats.keys import PrivateKey, public_key
from formats.signing import Signature, SignatureBlock, Signer, message_for
from formats.sources import Flat, Image, Piece
from formats.trust import Trust
from formats.versions import Hardware, Version

ROOT: Final = pathlib.Path(__file__).resolve().parent.parent


def need(tool: str) -> str:
    """The path of a program from outside; without it the test is skipped, or fails where FWTOOL_TEST_REQUIRE is set."""
    beside = str(pathlib.Path(sys.executable).parent)  # what is installed with the tests
    found = shutil.which(tool) or shutil.which(tool, path=beside)
    if found is None:
        if os.environ.get("FWTOOL_TEST_REQUIRE"):
            pytest.fail(f"{tool} is not installed, yet FWTOOL_TEST_REQUIRE is set")
        pytest.skip(f"{tool} is not installed")
    return found


def ed25519_key(name: str) -> PrivateKey:
    """The Ed25519 key that belongs to a name: always the same one."""
    handle = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    return PrivateKey(public_key(handle.public_key()), handle)


def p256_key(name: str) -> PrivateKey:
    """The P-256 key that belongs to a name: always the same one."""
    handle = ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest()[:31], "big"), ec.SECP256R1())
    return PrivateKey(public_key(handle.public_key()), handle)


KEY: Final = ed25519_key("first")
SECOND_KEY: Final = ed25519_key("second")
THIRD_KEY: Final = ed25519_key("third")
P256_KEY: Final = p256_key("first on P-256")
STRANGER: Final = ed25519_key("stranger")
"""A key that no trust in these tests knows, unless it says so."""


def trust_of(*keys: PrivateKey, threshold: int = 1) -> Trust:
    """A trust that knows these keys, and wants `threshold` of them to sign."""
    named = [(f"key {number}", key.public) for number, key in enumerate(keys)]
    return trust.parse(trust.create(named, threshold=threshold))


def pattern(size: int, seed: int = 0) -> bytes:
    """`size` bytes without a short period, the same for the same seed."""
    return hashlib.shake_128(seed.to_bytes(4, "little")).digest(size)


def part(
    data: bytes,
    name: str = "application",
    *,
    address: int | None = None,
    kind: int = ComponentType.APPLICATION,
    version: str | None = None,
) -> Part:
    """A component that holds these bytes."""
    source = Flat(Image((Piece(address or 0, len(data), data=data),), placed=address is not None))
    return Part(kind, name, source, Version.parse(version) if version else None)


def make_package(
    components: Sequence[Part | bytes] | None = None,
    version: str = "1.0.0",
    hardware: str = "VT-100:1..9",
    counter: int = 7,
    signers: Iterable[Signer] = (KEY,),
    **recipe: Any,
) -> bytes:
    """A whole package in memory.

    Args:
        components: Parts, or plain bytes for components without an address, named "c0", "c1" ...
        recipe: Further fields of `formats.fwp.build.Recipe`.
    """
    given = [pattern(300)] if components is None else components
    parts = [part(one, f"c{number}") if isinstance(one, bytes) else one for number, one in enumerate(given)]
    recipe = {"vendor": "Example", "package_id": "example.vt100", "block_size": 4096, **recipe}
    out = io.BytesIO()
    build.write(Recipe(Version.parse(version), Hardware.parse(hardware), counter, **recipe), parts, out)
    return sign_package(out.getvalue(), *signers)


def sign_package(data: bytes, *signers: Signer) -> bytes:
    """The package with signatures by exactly these signers. Its manifest may be nonsense: only the header is read."""
    header = Header.parse(data[:64], None)
    digest = hashlib.sha256(data[: header.signed_size]).digest()
    return data[: header.signatures_offset] + signatures_of("package", digest, *signers).build()


def signatures_of(kind: str, digest: bytes, *signers: Signer) -> SignatureBlock:
    """A block of good signatures."""
    block = SignatureBlock()
    for signer in signers:
        block = block.adding(Signature(signer.public.key_id, signer.sign(message_for(kind, digest))))
    return block


def accept(data: bytes, trusted: Trust) -> bytes:
    """Everything a careful user of a package does with it; the payload is returned."""
    package = seal(io.BytesIO(data)).verify(trusted)
    package.check_all()
    return b"".join(block for _, block in package.blocks())


def flips(data: bytes) -> Iterable[tuple[int, bytes]]:
    """Each copy of `data` that differs in one bit, with the number of that bit."""
    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(damaged)
