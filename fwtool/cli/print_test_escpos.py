"""`fwtool print-test --escpos PRINTER`: the test slip of an attached receipt printer."""

import datetime
from typing import Any, Final

from formats.errors import ToolError
from fwtool import __version__
from fwtool.cli import print_questions
from fwtool.cli.app import App, Outcome, open_port
from fwtool.cli.findings_shown import finding_lines
from fwtool.cli.print_test_verb import REMEDIES
from fwtool.escpos import Printout, Slip, open_printer, print_test
from fwtool.escpos.job import COMPLETE, SENT
from fwtool.escpos.slip import code_of
from fwtool.escpos.status import COUNTERS, STATE_WORDS, State
from fwtool.findings import Finding, Words
from fwtool.records import Records, new_job_id
from fwtool.text import padded
from transports.terminal_records import Facts

PRINTED: Final = Words("test slip printed: the printer has answered behind it", "打印测试单已打印:打印机已应答")
ONLY_SENT: Final = Words(
    "test slip sent. The printer answers no questions (that is not the same as no paper): look at it",
    "打印测试单已发送。打印机不回答查询(不等于缺纸):请人工查看",
)
LOOK: Final = Words(
    "Is it dark and even, without white lines? Do bar code and QR code read? Is each dot of the two dotted rows there?",
    "颜色是否深且均匀、没有白线?条码和二维码能否扫出?两行点阵是否没有缺点?",
)
STATE: Final = Words("state", "状态")
OTHER: Final = {
    "offline": "Press its feed button or switch it off and on, then run this again.",
    "cutter": "Open the cover, free the cutter as its manual says, then run this again.",
    "fault": "Switch it off and on; if the fault stays, exchange the printer.",
}


def print_attached(app: App, name: str, width: int, said: dict[str, bool], *, port: str | None, **line: Any) -> Outcome:
    """Print and tell what is known of it."""
    facts = _facts(app, port, line) if port else None
    slip = _slip(app, facts, width)
    records, job = Records(app.state_dir), new_job_id()
    origin = {"act": "print_test", "technician": app.settings.technician, "port": name,
              "serial_number": facts.serial_number if facts else ""}  # fmt: skip
    records.append(job, "started", origin)
    try:
        with open_printer(name) as printer:
            done = print_test(printer, slip)
    except ToolError as error:
        records.append(job, "finished", {**origin, "verdict": "failed", "error": error.name, "message": str(error)})
        raise
    printed = done.outcome in (COMPLETE, SENT)
    findings = print_questions.judged(app, said) if printed else []
    records.append(job, "finished", {
        **origin, "verdict": "done" if printed else "failed", "state": done.outcome,
        "printer": done.identity, "counters": done.counters, "findings": print_questions.noted(findings),
    })  # fmt: skip
    return _outcome(app, done, findings)


def _facts(app: App, port: str, line: dict[str, Any]) -> Facts:
    with open_port(app, port=port, **line) as device:
        facts: Facts = device.facts()
    return facts


def _slip(app: App, facts: Facts | None, width: int) -> Slip:
    now = datetime.datetime.now().astimezone()
    about = [f"fwtool {__version__}"]
    if facts:
        about = [f"{facts.vendor} {facts.model}".strip(), f"S/N {facts.serial_number}", f"Firmware {facts.version}", *about]
    serial = facts.serial_number if facts else ""
    return Slip(
        device=tuple(about), code=code_of(serial), content=f"{facts.model if facts else 'ESC/POS'} {serial} {now:%Y%m%dT%H%M%S}",
        when=now, technician=app.settings.technician, width=width,
    )  # fmt: skip


def _outcome(app: App, done: Printout, findings: list[Finding]) -> Outcome:
    language = app.language
    data = {
        "lines": done.parts, "outcome": done.outcome, "slip_path": None, "text": [],
        "findings": [finding.as_json(language) for finding in findings],
        "printer": {
            "state_before": str(done.before.state), "state_after": str(done.after), "answered": list(done.before.answered),
            "identity": done.identity, "counters": done.counters,
        },
    }  # fmt: skip
    lines = [f"{name:<14} {value}" for name, value in done.identity.items()]
    lines += [
        f"{padded(words.get(language), 14)} {done.counters[name]}" for name, words in COUNTERS.values() if name in done.counters
    ]
    lines.append(f"{padded(STATE.get(language), 14)} {STATE_WORDS[done.before.state].get(language)}")
    if done.outcome in (COMPLETE, SENT):
        said = PRINTED if done.outcome == COMPLETE else ONLY_SENT
        lines += [
            said.get(language),
            *([line for finding in findings for line in finding_lines(finding, language)] or [LOOK.get(language)]),
        ]
        return Outcome(data, lines, True, print_questions.failure_of(findings, language))
    hint = REMEDIES.get(done.outcome) or OTHER.get(done.outcome, OTHER["fault"])
    state = STATE_WORDS[State(done.outcome)].get(language)
    failure = ToolError(f"the printer does not print: {state}", name="printer_fault", hint=hint, resumable=True)
    return Outcome(data, lines, done.parts > 0, failure)
