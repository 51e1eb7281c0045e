"""`fwtool compliance activity`: suspicious transactions."""

import pathlib
from typing import Any, Final

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.compliance import activity
from fwtool.compliance.activity.journal import layouts as known_layouts
from fwtool.findings import Words
from fwtool.text import padded

FILE = click.Path(path_type=pathlib.Path)
SUMMARY: Final = Words("{count} transactions looked at, {hits} hits", "检查 {count} 笔交易,命中 {hits} 处")
NO_TIME: Final = Words("{count} without a time were not looked at", "{count} 笔没有时间,未检查")
NO_ENTRY: Final = Words(
    "no column says how cards were read: key-entered ones cannot be told", "没有输入方式一栏,无法判断手输卡号"
)
SEVERITIES: Final = {"warning": Words("attention", "需关注"), "error": Words("suspicious", "可疑")}


@click.command(cls=Verb)
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--rules", multiple=True, type=FILE, metavar="FILE", help="Rules of your own (TOML); repeatable.")
@click.option("--layouts", type=FILE, metavar="TOML", help="Layouts of journals, as for `fwtool settlement import`.")
@pass_app
def command(
    app: App, /, files: tuple[pathlib.Path, ...], rules: tuple[pathlib.Path, ...], layouts: pathlib.Path | None
) -> Outcome:
    """Look for suspicious activity in exports of a terminal's transactions (CSV or JSON)."""
    app.output.command = "compliance activity"
    table, known, language = activity.load(rules), known_layouts(layouts), app.language
    reports: list[dict[str, Any]] = []
    lines: list[str] = []
    hits: list[activity.Hit] = []
    for path in files:
        journal = activity.read(path, known)
        found = activity.look(journal.records, table)
        hits += found
        told = any(record.entry for record in journal.records)
        reports.append({
            "path": str(path), "transactions": len(journal.records), "without_time": journal.without_time,
            "entry_told": told, "hits": [hit.as_json(language) for hit in found],
        })  # fmt: skip
        lines += [f"{path}: {SUMMARY.get(language).format(count=len(journal.records), hits=len(found))}"]
        lines += [_line(hit, language) for hit in found]
        lines += [NO_TIME.get(language).format(count=journal.without_time)] if journal.without_time else []
        lines += [] if told else [NO_ENTRY.get(language)]
    failure = None
    if any(hit.severity == "error" for hit in hits):
        hint = "Ask the merchant for the slips of these transactions, and tell the bank's risk department."
        failure = ToolError(f"{len(hits)} hits of activity rules", name="diagnostic_failed", hint=hint)
    return Outcome({"files": reports}, lines, failure=failure)


def _line(hit: activity.Hit, language: str) -> str:
    first = hit.records[0]
    word = SEVERITIES[hit.severity].get(language)
    places = ", ".join(str(record.place) for record in hit.records[:8]) + (" ..." if len(hit.records) > 8 else "")
    return f"{padded(word, 11)} {first.when:%Y-%m-%d %H:%M}  {first.terminal}  {hit.rule}: {hit.reason.get(language)}  [{places}]"
