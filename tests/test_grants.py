"""Grants: who holds one may do what it says, on the terminals it names, for its time, as often as it says; nobody else."""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Sequence

import pytest

from formats import grant as grant_format
from formats import trust as trust_format
from formats.errors import FormatError, ToolError
from formats.grant import DAY_S, Grant, GrantRecord, Right
from formats.keys import PrivateKey
from formats.trust_record import Role
from hwsim.used_grants import CAPACITY
from tests.bench_parts import Bench
from tests.conftest import Fwtool, Sim
from tests.support import KEY, P256_KEY, SECOND_KEY, STRANGER, THIRD_KEY, flips, make_package, pattern
from transports.errors import DeviceRefused
from transports.tsp import messages
from transports.tsp.grants import Exchange, Session, proof_message
from transports.tsp.messages import COMMANDS, Kind, Message, Opcode, ResetKind, Status

HOLDER = SECOND_KEY
FACTORY_RESET = messages.ResetRequest(reset=ResetKind.FACTORY)


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    bench = Bench(tmp_path)
    bench.connect()
    return bench


def now(bench: Bench) -> int:
    return bench.machine.terminal.clock()


def made(start: int, signers: Sequence[PrivateKey] = (KEY,), holder: PrivateKey = HOLDER, **changes: object) -> Grant:
    record = {
        "id": bytes(range(16)), "not_before": start, "not_after": start + DAY_S, "rights": int(Right.FACTORY), "uses": 1,
        "model": "VT-100", "devices": ("SIM-0001",), "work_order": "WO-17", "holder": "Li Wei", "holder_key": holder.public.der,
        **changes,
    }  # fmt: skip
    return grant_format.parse(grant_format.build(GrantRecord(**record)).signed(list(signers)))  # type: ignore[arg-type]


def refused(bench: Bench, grant: Grant, holder: PrivateKey = HOLDER) -> Status:
    with pytest.raises(DeviceRefused) as caught:
        bench.host.authorise(grant, holder)
    return Status(caught.value.status)


# -- what it opens --------------------------------------------------------------------------------------------------------


def test_a34_a_grant_opens_what_is_closed_and_only_for_its_session(bench: Bench) -> None:
    with pytest.raises(DeviceRefused) as caught:
        bench.host.request(Opcode.RESET, FACTORY_RESET, messages.Empty)
    assert caught.value.name == "not_authorised"
    bench.host.authorise(made(now(bench)), HOLDER)
    assert bench.info().serial_number == "SIM-0001"
    bench.host.request(Opcode.RESET, FACTORY_RESET, messages.Empty)
    bench.wait(3.0)
    bench.connect()
    assert bench.machine.terminal.peripherals.keys_present is False
    with pytest.raises(DeviceRefused):
        bench.host.request(Opcode.RESET, FACTORY_RESET, messages.Empty)
    journal = [entry.event for entry in bench.machine.terminal.journal.since(1)]
    assert "authorised" in journal
    assert "refused" in journal


def test_a_grant_gives_no_more_than_its_rights(bench: Bench) -> None:
    bench.host.authorise(made(now(bench), rights=int(Right.SERVICE)), HOLDER)
    with pytest.raises(DeviceRefused) as caught:
        bench.host.request(Opcode.RESET, FACTORY_RESET, messages.Empty)
    assert caught.value.status == Status.NOT_AUTHORISED


@pytest.mark.parametrize("granted", [Right(0), Right.SERVICE, Right.UPDATE, Right.FACTORY, Right.SERVICE | Right.UPDATE])
def test_a34_every_opcode_needs_its_right_on_a_terminal_that_opens_little(bench: Bench, granted: Right) -> None:
    """A census: on a terminal that opens only inspection, each request with each grant; refused exactly if it must be."""
    terminal = bench.machine.terminal
    terminal.access._open = Right.INSPECT
    if granted:
        bench.host.authorise(made(now(bench), rights=int(granted)), HOLDER)
    rights = Right.INSPECT | granted
    for opcode, command in COMMANDS.items():
        if command.request is None or opcode is Opcode.AUTHORISE:
            continue
        number = bench.host.ask(opcode, messages.Empty())
        answer = next(
            message for _ in range(200) for message in bench.host.collect(bench.pipe.now() + 5)
            if message.kind == Kind.RESPONSE and message.request_id == number
        )  # fmt: skip
        allowed = Right[command.rights.name] in rights
        assert (answer.status == Status.NOT_AUTHORISED) == (not allowed), (opcode.name, answer.status)


def test_an_update_on_a_restricted_terminal_takes_two_uses(bench: Bench) -> None:
    bench.machine.terminal.access._open = Right.INSPECT
    new = make_package(version="1.1.0", counter=8)
    grant = made(now(bench), rights=int(Right.UPDATE | Right.SERVICE), uses=2)
    with pytest.raises(DeviceRefused):
        bench.send(new)
    bench.host.authorise(grant, HOLDER)
    bench.send(new)
    bench.restart()
    with pytest.raises(DeviceRefused):
        bench.confirm(new)
    bench.host.authorise(grant, HOLDER)
    bench.confirm(new)
    bench.connect()
    assert refused(bench, grant) is Status.NOT_AUTHORISED


