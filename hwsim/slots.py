"""A firmware slot in flash: what is stored there, and whether it may be started."""

import contextlib
import dataclasses
import hashlib
from typing import NamedTuple

from formats import permit
from formats.errors import FormatError, ToolError
from formats.fwp import rules
from formats.fwp import table as block_table
from formats.fwp.blocks import coder_for
from formats.fwp.coding import Coder
from formats.fwp.header import ROOT_SIZE, SIZE, Header
from formats.fwp.manifest import Component, Manifest
from formats.fwp.table import DIGEST_SIZE
from formats.fwp.wrapping import GroupKey, unwrap
from formats.signing import SignatureBlock
from formats.trust import Trust
from formats.versions import Version
from hwsim.bootstate import BootLog, BootState
from hwsim.counter import LAST
from hwsim.flash import PAGE, NorFlash
from hwsim.heads import Heads
from hwsim.layout import DEFAULT, Layout, Span
from hwsim.refusal import FlashFault, Refused
from transports.tsp.messages import SlotState, Status


class Identity(NamedTuple):
    """What does not change in a terminal's life."""

    vendor: str
    model: str
    revision: int
    serial_number: str
    group_keys: tuple[GroupKey, ...] = ()
    """What it opens encrypted packages with."""


DEFAULT_IDENTITY = Identity("Acme", "VT-100", 3, "SIM-0001")


@dataclasses.dataclass(frozen=True)
class Offered:
    """A package after its signature has been checked and its manifest read."""

    header: Header
    manifest: Manifest
    signed: bytes
    signatures: bytes
    content_key: bytes | None = dataclasses.field(default=None, repr=False)
    """Opens its blocks, if it is encrypted."""
    _coders: dict[int, Coder] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.signed).digest()

    @property
    def root(self) -> bytes:
        return self.signed[-ROOT_SIZE:]

    def digest_of(self, index: int, installed: bytes) -> bytes:
        """What the table must say of a block with these bytes."""
        return self.coder(index).digest(installed)

    def installed(self, index: int, stored: bytes) -> bytes:
        """The installed bytes of a block as it was sent.

        Raises:
            FormatError: it gives something else.
        """
        return self.coder(index).install(index, stored, self.manifest.installed_length(index))

    def coder(self, index: int) -> Coder:
        component = self.manifest.component_of(index)
        coder = self._coders.get(component.first_block)
        if coder is None:
            coder = coder_for(self.manifest, component, self.content_key)
            assert coder is not None  # `judge` lets no package pass that cannot be decrypted
            self._coders[component.first_block] = coder
        return coder


def judge(
    signed: bytes,
    signatures: bytes,
    trust: Trust | None,
    identity: Identity,
    counter: int,
    running: Version | None,
    layout: Layout = DEFAULT,
) -> Offered:
    """The terminal's own rules, in order: form, signature, then everything that the signature vouches for. Of a package below
    the counter that brings a permit, the permit remains to be judged once its blocks are there (`hwsim.permits`).

    Args:
        running: Version that would be updated from; None at start, where it does not matter.
        layout: What there is room for.

    Raises:
        Refused: with the status that names the rule.
    """
    if trust is None:
        raise Refused(Status.BAD_SIGNATURE, "no trust is provisioned")
    try:
        header = Header.parse(signed[:SIZE], None)
        if header.signed_size != len(signed):
            raise FormatError("the signed region has another size than its header says")
        trust.require("package", hashlib.sha256(signed).digest(), SignatureBlock.parse(signatures))
        manifest = rules.read(
            signed[SIZE:-ROOT_SIZE], table_size=header.table_size, payload_size=header.payload_size, offset=SIZE
        )
    except FormatError as error:
        raise Refused(Status.DAMAGED_PACKAGE, error.message) from error
    except ToolError as error:
        raise Refused(Status.BAD_SIGNATURE, error.message) from error
    if not manifest.hardware.fits(identity.model, identity.revision):
        raise Refused(
            Status.WRONG_HARDWARE,
            f"it is for {manifest.hardware}, this is {identity.model} revision {identity.revision}",
        )
    if manifest.security_counter < counter and not permit.is_brought(manifest):
        raise Refused(Status.ROLLBACK, f"its security counter {manifest.security_counter} is below {counter}")
    if manifest.security_counter == LAST:
        raise Refused(Status.ROLLBACK, f"its security counter {LAST} could never be followed by another release")
    if running is not None and running < manifest.minimum_version:
        raise Refused(Status.VERSION_TOO_OLD, f"it needs {manifest.minimum_version} installed first, this is {running}")
    _fit(header, manifest, signatures, layout)
    return Offered(header, manifest, signed, signatures, _content_key(manifest, identity))


