"""`fwtool password`: set."""

import getpass
import pathlib
import sys
from typing import Any

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.recording import recorded
from fwtool.passwords import from_file

FILE = click.Path(path_type=pathlib.Path)


@click.group(cls=VerbGroup)
def command() -> None:
    """Set the administrator's password of a terminal."""


@command.command("set")
@click.option("--new", type=FILE, help="File with it in the second line, as --password-file wants it; asked for if not given.")
@port_options
@pass_app
def set_password(app: App, /, new: pathlib.Path | None, **port: Any) -> Outcome:
    """Give a terminal its administrator's password, or another one.

    It needs a grant for factory, except while the terminal has no serial number yet. Do it where nobody listens on the line:
    who hears this and a login later has enough to log in.
    """
    text = from_file(new)("service") if new is not None else _asked()
    with open_port(app, **port) as device, recorded(app, "password_set", device):
        device.set_password(text)
        serial_number = device.facts().serial_number
    return Outcome({"serial_number": serial_number}, [f"the password of {serial_number or 'the terminal'} is set"], True)


def _asked() -> str:
    if not sys.stdin or not sys.stdin.isatty():
        raise ToolError("a password is asked for, and stdin is no terminal", name="usage", hint="Give it in a file: --new FILE.")
    first = getpass.getpass("New password: ")
    if getpass.getpass("Again: ") != first:
        raise ToolError("that is not the same one", name="usage", hint="Nothing was changed. Run the same command again.")
    return first