# -- what it does not open ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"devices": ("SIM-0002",)},
        {"devices": ("sim-0001", "SIM-00010")},
        {"model": "VT-200"},
        {"not_before": DAY_S, "not_after": 2 * DAY_S},
        {"signers": ()},
        {"signers": (STRANGER,)},
        {"signers": (HOLDER,)},
    ],
    ids=["device", "like device", "model", "time", "unsigned", "stranger", "self-made"],
)
def test_a45_a_grant_for_something_else_is_refused(bench: Bench, changes: dict[str, object]) -> None:
    signers = changes.pop("signers", (KEY,))
    devices = changes.get("devices")
    if isinstance(devices, tuple):
        changes["devices"] = tuple(sorted(devices))
    assert refused(bench, made(now(bench), signers, **changes)) is Status.NOT_AUTHORISED  # type: ignore[arg-type]
    bench.host.authorise(made(now(bench)), HOLDER)  # a good one still counts


def test_a45_who_only_has_the_file_cannot_use_it(bench: Bench) -> None:
    assert refused(bench, made(now(bench)), STRANGER) is Status.NOT_AUTHORISED
    assert refused(bench, made(now(bench)), KEY) is Status.NOT_AUTHORISED


def test_a45_a_grant_is_used_up_and_stays_so(bench: Bench) -> None:
    grant = made(now(bench))
    bench.host.authorise(grant, HOLDER)
    for _ in range(2):
        bench.connect()
        assert refused(bench, grant) is Status.NOT_AUTHORISED
    bench.machine.terminal.power_off()
    bench.machine.terminal.power_on()
    bench.wait(3.0)
    bench.connect()
    assert refused(bench, grant) is Status.NOT_AUTHORISED


def test_a45_a_recorded_authorisation_is_worth_nothing_in_another_session(bench: Bench) -> None:
    """The same bytes again: the device's nonce is a new one."""
    grant = made(now(bench), uses=4)
    exchange = Exchange(bytes(32))
    proof = HOLDER.sign(proof_message(*bench.host.link.nonces, grant.digest, exchange.public))
    request = messages.Authorise(grant=grant.file.build(), host_key=exchange.public, proof=proof)
    bench.host.request(Opcode.AUTHORISE, request, messages.Authorised)
    bench.connect()
    with pytest.raises(DeviceRefused) as caught:
        bench.host.request(Opcode.AUTHORISE, request, messages.Authorised)
    assert caught.value.status == Status.NOT_AUTHORISED


def test_a_full_memory_of_grants_refuses(bench: Bench) -> None:
    used = bench.machine.terminal.storage.used_grants
    for number in range(CAPACITY):
        used.note(number.to_bytes(16, "little"), 1)
    assert refused(bench, made(now(bench))) is Status.NOT_AUTHORISED


# -- the session ------------------------------------------------------------------------------------------------------------


def pair() -> tuple[Session, Session]:
    host, device = Exchange(bytes(range(32))), Exchange(bytes(range(1, 33)))
    arguments = (bytes(16), bytes(range(16)), bytes(32))
    return host.session(device.public, *arguments), device.session(host.public, *arguments)


def test_a33_a_tag_holds_once_and_for_its_own_message() -> None:
    message = Message(Opcode.RESET, Kind.REQUEST, 7, 0, b"\2")
    for changes in ({"body": b"\1"}, {"opcode": Opcode.INFO}, {"request_id": 8}, {"kind": Kind.ONE_WAY}):
        host, device = pair()
        assert not device.holds(host.sign(message)._replace(**changes)), changes
    host, device = pair()
    first, second = host.sign(message), host.sign(message)
    assert device.holds(second)
    assert not device.holds(second)  # replayed
    assert not device.holds(first)  # late
    assert device.holds(host.sign(message))
    for bit, field in flips(host.sign(message).authentication):
        assert not device.holds(message._replace(authentication=field)), bit
    for field in (b"", b"x", bytes(24), bytes(64)):
        assert not device.holds(message._replace(authentication=field))


def test_keys_of_small_order_agree_on_nothing() -> None:
    for weak in (bytes(32), b"\1" + bytes(31)):
        with pytest.raises(FormatError):
            Exchange(bytes(range(32))).session(weak, bytes(16), bytes(16), bytes(32))


def test_another_grant_or_nonce_gives_another_key() -> None:
    host, device = Exchange(bytes(range(32))), Exchange(bytes(range(1, 33)))
    message = Message(Opcode.INFO, Kind.REQUEST, 1, 0, b"")
    base = (bytes(16), bytes(range(16)), bytes(32))
    for number in range(3):
        other = [*base]
        other[number] = bytes([9]) * len(base[number])
        assert not device.session(host.public, *base).holds(host.session(device.public, *other).sign(message))


# -- the file -----------------------------------------------------------------------------------------------------------------


