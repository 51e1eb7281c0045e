"""A device that lies, talks nonsense or never ends: a clear error in bounded time, nothing obeyed."""

import ast
import json
import pathlib

import pytest

import fwtool
from formats.record import Record
from fwtool.flashing import FlashJob, flash
from fwtool.records import Records
from tests.bench_parts import TRUST, Bench
from tests.support import make_package, pattern
from transports.errors import LinkError, LinkLost
from transports.tsp import messages
from transports.tsp.messages import Kind, Message, Opcode, Status


def answering(bench: Bench, body: bytes, status: int = 0) -> None:
    """From now on the terminal answers every request with these bytes."""
    terminal = bench.machine.terminal

    def answer(message: Message, _: Status, record: Record) -> None:
        del record
        terminal.link.send(Message(message.opcode, Kind.RESPONSE, message.request_id, status, body).build())
        terminal.flush()

    terminal.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x1b]0;x\x07", "\u202egnp", "a\nb", "\x9b1m", "../../etc\0"])
def test_a36_a37_control_characters_in_device_strings_are_refused(tmp_path: pathlib.Path, evil: str) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    good = bench.machine.terminal.info()
    body = good.build()
    serial = good.serial_number.encode()
    raw = evil.encode()
    answering(bench, body.replace(bytes([len(serial)]) + serial, bytes([len(raw)]) + raw))
    with pytest.raises(LinkError) as caught:
        bench.info()
    assert caught.value.name == "protocol"


@pytest.mark.parametrize("cut", [0, 1, 10, 40])
def test_a35_short_and_long_answers_are_refused(tmp_path: pathlib.Path, cut: int) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    body = bench.machine.terminal.info().build()
    answering(bench, body[:cut] if cut else body + b"\0")
    with pytest.raises(LinkError):
        bench.info()


def test_a35_a_message_without_end_is_cut_off(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    terminal = bench.machine.terminal
    terminal.link.send(b"\x01\x01\x01\x00\x00\x00\x00\x00\xff\xff\xff\xff")
    terminal.flush()
    with pytest.raises(LinkError) as caught:
        bench.host.request(Opcode.INFO, messages.Empty(), messages.Info)
    assert caught.value.name == "protocol"


def test_a35_a_silent_device_is_given_up(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    bench.machine.terminal.hung = True
    start = bench.pipe.now()
    with pytest.raises(LinkLost):
        bench.info()
    assert bench.pipe.now() - start < 12


def test_a_device_that_acknowledges_and_never_answers_is_given_up(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    bench.machine.terminal.answer = lambda message, status, body: None  # type: ignore[method-assign]
    start = bench.pipe.now()
    with pytest.raises(LinkLost):
        bench.info()
    assert bench.pipe.now() - start < 12


def test_unknown_refusals_are_still_refusals(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    answering(bench, b"\xff\xff\xff", status=999)
    with pytest.raises(Exception, match="status 999"):
        bench.info()


@pytest.mark.parametrize("evil", ["x'; DROP TABLE entries; --", '"; rm -rf ~; echo "', "$(reboot)", "{0.__class__}", "%s%n"])
def test_a38_identifiers_are_data(tmp_path: pathlib.Path, evil: str) -> None:
    """A serial number that is a statement, a command or a format: it stands in the record as it is, and nothing else."""
    raw = make_package([pattern(5000, 1)], version="1.1.0", counter=8)
    (tmp_path / "new.fwp").write_bytes(raw)
    (tmp_path / "old.fwp").write_bytes(make_package(version="1.0.0", counter=7))
    (tmp_path / "trust").write_bytes(TRUST.raw)
    scenario = tmp_path / "evil.toml"
    scenario.write_text(f"[terminal]\nserial_number = {json.dumps(evil)}\n")
    port = f"sim:?trust={tmp_path / 'trust'}&firmware={tmp_path / 'old.fwp'}&scenario={scenario}"
    result = flash(FlashJob(package=tmp_path / "new.fwp", port=port, trust=TRUST), Records(tmp_path / "state"))
    assert result.serial_number == evil
    assert {entry.body["serial_number"] for entry in Records(tmp_path / "state").entries()} == {evil}


# What may stand in a statement: names of our own tables and columns, chosen by the source and never by data.
OUR_NAMES = {
    "_TABLE",
    "VERSION",
    "columns",
    "last",
    "marks",
    "number",
    "pragma",
    "side",
    "source",
    "sql",
    "step",
    "table",
    "where",
}


def names_in(statement: ast.expr) -> set[str]:
    """The names a statement is put together from; the parts of `self` count by the name of the part."""
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)} - {"self"}
    return names | {node.attr.strip("_") for node in ast.walk(statement) if isinstance(node, ast.Attribute)}


def test_a38_no_shell_and_no_statement_made_of_data() -> None:
    """The source itself: no shell, no eval, no SQL into which data is written."""
    root = pathlib.Path(fwtool.__file__).parent.parent
    for path in [path for room in ("formats", "transports", "hwsim", "fwtool") for path in (root / room).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            owner = getattr(node.func.value, "id", "") if isinstance(node.func, ast.Attribute) else ""
            assert name not in ("eval", "exec", "popen") and (owner, name) != ("os", "system"), f"{path}:{node.lineno}"  # noqa: PT018
            assert not any(keyword.arg == "shell" for keyword in node.keywords), f"{path}:{node.lineno}"
            if name in ("execute", "executescript", "executemany"):
                assert {name for name in names_in(node.args[0]) if not name.isupper()} <= OUR_NAMES, f"{path}:{node.lineno}"
