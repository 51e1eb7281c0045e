"""`fwtool image extract`."""

import pathlib

import click

from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.decrypt_option import decrypt_option, decryption
from fwtool.extract import extract
from fwtool.key_files import KeyFile


@click.command("extract", cls=Verb)
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@decrypt_option
@pass_app
def command(app: App, file: pathlib.Path, folder: pathlib.Path, decrypt_key: tuple[KeyFile, ...]) -> Outcome:
    """Write each component or piece of FILE into FOLDER, and image.json with what is known about it."""
    del app
    made = extract(file, folder, decryption(file, decrypt_key) if decrypt_key else {})
    return Outcome({"files": [str(path) for path in made]}, [str(path) for path in made], True)
