"""ST's DfuSe, host side: commands, rights of sectors, and the memory maps of real boards."""

import collections
import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import FormatError, ToolError
from formats.sources import Image, Piece
from hwsim.dfu_device import SimulatedDfu
from hwsim.dfu_memory import Allows, Geometry, Run
from hwsim.dfu_profile import Faults, Profile
from tests.dfu_bench import (
    FLASH,
    ST,
    ST_IMAGE,
    VirtualClock,
    bench,
    update_st,
)
from tests.support import pattern
from transports.dfu.descriptors import Mode
from transports.dfu.dfuse import DfuseSession, memories
from transports.dfu.layout import Group, Right, Sector, parse_layout
from transports.dfu.session import DfuSession
from transports.dfu.status import Request, State
from transports.errors import DeviceRefused

# --- commands ---------------------------------------------------------------------------------------------------------------


class Commands(SimulatedDfu):
    """Remembers the first byte of every command."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.commands: list[bytes] = []

    def control_out(self, request: int, value: int, data: bytes) -> None:
        if request == Request.DNLOAD and value == 0:
            self.commands.append(data)
        super().control_out(request, value, data)


def commanded(profile: Profile = ST, faults: Faults | None = None) -> tuple[Commands, DfuSession]:
    clock = VirtualClock()
    device = Commands(profile, clock, faults or Faults())
    return device, DfuSession(device, clock)


def test_an_update_never_erases_everything_nor_removes_the_protection_unasked() -> None:
    device, session = commanded()
    update_st(session)
    kinds = collections.Counter((data[0], len(data)) for data in device.commands)
    assert set(kinds) == {(0x41, 5), (0x21, 5)}
    assert kinds[0x41, 5] == 6
    session.device.find_again()
    device, session = commanded()
    DfuseSession(session).erase_all()
    assert device.commands == [b"\x41"]
    assert bytes(device.loader.memory.cells) == b"\xff" * FLASH.size


def test_commands_as_they_stand_in_an3156() -> None:
    device, session = commanded()
    memory = DfuseSession(session)
    memory.set_address(0x08001000)
    memory.write(memory.plan(Image((Piece(0x08001000, 4, data=b"abcd"),)), None))
    assert device.commands == [
        bytes.fromhex("21 00100008"), bytes.fromhex("41 00100008"), bytes.fromhex("21 00100008"),
    ]  # fmt: skip


def test_a_read_protected_device_says_so_and_is_unprotected_only_on_request() -> None:
    device, session = commanded()
    device.loader.memory.cells[:] = pattern(FLASH.size)
    device.loader.protected = True
    memory = DfuseSession(session)
    plan = memory.plan(ST_IMAGE, None)
    for act in (lambda: memory.write(plan), lambda: memory.verify(plan)):
        with pytest.raises(DeviceRefused, match="read protection is on") as caught:
            act()
        assert (caught.value.exit_code, "erases the whole device" in caught.value.hint) == (7, True)
    assert bytes(device.loader.memory.cells) == pattern(FLASH.size)
    assert memory.read_unprotect() is Mode.DFU
    assert device.commands[-1] == b"\x92"
    assert bytes(device.loader.memory.cells) == b"\xff" * FLASH.size
    assert update_st(DfuSession(device, device.clock))


def test_an_image_for_other_addresses_is_refused_before_anything_is_sent() -> None:
    device, session = commanded()
    memory = DfuseSession(session)
    sent = len(device.requests)
    for address, size in ((0x07FFFFFF, 2), (0x08007FFF, 2), (0x20000000, 16), (0x1FFFC000, 16), (0xFFFFFFFF, 1)):
        with pytest.raises(ToolError, match="cannot be written there") as caught:
            memory.plan(Image((Piece(address, size, data=bytes(size)),)), None)
        assert (caught.value.name, caught.value.exit_code) == ("wrong_hardware", 6)
        assert "0x08000000 to 0x08000fff" in caught.value.hint
    assert len(device.requests) == sent


def test_rights_of_sectors_are_kept() -> None:
    geometry = Geometry("Flash", 0x08000000, (Run(1, 1024, Allows.READ), Run(1, 1024), Run(1, 1024, Allows.WRITE | Allows.READ)))
    device, session = commanded(dataclasses.replace(ST, memories=(geometry,)))
    memory = DfuseSession(session)
    with pytest.raises(ToolError):
        memory.plan(Image((Piece(0x080003FF, 2, data=b"ab"),)), None)
    plan = memory.plan(Image((Piece(0x080007FF, 2, data=b"ab"),)), None)
    assert plan.sectors == (Sector(0x08000400, 1024),)
    memory.write(plan)
    memory.verify(plan)
    assert bytes(device.loader.memory.cells[0x7FF:0x801]) == b"ab"
    assert b"".join(memory.read(0x08000000, 100)) == b"\xff" * 100
    with pytest.raises(ToolError, match="cannot be read"):
        list(memory.read(0x08000000, 4096))


def test_a_read_that_ends_early_is_a_difference() -> None:
    made = bench(ST, Faults(upload_ends=1000))
    with pytest.raises(ToolError, match="only 1000 of") as caught:
        update_st(made.session)
    assert caught.value.exit_code == 10
    made.device.requests.clear()
    assert b"".join(DfuseSession(made.session).read(0x08000000, 5000)) == bytes(made.cells[:1000])
    assert made.device.requests.count(Request.UPLOAD) == 2
    assert made.device.state is State.IDLE


def test_option_bytes_are_another_alternate_setting() -> None:
    made = bench(ST)
    memory = DfuseSession(made.session, 1)
    plan = memory.plan(Image((Piece(0x1FFFC000, 16, data=bytes(range(16))),)), None)
    assert plan.sectors == ()
    memory.write(plan)
    memory.verify(plan)
    assert bytes(made.device.loader.memories[1].cells) == bytes(range(16))
    assert [layout.name for _, layout in memories(made.session.device.info.alternates)] == ["Internal Flash", "Option Bytes"]


def test_leaving_without_a_word_counts_as_leaving() -> None:
    assert DfuseSession(bench(ST, Faults(leaves_early=True)).session).leave(0x08000000)


def test_too_many_sectors_are_not_planned() -> None:
    made = bench(dataclasses.replace(ST, memories=(Geometry("Tiny", 0, (Run(40_000, 1), Run(40_000, 1))),)))
    memory = DfuseSession(made.session)
    with pytest.raises(FormatError, match="more than 65536 sectors"):
        memory.plan(Image((Piece(0, 80_000, data=bytes(80_000)),)), None)


# --- memory maps ------------------------------------------------------------------------------------------------------------


KIB = 1024
MAPS = {
    # NumWorks N0100 (STM32F412), micropython wiki (pyboard, STM32F405): `dfu-util --list`
    "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg": (12, 1024 * KIB, 7),
    "@Option Bytes  /0x1FFFC000/01*016 e": (1, 16, 5),
    "@OTP Memory /0x1FFF7800/01*512 e,01*016 e": (2, 528, 5),
    "@Device Feature/0xFFFF0000/01*004 e": (1, 4, 5),
    # betaflight-configurator, stm32usbdfu: F303, F72x, F74x, G474 option bytes in two banks, H750 (SPRacing)
    "@Internal Flash  /0x08000000/128*0002Kg": (128, 256 * KIB, 7),
    "@Internal Flash  /0x08000000/04*016Kg,01*64Kg,03*128Kg": (8, 512 * KIB, 7),
    "@Internal Flash  /0x08000000/04*032Kg,01*128Kg,03*256Kg": (8, 1024 * KIB, 7),
    "@Option Bytes   /0x1FFF7800/01*048 e/0x1FFFF800/01*048 e": (2, 96, 5),
    "@External Flash /0x90000000/1001*128Kg,3*128Kg,20*128Ka": (1024, 1024 * 128 * KIB, None),
    # o-murphy/pydfuutil issue 15 (STM32H7B3)
    "@Internal Flash   /0x08000000/256*08Kg": (256, 2048 * KIB, 7),
    "@Option Bytes   /0x5200201C/01*297 e": (1, 297, 5),
    "@OTP Memory   /0x08FFF000/01*1024 e": (1, 1024, 5),
    # Inertial Sense SDK (STM32L4)
    "@Internal Flash  /0x08000000/0256*0002Kg": (256, 512 * KIB, 7),
    "@OTP Memory /0x1FFF7000/01*0001Ke": (1, 1024, 5),
    # aw/fiveforths issue 20 (GD32VF103; it has 128 KiB in truth)
    "@Internal Flash  /0x08000000/512*002Kg": (512, 1024 * KIB, 7),
    "@Option Bytes  /0x1FFFF800/01*016 g": (1, 16, 7),
    # Spark Core: a boot loader that cannot be written, and a second memory
    "@Internal Flash  /0x08000000/20*001Ka,108*001Kg": (128, 128 * KIB, None),
    "@SPI Flash : SST25x/0x00000000/512*04Kg": (512, 2048 * KIB, 7),
    # STMicroelectronics/STM32PRG-TOOLBOX-DFU issue 2 (STM32MP1)
    "@PMIC/0xf4/1*8Be": (1, 8, 5),
    "@virtual/0xf1/1*512Be": (1, 512, 5),
    "@FlashLayout/0x00/1*256Ke": (1, 256 * KIB, 5),
    # fwupd, commit on MATEKF722SE: a sector size without a unit
    "@OTP Memory /0x1FF07800/01*528e": (1, 528, 5),
    # BIGTREETECH-OCTOPUS-Pro issue 42 (STM32F429): rubbish behind the map
    "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg챐ƨ⹔뺿䭼뛮컸": (12, 1024 * KIB, 7),
}


@pytest.mark.parametrize("text", MAPS)
def test_memory_maps_of_real_boards(text: str) -> None:
    sectors, size, rights = MAPS[text]
    layout = parse_layout(text)
    assert sum(group.sectors for group in layout.groups) == sectors
    assert sum(group.end - group.address for group in layout.groups) == size
    if rights is not None:
        assert {int(group.rights) for group in layout.groups} == {rights}
    assert layout.name == text[1 : text.index("/")].strip()


def test_sectors_of_a_real_map() -> None:
    """Addresses as in NumWorks' epsilon, ion/src/device/n0100, internal_flash.h."""
    layout = parse_layout("@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg")
    starts = [
        0x08000000, 0x08004000, 0x08008000, 0x0800C000, 0x08010000, 0x08020000,
        0x08040000, 0x08060000, 0x08080000, 0x080A0000, 0x080C0000, 0x080E0000,
    ]  # fmt: skip
    assert [sector.address for sector in layout.sectors(0, 1 << 32, Right.ERASE)] == starts
    assert list(layout.sectors(0x0800FFFF, 0x08010001, Right.ERASE)) == [Sector(0x0800C000, 0x4000), Sector(0x08010000, 0x10000)]
    assert list(layout.sectors(0x08100000, 0x08100001, Right.ERASE)) == []
    assert layout.covers(0x08000000, 0x08100000, Right.WRITE)
    assert not layout.covers(0x08000000, 0x08100001, Right.WRITE)
    descending = parse_layout("@F/0x10000/1*1Kg/0x0/2*512 g")
    assert [group.address for group in descending.groups] == [0, 0x10000]
    assert parse_layout("@F/0x400/1*1Kg/0x0/2*512 g").covers(0, 0x800, Right.WRITE)
    two = parse_layout("@Option Bytes   /0x1FFF7800/01*048 e/0x1FFFF800/01*048 e")
    assert two.groups == (Group(0x1FFF7800, 1, 48, Right(5)), Group(0x1FFFF800, 1, 48, Right(5)))
    assert not two.covers(0x1FFF7800, 0x1FFFF830, Right.READ)


