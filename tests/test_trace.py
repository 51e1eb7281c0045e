"""Traces: everything that passed is in them, no card number is, and they can be played back as a device."""

import contextlib
import json
import pathlib
import random
import subprocess
from collections.abc import Callable

import pytest

from formats.errors import FormatError, LocalError, ToolError
from hwsim.commands import SIGNATURE_S
from hwsim.faults import FAULTS, Fault
from hwsim.pipe import SimPipe
from tests.bench_parts import Bench
from tests.conftest import Fwtool, Sim
from tests.support import make_package, need, pattern
from transports.errors import LinkError
from transports.replay import ReplayPipe, read_recording
from transports.trace import TracedPipe, TraceFile, load
from transports.tsp import messages
from transports.tsp.describe import frame_text, message_text
from transports.tsp.messages import Kind, Opcode
from transports.tsp.tap import scrub
from transports.tsp_terminal import TspTerminal

Simulate = Callable[..., Sim]
CARD = b"4111 1111 1111 1111"
"""A test number that payment systems publish for this."""
NEW = make_package([pattern(30_000)], version="1.1.0", counter=8)


def traced(tmp_path: pathlib.Path, bench: Bench) -> pathlib.Path:
    """From now on the bench's host writes a trace."""
    path = tmp_path / "line.jsonl"
    pipe = TracedPipe(SimPipe(bench.machine, "sim:"), TraceFile(path))
    bench.pipe = pipe  # type: ignore[assignment]
    bench.host = TspTerminal(pipe)
    return path


def an_update(tmp_path: pathlib.Path, **options: object) -> pathlib.Path:
    bench = Bench(tmp_path, **options)  # type: ignore[arg-type]
    path = traced(tmp_path, bench)
    bench.connect()
    bench.info()
    bench.send(NEW)
    bench.restart()
    bench.confirm(NEW)
    bench.host.close()
    return path


def spoken(path: pathlib.Path) -> list[str]:
    return [message_text(message) for entry in load(path) for message in entry.messages]


def test_every_frame_and_message_is_there(tmp_path: pathlib.Path) -> None:
    path = an_update(tmp_path)
    entries = list(load(path))
    assert [e.time_s for e in entries] == sorted(e.time_s for e in entries)
    assert {e.session for e in entries if e.frame and e.messages} == {1, 2}
    said = spoken(path)
    for text in ("INFO request 1", "INFO response 1", "BEGIN request", "TABLE one_way at 0", "DATA one_way at 0",
                 "FINISH response", "RESET request", "CONFIRM request"):  # fmt: skip
        assert any(line.startswith(text) for line in said), text
    assert any("version=1.0.0" in line for line in said)
    noise = b"".join(entry.noise for entry in entries)
    assert b"VT-100 boot 1.0.0" in noise, "what a terminal prints between frames is in the trace too"
    kinds = {frame_text(entry.frame).split()[0] for entry in entries if entry.frame}
    assert {"HELLO", "WELCOME", "DATA", "ACK"} <= kinds


def test_a_bad_line_is_recorded_as_it_was(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    path = traced(tmp_path, bench)
    bench.connect()
    FAULTS["noise"].plant(bench.machine, Fault("noise", 1e-4, seed=3))
    bench.send(NEW)
    bench.host.close()
    received = [e for e in load(path) if e.direction == "rx"]
    assert any(entry.noise for entry in received), "damaged frames"
    offsets = [e.frame.offset for e in load(path) if e.direction == "tx" and e.frame and e.frame.kind == 3]
    assert len(offsets) > len(set(offsets)), "frames that were sent again"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        (b"card 4111111111111111 ok", b"card 0000000000001111 ok"),
        (CARD, b"0000 0000 0000 1111"),
        (b"4111-1111-1111-1111", b"0000-0000-0000-1111"),
        (b"4111111111111112", b"4111111111111112"),
        (b"411111111111", b"411111111111"),
        (b"94111111111111111999999", b"94111111111111111999999"),
        (b"378282246310005", b"000000000000005"[:11] + b"0005"),
    ],
)
def test_card_numbers_are_found_by_their_check_digit(text: bytes, scrubbed: bytes) -> None:
    assert scrub(text) == scrubbed


@pytest.mark.parametrize("max_frame", [64, 4096])
def test_no_card_number_gets_into_a_trace(tmp_path: pathlib.Path, max_frame: int) -> None:
    """In a journal entry, cut by frames of 64 bytes at every place."""
    bench = Bench(tmp_path)
    path = traced(tmp_path, bench)
    bench.machine.terminal.link._hello = bench.machine.terminal.link._hello.__class__(
        **{**bench.machine.terminal.link._hello.to_container(), "max_frame": max_frame}
    )
    bench.host.link._hello = bench.host.link._hello.__class__(**{**bench.host.link._hello.to_container(), "max_frame": max_frame})
    for shift in range(20):
        bench.machine.terminal.note("sale", "x" * shift + CARD.decode())
    bench.connect()
    answer = bench.host.request(Opcode.JOURNAL, messages.JournalRequest(first=0), messages.Journal)
    assert any(CARD.decode() in entry.detail for entry in answer.entries)
    bench.host.send(messages.Message(Opcode.PRINT_TEST, Kind.REQUEST, 9, 0, bytes([1, 19]) + CARD))
    bench.wait(3)
    bench.host.close()
    for line in path.read_text().splitlines()[1:]:
        record = json.loads(line)
        raw = bytes.fromhex(record.get("data", "") or record.get("noise", ""))
        assert b"4111" not in raw, record
    assert sum(line.count("0000 0000 0000 1111") for line in spoken(path)) >= 2


