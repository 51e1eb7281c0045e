"""USB DFU, host side, against a simulated device: whole updates, pauses, faults, sizes of blocks."""

import dataclasses
import itertools
from typing import Any, NamedTuple

import pytest

from formats.errors import ToolError
from hwsim.dfu_device import SimulatedDfu
from hwsim.dfu_memory import Geometry, Run
from hwsim.dfu_profile import CAN_DOWNLOAD, CAN_UPLOAD, TOLERANT, WILL_DETACH, Faults, Profile
from tests.dfu_bench import (
    FLASH,
    IMAGE,
    PLAIN,
    ST,
    ST_CELLS,
    ST_IMAGE,
    STUBBORN,
    Bench,
    VirtualClock,
    bench,
    flat,
    in_dfu_mode,
    update,
    update_st,
)
from tests.support import pattern
from transports.dfu import conversation
from transports.dfu.descriptors import Mode
from transports.dfu.device import DfuInfo, Stalled
from transports.dfu.dfuse import DfuseSession
from transports.dfu.session import DfuSession
from transports.dfu.status import STATUSES, Request, State, Status
from transports.errors import DeviceRefused, LinkError, LinkLost

# --- whole updates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attributes", [bits | CAN_DOWNLOAD | CAN_UPLOAD for bits in (0, TOLERANT, WILL_DETACH, 12)])
def test_a_device_is_updated_and_runs_again(attributes: int) -> None:
    made = bench(Profile(attributes=attributes))
    assert made.device.info.mode is Mode.RUN_TIME
    assert update(made.session) is Mode.RUN_TIME
    assert made.cells[: len(IMAGE)] == IMAGE
    assert made.device.loader.firmware_good
    assert made.device.early_polls == 0
    assert made.session.identities == (PLAIN.run_time, PLAIN.dfu)


def test_a_dfuse_device_is_updated_and_leaves() -> None:
    made = bench(ST)
    assert update_st(made.session)
    assert made.cells == ST_CELLS
    assert made.device.loader.memory.erased == [0x08000000, 0x08000400, 0x08000800, 0x08000C00, 0x08001000, 0x08002000]
    assert made.device.early_polls == 0
    made.clock.sleep(ST.away_s)
    assert made.device.find_again()
    assert made.device.info.mode is Mode.RUN_TIME


def test_progress_counts_bytes_of_each_phase() -> None:
    told: list[tuple[str, int, int]] = []
    made = in_dfu_mode()
    made.session.download(flat(IMAGE), None, lambda *event: told.append(event))
    made.session.manifest()
    made.session.verify(flat(IMAGE), lambda *event: told.append(event))
    blocks = [min(256 * (n + 1), len(IMAGE)) for n in range(21)]
    assert told == [(phase, done, len(IMAGE)) for phase in ("write", "verify") for done in blocks]

    told.clear()
    memory = DfuseSession(bench(ST).session)
    plan = memory.plan(ST_IMAGE, None)
    assert (plan.written, plan.erased) == (len(IMAGE) + 600, 4 * 1024 + 4096 + 8192)
    memory.write(plan, lambda *event: told.append(event))
    memory.verify(plan, lambda *event: told.append(event))
    ends = {phase: (done, total) for phase, done, total in told}
    assert ends == {"erase": (plan.erased,) * 2, "write": (plan.written,) * 2, "verify": (plan.written,) * 2}
    assert all(done <= total for _, done, total in told)


def test_every_alternate_setting_is_written_on_its_own() -> None:
    geometries = tuple(Geometry(name, 0, (Run(4, 1024),)) for name in ("Firmware", "Fonts", "Keys"))
    made = in_dfu_mode(Profile(memories=geometries))
    assert [one.name for one in made.session.device.info.alternates] == ["Firmware", "Fonts", "Keys"]
    for number in range(3):
        assert made.session.select(number).name == geometries[number].name
        made.session.download(flat(bytes([number]) * 700), None)
        assert made.session.manifest()
    assert [bytes(one.cells) for one in made.device.loader.memories] == [
        bytes([n]) * 700 + b"\xff" * (4096 - 700) for n in range(3)
    ]  # fmt: skip
    with pytest.raises(ToolError, match="no alternate setting 3") as caught:
        made.session.select(3)
    assert (caught.value.name, "2 'Keys'" in caught.value.hint) == ("usage", True)


