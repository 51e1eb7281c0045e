"""A snapshot of a terminal as JSON and back, so that somebody else can judge it later."""

from typing import Any, Final

from formats.errors import FormatError
from fwtool.bundle.json_file import Fields, load
from fwtool.findings import Snapshot
from transports.terminal_records import Batch, Facts
from transports.tsp.messages import BatchState

WHAT: Final = "snapshot.json"
_TEXTS: Final = ("model", "serial_number", "version", "vendor", "bootloader", "mode", "display", "printer")
_WHOLE: Final = ("revision", "security_counter", "battery_percent", "capacity", "max_block")


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "facts": snapshot.facts._asdict(),
        "readings": dict(snapshot.readings),
        "statistics": dict(snapshot.statistics),
        "batch": _batch_json(snapshot.batch) if snapshot.batch else None,
        "clock_skew_s": snapshot.clock_skew_s,
        "answers": dict(snapshot.answers),
    }


def _batch_json(batch: Batch) -> dict[str, Any]:
    return {
        "state": batch.state.name.lower(),
        "count": batch.count,
        "offline_unsent": batch.offline_unsent,
        "last_close": batch.last_close,
        "totals": [{"amount": str(total.amount), "currency": total.currency} for total in batch.totals],
    }


def parse(data: bytes) -> Snapshot:
    """Read one; the sums of a batch are not needed to judge, and are left out.

    Raises:
        FormatError: a value is missing, or of another kind than it should be.
    """
    whole = Fields(load(data, WHAT), WHAT)
    batch = whole.maybe("batch", dict)
    statistics = whole.numbers("statistics")
    answers = whole.table("answers")
    if any(not isinstance(value, int) for value in statistics.values()) or any(not isinstance(v, bool) for v in answers.values()):
        raise FormatError(f"{WHAT} has a counter that is no whole number, or an answer that is neither yes nor no")
    return Snapshot(
        facts=_facts(Fields(whole.table("facts"), WHAT)),
        readings=whole.numbers("readings"),
        statistics={name: int(value) for name, value in statistics.items()},
        batch=None if batch is None else _batch(Fields(batch, WHAT)),
        clock_skew_s=whole.maybe("clock_skew_s", int),
        answers=answers,
    )


def _facts(fields: Fields) -> Facts:
    told: dict[str, Any] = {name: fields.text(name) for name in _TEXTS}
    told |= {name: fields.maybe(name, int) for name in _WHOLE}
    return Facts(
        **told,
        battery_v=fields.maybe("battery_v", int, float),
        mains=fields.maybe("mains", bool),
        tampered=bool(fields.maybe("tampered", bool)),
    )


def _batch(fields: Fields) -> Batch:
    name = fields.text("state").upper()
    if name not in BatchState.__members__:
        raise FormatError(f"{WHAT} has a batch in a state that does not exist")
    return Batch(
        BatchState[name], fields.maybe("count", int), offline_unsent=fields.maybe("offline_unsent", int),
        last_close=fields.maybe("last_close", int),
    )  # fmt: skip
