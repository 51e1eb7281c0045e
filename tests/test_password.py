"""The administrator's password: proof over the nonces, cost bounded, tries counted whatever happens to the power."""

import hashlib
import hmac
import json
import pathlib
from collections.abc import Callable

import pytest

from formats.errors import FormatError
from formats.grant import Right
from formats.keys import PrivateKey
from hwsim import scenario
from hwsim.flash import BLOCK
from hwsim.password_cells import FREE_TRIES, LONGEST_WAIT_S, PasswordCells
from hwsim.refusal import Refused
from tests.bench_parts import Bench
from tests.conftest import Fwtool, Sim
from tests.support import SECOND_KEY, flips
from tests.test_grants import made
from transports.errors import DeviceRefused, LinkError
from transports.tsp import messages, password
from transports.tsp.messages import Opcode, PasswordVerifier, ResetKind, Status

SECRET = "six words make a good one"
HOLDER: PrivateKey = SECOND_KEY
VERIFIER = password.verifier_for(SECRET, bytes(range(16)), 14)
NONCES = bytes(range(16)), bytes(range(16, 32))
PRINT = messages.PrintRequest(lines=())


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    """One that opens only inspection."""
    bench = Bench(tmp_path, scenario={"terminal": {"password": SECRET, "open_rights": "inspect"}})
    bench.connect()
    return bench


def status_of(act: Callable[[], object]) -> Status:
    with pytest.raises(DeviceRefused) as caught:
        act()
    return Status(caught.value.status)


def state(bench: Bench) -> messages.PasswordState:
    return bench.host.request(Opcode.PASSWORD, messages.Empty(), messages.PasswordState)


def prints(bench: Bench) -> messages.PrintResult:
    return bench.host.request(Opcode.PRINT_TEST, PRINT, messages.PrintResult)


def guess(bench: Bench) -> Status:
    return status_of(lambda: bench.host.login("one of a thousand guesses"))


# -- what it opens --------------------------------------------------------------------------------------------------------


def test_a34_the_password_opens_its_session_and_not_the_factory(bench: Bench) -> None:
    assert status_of(lambda: prints(bench)) is Status.NOT_AUTHORISED
    bench.host.login(SECRET)
    assert prints(bench).lines_printed > 0
    reset = messages.ResetRequest(reset=ResetKind.FACTORY)
    assert status_of(lambda: bench.host.request(Opcode.RESET, reset, messages.Empty)) is Status.NOT_AUTHORISED
    bench.connect()
    assert status_of(lambda: prints(bench)) is Status.NOT_AUTHORISED
    events = [(entry.event, entry.detail) for entry in bench.machine.terminal.journal.since(1)]
    assert ("authorised", "by password") in events


