"""A permitted downgrade: one release, some terminals, one counter; everything else stays refused, by host and terminal."""

import dataclasses
import hashlib
import io
import json
import pathlib
from collections.abc import Callable

import pytest

from formats import permit as permit_format
from formats import rotation
from formats import trust as trust_format
from formats.errors import FormatError, TrustError
from formats.fwp import package
from formats.fwp.header import Header
from formats.fwp.manifest import ComponentType, Manifest
from formats.keys import PrivateKey
from formats.permit import DAY_S, PermitRecord
from formats.trust_record import Role
from formats.versions import Version
from hwsim.hostile import force
from tests.bench_parts import Bench
from tests.conftest import Fwtool, Sim
from tests.support import KEY, SECOND_KEY, STRANGER, flips, make_package, part, pattern, signatures_of, trust_of
from transports.errors import DeviceRefused
from transports.tsp import messages
from transports.tsp.messages import Opcode, SlotState, Status

RECORD = PermitRecord(
    id=bytes(range(16)), not_before=1_790_000_000, not_after=1_790_000_000 + DAY_S, model="VT-100", devices=("SIM-0001",),
    from_counter=7, to_counter=5, to_version=Version(0, 9, 0), work_order="WO-9", reason="printer fault in 1.0.0",
)  # fmt: skip


def signed(*signers: PrivateKey, **changes: object) -> bytes:
    return permit_format.build(dataclasses.replace(RECORD, **changes)).signed(list(signers or (KEY,)))


def below(*permits: bytes, version: str = "0.9.0", counter: int = 5, also: tuple[bytes, ...] = ()) -> bytes:
    files = [part(raw, f"permit{number}", kind=ComponentType.PERMIT) for number, raw in enumerate(permits)]
    files += [part(raw, f"trust{number}", kind=ComponentType.TRUST) for number, raw in enumerate(also)]
    return make_package([pattern(9000, counter), *files], version=version, counter=counter, signers=(KEY, SECOND_KEY))


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    bench = Bench(tmp_path)
    bench.connect()
    return bench


def install(bench: Bench, raw: bytes) -> None:
    force(bench.host, raw)
    bench.restart()
    digest = hashlib.sha256(raw[: Header.parse(raw[:64], None).signed_size]).digest()
    bench.host.request(Opcode.CONFIRM, messages.Confirm(digest=digest), messages.Empty)
    bench.restart()


def refused(bench: Bench, raw: bytes) -> Status:
    with pytest.raises(DeviceRefused) as caught:
        force(bench.host, raw)
    assert bench.slots()[1].state is not SlotState.TRIAL
    return Status(caught.value.status)


def test_a26_a_permit_lets_its_terminal_go_back_and_leaves_the_counter(bench: Bench) -> None:
    assert refused(bench, below()) is Status.ROLLBACK
    install(bench, below(signed()))
    info = bench.info()
    assert (str(info.version), info.security_counter) == ("0.9.0", 7)
    bench.restart()
    assert str(bench.info().version) == "0.9.0", "it starts every time"
    (noted,) = [one for one in bench.machine.terminal.journal.since(1) if one.event == "downgrade_permitted"]
    assert noted.detail == "00010203: 0.9.0, counter 7 to 5; WO-9 printer fault in 1.0.0"


def test_a26_once_the_counter_has_risen_it_is_good_for_nothing(bench: Bench) -> None:
    """Not to be sent again, not to be gone back to, not as a last resort."""
    package = below(signed())
    install(bench, package)
    install(bench, make_package(version="1.1.0", counter=8))
    assert bench.info().security_counter == 8
    with pytest.raises(DeviceRefused) as caught:
        bench.host.request(Opcode.REVERT, messages.Empty(), messages.Empty)
    assert caught.value.status == Status.ROLLBACK
    assert refused(bench, package) is Status.ROLLBACK
    assert str(bench.info().version) == "1.1.0"


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "VT-200"}, {"devices": ("SIM-0002",)}, {"from_counter": 8}, {"from_counter": 6}, {"to_counter": 4},
        {"to_version": Version(0, 9, 1)}, {"to_version": Version(0, 9, 0, 1)},
    ],
    ids=lambda changes: str(changes),
)  # fmt: skip
def test_a26_a_permit_for_something_else_is_refused(bench: Bench, changes: dict[str, object]) -> None:
    assert refused(bench, below(signed(**changes))) is Status.ROLLBACK


def test_a26_the_wrong_signers_permit_nothing(bench: Bench) -> None:
    for signers in ((STRANGER,), (SECOND_KEY,)):
        assert refused(bench, below(signed(*signers))) is Status.ROLLBACK
    unsigned = permit_format.build(RECORD).file.build()
    assert refused(bench, below(unsigned)) is Status.ROLLBACK
    assert refused(bench, below(pattern(300))) is Status.ROLLBACK


def test_any_of_several_permits_will_do(bench: Bench) -> None:
    """One package for terminals at several counters."""
    install(bench, below(signed(from_counter=9), signed(from_counter=8), signed(devices=())))
    assert str(bench.info().version) == "0.9.0"


