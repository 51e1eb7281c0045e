"""Compressed and encrypted packages: what is stored gives exactly what was put in, to those who may read it; everything
else is refused, before a byte is programmed. And documents, which stay in the file."""

import hashlib
import hmac
import io
import lzma
import struct
import subprocess
import sys
import zlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers import Cipher as RawCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import FormatError, ToolError, TrustError
from formats.fwp import build, coding, table, wrapping
from formats.fwp.build import Recipe
from formats.fwp.coding import Cipher, Encoding
from formats.fwp.header import Header
from formats.fwp.manifest import ComponentType, Manifest, Slot
from formats.fwp.package import Package, seal
from formats.fwp.wrapping import GroupKey
from formats.versions import Hardware, Version
from hwsim.slots import DEFAULT_IDENTITY
from tests.support import KEY, flips, part, pattern, sign_package, trust_of

SECRET = bytes(range(32))
TRUST = trust_of(KEY)
CODED = (Encoding.DEFLATE, Encoding.LZMA2)
TEXT = b"".join(b"line %d of a text that shrinks well\n" % n for n in range(700))


def group(name: str) -> GroupKey:
    """A group key, always the same for a name."""
    seed = hashlib.sha256(name.encode()).digest()
    if name.startswith("x"):
        handle: object = x25519.X25519PrivateKey.from_private_bytes(seed)
    else:
        handle = ec.derive_private_key(int.from_bytes(seed[:31], "big"), ec.SECP256R1())
    return wrapping._private(handle)


X, P, OTHER = group("x group"), group("p group"), group("x other")


def made(
    contents: list[bytes],
    encoding: Encoding = Encoding.NONE,
    groups: tuple[GroupKey, ...] = (),
    documents: tuple[tuple[int, bytes, int], ...] = (),
    secret: bytes = SECRET,
    block_size: int = 4096,
) -> bytes:
    """A signed package; documents are type, content, number of the part + 1."""
    parts = [part(data, f"c{number}")._replace(encoding=encoding) for number, data in enumerate(contents)]
    for number, (kind, data, about) in enumerate(documents):
        parts.append(part(data, f"d{number}", kind=kind)._replace(about=about))
    recipe = Recipe(
        Version.parse("1.0.0"), Hardware.parse("VT-100:1..9"), 7, "Example", "example.vt100", block_size=block_size,
        recipients=tuple(one.public for one in groups), secret=secret if groups else b"",
    )  # fmt: skip
    out = io.BytesIO()
    build.write(recipe, parts, out)
    return sign_package(out.getvalue(), KEY)


def opened(data: bytes, *groups: GroupKey) -> Package:
    package = seal(io.BytesIO(data)).verify(TRUST).unlocked(groups)
    package.check_all()
    return package


def contents(package: Package) -> list[bytes]:
    return [b"".join(package.component(component)) for component in package.manifest.components]


# -- what goes in comes out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("groups", [(), (X,), (P,), (X, P, OTHER)], ids=["plain", "x25519", "p256", "three groups"])
def test_what_goes_in_comes_out(encoding: Encoding, groups: tuple[GroupKey, ...]) -> None:
    parts = [TEXT, pattern(5000), b"\0" * 70_000, b"x", pattern(4096, 1)]
    data = made(parts, encoding, groups)
    for reader in groups or (None,):
        assert contents(opened(data, *filter(None, [reader]))) == parts
    manifest = opened(data).manifest
    assert [component.encoding for component in manifest.components] == [encoding] * 5
    if encoding is not Encoding.NONE:
        assert manifest.components[0].stored_size < len(TEXT) // 2
        assert manifest.components[2].stored_size < 3000
    if not groups:
        assert manifest.components[1].stored_size == 5000  # nothing to be gained: stored as it is


