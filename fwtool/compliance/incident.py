"""What has to be told to the bank at once, as a signed report: a bundle (docs/support-bundle.md) with `incident.json` in it."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from fwtool.bundle import Collected
from fwtool.bundle.judging import INCIDENT
from fwtool.compliance.evidence import Outcome, Sight
from fwtool.compliance.items_device import known_firmware, overlay, tamper
from fwtool.compliance.registry_check import Kind
from fwtool.findings import Words

REGISTERED: Final = ("make", "model", "serial", "location", "merchant", "merchant_id", "terminal_id")
"""What a report says of the list; account and credit code are nobody's business in it."""


class Incident(NamedTuple):
    """One thing that is a security case."""

    kind: str
    """tamper, overlay, unknown_firmware or exchanged."""
    evidence: Words
    action: Words

    def as_json(self, language: str) -> dict[str, str]:
        return {"kind": self.kind, "evidence": self.evidence.get(language), "action": self.action.get(language)}


_ACTIONS: Final = {
    "tamper": Words(
        "Take it out of service, bag it, tell the bank, exchange the terminal. Never try to clear the alarm.",
        "停止使用,封存,通知银行并更换终端。切勿尝试清除防拆报警。",
    ),
    "overlay": Words(
        "Stop. Do not remove it. Keep people away from the terminal and tell the bank's security department.",
        "立即停止。不要拆除。看护现场并通知银行安全部门。",
    ),
    "unknown_firmware": Words(
        "Take no payments with it, leave it as it is, tell the bank and the maker with this report.",
        "停止收款,保持原状,将本报告交给银行和厂家。",
    ),
    "exchanged": Words(
        "Take no payments with it, leave it as it is, tell the bank: it may have been exchanged for another.",
        "停止收款,保持原状,通知银行:设备可能被调换。",
    ),
}
Look = Callable[[Sight], Words | None]


def _failed_item(check: Callable[[Sight], Any]) -> Look:
    def look(sight: Sight) -> Words | None:
        answer = check(sight)
        return answer.evidence if answer.outcome is Outcome.FAIL else None

    return look


def _tampered(sight: Sight) -> Words | None:
    """Keys that are gone are no sign of a crime by themselves: they are loaded, or not yet."""
    opened = sight.snapshot.facts.tampered or sight.number("tamper.open") or sight.number("secure_module.changed")
    return tamper(sight).evidence if opened else None


def _exchanged(sight: Sight) -> Words | None:
    return next((flag.reason for flag in sight.flags if flag.kind in (Kind.EXCHANGED, Kind.TWICE)), None)


_LOOKS: Final[dict[str, Look]] = {
    "tamper": _tampered,
    "overlay": _failed_item(overlay),
    "unknown_firmware": _failed_item(known_firmware),
    "exchanged": _exchanged,
}


def incidents(sight: Sight) -> list[Incident]:
    """Security cases, the worst first; empty: none is seen."""
    found = ((kind, look(sight)) for kind, look in _LOOKS.items())
    return [Incident(kind, evidence, _ACTIONS[kind]) for kind, evidence in found if evidence is not None]


def add_to(collected: Collected, found: Sequence[Incident], sight: Sight, location: str) -> None:
    """Put the report into a bundle, in both languages."""
    entry = sight.registry.find(sight.serial_number) if sight.registry else None
    collected.add(INCIDENT, {
        "seen": sight.now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "technician": sight.technician,
        "location": location or (entry.location if entry else ""),
        "registered": {name: getattr(entry, name) for name in REGISTERED} if entry else None,
        "running_digest": sight.running,
        **{language: [incident.as_json(language) for incident in found] for language in ("en", "zh")},
    })  # fmt: skip
