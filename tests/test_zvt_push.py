"""Files to a ZVT terminal, 08 14: speed, resuming, repeats, bad terminals, whole sets with their specs; in virtual time."""

import contextlib
import dataclasses
import gzip
import hashlib
import json
import pathlib
from typing import Any, Final

import pytest

from formats.errors import FormatError, ToolError
from formats.update_set import UpdateSet, open_folder
from formats.update_spec import Order
from hwsim.zvt_files import NAMES
from hwsim.zvt_profile import Profile
from tests.support import pattern
from tests.zvt_bench import Data, ZvtBench, nothing
from transports.errors import DeviceRefused, LinkError, LinkLost
from transports.terminal_records import Pushed
from transports.zvt.files import BLOCK_OVERHEAD
from transports.zvt.opcodes import Opcode
from transports.zvt_host.comeback import UPDATE_S
from transports.zvt_host.push import REPEATS, block_size

MEBIBYTE: Final = 1 << 20
BITS: Final = 11
"""Of a byte at 8N2."""


def fast(profile: str = "full") -> ZvtBench:
    """A terminal at 115200."""
    bench = ZvtBench(profile)
    bench.host.connect()
    bench.host.status()
    bench.host.raise_baud(115200)
    return bench


def stored(bench: ZvtBench, number: int = 0x10) -> bytes:
    return bytes(bench.machine.terminal.files.data.get(number, b""))


# -- speed ----------------------------------------------------------------------------------------------------------------


