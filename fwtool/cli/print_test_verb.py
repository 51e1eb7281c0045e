"""`fwtool print-test`: the test slip."""

from typing import Any

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, Verb, open_port, pass_app, port_options
from fwtool.cli.recording import recorded
from transports.tsp import messages
from transports.tsp.messages import Opcode, PrinterState

PRINT_S = 60.0
REMEDIES = {
    PrinterState.PAPER_OUT: "Load a paper roll (printing side up), close the cover, then run `fwtool print-test` again.",
    PrinterState.COVER_OPEN: "Close the cover until it clicks, then run `fwtool print-test` again.",
    PrinterState.HEAD_HOT: "Let the head cool for ten minutes, then run `fwtool print-test` again.",
    PrinterState.FAULT: "Look for a paper jam; if there is none, the printer module has to be replaced.",
}


@click.command(cls=Verb)
@port_options
@pass_app
def command(app: App, /, **port: Any) -> Outcome:
    """Print a test slip."""
    technician = app.settings.technician
    request = messages.PrintRequest(lines=(f"技术员 Technician  {technician}"[:60],) if technician else ())
    with open_port(app, **port) as connection, recorded(app, "print_test", connection) as record:
        done = connection.ask(Opcode.PRINT_TEST, messages.PrintResult, request, timeout_s=PRINT_S)
        complete = done.lines_printed == done.lines_total
        record.update(verdict="done" if complete else "failed", lines=done.lines_printed, state=done.state.name.lower())
    data = {
        "lines": done.lines_printed,
        "outcome": "complete" if complete else done.state.name.lower(),
        "slip_path": done.slip or None,
    }
    picture = [f"picture: {done.slip}"] if done.slip else []
    if complete:
        return Outcome(data, [f"test slip printed, {done.lines_total} lines", *picture], True)
    state = done.state.name.lower().replace("_", " ")
    failure = ToolError(
        f"the test slip stopped after line {done.lines_printed} of {done.lines_total}: {state}",
        name="printer_fault",
        hint=REMEDIES.get(done.state, REMEDIES[PrinterState.FAULT]),
        resumable=True,
    )
    return Outcome(data, picture, done.lines_printed > 0, failure)
