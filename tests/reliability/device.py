"""A terminal reduced to what survives a power cut and what decides after it: no line, no clock, no printer."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from formats.versions import Version
from hwsim import slots
from hwsim.bootloader import Booted, Loader
from hwsim.bootstate import BootLog, BootState, SlotMark
from hwsim.counter import Counter
from hwsim.flash import Cells, NorFlash
from hwsim.geometry import Geometry, Run
from hwsim.installer import Installer
from hwsim.journal import DeviceJournal
from hwsim.layout import Layout, Needs, layout_of
from hwsim.refusal import Refused
from hwsim.slots import DEFAULT_IDENTITY, Offered, SlotStore
from hwsim.stock import Stock
from hwsim.transitions import Event, State
from hwsim.trust_store import TrustStore
from tests.reliability.releases import TRUST, Release
from transports.tsp.messages import Encoding, SlotState, Status


@dataclasses.dataclass(frozen=True)
class Model:
    """One kind of terminal."""

    name: str
    geometry: Geometry
    image: int
    """Bytes of the releases it gets."""
    slots: int = 2
    trial_starts: int = 1
    counter_places: int = 64

    @functools.cached_property
    def layout(self) -> Layout:
        needs = Needs(loader=0, boot_log=1024, trust=1024, journal=2048, signed=1024, signatures=256, table=1024)
        return layout_of(self.geometry, needs._replace(slots=self.slots))

    @functools.cached_property
    def one_way(self) -> Geometry:
        """The cells of the counter: as those of the part."""
        size = self.counter_places * max(16, self.geometry.unit)
        return dataclasses.replace(self.geometry, name="one-way", runs=(Run(1, size),), block=0)

    def blank(self) -> tuple[bytearray, bytearray]:
        erased = bytes([self.geometry.erased])
        return bytearray(erased * self.geometry.size), bytearray(erased * self.one_way.size)


class Content(NamedTuple):
    """What is in a terminal without power."""

    flash: bytes
    counter: bytes


_judged: dict[Any, Any] = {}


def remembering(judge: Callable[..., Offered]) -> Callable[..., Offered]:
    """A rule of bytes and numbers alone gives the same answer every time; asking it once is what makes thousands of cuts in
    a second possible."""

    def asked(signed: bytes, signatures: bytes, trust: Any, identity: Any, counter: int, running: Any, layout: Any) -> Offered:
        key = signed, signatures, trust and trust.raw, counter, running, id(layout), id(judge)
        found = _judged.get(key)
        if found is None:
            try:
                found = judge(signed, signatures, trust, identity, counter, running, layout)
            except Refused as refused:
                found = refused
            if len(_judged) > 10_000:
                _judged.clear()
            _judged[key] = found
        if isinstance(found, Refused):
            raise Refused(found.status, found.reason)
        return found  # type: ignore[no-any-return]

    return asked


class Device:
    """One terminal. `power_on` first."""

    def __init__(self, model: Model, flash: Cells, counter: Cells) -> None:
        self.model = model
        self.flash = NorFlash(flash, model.geometry.size, geometry=model.geometry)
        self.one_way = NorFlash(counter, model.one_way.size, geometry=model.one_way)
        self.parts = (self.flash, self.one_way)
        self.time = 0

    @classmethod
    def of(cls, model: Model, content: Content) -> "Device":
        return cls(model, bytearray(content.flash), bytearray(content.counter))

    @property
    def content(self) -> Content:
        return Content(bytes(self.flash.cells), bytes(self.one_way.cells))

    def clone(self) -> "Device":
        """Another one with the same content, weak cells and spoilt units; switched off."""
        twin = Device(self.model, bytearray(self.flash.cells), bytearray(self.one_way.cells))
        for own, other in zip(self.parts, twin.parts, strict=True):
            other.defects.loose, other.defects.spoilt = dict(own.defects.loose), set(own.defects.spoilt)
        return twin

    def power_on(self) -> Booted:
        self.counter = Counter(self.one_way)
        self.log = BootLog(self.flash, self.model.layout)
        self.trusts = TrustStore(self.flash, self.model.layout)
        self.journal = DeviceJournal(self.flash, self.model.layout)
        self.booted = self.loader().boot()
        for event, detail in self.booted.events:
            self.note(event, detail)
        return self.booted

    def loader(self) -> Loader:
        return Loader(self.flash, self.log, self.counter, self.trusts, DEFAULT_IDENTITY, self.model.layout)

    def note(self, event: str, detail: str = "") -> None:
        self.time += 1
        self.journal.add(self.time, event, detail)

    @property
    def version(self) -> Version | None:
        return self.booted.offered.manifest.version if self.booted.offered else None

    @property
    def target(self) -> int:
        if self.model.slots == 1:
            return 0
        running = self.booted.slot
        return 1 - (self.log.state.active if running is None else running)

    # -- commands ---------------------------------------------------------------------------------------------------

    def send(self, release: Release, *, resume: bool = True, stop: int | None = None) -> None:
        """A whole update; with `stop`, only so many blocks, and the line goes dead."""
        layout = self.model.layout
        offered = slots.judge(
            release.signed, release.signatures, self.trusts.current, DEFAULT_IDENTITY, self.counter.value, self.version, layout
        )
        if self.booted.trial:
            raise Refused(Status.WRONG_STATE, "on trial")
        installer = Installer(
            self.flash, self.log, self.target, offered, self._stock(offered), lambda first, blocks: None, counter=self.counter,
            trusts=self.trusts, identity=DEFAULT_IDENTITY, state=self.booted.state, layout=layout,
            trial_starts=self.model.trial_starts,
        )  # fmt: skip
        held = installer.begin(resume=resume)
        self.note("update_begun", f"{release.version}, {held} held")
        self._work(installer)
        installer.take_table(0, release.index)
        for number, page in enumerate(release.pages):
            installer.take_table(offered.manifest.table_shape.page_span(number)[0], page)
        self._work(installer)
        for index in range(held, len(release.blocks)):
            if stop is not None and index >= stop:
                return
            installer.take_block(index, Encoding.RAW, release.blocks[index], lambda: None)
            self._work(installer)
        installer.finish()
        if installer.permit:
            self.note("downgrade_permitted", installer.permit.record.reason)
        self.note("update_received", str(release.version))

    def _work(self, installer: Installer) -> None:
        """Do what waits, then a little ahead."""
        while installer.jobs:
            job = installer.jobs.popleft()
            job.run()
            job.done()
        ahead = installer.ahead()
        if ahead:
            ahead.run()

    def _stock(self, offered: Offered) -> Stock:
        layout = self.model.layout
        store = SlotStore(self.flash, self.target, layout)
        stored, target, running = store.metadata(), None, None
        if stored:
            try:
                target = store, slots.judge(*stored, self.trusts.current, DEFAULT_IDENTITY, 0, None, layout)
            except Refused:
                target = None
        if self.booted.slot is not None and self.booted.offered:
            running = SlotStore(self.flash, self.booted.slot, layout), self.booted.offered
        return Stock(offered.manifest.block_size, target, running, self.flash.erased)

    def confirm(self) -> None:
        loader = self.loader()
        loader.command(Event.CONFIRM, self.booted)
        for event, detail in loader.events:
            self.note(event, detail)
        self.booted = self.booted._replace(trial=False)
        self.note("confirmed", f"counter {self.counter.value}")

    def revert(self) -> None:
        assert self.loader().command(Event.REVERT, self.booted) is State.RESET
        self.note("revert_asked")

    def tidy(self) -> None:
        for index in range(self.model.slots):
            SlotStore(self.flash, index, self.model.layout).tidy(self.log)


def factory(model: Model, release: Release) -> Device:
    """A terminal as the factory leaves it: the release in slot 0, confirmed."""
    device = Device(model, *model.blank())
    device.counter, device.log = Counter(device.one_way), BootLog(device.flash, model.layout)
    TrustStore(device.flash, model.layout).write(TRUST)
    store = SlotStore(device.flash, 0, model.layout)
    store.heads.write(release.signed, release.signatures)
    store.heads.write_table(0, release.index)
    for number, page in enumerate(release.pages):
        store.heads.write_table(release.manifest.table_shape.page_span(number)[0], page)
    for index, data in enumerate(release.blocks):
        store.program_block(release.manifest, index, data)
    store.heads.mark(range(len(release.blocks)))
    device.log.write(BootState(0, (SlotMark(SlotState.CONFIRMED), SlotMark(SlotState.EMPTY))).with_spare(0, clean=True))
    device.counter.advance(release.counter)
    return device
