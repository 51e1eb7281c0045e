"""A new trust that comes in a package: judged by the terminal itself, effective at CONFIRM, never going back."""

import hashlib
import json
import pathlib
from collections.abc import Callable

import pytest

from formats import rotation
from formats import trust as trust_format
from formats.errors import FormatError, TrustError
from formats.fwp.header import Header
from formats.fwp.manifest import ComponentType
from formats.keys import PrivateKey
from formats.trust import Trust
from formats.trust_record import Role
from hwsim.flash import NorFlash
from hwsim.hostile import force
from hwsim.layout import DEFAULT, FLASH_SIZE
from hwsim.trust_store import HEAD_SIZE, TrustStore
from tests.bench_parts import TRUST, Bench
from tests.conftest import Fwtool, Sim
from tests.support import KEY, SECOND_KEY, STRANGER, THIRD_KEY, flips, make_package, part, pattern, trust_of
from transports.errors import DeviceRefused
from transports.tsp import messages
from transports.tsp.messages import Opcode, SlotState, Status


def trust_by(version: int, signer: PrivateKey, *signed_by: PrivateKey) -> Trust:
    """A trust of one signer without roles beside it: the signer vouches for its successors too."""
    raw = trust_format.compose({Role.SIGNER: (1, [("signer", signer.public)])}, version=version)
    return rotation.sign(trust_format.parse(raw), signed_by)


def bringing(*files: bytes, version: str = "1.1.0", counter: int = 8, signers: tuple[PrivateKey, ...]) -> bytes:
    parts = [part(raw, f"trust{number}", kind=ComponentType.TRUST) for number, raw in enumerate(files)]
    return make_package([pattern(300), *parts], version=version, counter=counter, signers=signers)


SECOND = trust_by(2, SECOND_KEY, KEY, SECOND_KEY)
THIRD = trust_by(3, THIRD_KEY, SECOND_KEY, THIRD_KEY)
ROTATING = bringing(SECOND.raw, signers=(KEY, SECOND_KEY))


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    bench = Bench(tmp_path)
    bench.connect()
    return bench


def confirm(bench: Bench, raw: bytes) -> None:
    digest = hashlib.sha256(raw[: Header.parse(raw[:64], None).signed_size]).digest()
    bench.host.request(Opcode.CONFIRM, messages.Confirm(digest=digest), messages.Empty)


def install(bench: Bench, raw: bytes) -> None:
    force(bench.host, raw)
    bench.restart()
    confirm(bench, raw)


def refused(bench: Bench, raw: bytes) -> Status:
    with pytest.raises(DeviceRefused) as caught:
        force(bench.host, raw)
    assert bench.slots()[1].state is not SlotState.TRIAL
    assert bench.info().trust_version == 1
    return Status(caught.value.status)


def test_a_new_trust_counts_from_the_confirmation_on(bench: Bench) -> None:
    only_second = make_package(version="1.2.0", counter=8, signers=(SECOND_KEY,))
    assert refused(bench, only_second) is Status.BAD_SIGNATURE
    force(bench.host, ROTATING)
    assert bench.info().trust_version == 1
    bench.restart()
    assert bench.info().trust_version == 1, "on trial the old one counts"
    confirm(bench, ROTATING)
    assert bench.info().trust_version == 2
    bench.restart()
    assert (bench.info().trust_version, str(bench.info().version)) == (2, "1.1.0")
    events = [entry.event for entry in bench.machine.terminal.journal.since(1)]
    assert events.count("trust_taken") == 1
    with pytest.raises(DeviceRefused) as caught:
        force(bench.host, make_package(version="1.3.0", counter=9, signers=(KEY,)))
    assert caught.value.status == Status.BAD_SIGNATURE
    install(bench, only_second)
    assert str(bench.info().version) == "1.2.0"


def test_a_trust_on_trial_goes_away_with_its_image(bench: Bench) -> None:
    force(bench.host, ROTATING)
    bench.restart()
    bench.restart()
    assert (bench.info().trust_version, str(bench.info().version)) == (1, "1.0.0")


def test_a24_a_trust_that_is_not_vouched_for_never_gets_its_place(bench: Bench) -> None:
    """Each way to lack a signature: by the old root, by the new one, by both, by strangers instead."""
    everyone = (KEY, SECOND_KEY, STRANGER)
    for signers in ((KEY,), (SECOND_KEY,), (), (STRANGER,), (KEY, STRANGER)):
        bad = trust_by(2, SECOND_KEY, *signers)
        assert refused(bench, bringing(bad.raw, signers=everyone)) is Status.BAD_SIGNATURE, signers
    assert bench.machine.terminal.storage.trust_store.current == TRUST


def test_a_package_that_its_own_trust_would_not_start_is_refused(bench: Bench) -> None:
    """It would be confirmed, and the next start would find nothing that may run."""
    assert refused(bench, bringing(SECOND.raw, signers=(KEY,))) is Status.BAD_SIGNATURE