def stop_and_wait_s(data: bytes, block: int, baud: int) -> float:
    """What one request and one answer at a time cost on the line, counted by hand: 04 0C in its frame, ACK, answer with head,
    tags and block in its frame, ACK. Each 10 of the file is doubled, and the file's id, 10, in request and answer."""
    count = -(-len(data) // block)
    request = len("1002 040C 0D 06 0B 2D 09 1D0110 1E0400000000 1003 CRC0".replace(" ", "")) // 2
    answer = BLOCK_OVERHEAD + len("1002 1003 CRC0".replace(" ", "")) // 2
    acknowledgements, doubled = 2, 2
    return (count * (request + answer + acknowledgements + doubled) + len(data) + data.count(0x10)) * BITS / baud


@pytest.mark.parametrize("max_apdu", [512, 1024, 4096, 16384])
def test_a_mebibyte_takes_what_stop_and_wait_allows(max_apdu: int) -> None:
    bench = fast()
    data = pattern(MEBIBYTE)
    bench.host.registered = bench.host.registered._replace(max_apdu=max_apdu)
    bench.machine.terminal.profile = with_apdu(bench, max_apdu)
    done = bench.host.push([Data(0x10, data)], nothing)
    assert stored(bench) == data
    least = stop_and_wait_s(data, max_apdu - BLOCK_OVERHEAD, 115200)
    print(f"1A = {max_apdu}: {done.seconds:.2f} s, the line alone {least:.2f} s: {least / done.seconds:.2%}; "
          f"{len(data) / done.seconds / (115200 / BITS):.2%} of the line is file")  # fmt: skip
    assert done.block == max_apdu - BLOCK_OVERHEAD
    assert least / done.seconds >= 0.97
    assert least <= done.seconds * 1.001, "nobody is faster than the line"


def with_apdu(bench: ZvtBench, size: int) -> Profile:
    return dataclasses.replace(bench.machine.terminal.profile, takes_apdu=size)


def test_blocks_are_over_in_time_on_a_slow_line() -> None:
    """At 9600 a block of 16 KiB would take 19 s; a terminal waits 5 s for an answer (T3)."""
    bench = ZvtBench()
    bench.host.connect()
    bench.host.registered = bench.host.registered._replace(max_apdu=65535)
    assert block_size(bench.host, bench.pipe.byte_time_s) == int(2.0 * 9600 / BITS)
    bench.host.registered = bench.host.registered._replace(max_apdu=None)
    assert block_size(bench.host, bench.pipe.byte_time_s) == 256 - BLOCK_OVERHEAD
    bench.host.identity = bench.host.identity._replace(maker="Feig")
    assert block_size(bench.host, bench.pipe.byte_time_s) == int(2.0 * 9600 / BITS)
    bench.host.registered = bench.host.registered._replace(max_apdu=50)
    with pytest.raises(LinkError):
        block_size(bench.host, bench.pipe.byte_time_s)


def test_a_tcp_line_takes_what_the_terminal_takes() -> None:
    bench = ZvtBench("feig", serial=False)
    bench.host.connect()
    bench.host.status()
    assert block_size(bench.host, bench.pipe.byte_time_s) == 32768 - BLOCK_OVERHEAD


# -- order, repeats, resuming ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("serial", [True, False], ids=["serial", "tcp"])
@pytest.mark.parametrize("size", [1, 2, 255, 256, 4070, 4071, 8140, 20_000])
def test_every_size_arrives(size: int, serial: bool) -> None:
    bench = ZvtBench(serial=serial)
    bench.host.connect()
    told: list[tuple[int, int]] = []
    data = b"\x10\x03" * (size // 2) + b"\x10" * (size % 2)
    done = bench.host.push([Data(0x10, data)], lambda *now: told.append(now))
    assert stored(bench) == data
    assert (done.size, done.sent, done.resumed, done.repeats) == (size, size, 0, 0)
    assert told[-1] == (size, size)
    assert told == sorted(told)


def test_the_terminal_chooses_the_order() -> None:
    bench = fast()
    parts = [Data(number, pattern(5000 + number, number)) for number in (0x21, 0x13, 0x11, 0x20)]
    bench.host.push(parts, nothing)
    asked = [number for number, offset in bench.machine.terminal.files.asked if offset == 0]
    assert asked == [0x13, 0x20, 0x11, 0x21], "specs first"
    assert all(stored(bench, part.file_id) == part.data for part in parts)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_piece_may_come_three_times_more(times: int) -> None:
    bench = fast()
    bench.plant("repeat_offset", times)
    data = pattern(20_000)
    done = bench.host.push([Data(0x10, data)], nothing)
    assert (done.repeats, stored(bench) == data) == (times, True)
    assert done.sent == 20_000 + times * 4070


def test_the_same_piece_without_end_is_given_up() -> None:
    bench = fast()
    bench.plant("endless_offset")
    with pytest.raises(LinkError) as caught:
        bench.host.push([Data(0x10, pattern(20_000))], nothing)
    assert (caught.value.name, caught.value.resumable) == ("transfer_incomplete", True)
    assert len(bench.machine.terminal.files.asked) == 2 + REPEATS
    bench.knobs.endless_offset = False
    assert bench.host.push([Data(0x10, pattern(20_000))], nothing).sent == 20_000


def test_pieces_without_end_are_given_up() -> None:
    """Never the same offset, and never an end: a byte further each time."""
    from tests.test_zvt_terminal import Replies
    from transports.zvt.apdu import Apdu
    from transports.zvt.files import FilePart, FileRequest
    from transports.zvt_terminal import Password, ZvtTerminal

    def requests() -> Any:
        yield b"\x80\0\0" + request(0)
        yield from (request(offset) for offset in range(1, 10**6))

    def request(offset: int) -> bytes:
        return Apdu(Opcode.FILE_REQUEST, FileRequest(file=FilePart(file_id=0x10, offset=offset)).build()).build()

    pipe = Replies(requests())
    host = ZvtTerminal(pipe, password=Password("000000"))
    host.registered = host.registered._replace(max_apdu=256)
    with pytest.raises(LinkError) as caught:
        host.push([Data(0x10, bytes(10**5))], nothing)
    assert caught.value.name == "transfer_incomplete"
    assert pipe.now() < 60


@pytest.mark.parametrize(("fault", "words"), [("offset_outside", "byte 21000"), ("unknown_file", "7E")])
def test_what_there_is_not_is_refused(fault: str, words: str) -> None:
    bench = fast()
    bench.plant(fault)
    with pytest.raises(LinkError) as caught:
        bench.host.push([Data(0x10, pattern(20_000))], nothing)
    assert caught.value.name == "protocol"
    assert words in caught.value.message
    refused = [passed for passed in bench.seen if passed.outbound and passed.apdu.opcode == 0x849A]
    assert 1 <= len(refused) <= 4
    bench.usable()


def test_a_file_that_cannot_be_read_any_more() -> None:
    class Gone(Data):
        def read(self, offset: int, size: int) -> bytes:
            if offset > 8000:
                raise FormatError("it has changed")
            return super().read(offset, size)

    bench = fast()
    with pytest.raises(FormatError, match="it has changed"):
        bench.host.push([Gone(0x10, pattern(20_000))], nothing)
    bench.usable()


def test_ids_must_differ() -> None:
    bench = fast()
    for files in ([], [Data(0x10, b"a"), Data(0x10, b"b")]):
        with pytest.raises(FormatError) as caught:
            bench.host.push(files, nothing)
        assert caught.value.name == "usage"


SHORT: Final = pattern(700, 3)


@pytest.mark.parametrize("direction", ["rx", "tx"])
@pytest.mark.parametrize("serial", [True, False], ids=["serial", "tcp"])
def test_f12_the_cable_is_cut_at_every_byte(direction: str, serial: bool) -> None:
    """A push in pieces of 230 bytes; the cable comes back, and the push goes on where it stopped."""
    bench = ZvtBench(serial=serial)
    bench.host.connect()
    bench.host.status()
    bench.host.raise_baud(115200)
    machine, store = bench.machine, bench.machine.terminal.files

    def push() -> Pushed:
        bench.host.registered = bench.host.registered._replace(max_apdu=None)
        return bench.host.push([Data(0x10, SHORT)], nothing)

    before = machine.received, machine.sent
    push()
    total = (machine.received if direction == "rx" else machine.sent) - before[direction == "tx"]
    assert total > 60
    resumed = cuts = 0
    for at in range(total):
        store.sizes.clear()
        store.data.clear()
        bench.bounded(600)
        cut(bench, direction, at)
        with contextlib.suppress(LinkLost):
            push()
            assert at > total - 30, "the last word may be lost unnoticed"
        cuts += not machine.plugged
        machine.plug()
        bench.host.broken = bench.host.broken or not serial  # a connection does not outlive its cable
        bench.host.connect()
        assert not store.data or bytes(store.data[0x10]) == SHORT[: len(store.data[0x10])]
        done = push()
        resumed += done.resumed > 0
        assert stored(bench) == SHORT
    print(f"{direction}: {total} bytes, {cuts} cuts, {resumed} times resumed")
    assert cuts == total
    assert resumed > total / 4


def cut(bench: ZvtBench, direction: str, at: int) -> None:
    machine = bench.machine
    machine.on_bytes(direction, (machine.received if direction == "rx" else machine.sent) + at, machine.unplug)


def test_a_file_of_another_size_begins_anew() -> None:
    bench = fast()
    cut(bench, "rx", 10_000)
    with pytest.raises(LinkLost):
        bench.host.push([Data(0x10, pattern(20_000, 1))], nothing)
    bench.machine.plug()
    bench.host.connect()
    assert bench.host.push([Data(0x10, pattern(20_001, 2))], nothing).resumed == 0
    assert stored(bench) == pattern(20_001, 2)


@pytest.mark.parametrize("serial", [True, False], ids=["serial", "tcp"])
@pytest.mark.parametrize("fault", ["restart_in_dialogue", "silence", "lose_ack", "late_answer"])
def test_faults_in_the_middle_of_a_push(fault: str, serial: bool) -> None:
    """Whatever it is: the push works, or the next one does, without sending again what is there."""
    bench = ZvtBench(serial=serial)
    bench.host.connect()
    bench.host.status()
    bench.host.raise_baud(115200)
    bench.plant(fault, {"restart_in_dialogue": 4}.get(fault, 0))
    data = pattern(40_000)
    with contextlib.suppress(LinkLost):
        bench.host.push([Data(0x10, data)], nothing)
    bench.knobs.restart_after = 0
    done = None
    if stored(bench) != data:
        bench.host.connect()
        done = bench.host.push([Data(0x10, data)], nothing)
    assert stored(bench) == data
    assert fault != "restart_in_dialogue" or (done and done.resumed == 3 * 4070)


@pytest.mark.parametrize("knob", ["endless_status", "escapes", "longer_minutes"])
def test_other_words_in_between_do_not_disturb(knob: str) -> None:
    bench = fast()
    if knob == "endless_status":
        bench.plant(knob)
        with pytest.raises(LinkError):
            bench.host.push([Data(0x10, SHORT)], nothing)
        bench.knobs.endless_status = False
    else:
        setattr(bench.knobs, knob, 2)
    bench.host.connect()
    bench.host.push([Data(0x10, SHORT)], nothing)
    assert stored(bench) == SHORT


# -- whole sets -----------------------------------------------------------------------------------------------------------


def make_set(folder: pathlib.Path, version: str = "1.1.0", seed: int = 1, **changed: Any) -> UpdateSet:
    """An invented update in the maker's layout."""
    kernel, rootfs = gzip.compress(pattern(30_000, seed), mtime=0), gzip.compress(pattern(60_000, seed + 1), mtime=0)
    spec = {
        "type": "firmware", "version": version, "uboot_sha256": "11" * 32, "uboot_git_revision": "22" * 32,
        "uboot_config_hash": "33" * 32, "kernel_image_length": len(kernel), "signature": "55" * 256,
        "kernel_image_sha256": hashlib.sha256(kernel).hexdigest(), "rootfs_image_sha256": hashlib.sha256(rootfs).hexdigest(),
        **changed,
    }  # fmt: skip
    files = {
        "firmware/kernel.gz": kernel, "firmware/rootfs.gz": rootfs, "firmware/update.spec": json.dumps(spec).encode(),
        "app1/update.spec": json.dumps({"version": version}).encode(),
        "app1/update.tar.gz": gzip.compress(pattern(9_000, seed + 2), mtime=0),
    }  # fmt: skip
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return open_folder(folder)


def test_a_set_is_checked_sent_installed_and_read_back(tmp_path: pathlib.Path) -> None:
    """The whole way: end of day first, push, silence while it installs, back at 9600, another version."""
    bench = fast("feig")
    bench.machine.terminal.account.open_with(2)
    update = make_set(tmp_path)
    status = bench.host.status()
    assert update.order(status.identity.version) is Order.NEWER
    with pytest.raises(DeviceRefused) as caught:
        bench.host.push(update.parts, nothing)
    assert caught.value.name == "unsettled"
    assert bench.host.end_of_day().batch.count == 2
    done = bench.host.push(update.parts, nothing)
    assert done.sent == update.size
    after = bench.host.wait_for_return(UPDATE_S)
    assert update.order(after.identity.version) is Order.SAME
    assert after.identity.serial_number == status.identity.serial_number


def test_a_damaged_part_is_refused_by_the_terminal_too(tmp_path: pathlib.Path) -> None:
    """Its flash keeps other bytes than came: it says so, forgets them, and takes the set again."""
    bench = fast("feig")
    update = make_set(tmp_path)
    bench.plant("forgets_block")
    with pytest.raises(DeviceRefused) as caught:
        bench.host.push(update.parts, nothing)
    assert caught.value.name == "device_fault"
    assert "damaged" in caught.value.message
    bench.knobs.forgets_block = False
    assert bench.host.push(update.parts, nothing).resumed == 0
    assert "1.1.0" in bench.host.wait_for_return(UPDATE_S).identity.version


def test_another_set_in_between_forgets_the_resume_point(tmp_path: pathlib.Path) -> None:
    """Stale resume points corrupted images elsewhere: two sets of the same sizes, the cable pulled in the first."""
    bench = fast("feig")
    sets = [make_set(tmp_path / str(seed), f"1.{seed}.0", seed) for seed in (1, 4)]
    assert [part.size for part in sets[0].parts[:2]] == [part.size for part in sets[1].parts[:2]]
    cut(bench, "rx", 50_000)
    with pytest.raises(LinkLost):
        bench.host.push(sets[0].parts, nothing)
    bench.machine.plug()
    bench.host.connect()
    bench.host.push(sets[1].parts, nothing)
    assert "1.4.0" in bench.host.wait_for_return(UPDATE_S).identity.version


def test_what_changes_after_it_was_checked_is_not_sent(tmp_path: pathlib.Path) -> None:
    """A stick that shows other bytes at the second look."""
    bench = fast("feig")
    update = make_set(tmp_path)
    path = tmp_path / "firmware/rootfs.gz"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match="has changed since"):
        bench.host.push(update.parts, nothing)
    assert bench.host.status().identity.version == "GER-APP-v1.0.0;cR02.01.01-00.09-2-2;CC26"


def test_a_file_that_is_no_part_is_refused_by_the_terminal() -> None:
    bench = fast("feig")
    assert 0x2A not in NAMES
    with pytest.raises(DeviceRefused):
        bench.host.push([Data(0x2A, b"x")], nothing)
    with pytest.raises(DeviceRefused) as caught:
        bench.host.push([Data(0x10, b"x")], nothing)
    assert "update.spec" in caught.value.message


class Large:
    """As large as a set that was seen, and nothing in it."""

    file_id, size = 0x11, 17_877_502

    def read(self, offset: int, size: int) -> bytes:
        raise NotImplementedError


def test_predictions() -> None:
    """What was predicted is what it takes; for a real set hours at 9600, and half an hour at 115200."""
    bench = fast()
    files = [Data(0x10, pattern(200_000, 1)), Data(0x11, pattern(70_000, 2)), Data(0x13, pattern(600, 3))]
    predicted = bench.host.predicted_push_s(files)
    assert bench.host.push(files, nothing).seconds == pytest.approx(predicted, rel=0.01)
    hours = [bench.host.predicted_push_s([Large()], baud) / 3600 for baud in (9600, 57600, 115200)]
    print(", ".join(f"{one:.2f} h" for one in hours))
    assert [round(one, 2) for one in hours] == [5.90, 0.97, 0.48]
    feig = ZvtBench("feig", serial=False)
    feig.host.connect()
    assert feig.host.predicted_push_s([Large()]) == 0.0
    assert feig.host.identity.maker == "Feig"


def test_progress_never_goes_back() -> None:
    bench = fast()
    told: list[int] = []
    with contextlib.suppress(ToolError):
        bench.plant("repeat_offset", 3)
        bench.host.push([Data(0x10, pattern(30_000)), Data(0x11, pattern(3_000))], lambda done, total: told.append(done))
    assert told == sorted(told)
    assert told[-1] == 33_000
