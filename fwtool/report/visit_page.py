"""The maintenance report of one visit, in one language. Pure: what the record holds goes in, a document comes out."""

import datetime
from collections.abc import Iterable, Iterator
from typing import Final

from fwtool.causes.parts import PARTS
from fwtool.findings import Words
from fwtool.report.document import Block, Boxes, Document, Facts, Heading, Lines, Paragraph, Picture, Table
from fwtool.report.health_part import health, history
from fwtool.report.source import Say, Source
from fwtool.report.words import STEP_FACTS, W
from fwtool.visit.parts_used import used
from fwtool.visit.state import StepDone
from fwtool.visit.steps import QUESTIONS
from fwtool.visit.wording import NOT_RUN, OUTCOMES, TITLES, reason, reasons

CHOICES: Final = {question.id: dict(question.choices) for question in QUESTIONS if question.choices}


def visit_page(source: Source, language: str) -> Document:
    """The report."""
    visit = source.visit

    def say(words: Words) -> str:
        return words.get(language)

    parts = (_head, _steps, _overrides, health, history, _parts, _evidence, _slips, _record)
    blocks: list[Block] = [block for part in parts for block in part(source, say)]
    title = f"{say(W.title)}  {visit.model} {visit.serial_number}"
    footer = f"{say(W.title)} {visit.serial_number} {source.ended[:10]}  {say(W.entry)} {source.entry}  {source.hash}"
    moment = datetime.datetime.fromisoformat(source.ended)
    return Document(title, language, int(moment.timestamp()), footer, blocks)


def _head(source: Source, say: Say) -> Iterator[Block]:
    visit = source.visit
    if source.simulated:
        yield Paragraph(say(W.simulated), strong=True)
    order = visit.order or {}
    rows = [
        (say(W.verdict), say(OUTCOMES[visit.verdict])),
        (say(W.terminal), f"{visit.model}, {say(W.serial)} {visit.serial_number}"),
        (say(W.site), str(visit.answer("record.site") or "-")),
        (say(W.technician), visit.technician),
        (say(W.order), f"{order.get('number')}, {order.get('bank')}" if order else say(W.none)),
        (say(W.time), f"{_time(visit.started)} - {_time(source.ended)} UTC"),
        (say(W.firmware), say(W.from_to).format(before=visit.version_before, after=visit.version_after)),
    ]
    if source.reason:
        rows.append((say(W.ended_early), source.reason))
    if remarks := visit.answer("record.remarks"):
        rows.append((say(W.remarks), str(remarks)))
    yield Facts(rows)


def _time(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def _steps(source: Source, say: Say) -> Iterator[Block]:
    done = {step.id: step for step in source.visit.steps}
    rows = []
    for name, title in TITLES.items():
        step = done.get(name)
        outcome = OUTCOMES[step.outcome] if step else NOT_RUN
        rows.append((say(title), say(outcome), "; ".join([*_details(step, say), *_reasons(step, say)]) if step else ""))
    yield Heading(say(W.steps))
    yield Table((say(W.step), say(W.outcome), say(W.details)), rows, (30, 14, 56))


def _details(step: StepDone, say: Say) -> Iterator[str]:
    for key, value in step.answers.items():
        name = f"{step.id}.{key}"
        if value in CHOICES.get(name, ()):
            yield f"{say(reason(name))} {say(CHOICES[name][value])}"
    for act, fields in step.facts.items():
        for name, words in STEP_FACTS.get(act, ()):
            if fields.get(name) not in (None, "", [], {}):
                yield f"{say(words)} {fields[name]}"
    if answered := step.answers.get("reason"):
        yield f"{say(W.reason)}: {answered}"


def _reasons(step: StepDone, say: Say) -> Iterator[str]:
    english, chinese = reasons(step, "en"), reasons(step, "zh")
    for both in zip(english, chinese, strict=True):
        yield f"{say(W.attention)}: {say(Words(*both))}"


def _overrides(source: Source, say: Say) -> Iterator[Block]:
    if source.visit.overrides:
        rows = [(str(one["gate"]), str(one["reason"]), str(one["approver"])) for one in source.visit.overrides]
        yield Heading(say(W.overrides))
        yield Table((say(W.gate), say(W.reason), say(W.second_person)), rows, (20, 50, 30))


def _parts(source: Source, say: Say) -> Iterator[Block]:
    visit = source.visit
    counts, others = used(visit)
    shown = [say(PARTS[name]) + (f" x{count}" if count > 1 else "") for name, count in counts.items()] + others
    needed = (visit.fact("verify", "reexamine") or visit.fact("inspect", "examine")).get("parts_needed", [])
    yield Heading(say(W.parts))
    yield Facts([
        (say(W.used), ", ".join(shown) or say(W.none)),
        (say(W.needed), ", ".join(say(PARTS[one]) if one in PARTS else str(one) for one in needed) or say(W.none)),
    ])  # fmt: skip


def _evidence(source: Source, say: Say) -> Iterator[Block]:
    found = source.visit.fact("inspect", "evidence")
    if not (found.get("seals") or found.get("photos")):
        return
    yield Heading(say(W.evidence))
    yield Facts([
        (say(W.seals).format(count=len(found["seals"])), ", ".join(f"...{one['ends']}" for one in found["seals"]) or say(W.none)),
        *((say(W.photo), f"{one['name']}  SHA-256 {one['sha256'][:16]}") for one in found["photos"]),
    ])  # fmt: skip
    differ: Iterable[str] = found.get("attention", ())
    for name in differ:
        yield Paragraph(f"{say(reason(name))}: {', '.join(map(str, found[name]))}", strong=True)


def _slips(source: Source, say: Say) -> Iterator[Block]:
    if not source.pictures:
        return
    captions = {"before": W.slip_before, "after": W.slip_after, "photo": W.slip_photo}
    yield Heading(say(W.slips))
    for name, data in source.pictures:
        caption = say(captions[name])
        yield Picture(data, caption) if data else Paragraph(f"{caption}: {say(W.picture_gone)}")


def _record(source: Source, say: Say) -> Iterator[Block]:
    yield Heading(say(W.record))
    yield Facts([(say(W.entry), str(source.entry)), (say(W.head), source.hash)])
    yield Paragraph(say(W.compare).format(hash=source.hash[:16]))
    yield Boxes([say(W.told)])
    approvers = dict.fromkeys(str(one["approver"]) for one in source.visit.overrides)
    names = [f"{say(W.technician)}: {source.visit.technician}", say(W.merchant)]
    yield Lines([*names, *(f"{say(W.second_person)}: {one}" for one in approvers)][:4])
