"""Takes an image or a package apart: one file for each piece or component, and what is known about it beside them."""

import json
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from formats import registry
from formats.errors import LocalError
from formats.fwp import header
from formats.fwp.manifest import DOCUMENTS, NO_ADDRESS
from formats.fwp.package import seal
from formats.fwp.wrapping import GroupKey
from fwtool.files import open_input, replacing
from fwtool.image_facts import describe
from fwtool.inputs import Limits
from fwtool.packages import seal_file

STEP = 1 << 20
FACTS = "image.json"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}
"""Names that Windows keeps for devices, whatever stands behind a dot."""

NOTHING: Mapping[str, Any] = {}


def extract(path: pathlib.Path, folder: pathlib.Path, options: Mapping[str, Any] = NOTHING) -> list[pathlib.Path]:
    """Write the parts of `path` into `folder`, which must be empty or not there.

    Of a package every block is checked against its table as it is written; its signatures are not.

    Args:
        options: What encrypted content is opened with: `groups` of a package, `decrypt_key` of an MCUboot image.

    Raises:
        FormatError: damaged.
        LocalError: the folder has something in it, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise LocalError(f"{folder} is not empty", name="disk", hint="Name a new folder: nothing is written over.")
    except OSError as error:
        raise LocalError(f"{folder} cannot be made: {error.strerror}", name="disk") from error
    facts = describe(path, Limits())
    with open_input(path) as file:
        is_package = file.read(len(header.MAGIC)) == header.MAGIC
    made: list[pathlib.Path] = []
    taken = {FACTS}
    for name, chunks in _package(path, options.get("groups", ())) if is_package else _image(path, options):
        if name.casefold() in taken:  # two names that some file systems take for one
            name = f"{len(made)}-{name}"
        taken.add(name.casefold())
        with replacing(folder / name) as out:
            for chunk in chunks:
                out.write(chunk)
        made.append(folder / name)
    with replacing(folder / FACTS) as out:
        out.write(json.dumps(facts, indent=1, ensure_ascii=True).encode() + b"\n")
    return [*made, folder / FACTS]


def _package(path: pathlib.Path, groups: Sequence[GroupKey]) -> Iterator[tuple[str, Iterator[bytes]]]:
    with seal_file(path).file as file:
        package = seal(file).open().unlocked(groups)
        for number, component in enumerate(package.manifest.components):
            place = "" if component.address == NO_ADDRESS else f"@0x{component.address:08x}"
            ending = "json" if component.type in DOCUMENTS else "bin"
            yield f"{safe_name(component.name, f'component-{number}')}{place}.{ending}", package.component(component)


def _image(path: pathlib.Path, options: Mapping[str, Any]) -> Iterator[tuple[str, Iterator[bytes]]]:
    with open_input(path) as file:
        kind = registry.detect(file)
        image = kind.read(file, **registry.options_for(kind.read_options, dict(options)))
        for number, piece in enumerate(image.pieces):
            place = f"@0x{piece.address:08x}" if image.placed else ""
            whole: Any = (piece.read(at, min(STEP, piece.size - at)) for at in range(0, piece.size, STEP))
            yield f"piece-{number}{place}.bin", whole


def safe_name(name: str, otherwise: str) -> str:
    """A name from inside a file as a file name, if it can be none but that; names of others never choose a path."""
    good = _NAME.fullmatch(name) and not name.endswith(".") and name.split(".")[0].lower() not in RESERVED
    return name if good else otherwise