def test_block_numbers_go_on_from_zero_after_65535() -> None:
    """DFU 1.1, 6.1.1. The device stalls a block that is out of order."""
    data = pattern(0x10000 + 3, seed=4)
    size = Geometry("Firmware", 0, (Run(1, 0x10400),))
    made = in_dfu_mode(Profile(transfer_size=1, memories=(size,), block_s=0.0, erase_s=0.0))
    made.session.download(flat(data), None)
    assert made.session.manifest()
    made.session.verify(flat(data))
    assert made.cells[: len(data)] == data


def test_a_device_that_detaches_itself_is_not_reset() -> None:
    made = bench(Profile(attributes=CAN_DOWNLOAD | CAN_UPLOAD | WILL_DETACH))
    made.device.reset = lambda: pytest.fail("reset")  # type: ignore[method-assign]
    made.session.enter_dfu_mode()
    assert made.device.info.mode is Mode.DFU


def test_a_boot_loader_that_calls_itself_run_time_is_not_detached() -> None:
    """NXP's LPC boot loader has bInterfaceProtocol 1 in DFU mode; its state tells."""

    class Lpc(SimulatedDfu):
        @property
        def info(self) -> DfuInfo:
            return super().info._replace(mode=Mode.RUN_TIME)

    clock = VirtualClock()
    device = Lpc(dataclasses.replace(PLAIN, boot_pin=True), clock)
    session = DfuSession(device, clock)
    session.enter_dfu_mode()
    session.download(flat(IMAGE), None)
    assert session.manifest()
    assert Request.DETACH not in device.requests


def test_a_device_may_take_its_time_to_leave_dfu_mode() -> None:
    class Slow(SimulatedDfu):
        since = 0.0

        def find_again(self) -> bool:
            if self.gone:
                self.since = self.since or self.clock.now()
                if self.clock.now() - self.since < 3:
                    return True
            return super().find_again()

    clock = VirtualClock()
    device = Slow(PLAIN, clock)
    session = DfuSession(device, clock)
    device.state = State.DNLOAD_IDLE
    device._leave_bus(State.APP_IDLE)
    assert session.restart(confirmed=True) is Mode.RUN_TIME


def test_a_pause_asked_for_before_a_restart_does_not_count_after_it() -> None:
    made = bench(faults=Faults(poll_ms=500_000))
    made.session.talk.status()
    made.device.faults.poll_ms = -1
    made.device.reset()
    made.session.talk.device.find_again()
    before = made.clock.now()
    assert made.session.restart(confirmed=True) is Mode.RUN_TIME
    made.session.talk.status()
    assert made.clock.now() - before < 10


# --- time -------------------------------------------------------------------------------------------------------------------


def test_an_update_takes_exactly_the_time_the_device_asks_for() -> None:
    made = in_dfu_mode()
    before = made.clock.now()
    made.session.download(flat(IMAGE), None)
    assert made.clock.now() - before == pytest.approx(21 * PLAIN.block_s + 6 * PLAIN.erase_s)
    before = made.clock.now()
    made.session.manifest()
    assert made.clock.now() - before == pytest.approx(PLAIN.manifest_s)


def test_a_pause_asked_for_while_idle_begins_again_with_the_next_block() -> None:
    """DFU 1.1, 6.1.2: bwPollTimeout holds between the next DNLOAD and its GETSTATUS, however late the DNLOAD comes."""
    made = in_dfu_mode(Profile(block_s=0.0, erase_s=0.0), Faults(poll_ms=100))
    before = made.clock.now()
    made.session.download(flat(IMAGE[:1024]), None, lambda *event: made.clock.sleep(0.07))
    assert made.device.early_polls == 0
    assert made.clock.now() - before == pytest.approx(4 * (0.1 + 0.1 + 0.07))


