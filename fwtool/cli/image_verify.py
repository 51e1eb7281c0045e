"""`fwtool image verify`."""

import pathlib
from typing import Any

import click

from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.decrypt_option import decrypt_option
from fwtool.key_files import KeyFile
from fwtool.trust_store import find_trust
from fwtool.verifying import verify

SAID = {"held": "held", "failed": "FAILED", "not_checked": "-"}


@click.command("verify", cls=Verb)
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@click.option("--trust", default="", help="Trust file, or a public key; the pinned trust if not given.")
@click.option("--explain", is_flag=True, help="Say what was checked, where, with which key, and what became of it.")
@decrypt_option
@pass_app
def command(app: App, file: pathlib.Path, trust: str, explain: bool, decrypt_key: tuple[KeyFile, ...]) -> Outcome:
    """Check signatures and every byte of a package or an MCUboot image."""
    found = verify(file, find_trust(trust or app.settings.trust, app.state_dir, dev=app.dev, foreign=True), decrypt_key)
    facts = found.facts
    lines = [] if found.error else [_good(file, facts)]
    if explain:
        lines += [_line(check) for check in facts["checks"]]
    return Outcome(facts, lines, failure=found.error)


def _good(file: pathlib.Path, facts: dict[str, Any]) -> str:
    what = f"{facts['version']} for {facts['hardware']}" if "hardware" in facts else f"MCUboot image, version {facts['version']}"
    return f"{file}: good, {facts['digest'][:16]}, {what}"


def _line(check: dict[str, Any]) -> str:
    place = f"bytes {check['offset']}..{check['offset'] + check['size']}" if check["size"] else f"byte {check['offset']}"
    by = f"key {check['key_id'][:16]}  " if check["key_id"] else ""
    return f"  {SAID[check['outcome']]:<7} {check['id']:<18} {place:<24} {by}{check['detail']}"
