"""Ask everything that goes into a bundle. What cannot be had is no reason to stop: it is told, with the reason."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from formats.errors import ToolError
from fwtool.bundle import snapshot_file
from fwtool.bundle.archive import Member
from fwtool.bundle.manifest import dumped
from fwtool.bundle.secrets import hidden, without_secrets
from fwtool.causes import Rule
from fwtool.diagnosis import examine
from fwtool.files import open_input
from fwtool.records import Records, canonical
from transports import trace
from transports.device import Device
from transports.terminal_records import Capability
from transports.tsp.messages import Level

JOURNAL_ENTRIES: Final = 1000
RECORD_ENTRIES: Final = 200
TRACE: Final = 4 << 20
ALL_TRACES: Final = 8 << 20
"""Bytes of one trace, and of all of them."""
LANGUAGES: Final = ("en", "zh")
Lack = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What this computer adds."""

    doctor: dict[str, Any]
    """What `fwtool doctor` says."""
    state_dir: pathlib.Path
    traces: Sequence[pathlib.Path] = ()


class Collected:
    """Members as they come in, and what is missing."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.missing: Lack = {}
        self.facts: dict[str, Any] = {}

    def add(self, name: str, value: Any) -> None:
        """A value as JSON, without secrets."""
        self.members.append(Member(name, dumped(without_secrets(value))))

    @contextlib.contextmanager
    def trying(self, name: str) -> Iterator[None]:
        """What fails in here is noted as missing. A mistake of the user's is told at once."""
        try:
            yield
        except ToolError as error:
            if error.name == "usage":
                raise
            self.missing[name] = str(without_secrets(str(error)))


def collect(connect: Callable[[], Device] | None, wanted: Wanted, rules: Sequence[Rule]) -> Collected:
    """Ask the terminal, this computer and the records.

    Args:
        connect: Opens the terminal; None: there is none at hand.
    """
    found = Collected()
    if connect is None:
        found.missing["device"] = "no port was named"
    else:
        with found.trying("device"), connect() as device:
            _from_device(found, device, rules)
    found.add("doctor.json", wanted.doctor)
    with found.trying("records"):
        _from_records(found, wanted.state_dir)
    room = min(TRACE, ALL_TRACES // max(1, len(wanted.traces)))
    for number, path in enumerate(wanted.traces, 1):
        with found.trying(f"trace {number}"):
            found.members.append(Member(f"trace-{number}.jsonl", _trace(path, room)))
    return found


def _from_device(found: Collected, device: Device, rules: Sequence[Rule]) -> None:
    facts = device.facts()
    found.facts = {"port": device.port, "protocol": device.protocol, "vendor": facts.vendor, "model": facts.model,
                   "serial_number": facts.serial_number, "version": facts.version}  # fmt: skip
    found.add("device.json", {**found.facts, "capabilities": sorted(device.capabilities), **facts._asdict()})
    for name, act, ask in _ASKED:
        if not device.can(act):
            found.missing[name] = "this device does not have it"
            continue
        with found.trying(name):
            found.add(name, ask(device))
    with found.trying("findings.json"):
        seen = examine(device, Level.EXTERNAL, rules=rules)
        found.add("snapshot.json", snapshot_file.to_json(seen.snapshot))
        found.add("findings.json", {
            language: {
                "findings": [finding.as_json(language) for finding in seen.findings],
                "causes": [cause.as_json(rank, language) for rank, cause in enumerate(seen.ranking.causes, 1)],
            }
            for language in LANGUAGES
        })  # fmt: skip


def _slots(device: Device) -> Any:
    return [
        {"index": slot.index, "version": str(slot.version), "digest": slot.digest.hex(), "state": slot.state.name.lower(),
         "running": slot.running, "security_counter": slot.security_counter}
        for slot in device.slots()
    ]  # fmt: skip


def _journal(device: Device) -> Any:
    total, entries = device.journal(JOURNAL_ENTRIES)
    rows = [{"number": one.number, "time": one.time, "event": one.event, "detail": one.detail} for one in entries]
    return {"total": total, "entries": rows}


_ASKED: Final[tuple[tuple[str, Capability, Callable[[Device], Any]], ...]] = (
    ("slots.json", Capability.SLOTS, _slots),
    ("journal.json", Capability.JOURNAL, _journal),
    ("statistics.json", Capability.STATISTICS, lambda device: dict(device.statistics())),
)
"""Member, what the device must be able to do, and how it is asked."""


def _from_records(found: Collected, state_dir: pathlib.Path) -> None:
    records = Records(state_dir)
    entries = records.entries(last=RECORD_ENTRIES)
    # As they were hashed; card numbers were kept out when they were written.
    lines = b"".join(canonical(hidden(entry.body)).encode() + b"\n" for entry in entries)
    found.members.append(Member("records.jsonl", lines))
    head = records.newest_head()
    if head is not None:
        found.members.append(Member("records-head.fwh", head))


def _trace(path: pathlib.Path, room: int) -> bytes:
    """The first line and the newest ones that fit into so many bytes. Card numbers are out of it since it was written
    (`transports.trace`).

    Raises:
        ToolError: it is no trace.
    """
    for _ in trace.load(path):  # every line of it, so that nothing else goes out under this name
        pass
    with open_input(path) as file:
        head = file.readline()
        size = path.stat().st_size
        if size > len(head) + room:
            file.seek(size - room)
            file.readline()
        return head + file.read(room)
