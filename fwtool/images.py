"""Use cases on image files: build, sign, verify, look."""

import os
import pathlib
import re
from typing import Any, NamedTuple

from formats import raw, registry
from formats.errors import FormatError, ToolError, TrustError
from formats.fwp import build, header
from formats.fwp.manifest import MAKER_RANGE, NO_ADDRESS, ComponentType
from formats.fwp.package import Package, Sealed, seal
from formats.keys import PublicKey, refuse_foreign
from formats.sample_keys import refuse_samples
from formats.signing import Signature, Signer, message_for
from formats.sources import MAX_HOLE, Flat, Image, Source, check_holes
from formats.trust import Trust
from fwtool.files import open_input, replacing
from fwtool.packages import seal_file

_INPUT = re.compile(r"(?:([A-Za-z0-9_.-]{1,64})=)?(.+?)(?:@(0[xX][0-9A-Fa-f]+|[0-9]+))?")
MAX_SIZE = 1 << 40


class InputSpec(NamedTuple):
    """`[NAME=]FILE[@ADDRESS]` taken apart. The name is a component type, or a free name of an application."""

    name: str
    path: pathlib.Path
    address: int | None


def parse_input(text: str) -> InputSpec:
    """Read one INPUT argument.

    Raises:
        ToolError: not of the form (`usage`).
    """
    match = _INPUT.fullmatch(text)
    if not match:
        raise ToolError(f"{text!r} is not an input", name="usage", hint="Write [NAME=]FILE[@ADDRESS].")
    path = pathlib.Path(match[2])
    if match[3] is None or pathlib.Path(text).exists():
        return InputSpec(match[1] or "application", pathlib.Path(text) if match[1] is None else path, None)
    return InputSpec(match[1] or "application", path, int(match[3], 0))


NAMES = {"app": ComponentType.APPLICATION, **{kind.name.lower(): kind for kind in ComponentType}}
"""What can stand before the `=`; `maker-8001` to `maker-ffff` are the maker's own types."""


def component_type(name: str) -> int:
    """The type a component name stands for; unknown names are applications with a name of their own."""
    if name in NAMES:
        return NAMES[name]
    match = re.fullmatch(r"maker-([0-9a-fA-F]{4})", name)
    if match:
        number = int(match[1], 16)
        if number not in MAKER_RANGE:
            raise ToolError(f"{name}: maker types run from 8000 to ffff", name="usage")
        return number
    return ComponentType.APPLICATION


class Limits(NamedTuple):
    """How holes are filled and how large they may be."""

    fill: int = 0xFF
    max_hole: int = MAX_HOLE


def read_input(spec: InputSpec, limits: Limits) -> tuple[Source, str]:
    """Open an input and read its structure; the bytes follow when they are needed.

    Returns:
        The source, and the name of the format it was read as.
    """
    file = open_input(spec.path)
    kind = registry.detect(file)
    if spec.address is not None:
        if kind.has_addresses:
            raise ToolError(f"{spec.path} is {kind.name} and brings its own addresses", name="usage", hint="Leave out @ADDRESS.")
        return Flat(raw.read(file, spec.address), limits.fill), kind.name
    try:
        image: Image = kind.read(file)
    except FormatError as error:
        raise FormatError(f"{spec.path}: {error.message}", name=error.name, hint=error.hint, offset=error.offset) from error
    check_holes(image, max_hole=limits.max_hole, max_size=MAX_SIZE)
    return Flat(image, limits.fill, has_address=kind.has_addresses), kind.name


def build_package(recipe: build.Recipe, inputs: list[InputSpec], limits: Limits, out: pathlib.Path) -> Package:
    """Build an unsigned package and open it again.

    Raises:
        FormatError: an input is damaged or too large.
        LocalError: a file cannot be read or written.
    """
    parts = []
    for spec in inputs:
        source, _ = read_input(spec, limits)
        parts.append(build.Part(component_type(spec.name), spec.name, source))
    with replacing(out) as file:
        build.write(recipe, parts, file)
    return seal_file(out).open()


