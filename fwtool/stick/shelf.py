"""Packages of a stick, copied to this computer: nothing is sent to a terminal but these copies (threat A42).

Everything that can go wrong with the stick goes wrong here, before any terminal is called; after this the stick may be
pulled.
"""

import contextlib
import dataclasses
import errno
import itertools
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from formats.errors import FormatError, LocalError, ToolError, TrustError
from formats.fwp.package import Package, file_size
from formats.sample_keys import refuse_samples
from formats.trust import Trust
from fwtool.packages import PackageSource, load_package
from fwtool.stick import chain
from fwtool.stick.judge import no_package, seal
from fwtool.stick.pick import Candidate, NotTaken, pick, terminal_of
from fwtool.stick.stick_file import STEP
from fwtool.stick.survey import Item, surveyed
from transports.terminal_records import Facts


class Stick(NamedTuple):
    """Where packages are to be picked from: the folder a stick is mounted at."""

    path: pathlib.Path

    def __str__(self) -> str:
        return f"stick {self.path}"


@dataclasses.dataclass(frozen=True)
class FromStick:
    """What a terminal gets, and why nothing else; for the record."""

    package: str
    not_taken: tuple[NotTaken, ...]


class Choice(NamedTuple):
    """The package for a terminal."""

    source: PackageSource
    told: FromStick


class Shelf:
    """Verified packages in a folder that is ours alone.

    Args:
        packages: With their paths on the stick.
        refused: Files that look like packages, or trust files, and are not good; with the reason.
    """

    def __init__(self, packages: Iterable[tuple[str, Package]], refused: Iterable[NotTaken]) -> None:
        self._sources = [(path, PackageSource(package)) for path, package in packages]
        self.refused = list(refused)

    def choose(self, facts: Facts) -> Choice:
        """The package for this terminal. Raises as `fwtool.stick.pick.pick`."""
        candidates = [Candidate(path, source.manifest, source.digest) for path, source in self._sources]
        picked = pick(candidates, terminal_of(facts))
        source = next(source for _, source in self._sources if source.digest == picked.candidate.digest)
        return Choice(source, FromStick(picked.candidate.path, (*picked.not_taken, *self.refused)))


@contextlib.contextmanager
def taken(stick: Stick, trust: Trust, *, dev: bool = False) -> Iterator[Shelf]:
    """Copy and verify what is on a stick; the copies live until the block ends.

    Args:
        trust: Of this computer. Trust files on the stick count only if it vouches for them.

    Raises:
        LocalError: the stick cannot be read, or there is no room for copies.
        FormatError, TrustError: there is no good package on it.
    """
    refuse_samples(trust.keys, dev=dev)
    with contextlib.ExitStack() as held:
        folder = held.enter_context(_private_folder())
        with surveyed(stick.path) as items:
            found = chain.follow(trust, items, dev=dev)
            copier = _Copier(found.trust or trust, folder, held, dev=dev)
            copier.refused += [NotTaken(link.path, link.error.name, link.error.message) for link in found.links if link.error]
            for item in items:
                copier.take(item)
        if not copier.packages:
            raise _nothing(copier.errors)
        yield Shelf(copier.packages, copier.refused)


@contextlib.contextmanager
def _private_folder() -> Iterator[pathlib.Path]:
    """A folder that only this user can look into (0700), gone after the block."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="fwtool-stick-")
    except OSError as error:
        raise LocalError(f"there is no folder for copies: {error.strerror or error}", name="disk") from error
    with folder as name:
        yield pathlib.Path(name)


class _Copier:
    """Takes what is good off a stick, and notes what is not.

    Args:
        held: Closes the copies.
    """

    def __init__(self, trust: Trust, folder: pathlib.Path, held: contextlib.ExitStack, *, dev: bool) -> None:
        self._trust, self._folder, self._held, self._dev = trust, folder, held, dev
        self.packages: list[tuple[str, Package]] = []
        self.errors: list[ToolError] = []
        self.refused: list[NotTaken] = []
        self._paths: dict[bytes, str] = {}
        self._numbers = itertools.count()

    def take(self, item: Item) -> None:
        """Copy a package, if it is good and not there yet.

        Raises:
            LocalError: the stick or this computer fails, which is not a matter of one file.
        """
        if item.file is None:
            return
        try:
            digest = self._judge(item.file)
            if digest in self._paths:
                self.refused.append(NotTaken(item.path, "", f"it is the same package as {self._paths[digest]}"))
                return
            self.packages.append((item.path, self._copy(item.file, digest)))
            self._paths[digest] = item.path
        except LocalError:
            raise
        except ToolError as error:
            self.errors.append(error)
            self.refused.append(NotTaken(item.path, error.name, error.message))

    def _judge(self, file: BinaryIO) -> bytes:
        """Only what is signed is copied: a stick cannot fill this computer with anything else."""
        sealed = seal(file)
        sealed.judge(self._trust, time.time())
        return sealed.digest

    def _copy(self, file: BinaryIO, digest: bytes) -> Package:
        """Copy a package, and verify the copy, every byte of it, as if nothing were known of it."""
        target = self._folder / f"{next(self._numbers)}.fwp"
        _copy_bytes(file, target)
        package = load_package(target, self._trust, dev=self._dev)
        self._held.enter_context(package.sealed.file)
        if package.sealed.digest != digest:
            raise FormatError("it changed while it was read", hint="Do not use this stick again.")
        return package


def _copy_bytes(file: BinaryIO, target: pathlib.Path) -> None:
    size = file_size(file)
    try:
        if shutil.disk_usage(target.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file.seek(0)
        with target.open("xb") as copy:
            while size and (data := file.read(min(STEP, size))):
                copy.write(data)
                size -= len(data)
    except OSError as error:
        raise LocalError(
            f"a package of the stick cannot be copied to {target.parent}: {error.strerror or error}", name="disk",
            hint="Make room on this computer, or take fewer packages on the stick.",
        )  from error  # fmt: skip
    if size:
        raise FormatError("the file ends too early", offset=target.stat().st_size)


def _nothing(errors: Sequence[ToolError]) -> ToolError:
    """Why there is no package to be had: a distrusted one weighs more than a damaged one."""
    if not errors:
        return no_package()
    worst = max(errors, key=lambda error: error.exit_code)
    others = f" ({len(errors) - 1} others are refused too)" if len(errors) > 1 else ""
    kind = TrustError if isinstance(worst, TrustError) else FormatError
    hint = worst.hint or "See what is on it: fwtool stick check DRIVE"
    return kind(f"there is no good package on the stick: {worst.message}{others}", name=worst.name, hint=hint)
