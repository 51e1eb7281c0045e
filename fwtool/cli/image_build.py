"""`fwtool image build`."""

import pathlib
from typing import Any

import click

from formats.errors import ToolError
from formats.fwp import build as fwp_build
from formats.fwp import wrapping
from formats.fwp.manifest import BLOCK_SIZES, Note
from formats.sources import MAX_HOLE
from formats.versions import Hardware, Version
from fwtool.building import COMPRESSIONS, Documents, build_package, new_secret, source_date_epoch
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.image_show import lines_of
from fwtool.files import read_small
from fwtool.inputs import Limits, parse_inputs
from fwtool.package_facts import describe_package

FILE = click.Path(path_type=pathlib.Path)


@click.command("build", cls=Verb)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--version", "version", required=True, help="MAJOR.MINOR.PATCH[+BUILD].")
@click.option("--hardware", required=True, help="MODEL[:A..B]: model, and revisions from A to B.")
@click.option("--security-counter", required=True, type=click.IntRange(0, 2**32 - 1), help="Never goes back on a device.")
@click.option("--out", required=True, type=FILE, help="Package to write.")
@click.option("--vendor", default="", help="Who makes it.")
@click.option("--package-id", default="", help="Name of the product line; [VENDOR/]MODEL if not given.")
@click.option("--build-id", default="", help="What your build system calls this build.")
@click.option("--minimum-version", default="0.0.0", show_default=True, help="Oldest version to update from.")
@click.option("--block-size", default="16384", show_default=True, type=click.Choice([str(size) for size in BLOCK_SIZES]))
@click.option("--notes", multiple=True, metavar="LANG=FILE", help="Release notes in one language (UTF-8 text); repeatable.")
@click.option("--sbom", multiple=True, metavar="[NAME=]FILE", help="CycloneDX SBOM of component NAME, or of all; repeatable.")
@click.option("--provenance", default="", metavar="[NAME=]FILE", help="Build provenance (in-toto statement).")
@click.option(
    "--compress", default="none", show_default=True, type=click.Choice(list(COMPRESSIONS)), help="auto: what is worth it."
)
@click.option("--encrypt-for", multiple=True, type=FILE, metavar="PUB", help="Public key of a group of devices; repeatable.")
@click.option("--secret-file", type=FILE, help="64 hex digits that encryption keys follow from: the same bytes each time.")
@click.option("--fill", default="0xff", show_default=True, help="Byte that fills holes.")
@click.option("--max-hole", default=MAX_HOLE, show_default=True, type=click.IntRange(0), help="Largest hole to fill.")
@pass_app
def command(app: App, /, inputs: tuple[str, ...], out: pathlib.Path, **options: Any) -> Outcome:
    """Build an unsigned package.

    INPUT is [NAME=]FILE[@ADDRESS]: an image of any format that is read, or raw bytes with the address they belong to. NAME
    is a component: bootloader, os, app, secure, modem, printer, parameters, trust, data. A folder stands for the files of an
    update for cVEND terminals (ZVT), checked against the update.spec files in it.
    """
    del app
    hardware = Hardware.parse(options["hardware"])
    recipients = tuple(wrapping.read_public(read_small(path)) for path in options["encrypt_for"])
    recipe = fwp_build.Recipe(
        version=Version.parse(options["version"]),
        hardware=hardware,
        security_counter=options["security_counter"],
        vendor=options["vendor"],
        package_id=options["package_id"] or "/".join(filter(None, (options["vendor"], hardware.model))),
        build_id=options["build_id"],
        build_time=source_date_epoch(),
        minimum_version=Version.parse(options["minimum_version"]),
        block_size=int(options["block_size"]),
        notes=tuple(_note(text) for text in options["notes"]),
        recipients=recipients,
        secret=_secret(options["secret_file"], bool(recipients)),
    )
    package = build_package(
        recipe, parse_inputs(inputs), Limits(_byte(options["fill"]), options["max_hole"]), out,
        compress=options["compress"], documents=Documents(options["sbom"], options["provenance"]),
    )  # fmt: skip
    with package.sealed.file:
        facts = describe_package(package)
    return Outcome({"path": str(out), **facts}, [f"{out}: built, not signed yet", *lines_of(facts)], True)


def _note(text: str) -> Note:
    language, _, path = text.partition("=")
    if not language or not path:
        raise ToolError(f"--notes {text!r}: write LANG=FILE", name="usage")
    try:
        return Note(language=language, text=read_small(pathlib.Path(path), 65535).decode("utf-8").rstrip("\n"))
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is not UTF-8 text", name="usage") from error


def _secret(path: pathlib.Path | None, encrypted: bool) -> bytes:
    if path is None:
        return new_secret() if encrypted else b""
    if not encrypted:
        raise ToolError("--secret-file is for encrypted packages", name="usage", hint="Name a group: --encrypt-for PUB.")
    text = read_small(path, 4096).strip()
    if len(text) != 64 or set(text) - set(b"0123456789abcdefABCDEF"):
        raise ToolError(f"{path} does not hold 64 hex digits", name="usage", hint="Make it with: openssl rand -hex 32")
    return bytes.fromhex(text.decode())


def _byte(text: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value <= 255:
        raise ToolError(f"--fill {text!r} is not a byte", name="usage")
    return value
