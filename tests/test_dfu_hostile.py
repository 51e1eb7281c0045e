"""USB DFU against devices that lose their power at every transfer, are in every state, or lie."""

import collections
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import ToolError
from formats.sources import Image, Piece
from hwsim.dfu_device import ALLOWED, SimulatedDfu
from hwsim.dfu_profile import TOLERANT, Faults, Profile
from tests.dfu_bench import (
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
from transports.dfu import conversation, enumeration
from transports.dfu.descriptors import Mode
from transports.dfu.device import Stalled
from transports.dfu.dfuse import DfuseSession
from transports.dfu.session import DfuSession
from transports.dfu.status import Request, State, Status
from transports.errors import LinkError, LinkLost

# --- power ------------------------------------------------------------------------------------------------------------------


class Fragile(SimulatedDfu):
    """Loses its power before one of its transfers."""

    cut_before = -1

    def _allowed(self, request: int) -> Request:
        self._present()
        if len(self.requests) == self.cut_before:
            self.cut_before = -1
            self.requests.append(Request(request))
            self.cut_power()
        return super()._allowed(request)


@pytest.mark.parametrize("profile", [PLAIN, STUBBORN, ST], ids=["tolerant", "not tolerant", "DfuSe"])
def test_power_lost_before_every_transfer_then_run_again(profile: Profile) -> None:
    def run(device: SimulatedDfu, clock: VirtualClock) -> None:
        session = DfuSession(device, clock)
        if profile is ST:
            update_st(session)
        else:
            assert update(session) is Mode.RUN_TIME

    whole = Fragile(profile, VirtualClock())
    run(whole, whole.clock)  # type: ignore[arg-type]
    names: collections.Counter[str] = collections.Counter()
    for cut in range(len(whole.requests)):
        clock = VirtualClock()
        device = Fragile(profile, clock)
        device.cut_before = cut
        error = None
        try:
            run(device, clock)
        except ToolError as found:
            error = found
        if error is not None:
            names[error.name] += 1
            assert error.exit_code in (5, 7, 8), (cut, error)
            clock.sleep(profile.away_s)
            assert device.find_again()
            run(device, clock)
        wanted = ST_CELLS if profile is ST else IMAGE
        assert bytes(device.loader.memory.cells[: len(wanted)]) == wanted, cut
        assert device.early_polls == 0
    assert names["transfer_incomplete"] > len(whole.requests) // 2


@pytest.mark.parametrize("profile", [PLAIN, ST], ids=["DFU", "DfuSe"])
def test_power_lost_in_the_middle_of_every_block_then_run_again(profile: Profile) -> None:
    blocks = 21 if profile is PLAIN else 13
    for cut in range(blocks):
        made = bench(profile, Faults(cut_at=cut))
        with pytest.raises(LinkLost) as caught:
            update(made.session) if profile is PLAIN else update_st(made.session)
        assert (caught.value.name, caught.value.exit_code, caught.value.resumable) == ("transfer_incomplete", 8, True)
        made.clock.sleep(profile.away_s)
        assert made.device.find_again()
        if profile is PLAIN:
            assert made.device.info.mode is Mode.DFU  # half an image does not start
            update(DfuSession(made.device, made.clock))
        else:
            update_st(DfuSession(made.device, made.clock))
        wanted = IMAGE if profile is PLAIN else ST_CELLS
        assert made.cells[: len(wanted)] == wanted
    bench(profile, Faults(cut_at=blocks)).session.enter_dfu_mode()
    assert bench_blocks(profile) == blocks


def bench_blocks(profile: Profile) -> int:
    made = bench(profile)
    update(made.session) if profile is PLAIN else update_st(made.session)
    return made.device.loader.data_blocks


# --- every state, every request, every lie ----------------------------------------------------------------------------------


Act = Callable[[DfuSession], Any]
PLAIN_ACTS: dict[str, tuple[Act, bool]] = {
    "detach": (lambda session: session.enter_dfu_mode(), False),
    "ready": (lambda session: session.talk.to_idle(), False),
    "download": (lambda session: session.download(flat(IMAGE), None), True),
    "manifest": (lambda session: session.manifest(), False),
    "upload": (lambda session: list(session.upload(3000)), False),
    "verify": (lambda session: session.verify(flat(IMAGE)), False),
    "restart": (lambda session: session.restart(confirmed=True), False),
    "select": (lambda session: session.select(0), False),
}
ST_ACTS: dict[str, tuple[Act, bool]] = {
    "ready": (lambda session: session.talk.to_idle(), False),
    "write": (lambda session: DfuseSession(session).write(DfuseSession(session).plan(ST_IMAGE, None)), True),
    "verify": (lambda session: DfuseSession(session).verify(DfuseSession(session).plan(ST_IMAGE, None)), False),
    "read": (lambda session: list(DfuseSession(session).read(0x08000000, 3000)), False),
    "address": (lambda session: DfuseSession(session).set_address(0x08000000), False),
    "erase all": (lambda session: DfuseSession(session).erase_all(), True),
    "unprotect": (lambda session: DfuseSession(session).read_unprotect(), True),
    "leave": (lambda session: DfuseSession(session).leave(), False),
}
CENSUS = [(profile, state, name) for profile, acts in ((PLAIN, PLAIN_ACTS), (STUBBORN, PLAIN_ACTS), (ST, ST_ACTS))
          for state, name in itertools.product(State, acts)]  # fmt: skip


def attempt(made: Bench, act: Act) -> ToolError | None:
    """Do it; only our own errors come out, in bounded time and with a bounded number of requests."""
    started, before = made.clock.now(), len(made.device.requests)
    error = None
    try:
        act(made.session)
    except ToolError as found:
        error = found
    assert error is None or error.exit_code in (5, 7, 8, 10), error
    assert made.clock.now() - started <= 2 * conversation.LONGEST_BUSY_S + 2 * enumeration.RETURN_S + enumeration.CHANGE_S
    assert len(made.device.requests) - before < 30_000
    return error


@pytest.mark.parametrize(("profile", "state", "name"), CENSUS)
def test_a34_every_act_in_every_state(profile: Profile, state: State, name: str) -> None:
    act, writes = (ST_ACTS if profile is ST else PLAIN_ACTS)[name]
    made = bench(profile)
    made.device.loader.memory.cells[:] = old = pattern(len(made.cells), seed=5)
    made.device.state, made.device.status = state, Status.ERR_UNKNOWN if state is State.ERROR else Status.OK
    error = attempt(made, act)
    assert made.device.early_polls == 0
    if not writes:
        assert made.cells == old
    elif error is None and name == "download":
        assert made.cells[: len(IMAGE)] == IMAGE
        assert made.cells[6 * 1024 :] == old[6 * 1024 :]
    elif error is None and name == "write":
        assert made.cells[: 0x2100 + 600] == ST_CELLS[: 0x2100 + 600]
        assert made.cells[0x4000:] == old[0x4000:]
    elif error is None:
        assert made.cells == b"\xff" * len(old)
    stuck = {State.APP_IDLE, State.APP_DETACH, State.MANIFEST_WAIT_RESET}
    if not profile.can(TOLERANT):
        stuck |= {State.MANIFEST_SYNC, State.MANIFEST}
    if name in ("ready", "download", "write", "read", "upload"):
        assert (error is None) == (state not in stuck), (state, error)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("request_number", [*Request, 7, 200, 255])
def test_the_simulated_device_allows_what_dfu_allows(state: State, request_number: int) -> None:
    """Every request in every state; the table is written out here once more, from DFU 1.1, A.2."""
    get, data = {3, 5}, {1, 3, 5, 6}
    allowed = [get | {0}, get, data | {2}, get, {3}, data, get, {3}, {3}, {2, 3, 5, 6}, get | {4}][state]
    assert {int(one) for one in ALLOWED[state]} == allowed
    made = bench()
    made.device.state = state
    before = made.cells
    send: Callable[[], object] = (
        (lambda: made.device.control_in(request_number, 0, 6))
        if request_number in (2, 3, 5)
        else (lambda: made.device.control_out(request_number, 0, b"x"))
    )
    if request_number in allowed:
        send()
    else:
        with pytest.raises(Stalled):
            send()
        assert made.device.state is (state if state in (State.APP_IDLE, State.APP_DETACH) else State.ERROR)
    assert made.cells == before


LIES = [
    *(bytes([status, 0, 0, 0, state, 0]) for status in (0, 10, 11, 0xEE) for state in range(12)),
    b"", b"\0", bytes(5), bytes(7), b"\xff" * 6, bytes([0, 255, 255, 255, 4, 0]), bytes([0, 255, 255, 255, 5, 9]),
]  # fmt: skip


@pytest.mark.parametrize("profile", [PLAIN, STUBBORN, ST], ids=["tolerant", "not tolerant", "DfuSe"])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_a_device_that_lies_about_its_state_is_never_believed_to_hold_what_it_does_not(profile: Profile, lasting: bool) -> None:
    """Each answer to GETSTATUS in turn becomes each lie: the host ends, and where it reports success the memory is right."""
    small = IMAGE[:600]
    image = Image((Piece(0x08000000, len(small), data=small),))

    def run(session: DfuSession) -> None:
        if profile is ST:
            memory = DfuseSession(session)
            plan = memory.plan(image, None)
            memory.write(plan)
            memory.verify(plan)
        else:
            session.enter_dfu_mode()
            session.download(flat(small), None)
            session.manifest()
            if profile is PLAIN:
                session.verify(flat(small))

    ends: collections.Counter[str] = collections.Counter()
    for position, lie in itertools.product(range(12), LIES):
        seen = itertools.count()

        def answer(report: bytes, position: int = position, lie: bytes = lie, seen: Iterator[int] = seen) -> bytes:
            number = next(seen)
            return lie if number == position or (lasting and number > position) else report

        made = bench(profile, Faults(answer=answer))
        made.device.loader.memory.cells[:] = old = pattern(len(made.cells), seed=5)
        error = attempt(made, run)
        ends[error.name if error else "success"] += 1
        if error is None and profile is not STUBBORN:
            assert made.cells[: len(small)] == small, (position, lie.hex())
        assert made.cells[1024:] == old[1024:]
    assert ends["success"] or lasting
    assert ends["device_fault"] > 50
    assert ends["protocol"] > 50


def test_what_makes_no_sense_is_said_at_once() -> None:
    """Bad reports in the middle of a wait, and between manifestation and reset."""
    made = in_dfu_mode()
    made.device.faults.answer = lambda report: b"" if report[4] == State.DNLOAD_IDLE else report
    with pytest.raises(LinkError, match="6 bytes") as caught:
        made.session.download(flat(IMAGE), None)
    assert caught.value.name == "protocol"
    assert made.clock.now() < 10
    made = in_dfu_mode(STUBBORN)
    made.session.download(flat(IMAGE), None)
    made.device.faults.answer = lambda report: b"" if report[4] == State.MANIFEST_WAIT_RESET else report
    with pytest.raises(LinkError, match="6 bytes") as caught:
        made.session.manifest()
    assert caught.value.name == "protocol"


def test_an_abort_that_is_refused_is_overcome() -> None:
    made = in_dfu_mode()
    made.device.state, made.device.status = State.ERROR, Status.ERR_PROG
    lies = iter([bytes([0, 0, 0, 0, State.DNLOAD_IDLE, 0])])
    made.device.faults.answer = lambda report: next(lies, report)
    made.session.talk.to_idle()
    assert made.device.state is State.IDLE
    assert made.device.requests[-5:] == [
        Request.GETSTATUS, Request.ABORT, Request.GETSTATUS, Request.CLRSTATUS, Request.GETSTATUS,
    ]  # fmt: skip


@given(st.lists(st.one_of(st.binary(max_size=8), st.integers(0, 2)), max_size=40), st.sampled_from([PLAIN, STUBBORN, ST]))
def test_a35_a_device_that_answers_anything(answers: list[bytes | int], profile: Profile) -> None:
    """Bytes of any kind, stalls, silence, and leaving the bus, in any order."""
    left = iter(answers)

    def answer(report: bytes) -> bytes:
        chosen = next(left, report)
        if chosen == 0:
            raise Stalled(Request.GETSTATUS)
        if chosen == 1:
            raise LinkError("no answer within 5 s")
        if chosen == 2:
            raise LinkLost("gone")
        assert isinstance(chosen, bytes)
        return chosen

    made = bench(profile, Faults(answer=answer))
    attempt(made, update if profile is not ST else update_st)
