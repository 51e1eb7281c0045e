"""Bugs of the boot rules that the harness has found, edges of its counters, and the flash model itself."""

import dataclasses
import pathlib
import re
from collections.abc import Iterator
from unittest import mock

import pytest

from hwsim import bootloader, installer, slots
from hwsim.bootstate import BootLog, BootState
from hwsim.counter import LAST, Counter
from hwsim.flash import FlashMisuse, NorFlash, Operation, PowerCut
from hwsim.geometry import KIB, PARTS, STM32F407, STM32L071, STM32L476, W25Q128JV, Geometry
from hwsim.layout import CAPACITY, DEFAULT, Layout, Needs, SlotLayout, Span, layout_of
from hwsim.power import How, Tear, cut_at, spoil
from hwsim.refusal import FlashFault, Refused
from hwsim.transitions import AT_REST, TABLE, Do, Event, State, When
from tests.reliability import judge
from tests.reliability.contents import releases, update, updated_terminal, used_terminal
from tests.reliability.device import Device, Model, factory, remembering
from tests.reliability.models import MIXED, QUADS, TINY
from tests.reliability.releases import release
from transports.tsp.messages import Status

BOOT_MD = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/device/boot.md"


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with mock.patch.object(slots, "judge", remembering(slots.judge)):
        yield


def started(model: Model, content: object) -> Device:
    device = Device.of(model, content)  # type: ignore[arg-type]
    device.power_on()
    return device


# -- what went wrong once -----------------------------------------------------------------------------------------------


def test_a_sector_that_only_looks_erased_is_erased_again() -> None:
    """Version 1 looked whether a sector was blank. After an erase that was cut it may look so, and lose bits later."""
    device = started(TINY, used_terminal(TINY))
    payload = TINY.layout.slots[device.target].payload
    for address in range(payload.address, payload.end, 4 * KIB):
        spoil(Operation(device.flash, address, None, 4 * KIB), Tear(How.LOOSE, 2))
    assert device.flash.defects.loose
    update(device, releases(TINY).next)
    assert device.booted.slot is not None
    assert judge.whole(device, device.booted.slot, releases(TINY).next)


def test_a_spare_head_that_only_looks_erased_is_erased_again() -> None:
    device = started(TINY, used_terminal(TINY))
    spare = slots.SlotStore(device.flash, device.target, TINY.layout).heads.spare()
    spoil(Operation(device.flash, spare.address, None, spare.size), Tear(How.LOOSE, 2))
    update(device, releases(TINY).next)
    assert device.booted.slot is not None
    assert judge.whole(device, device.booted.slot, releases(TINY).next)


