"""`fwtool log show`: the maintenance records of this computer."""

import click

from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.records import Entry, Records


@click.group(cls=VerbGroup)
def command() -> None:
    """Read the maintenance records of this computer."""


@command.command()
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="How many entries.")
@pass_app
def show(app: App, last: int) -> Outcome:
    """Show the newest entries."""
    entries = Records(app.state_dir).entries(last=last)
    return Outcome({"entries": [entry.body for entry in entries]}, [_line(entry) for entry in entries])


def _line(entry: Entry) -> str:
    body = entry.body
    words = [body["time"][:19].replace("T", " "), f"{entry.kind:<8}", str(body.get("act", ""))]
    if body.get("serial_number"):
        words.append(str(body["serial_number"]))
    if body.get("version_after"):
        words.append(" -> ".join(str(body[key]) for key in ("version_before", "version_after") if body.get(key)))
    if body.get("verdict"):
        words.append(str(body["verdict"]))
    if body.get("error"):
        words.append(f"({body['error']})")
    if body.get("simulated"):
        words.append("(simulated)")
    if body.get("technician"):
        words.append(f"by {body['technician']}")
    return f"{entry.number:>4}  {'  '.join(words)}"
