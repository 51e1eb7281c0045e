"""`fwtool settlement`: import, match, open, report."""

import datetime
import json
import pathlib
from typing import TYPE_CHECKING, Any

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app

if TYPE_CHECKING:  # the verb's help starts without SQLite and the readers
    from fwtool.settlement.importing import Imported
    from fwtool.settlement.importing_windows import ImportedWindows
    from fwtool.settlement.items import Item
    from fwtool.settlement.store import Store
    from fwtool.settlement.terms import Settings

PATH = click.Path(path_type=pathlib.Path)
SHOWN = 40
"""Items that are listed for people; JSON has all that were asked for."""
WORDS = {
    "en": ("state", "kind", "bank", "day", "age", "terminal", "bank - journal", "reason"),
    "zh": ("状态", "类别", "银行", "账务日", "天数", "终端号", "银行减终端", "可能原因"),
}
STATES = {"open": ("open", "待处理"), "doubtful": ("doubtful", "存疑"), "info": ("info", "提示")}


@click.group(cls=VerbGroup)
def command() -> None:
    """Match the terminals' journals with what the bank has settled and paid."""


def _day(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime.date:
    del context
    if value is None:
        return datetime.datetime.now().astimezone().date()
    try:
        return datetime.date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no date (expected 2026-11-24)", param=parameter) from None


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--layouts", type=PATH, metavar="TOML", help="Banks and layouts; remembered for the next time.")
@click.option("--as", "kind", metavar="KIND", help="What the files are, if it cannot be told: a layout, camt, mt940, notice ...")
@click.option("--bank", default="", metavar="NAME", help="Whose files they are, if they do not say it.")
@click.option("--issued", callback=_day, metavar="DATE", help="Day a notice was written, for dates without a year (today).")
@click.option("--replace", is_flag=True, help="Take out what came from files of the same names before.")
@pass_app
def import_(
    app: App, files: tuple[pathlib.Path, ...], layouts: pathlib.Path | None, kind: str | None, bank: str,
    issued: datetime.date, replace: bool,
) -> Outcome:  # fmt: skip
    """Take files into the store: journals, batch totals, files of banks, maintenance times.

    Each comes in whole or not at all; the same file a second time changes nothing.
    """
    from fwtool.settlement import settings_store
    from fwtool.settlement.store import Store

    done = []
    with Store(app.state_dir) as store:
        settings = settings_store.current(store, layouts)
        for path in files:
            found = _import_one(store, settings, path, kind, bank, issued, replace=replace)
            done.append(found)
            if not app.output.json and not app.output.quiet:
                for line in _about(found):
                    app.output.line(line)
    changed = any(found.new for found in done)
    return Outcome({"files": [found.as_json() for found in done]}, changed=changed)


def _import_one(
    store: "Store", settings: "Settings", path: pathlib.Path, kind: str | None, bank: str, issued: datetime.date, *, replace: bool
) -> "Imported | ImportedWindows":
    from fwtool.settlement import importing, importing_windows, notices
    from fwtool.settlement.sources import detect
    from fwtool.settlement.sources.text import sha256_of

    digest = sha256_of(path)
    known = (*detect.WINDOWS, *detect.BUILT_IN, *settings.all_layouts)
    if kind is not None and kind not in known:
        raise ToolError(f"there is no kind of file {kind!r}; known: {', '.join(known)}", name="usage")
    what = kind or detect.kind_of(path, settings.layouts, settings.usual)
    stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    if what in detect.WINDOWS:
        names = {name: terms.names for name, terms in settings.banks.items()}
        notice = notices.read(path, what, issued, settings.terms(bank).zone, names, bank)
        return importing_windows.import_windows(store, path, what, digest, notice, stamp)
    return importing.import_file(store, settings, path, what, digest, bank, stamp, replace=replace)


def _about(found: Any) -> list[str]:
    if not found.new:
        return [f"{found.name}: is there already, nothing changed"]
    if hasattr(found, "notice"):
        lines = [f"{found.name}: {len(found.windows)} maintenance windows ({found.kind})"]
        lines += [f"  {change}" for change in found.changes]
        lines += [f"  not read: {problem.text!r}: {problem.why}" for problem in found.notice.problems]
        flagged = [window for window in found.windows if "rolled_over" in window.flags]
        lines += [f"  check this one, it was taken to end on the next day: {window}" for window in flagged]
        return [*lines, *(f"  {warning}" for warning in found.notice.warnings)]
    days = f", {found.first_day} to {found.last_day}" if found.first_day else ""
    return [f"{found.name}: {found.rows} lines ({found.kind}{days})", *(f"  {warning}" for warning in found.warnings)]


@command.command("match")
@click.option("--layouts", type=PATH, metavar="TOML", help="Banks and layouts; remembered for the next time.")
@click.option("--as-of", callback=_day, metavar="DATE", help="Today, for ages and deadlines.")
@pass_app
def match_(app: App, layouts: pathlib.Path | None, as_of: datetime.date) -> Outcome:
    """Match journal, batch totals, the bank's files and the account; list with `open`."""
    from fwtool.settlement import settings_store
    from fwtool.settlement.matching import match
    from fwtool.settlement.store import Store

    with Store(app.state_dir) as store:
        outcome = match(store, settings_store.current(store, layouts), as_of)
    from fwtool.settlement.kinds import note_text

    language = app.language
    data = {**outcome.as_json(), "notes": [note_text(note, language) for note in outcome.notes]}
    return Outcome(data, _match_lines(data, language), changed=True)


def _match_lines(data: dict[str, Any], language: str) -> list[str]:
    from fwtool.settlement.kinds import KINDS
    from fwtool.settlement.report_page import share_rows
    from fwtool.settlement.table import table

    lines = [f"已勾对 {data['matched']} 笔" if language == "zh" else f"matched {data['matched']} transactions"]
    rows = [(KINDS[kind].name.get(language), str(count)) for kind, count in data["items"].items()]
    if rows:
        lines += ["", *table(("类别", "数量") if language == "zh" else ("kind", "items"), rows, numbers=(1,))]
    head, shares = share_rows(data["statistics"], language)
    if shares:
        lines += ["", *table(head, shares, numbers=range(2, len(head)))]
    return [*lines, *(["", *data["notes"]] if data["notes"] else [])]


def _stored(store: "Store") -> dict[str, Any]:
    text = store.get("outcome")
    if not text:
        raise ToolError("nothing has been matched yet", name="usage", hint="Run `fwtool settlement match` first.")
    found: dict[str, Any] = json.loads(text)
    return found


@command.command("open")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only items of this kind (repeatable).")
@click.option("--all", "everything", is_flag=True, help="Also what needs no action.")
@pass_app
def open_(app: App, kinds: tuple[str, ...], everything: bool) -> Outcome:
    """List open items: age, likely reason, next action. The exit code is 7 if one of them needs action."""
    from fwtool.settlement.kinds import KINDS
    from fwtool.settlement.results import read_items
    from fwtool.settlement.store import Store

    if unknown := next((kind for kind in kinds if kind not in KINDS), None):
        raise ToolError(f"there is no kind {unknown!r}; known: {', '.join(KINDS)}", name="usage")
    with Store(app.state_dir) as store:
        outcome = _stored(store)
        as_of = datetime.date.fromisoformat(outcome["as_of"])
        items = [item for item in read_items(store, kinds) if everything or item.state != "info"]
    language = app.language
    data = {"as_of": outcome["as_of"], "items": [item.as_json(as_of, language) for item in items]}
    return Outcome(data, _item_lines(items, as_of, language), failure=_failure(items, language))


def _failure(items: "list[Item]", language: str) -> ToolError | None:
    from fwtool.settlement.kinds import KINDS

    urgent = [item for item in items if item.needs_action]
    if not urgent:
        return None
    sentence = f"{len(urgent)} open items need action"
    return ToolError(sentence, name="diagnostic_failed", hint=KINDS[urgent[0].kind].action.get(language))


def _item_lines(items: "list[Item]", as_of: datetime.date, language: str) -> list[str]:
    from fwtool.settlement.kinds import KINDS, reason_text
    from fwtool.settlement.table import table

    if not items:
        return ["没有未结差异" if language == "zh" else "no open items"]
    rows = [
        (
            STATES[item.state][language == "zh"], KINDS[item.kind].name.get(language), item.bank,
            datetime.date.fromordinal(item.day).isoformat(), str(item.age_days(as_of)), item.terminal,
            f"{item.difference} {item.currency}", reason_text(item.reason, item.arguments, language),
        )
        for item in items[:SHOWN]
    ]  # fmt: skip
    lines = table(WORDS[language], rows, numbers=(4, 6))
    if len(items) > SHOWN:
        lines.append(f"+{len(items) - SHOWN} (--json, report)")
    actions = dict.fromkeys(item.kind for item in items if item.needs_action)
    title = "处理建议" if language == "zh" else "what to do"
    return [
        *lines,
        *(["", title] if actions else []),
        *(f"  {KINDS[kind].name.get(language)}: {KINDS[kind].action.get(language)}" for kind in actions),
    ]


@command.command()
@click.option("--out", required=True, type=PATH, metavar="HTML", help="The page to write.")
@pass_app
def report(app: App, out: pathlib.Path) -> Outcome:
    """Write a page: open items, failures and delays inside and outside of windows, with a plot."""
    from fwtool.files import write_file
    from fwtool.settlement.importing_windows import all_windows
    from fwtool.settlement.report_page import page
    from fwtool.settlement.results import read_items
    from fwtool.settlement.store import Store

    with Store(app.state_dir) as store:
        outcome = _stored(store)
        text, count = page(outcome, read_items(store), all_windows(store), app.settings.lang)
    write_file(out, text.encode("utf-8"))
    return Outcome({"path": str(out), "items": count}, [f"{out}: {count} items"], changed=True)
