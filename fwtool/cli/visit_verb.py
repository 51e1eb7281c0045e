"""`fwtool visit`: the guided visit; show, finish, report, notice, training."""

import datetime
import pathlib
import time
from typing import Any

import click

from formats import grant as grant_format
from formats import work_order
from formats.errors import ToolError
from formats.work_order import WorkOrder
from fwtool.cli.app import App, Outcome, VerbGroup, need_port, pass_app, port_options, port_settings
from fwtool.cli.visit_prompts import TerminalAsker
from fwtool.cli.visit_shown import facts, failure, lines
from fwtool.files import read_small
from fwtool.records import Records, new_job_id
from fwtool.report.gather import finished, gathered, name_of, write
from fwtool.report.notice_page import Asked, ahead, notice_page
from fwtool.report.visit_page import visit_page
from fwtool.trust_store import find_trust
from fwtool.visit.admission import windows_known
from fwtool.visit.answers import FileAsker
from fwtool.visit.conduct import conduct
from fwtool.visit.context import Setup
from fwtool.visit.ending import finish as end
from fwtool.visit.history import TRAINING
from fwtool.visit.override import Override
from fwtool.visit.questions import Asker
from fwtool.visit.shelf import Shelf, orders_on
from fwtool.visit.steps import QUESTIONS

FILE = click.Path(path_type=pathlib.Path)


@click.group(cls=VerbGroup, invoke_without_command=True)
@click.option("--order", "orders", multiple=True, type=FILE, metavar="FILE", help="Work order of the bank; repeatable.")
@click.option("--stick", type=FILE, metavar="DIR", help="USB stick: packages, and work orders if --order is not given.")
@click.option("--answers", type=FILE, metavar="TOML", help="Answer from this file instead of asking.")
@click.option("--override", "gates", multiple=True, metavar="GATE", help="Open a gate: order, training, window. Repeatable.")
@click.option("--reason", default="", metavar="TEXT", help="Why a gate is opened.")
@click.option("--approved-by", "grant", type=FILE, metavar="GRANT", help="Grant of the second person who agrees to it.")
@port_options
@click.pass_context
def command(
    context: click.Context, /, orders: tuple[pathlib.Path, ...], stick: pathlib.Path | None, answers: pathlib.Path | None,
    gates: tuple[str, ...], reason: str, grant: pathlib.Path | None, **port: Any,
) -> Outcome | None:  # fmt: skip
    """Begin a maintenance visit, or go on with the one that is open."""
    app = context.find_object(App)
    assert app is not None
    if context.invoked_subcommand is not None:
        app.command = app.output.command = f"visit {context.invoked_subcommand}"
        return None

    asked = _override(gates, reason, grant)
    setup = _setup(app, stick, answers, port)
    visit = conduct(setup, _orders(orders, stick), asked)
    entry = end(setup.records, setup.shelf, visit, setup.now())
    app.output.context.update(port=visit.port, serial_number=visit.serial_number)
    return Outcome(
        {**facts(visit), "entry": entry.number, "hash": entry.hash}, lines(visit, entry, app.settings.lang), True,
        failure(visit, app.settings.lang),
    )  # fmt: skip


def _override(gates: tuple[str, ...], reason: str, grant: pathlib.Path | None) -> Override | None:
    if not gates and not reason and grant is None:
        return None
    if not gates or not reason or grant is None:
        raise ToolError("--override GATE, --reason TEXT and --approved-by GRANT belong together", name="usage")
    return Override(gates, reason, grant_format.parse(read_small(grant)))


def _setup(app: App, stick: pathlib.Path | None, answers: pathlib.Path | None, port: dict[str, Any]) -> Setup:
    settings = app.settings
    named = need_port(app, port.pop("port"))
    asker: Asker = (
        FileAsker(answers, QUESTIONS, lambda words: app.output.say(words.get(settings.lang)))
        if answers
        else TerminalAsker(app.output, settings.lang)
    )
    return Setup(
        port=named, trust=find_trust("", app.state_dir, dev=app.dev), technician=settings.technician,
        records=Records(app.state_dir), shelf=Shelf(app.state_dir), asker=asker, now=time.time, language=settings.lang,
        defaults={"update.stick": str(stick)} if stick else {}, dev=app.dev, on_event=app.output.on_event,
        port_options=port_settings(app, port),
    )  # fmt: skip