def test_a_package_with_a_permit_brings_no_trust(bench: Bench) -> None:
    """The permit would have to be good under two trusts."""
    raw = trust_format.compose({Role.SIGNER: (1, [("signer", SECOND_KEY.public)])}, version=2)
    new = rotation.sign(trust_format.parse(raw), [KEY, SECOND_KEY])
    assert refused(bench, below(signed(), also=(new.raw,))) is Status.ROLLBACK


def test_a_permit_on_a_package_that_needs_none_changes_nothing(bench: Bench) -> None:
    install(bench, below(signed(), version="1.1.0", counter=8))
    assert bench.info().security_counter == 8
    assert "downgrade_permitted" not in [entry.event for entry in bench.machine.terminal.journal.since(1)]


def test_a14_signatures_for_other_objects_permit_nothing() -> None:
    permit = permit_format.build(RECORD)
    manifest = package_manifest(below(signed()))
    for kind in ("package", "trust", "grant", "log-head", "work-order", "bundle"):
        forged = dataclasses.replace(permit, file=permit.file._replace(signatures=signatures_of(kind, permit.digest, KEY)))
        with pytest.raises(TrustError):
            forged.check(trust_of(KEY), manifest, "VT-100", "SIM-0001", 7)
    good = permit_format.parse(signed())
    good.check(trust_of(KEY), manifest, "VT-100", "SIM-0001", 7)


def package_manifest(raw: bytes) -> Manifest:
    return package.seal(io.BytesIO(raw)).open().manifest


def test_a11_every_flipped_bit_of_a_permit_is_refused() -> None:
    manifest, trusted = package_manifest(below(signed())), trust_of(KEY)
    for bit, raw in flips(signed()):
        with pytest.raises((FormatError, TrustError)):
            permit_format.parse(raw).check(trusted, manifest, "VT-100", "SIM-0001", 7)
            pytest.fail(f"bit {bit}")


@pytest.mark.parametrize(
    "changes",
    [{"model": ""}, {"devices": ("B", "A")}, {"devices": ("A", "A")}, {"devices": ("",)}, {"to_counter": 7},
     {"not_after": RECORD.not_before}, {"not_after": RECORD.not_before + 32 * DAY_S}],
)  # fmt: skip
def test_permits_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError) as caught:
        permit_format.build(dataclasses.replace(RECORD, **changes))
    assert caught.value.name == "usage"


def test_a27_only_hosts_look_at_the_time() -> None:
    permit = permit_format.parse(signed())
    for now, good in ((-1, False), (0, True), (DAY_S - 1, True), (DAY_S, False)):
        if good:
            permit.check_time(RECORD.not_before + now)
        else:
            with pytest.raises(TrustError) as caught:
                permit.check_time(RECORD.not_before + now)
            assert caught.value.name == "expired"


def test_by_hand_from_the_command_line(run: Fwtool, simulate: Callable[..., Sim], keys: pathlib.Path) -> None:
    (keys / "app.bin").write_bytes(pattern(3000))

    def packed(name: str, version: str, counter: str, *also: str) -> None:
        build = ("image", "build", "app=app.bin", *also, "--version", version, "--hardware", "VT-100")
        assert run(*build, "--security-counter", counter, "--out", name).code == 0
        assert run("image", "sign", name, "--key", "maker.pem").code == 0

    create = ("permit", "create", "--model", "VT-100", "--device", "SIM-0001", "--from-counter", "9", "--to-counter", "4")
    create = (*create, "--to-version", "1.4.0", "--reason", "printer", "--work-order", "WO-3")
    assert run(*create, "--out", "permit.bin").code == 0
    packed("new.fwp", "1.5.0", "9")
    packed("unsigned.fwp", "1.4.0", "4", "permit=permit.bin")
    assert run("permit", "sign", "permit.bin", "--key", "maker.pem").code == 0
    shown = run("permit", "show", "permit.bin", "--json").result["data"]
    assert (shown["from_counter"], shown["to_version"], len(shown["signatures"])) == (9, "1.4.0", 1)
    packed("plain.fwp", "1.4.0", "4")
    packed("old.fwp", "1.4.0", "4", "permit=permit.bin")
    sim = simulate()
    flash = ("--port", sim.port, "--trust", "maker.trust", "--json")
    assert run("flash", "new.fwp", *flash).code == 0
    for name, error in (("plain.fwp", "rollback"), ("unsigned.fwp", "not_signed")):
        assert run("flash", name, *flash).result["error"]["name"] == error
    assert run("flash", "old.fwp", *flash).code == 0
    info = run("info", "--port", sim.port, "--json").result["data"]
    assert (info["version"], info["security_counter"]) == ("1.4.0", 9)
    assert "downgrade_permitted" in json.dumps(run("journal", "show", "--port", sim.port, "--json").result["data"])
    assert "WO-3" in json.dumps(run("log", "show", "--json").result["data"])
