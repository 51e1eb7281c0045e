"""`fwtool print-test`: the test slip."""

from typing import Any, Final

import click

from formats.errors import ToolError
from fwtool.cli import print_questions
from fwtool.cli.app import App, Outcome, Verb, open_port, pass_app, port_options
from fwtool.cli.findings_shown import finding_lines
from fwtool.cli.questions import answers_of
from fwtool.cli.recording import recorded

_JAM: Final = "Look for a paper jam; if there is none, the printer module has to be replaced."
REMEDIES: Final = {
    "paper_out": "Load a paper roll (printing side up), close the cover, then run `fwtool print-test` again.",
    "cover_open": "Close the cover until it clicks, then run `fwtool print-test` again.",
    "head_hot": "Let the head cool for ten minutes, then run `fwtool print-test` again.",
}


@click.command(cls=Verb)
@click.option("--escpos", metavar="PRINTER", help="A receipt printer: serial:DEVICE, usb:VID:PID, net:HOST, file:PATH.")
@click.option("--width", default="384", show_default=True, type=click.Choice(["384", "512", "576"]), help="Its dots in a line.")
@print_questions.ANSWER
@port_options
@pass_app
def command(app: App, /, escpos: str | None, width: str, answers: tuple[str, ...], **port: Any) -> Outcome:
    """Print a test slip; with --escpos on an attached receipt printer, with --port as well what that terminal tells."""
    said = answers_of(answers, print_questions.ASKED)
    if escpos is not None:
        from fwtool.cli.print_test_escpos import print_attached

        return print_attached(app, escpos, int(width), said, **port)
    technician = app.settings.technician
    lines = (f"技术员 Technician  {technician}"[:60],) if technician else ()
    with open_port(app, **port) as device, recorded(app, "print_test", device) as record:
        done = device.print_test(lines)
        complete = done.outcome == "complete"
        record.update(verdict="done" if complete else "failed", lines=done.lines_printed, state=done.outcome)
        findings = print_questions.judged(app, said) if complete else []
        record["findings"] = print_questions.noted(findings)
    data = {
        "lines": done.lines_printed, "outcome": done.outcome, "slip_path": done.slip or None, "text": list(done.text),
        "findings": [finding.as_json(app.language) for finding in findings],
    }  # fmt: skip
    picture = [f"picture: {done.slip}"] if done.slip else []
    if complete:
        language = app.language
        told = f"test slip printed, {done.lines_total} lines" if done.lines_total else "the terminal has printed its test slip"
        shown = [told, *picture, *done.text, *(line for finding in findings for line in finding_lines(finding, language))]
        return Outcome(data, shown, True, print_questions.failure_of(findings, language))
    state = done.outcome.replace("_", " ")
    failure = ToolError(
        f"the test slip stopped after line {done.lines_printed} of {done.lines_total}: {state}",
        name="printer_fault",
        hint=REMEDIES.get(done.outcome, _JAM),
        resumable=True,
    )
    return Outcome(data, picture, done.lines_printed > 0, failure)