def _orders(files: tuple[pathlib.Path, ...], stick: pathlib.Path | None) -> list[WorkOrder]:
    if files:
        return [work_order.parse(read_small(path)) for path in files]
    return orders_on(stick) if stick else []


@command.command()
@pass_app
def show(app: App) -> Outcome:
    """Show the visit that is open, or else the last one."""
    visit = Shelf(app.state_dir).current()
    if visit is not None:
        return Outcome({**facts(visit), "open": True}, lines(visit, None, app.settings.lang))
    entry, visit = finished(Records(app.state_dir).entries())
    return Outcome({**facts(visit), "open": False, "entry": entry.number, "hash": entry.hash},
                   lines(visit, entry, app.settings.lang))  # fmt: skip


@command.command()
@click.option("--reason", default="", metavar="TEXT", help="Why it ends before its last step.")
@pass_app
def finish(app: App, reason: str) -> Outcome:
    """End the visit that is open, whatever step it is at, and record it."""
    shelf = Shelf(app.state_dir)
    visit = shelf.current()
    if visit is None:
        raise ToolError("no visit is open", name="usage", hint="Begin one with: fwtool visit --port PORT")
    entry = end(Records(app.state_dir), shelf, visit, time.time(), reason)
    return Outcome({**facts(visit), "entry": entry.number, "hash": entry.hash}, lines(visit, entry, app.settings.lang), True)


@command.command()
@click.option("--job", default="", metavar="ID", help="Of which visit; the last one if not given.")
@click.option("--out", required=True, type=FILE, metavar="DIR", help="Folder for the HTML page and the PDF.")
@pass_app
def report(app: App, job: str, out: pathlib.Path) -> Outcome:
    """Write the maintenance report: an HTML page and a PDF, in the language of --lang."""
    source = gathered(Records(app.state_dir).entries(), Shelf(app.state_dir), job)
    document = visit_page(source, app.settings.lang)
    name = name_of("visit", source.visit.serial_number, source.ended[:10].replace("-", ""), app.settings.lang)
    page, paper = write(document, out, name)
    facts = {"html": str(page), "pdf": str(paper), "job": source.visit.job, "entry": source.entry, "hash": source.hash}
    return Outcome(facts, [str(page), str(paper)], True)


@command.command()
@click.option("--out", required=True, type=FILE, metavar="DIR", help="Folder for the HTML page and the PDF.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366), help="How far ahead.")
@click.option("--bank", default="", metavar="NAME", help="Only this bank, and what all banks stand on.")
@click.option("--accepts", multiple=True, metavar="TEXT", help="What else is accepted: cash if not given. Repeatable.")
@pass_app
def notice(app: App, out: pathlib.Path, days: int, bank: str, accepts: tuple[str, ...]) -> Outcome:
    """Write a notice for the merchant: when card payments may fail, and what to do before and after."""
    language = app.settings.lang
    asked = Asked(int(time.time()), days, bank, accepts)
    windows = ahead(windows_known(app.state_dir), asked)
    if not windows:
        hint = "Read the bank's notice first: fwtool settlement import FILE (ICS, CSV or text)."
        raise ToolError(f"no maintenance time is known for the next {days} days", name="usage", hint=hint)
    page, paper = write(notice_page(windows, asked, language), out, name_of("notice", bank, language))
    facts = {"html": str(page), "pdf": str(paper), "windows": [one.as_json() for one in windows]}
    return Outcome(facts, [*map(str, windows), str(page), str(paper)], True)


@command.command()
@click.option("--course", required=True, metavar="TEXT", help="What the training was, or its certificate's number.")
@click.option("--expires", required=True, type=click.DateTime(formats=["%Y-%m-%d"]), help="Last day it counts (UTC).")
@pass_app
def training(app: App, course: str, expires: datetime.datetime) -> Outcome:
    """Enter the training of the technician (--technician) into the record."""
    technician = app.settings.technician
    if not technician:
        raise ToolError("whose training? No technician is named", name="usage", hint="Give --technician NAME.")
    body = {"act": TRAINING, "technician": technician, "course": course, "expires": expires.date().isoformat()}
    entry = Records(app.state_dir).append(new_job_id(), TRAINING, body)
    return Outcome({**body, "entry": entry.number}, [f"{technician}: {course}, {body['expires']}"], True)