def test_a22_a23_thresholds_of_both_roots(bench: Bench) -> None:
    """Two of two new root keys must sign, whoever else does."""
    roles = {Role.SIGNER: (1, [("maker", KEY.public)]), Role.ROOT: (2, [("a", SECOND_KEY.public), ("b", THIRD_KEY.public)])}
    plain = trust_format.parse(trust_format.compose(roles, version=2))
    for signers, good in (((KEY, SECOND_KEY), False), ((KEY, THIRD_KEY, STRANGER), False), ((KEY, SECOND_KEY, THIRD_KEY), True)):
        package = bringing(rotation.sign(plain, signers).raw, signers=(KEY,))
        if not good:
            assert refused(bench, package) is Status.BAD_SIGNATURE
        else:
            install(bench, package)
            assert bench.info().trust_version == 2


def test_several_in_a_row_and_never_back(bench: Bench) -> None:
    """A terminal that slept through a rotation gets both; one that is ahead passes over what it has."""
    chain = bringing(SECOND.raw, THIRD.raw, signers=(KEY, THIRD_KEY))
    assert refused(bench, bringing(THIRD.raw, SECOND.raw, signers=(KEY, SECOND_KEY, THIRD_KEY))) is Status.BAD_SIGNATURE
    assert refused(bench, bringing(THIRD.raw, signers=(KEY, THIRD_KEY))) is Status.BAD_SIGNATURE
    install(bench, chain)
    assert bench.info().trust_version == 3
    install(bench, bringing(SECOND.raw, version="1.2.0", signers=(THIRD_KEY,)))
    assert (bench.info().trust_version, str(bench.info().version)) == (3, "1.2.0")


@pytest.mark.parametrize("kind", ["no trust file", "a lone key", "cut", "too large"])
def test_what_is_no_trust_file_is_refused_before_the_trial(bench: Bench, kind: str) -> None:
    lone = b"-----BEGIN PUBLIC KEY-----\n"
    raw = {"no trust file": pattern(200), "a lone key": lone, "cut": SECOND.raw[:-1], "too large": bytes(60_000)}[kind]
    status = refused(bench, bringing(raw, signers=(KEY, SECOND_KEY)))
    assert status is (Status.TOO_LARGE if kind == "too large" else Status.DAMAGED_PACKAGE)


def test_a11_every_flipped_bit_of_a_trust_file_is_refused() -> None:
    """As the terminal judges it."""
    for bit, raw in flips(SECOND.raw):
        with pytest.raises((FormatError, TrustError)):
            rotation.judge(TRUST, trust_format.parse(raw))
            pytest.fail(f"bit {bit}")


def test_f11_two_places_take_turns() -> None:
    """The sequence over its edges; each place wears as the other; a place that is spoilt leaves the one before."""
    flash = NorFlash(bytearray(b"\xff") * FLASH_SIZE, FLASH_SIZE)
    store = TrustStore(flash)
    trusts = [trust_of(KEY), trust_of(SECOND_KEY)]
    for edge in (0, 2**8, 2**16, 2**32 - 60):
        store._sequence = max(0, edge - 3)
        for number in range(8):
            store.write(trusts[number % 2])
            assert TrustStore(flash).current == trusts[number % 2]
    left = []
    for which in (0, 1):
        at = DEFAULT.trust[which].address + HEAD_SIZE + 20
        flash.fill(at, bytes([flash.cells[at] ^ 0xFF]))
        left.append(TrustStore(flash).current)
    assert left == [trusts[1], None], "one may decay"
    worn = [flash.wear.get(flash.geometry.sector_of(area.address), 0) for area in DEFAULT.trust]
    assert abs(worn[0] - worn[1]) <= 1


def test_by_hand_from_the_command_line(run: Fwtool, simulate: Callable[..., Sim], keys: pathlib.Path) -> None:
    """New keys, a new trust signed by both, a package that carries it: flashed, and the old key is worth nothing any more."""
    data = keys / "app.bin"
    data.write_bytes(pattern(3000))
    assert run("keys", "generate", "--out", "new.pem").code == 0
    assert run("keys", "public", "new.pem", "--out", "new.pub.pem").code == 0
    assert run("trust", "create", "--version", "2", "new.pub.pem", "--revoke", "maker.pub.pem", "--out", "new.trust").code == 0
    rotate = ("trust", "rotate", "--old", "maker.trust", "--new", "new.trust", "--out", "new.trust")
    assert run(*rotate, "--key", "maker.pem", "--key", "new.pem").code == 0

    def package(name: str, version: str, *signers: str, also: tuple[str, ...] = ()) -> None:
        build = ("image", "build", "app=app.bin", *also, "--version", version, "--hardware", "VT-100", "--security-counter", "3")
        assert run(*build, "--out", name).code == 0
        assert run("image", "sign", name, *(word for key in signers for word in ("--key", key))).code == 0

    package("1.fwp", "1.5.0", "maker.pem", "new.pem", also=("trust=new.trust",))
    package("2.fwp", "1.6.0", "new.pem")
    package("3.fwp", "1.7.0", "maker.pem")
    sim = simulate()
    assert run("flash", "1.fwp", "--port", sim.port, "--trust", "maker.trust").code == 0
    journal = run("journal", "show", "--port", sim.port, "--json").result["data"]
    assert "trust_taken" in json.dumps(journal)
    assert run("flash", "2.fwp", "--port", sim.port, "--trust", "new.trust").code == 0
    done = run("flash", "3.fwp", "--port", sim.port, "--trust", "maker.trust", "--json").result
    assert done["error"]["name"] == "device_distrusts"
    assert run("info", "--port", sim.port, "--json").result["data"]["version"] == "1.6.0"
