"""`fwtool parts`: what the next visits will need."""

import datetime
from typing import Any, Final

import click

from formats.errors import ToolError
from fwtool import parts
from fwtool.causes.parts import PARTS
from fwtool.cli.app import App, Outcome, Verb, open_port, pass_app, port_options
from fwtool.cli.recording import recorded
from fwtool.diagnosis import examine
from fwtool.findings import Words
from fwtool.parts.history import USED, WEAR, wear_of
from fwtool.parts.model import Need, Plan
from fwtool.parts.planning import ROLL_M, needed_now, paper
from fwtool.records import Records
from transports.tsp.messages import Level

NOW: Final = Words("now", "本次")
ON: Final = Words("visit on {day}", "{day} 上门")
LATER: Final = Words("later", "以后")
UNTOLD: Final = Words("this terminal tells nothing of its wear", "该终端不提供磨损数据")
NOTHING: Final = Words("nothing", "无")
ARRANGE: Final = Words("to arrange", "须安排")
USED_WORD: Final = Words("used so far", "已用")


@click.command(cls=Verb)
@click.option("--interval-d", default=90, show_default=True, type=click.IntRange(1, 400), metavar="DAYS", help="Between visits.")
@click.option("--visits", default=4, show_default=True, type=click.IntRange(1, 24), help="How many to plan, this one included.")
@click.option("--roll-m", default=ROLL_M, show_default=True, type=click.FloatRange(1, 200), metavar="M", help="Paper on a roll.")
@click.option(
    "--used", "used_now", multiple=True, metavar="PART[=N]", help=f"Used at this visit: {', '.join(PARTS)}; repeatable."
)
@port_options
@pass_app
def command(app: App, /, interval_d: int, visits: int, roll_m: float, used_now: tuple[str, ...], **port: Any) -> Outcome:
    """Plan spare parts from wear, counters and the records; what is measured now is recorded for the next time."""
    taken = _used(used_now)
    with open_port(app, **port) as device, recorded(app, "parts", device) as record:
        seen = examine(device, Level.EXTERNAL)
        serial = seen.snapshot.facts.serial_number
        now = parts.Point(datetime.datetime.now(datetime.UTC), wear_of(seen.snapshot))
        record |= {WEAR: dict(now.wear), **({USED: taken} if taken else {})}
    with Records(app.state_dir).contents() as contents:
        points = parts.past(contents.rows(), serial)
        used = parts.used(contents.rows(), serial)
    rolls = paper(now, points, interval_d, roll_m)
    needs = [*needed_now(seen.ranking), *parts.forecast(seen.snapshot, points), *([rolls] if rolls else [])]
    plan = parts.plan(needs, now.time.date(), interval_d, visits)
    language = app.language
    data = {
        "serial_number": serial,
        "measurements": len(points),
        "visits": [
            {"date": day.isoformat(), "needs": [need.as_json(now.time.date(), language) for need in taken_along]}
            for day, taken_along in plan.visits
        ],
        "later": [need.as_json(now.time.date(), language) for need in plan.later],
        "used": used,
        "wear_told": bool(now.wear),
    }
    return Outcome(data, [*_lines(plan, used, language), *([] if now.wear else [UNTOLD.get(language)])], True)


def _used(given: tuple[str, ...]) -> dict[str, int]:
    """Class -> how many."""
    found: dict[str, int] = {}
    for text in given:
        part, _, count = text.partition("=")
        if part not in PARTS or not (count or "1").isdecimal() or not 1 <= int(count or 1) <= 999:
            raise ToolError(f"--used {text!r} is no part", name="usage", hint=f"Write PART or PART=N; PART: {', '.join(PARTS)}.")
        found[part] = found.get(part, 0) + int(count or 1)
    return found


def _lines(plan: Plan, used: dict[str, int], language: str) -> list[str]:
    lines: list[str] = []
    for number, (day, needs) in enumerate(plan.visits):
        lines.append((ON.get(language).format(day=day) if number else NOW.get(language)) + ":")
        lines += [_line(need, language) for need in needs] or [f"  {NOTHING.get(language)}"]
    if plan.later:
        lines += [f"{LATER.get(language)}:", *(_line(need, language) for need in plan.later)]
    if used:
        told = ", ".join(f"{PARTS[part].get(language) if part in PARTS else part} x{count}" for part, count in used.items())
        lines.append(f"{USED_WORD.get(language)}: {told}")
    return lines


def _line(need: Need, language: str) -> str:
    name = PARTS[need.part].get(language) if need.part else ARRANGE.get(language)
    return f"  {need.count} x {name}: {need.reason.get(language)}" if need.part else f"  {name}: {need.reason.get(language)}"