@pytest.mark.parametrize("profile", [PLAIN, ST])
def test_a35_a_poll_timeout_of_hours_is_not_waited_for(profile: Profile) -> None:
    made = in_dfu_mode(profile)
    made.device.faults.poll_ms = 0xFFFFFF
    started = made.clock.now()
    with pytest.raises(LinkError, match="16777") as caught:
        update(made.session) if profile is PLAIN else update_st(made.session)
    assert caught.value.exit_code in (5, 8)
    assert made.clock.now() - started <= conversation.LONGEST_BUSY_S


@pytest.mark.parametrize(("poll_ms", "most_requests"), [(0, 13_000), (-1, 13_000), (1000, 700), (599_000, 10)])
def test_a35_a_device_that_is_busy_for_ever_is_given_up(poll_ms: int, most_requests: int) -> None:
    made = in_dfu_mode(faults=Faults(busy_for_ever=True, poll_ms=poll_ms))
    started = made.clock.now()
    with pytest.raises(LinkLost, match="still busy") as caught:
        made.session.download(flat(IMAGE), None)
    assert (caught.value.name, caught.value.exit_code, caught.value.resumable) == ("transfer_incomplete", 8, True)
    assert made.clock.now() - started <= 3 * conversation.LONGEST_BUSY_S
    assert len(made.device.requests) < most_requests


def test_a_flash_that_works_may_keep_the_device_from_answering() -> None:
    """STM32L4 stalls GETSTATUS while it erases, STM32F405 does not answer (dfu-util 0.11, dfuse.c, says so of both)."""
    made = bench(ST, Faults(busy_stalls=3, busy_silent=20))
    assert update_st(made.session)
    assert made.cells == ST_CELLS
    with pytest.raises(Stalled) as caught:
        update_st(bench(ST, Faults(busy_stalls=99)).session)
    assert caught.value.exit_code == 7
    with pytest.raises(LinkLost, match="no answer") as silent:
        update_st(bench(ST, Faults(busy_silent=99)).session)
    assert (silent.value.name, silent.value.resumable) == ("transfer_incomplete", True)


@pytest.mark.parametrize("profile", [PLAIN, STUBBORN])
def test_a_device_that_is_silent_while_it_puts_the_image_in_place_is_not_reset_meanwhile(profile: Profile) -> None:
    """U-Boot answers nothing while it writes out its last blocks; fwupd's issue 2347 lost an update to an early reset."""
    made = in_dfu_mode(profile)
    made.session.download(flat(IMAGE), None)
    made.device.faults.busy_silent = 10
    resets: list[float] = []
    made.device.reset = lambda: resets.append(made.clock.now())  # type: ignore[method-assign]
    assert made.session.manifest() is True
    assert resets == []
    assert made.device.loader.firmware_good
    made = in_dfu_mode(profile)
    made.session.download(flat(IMAGE), None)
    made.device.faults.busy_silent = 99
    with pytest.raises(LinkLost) as caught:
        made.session.manifest()
    assert (caught.value.name, caught.value.exit_code) == ("transfer_incomplete", 8)


# --- faults -----------------------------------------------------------------------------------------------------------------


class Expected(NamedTuple):
    """What a fault ends in."""

    faults: dict[str, Any]
    name: str
    exit_code: int
    text: str