@given(
    parts=st.lists(st.one_of(st.binary(min_size=1, max_size=9000), st.integers(1, 9000).map(bytes)), min_size=1, max_size=3),
    encoding=st.sampled_from(Encoding),
    encrypted=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_any_content_survives(parts: list[bytes], encoding: Encoding, encrypted: bool) -> None:
    assert contents(opened(made(parts, encoding, (X,) if encrypted else ()), X)) == parts


@pytest.mark.parametrize("encoding", Encoding)
def test_the_same_secret_and_content_give_the_same_bytes(encoding: Encoding) -> None:
    one, two = (made([TEXT], encoding, (X, P)) for _ in range(2))
    assert one == two
    assert made([TEXT], encoding, (P, X)) == one
    other = made([TEXT], encoding, (X, P), secret=bytes(32))
    assert opened(other).sealed.digest != opened(one).sealed.digest


def test_two_contents_never_share_a_key() -> None:
    """AES-GCM forgives no key used twice; the content key follows from the content."""
    keys = {
        opened(made(parts, encoding, (X,), block_size=size), X).content_key
        for parts in ([TEXT], [TEXT + b"."], [TEXT[:100], TEXT[100:]], [TEXT[:101], TEXT[101:]])
        for encoding in Encoding
        for size in (4096, 8192)
    }
    assert len(keys) == 4 * 3 * 2


# -- an independent reading of the specification ----------------------------------------------------------------------------


def derive(key: bytes, purpose: bytes) -> bytes:
    """HKDF in its two steps, by hand: extract with an empty salt, then expand."""
    extracted = hmac.new(bytes(32), key, "sha256").digest()
    return HKDFExpand(hashes.SHA256(), 32, b"fwtool/fwp/v1 " + purpose).derive(extracted)


@pytest.mark.parametrize("reader", [X, P], ids=["x25519", "p256"])
def test_an_encrypted_package_read_by_the_specification_alone(reader: GroupKey) -> None:
    data = made([TEXT, pattern(300)], Encoding.DEFLATE, (X, P))
    head = Header.parse(data[:64], len(data))
    manifest = opened(data).manifest
    raw = data[64 : 64 + head.manifest_size]
    number = [one.key_id for one in manifest.recipients].index(reader.public.key_id)
    recipient = raw[raw.index(reader.public.key_id) - 1 :]
    size = recipient[33]
    one_time, wrapped = recipient[34 : 34 + size], recipient[34 + size : 34 + size + 40]
    if recipient[0] == 1:
        assert isinstance(reader.handle, x25519.X25519PrivateKey)
        shared = reader.handle.exchange(x25519.X25519PublicKey.from_public_bytes(one_time))
    else:
        assert isinstance(reader.handle, ec.EllipticCurvePrivateKey)
        shared = reader.handle.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), one_time))
    assert manifest.recipients[number].wrapped == wrapped
    content_key = aes_unwrap(derive(shared, b"wrapping key " + one_time + reader.public.key_id), wrapped)
    pages = data[head.table_offset + 32 : head.payload_offset]
    at, block = head.payload_offset, 0
    for component, expected in zip(range(2), (TEXT, pattern(300)), strict=True):
        block_key = derive(content_key, b"block key " + struct.pack("<I", component))
        digest_key = derive(content_key, b"digest key " + struct.pack("<I", component))
        for start in range(0, len(expected), 4096):
            entry = pages[block * 68 :][:68]
            length = struct.unpack_from("<I", entry, 32)[0]
            stored = data[at : at + length]
            assert hashlib.sha256(stored).digest() == entry[36:]
            decryptor = RawCipher(algorithms.AES(block_key), modes.GCM(block.to_bytes(12, "big"), stored[-16:])).decryptor()
            packed = decryptor.update(stored[:-16]) + decryptor.finalize()
            installed = expected[start : start + 4096]
            assert (packed if len(packed) == len(installed) else zlib.decompress(packed, -15)) == installed
            assert hmac.new(digest_key, installed, "sha256").digest() == entry[:32]
            at, block = at + length, block + 1
    assert at == head.signatures_offset


def aes_unwrap(key: bytes, wrapped: bytes) -> bytes:
    """RFC 3394 section 2.2.2, by hand."""
    blocks = [wrapped[i : i + 8] for i in range(0, len(wrapped), 8)]
    a, rest = blocks[0], blocks[1:]
    decryptor = RawCipher(algorithms.AES(key), modes.ECB()).decryptor()
    for j in reversed(range(6)):
        for i in reversed(range(len(rest))):
            t = len(rest) * j + i + 1
            plain = decryptor.update((int.from_bytes(a, "big") ^ t).to_bytes(8, "big") + rest[i])
            a, rest[i] = plain[:8], plain[8:]
    assert a == b"\xa6" * 8
    return b"".join(rest)


@pytest.mark.parametrize("encoding", CODED)
def test_blocks_are_what_other_tools_read(encoding: Encoding) -> None:
    packed = coding.pack(encoding, TEXT[:16384])
    if encoding is Encoding.DEFLATE:
        assert zlib.decompressobj(-15).decompress(packed) == TEXT[:16384]
        return
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 65536}]
    assert lzma.decompress(packed, format=lzma.FORMAT_RAW, filters=filters) == TEXT[:16384]


# -- what others see ----------------------------------------------------------------------------------------------------------


