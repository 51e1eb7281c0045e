"""Updates of a simulated terminal, in virtual time: the way things should go, and the terminal's own refusals."""

import pathlib

import pytest

from formats.fwp.header import Header
from hwsim.faults import FAULTS, Fault
from hwsim.hostile import Unchecked, force
from hwsim.layout import PAYLOAD_OFFSET, SLOTS
from tests.bench_parts import Bench
from tests.support import STRANGER, flips, make_package, pattern
from transports.errors import DeviceRefused, LinkError, LinkLost
from transports.tsp import messages
from transports.tsp.messages import Opcode, SlotState, Status
from transports.tsp_update import send_update

NEW = make_package([pattern(100_000, 1)], version="1.1.0", counter=8)


def refused(bench: Bench, raw: bytes) -> DeviceRefused:
    """What the terminal says when a host that checks nothing sends `raw`; it must still run what it ran."""
    with pytest.raises(DeviceRefused) as caught:
        force(bench.host, raw)
    assert str(bench.info().version) == "1.0.0"
    return caught.value


def test_an_update_is_received_tried_confirmed(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    sent = bench.send(NEW)
    assert sent.blocks_resumed == 0
    assert str(bench.info().version) == "1.0.0"
    assert bench.slots()[1].state is SlotState.TRIAL
    bench.restart()
    assert str(bench.info().version) == "1.1.0"
    assert bench.info().security_counter == 7, "the counter follows confirm, not start"
    bench.confirm(NEW)
    assert bench.info().security_counter == 8
    assert [slot.state for slot in bench.slots()] == [SlotState.CONFIRMED, SlotState.ACTIVE]
    assert _stored(bench) == pattern(100_000, 1)


def _stored(bench: Bench) -> bytes:
    from hwsim.slots import SlotStore

    offered = bench.machine.terminal.booted.offered  # type: ignore[union-attr]
    assert offered is not None
    store = SlotStore(bench.machine.terminal.flash, 1)
    return b"".join(store.read_block(offered.manifest, n) for n in range(offered.manifest.block_count))


def test_what_is_not_confirmed_goes_back(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    bench.send(NEW)
    bench.restart()
    assert str(bench.info().version) == "1.1.0"
    bench.restart()
    assert str(bench.info().version) == "1.0.0"
    assert bench.info().security_counter == 7
    assert bench.slots()[1].state is SlotState.BAD


def test_no_update_over_a_trial(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    bench.send(NEW)
    bench.restart()
    with pytest.raises(DeviceRefused) as caught:
        bench.send(make_package(version="1.2.0", counter=9))
    assert caught.value.status == Status.WRONG_STATE


@pytest.mark.parametrize(
    ("package", "status"),
    [
        (make_package(version="1.1.0", counter=8, signers=()), Status.BAD_SIGNATURE),
        (make_package(version="1.1.0", counter=8, signers=[STRANGER]), Status.BAD_SIGNATURE),
        (make_package(version="1.1.0", counter=8, hardware="VT-200"), Status.WRONG_HARDWARE),
        (make_package(version="1.1.0", counter=8, hardware="VT-100:4..9"), Status.WRONG_HARDWARE),
        (make_package(version="1.1.0", counter=6), Status.ROLLBACK),
        (make_package(version="1.1.0", counter=8, minimum_version=messages.Version(1, 0, 1)), Status.VERSION_TOO_OLD),
    ],
    ids=["unsigned", "a22_wrong_key", "a15_wrong_model", "a15_wrong_revision", "a26_rollback", "version_too_old"],
)
def test_the_terminal_decides_for_itself(tmp_path: pathlib.Path, package: bytes, status: Status) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    assert refused(bench, package).status == status
    assert bench.slots()[1].state is SlotState.EMPTY, "nothing was touched"


@pytest.mark.parametrize(
    ("fault", "status"),
    [("unsettled", Status.UNSETTLED), ("battery_low", Status.LOW_POWER), ("tamper", Status.TAMPERED)],
)
def test_the_terminal_keeps_its_gates(tmp_path: pathlib.Path, fault: str, status: Status) -> None:
    bench = Bench(tmp_path)
    FAULTS[fault].plant(bench.machine, Fault(fault))
    bench.connect()
    assert refused(bench, NEW).status == status


def test_a32_every_flipped_bit_is_refused_by_the_terminal(tmp_path: pathlib.Path) -> None:
    """A host that recomputes every CRC sends each single-bit change of a signed package: none is accepted."""
    package = make_package([pattern(40)], version="1.1.0", counter=8)
    bench = Bench(tmp_path, baud=0)
    bench.connect()
    end = Header.parse(package[:64], None).signatures_offset
    accepted = []
    for bit, raw in flips(package):
        if bit // 8 < 8:
            continue  # the magic: the hostile host itself would not know where the sections are
        try:
            unchecked = Unchecked(raw)
        except Exception:
            continue
        if bit // 8 < end and len(unchecked.signed) > 40_000:
            continue
        try:
            force(bench.host, raw)
            accepted.append(bit)
        except DeviceRefused:
            pass
        except LinkLost:
            bench.connect()
        except LinkError as error:
            if error.name != "protocol":  # the terminal counts the blocks otherwise: refused by the host's own code
                raise
    assert accepted == []
    assert str(bench.info().version) == "1.0.0"


def test_a33_blocks_out_of_order_are_refused(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()

    class Swapped(Unchecked):
        def blocks(self, first: int):  # type: ignore[no-untyped-def]
            found = list(super().blocks(first))
            found[1], found[2] = found[2], found[1]
            yield from found

    with pytest.raises(DeviceRefused) as caught:
        send_update(bench.host, Swapped(NEW), resume=False, progress=lambda done, written: None)
    assert caught.value.status == Status.BAD_BLOCK


def test_f12_a_pulled_cable_resumes_where_it_stopped(tmp_path: pathlib.Path) -> None:
    for at in range(2000, 100_000, 9001):
        bench = Bench(tmp_path)
        bench.connect()
        bench.machine.on_bytes("rx", bench.machine.received + at, bench.machine.unplug)
        with pytest.raises(LinkLost):
            bench.send(NEW)
        bench.machine.plug()
        bench.connect()
        sent = bench.send(NEW)
        assert sent.blocks_resumed * 4096 + 3 * 4096 + 2 * 65536 >= at
        assert sent.bytes_written <= 100_000 - sent.blocks_resumed * 4096 + 8000
        bench.restart()
        assert str(bench.info().version) == "1.1.0"


def test_resume_can_be_declined(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    bench.machine.on_bytes("rx", bench.machine.received + 50_000, bench.machine.unplug)
    with pytest.raises(LinkLost):
        bench.send(NEW)
    bench.machine.plug()
    bench.connect()
    assert bench.send(NEW, resume=False).blocks_resumed == 0


def test_an_erase_in_between_forgets_the_resume_point(tmp_path: pathlib.Path) -> None:
    """Stale resume points corrupted images in two real systems: another package in between, then the first again."""
    other = make_package([pattern(100_000, 2)], version="1.1.0", counter=8)
    bench = Bench(tmp_path)
    for raw in (NEW, other):
        bench.connect()
        bench.machine.on_bytes("rx", bench.machine.received + 50_000, bench.machine.unplug)
        with pytest.raises(LinkLost):
            bench.send(raw)
        bench.machine.plug()
    bench.connect()
    assert bench.send(NEW).blocks_resumed == 0
    bench.restart()
    assert str(bench.info().version) == "1.1.0"


@pytest.mark.parametrize("rate", [1e-6, 1e-5, 1e-4])
def test_f13_noise_is_survived(tmp_path: pathlib.Path, rate: float) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    FAULTS["noise"].plant(bench.machine, Fault("noise", rate, seed=11))
    bench.send(NEW)
    FAULTS["noise"].mend(bench.machine)
    bench.restart()
    assert str(bench.info().version) == "1.1.0"


def test_f7_a_sector_that_does_not_erase_is_noticed(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    bench.send(NEW)
    bench.restart()
    bench.restart()  # back on 1.0.0, slot 1 full of old bytes
    FAULTS["dead_sector"].plant(bench.machine, Fault("dead_sector", (SLOTS[1] + PAYLOAD_OFFSET) // 4096 + 2))
    with pytest.raises(DeviceRefused) as caught:
        bench.send(make_package([pattern(100_000, 3)], version="1.2.0", counter=9))
    assert caught.value.status == Status.FLASH_FAULT
    assert str(bench.info().version) == "1.0.0"


def test_a34_every_opcode_gets_a_clear_answer(tmp_path: pathlib.Path) -> None:
    """Opcodes 0 to 255 with empty and with senseless bodies: an answer each, and the terminal stays healthy."""
    from transports.tsp.messages import Kind, Message

    bench = Bench(tmp_path)
    bench.connect()
    for opcode in range(256):
        if opcode == Opcode.REVERT:
            continue
        for body in (b"", b"\xff" * 9):
            bench.host.send(Message(opcode, Kind.REQUEST, 7, 0, body))
            until = bench.pipe.now() + 10
            answers: list[Message] = []
            while not answers and bench.pipe.now() < until:
                answers = [m for m in bench.host.collect(until) if m.kind == Kind.RESPONSE and m.opcode == opcode]
            assert answers, f"opcode {opcode:#x} got no answer"
            known = opcode in messages.COMMANDS and messages.COMMANDS[Opcode(opcode)].request is not None
            if not known:
                assert answers[0].status == Status.UNKNOWN_COMMAND
    assert str(bench.info().version) == "1.0.0"


def test_a_factory_reset_needs_a_grant(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    with pytest.raises(DeviceRefused) as caught:
        bench.host.request(Opcode.RESET, messages.ResetRequest(reset=messages.ResetKind.FACTORY), messages.Empty)
    assert (caught.value.name, caught.value.exit_code) == ("not_authorised", 6)


def test_the_same_run_takes_the_same_virtual_time(tmp_path: pathlib.Path) -> None:
    times = set()
    for _ in range(2):
        bench = Bench(tmp_path, timer_ms=16)
        bench.connect()
        bench.send(NEW)
        times.add(round(bench.pipe.now(), 3))
    assert len(times) == 1


def test_an_update_that_ends_early_gives_its_credit_back(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    broken = bytearray(NEW)
    broken[-5000] ^= 1  # in one of the last blocks
    for _ in range(6):
        with pytest.raises(DeviceRefused):
            force(bench.host, bytes(broken))
    bench.send(NEW)


def test_components_are_counted_in_whole_blocks(tmp_path: pathlib.Path) -> None:
    """Two components that fit by their bytes, but not by their blocks, would reach into the running slot."""
    from hwsim.layout import CAPACITY

    package = make_package([bytes(CAPACITY - 100), bytes(50)], version="1.1.0", counter=8, block_size=16384)
    bench = Bench(tmp_path)
    bench.connect()
    assert refused(bench, package).status == Status.TOO_LARGE


def test_a_time_beyond_the_calendar_is_refused(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    with pytest.raises(DeviceRefused):
        bench.host.request(Opcode.CLOCK_SET, messages.Clock(time=2**62), messages.Empty)
    bench.host.request(Opcode.BATCH, messages.Empty(), messages.Batch)
