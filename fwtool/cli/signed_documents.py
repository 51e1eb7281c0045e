"""What is the same for every kind of signed document (grants, permits, work orders): `sign`, and how a time is written."""

import datetime
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

import click

from formats import keys
from formats.sample_keys import refuse_samples
from formats.signed_file import SignedDocument
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.signer_options import open_signers, signer_options
from fwtool.files import read_small, write_file

D = TypeVar("D", bound=SignedDocument)
FILE = click.Path(path_type=pathlib.Path)
Shown = tuple[dict[str, Any], list[str]]
"""Of a document: what JSON says of it, and lines for people."""


def minute(seconds: int) -> str:
    """A time for people; one beyond the calendar is shown as the number it is."""
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def sign_verb(parse: Callable[[bytes], D], shown: Callable[[App, D], Shown]) -> click.Command:
    """The verb `sign` of a group."""

    @click.command("sign", cls=Verb)
    @click.argument("file", type=FILE)
    @signer_options(required=True)
    @click.option("--out", type=FILE, help="Where to write; the file itself if not given.")
    @pass_app
    def sign(app: App, /, file: pathlib.Path, out: pathlib.Path | None, **signing: Any) -> Outcome:
        """Add a signature of each key."""
        document = parse(read_small(file))
        with open_signers(app, **signing) as signers:
            refuse_samples([signer.public for signer in signers], dev=app.dev)
            for signer in signers:
                keys.refuse_foreign(signer.public)
            raw = document.signed(signers)
        write_file(out or file, raw)
        facts, lines = shown(app, parse(raw))
        return Outcome({"path": str(out or file), **facts}, [f"{out or file}: signed", *lines], True)

    return sign