def test_who_has_no_key_sees_no_content_and_can_still_check_every_byte() -> None:
    data = made([TEXT], Encoding.DEFLATE, (X,))
    package = opened(data)  # every byte is held against the signed digests
    assert package.content_key is None
    for reader in ((), (OTHER,), (P,)):
        with pytest.raises(FormatError) as caught:
            contents(opened(data, *reader))
        assert (caught.value.name, caught.value.exit_code) == ("encrypted", 3)


def test_the_digests_of_an_encrypted_component_do_not_let_anyone_guess_its_content() -> None:
    """Whoever guesses the content right finds none of its digests in the file, in no block and with no hash at hand."""
    data = made([TEXT, b"pin=1234"], Encoding.NONE, (X,))
    for content in (TEXT, b"pin=1234"):
        for start in range(0, len(content), 4096):
            for name in ("sha256", "sha512", "sha1", "md5", "sha3_256", "blake2s"):
                assert hashlib.new(name, content[start : start + 4096]).digest()[:16] not in data
    plain = made([TEXT, b"pin=1234"])
    assert hashlib.sha256(b"pin=1234").digest() in plain  # the test can fail


def test_two_equal_blocks_do_not_look_equal() -> None:
    package = opened(made([bytes(4096 * 8)], Encoding.NONE, (X,)))
    assert len({data for _, data in package.stored()}) == 8


# -- what is altered ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("groups", [(), (X,)], ids=["plain", "encrypted"])
def test_a11_every_flipped_bit_is_refused(encoding: Encoding, groups: tuple[GroupKey, ...]) -> None:
    data = made([TEXT[:600], bytes(300)], encoding, groups)
    for reader in ((), groups):
        for bit, damaged in flips(data):
            with pytest.raises(ToolError) as caught:
                opened(damaged, *reader)
                raise AssertionError(f"bit {bit} was accepted")
            assert isinstance(caught.value, FormatError | TrustError), bit
    for size in range(len(data)):
        with pytest.raises(FormatError):
            opened(data[:size])


def lying(encoding: Encoding, stored: bytes, installed: bytes) -> bytes:
    """A well-signed package of one component whose one block is stored as `stored`, whatever that gives."""
    digest = hashlib.sha256(installed).digest()
    base = opened(made([installed], encoding)).manifest
    component = base.components[0]
    component = type(component)(
        **{**component.to_container(), "stored_size": len(stored), "digest": hashlib.sha256(digest).digest()}
    )
    manifest = Manifest(**{**base.to_container(), "components": (component,)}).build()
    page = table.build_page([table.Entry(digest, len(stored), hashlib.sha256(stored).digest())])
    index = hashlib.sha256(page).digest()
    header = Header(len(manifest), len(index + page), len(stored))
    whole = header.build() + manifest + table.root_of(index) + index + page + stored
    return sign_package(whole, KEY)


@pytest.mark.parametrize("encoding", CODED)
def test_a4_what_gives_more_or_less_than_it_says_is_refused(encoding: Encoding) -> None:
    good = coding.pack(encoding, bytes(4096))
    assert contents(opened(lying(encoding, good, bytes(4096)))) == [bytes(4096)]
    for stored in (
        coding.pack(encoding, bytes(4097)), coding.pack(encoding, bytes(4095)), coding.pack(encoding, bytes(1 << 24))[:4000],
        good + b"\0", good[:-1], good + good, b"\xff" * 40, b"\0",
    ):  # fmt: skip
        with pytest.raises(FormatError):
            opened(lying(encoding, stored, bytes(4096)))