def test_a45_there_is_no_default_password(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    for guessed in ("", "0000", "admin", "password", "166831", "1" * 10):
        assert status_of(lambda word=guessed: bench.host.login(word)) is Status.WRONG_STATE  # type: ignore[misc]
    zeros = messages.PasswordLogin(host_key=b"\x09" + bytes(31), proof=bytes(32))
    asked = lambda: bench.host.request(Opcode.PASSWORD_LOGIN, zeros, messages.Authorised)  # noqa: E731
    assert status_of(asked) is Status.WRONG_STATE


def test_setting_it_takes_a_grant_for_the_factory(bench: Bench) -> None:
    other = "another good long one"
    bench.host.login(SECRET)
    assert status_of(lambda: bench.host.set_password(other)) is Status.NOT_AUTHORISED
    bench.connect()
    bench.host.authorise(made(bench.machine.terminal.clock(), rights=int(Right.FACTORY)), HOLDER)
    bench.host.set_password(other)
    bench.connect()
    assert status_of(lambda: bench.host.login(SECRET)) is Status.NOT_AUTHORISED
    bench.host.login(other)
    assert prints(bench).lines_printed > 0


# -- tries ----------------------------------------------------------------------------------------------------------------


def test_a46_wrong_ones_make_wait(bench: Bench) -> None:
    for _ in range(FREE_TRIES):
        assert guess(bench) is Status.NOT_AUTHORISED
    assert (state(bench).failures, state(bench).wait_s) == (FREE_TRIES, 30)
    assert status_of(lambda: bench.host.login(SECRET)) is Status.BUSY, "not even the right one"
    assert state(bench).failures == FREE_TRIES, "what was not looked at does not count"
    bench.wait(31)
    bench.connect()
    assert guess(bench) is Status.NOT_AUTHORISED
    assert 58 <= state(bench).wait_s <= 60
    bench.wait(61)
    bench.connect()
    bench.host.login(SECRET)
    assert (state(bench).failures, state(bench).wait_s) == (0, 0)


def test_a46_no_power_cut_takes_a_try_back(bench: Bench) -> None:
    """The power goes right after each wrong guess: the tally goes on, and the wait begins anew."""
    for number in range(1, 7):
        assert guess(bench) in (Status.NOT_AUTHORISED, Status.BUSY)
        bench.machine.terminal.cut_power()
        bench.wait(6.0)
        bench.connect()
        assert state(bench).failures == min(number, FREE_TRIES)
    assert 20 <= state(bench).wait_s <= 30
    clock = messages.Clock(time=bench.machine.terminal.clock() + 10**6)
    bench.machine.terminal.access._open |= Right.SERVICE
    bench.host.request(Opcode.CLOCK_SET, clock, messages.Empty)
    assert guess(bench) is Status.BUSY, "the time of day does not count"


def test_a46_the_try_is_counted_before_it_is_looked_at(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut between counting and looking: it counts as wrong."""

    class Cut(Exception):
        pass

    def cut(*given: object) -> None:
        raise Cut

    monkeypatch.setattr(password, "opened", cut)
    request = messages.PasswordLogin(host_key=b"\x09" + bytes(31), proof=bytes(32))
    with pytest.raises(Cut):
        bench.machine.terminal.access.login(bench.machine.terminal, request)
    assert bench.machine.terminal.storage.password.failures == 1


def test_waits_grow_to_four_hours_and_a_full_tally_refuses(tmp_path: pathlib.Path) -> None:
    cells = PasswordCells(tmp_path / "cells")
    cells.set(VERIFIER)
    waits = []
    for _ in range(16):
        cells.begin_try()
        waits.append(PasswordCells(tmp_path / "cells").wait_s)
    assert waits[:6] == [0, 0, 30, 60, 120, 240]
    assert waits[-1] == LONGEST_WAIT_S == 14_400
    cells._cells[4096:BLOCK] = bytes([0xA5]) * (BLOCK - 4096)
    with pytest.raises(Refused) as caught:
        cells.begin_try()
    assert caught.value.status == Status.NOT_AUTHORISED


@pytest.mark.parametrize("cut", range(0, 60, 5))
def test_a_password_that_was_set_half_opens_nothing(cut: int) -> None:
    cells = PasswordCells()
    cells.set(VERIFIER)
    assert cells.verifier == VERIFIER
    cells._cells[cut : cut + 5] = b"\xff" * 5
    assert cells.verifier is None


# -- the proof --------------------------------------------------------------------------------------------------------------


def test_the_proof_by_hand() -> None:
    """From the document alone: section 7.1."""
    salted = hashlib.scrypt(SECRET.encode(), salt=bytes(range(16)), n=2**14, r=8, p=1, dklen=32)
    client = hmac.new(salted, b"fwtool/password/v1", hashlib.sha256).digest()
    stored = hashlib.sha256(client).digest()
    assert VERIFIER.stored_key == stored
    key = bytes(range(32))
    bound = b"fwtool/password-use/v1\0" + hashlib.sha256(b"".join(NONCES) + bytes((14, 8, 1)) + bytes(range(16)) + key).digest()
    proof = bytes(a ^ b for a, b in zip(client, hmac.new(stored, bound, hashlib.sha256).digest(), strict=True))
    assert password.proof_of(client, VERIFIER, NONCES, key) == proof
    assert password.opened(proof, VERIFIER, NONCES, key) == client


def test_a33_a_proof_is_for_one_session_one_key_one_verifier() -> None:
    key, host_key = password.client_key(SECRET, VERIFIER), bytes(32)
    good = password.proof_of(key, VERIFIER, NONCES, host_key)
    assert all(password.opened(bad, VERIFIER, NONCES, host_key) is None for _, bad in flips(good))
    for nonces in ((NONCES[1], NONCES[0]), (bytes(16), NONCES[1]), (NONCES[0], bytes(16))):
        assert password.opened(good, VERIFIER, nonces, host_key) is None
    assert password.opened(good, VERIFIER, NONCES, b"\1" * 32) is None
    other = PasswordVerifier(log_n=15, r=8, p=1, salt=VERIFIER.salt, stored_key=VERIFIER.stored_key)
    assert password.opened(good, other, NONCES, host_key) is None


def test_a45_a_recorded_exchange_opens_no_other_session(bench: Bench) -> None:
    seen = []
    ask = bench.host.ask
    bench.host.ask = lambda opcode, request: (seen.append(request), ask(opcode, request))[1]  # type: ignore[method-assign]
    bench.host.login(SECRET)
    (login,) = [one for one in seen if isinstance(one, messages.PasswordLogin)]
    bench.connect()
    again = lambda: bench.host.request(Opcode.PASSWORD_LOGIN, login, messages.Authorised)  # noqa: E731
    assert status_of(again) is Status.NOT_AUTHORISED


@pytest.mark.parametrize(
    ("log_n", "r", "p"), [(1, 8, 1), (13, 8, 1), (16, 8, 1), (255, 8, 1), (14, 1, 1), (14, 255, 1), (14, 8, 0), (14, 8, 5)]
)
def test_a35_no_host_pays_any_price_and_none_is_too_low(bench: Bench, log_n: int, r: int, p: int) -> None:
    """A lying terminal asks for a cheap proof, or for all memory."""
    bench.machine.terminal.storage.password.set(PasswordVerifier(log_n=log_n, r=r, p=p, salt=bytes(16), stored_key=bytes(32)))
    with pytest.raises(LinkError):
        bench.host.login(SECRET)
    assert state(bench).failures == 0, "nothing was sent"


def test_new_passwords_are_not_short_and_of_one_form() -> None:
    with pytest.raises(FormatError):
        password.verifier_for("123456789", bytes(16))
    composed, apart = "Gef\u00e4hrlich!", "Gefa\u0308hrlich!"
    assert password.verifier_for(composed, bytes(16), 14) == password.verifier_for(apart, bytes(16), 14)


def test_open_rights_of_a_scenario() -> None:
    assert scenario.rights_of({"terminal": {"open_rights": "inspect, update"}}) == Right.INSPECT | Right.UPDATE
    with pytest.raises(FormatError):
        scenario.check({"terminal": {"open_rights": "everything"}})


@pytest.fixture
def firmware(run: Fwtool, keys: pathlib.Path) -> str:
    """A terminal without any does nothing but take some."""
    (keys / "app.bin").write_bytes(b"x" * 900)
    build = ("image", "build", "app=app.bin", "--version", "1.0.0", "--hardware", "VT-100", "--security-counter", "1")
    assert run(*build, "--out", "old.fwp").code == 0
    assert run("image", "sign", "old.fwp", "--key", "maker.pem").code == 0
    return "old.fwp"


def test_set_from_the_command_line(run: Fwtool, keys: pathlib.Path, firmware: str) -> None:
    """While it has no number; then it takes a grant for factory. Nobody sees it, and the record does not have it."""
    port = f"sim:?trust=maker.trust&firmware={firmware}&state=flash&serial=&scenario=s.toml"
    (keys / "s.toml").write_text('[terminal]\nopen_rights = "inspect"\n')
    for name, text in (("first.txt", f"\n{SECRET}\n"), ("second.txt", "\nGefährlich geheim\n"), ("short.txt", "\n123456789\n")):
        (keys / name).write_text(text, encoding="utf-8")
    done = run("password", "set", "--port", port, "--new", "short.txt", "--json").result
    assert (done["exit_code"], done["error"]["name"]) == (2, "usage")
    assert "--new" in run("password", "set", "--port", port, "--json").result["error"]["hint"]
    assert run("password", "set", "--port", port, "--new", "first.txt", "--json").result["changed"] is True
    print_it = ("print-test", "--port", port, "--json")
    assert run(*print_it).result["error"]["name"] == "not_authorised"
    assert run(*print_it, "--password-file", "first.txt").code == 0
    assert run("password", "set", "--port", port, "--new", "second.txt").code == 0
    assert run(*print_it, "--password-file", "first.txt").code == 6
    assert run(*print_it, "--password-file", "second.txt").code == 0
    entries = run("log", "show", "--json").result["data"]["entries"]
    assert [one["verdict"] for one in entries if (one["kind"], one.get("act")) == ("finished", "password_set")] == [
        "failed", "done", "done",
    ]  # fmt: skip
    assert not any(word in json.dumps(entries, ensure_ascii=False) for word in (SECRET, "geheim"))
    numbered = port.replace("serial=", "serial=S1").replace("flash", "other")
    assert run("password", "set", "--port", numbered, "--new", "first.txt", "--json").result["error"]["name"] == "not_authorised"
    dfu = run("password", "set", "--port", "sim-dfu:", "--new", "first.txt", "--json").result["error"]
    assert dfu["name"] == "not_supported_here"


def test_by_hand_from_the_command_line(run: Fwtool, simulate: Callable[..., Sim], keys: pathlib.Path, firmware: str) -> None:
    """The password comes from a file, and is in no trace."""
    (keys / "s.toml").write_text(f'[terminal]\npassword = "{SECRET}"\nopen_rights = "inspect"\n')
    (keys / "right.txt").write_text(f"\n{SECRET}\n")
    (keys / "wrong.txt").write_text("\nnot the right one\n")
    sim = simulate("--scenario", "s.toml", "--firmware", firmware)
    ask = ("print-test", "--port", sim.port, "--json")
    assert run(*ask).result["error"]["name"] == "not_authorised"
    assert run(*ask, "--password-file", "wrong.txt").result["error"]["name"] == "not_authorised"
    done = run(*ask, "--password-file", "right.txt", "--trace", "t.jsonl")
    assert done.code == 0, done.out
    assert SECRET not in (keys / "t.jsonl").read_text()
    assert SECRET not in done.out + done.err
    assert run("stats", "show", "--port", sim.port, "--password-file", "right.txt").code == 0
