"""`--decrypt-key`, for every verb that looks into encrypted packages."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from formats.fwp import wrapping
from formats.fwp.wrapping import GroupKey
from fwtool import mcuboot
from fwtool.files import read_small
from fwtool.packages import is_package

F = TypeVar("F", bound=Callable[..., Any])


def decrypt_option(function: F) -> F:
    """Adds the option; arrives as `decrypt_key`."""
    option = click.option(
        "--decrypt-key", multiple=True, type=click.Path(path_type=pathlib.Path), metavar="GROUP.pem",
        help="Private key of a group of devices, to look into what is encrypted; repeatable.",
    )  # fmt: skip
    return option(function)


def decryption(file: pathlib.Path, paths: Sequence[pathlib.Path]) -> dict[str, Any]:
    """The same as options of a conversion, for this file."""
    if is_package(file):
        return {"groups": groups_of(paths)}
    return {"decrypt_key": mcuboot.decryption_key(paths[0])}


def groups_of(paths: Sequence[pathlib.Path]) -> tuple[GroupKey, ...]:
    """The keys that the option names."""
    return tuple(wrapping.read_private(read_small(path)) for path in paths)
