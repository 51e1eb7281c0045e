"""Putting packages on a stick, and what goes with them. Doing it again changes nothing."""

import contextlib
import dataclasses
import functools
import hashlib
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final, NamedTuple

from formats.errors import LocalError
from formats.fwp.manifest import Manifest
from formats.fwp.package import file_size
from formats.trust import Trust
from fwtool.files import open_input, read_small
from fwtool.stick import bundle, layout, names, tidy
from fwtool.stick.judge import judge
from fwtool.stick.media import Folder
from fwtool.stick.put import digest_of, make_folder, put
from fwtool.stick.stick_file import STEP, LeftAlone
from fwtool.trust_store import load_trust

MAX_ORDER: Final = 1 << 20
CLUSTER: Final = 32 << 10
"""Room is given out in clusters; this is FAT32's size up to 32 GB."""


@dataclasses.dataclass(frozen=True)
class Writing:
    """What is to be put on a stick."""

    packages: Sequence[pathlib.Path] = ()
    orders: Sequence[pathlib.Path] = ()
    trusts: Sequence[pathlib.Path] = ()
    """Trust files that follow the pinned one, for laptops that have only that."""
    tool: pathlib.Path | None = None
    """A bundle of the tool: folder or ZIP archive."""
    replace: bool = False
    """Remove older releases of the same packages."""


class Written(NamedTuple):
    """What became of one file."""

    path: str
    state: str
    """written, unchanged or removed."""
    size: int
    sha256: str


class _Content(NamedTuple):
    """One file that is to be there; `path` is inside `layout.FOLDER`."""

    path: str
    size: int
    sha256: str
    chunks: Callable[[], Iterable[bytes]]
    manifest: Manifest | None = None


def write(path: pathlib.Path, what: Writing, trust: Trust | None, *, dev: bool = False) -> list[Written]:
    """Write, synchronise, read back and compare; files of others are not touched.

    Args:
        path: The folder the stick is mounted at.
        trust: Whose signatures packages must have; None: only that they are signed and whole is looked at.

    Raises:
        FormatError, TrustError: a package is not good; nothing has been written.
        LocalError: no room, write-protected, or the stick is gone; every file on it is either whole or not there.
        ToolError: what was read back differs (`read_back_differs`).
    """
    with contextlib.ExitStack() as held:
        contents = [_package(held.enter_context(open_input(file)), trust) for file in what.packages]
        orders = [read_small(file, MAX_ORDER) for file in what.orders]
        contents += [_small(names.of_order(hashlib.sha256(data).digest()), data) for data in orders]
        contents += [_trust(load_trust(file, dev=dev)) for file in what.trusts]
        if what.tool:
            contents += _tool(held.enter_context(bundle.opened(what.tool)))
        with Folder.root(path) as root:
            return _write(root, {content.path: content for content in contents}, replace=what.replace)


def _package(file: BinaryIO, trust: Trust | None) -> _Content:
    package = judge(file, trust)
    digest = hashlib.sha256()
    for chunk in _chunks(file):
        digest.update(chunk)
    name = names.of_package(package.manifest, package.sealed.digest)
    return _Content(name, file_size(file), digest.hexdigest(), lambda: _chunks(file), package.manifest)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    try:
        file.seek(0)
        while data := file.read(STEP):
            yield data
    except OSError as error:
        raise LocalError(f"the package cannot be read: {error.strerror or error}") from error


def _trust(trust: Trust) -> _Content:
    return _small(names.of_trust(trust.record.version, trust.digest), trust.raw)


def _small(name: str, data: bytes) -> _Content:
    return _Content(name, len(data), hashlib.sha256(data).hexdigest(), lambda: (data,))


def _tool(tool: bundle.Bundle) -> Iterator[_Content]:
    for path, (sha256, size) in tool.files.items():
        yield _Content(f"{layout.TOOL}/{path}", size, sha256, functools.partial(tool.chunks, path))


def _write(root: Folder, contents: Mapping[str, _Content], *, replace: bool) -> list[Written]:
    have = _present(root, contents)
    missing = [content for content in contents.values() if have.get(content.path) != content.sha256]
    _check_room(root.path, missing)
    done = [Written(one.path, "unchanged", one.size, one.sha256) for one in contents.values() if one not in missing]
    with make_folder(root, layout.FOLDER) as home:
        done += [_put(home, content) for content in missing]
        if replace:
            done += _removed(tidy.remove_older(home, [one.manifest for one in contents.values() if one.manifest]))
        tool = {path for path in contents if path.startswith(f"{layout.TOOL}/")}
        done += _removed(tidy.remove_strangers(home, tool) if tool else ())
        listed = tidy.packages_of(home)
        done += [
            _note(home, _small(layout.README, layout.readme(listed))),
            _note(home, _small(layout.INDEX, layout.index(listed))),
        ]
    return [one._replace(path=f"{layout.FOLDER}/{one.path}") for one in done]


def _present(root: Folder, contents: Iterable[str]) -> dict[str, str]:
    """Digests of what is there already, by path. What was left unfinished is removed first: it takes room."""
    found: dict[str, str] = {}
    with contextlib.suppress(LeftAlone), root.folder(layout.FOLDER) as home:
        tidy.remove_unfinished(home)
        for path in contents:
            with contextlib.suppress(LeftAlone), _inside(home, path, Folder.folder) as folder:
                found[path] = digest_of(folder, path.rsplit("/", 1)[-1])
    return found


@contextlib.contextmanager
def _inside(folder: Folder, path: str, step: Callable[[Folder, str], Folder]) -> Iterator[Folder]:
    """The folder that `path` is in, each one on the way taken by `step`."""
    with contextlib.ExitStack() as held:
        for name in path.split("/")[:-1]:
            folder = held.enter_context(step(folder, name))
        yield folder


def _check_room(path: pathlib.Path, contents: Iterable[_Content]) -> None:
    needed = sum(-(-content.size // CLUSTER) * CLUSTER for content in contents)
    try:
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror or error}") from error
    if needed > free:
        raise LocalError(
            f"{needed} bytes are needed on the stick, {free} are free", name="disk",
            hint="Make room on it (--replace removes older releases afterwards), or take another one.",
        )  # fmt: skip


def _put(home: Folder, content: _Content) -> Written:
    with _inside(home, content.path, make_folder) as folder:
        put(folder, content.path.rsplit("/", 1)[-1], content.chunks(), content.sha256)
    return Written(content.path, "written", content.size, content.sha256)


def _note(home: Folder, content: _Content) -> Written:
    """The notes follow from the packages, so they are written last, and only if they differ."""
    if digest_of(home, content.path) == content.sha256:
        return Written(content.path, "unchanged", content.size, content.sha256)
    return _put(home, content)


def _removed(paths: Iterable[str]) -> list[Written]:
    return [Written(path, "removed", 0, "") for path in paths]
