"""The corpora on the disk: `corpus/TARGET/NAME`. Names of twelve digits were given by `store`, all others by people."""

import hashlib
import pathlib
import re
from collections.abc import Iterable
from typing import Final

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS
from tests.support import ROOT

FOLDER: Final = ROOT / "tests" / "fuzz" / "corpus"
LOG: Final = ROOT / "tests" / "fuzz" / "log.tsv"
_GIVEN: Final = re.compile(r"[0-9a-f]{12}")


def stored(name: str) -> dict[pathlib.Path, bytes]:
    """The corpus of a target, by file."""
    return {path: path.read_bytes() for path in sorted((FOLDER / name).glob("*"))}


def inputs(name: str) -> list[bytes]:
    """What a target is tried with: what it starts from, and all that was kept."""
    return [*SEEDS[name](), *stored(name).values()]


def storable(name: str, data: bytes) -> bool:
    """Whether an input may lie in the repository: private keys may not."""
    return name != "private-key" or not TARGETS[name].accepts(data)


def store(name: str, kept: Iterable[bytes]) -> None:
    """Replace what `store` has stored before; files that people have named stay."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if _GIVEN.fullmatch(path.name):
            path.unlink()
    for data in kept:
        (folder / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)


def named(path: pathlib.Path) -> bool:
    """Whether people have named this file."""
    return not _GIVEN.fullmatch(path.name)
