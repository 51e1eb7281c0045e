"""The group of all verbs. Their modules are loaded when a verb is used; the table below is enough for `--help`."""

import errno
import itertools
import os
import signal
import sys
import traceback
from typing import Any

import click

from formats.errors import ToolError
from fwtool import __version__
from fwtool.cli.app import App, Outcome
from fwtool.cli.lazy import Entry, lazy_group
from fwtool.text import clean

VERBS = {
    "demo": "Play the main job on simulated hardware, with every command shown.",
    "keys": "Make and inspect signing keys.",
    "trust": "Say who may sign, and how many must; pin it on this computer.",
    "grant": "Let a technician do what a terminal does not do for everybody.",
    "order": "The bank's work orders: which terminals, which acts, until when.",
    "password": "Set the administrator's password of a terminal.",
    "permit": "Let some terminals go back to an older release.",
    "image": "Build, sign, verify and inspect firmware packages.",
    "ports": "List serial ports and what seems to be connected.",
    "info": "Show identity, versions, slots and battery of a terminal.",
    "batch": "Show or settle the transactions the bank has not got yet.",
    "clock": "Show or set the terminal's clock.",
    "journal": "Read the terminal's own journal.",
    "flash": "Update a terminal: verify, send, restart, read back, confirm, record.",
    "stick": "Put packages on a USB stick; check what is on one.",
    "visit": "The guided maintenance visit: checklist, update, record, report.",
    "line": "Run a manufacturing station: many units, steps, limits, yield.",
    "diagnose": "Run the health check; every finding comes with cause and next action.",
    "compliance": "Check what PCI asks for, with evidence; list of devices; suspicious activity.",
    "parts": "Plan spare parts for the next visits from wear, counters and records.",
    "stats": "Show or reset the terminal's statistics.",
    "print-test": "Print a test slip.",
    "reset": "Restart or re-initialise a terminal.",
    "slots": "Show the firmware slots; confirm or revert what runs on trial.",
    "trace": "Show, replay or export a recording of the line (see --trace).",
    "log": "Read the maintenance records of this computer.",
    "settlement": "Match journals with the bank's files; find missing, late and wrong money.",
    "train": "Practise on a simulated terminal with a planted fault; scored and recorded.",
    "sim": "Run a simulated terminal behind a pty, a TCP port or an existing tty.",
    "sim-zvt": "Run a simulated terminal that speaks ZVT behind a pty or a TCP port.",
    "sim-control": "Press keys, load paper, settle, plug and unplug on a simulated terminal.",
    "support-bundle": "Put all that a supporter needs into one signed file; open and judge one.",
    "doctor": "Check this computer: versions, ports, rights, speed.",
}
GROUPS = {
    "batch", "clock", "grant", "image", "journal", "keys", "line", "log", "order", "password", "permit", "reset", "settlement",
    "slots", "stats", "stick", "trace", "trust",
}  # fmt: skip
"""Verbs that have verbs of their own."""
DOORS = """\
fwtool - firmware for payment terminals: build, sign, update, check.

  Firmware engineer   fwtool image build app.elf --version 1.5.0 --hardware VT-100 --security-counter 3 --out X.fwp
                      fwtool image sign X.fwp --key KEY.pem      fwtool image verify X.fwp --trust TRUST
  Technician          fwtool info --port P      fwtool flash X.fwp --port P      fwtool diagnose --port P
  Manufacturing line  fwtool flash X.fwp --port P --trust TRUST --json      (library: examples/line_station.py)

No terminal at hand?  fwtool demo      All commands: fwtool --help"""


ENTRIES = {name: Entry(f"fwtool.cli.{name.replace('-', '_')}_verb", text) for name, text in VERBS.items()}


@click.group(cls=lazy_group(ENTRIES), invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fwtool", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> Outcome | None:
    """Firmware for payment terminals: build and sign, stream and verify, diagnose; on simulated hardware too."""
    if context.invoked_subcommand is None:
        return Outcome(lines=context.ensure_object(App).words(DOORS).splitlines())
    return None


def run(arguments: list[str]) -> int:
    """Run one command; get the exit code. Nothing but `--debug` shows a stack trace."""
    app = App()
    # Known before parsing, so that a usage error can be told in the right form.
    app.flags.update({flag: True for flag in ("json", "debug") if f"--{flag}" in arguments})
    app.flags.update(("lang", said) for before, said in itertools.pairwise(arguments) if before == "--lang")
    app.command = " ".join(_verb_words(arguments))
    _interrupt_once()
    try:
        return _run(app, arguments)
    except BrokenPipeError:
        # Whoever read our output has left. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(app: App, arguments: list[str]) -> int:
    try:
        outcome = cli.main(arguments, prog_name="fwtool", standalone_mode=False, obj=app)
        if not isinstance(outcome, Outcome):
            return outcome if isinstance(outcome, int) else 0
        return _finish(app, outcome)
    except click.ClickException as error:
        return _fail(app, ToolError(error.format_message(), name="usage", hint=_usage_hint(error)))
    except (KeyboardInterrupt, click.exceptions.Abort):
        hint = "The terminal is safe. Run the same command again: an update goes on where it stopped."
        return _fail(app, ToolError("interrupted", name="interrupted", hint=hint, resumable=True))
    except ToolError as error:
        return _fail(app, error)
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return _fail(app, ToolError(f"{clean(str(error.filename))[:60]}... is too long for a file name", name="usage"))
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug, told as one
        if app.flags.get("debug"):
            traceback.print_exc()
        hint = "This is a bug in fwtool. Run it again with --debug and report what it prints."
        return _fail(app, ToolError(f"internal error: {type(error).__name__}: {error}", name="internal", hint=hint))


def _finish(app: App, outcome: Outcome) -> int:
    output = app.output
    output.close_bars()
    for line in app.about_trace():
        output.say(line)
    if outcome.silent:
        return 0
    if output.json:
        output.result(outcome.data, changed=outcome.changed, error=outcome.failure)
    else:
        for line in () if output.quiet else outcome.lines:
            output.line(line)
        if outcome.failure:
            output.failure(outcome.failure)
    return outcome.failure.exit_code if outcome.failure else 0


def _fail(app: App, error: ToolError) -> int:
    if app.flags.get("debug") and error.__cause__:
        traceback.print_exception(error)
    if app.output.json:
        app.output.result({}, changed=False, error=error)
    else:
        app.output.failure(error)
    return error.exit_code


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"See: {context.command_path} --help" if context else "See: fwtool --help"


def _verb_words(arguments: list[str]) -> list[str]:
    """The verb (and the word after it, for groups) for the JSON field `command`."""
    words = [argument for argument in arguments if not argument.startswith("-")]
    for number, word in enumerate(words):
        if word in VERBS:
            return words[number : number + (2 if word in GROUPS else 1)]
    return []


def _interrupt_once() -> None:
    """SIGTERM ends a job as Ctrl-C does: with its record. A second one does not disturb that."""

    def stop(number: int, frame: Any) -> None:
        del number, frame
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