def source_date_epoch() -> int:
    """Build time from SOURCE_DATE_EPOCH (reproducible-builds.org specification), 0 if it is not set.

    Raises:
        ToolError: it is no number (`usage`).
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "0")
    if not text.isdigit() or int(text) >= 2**63:
        raise ToolError(f"SOURCE_DATE_EPOCH={text!r} is not a number of seconds", name="usage")
    return int(text)


def sign_package(path: pathlib.Path, signers: list[Signer], out: pathlib.Path, *, dev: bool = False) -> Sealed:
    """Check every byte of a package, then write it with one more signature per signer.

    Raises:
        FormatError: the package is damaged: nobody should sign it.
        TrustError: a sample key outside `dev`.
    """
    refuse_samples([signer.public for signer in signers], dev=dev)
    for signer in signers:
        refuse_foreign(signer.public)
    sealed = seal_file(path)
    with sealed.file:
        sealed.open().check_all()
        block = sealed.signatures
        for signer in signers:
            block = block.adding(Signature(signer.public.key_id, signer.sign(message_for("package", sealed.digest))))
        with replacing(out) as file:
            build.rewrite(sealed, block, file)
    return seal_file(out)


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
        with replacing(out) as file:
            build.rewrite(sealed, sealed.signatures.adding(Signature(key.key_id, signature)), file)
    return seal_file(out)


def describe(path: pathlib.Path, limits: Limits) -> dict[str, Any]:
    """What is in an image file of any format we read."""
    with open_input(path) as file:
        start = file.read(len(header.MAGIC))
    if start == header.MAGIC:
        with seal_file(path).file as file:
            return describe_package(seal(file).open())
    source, kind = read_input(InputSpec("application", path, None), limits._replace(max_hole=MAX_SIZE))
    assert isinstance(source, Flat)
    return {
        "format": kind,
        "version": None,
        "digest": None,
        "signatures": [],
        "entry": source.image.entry,
        "components": [
            {"name": f"piece {number}", "address": piece.address if source.has_address else None, "size": piece.size}
            for number, piece in enumerate(source.image.pieces)
        ],
    }


def describe_package(package: Package) -> dict[str, Any]:
    manifest = package.manifest
    return {
        "format": "fwp",
        "package_id": manifest.package_id,
        "vendor": manifest.vendor,
        "hardware": str(manifest.hardware),
        "version": str(manifest.version),
        "minimum_version": str(manifest.minimum_version),
        "security_counter": manifest.security_counter,
        "build_id": manifest.build_id,
        "build_time": manifest.build_time,
        "block_size": manifest.block_size,
        "digest": package.sealed.digest.hex(),
        "components": [
            {
                "name": component.name,
                "type": component.type_name,
                "version": str(component.version),
                "address": None if component.address == NO_ADDRESS else component.address,
                "size": component.installed_size,
                "digest": component.digest.hex(),
            }
            for component in manifest.components
        ],
        "signatures": [signature.key_id.hex() for signature in package.sealed.signatures.signatures],
        "notes": {note.language: note.text for note in manifest.notes},
    }


def verify_package(path: pathlib.Path, trust: Trust) -> dict[str, Any]:
    """Check a package completely, noting each check that held.

    Raises:
        TrustError, FormatError: the first one that did not.
    """
    sealed = seal_file(path)
    checks = [{"id": "header", "outcome": "held", "key_id": None, "offset": 0}]
    with sealed.file:
        for judged in sealed.judge(trust):
            checks.append(
                {
                    "id": "signature",
                    "outcome": str(judged.check),
                    "key_id": judged.key_id.hex(),
                    "offset": sealed.header.signatures_offset,
                }
            )
        package = sealed.open()
        checks.append({"id": "manifest", "outcome": "held", "key_id": None, "offset": header.SIZE})
        package.check_all()
        checks.append({"id": "table", "outcome": "held", "key_id": None, "offset": sealed.header.table_offset})
        checks.append({"id": "payload", "outcome": "held", "key_id": None, "offset": sealed.header.payload_offset})
        return {**describe_package(package), "checks": checks}
