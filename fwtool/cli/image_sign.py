"""`fwtool image sign`, `digest` and `attach-signature`."""

import pathlib
import sys
from typing import Any

import click

from formats import keys
from formats.errors import ToolError
from formats.fwp.package import Sealed
from formats.signing import message_for
from fwtool import review, signing
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.signer_options import open_signers, signer_options
from fwtool.files import read_small, write_file
from fwtool.packages import is_package, seal_file

FILE = click.Path(path_type=pathlib.Path)


@click.command("sign", cls=Verb)
@click.argument("file", type=FILE)
@signer_options(required=True)
@click.option("--out", type=FILE, help="Where to write; the file itself if not given.")
@click.option("--review", "base", type=FILE, metavar="BASE", help="Show what differs from this release, and ask first.")
@click.option("--reviewed", metavar="DIGEST", help="Sign only the package with this identity; instead of being asked.")
@pass_app
def sign(
    app: App, /, file: pathlib.Path, out: pathlib.Path | None, base: pathlib.Path | None, reviewed: str | None,
    **signing_with: Any,
) -> Outcome:  # fmt: skip
    """Add a signature of each key, to a package or an MCUboot image. It is checked first; its identity stays the same."""
    if not is_package(file):
        return _sign_image(app, file, out or file, base is not None or reviewed is not None, signing_with)
    expected = _digest(reviewed) if reviewed is not None else None
    if base is not None:
        expected = _review(app, file, base, expected)
    with open_signers(app, **signing_with) as signers:
        sealed = signing.sign_package(file, signers, out or file, expected=expected, dev=app.dev)
    return _signed(out or file, sealed)


def _sign_image(app: App, file: pathlib.Path, out: pathlib.Path, review: bool, signing_with: dict[str, Any]) -> Outcome:
    if review:
        raise ToolError("--review and --reviewed are for packages", name="usage")
    from fwtool import mcuboot  # packages do not wait for it

    with open_signers(app, **signing_with) as signers:
        facts = mcuboot.sign(file, signers, out, dev=app.dev)
    line = f"{out}: MCUboot image {facts['version']}, signatures: {len(facts['signatures'])}"
    return Outcome({"path": str(out), "digest": facts["digest"], "signatures": facts["signatures"]}, [line], True)


def _digest(text: str) -> bytes:
    if len(text) != 64 or set(text.lower()) - set("0123456789abcdef"):
        raise ToolError(f"--reviewed {text!r} is not a digest of 64 hex digits", name="usage")
    return bytes.fromhex(text)


def _review(app: App, file: pathlib.Path, base: pathlib.Path, expected: bytes | None) -> bytes:
    """Show the difference, and have somebody agree to it; get the identity of what was shown."""
    if expected is None and (app.output.json or app.output.quiet):
        raise ToolError("--review shows what differs, which --json and --quiet do not", name="usage",
                        hint="Look at it with `fwtool image diff`, then sign with --reviewed DIGEST.")  # fmt: skip
    from fwtool.cli.image_diff import lines_of  # only who reviews waits for it
    from fwtool.compare import compare
    from fwtool.inputs import Limits

    with review.private_copy(file) as copy:
        digest = review.identity(copy)
        for line in lines_of(compare(base, copy, Limits())):
            app.output.say(line)
    app.output.say(f"package {digest.hex()}")
    if expected is not None:
        return expected  # what was agreed on before; anything else is refused when it is signed
    if not sys.stdin or not sys.stdin.isatty():
        raise ToolError(
            "--review asks, and there is nobody to ask", name="usage",
            hint=f"If this is what you want to sign, say so: --reviewed {digest.hex()}",
        )  # fmt: skip
    if input("Sign this? Type yes: ").strip().lower() != "yes":
        raise ToolError("not signed", name="usage", hint="Nothing was changed.")
    return digest


def _signed(path: pathlib.Path, sealed: Sealed) -> Outcome:
    with sealed.file:
        key_ids = [signature.key_id.hex() for signature in sealed.signatures.signatures]
    facts = {"path": str(path), "digest": sealed.digest.hex(), "signatures": key_ids}
    signed = ", ".join(key_id[:16] for key_id in key_ids)
    return Outcome(facts, [f"{path}: package {sealed.digest.hex()[:16]} signed by {signed}"], True)


@click.command("digest", cls=Verb)
@click.argument("file", type=FILE)
@click.option("--out", required=True, type=FILE, help="Where to write the message to be signed.")
@pass_app
def digest(app: App, file: pathlib.Path, out: pathlib.Path) -> Outcome:
    """Write the bytes that are to be signed elsewhere (see docs/formats/signing.md)."""
    del app
    if out.exists() and out.samefile(file):
        raise ToolError("the message would replace the package itself", name="usage", hint="Name another file with --out.")
    sealed = seal_file(file)
    with sealed.file:
        sealed.open().check_all()
        message = message_for("package", sealed.digest)
        write_file(out, message)
        facts = {"path": str(out), "digest": sealed.digest.hex(), "size": len(message)}
        return Outcome(facts, [f"{out}: {len(message)} bytes to sign for package {sealed.digest.hex()[:16]}"], True)


@click.command("attach-signature", cls=Verb)
@click.argument("file", type=FILE)
@click.option("--public", required=True, type=FILE, help="Public key of the signer (PEM).")
@click.option("--signature", required=True, type=FILE, help="Signature: 64 bytes for Ed25519, DER for ECDSA.")
@click.option("--out", type=FILE, help="Where to write; the file itself if not given.")
@pass_app
def attach_signature(
    app: App, file: pathlib.Path, public: pathlib.Path, signature: pathlib.Path, out: pathlib.Path | None
) -> Outcome:
    """Put a signature made elsewhere into the package, if it holds."""
    key = keys.read_public(read_small(public))
    return _signed(out or file, signing.attach_signature(file, key, read_small(signature, 4096), out or file, dev=app.dev))