def test_a_table_that_was_begun_under_an_error_correcting_code_is_not_gone_on_with() -> None:
    """A torn unit may still read as erased, and fails when it is programmed again."""
    device = started(QUADS, updated_terminal(QUADS))
    device.send(releases(QUADS).next, stop=0)
    store = slots.SlotStore(device.flash, device.target, QUADS.layout)
    base = store.heads.table_base()
    head = store.heads.current()
    assert head is not None
    device = started(QUADS, device.content)
    blank = bytes([device.flash.erased]) * 256
    device.flash.fill(base, blank)
    device.flash.defects.spoilt.add(base // 16)
    update(device, releases(QUADS).next)
    assert device.version == releases(QUADS).next.version


def test_the_counter_does_not_follow_a_confirmation_that_the_flash_may_forget() -> None:
    """The cells of the counter are another part: it must not rise before the flash has let go of its buffers."""
    device = started(TINY, updated_terminal(TINY))
    device.send(releases(TINY).next)
    device.power_on()
    before = device.flash.commits
    seen = []
    device.one_way.watch = lambda operation: seen.append(device.flash.commits)
    device.confirm()
    assert seen == [before + 1]


def test_the_boot_log_never_erases_its_newest_record() -> None:
    """Where writes to an area are lost, version 1 turned over until the newest record was gone."""
    device = started(TINY, updated_terminal(TINY))
    state = device.log.state
    for area in TINY.layout.boot_log:
        device.flash.defects.lossy[TINY.geometry.sector_of(area.address)] = 1.0
    with pytest.raises(FlashFault):
        device.log.write(dataclasses.replace(state, active=1 - state.active))
    assert BootLog(device.flash, TINY.layout).state == state


def test_the_journal_reads_its_entries_back() -> None:
    device = started(QUADS, updated_terminal(QUADS))
    number = device.journal.total + 1
    at = QUADS.layout.journal.address + number % (QUADS.layout.journal.size // 128) * 128
    device.flash.defects.spoilt.add(at // 16)
    device.note("told")
    device.power_on()
    assert "told" in [entry.event for entry in device.journal.since(1, 1000)]


def test_what_a_faulty_part_keeps_from_being_counted_does_not_start() -> None:
    """A start on trial that cannot be written down would be one too many next time."""
    device = started(TINY, updated_terminal(TINY))
    device.send(releases(TINY).next)
    for area in TINY.layout.boot_log:
        device.flash.defects.failing[TINY.geometry.sector_of(area.address)] = 1.0
    device.power_on()
    assert device.version == releases(TINY).new.version


# -- edges --------------------------------------------------------------------------------------------------------------


def _worn(model: Model, device: Device, spans: list[Span]) -> list[int]:
    sectors = [sector for span in spans for sector in model.geometry.sectors(span.address, span.end)]
    return [device.flash.wear.get(sector, 0) for sector in sectors]


@pytest.mark.parametrize("first", [7, 2**16 - 150, LAST - 301], ids=["2^8", "2^16", "2^32"])
@pytest.mark.parametrize("model", [TINY, MIXED], ids=lambda model: model.name)
def test_f11_300_updates_in_a_row(model: Model, first: int) -> None:
    """Across the edges of the counter; nothing drifts, and no sector wears faster than its like."""
    model = dataclasses.replace(model, counter_places=512)
    device = factory(model, release("1.0.0", first, model.image, 1))
    device.power_on()
    device.flash.wear.clear()
    for number in range(1, 301):
        package = release(f"1.{number // 200}.{number}", first + number, model.image, 2 + number % 3)
        update(device, package)
        device.power_on()
        device.tidy()
        assert device.booted.slot == number % 2
        assert (device.version, device.counter.value) == (package.version, first + number)
    images = [Span(slot.payload.address, -(-model.image // 8192) * 8192) for slot in model.layout.slots]
    heads = [head for slot in model.layout.slots for head in slot.heads]
    for spans in (images, heads, list(model.layout.boot_log), [model.layout.journal]):
        worn = _worn(model, device, spans)
        assert max(worn) <= 1.1 * sum(worn) / len(worn) + 1, worn
        assert min(worn) >= 0.9 * sum(worn) / len(worn) - 1, worn


def test_f11_a28_a_counter_without_a_successor_is_refused() -> None:
    device = started(TINY, updated_terminal(TINY))
    before = device.flash.operations
    with pytest.raises(Refused) as caught:
        device.send(release("9.0.0", LAST, TINY.image, 3))
    assert caught.value.status == Status.ROLLBACK
    assert device.flash.operations == before
    update(device, release("8.0.0", LAST - 1, TINY.image, 3))
    assert device.counter.value == LAST - 1


@pytest.mark.parametrize("edge", [2**8, 2**16, 2**32])
def test_f11_the_boot_log_over_the_edges_of_its_sequence(edge: int) -> None:
    device = started(TINY, updated_terminal(TINY))
    log = device.log
    log._sequence = edge - 40
    states = [BootState(n % 2, log.state.slots) for n in range(80 if edge < 2**32 else 39)]
    for state in states:
        log.write(state)
        assert BootLog(device.flash, TINY.layout).state == state
    if edge == 2**32:
        with pytest.raises(FlashFault):
            log.write(states[0])
        assert BootLog(device.flash, TINY.layout).state == states[-1]


def test_f5_a_full_counter_is_found_before_anything_is_written() -> None:
    """As MCUboot found too late (0eaf6668, fe8f9fc0): room for the counter is looked at before the old content goes."""
    model = dataclasses.replace(TINY, counter_places=8)
    device = factory(model, releases(model).old)
    device.power_on()
    for number in range(1, 6):
        update(device, release(f"1.0.{number}", 7 + number, model.image, 2 + number % 2))
        if device.counter.room < 4:
            break
    before = device.content
    with pytest.raises(Refused) as caught:
        device.send(release("2.0.0", 100, model.image, 4))
    assert caught.value.status == Status.FLASH_FAULT
    assert device.content == before
    device.send(release("2.0.0", device.counter.value, model.image, 4))  # no counter to raise: welcome


def test_a29_a_set_of_components_is_old_or_new() -> None:
    """Of two sets with two components each, every mix is refused at the start; the two pure ones run."""
    size = 4096
    sets = [release(f"1.{n}.0", 7, 2 * size, 10 + n, parts=2) for n in (0, 1)]
    for choice in range(4):
        blocks = tuple(sets[choice >> n & 1].blocks[n] for n in (0, 1))
        device = factory(TINY, dataclasses.replace(sets[choice & 1], blocks=blocks))
        device.power_on()
        assert (device.booted.slot is not None) == (choice in (0, 3)), choice


def test_the_counter_survives_torn_records() -> None:
    cells = bytearray(b"\xff" * 1024)
    counter = Counter(NorFlash(cells, 1024))
    for value in range(1, 30):
        torn = value ^ 0x55
        cells[counter.part.size - 1024 + counter._next * 16] &= torn & 0xFF
        counter = Counter(counter.part)
        counter.advance(value)
        assert Counter(counter.part).value == value


# -- the model of the part ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_layout_fits_every_part(part: Geometry) -> None:
    """Nothing overlaps; everything that is erased on its own consists of whole sectors."""
    needs = Needs(loader=0, trust=2048, journal=2048, boot_log=1024, signed=2048, signatures=512, table=4096)
    found = layout_of(part, needs)
    spans = [*found.boot_log, found.serial, *found.trust, found.journal]
    for slot in found.slots:
        spans += [*slot.heads, slot.payload]
        assert slot.table + slot.max_table <= slot.heads[0].size
        assert slot.marks + slot.payload.size // 4096 * part.unit <= slot.table
    spans.sort()
    for one, after in zip(spans, spans[1:], strict=False):
        assert one.end <= after.address
    assert spans[-1].end <= part.size
    assert all(edge in part.starts for span in spans for edge in (span.address, span.end))
    first, second = found.slots
    shapes = [[part.span(n)[1] for n in part.sectors(slot.payload.address, slot.payload.end)] for slot in (first, second)]
    assert shapes[0] == shapes[1]


def test_the_part_refuses_what_a_real_one_refuses() -> None:
    for part, wrong in ((W25Q128JV, (0, b"\x01", b"\x02")), (STM32L071, (0, b"\x01\0\0\0", b"\x02\0\0\0"))):
        flash = NorFlash(bytearray([part.erased]) * part.size, part.size, geometry=part)
        flash.program(wrong[0], wrong[1])
        with pytest.raises(FlashMisuse):
            flash.program(wrong[0], wrong[2])
    coded = NorFlash(bytearray(b"\xff") * STM32L476.size, STM32L476.size, geometry=STM32L476)
    coded.program(8, bytes(8))
    for address, data in ((8, bytes(8)), (4, bytes(8)), (16, bytes(4))):
        with pytest.raises(FlashMisuse):
            coded.program(address, data)
    with pytest.raises(FlashMisuse):
        NorFlash(bytearray(STM32F407.size), STM32F407.size, geometry=STM32F407).erase(0x10000, 16 * KIB)


def test_erases_take_the_time_of_their_sector() -> None:
    flash = NorFlash(bytearray(STM32F407.size), STM32F407.size, geometry=STM32F407)
    taken = []
    for address in (0, 0x10000, 0x20000):
        before = flash.busy_s
        flash.erase(*STM32F407.span(STM32F407.sector_of(address)))
        taken.append(round(flash.busy_s - before, 3))
    assert taken == [0.25, 0.55, 1.0]


def test_reads_disturb_and_cells_stick() -> None:
    flash = NorFlash(bytearray(b"\xff") * (64 * KIB), 64 * KIB)
    flash.defects.disturb_after = 10
    for _ in range(95):
        flash.read(0, 16)
    assert sum((byte ^ 0xFF).bit_count() for byte in flash.cells[:4096]) == 9
    flash.defects.disturb_after = 0
    flash.defects.stuck[100] = (0x01, 0x80)
    assert flash.read(100, 1)[0] & 0x81 == 0x01
    flash.program(100, b"\0")
    assert flash.read(100, 1) == b"\x01"


def test_a_live_cut_tears_the_operation_under_way() -> None:
    flash = NorFlash(bytearray(b"\xff") * (64 * KIB), 64 * KIB)
    cut_at(flash, 2, Tear(How.PREFIX, 3))
    flash.program(0, b"\x11" * 8)
    with pytest.raises(PowerCut):
        flash.program(8, b"\x22" * 8)
    assert flash.read(0, 16) == b"\x11" * 8 + b"\x22" * 3 + b"\xff" * 5


# -- the document -------------------------------------------------------------------------------------------------------


def test_the_table_is_complete() -> None:
    """No state is a dead end; every action and condition is used, and known to whoever carries it out."""
    for state in State:
        assert any(row.state is state for row in TABLE)
    for state in set(State) - {State.UPDATING} - set(AT_REST):
        events = {row.event for row in TABLE if row.state is state and row.when is When.ALWAYS}
        assert events in ({Event.GO}, {Event.GOOD, Event.BAD}), state
    assert {action for row in TABLE for action in row.do} == set(Do)
    assert {row.when for row in TABLE} == set(When)
    assert set(bootloader.ACTIONS) | set(installer.ACTIONS) == set(Do)
    assert set(bootloader.CONDITIONS) | set(installer.CONDITIONS) | {When.ALWAYS} == set(When)


def test_the_document_shows_the_table() -> None:
    rules = BOOT_MD.read_text(encoding="utf-8").split("## 3. ")[1].split("## 4. ")[0]
    lines = [line for line in rules.splitlines() if re.match(r"\| \d+ \|", line)]
    assert lines == [
        f"| {number} | {row.state.value} | {row.event.value} | {row.when.value if row.when is not When.ALWAYS else ''} "
        f"| {'; '.join(action.value for action in row.do)} | {row.then.value if row.then else 'as before'} |"
        for number, row in enumerate(TABLE, 1)
    ]


def test_the_document_shows_the_layout() -> None:
    text = BOOT_MD.read_text(encoding="utf-8")
    for span in (*DEFAULT.boot_log, DEFAULT.serial, *DEFAULT.trust, DEFAULT.journal):
        assert f"0x{span.address:06x}" in text
    slot: SlotLayout = DEFAULT.slots[0]
    layout: Layout = DEFAULT
    numbers = (slot.marks, slot.table, slot.max_table, slot.heads[0].size, layout.max_signed, layout.max_signatures)
    for number in numbers:
        assert f"0x{number:x}" in text or f"{number:,}" in text, hex(number)
    assert f"0x{CAPACITY:x}".lower() in text.lower()
