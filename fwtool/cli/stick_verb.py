"""`fwtool stick`: write a USB stick for technicians, and check one."""

import pathlib
from collections.abc import Sequence
from typing import Any

import click

from formats.errors import ToolError
from formats.trust import Trust
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.output import size_text
from fwtool.stick import system
from fwtool.stick.check import Checked, Verdict
from fwtool.stick.check import check as check_stick
from fwtool.stick.write import Writing, Written
from fwtool.stick.write import write as write_stick
from fwtool.trust_store import find_trust

FILE = click.Path(path_type=pathlib.Path)
TRUST_HELP = "Trust file, or a public key; the pinned trust if not given."
WHOLE_ONLY = (
    "integrity only: files are whole, but nothing says who made them, because no trust is pinned on this computer "
    "(fwtool trust install TRUST) or named (--trust)"
)


@click.group(cls=VerbGroup)
def command() -> None:
    """Put packages on a USB stick; check what is on one."""


@command.command()
@click.argument("packages", nargs=-1, type=FILE, metavar="X.fwp...")
@click.argument("folder", type=FILE, metavar="DIR")
@click.option("--trust", default="", help=TRUST_HELP)
@click.option("--with-tool", "tool", type=FILE, metavar="BUNDLE", help="Add the tool itself: what `make bundle` has made.")
@click.option("--order", "orders", multiple=True, type=FILE, help="Add a work order. Repeatable.")
@click.option(
    "--add-trust", "trusts", multiple=True, type=FILE, metavar="TRUST",
    help="Add a successor of the trust that laptops have pinned. Repeatable.",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="Remove older releases of the same packages afterwards.")
@pass_app
def write(app: App, /, packages: tuple[pathlib.Path, ...], folder: pathlib.Path, trust: str, **what: Any) -> Outcome:
    """Write signed packages to a stick mounted at DIR, and read them back."""
    writing = Writing(packages=packages, **what)
    if not (packages or writing.tool or writing.orders or writing.trusts):
        raise ToolError("what is to be written? No package is named", name="usage", hint="fwtool stick write X.fwp DIR")
    chosen = _trust(app, trust)
    files = write_stick(folder, writing, chosen, dev=app.dev)
    if packages and chosen is None:
        app.output.say(WHOLE_ONLY)
    facts = {
        "path": str(folder), "trust": chosen.digest.hex() if chosen else None, "read_back_from_medium": system.READS_MEDIUM,
        "files": [{"path": one.path, "state": one.state, "size": one.size, "sha256": one.sha256 or None} for one in files],
    }  # fmt: skip
    changed = any(one.state != "unchanged" for one in files)
    return Outcome(facts, [*_written_lines(files), _ending(files)], changed)


def _trust(app: App, flag: str) -> Trust | None:
    """The trust from the flag or the pin; None where there is neither."""
    try:
        return find_trust(flag or app.settings.trust, app.state_dir, dev=app.dev)
    except ToolError as error:
        if error.name != "no_trust":
            raise
        return None


def _written_lines(files: Sequence[Written]) -> list[str]:
    return [f"  {one.state:<9} {size_text(one.size) if one.size else '':>9}  {one.path}" for one in files]


def _ending(files: Sequence[Written]) -> str:
    written = sum(one.state == "written" for one in files)
    if all(one.state == "unchanged" for one in files):
        return "nothing to do: all of it is there, read and compared"
    how = "read back from the stick" if system.READS_MEDIUM else "read back"
    return f"files written: {written}, {how} and compared; eject the stick safely"


@command.command()
@click.argument("folder", type=FILE, metavar="DIR")
@click.option("--trust", default="", help=TRUST_HELP)
@pass_app
def check(app: App, folder: pathlib.Path, trust: str) -> Outcome:
    """Check every file on the stick mounted at DIR. A trust file on it counts only if the trust of this computer vouches
    for it."""
    chosen = _trust(app, trust)
    found = check_stick(folder, chosen, dev=app.dev)
    facts = {
        "path": str(folder), "integrity_only": found.trust is None,
        "trust": {"digest": found.trust.digest.hex(), "version": found.trust.record.version} if found.trust else None,
        "files": [_verdict(one) for one in found.verdicts],
    }  # fmt: skip
    return Outcome(facts, _checked_lines(found), failure=found.error)


def _verdict(one: Verdict) -> dict[str, Any]:
    return {
        "path": one.path, "role": str(one.role), "outcome": str(one.outcome), "detail": one.detail,
        "error": one.error.name if one.error else None, **(one.facts or {}),
    }  # fmt: skip


def _checked_lines(found: Checked) -> list[str]:
    lines = [f"  {one.outcome.upper() if one.error else one.outcome:<8} {one.path}: {one.detail}" for one in found.verdicts]
    if found.trust is None:
        return [*lines, WHOLE_ONLY]
    good = sum(one.outcome == "good" and one.facts is not None for one in found.verdicts)
    return [*lines, f"packages signed as trust version {found.trust.record.version} demands: {good}"]
