"""`fwtool train`: a fault is planted on a simulated terminal; find it, mend it, be scored."""

import contextlib
import datetime
import time
from typing import Any, Final

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.sim_verb import open_line, tcp_address, tell_port
from fwtool.findings import Words
from fwtool.records import Records, new_job_id
from fwtool.train import Exercise, Score, choose, load, score
from fwtool.train.exercises import LEVELS

ACT: Final = "training"
"""Act of its job, and kind of the entry that counts as training."""
COMPLAINT: Final = Words("the merchant says", "商户反映")
HOW: Final = Words(
    "look:   fwtool diagnose --port {port}\n"
    "answer: fwtool sim-control --at {control} answer CAUSE      (the id in brackets; the first one to deal with first)\n"
    "mend:   fwtool sim-control --at {control} ACT               (load-paper, clean-msr, tell-bank, settle, swap-terminal ...)\n"
    "end:    fwtool sim-control --at {control} done",
    "检查: fwtool diagnose --port {port}\n"
    "作答: fwtool sim-control --at {control} answer 原因编号      (方括号中的编号,应先处理的先答)\n"
    "处理: fwtool sim-control --at {control} 操作                (load-paper、clean-msr、tell-bank、settle、swap-terminal 等)\n"
    "结束: fwtool sim-control --at {control} done",
)
RESULT: Final = Words("{points} of 100 points: {verdict}", "得分 {points}/100:{verdict}")
VERDICTS: Final = {True: Words("passed", "通过"), False: Words("not passed", "未通过")}
UNTIL: Final = Words("counts until {day}", "有效期至 {day}")


@click.command(cls=Verb)
@click.option("--exercise", default="", metavar="ID", help="Which one; any if not given.")
@click.option("--level", default="", type=click.Choice(["", *LEVELS]), help="Any one of this level.")
@click.option("--seed", type=int, help="Choose the same one every time.")
@click.option("--minutes", default=20.0, show_default=True, type=click.FloatRange(0.01, 240), help="How long there is.")
@click.option(
    "--valid-d", default=365, show_default=True, type=click.IntRange(1, 1100), metavar="DAYS", help="How long it counts."
)
@click.option("--listen", default="tcp:127.0.0.1:0", show_default=True, help="Port of the terminal: pty or tcp:HOST:PORT.")
@click.option("--control", default="tcp:127.0.0.1:0", show_default=True, help="tcp:HOST:PORT for `fwtool sim-control`.")
@click.option("--list", "listing", is_flag=True, help="List the exercises.")
@pass_app
def command(app: App, /, exercise: str, level: str, seed: int | None, listing: bool, **options: Any) -> Outcome:
    """Practise: a terminal with a planted fault waits at a port until the trainee says `done`. The port is the first line."""
    language = app.settings.lang
    if listing:
        rows = [{"id": one.id, "level": one.level, "complaint": one.complaint.get(language)} for one in load()]
        return Outcome({"exercises": rows}, [f"{row['id']}  {row['level']:<9} {row['complaint']}" for row in rows])
    if not app.settings.technician:
        raise ToolError("who is being trained?", name="usage", hint="Give --technician NAME.")
    return _train(app, choose(exercise, level, seed, load()), **options)


def _train(app: App, exercise: Exercise, *, minutes: float, valid_d: int, listen: str, control: str) -> Outcome:
    from fwtool.cli.train_machine import Trainer
    from hwsim.server import Server
    from hwsim.server import listen as listen_at
    from transports.virtual import Scheduler

    trainer = Trainer(exercise, minutes, Scheduler(time.monotonic))
    socket = listen_at(*tcp_address(control))
    line = open_line(listen)
    host, port = socket.getsockname()
    records, job = Records(app.state_dir), new_job_id()
    origin = {"act": ACT, "technician": app.settings.technician, "exercise": exercise.id, "simulated": True}
    records.append(job, "started", origin)

    def ready() -> None:
        tell_port(app, line.port)
        _explain(app, exercise, line.port, f"tcp:{host}:{port}")
        trainer.ready()

    with contextlib.suppress(KeyboardInterrupt):  # while it begins; later the server takes it
        Server(trainer.machine, line, (socket, trainer.control)).serve(ready)
    if not trainer.done:
        records.append(job, "finished", {**origin, "verdict": "given_up"})
        raise ToolError("the exercise was broken off; it does not count", name="interrupted", hint="Begin another one.")
    found = score(exercise, trainer.attempt())
    until = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=valid_d)
    _record(records, job, origin, found, until)
    return _outcome(app, exercise, found, until)


def _explain(app: App, exercise: Exercise, port: str, control: str) -> None:
    language = app.settings.lang
    said = [f"control: {control}", f"{COMPLAINT.get(language)}: {exercise.complaint.get(language)}",
            *HOW.get(language).format(port=port, control=control).splitlines()]  # fmt: skip
    for text in said:
        if app.output.json:
            app.output.emit("log", level="info", message=text)
        else:
            app.output.say(text)


def _record(records: Records, job: str, origin: dict[str, Any], found: Score, until: datetime.date) -> None:
    """Only what was passed is an entry that counts as training; one that was not leaves an earlier one as it is."""
    if found.passed:
        course = f"fwtool train {origin['exercise']}"
        body = {**origin, "course": course, "score": found.points, "expires": until.isoformat()}
        records.append(job, ACT, body)
    records.append(job, "finished", {
        **origin, "verdict": "passed" if found.passed else "failed", "score": found.points, "dangerous": found.dangerous,
        "remarks": [remark.en for remark in found.remarks],
    })  # fmt: skip


def _outcome(app: App, exercise: Exercise, found: Score, until: datetime.date) -> Outcome:
    language = app.settings.lang
    remarks = [remark.get(language) for remark in found.remarks]
    data: dict[str, Any] = {
        "exercise": exercise.id, "technician": app.settings.technician, "score": found.points, "passed": found.passed,
        "dangerous": found.dangerous, "expires": until.isoformat() if found.passed else None,
        "causes": list(exercise.causes), "remarks": remarks,
    }  # fmt: skip
    lines = [RESULT.get(language).format(points=found.points, verdict=VERDICTS[found.passed].get(language)), *remarks]
    if found.passed:
        return Outcome(data, [*lines, UNTIL.get(language).format(day=until)], True)
    hint = f"It was: {', '.join(exercise.causes)}. docs/diagnosis.md says what to do; then begin another exercise."
    return Outcome(data, lines, True, ToolError("the exercise is not passed", name="not_authorised", hint=hint))
