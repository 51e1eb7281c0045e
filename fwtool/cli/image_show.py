"""`fwtool image show`."""

import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import click

from formats.annotate.table import annotate
from fwtool import hexview
from fwtool.cli import image_hex
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.output import size_text
from fwtool.documents import summaries
from fwtool.files import open_input
from fwtool.image_facts import describe
from fwtool.inputs import Limits


@click.command("show", cls=Verb)
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@click.option("--hex", "as_hex", is_flag=True, help="Name every byte: field, value, what covers it, where it is specified.")
@pass_app
def command(app: App, file: pathlib.Path, as_hex: bool) -> Outcome:
    """Show what is in an image file; nothing is verified."""
    if as_hex:
        with open_input(file) as opened:
            found = annotate(opened)
            if app.output.json:
                nothing: dict[str, Any] = {"version": None, "digest": None, "components": [], "signatures": []}
                return Outcome({"format": found.format, **nothing, **image_hex.data(hexview.fields(opened))})
            for line in image_hex.lines(hexview.rows(hexview.fields(opened, sys.maxsize), opened)):
                app.output.line(line)
        return Outcome()
    facts = describe(file, Limits())
    if facts["format"] == "fwp":
        facts = {**facts, **summaries(file)}
    return Outcome(facts, [*lines_of(facts), *_documents(facts)])


def _documents(facts: dict[str, Any]) -> Iterator[str]:
    for name, told in facts.get("sbom", {}).items():
        if "error" in told:
            yield f"sbom of {name}: {told['error']}"
            continue
        yield f"sbom of {name}: CycloneDX {told['spec_version']}, {told['components']} parts"
        if told["licences"]:
            yield f"  licences {', '.join(f'{licence} ({count})' for licence, count in told['licences'].items())}"
        lacking = [
            f"{told[f'without_{what}']} without {what}" for what in ("version", "purl", "licence") if told[f"without_{what}"]
        ]
        if lacking:
            yield f"  {', '.join(lacking)}"
    for name, told in facts.get("provenance", {}).items():
        yield f"provenance of {name}: {told['error']}" if "error" in told else f"provenance of {name}"
        for field, value in told.items():
            if field != "error" and value:
                yield f"  {field.replace('_', ' '):<20} {value}"


def lines_of(facts: dict[str, Any]) -> list[str]:
    """What `describe` found, for people."""
    lines = HEADS.get(facts["format"], _plain)(facts)
    lines += [_component(component) for component in facts["components"]]
    for language, text in facts.get("notes", {}).items():
        lines += [f"notes ({language})", *(f"  {line}" for line in text.splitlines())]
    return lines


def _plain(facts: dict[str, Any]) -> list[str]:
    entry = [] if facts["entry"] is None else [f"entry       0x{facts['entry']:08x}"]
    return [f"format      {facts['format']}", *entry]


def _package(facts: dict[str, Any]) -> list[str]:
    lines = [
        f"package     {facts['package_id']}  {facts['version']}  for {facts['hardware']}",
        f"counter     {facts['security_counter']}   updates from {facts['minimum_version']} on",
        f"digest      {facts['digest']}",
        f"signatures  {', '.join(key_id[:16] for key_id in facts['signatures']) or 'none'}",
    ]
    if facts["recipients"]:
        lines.append(f"readable by {', '.join(key_id[:16] for key_id in facts['recipients'])}")
    if facts["build_id"]:
        lines.append(f"build       {facts['build_id']}")
    return lines


def _mcuboot(facts: dict[str, Any]) -> list[str]:
    trailer = facts["trailer"]
    state = "" if trailer is None else f"  padded, {'confirmed' if trailer['confirmed'] else 'on trial'}"
    return [
        f"MCUboot     {facts['version']}  {', '.join(facts['flags']) or 'no flags'}{state}",
        f"{facts['hash']:<11} {facts['digest']}",
        *(f"tlv         {tlv['name']:<16} {'protected  ' if tlv['protected'] else ''}{tlv['value']}" for tlv in facts["tlvs"]),
    ]


HEADS = {"fwp": _package, "mcuboot": _mcuboot}


def _component(component: dict[str, Any]) -> str:
    address = "no address" if component["address"] is None else f"0x{component['address']:08x}"
    stored = []
    if component.get("encoding", "none") != "none":
        stored.append(f"{component['encoding']}, {size_text(component['stored_size'])}")
    if component.get("cipher", "none") != "none":
        stored.append("encrypted")
    if component.get("about"):
        stored.append(f"describes {component['about']}")
    size = size_text(component["size"])
    note = f"  ({'; '.join(stored)})" if stored else ""
    return f"  {component['name']:<12} {component.get('type', ''):<12} {address}  {size}{note}"