RUNS = st.builds(
    Run,
    st.integers(1, 99),
    st.sampled_from([1, 16, 512, 999, 1024, 16384, 131072]),
    st.sampled_from([Allows(bits) for bits in range(1, 8)]),
)


@given(st.integers(0, 1 << 20), st.lists(RUNS, min_size=1, max_size=8))
def test_a_map_that_a_device_makes_is_read_back(address: int, runs: list[Run]) -> None:
    layout = parse_layout(Geometry("Internal Flash", address, tuple(runs)).map_text())
    assert [(group.sectors, group.sector_size, int(group.rights)) for group in layout.groups] == [
        (run.count, run.size, int(run.allows)) for run in runs
    ]
    assert layout.groups[0].address == address


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "Firmware", "@Flash", "@Flash/", "@Flash/0x08000000", "@Flash/0x08000000/", "@Flash/08000000/1*1Kg",
        "@Flash/0x/1*1Kg", "@Flash/0x123456789/1*1Kg", "@Flash/0x0/0*1Kg", "@Flash/0x0/1*0Kg", "@Flash/0x0/1*1Kh", "@F/0x0/1*1Gg",
        "@F/0xFFFFFFFF/1*2 g", "@F/0x0/99999*99999Mg", "@F/0x0/1*1Kg,", "@F/0x0/1*1Kg/0x0/1*1Kg", "@F/0x100/1*1Kg/0x0/1*1Kg",
        "@F/0x0/1*1Kg/0x10000", "@F/0x0/-1*1Kg", "@F/0x0/1*1Kg,,1*1Kg", "@F/0x0/100000*1 g", "@" + "F" * 300 + "/0x0/1*1Kg",
        "@F/0x0/" + ",".join(["1*1g"] * 60), "@F/0x0/" + "/".join(["1*1 g"] * 3),
    ],
)  # fmt: skip
def test_what_is_no_memory_map_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_layout(text)


@given(st.text(max_size=300) | st.text(alphabet="@/0x,*Kg1 ae9MB", max_size=60).map(lambda tail: "@F/0x0/1*1Kg" + tail))
def test_any_name_of_a_memory_is_a_map_or_a_format_error(text: str) -> None:
    try:
        layout = parse_layout(text)
    except FormatError:
        return
    assert layout.groups[-1].end <= 1 << 32
    assert all(one.end <= other.address for one, other in itertools.pairwise(layout.groups))