@pytest.mark.parametrize("encoding", CODED)
def test_a4_a_bomb_takes_no_memory_to_refuse(encoding: Encoding) -> None:
    """A block that would give 64 MiB, in a package that says 4 KiB: refused in a process that may not grow by 32 MiB."""
    program = (
        "import resource, sys, io\nfrom tests.test_coding import *\n"
        f"encoding = Encoding({int(encoding)})\n"
        "bomb = coding.pack(encoding, bytes(1 << 26))[:4000] if encoding is Encoding.LZMA2 else "
        "zlib.compressobj(9, zlib.DEFLATED, -15).compress(bytes(1 << 26))[:4000]\n"
        "data = lying(encoding, bomb, bytes(4096))\n"
        "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size + (32 << 20), -1))\n"
        "try:\n    opened(data)\nexcept FormatError:\n    sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert done.returncode == 7, done.stderr


def test_a_key_of_small_order_agrees_on_nothing() -> None:
    weak = x25519.X25519PublicKey.from_public_bytes(bytes(32))
    with pytest.raises(TrustError) as caught:
        wrapping.wrap(SECRET, wrapping._public(weak))
    assert caught.value.name == "weak_key"
    good = wrapping.wrap(SECRET, X.public)
    for broken in (
        {"one_time": bytes(32)}, {"one_time": b""}, {"one_time": bytes(65)}, {"wrapped": bytes(40)},
        {"wrapped": good.wrapped[:-1] + bytes([good.wrapped[-1] ^ 1])},
    ):  # fmt: skip
        with pytest.raises(FormatError):
            wrapping.unwrap([wrapping.Recipient(**{**good.to_container(), **broken})], [X])


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
def test_groups_have_keys_of_two_kinds(curve: ec.EllipticCurve) -> None:
    with pytest.raises(TrustError):
        wrapping._private(ec.generate_private_key(curve))
    for name in wrapping.GROUP_ALGORITHMS:
        key = wrapping.generate(name)
        assert wrapping.read_private(key.pem()).public == key.public
    for junk in (b"", b"junk", KEY.public.pem()):
        with pytest.raises(ToolError):
            wrapping.read_public(junk)
        with pytest.raises(ToolError):
            wrapping.read_private(junk)


# -- documents ----------------------------------------------------------------------------------------------------------------

SBOM = (ComponentType.SBOM, b'{"bomFormat": "CycloneDX"}' + b" " * 5000, 1)
PROVENANCE = (ComponentType.PROVENANCE, b"{}", 0)


def test_documents_stay_behind_and_are_readable_by_all() -> None:
    data = made([TEXT], Encoding.LZMA2, (X,), (SBOM, PROVENANCE))
    package = opened(data)
    manifest = package.manifest
    assert [component.slot for component in manifest.components] == [Slot.ANY, Slot.NOWHERE, Slot.NOWHERE]
    assert [component.cipher for component in manifest.components] == [Cipher.AES_256_GCM, Cipher.NONE, Cipher.NONE]
    assert (manifest.block_count, len(package.table)) == (-(-len(TEXT) // 4096), -(-len(TEXT) // 4096) + 2 + 1)
    assert manifest.installed_size == len(TEXT)
    assert [b"".join(package.component(c)) for c in manifest.components[1:]] == [SBOM[1], PROVENANCE[1]]


@pytest.mark.parametrize("wrong", [
    {"documents": (SBOM,), "contents": []},
    {"documents": ((ComponentType.SBOM, b"x", 2),), "contents": [b"one"]},
    {"documents": ((ComponentType.DATA, b"x", 1),), "contents": [b"one"]},
])  # fmt: skip
def test_documents_in_the_wrong_place_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        made(**wrong)  # type: ignore[arg-type]


def test_a_document_before_what_it_describes_is_refused() -> None:
    parts = [part(b"x", "sbom", kind=ComponentType.SBOM), part(b"y", "app")]
    with pytest.raises(FormatError, match="behind"):
        build.write(Recipe(Version.parse("1.0.0"), Hardware.parse("VT-100"), 1, "a", "b"), parts, io.BytesIO())


# -- devices --------------------------------------------------------------------------------------------------------------------


def test_a_secret_is_needed_to_encrypt() -> None:
    with pytest.raises(ValueError, match="32"):
        made([TEXT], Encoding.NONE, (X,), secret=b"short")


def test_the_device_keys_are_not_shown() -> None:
    identity = DEFAULT_IDENTITY._replace(group_keys=(X,))
    assert "handle" not in repr(identity)


# -- one key, one content -------------------------------------------------------------------------------------------------


def test_another_compressor_means_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from formats import deflate

    keys = set()
    for level in (1, 6, 9):
        monkeypatch.setattr(deflate, "LEVEL", level)
        keys.add(opened(made([TEXT * 3], Encoding.DEFLATE, (X,)), X).content_key)
    assert len(keys) == 3


def test_an_input_that_changes_between_the_passes_is_noticed() -> None:
    """Otherwise one key would have encrypted two contents."""

    class Fickle:
        size, address = 4096, None

        def __init__(self) -> None:
            self.reads = 0

        def chunks(self, size: int) -> list[bytes]:
            self.reads += 1
            return [bytes([self.reads]) * 4096]

    recipe = Recipe(
        Version.parse("1.0.0"), Hardware.parse("VT-100"), 1, "a", "b", block_size=4096, recipients=(X.public,), secret=SECRET
    )
    with pytest.raises(FormatError, match="changed"):
        build.write(recipe, [build.Part(ComponentType.APPLICATION, "app", Fickle())], io.BytesIO())
