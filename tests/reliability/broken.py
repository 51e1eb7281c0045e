"""Pieces of firmware with a mistake in them, for the mutants."""

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final
from unittest import mock

from hwsim import bootstate, counter, journal, power, slots
from hwsim.bootloader import Loader
from hwsim.bootstate import BootLog, SlotMark
from hwsim.counter import Counter
from hwsim.erasing import Eraser
from hwsim.heads import Heads
from hwsim.installer import Installer
from hwsim.journal import DeviceJournal
from hwsim.layout import Span
from hwsim.refusal import FlashFault
from hwsim.rotation import brought
from hwsim.slots import SlotStore
from hwsim.transitions import Do, Event, State, When
from hwsim.trust_store import HEAD_SIZE, MAGIC, TrustStore
from tests.reliability.patches import Patch, does, method, rows
from transports.tsp.messages import SlotState


def no_read_back(owner: Any, name: str, reads: str = "read") -> Callable[[], Patch]:
    """A method that believes that what it has programmed is there."""
    true = getattr(owner, name)

    def believing(self: Any, *given: Any) -> Any:
        part = getattr(self, "part", None) or self._flash
        written: dict[int, bytes] = {}
        program, read = part.program, part.read

        def programs(address: int, data: bytes) -> None:
            program(address, data)
            written[address] = data

        with (
            mock.patch.object(part, "program", programs),
            mock.patch.object(part, reads, lambda address, size: written.get(address, b"")[:size] or read(address, size)),
        ):
            return true(self, *given)

    return method(owner, name, believing)


def crc_of_anything(module: Any) -> Callable[[], Patch]:
    """A reader of records that believes every CRC."""

    class Believing:
        def unpack_from(self, raw: bytes, at: int = 0) -> tuple[Any]:
            return (Equal(),)

        def __getattr__(self, name: str) -> Any:
            return getattr(true, name)

    true = module._CRC
    return lambda: mock.patch.object(module, "_CRC", Believing())


class Equal:
    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


def counter_without_check(raw: bytes) -> int | None:
    return int.from_bytes(raw[:4], "little")


def finish_and_raise(self: Installer) -> None:
    self._log.write(self._log.state.with_slot(self.store.index, SlotMark(SlotState.TRIAL, self._trial_starts)))
    self._counter.advance(self.offered.manifest.security_counter)


def finish_confirmed(self: Installer) -> None:
    state = self._log.state.with_slot(self.store.index, SlotMark(SlotState.CONFIRMED))
    self._log.write(state.with_active(self.store.index))


def one_start_more(self: Installer) -> None:
    mark = SlotMark(SlotState.TRIAL, self._trial_starts + 1)
    self._log.write(self._log.state.with_slot(self.store.index, mark))


def confirm_stays_inactive(self: Loader) -> None:
    assert self._slot is not None
    self._log.write(self._log.state.with_slot(self._slot, SlotMark(SlotState.CONFIRMED)))


def trial_bad_hits_active(self: Loader) -> None:
    self._log.write(self._log.state.with_slot(self._log.state.active, SlotMark(SlotState.BAD)))


def image_unchecked(self: Loader, slot: int) -> Any:
    stored = SlotStore(self._flash, slot, self._layout).metadata()
    if stored is None:
        raise FlashFault("no package")
    return slots.judge(*stored, self._trusts.current, self._identity, self._counter.value, None, self._layout)


def image_below_counter(self: Loader, slot: int) -> Any:
    return SlotStore(self._flash, slot, self._layout).check_start(self._trusts.current, self._identity, 0)


def turn_over_in_place(self: BootLog) -> None:
    self._flash.erase_span(*self._areas[self._newest_in])
    self._used[self._newest_in] = 0
    self._area = self._newest_in


def room_behind_valid(self: BootLog) -> int:
    """Torn records are forgotten: the next one goes where they stand."""
    area = self._areas[self._area]
    raw = self._flash.read(area.address, area.size)
    places = range(0, area.size, bootstate.RECORD_SIZE)
    self._used[self._area] = sum(bootstate._decode(raw[at : at + bootstate._USED]) is not None for at in places)
    return area.size // bootstate.RECORD_SIZE - self._used[self._area]


def oldest_state(self: BootLog) -> Any:
    state = _TRUE_LOAD(self)
    first = bootstate._decode(self._flash.read(self._areas[0].address, bootstate._USED))
    return first[1] if first else state


_TRUE_LOAD: Final = BootLog._load


