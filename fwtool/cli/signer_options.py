"""`--key` and where its secret comes from, for every verb that signs."""

import contextlib
import getpass
import pathlib
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from formats.errors import ToolError
from formats.signing import Signer
from fwtool.cli.app import App
from fwtool.signers.opening import open_signers as open_named
from fwtool.signers.secrets import Secrets, first_line, from_descriptor

F = TypeVar("F", bound=Callable[..., Any])


def secret_options(function: F) -> F:
    """`--passphrase-file` and `--passphrase-fd`."""
    for option in (
        click.option("--passphrase-fd", type=click.IntRange(0, 2**31 - 1), metavar="N", help="Its first line opens the keys."),
        click.option(
            "--passphrase-file", type=click.Path(path_type=pathlib.Path), help="Its first line opens the keys, or is the PIN."
        ),
    ):
        function = option(function)
    return function


def signer_options(*, required: bool) -> Callable[[F], F]:
    """`--key` as well; the verb gets `key`, `passphrase_file` and `passphrase_fd`."""

    def add(function: F) -> F:
        option = click.option(
            "--key", multiple=True, required=required, metavar="KEY",
            help="Private key (PEM), pkcs11:URI, or command:FILE.toml; repeatable.",
        )  # fmt: skip
        return option(secret_options(function))

    return add


def open_signers(
    app: App, key: tuple[str, ...], passphrase_file: pathlib.Path | None, passphrase_fd: int | None
) -> contextlib.AbstractContextManager[list[Signer]]:
    """What these options name, opened."""
    return open_named(key, secrets(passphrase_file, passphrase_fd), app.state_dir)


def secrets(passphrase_file: pathlib.Path | None, passphrase_fd: int | None) -> Secrets:
    """Where secrets come from; a person is only asked at a terminal."""
    given = given_secret(passphrase_file, passphrase_fd)
    return Secrets(given, ask_secret if sys.stdin and sys.stdin.isatty() else None)


def given_secret(passphrase_file: pathlib.Path | None, passphrase_fd: int | None) -> bytes | None:
    """The secret that the options give.

    Raises:
        ToolError: both are there (`usage`).
    """
    if passphrase_file is not None and passphrase_fd is not None:
        raise ToolError("--passphrase-file and --passphrase-fd: one is enough", name="usage")
    if passphrase_file is not None:
        return first_line(passphrase_file)
    return None if passphrase_fd is None else from_descriptor(passphrase_fd)


def ask_secret(what: str) -> bytes:
    """Ask the person at the keyboard."""
    return getpass.getpass(f"Passphrase or PIN of {what}: ").encode()