def test_a11_every_flipped_bit_of_a_grant_is_refused() -> None:
    trusted = trust_format.parse(trust_format.create([("bank", KEY.public)], 1))
    raw = made(1_000_000).file.build()
    grant_format.parse(raw).check(trusted, "VT-100", "SIM-0001", 1_000_001)
    for bit, damaged in flips(raw):
        with pytest.raises(ToolError):
            grant_format.parse(damaged).check(trusted, "VT-100", "SIM-0001", 1_000_001)
            raise AssertionError(f"bit {bit} was accepted")
    for size in range(len(raw)):
        with pytest.raises(FormatError):
            grant_format.parse(raw[:size])


@pytest.mark.parametrize(
    "changes",
    [
        {"rights": 0}, {"rights": 16}, {"devices": ()}, {"devices": ("b", "a")}, {"devices": ("a", "a")}, {"devices": ("",)},
        {"model": ""}, {"uses": 0}, {"uses": 17}, {"not_after": 1_000_000}, {"not_after": 1_000_000 + 32 * DAY_S},
        {"holder_key": b"no key"},
    ],
)  # fmt: skip
def test_grants_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ToolError):
        made(1_000_000, **changes)


def test_the_bank_signs_grants_where_there_is_a_bank() -> None:
    roles = {Role.MAKER: (1, [("maker", KEY.public)]), Role.BANK: (1, [("bank", P256_KEY.public)])}
    trusted = trust_format.parse(trust_format.compose(roles))
    made(1_000_000, (P256_KEY,)).check(trusted, "VT-100", "SIM-0001", 1_000_001)
    with pytest.raises(ToolError):
        made(1_000_000, (KEY, THIRD_KEY)).check(trusted, "VT-100", "SIM-0001", 1_000_001)


def test_a14_a_package_signature_makes_no_grant() -> None:
    from tests.support import signatures_of

    grant = made(1_000_000, ())
    block = signatures_of("package", grant.digest, KEY)
    forged = dataclasses.replace(grant, file=grant.file._replace(signatures=block))
    trusted = trust_format.parse(trust_format.create([("bank", KEY.public)], 1))
    with pytest.raises(ToolError):
        forged.check(trusted, "VT-100", "SIM-0001", 1_000_001)


# -- by hand --------------------------------------------------------------------------------------------------------------------


def test_a_factory_reset_by_hand(run: Fwtool, keys: pathlib.Path, simulate: Callable[..., Sim]) -> None:
    assert run("keys", "generate", "--out", "li.pem").code == 0
    assert run("keys", "public", "li.pem", "--out", "li.pub.pem").code == 0
    create = ("grant", "create", "--model", "VT-100", "--device", "SIM-0001", "--right", "factory", "--right", "service",
              "--holder", "li.pub.pem", "--name", "Li Wei", "--work-order", "WO-17")  # fmt: skip
    assert run(*create, "--out", "g", "--json").result["data"]["rights"] == ["service", "factory"]
    (keys / "li.bin").write_bytes(pattern(900, 1))
    build = ("image", "build", "app=li.bin@0x200000", "--version", "1.0.0", "--hardware", "VT-100:1..9")
    assert run(*build, "--security-counter", "1", "--out", "old.fwp").code == 0
    assert run("image", "sign", "old.fwp", "--key", "maker.pem").code == 0
    sim = simulate("--listen", "tcp:127.0.0.1:0", "--firmware", "old.fwp")
    reset = ("reset", "factory", "--port", sim.port, "--grant", "g", "--holder-key", "li.pem")
    assert run("reset", "factory", "--port", sim.port).code == 6
    assert run(*reset).code == 6  # nobody has signed it
    assert run("grant", "sign", "g", "--key", "maker.pem").code == 0
    assert run(*reset[:-2]).code == 2
    done = run(*reset)
    assert done.code == 0, done.err
    assert run("diagnose", "security.keys", "--port", sim.port).code == 7
    shown = run("grant", "show", "g").out
    assert "Li Wei may service, factory on VT-100 SIM-0001" in shown
    assert abs(run("grant", "show", "g", "--json").result["data"]["not_before"] - time.time()) < 600


def test_a47_setting_the_clock_back_brings_no_grant_back_to_life(bench: Bench) -> None:
    start = now(bench)
    grant = made(start - 3 * DAY_S)
    assert refused(bench, grant) is Status.NOT_AUTHORISED
    bench.host.request(Opcode.CLOCK_SET, messages.Clock(time=start - 3 * DAY_S + 100), messages.Empty)
    assert refused(bench, grant) is Status.NOT_AUTHORISED
    assert now(bench) < start
    bench.host.authorise(made(start, id=bytes(16)), HOLDER)


def test_a45_a_grant_of_a_revoked_holder_is_refused() -> None:
    roles = {Role.BANK: (1, [("bank", KEY.public)])}
    trusted = trust_format.parse(trust_format.compose(roles, revoked=[HOLDER.public.key_id]))
    with pytest.raises(ToolError) as caught:
        made(1_000_000).check(trusted, "VT-100", "SIM-0001", 1_000_001)
    assert caught.value.name == "revoked"
