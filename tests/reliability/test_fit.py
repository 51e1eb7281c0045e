"""Images that nearly fit, and images that decay."""

from collections.abc import Iterator
from unittest import mock

import pytest

from hwsim import slots
from hwsim.layout import Span
from hwsim.refusal import Refused
from hwsim.slots import SlotStore
from tests.reliability.contents import new_terminal, releases, update, updated_terminal
from tests.reliability.device import Device, Model, remembering
from tests.reliability.models import MIXED, PAGES_2K, QUADS, TINY, ZEROS
from tests.reliability.releases import release
from transports.tsp.messages import Status

BLOCK = 4096


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with mock.patch.object(slots, "judge", remembering(slots.judge)):
        yield


def _touched(device: Device) -> list[Span]:
    """Notes where the part is written to and erased from now on."""
    found: list[Span] = []
    device.flash.watch = lambda operation: found.append(Span(operation.address, operation.size))
    return found


@pytest.mark.parametrize("model", [TINY, MIXED, QUADS, PAGES_2K, ZEROS], ids=lambda model: model.name)
@pytest.mark.parametrize("more", [-BLOCK - 64, -BLOCK, -64, -1, 0, 1, 64, BLOCK])
def test_f10_an_image_fits_with_everything_or_is_refused(model: Model, more: int) -> None:
    """Sizes around what a slot takes: what is installed stays inside it, what is refused has touched nothing."""
    whole = model.layout.capacity // BLOCK * BLOCK
    device = Device.of(model, new_terminal(model))
    device.power_on()
    package = release("1.1.0", 8, whole + more, 3)
    touched = _touched(device)
    if more <= 0:
        device.send(package)
        device.power_on()
        device.confirm()
        target = model.layout.slots[1]
        inside = [*target.heads, target.payload, *model.layout.boot_log, model.layout.journal]
        assert all(any(area.address <= one.address and one.end <= area.end for area in inside) for one in touched)
        assert device.version == package.version
    else:
        with pytest.raises(Refused) as caught:
            device.send(package)
        assert caught.value.status == Status.TOO_LARGE
        assert touched == []


def test_f10_blocks_with_gaps_count_whole() -> None:
    """Four components whose bytes would fit, and whose blocks do not."""
    device = Device.of(TINY, new_terminal(TINY))
    device.power_on()
    package = release("1.1.0", 8, 4 * (BLOCK + 1), 3, parts=4)
    assert sum(len(block) for block in package.blocks) <= TINY.layout.capacity < len(package.blocks) * BLOCK
    touched = _touched(device)
    with pytest.raises(Refused) as caught:
        device.send(package)
    assert caught.value.status == Status.TOO_LARGE
    assert touched == []


def test_f8_no_image_starts_with_a_flipped_bit() -> None:
    """One bit in each byte of package and image in turn: nothing starts, and an update makes it good."""
    content, new = updated_terminal(TINY), releases(TINY).new
    device = Device.of(TINY, content)
    store = SlotStore(device.flash, 1, TINY.layout)
    head = store.heads.current()
    assert head is not None
    spans = [Span(head.span.address, 16 + len(new.signed) + len(new.signatures))]
    spans += [Span(store.block_span(new.manifest, n)[0], len(data)) for n, data in enumerate(new.blocks)]
    for span in spans:
        for at in range(span.address, span.end):
            device = Device.of(TINY, content)
            device.flash.fill(at, bytes([device.flash.cells[at] ^ (1 << at % 8)]))
            device.power_on()
            assert device.booted.slot is None, hex(at)
            if at % 997 == 0:
                update(device, releases(TINY).next)
                assert device.version == releases(TINY).next.version