def torn_place_again(self: Counter, part: Any) -> None:
    _TRUE_COUNTER(self, part)
    while self._next and counter._decode(part.read((self._next - 1) * self.place, counter.RECORD_SIZE)) is None:
        self._next -= 1


_TRUE_COUNTER: Final = Counter.__init__


def tidy_notes_first(self: SlotStore, log: BootLog) -> bool:
    if log.state.spare_clean[self.index]:
        return False
    log.write(log.state.with_spare(self.index, clean=True))
    self.heads.erase_spare()
    return True


def spare_looks_clean(self: SlotStore, state: Any) -> bool:
    return self._flash.blank(*self.heads.spare())


def current_is_spare(self: Heads) -> Span:
    head = self.current()
    return head.span if head else self._layout.heads[0]


def same_sequence(self: Heads, signed: bytes, signatures: bytes) -> None:
    head = self.current()
    with mock.patch.object(Heads, "current", return_value=head and head._replace(sequence=head.sequence - 1)):
        _TRUE_WRITE(self, signed, signatures)


_TRUE_WRITE: Final = Heads.write


def resume_by_hash(self: SlotStore, offered: Any) -> int | None:
    return self.held(offered)


def by_marks(self: SlotStore, offered: Any) -> int | None:
    count = offered.manifest.block_count
    return self.heads.marks(count).index(False) if False in self.heads.marks(count) else count


def any_partly_there(self: Installer) -> bool:
    self._resumed = by_marks(self.store, self.offered)
    return self._mark.state is SlotState.WRITING


@contextlib.contextmanager
def journal_first() -> Iterator[None]:
    early = does(State.UPDATING, Event.BLOCK, Do.ERASE, Do.MARK, Do.PROGRAM, Do.READ_BACK)
    with early(), mock.patch.object(SlotStore, "resumable", by_marks):
        yield


def unconfirmed_too() -> Callable[[], Patch]:
    at = State.FALLING_BACK, Event.GO, When.OTHER_CONFIRMED
    return rows(lambda row: row._replace(when=When.ALWAYS) if (row.state, row.event, row.when) == at else row)


def resume_unrounded(self: SlotStore, offered: Any) -> int | None:
    with mock.patch.object(SlotStore, "_starts_sector", return_value=True):
        return _TRUE_RESUMABLE(self, offered)


_TRUE_RESUMABLE: Final = SlotStore.resumable


def erase_by_looks(self: Eraser, unit: int, kept: Collection[int]) -> list[Span]:
    self._virgin = True
    return _TRUE_TO_ERASE(self, unit, kept)


_TRUE_TO_ERASE: Final = Eraser.to_erase


def journal_over_torn(self: DeviceJournal) -> tuple[int, int]:
    number = self._next
    self._next += 1
    place = number % self._count * journal.SIZE
    if place % self._sector == 0:
        self._flash.erase(self._span.address + place, self._sector)
    return number, self._span.address + place


def journal_starts_again(self: DeviceJournal) -> list[Any]:
    return []


def hungry(watchdog: power.Watchdog) -> Callable[[float], None]:
    return watchdog.elapse


def finish_and_take_trust(self: Installer) -> None:
    _TRUE_PUT_ON_TRIAL(self)
    new = brought(self.store, self.offered, self._trusts.current, self._trusts.capacity)
    if new:
        self._trusts.write(new)


_TRUE_PUT_ON_TRIAL: Final = Installer.put_on_trial


def trust_all_erased(self: TrustStore, which: int, record: bytes) -> None:
    self._flash.erase_span(*self._areas[1 - which])
    _TRUE_REPLACE(self, which, record)


def trust_in_one_place(self: TrustStore) -> None:
    pass


def trust_erased_by_looks(self: TrustStore, which: int, record: bytes) -> None:
    if self._flash.blank(*self._areas[which]):
        self._flash.program(self._areas[which].address, record)
    else:
        _TRUE_REPLACE(self, which, record)


_TRUE_REPLACE: Final = TrustStore._replace


def trust_without_crc(self: TrustStore, which: int) -> tuple[int, bytes] | None:
    """Whatever begins as a trust."""
    head = self._flash.read(self._areas[which].address, HEAD_SIZE)
    size = int.from_bytes(head[8:12], "little")
    if not head.startswith(MAGIC) or size > self.capacity:
        return None
    return int.from_bytes(head[4:8], "little"), self._flash.read(self._areas[which].address + HEAD_SIZE, size)