def test_a_recording_answers_as_the_terminal_did(tmp_path: pathlib.Path) -> None:
    path = an_update(tmp_path)
    recorded = read_recording(path)
    pipe = ReplayPipe("replay:x", recorded)
    bench = Bench(tmp_path)
    bench.pipe, bench.host = pipe, TspTerminal(pipe)  # type: ignore[assignment]
    bench.connect()
    assert str(bench.info().version) == "1.0.0"
    assert bench.send(NEW).payload_sent > 0
    bench.host.request(Opcode.RESET, messages.ResetRequest(reset=messages.ResetKind.RESTART), messages.Empty)
    bench.connect()
    bench.confirm(NEW)
    assert pipe.now() > SIGNATURE_S, "the signature check takes its time in the replay too"


def test_a_recorded_failure_fails_again(tmp_path: pathlib.Path) -> None:
    """The cable was pulled in the middle of an update: the replay falls silent at the same place."""
    bench = Bench(tmp_path)
    path = traced(tmp_path, bench)
    bench.connect()
    bench.machine.on_bytes("rx", bench.machine.received + 12_000, lambda: setattr(bench.machine.terminal, "hung", True))
    with pytest.raises(LinkError) as first:
        bench.send(NEW)
    bench.host.close()
    again = ReplayPipe("replay:x", read_recording(path))
    bench.pipe, bench.host = again, TspTerminal(again)  # type: ignore[assignment]
    bench.connect()
    with pytest.raises(LinkError) as second:
        bench.send(NEW)
    assert second.value.message == first.value.message


def test_another_conversation_than_the_recorded_one_is_told(tmp_path: pathlib.Path) -> None:
    path = an_update(tmp_path)
    bench = Bench(tmp_path)
    bench.host = TspTerminal(ReplayPipe("replay:x", read_recording(path)))
    bench.connect()
    with pytest.raises(LinkError, match="CLOCK request"):
        bench.host.request(Opcode.CLOCK, messages.Empty(), messages.Clock)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense\n", "[]\n", '{"trace": 2}\n', '{"trace": 1}\n{"t": 1}\n', '{"trace": 1}\n{"t": 1, "dir": "tx"}\n',
     '{"trace": 1}\n{"t": 1, "dir": "rx", "noise": "xy"}\n',
     '{"trace": 1}\n{"t":1,"dir":"tx","frame":"DATA","seq":0,"offset":0,"data":"0"}\n'],
)  # fmt: skip
def test_what_is_no_trace_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(ToolError):
        read_recording(tmp_path / "x.jsonl")


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_trace_gives_one_kind_of_error(tmp_path: pathlib.Path, seed: int) -> None:
    raw = bytearray(an_update(tmp_path).read_bytes())
    chance = random.Random(seed)
    for _ in range(30):
        broken = bytearray(raw)
        for _ in range(3):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        (tmp_path / "x.jsonl").write_bytes(broken)
        with contextlib.suppress(FormatError, LocalError):
            for entry in load(tmp_path / "x.jsonl"):
                assert all(message_text(message) for message in entry.messages)
                assert entry.frame is None or frame_text(entry.frame)


def test_from_the_command_line(run: Fwtool, keys: pathlib.Path, simulate: Simulate) -> None:
    """A field problem: a terminal that is asked, its trace shown, and then asked again from the trace alone."""
    sim = simulate("--listen", "pty")
    first = run("info", "--port", sim.port, "--trace", "field.jsonl", "--json").result["data"]
    shown = run("trace", "show", "field.jsonl").out
    assert "WELCOME" in shown
    assert "INFO response 1" in shown
    assert run("trace", "show", "field.jsonl", "--json").result["data"]["entries"]
    assert run("trace", "export", "field.jsonl", "--out", "field.pcapng", "--dissector", "tsp.lua").code == 0
    shark = need("tshark")
    listed = subprocess.run(
        [shark, "-r", keys / "field.pcapng", "-X", f"lua_script:{keys / 'tsp.lua'}"], capture_output=True, text=True, check=True
    ).stdout
    assert "INFO request 1" in listed
    assert "SIM-0001" not in listed.splitlines()[0]
    again = run("info", "--port", "replay:field.jsonl", "--json").result["data"]
    assert again == first
    refused = run("clock", "show", "--port", "replay:field.jsonl", "--json").result
    assert refused["error"]["name"] == "protocol"
    assert run("info", "--port", "replay:missing.jsonl").code == 9
