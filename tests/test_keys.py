"""Keys: weak ones refused wherever they come from, files that open only with their passphrase, signatures that OpenSSL
agrees with."""

import base64
import contextlib
import functools
import hashlib
import pathlib
import struct
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from formats import algorithms, keys, trust, trust_record
from formats.errors import FormatError, TrustError
from formats.signing import SignatureBlock
from tests.support import KEY, P256_KEY, flips, need

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ED25519_DER = bytes.fromhex("302a300506032b6570032100")
"""SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410)."""
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    """The addition law of the curve -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032 5.1), complete for all points."""
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2 % P
    return (
        (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P,
    )


def times(n: int, point: Point) -> Point:
    result = (0, 1)
    while n:
        if n & 1:
            result = add(result, point)
        point = add(point, point)
        n >>= 1
    return result


def square_root(a: int) -> int | None:
    """A square root modulo P, which is 5 modulo 8."""
    root = pow(a, (P + 3) // 8, P)
    if root * root % P != a % P:
        root = root * pow(2, (P - 1) // 4, P) % P
    return root if root * root % P == a % P else None


@functools.cache
def small_order_points() -> frozenset[Point]:
    """The eight points whose order divides 8: what is left of any point after multiplying by the large prime."""
    found: set[Point] = set()
    for y in range(2, 200):
        x = square_root((y * y - 1) * pow(D * y * y + 1, -1, P))
        if x is not None:
            found.add(times(ORDER, (x, y)))
        if len(found) == 8:
            return frozenset(found)
    raise AssertionError("fewer than eight points found")


def encodings_of(point: Point) -> list[bytes]:
    """Every 32 bytes that some decoder reads as this point: also y + p, and the wrong sign of x = 0."""
    x, y = point
    signs = (0, 1) if x == 0 else (x & 1,)
    return [(n | sign << 255).to_bytes(32, "little") for n in (y, y + P) if n < 2**255 for sign in signs]


def weak_encodings() -> list[bytes]:
    return sorted(encoding for point in small_order_points() for encoding in encodings_of(point))


def pem_of(der: bytes) -> bytes:
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der) + b"\n-----END PUBLIC KEY-----\n"


def trust_file(*ders: bytes) -> bytes:
    """A trust file written without any of the checks of `trust.create`."""
    body = trust_record.TrustRecord(
        version=1,
        created=0,
        expires=0,
        revoked=(),
        models=(),
        keys=tuple(trust_record.KeyEntry(name=f"key {n}", expires=0, der=der) for n, der in enumerate(ders)),
        roles=(trust_record.RoleEntry(role=trust_record.Role.SIGNER, threshold=1, keys=tuple(range(len(ders)))),),
    ).build()
    return trust.MAGIC + struct.pack("<I", len(body)) + body + SignatureBlock().build()


def refuse_everywhere(der: bytes) -> None:
    for name, read, data in (
        ("DER", keys.read_public, der),
        ("PEM", keys.read_public, pem_of(der)),
        ("trust file", trust.parse, trust_file(der)),
        ("PEM as trust", trust.parse, pem_of(der)),
    ):
        with pytest.raises(TrustError) as caught:
            read(data)
        assert (caught.value.name, caught.value.exit_code) == ("weak_key", 4), name


def test_a20_the_small_order_points_are_those_of_the_curve() -> None:
    points = small_order_points()
    assert len(points) == 8
    assert all(times(8, point) == (0, 1) for point in points)
    assert {(0, 1), (0, P - 1)} < points
    assert len(weak_encodings()) == 14


def test_a20_small_order_keys_are_refused() -> None:
    for encoding in weak_encodings():
        refuse_everywhere(ED25519_DER + encoding)
    for encoding in weak_encodings():  # and with the other sign bit, whether that is a point of small order or none
        refuse_everywhere(ED25519_DER + encoding[:31] + bytes([encoding[31] ^ 0x80]))


def test_a20_a_small_order_key_really_is_dangerous() -> None:
    """Why the check is there: with the identity as key, one signature fits every message."""
    forged = bytes([1, *bytes(31)]) + bytes(32)
    handle = ed25519.Ed25519PublicKey.from_public_bytes(bytes([1, *bytes(31)]))
    for n in range(8):
        handle.verify(forged, b"any message at all %d" % n)


def test_a20_non_canonical_keys_are_refused() -> None:
    for y in range(P, 2**255):
        for sign in (0, 1):
            refuse_everywhere(ED25519_DER + (y | sign << 255).to_bytes(32, "little"))


def test_a20_a_weak_key_beside_a_good_one_is_refused() -> None:
    for weak in weak_encodings():
        with pytest.raises(TrustError) as caught:
            trust.parse(trust_file(*sorted([KEY.public.der, ED25519_DER + weak])))
        assert caught.value.name == "weak_key"


def spki(handle: object) -> bytes:
    return handle.public_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pkcs8(handle: object) -> bytes:
    return handle.private_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


FOREIGN = {
    "RSA-1024": lambda: rsa.generate_private_key(65537, 1024),
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA-3072, e=3": lambda: rsa.generate_private_key(3, 3072),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "Ed448": ed448.Ed448PrivateKey.generate,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a20_other_kinds_of_keys_are_refused(kind: str) -> None:
    handle = FOREIGN[kind]()
    refuse_everywhere(spki(handle.public_key()))
    with pytest.raises(TrustError) as caught:
        keys.read_private(pkcs8(handle))
    assert caught.value.name == "weak_key"


@pytest.mark.parametrize("algorithm", algorithms.ALGORITHMS)
def test_public_keys_round_trip(algorithm: str) -> None:
    key = keys.generate(algorithm).public
    assert key.algorithm == algorithm
    assert keys.read_public(key.der) == keys.read_public(key.pem()) == key
    assert keys.read_public(key.der).key_id == key.key_id
    with pytest.raises(FormatError):
        keys.generate("rsa")


def test_rsa_of_2048_bits_is_only_met_in_images_of_others() -> None:
    key = rsa.generate_private_key(65537, 2048)
    assert keys.read_public(spki(key.public_key()), foreign=True).algorithm == "rsa-2048"
    assert keys.read_private(pkcs8(key), foreign=True).public.algorithm == "rsa-2048"
    for weak in (rsa.generate_private_key(65537, 1024), rsa.generate_private_key(3, 2048)):
        with pytest.raises(TrustError):
            keys.read_public(spki(weak.public_key()), foreign=True)


@pytest.mark.parametrize("algorithm", algorithms.ALGORITHMS)
def test_a31_an_encrypted_key_opens_only_with_its_passphrase(algorithm: str) -> None:
    key = keys.generate(algorithm)
    locked = key.pem("правильный".encode())
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in locked
    assert keys.read_private(locked, "правильный".encode()).public == key.public
    for passphrase in (b"wrong", b"", None):
        with pytest.raises(FormatError) as caught:
            keys.read_private(locked, passphrase)
        assert caught.value.name == "usage"
    with pytest.raises(FormatError) as caught:
        keys.read_private(key.pem(), b"not needed")
    assert caught.value.name == "usage"
    assert keys.read_private(key.pem()).public == key.public


def test_a31_private_keys_do_not_show_themselves() -> None:
    for key in (KEY, P256_KEY):
        assert "handle" not in repr(key)
        with pytest.raises(FormatError):
            keys.read_public(key.pem())


@pytest.mark.parametrize("key", [KEY, P256_KEY], ids=["ed25519", "p256"])
def test_signatures_are_deterministic(key: keys.PrivateKey) -> None:
    assert len({key.sign(b"message") for _ in range(5)}) == 1
    assert key.sign(b"message") != key.sign(b"massage")
    assert key.public.verify(key.sign(b"message"), b"message")
    assert not key.public.verify(key.sign(b"message"), b"massage")


def test_ecdsa_follows_rfc_6979() -> None:
    """Appendix A.2.5: P-256, SHA-256, message "sample"."""
    secret = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    handle = ec.derive_private_key(secret, ec.SECP256R1())
    key = keys.PrivateKey(keys.public_key(handle.public_key()), handle)
    r, s = decode_dss_signature(key.sign(b"sample"))
    assert r == 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
    assert s == 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8


def test_ed25519_follows_rfc_8032() -> None:
    """Section 7.1, test 2."""
    handle = ed25519.Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    )
    key = keys.PrivateKey(keys.public_key(handle.public_key()), handle)
    assert key.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_a18_ecdsa_values_out_of_range_do_not_verify() -> None:
    message = b"message"
    r, s = decode_dss_signature(P256_KEY.sign(message))
    n = P256_ORDER
    for pair in [(0, 0), (0, s), (r, 0), (n, s), (r, n), (r + n, s), (r, s + n), (1, 1)]:
        assert not P256_KEY.public.verify(encode_dss_signature(*pair), message), pair
    for junk in (b"", b"\0" * 64, b"0", P256_KEY.sign(message) + b"\0", b"\x30\x06\x02\x01\0\x02\x01\0"):
        assert not P256_KEY.public.verify(junk, message)


@functools.cache
def key_of(algorithm: str) -> keys.PrivateKey:
    return keys.generate(algorithm)


@pytest.mark.parametrize("algorithm", algorithms.ALGORITHMS)
def test_every_flipped_bit_of_a_signature_is_noticed(algorithm: str) -> None:
    key = key_of(algorithm)
    good = key.sign(b"message")
    assert not [bit for bit, bad in flips(good) if key.public.verify(bad, b"message")]
    assert not [size for size in range(len(good)) if key.public.verify(good[:size], b"message")]


@pytest.mark.parametrize("pem", [False, True], ids=["DER", "PEM"])
@pytest.mark.parametrize("key", [KEY, P256_KEY], ids=["ed25519", "p256"])
def test_damaged_public_keys_raise_one_kind_of_error(key: keys.PrivateKey, pem: bool) -> None:
    whole = key.public.pem() if pem else key.public.der
    for data in [damaged for _, damaged in flips(whole)] + [whole[:size] for size in range(len(whole))]:
        with contextlib.suppress(FormatError, TrustError):
            keys.read_public(data)


@settings(deadline=None)
@given(data=st.binary(max_size=200))
def test_random_bytes_are_no_key(data: bytes) -> None:
    for read in (keys.read_public, keys.read_private):
        for junk in (data, b"-----BEGIN PUBLIC KEY-----\n" + data):
            with pytest.raises(FormatError):
                read(junk)


def openssl(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([need("openssl"), *map(str, arguments)], capture_output=True, timeout=20)


@pytest.fixture
def signed(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "message").write_bytes(b"fwtool/package/v1\0" + bytes(range(32)))
    (tmp_path / "other").write_bytes(b"fwtool/trust/v1\0" + bytes(range(32)))
    return tmp_path


PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sigopt", "rsa_mgf1_md:sha256")
BY_OPENSSL = {
    "ed25519": None,
    "ecdsa-p256": ("-sha256",),
    "ecdsa-p384": ("-sha384",),
    "rsa-3072": ("-sha256", *PSS),
    "rsa-4096": ("-sha256", *PSS),
}
"""Options of `openssl dgst`; Ed25519 goes through `pkeyutl`. OpenSSL 3.0 knows no ML-DSA."""


def openssl_verifies(key: keys.PrivateKey, folder: pathlib.Path, message: str) -> bool:
    (folder / "public.pem").write_bytes(key.public.pem())
    (folder / "signature").write_bytes(key.sign((folder / "message").read_bytes()))
    options = BY_OPENSSL[key.public.algorithm]
    if options is None:
        command = ("pkeyutl", "-verify", "-pubin", "-inkey", folder / "public.pem", "-rawin")
        done = openssl(*command, "-in", folder / message, "-sigfile", folder / "signature")
    else:
        command = ("dgst", *options, "-verify", folder / "public.pem", "-signature", folder / "signature")
        done = openssl(*command, folder / message)
    return done.returncode == 0


@pytest.mark.parametrize("algorithm", BY_OPENSSL)
def test_openssl_verifies_our_signatures(signed: pathlib.Path, algorithm: str) -> None:
    assert openssl_verifies(key_of(algorithm), signed, "message")
    assert not openssl_verifies(key_of(algorithm), signed, "other")


@pytest.mark.parametrize("algorithm", BY_OPENSSL)
def test_we_verify_signatures_of_openssl(signed: pathlib.Path, algorithm: str) -> None:
    key, options = key_of(algorithm), BY_OPENSSL[algorithm]
    (signed / "key.pem").write_bytes(key.pem())
    if options is None:
        made = openssl("pkeyutl", "-sign", "-inkey", signed / "key.pem", "-rawin", "-in", signed / "message")
    else:
        made = openssl("dgst", *options, "-sign", signed / "key.pem", signed / "message")
    assert made.returncode == 0, made.stderr
    assert key.public.verify(made.stdout, (signed / "message").read_bytes())
    assert not key.public.verify(made.stdout, (signed / "other").read_bytes())


def test_ml_dsa_follows_fips_204() -> None:
    """Sizes of table 2 and 3 of FIPS 204 (ML-DSA-65), and the second implementation that `cryptography` offers: the
    message representative of section 6.2 computed apart."""
    key = key_of("ml-dsa-65")
    raw = key.public.handle.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    signature = key.sign(b"message")
    assert (len(raw), len(signature)) == (1952, 3309)
    tr = hashlib.shake_256(raw).digest(64)
    mu = hashlib.shake_256(tr + b"\0\0" + b"message").digest(64)
    key.public.handle.verify_mu(signature, mu)  # type: ignore[union-attr]


def test_openssl_reads_our_encrypted_keys(tmp_path: pathlib.Path) -> None:
    for name, key in (("ed25519", KEY), ("p256", P256_KEY)):
        file = tmp_path / f"{name}.pem"
        file.write_bytes(key.pem(b"secret"))
        assert openssl("pkey", "-in", file, "-passin", "pass:secret", "-pubout").stdout == key.public.pem()
        assert openssl("pkey", "-in", file, "-passin", "pass:wrong", "-pubout").returncode != 0


@pytest.mark.parametrize(
    "modulus", [3**1938, 2**3071 + 2, (2**1536 - 2**400 + 1) ** 2, 2**3072 - 1103717], ids=["power", "even", "square", "prime"]
)
def test_a20_rsa_moduli_that_anybody_can_factor_are_refused(modulus: int) -> None:
    assert modulus.bit_length() == 3072
    handle = rsa.RSAPublicNumbers(65537, modulus).public_key()
    with pytest.raises(TrustError) as caught:
        keys.public_key(handle)
    assert caught.value.name == "weak_key"


def test_a20_a_private_rsa_key_of_more_than_two_primes_is_refused() -> None:
    """Its half is not looked at for primes again, because this is."""
    e, modulus = 65537, 0
    while modulus.bit_length() != 3072:
        p, q = (rsa.generate_private_key(e, 1536).private_numbers() for _ in range(2))
        first, second = p.p * p.q, q.p * q.q
        modulus = first * second
    d = pow(e, -1, (p.p - 1) * (p.q - 1) * (q.p - 1) * (q.q - 1))
    numbers = rsa.RSAPrivateNumbers(
        first, second, d, d % (first - 1), d % (second - 1), pow(second, -1, first), rsa.RSAPublicNumbers(e, modulus)
    )
    with pytest.raises(FormatError, match="readable"):
        keys.read_private(pkcs8(numbers.private_key(unsafe_skip_rsa_key_validation=True)))
