"""`fwtool image`: build, sign, digest, attach-signature, verify, show."""

import pathlib
from typing import Any

import click

from formats import keys
from formats.errors import ToolError
from formats.fwp import build as fwp_build
from formats.fwp.manifest import BLOCK_SIZES, Note
from formats.signing import message_for
from formats.sources import MAX_HOLE
from formats.versions import Hardware, Version
from fwtool import images
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.image_convert import command as convert
from fwtool.cli.image_diff import command as diff
from fwtool.cli.image_extract import command as extract
from fwtool.cli.output import size_text
from fwtool.cli.signer_options import open_signers, signer_options
from fwtool.files import read_small, write_file
from fwtool.packages import seal_file
from fwtool.trust_store import find_trust

FILE = click.Path(path_type=pathlib.Path)


@click.group(cls=VerbGroup)
def command() -> None:
    """Build, sign, verify, inspect and convert firmware images."""


command.add_command(convert)
command.add_command(diff)
command.add_command(extract)


@command.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--version", "version", required=True, help="MAJOR.MINOR.PATCH[+BUILD].")
@click.option("--hardware", required=True, help="MODEL[:A..B]: model, and revisions from A to B.")
@click.option("--security-counter", required=True, type=click.IntRange(0, 2**32 - 1), help="Never goes back on a device.")
@click.option("--out", required=True, type=FILE, help="Package to write.")
@click.option("--vendor", default="Acme", show_default=True)
@click.option("--package-id", default="", help="Name of the product line; VENDOR/MODEL if not given.")
@click.option("--build-id", default="", help="What your build system calls this build.")
@click.option("--minimum-version", default="0.0.0", show_default=True, help="Oldest version to update from.")
@click.option("--block-size", default="16384", show_default=True, type=click.Choice([str(size) for size in BLOCK_SIZES]))
@click.option("--notes", multiple=True, metavar="LANG=FILE", help="Release notes in one language (UTF-8 text); repeatable.")
@click.option("--fill", default="0xff", show_default=True, help="Byte that fills holes.")
@click.option("--max-hole", default=MAX_HOLE, show_default=True, type=click.IntRange(0), help="Largest hole to fill.")
@pass_app
def build(app: App, /, inputs: tuple[str, ...], out: pathlib.Path, **options: Any) -> Outcome:
    """Build an unsigned package.

    INPUT is [NAME=]FILE[@ADDRESS]: ELF, Intel HEX or S-records, or raw bytes with the address they belong to. NAME is a
    component: bootloader, os, app, secure, modem, printer, parameters, trust.
    """
    del app
    hardware = Hardware.parse(options["hardware"])
    recipe = fwp_build.Recipe(
        version=Version.parse(options["version"]),
        hardware=hardware,
        security_counter=options["security_counter"],
        vendor=options["vendor"],
        package_id=options["package_id"] or f"{options['vendor']}/{hardware.model}",
        build_id=options["build_id"],
        build_time=images.source_date_epoch(),
        minimum_version=Version.parse(options["minimum_version"]),
        block_size=int(options["block_size"]),
        notes=tuple(_note(text) for text in options["notes"]),
    )
    limits = images.Limits(_byte(options["fill"]), options["max_hole"])
    package = images.build_package(recipe, [images.parse_input(text) for text in inputs], limits, out)
    with package.sealed.file:
        facts = images.describe_package(package)
    return Outcome({"path": str(out), **facts}, [f"{out}: built, not signed yet", *_lines(facts)], True)


def _note(text: str) -> Note:
    language, _, path = text.partition("=")
    if not language or not path:
        raise ToolError(f"--notes {text!r}: write LANG=FILE", name="usage")
    try:
        return Note(language=language, text=read_small(pathlib.Path(path), 65535).decode("utf-8").rstrip("\n"))
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is not UTF-8 text", name="usage") from error