FAULTS = [
    Expected({"stall_at": 3}, "device_fault", 7, "block 3: .*errSTALLEDPKT"),
    Expected({"accepts": 64}, "device_fault", 7, "block 0: .*errSTALLEDPKT"),
    *[Expected({"fail_at": (n, status)}, "device_fault", 7, STATUSES[status].name)
      for n, status in itertools.product((0, 7, 20), set(Status) - {Status.OK})],
    *[Expected({"manifest": status}, "device_fault", 7, STATUSES[status].name) for status in set(Status) - {Status.OK}],
    Expected({"cut_at": 5}, "transfer_incomplete", 8, "gone"),
    Expected({"upload_flip": 1000}, "read_back_differs", 10, "0x000003e8"),
    Expected({"upload_flip": 0}, "read_back_differs", 10, "0x00000000"),
    Expected({"upload_flip": len(IMAGE) - 1}, "read_back_differs", 10, f"0x{len(IMAGE) - 1:08x}"),
    Expected({"upload_ends": 1000}, "read_back_differs", 10, f"only 1000 of {len(IMAGE)}"),
    Expected({"upload_ends": 1024}, "read_back_differs", 10, f"only 1024 of {len(IMAGE)}"),
    Expected({"upload_ends": 0}, "read_back_differs", 10, f"only 0 of {len(IMAGE)}"),
    Expected({"upload_endless": True}, "read_back_differs", 10, "0x00000000"),
    Expected({"stays_in_run_time": True}, "no_answer", 5, "did not come back in DFU mode"),
    Expected({"never_back": True}, "no_answer", 5, "did not come back in DFU mode"),
]  # fmt: skip


@pytest.mark.parametrize("expected", FAULTS, ids=lambda one: str(one.faults))
def test_every_fault_ends_in_its_own_error(expected: Expected) -> None:
    made = bench(PLAIN, Faults(**expected.faults))
    with pytest.raises(ToolError, match=expected.text) as caught:
        update(made.session)
    assert (caught.value.name, caught.value.exit_code) == (expected.name, expected.exit_code)
    assert caught.value.hint
    assert made.clock.now() < 100


def test_a_bad_status_after_manifestation_fails_although_all_was_sent() -> None:
    """dfu-util 0.11 prints the state and exits with 0 here (dfu_load.c)."""
    for profile in (PLAIN, STUBBORN):
        made = in_dfu_mode(profile, Faults(manifest=Status.ERR_FIRMWARE))
        made.session.download(flat(IMAGE), None)
        with pytest.raises(DeviceRefused, match="errFIRMWARE") as caught:
            made.session.manifest()
        assert (caught.value.status, caught.value.exit_code) == (Status.ERR_FIRMWARE, 7)
        assert not made.device.loader.firmware_good


def test_a_device_may_be_silent_between_manifestation_and_reset() -> None:
    made = in_dfu_mode(STUBBORN, Faults(silent_after_manifest=True))
    made.session.download(flat(IMAGE), None)
    before = made.clock.now()
    assert made.session.manifest() is False
    assert made.clock.now() - before <= STUBBORN.manifest_s + 5
    assert made.session.restart(confirmed=False) is Mode.RUN_TIME
    assert made.device.loader.firmware_good


def test_power_lost_in_manifestation_is_seen_after_the_restart() -> None:
    for profile in (PLAIN, STUBBORN):
        made = in_dfu_mode(profile, Faults(cut_at_manifest=True))
        made.session.download(flat(IMAGE), None)
        assert made.session.manifest() is False
        with pytest.raises(DeviceRefused, match=r"restarting: .*errFIRMWARE") as caught:
            made.session.restart(confirmed=False)
        assert caught.value.exit_code == 7
        made.device.faults.cut_at_manifest = False
        assert update(DfuSession(made.device, made.clock)) is Mode.RUN_TIME
        assert made.cells[: len(IMAGE)] == IMAGE


def test_a_device_that_never_comes_back_from_an_unconfirmed_manifestation_is_a_failure() -> None:
    made = in_dfu_mode(STUBBORN, Faults(silent_after_manifest=True))
    made.session.download(flat(IMAGE), None)
    confirmed = made.session.manifest()
    made.device.faults.never_back = True
    with pytest.raises(LinkLost) as caught:
        made.session.restart(confirmed=confirmed)
    assert (caught.value.name, caught.value.exit_code) == ("install_failed", 8)
    assert made.session.restart(confirmed=True) is None


