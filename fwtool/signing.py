"""Signing images and packages that are there: each is checked first, and replaced whole."""

import pathlib
from collections.abc import Sequence

from formats.errors import FormatError, TrustError
from formats.fwp import build
from formats.fwp.package import Sealed
from formats.keys import PublicKey, refuse_foreign
from formats.sample_keys import refuse_samples
from formats.signing import Signature, Signer, message_for
from fwtool.files import replacing
from fwtool.packages import seal_file


def sign_package(
    path: pathlib.Path, signers: Sequence[Signer], out: pathlib.Path, *, expected: bytes | None = None, dev: bool = False
) -> Sealed:
    """Check every byte of a package, then write it with one more signature per signer.

    Args:
        expected: The identity that somebody has looked at and agreed to sign; another one is refused (A54).

    Raises:
        FormatError: the package is damaged: nobody should sign it.
        TrustError: a sample key outside `dev`, or not the package that was looked at.
    """
    refuse_samples([signer.public for signer in signers], dev=dev)
    for signer in signers:
        refuse_foreign(signer.public)
    sealed = seal_file(path)
    with sealed.file:
        if expected is not None and sealed.digest != expected:
            raise TrustError(
                f"the file holds package {sealed.digest.hex()[:16]} now, {expected.hex()[:16]} was reviewed",
                name="trust_failed", hint="It changed in between. Nothing was signed; review it again.",
            )  # fmt: skip
        sealed.open().check_all()
        block = sealed.signatures
        for signer in signers:
            block = block.adding(Signature(signer.public.key_id, signer.sign(message_for("package", sealed.digest))))
        with replacing(out) as file, sealed.file:  # closed before it is replaced: Windows insists
            build.rewrite(sealed, block, file)
    return _seen(out, sealed.digest)


def attach_signature(path: pathlib.Path, key: PublicKey, signature: bytes, out: pathlib.Path, *, dev: bool = False) -> Sealed:
    """Put a signature made elsewhere into a package, after checking that it holds.

    Raises:
        TrustError: it does not; the file is untouched.
    """
    refuse_samples([key], dev=dev)
    sealed = seal_file(path)
    with sealed.file:
        sealed.open().check_all()
        if not key.verify(signature, message_for("package", sealed.digest)):
            raise TrustError(
                "this signature does not fit this package and key",
                hint="Sign exactly the bytes that `fwtool image digest` wrote, and give the matching public key.",
            )
        with replacing(out) as file, sealed.file:
            build.rewrite(sealed, sealed.signatures.adding(Signature(key.key_id, signature)), file)
    return _seen(out, sealed.digest)


def _seen(out: pathlib.Path, digest: bytes) -> Sealed:
    """What was written, opened again."""
    written = seal_file(out)
    if written.digest != digest:
        written.file.close()
        raise FormatError("what was written is not what was signed: somebody else writes to this file")
    return written