def _fit(header: Header, manifest: Manifest, signatures: bytes, layout: Layout) -> None:
    """Whether there is room for everything. Raises Refused."""
    sizes = (
        ("blocks", manifest.block_count * manifest.block_size, layout.capacity),
        ("table", header.table_size, layout.slots[0].max_table),
        ("signed region", header.signed_size, layout.max_signed),
        ("signature block", len(signatures), layout.max_signatures),
    )
    for what, size, most in sizes:
        if size > most:
            raise Refused(Status.TOO_LARGE, f"its {what} of {size} bytes do not fit, a slot takes {most}")


def _content_key(manifest: Manifest, identity: Identity) -> bytes | None:
    if not manifest.recipients:
        return None
    try:
        key = unwrap(manifest.recipients, identity.group_keys)
    except FormatError as error:
        raise Refused(Status.DAMAGED_PACKAGE, error.message) from error
    if key is None:
        raise Refused(Status.NO_KEY, "it is encrypted for other devices")
    return key


class SlotStore:
    """One slot: its heads, and the payload, block n at n times the block size."""

    def __init__(self, flash: NorFlash, index: int, layout: Layout = DEFAULT) -> None:
        self._flash, self._layout = flash, layout
        self._slot = layout.slots[index]
        self._base = self._slot.payload.address
        self.heads = Heads(flash, self._slot, (layout.max_signed, layout.max_signatures))
        self.index = index

    def metadata(self) -> tuple[bytes, bytes] | None:
        """Signed region and signature block as they stand there; None if there are none."""
        return self.heads.package()

    def spare_is_clean(self, state: BootState) -> bool:
        """Whether the spare head needs no erase. Without a head that counts nobody can say which one is the spare."""
        if not state.spare_clean[self.index] or state.slots[self.index].state is SlotState.EMPTY:
            return state.spare_clean[self.index]
        return len(self._slot.heads) > 1 and self.heads.current() is not None

    def tidy(self, log: BootLog) -> bool:
        """Erase the spare head, so that the next update need not, and note that it is done; False if it was."""
        if log.state.spare_clean[self.index] or len(self._slot.heads) == 1:
            return False
        self.heads.erase_spare()
        log.write(log.state.with_spare(self.index, clean=True))
        return True

    def table(self, manifest: Manifest, root: bytes) -> block_table.Table:
        """The stored table, checked as it is read. Raises FormatError if its index does not fit."""
        base = self.heads.table_base()
        return block_table.Table(lambda offset, size: self._flash.read(base + offset, size), manifest.table_shape, root)

    # -- payload ----------------------------------------------------------------------------------------------------

    def block_span(self, manifest: Manifest, index: int, component: Component | None = None) -> tuple[int, int]:
        """Address and size of a block. Components start at block borders."""
        owner, size = component or manifest.component_of(index), manifest.block_size
        return self._base + index * size, min(size, owner.installed_size - (index - owner.first_block) * size)

    def read_block(self, manifest: Manifest, index: int, component: Component | None = None) -> bytes:
        return self._flash.read(*self.block_span(manifest, index, component))

    def program_block(self, manifest: Manifest, index: int, data: bytes) -> None:
        """Program a block, but for pages that are to stay erased."""
        address, _ = self.block_span(manifest, index)
        step, erased = max(PAGE, self._flash.geometry.page), self._flash.erased
        for at in range(0, len(data), step):
            page = data[at : at + step]
            if page.count(erased) != len(page):
                self._flash.program(address + at, self._flash.padded(page))

    def units(self, manifest: Manifest) -> list[Span]:
        """What the image covers, in the steps in which it is erased: blocks of the part, or else its sectors."""
        geometry, last = self._flash.geometry, manifest.block_count * manifest.block_size
        step = geometry.block or geometry.span(geometry.sector_of(self._base))[1]
        return [Span(self._base + at, step) for at in range(0, last, step)]

    def sectors(self, first: int, last: int) -> list[Span]:
        """The sectors between two addresses."""
        geometry = self._flash.geometry
        return [Span(*geometry.span(number)) for number in geometry.sectors(first, last)]

    def erase(self, span: Span) -> None:
        self._flash.erase_span(*span)

    def blank(self, span: Span) -> bool:
        return self._flash.blank(*span)

    def keeps_neighbours(self, block_size: int) -> bool:
        """Whether a block can be erased without its neighbours."""
        return self._flash.geometry.largest <= block_size

    # -- what is there ----------------------------------------------------------------------------------------------

    def held(self, offered: Offered) -> int:
        """How many blocks from the start are there and right: read, hashed, compared; nothing is believed."""
        good = 0
        with contextlib.suppress(FormatError, FlashFault):  # the table itself is there only so far
            table = self.table(offered.manifest, offered.root)
            for component, count in offered.manifest.block_lengths():
                digest_of = offered.coder(component.first_block).digest
                for digest in table.digests(component.first_block, component.first_block + count):
                    if digest_of(self.read_block(offered.manifest, good, component)) != digest:
                        return good
                    good += 1
        return good

    def resumable(self, offered: Offered) -> int | None:
        """How many blocks from the start an interrupted update need not write again; None: it must begin anew.

        Blocks count that are marked as done and still right. Anew means with another head: because a part of the table is
        torn, or because a block that is marked has decayed, so that its mark would lie once it is erased.
        """
        if not self._table_untorn(offered):
            return None
        count = offered.manifest.block_count
        marks = self.heads.marks(count)
        done = marks.index(False) if False in marks else count
        if any(marks[done:]) or self.held(offered) < done:
            return None
        while done < count and not self._starts_sector(self._base + done * offered.manifest.block_size):
            done -= 1  # its sector must be erased for the block behind it
        return done

    def _starts_sector(self, address: int) -> bool:
        geometry = self._flash.geometry
        return geometry.span(geometry.sector_of(address))[0] == address

    def _table_untorn(self, offered: Offered) -> bool:
        """Whether each part of the table is right or blank. A blank part may have been begun, which an error-correcting code
        does not forgive: there, all must be right."""
        base, shape = self.heads.table_base(), offered.manifest.table_shape
        index = self._flash.read(base, shape.index_size)
        may_lack = self._flash.geometry.again
        if block_table.root_of(index) != offered.root:
            return may_lack and self._flash.blank(base, shape.size)
        for number in range(shape.page_count):
            at, size = shape.page_span(number)
            digest = hashlib.sha256(self._flash.read(base + at, size)).digest()
            right = digest == index[number * DIGEST_SIZE : (number + 1) * DIGEST_SIZE]
            if not right and not (may_lack and self._flash.blank(base + at, size)):
                return False
        return True

    def check_start(self, trust: Trust | None, identity: Identity, counter: int) -> Offered:
        """What a start needs: signature, rules, and every single block; and a permit, which is the caller's to judge.

        Raises:
            Refused: it must not start.
        """
        stored = self.metadata()
        if stored is None:
            raise Refused(Status.DAMAGED_PACKAGE, "there is no package in the slot")
        offered = judge(*stored, trust, identity, counter, None, self._layout)
        if self.held(offered) != offered.manifest.block_count:
            raise Refused(Status.BAD_BLOCK, "a block of the stored image is damaged")
        return offered
