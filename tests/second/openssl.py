"""Signatures and key agreement by the `openssl` command line: the program itself uses another library.

Keys are SubjectPublicKeyInfo in DER, as docs/formats/signing.md section 2 gives them.
"""

import functools
import hashlib
import pathlib
import subprocess
import tempfile

TIMEOUT = 60
PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sigopt", "rsa_mgf1_md:sha256"]
# options of `openssl dgst` by algorithm; the algorithms without an entry sign the message as it is
HASHED = {
    "ecdsa-p256": ["-sha256"],
    "ecdsa-p384": ["-sha384"],
    "rsa-3072": ["-sha256", *PSS],
    "rsa-4096": ["-sha256", *PSS],
}
# options of `openssl genpkey`
KINDS = {
    "ed25519": ["-algorithm", "ED25519"],
    "ecdsa-p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ecdsa-p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa-3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "rsa-4096": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
    "ml-dsa-65": ["-algorithm", "ML-DSA-65"],
    "x25519": ["-algorithm", "X25519"],
    "ecdh-p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
}
# PKCS#8 (RFC 8410 section 7), up to the 32 bytes of the key
PKCS8 = {
    "ed25519": bytes.fromhex("302e020100300506032b657004220420"),
    "x25519": bytes.fromhex("302e020100300506032b656e04220420"),
}


class OpensslError(Exception):
    """A call of openssl that did not do what it should."""


def call(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run openssl."""
    return subprocess.run(["openssl", *arguments], capture_output=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL, check=False)


def must(*arguments: str) -> bytes:
    """Run openssl, and take it as an error if it fails."""
    done = call(*arguments)
    if done.returncode:
        raise OpensslError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


@functools.cache
def knows_ml_dsa() -> bool:
    """Whether this openssl can check ML-DSA (3.5 and later can)."""
    done = call("list", "-signature-algorithms")
    return b"ML-DSA-65" in done.stdout.upper()


def verify(algorithm: str, spki: bytes, message: bytes, signature: bytes) -> bool | None:
    """Whether a signature holds; None where this openssl does not know the algorithm."""
    if algorithm == "ml-dsa-65" and not knows_ml_dsa():
        return None
    with tempfile.TemporaryDirectory() as folder:
        key, text, sealed = (str(pathlib.Path(folder, name)) for name in ("key", "message", "signature"))
        pathlib.Path(text).write_bytes(message)
        pathlib.Path(sealed).write_bytes(signature)
        pathlib.Path(key + ".der").write_bytes(spki)
        must("pkey", "-pubin", "-inform", "DER", "-in", key + ".der", "-out", key)
        if algorithm in HASHED:
            done = call("dgst", *HASHED[algorithm], "-verify", key, "-signature", sealed, text)
        else:
            done = call("pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", text, "-sigfile", sealed)
        return done.returncode == 0


def sign(algorithm: str, key: pathlib.Path, message: bytes) -> bytes:
    """Sign a message with a private key file."""
    with tempfile.TemporaryDirectory() as folder:
        text, sealed = (str(pathlib.Path(folder, name)) for name in ("message", "signature"))
        pathlib.Path(text).write_bytes(message)
        if algorithm in HASHED:
            must("dgst", *HASHED[algorithm], "-sign", str(key), "-out", sealed, text)
        else:
            must("pkeyutl", "-sign", "-inkey", str(key), "-rawin", "-in", text, "-out", sealed)
        return pathlib.Path(sealed).read_bytes()


def generate(algorithm: str, path: pathlib.Path) -> pathlib.Path:
    """Make a private key file."""
    must("genpkey", *KINDS[algorithm], "-out", str(path))
    return path


def from_name(algorithm: str, name: str, path: pathlib.Path) -> pathlib.Path:
    """The Ed25519 or X25519 key whose secret is the SHA-256 of a name: always the same one."""
    der = path.with_suffix(".der")
    der.write_bytes(PKCS8[algorithm] + hashlib.sha256(name.encode()).digest())
    must("pkey", "-inform", "DER", "-in", str(der), "-out", str(path))
    return path


def public(key: pathlib.Path) -> bytes:
    """SubjectPublicKeyInfo of a private key file."""
    return must("pkey", "-in", str(key), "-pubout", "-outform", "DER")


def public_of_pem(path: pathlib.Path) -> bytes:
    """SubjectPublicKeyInfo of a public key file."""
    return must("pkey", "-pubin", "-in", str(path), "-pubout", "-outform", "DER")


def agree(key: pathlib.Path, peer: bytes) -> bytes:
    """Shared secret of a private key file and a public key."""
    with tempfile.TemporaryDirectory() as folder:
        der, pem, secret = (str(pathlib.Path(folder, name)) for name in ("der", "pem", "secret"))
        pathlib.Path(der).write_bytes(peer)
        must("pkey", "-pubin", "-inform", "DER", "-in", der, "-out", pem)
        must("pkeyutl", "-derive", "-inkey", str(key), "-peerkey", pem, "-out", secret)
        return pathlib.Path(secret).read_bytes()