def _byte(text: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value <= 255:
        raise ToolError(f"--fill {text!r} is not a byte", name="usage")
    return value


@command.command()
@click.argument("file", type=FILE)
@signer_options(required=True)
@click.option("--out", type=FILE, help="Where to write; the file itself if not given.")
@pass_app
def sign(app: App, /, file: pathlib.Path, out: pathlib.Path | None, **signing: Any) -> Outcome:
    """Add a signature of each key. The package is checked first; its identity stays the same."""
    with open_signers(app, **signing) as signers:
        sealed = images.sign_package(file, signers, out or file, dev=app.dev)
    with sealed.file:
        return _signed(out or file, sealed.digest, [s.key_id for s in sealed.signatures.signatures])


def _signed(path: pathlib.Path, digest: bytes, key_ids: list[bytes]) -> Outcome:
    facts = {"path": str(path), "digest": digest.hex(), "signatures": [key_id.hex() for key_id in key_ids]}
    signed = ", ".join(key_id.hex()[:16] for key_id in key_ids)
    return Outcome(facts, [f"{path}: package {digest.hex()[:16]} signed by {signed}"], True)


@command.command()
@click.argument("file", type=FILE)
@click.option("--out", required=True, type=FILE, help="Where to write the message to be signed.")
@pass_app
def digest(app: App, file: pathlib.Path, out: pathlib.Path) -> Outcome:
    """Write the bytes that are to be signed elsewhere (see docs/formats/signing.md)."""
    del app
    sealed = seal_file(file)
    with sealed.file:
        sealed.open().check_all()
        message = message_for("package", sealed.digest)
        write_file(out, message)
        facts = {"path": str(out), "digest": sealed.digest.hex(), "size": len(message)}
        return Outcome(facts, [f"{out}: {len(message)} bytes to sign for package {sealed.digest.hex()[:16]}"], True)


@command.command("attach-signature")
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
    sealed = images.attach_signature(file, key, read_small(signature, 4096), out or file, dev=app.dev)
    with sealed.file:
        return _signed(out or file, sealed.digest, [s.key_id for s in sealed.signatures.signatures])


@command.command()
@click.argument("file", type=FILE)
@click.option("--trust", default="", help="Trust file, or a public key; the pinned trust if not given.")
@click.option("--explain", is_flag=True, help="Say what was checked, where, with which key.")
@pass_app
def verify(app: App, file: pathlib.Path, trust: str, explain: bool) -> Outcome:
    """Check signatures and every byte of a package."""
    facts = images.verify_package(file, find_trust(trust or app.settings.trust, app.state_dir, dev=app.dev))
    lines = [f"{file}: good, package {facts['digest'][:16]}, {facts['version']} for {facts['hardware']}"]
    if explain:
        for check in facts["checks"]:
            by = f" by key {check['key_id'][:16]}" if check["key_id"] else ""
            lines.append(f"  {check['id']:<10} {check['outcome']}{by}, at byte {check['offset']}")
    return Outcome(facts, lines)


@command.command()
@click.argument("file", type=FILE)
@pass_app
def show(app: App, file: pathlib.Path) -> Outcome:
    """Show what is in an image file; nothing is verified."""
    del app
    facts = images.describe(file, images.Limits())
    return Outcome(facts, _lines(facts))


def _lines(facts: dict[str, Any]) -> list[str]:
    if facts["format"] != "fwp":
        lines = [f"format      {facts['format']}"]
        if facts["entry"] is not None:
            lines.append(f"entry       0x{facts['entry']:08x}")
    else:
        lines = [
            f"package     {facts['package_id']}  {facts['version']}  for {facts['hardware']}",
            f"counter     {facts['security_counter']}   updates from {facts['minimum_version']} on",
            f"digest      {facts['digest']}",
            f"signatures  {', '.join(key_id[:16] for key_id in facts['signatures']) or 'none'}",
        ]
        if facts["build_id"]:
            lines.append(f"build       {facts['build_id']}")
    for component in facts["components"]:
        address = "no address" if component["address"] is None else f"0x{component['address']:08x}"
        lines.append(f"  {component['name']:<12} {component.get('type', ''):<12} {address}  {size_text(component['size'])}")
    for language, text in facts.get("notes", {}).items():
        lines += [f"notes ({language})", *(f"  {line}" for line in text.splitlines())]
    return lines
