"""The tool itself, as `make bundle` makes it: a folder, or a ZIP archive of it, with a list of its digests.

The list (SHA256SUMS, as of sha256sum(1)) shows damage, not origin: it travels with the files. Whoever runs a tool from a stick
trusts the one who gave them the stick.
"""

import contextlib
import hashlib
import pathlib
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import Final

from formats.errors import FormatError, LocalError
from fwtool.files import open_input
from fwtool.stick import names

SUMS: Final = "SHA256SUMS"
MAX_SUMS: Final = 1 << 20
MAX_FILES: Final = 2000
MAX_DEPTH: Final = 4
_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")


def read_sums(data: bytes) -> dict[str, str]:
    """Digests in hexadecimal, by path.

    Raises:
        FormatError: not such a list, or a path that no file of a bundle can have.
    """
    found: dict[str, str] = {}
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise FormatError(f"{SUMS} is damaged", offset=error.start) from error
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if not match or not is_path(match[2]) or match[2] in found or number > MAX_FILES:
            raise FormatError(f"line {number} of {SUMS} is damaged")
        found[match[2]] = match[1]
    return found


def is_path(text: str) -> bool:
    """Whether this is a path inside a bundle, which FAT32 can hold."""
    parts = text.split("/")
    return len(parts) <= MAX_DEPTH and all(map(names.is_safe, parts))


def faults(listed: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a bundle, by path: missing, changed, or not part of it."""
    wrong = {path: "missing" for path in listed if path not in found}
    wrong |= {path: "not part of the bundle" for path in found if path not in listed and path != SUMS}
    wrong |= {path: "damaged: its digest differs" for path, digest in listed.items() if found.get(path, digest) != digest}
    return wrong


class Bundle:
    """A bundle on this computer, every file of it checked against its list.

    Attributes:
        files: SHA-256 in hexadecimal and size of each file, by path; of the list itself too.
    """

    def __init__(self, root: Traversable, name: str) -> None:
        self._places = dict(_files(root))
        if SUMS not in self._places:
            hint = "Make one with: make bundle"
            raise FormatError(f"{name} is no bundle of fwtool: there is no {SUMS} in it", name="unsupported_format", hint=hint)
        self.files = {path: self._measure(path) for path in sorted(self._places)}
        with self._places[SUMS].open("rb") as file:
            wrong = faults(read_sums(file.read(MAX_SUMS)), {path: digest for path, (digest, _) in self.files.items()})
        if wrong:
            path, what = min(wrong.items())
            raise FormatError(f"{name}: {path} is {what}", hint="Make the bundle again: make bundle")

    def _measure(self, path: str) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        for chunk in self.chunks(path):
            digest.update(chunk)
            size += len(chunk)
        return digest.hexdigest(), size

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, by the megabyte."""
        with self._places[path].open("rb") as file:
            while data := file.read(1 << 20):
                yield data


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[Bundle]:
    """Read a bundle.

    Raises:
        FormatError: no bundle, or damaged.
        LocalError: it cannot be read.
    """
    try:
        if path.is_dir():
            yield Bundle(path, str(path))
            return
        with open_input(path) as file, zipfile.ZipFile(file) as archive:
            yield Bundle(zipfile.Path(archive), str(path))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise FormatError(f"{path} is no bundle of fwtool: {error}", name="unsupported_format") from error
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror or error}") from error


def _files(folder: Traversable, prefix: str = "") -> Iterable[tuple[str, Traversable]]:
    for inside in folder.iterdir():
        path = prefix + inside.name
        if not is_path(path):
            raise FormatError(f"{path!r} cannot be the name of a file on a stick")
        if inside.is_dir():
            yield from _files(inside, path + "/")
        elif inside.is_file():
            yield path, inside
