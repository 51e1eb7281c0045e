"""What may be removed from a stick: only what this tool has put there."""

import io
from collections.abc import Collection, Iterator, Sequence

from formats.errors import FormatError
from formats.fwp import package as fwp
from formats.fwp.manifest import Manifest
from fwtool.stick import layout, names
from fwtool.stick.media import Folder, Kind, walk
from fwtool.stick.put import remove
from fwtool.stick.stick_file import LeftAlone


def packages_of(home: Folder) -> list[tuple[str, Manifest, bytes]]:
    """Name, manifest and digest of the packages in the folder of this tool that have the name this tool gives them.

    Nobody vouches for them: this is for notes, and to find what may be removed.
    """
    found = []
    for name in home.names():
        if not name.endswith(names.PACKAGE_SUFFIX):
            continue
        try:
            with io.BufferedReader(home.open(name)) as file:
                sealed = fwp.seal(file)
                manifest = sealed.open().manifest
        except (FormatError, LeftAlone):
            continue
        if names.of_package(manifest, sealed.digest) == name:
            found.append((name, manifest, sealed.digest))
    return found


def remove_older(home: Folder, newer: Sequence[Manifest]) -> Iterator[str]:
    """Remove releases that one of `newer` takes the place of: the same package, for no other terminals, of a lower version."""
    for name, manifest, _ in packages_of(home):
        if any(_replaces(new, manifest) for new in newer) and remove(home, name):
            yield name


def _replaces(new: Manifest, old: Manifest) -> bool:
    same = (new.vendor, new.package_id, new.model) == (old.vendor, old.package_id, old.model)
    covers = new.revision_min <= old.revision_min and old.revision_max <= new.revision_max
    return same and covers and old.version < new.version


def remove_strangers(home: Folder, keep: Collection[str]) -> Iterator[str]:
    """Remove files from the tool's folder that are not part of the tool that is there now."""
    kept = {path.casefold() for path in keep}
    with home.folder(layout.TOOL) as tool:
        for folder, path, entry in walk(tool, f"{layout.TOOL}/"):
            if entry.kind is Kind.FILE and path.casefold() not in kept and remove(folder, entry.name):
                yield path


def remove_unfinished(home: Folder) -> None:
    """Remove what an interrupted copy has left."""
    for name in home.names():
        if name.endswith(layout.UNFINISHED) and home.look(name).kind is Kind.FILE:
            remove(home, name)