def test_the_vendor_s_own_text_is_told() -> None:
    made = bench(PLAIN, Faults(fail_at=(2, Status.ERR_VENDOR)))
    with pytest.raises(DeviceRefused, match="errVENDOR: the case is open"):
        update(made.session)


def test_what_a_device_cannot_do_is_not_tried() -> None:
    for attributes, act, name in (
        (CAN_UPLOAD, lambda session: session.download(flat(IMAGE), None), "wrong_device"),
        (CAN_DOWNLOAD, lambda session: session.verify(flat(IMAGE)), "wrong_device"),
        (CAN_UPLOAD | CAN_DOWNLOAD, lambda session: session.download(flat(b""), None), "damaged_file"),
        (CAN_UPLOAD | CAN_DOWNLOAD, lambda session: DfuseSession(session), "wrong_device"),
    ):
        made = in_dfu_mode(Profile(attributes=attributes))
        before = len(made.device.requests)
        with pytest.raises(ToolError) as caught:
            act(made.session)
        assert caught.value.name == name
        assert len(made.device.requests) == before


def test_a_dfuse_device_gets_no_blocks_that_it_would_take_for_commands() -> None:
    made = in_dfu_mode(ST)
    for act in (lambda: made.session.download(flat(b"\x41"), None), lambda: list(made.session.upload(100))):
        with pytest.raises(ToolError) as caught:
            act()
        assert caught.value.name == "usage"
    assert made.device.requests == []


def test_a_device_that_sends_more_than_asked_for_makes_no_sense() -> None:
    made = in_dfu_mode()
    pass_on = made.device.control_in
    made.device.control_in = lambda request, value, length: pass_on(request, value, length + 1)  # type: ignore[method-assign]
    with pytest.raises(LinkError) as caught:
        list(made.session.upload(1000))
    assert caught.value.name == "protocol"


# --- size of blocks ---------------------------------------------------------------------------------------------------------


def sizes_sent(made: Bench) -> list[int]:
    """Bytes of each block of a download."""
    sent: list[int] = []
    pass_on = made.device.control_out

    def control_out(request: int, value: int, data: bytes) -> None:
        if request == Request.DNLOAD:
            sent.append(len(data))
        pass_on(request, value, data)

    made.device.control_out = control_out  # type: ignore[method-assign]
    made.session.download(flat(IMAGE), None)
    return sent


def test_blocks_are_as_large_as_the_device_says_and_the_computer_can() -> None:
    assert sizes_sent(in_dfu_mode()) == [256] * 20 + [77]
    assert sizes_sent(in_dfu_mode(Profile(transfer_size=0xFFFF))) == [4096, len(IMAGE) - 4096]
    assert sizes_sent(in_dfu_mode(faults=Faults(accepts=64), block_size=64)) == [64] * 81 + [13]
    with pytest.raises(ToolError, match="how many bytes") as caught:
        in_dfu_mode(Profile(transfer_size=0)).session.download(flat(IMAGE), None)
    assert caught.value.name == "usage"
    assert sizes_sent(in_dfu_mode(Profile(transfer_size=0), Faults(accepts=512), block_size=512)) == [512] * 10 + [77]


@pytest.mark.parametrize("transfer_size", [512, 0xFFFF])
def test_dfuse_reads_whole_and_capped_blocks_alike(transfer_size: int) -> None:
    """A device counts blocks by its own transfer size: where the computer cannot do as much, every block gets an address."""
    made = bench(dataclasses.replace(ST, transfer_size=transfer_size))
    made.device.loader.memory.cells[:] = pattern(FLASH.size, seed=9)
    memory = DfuseSession(made.session)
    assert b"".join(memory.read(0x08000123, 9000)) == pattern(FLASH.size, seed=9)[0x123 : 0x123 + 9000]
    assert b"".join(memory.read(0x08000000, FLASH.size)) == pattern(FLASH.size, seed=9)
