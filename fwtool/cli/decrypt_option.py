"""`--decrypt-key`, for every verb that looks into encrypted packages."""

import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from formats.fwp import wrapping
from formats.fwp.wrapping import GroupKey
from fwtool.cli.signer_options import ask_secret
from fwtool.key_files import KeyFile
from fwtool.packages import is_package
from fwtool.signers.secrets import Secrets, first_line

F = TypeVar("F", bound=Callable[..., Any])
PASSPHRASE: Final = "fwtool.decrypt_passphrase_file"  # noqa: S105 - where click keeps the name of the file
FILE: Final = click.Path(path_type=pathlib.Path)


def decrypt_option(function: F) -> F:
    """Adds `--decrypt-key` and `--decrypt-passphrase-file`; `decrypt_key` arrives as a tuple of `KeyFile`."""
    key = click.option(
        "--decrypt-key", multiple=True, type=FILE, metavar="GROUP.pem", callback=_key_files,
        help="Private key of a group of devices, to look into what is encrypted; repeatable.",
    )  # fmt: skip
    passphrase = click.option(
        "--decrypt-passphrase-file", type=FILE, expose_value=False, is_eager=True, callback=_keep,
        help="Its first line opens the keys of --decrypt-key; a person is asked where it is not given.",
    )  # fmt: skip
    return key(passphrase(function))


def _keep(context: click.Context, option: click.Parameter, value: pathlib.Path | None) -> None:
    del option
    context.meta[PASSPHRASE] = value


def _key_files(context: click.Context, option: click.Parameter, value: tuple[pathlib.Path, ...]) -> tuple[KeyFile, ...]:
    del option
    file = context.meta.get(PASSPHRASE)
    secrets = Secrets(first_line(file) if file and value else None, ask_secret if sys.stdin and sys.stdin.isatty() else None)
    return tuple(KeyFile(path, secrets) for path in value)


def decryption(file: pathlib.Path, keys: Sequence[KeyFile]) -> dict[str, Any]:
    """The same as options of a conversion, for this file."""
    if is_package(file):
        return {"groups": groups_of(keys)}
    from fwtool import mcuboot  # packages do not wait for it

    return {"decrypt_key": mcuboot.decryption_key(keys[0])}


def groups_of(keys: Sequence[KeyFile]) -> tuple[GroupKey, ...]:
    """The keys that the option names."""
    return tuple(wrapping.read_private(*key.read()) for key in keys)
