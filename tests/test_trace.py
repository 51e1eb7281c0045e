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
from transports.scrub import scrub_text
from transports.trace import TracedPipe, TraceFile, load
from transports.tsp import messages
from transports.tsp.describe import frame_text, message_text
from transports.tsp.messages import Kind, Opcode
from transports.tsp.tap import Tap
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
        (b"411111111111", b"411111111111"),
        (b"swipe 12 4111 1111 1111 1111", b"swipe 12 0000 0000 0000 1111"),
        (b"2026-11-25 4111 1111 1111 1111 12/27", b"2026-11-25 0000 0000 0000 1111 12/27"),
        (b"44111111111111111", b"00000000000001111"),
        (b"4111.1111.1111.1111", b"0000.0000.0000.1111"),
        (b"4111\xc2\xa01111\xc2\xa01111\xc2\xa01111", b"0000\xc2\xa00000\xc2\xa00000\xc2\xa01111"),
        (b"4111  1111\r\n1111  1111", b"0000  0000\r\n0000  1111"),
    ],
)
def test_card_numbers_are_found_by_their_check_digit(text: bytes, scrubbed: bytes) -> None:
    """Whatever stands beside them. Digits around may go too, the number may not stay."""
    found = scrub_text(text)
    assert len(found) == len(text)
    assert found == scrubbed or (b"1" * 8 not in found.translate(None, b" .-/\r\n\xa0\xc2"))


def test_a_card_number_between_frames_is_scrubbed_although_it_comes_byte_by_byte() -> None:
    tap = Tap()
    records = [
        record for n, byte in enumerate(b"PAN " + CARD + b" sold\r\n") for record in tap.feed("rx", bytes([byte]), n / 1e4)
    ]
    records += tap.close()
    text = b"".join(bytes.fromhex(record["noise"]) for record in records)
    assert text == b"PAN 0000 0000 0000 1111 sold\r\n"


def test_endless_noise_is_written_in_pieces() -> None:
    tap = Tap()
    records = [record for n in range(3000) for record in tap.feed("rx", b"x%03d " % (n % 1000) + CARD, n / 1e3)]
    assert len(records) > 5
    text = b"".join(bytes.fromhex(record["noise"]) for record in [*records, *tap.close()])
    assert len(text) == 3000 * (5 + len(CARD))
    assert b"4111" not in text


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


@pytest.mark.parametrize(
    "record",
    ["[" * 2000, '{"t": NaN, "dir": "tx"}', '{"t": 1e999, "dir": "tx"}',
     '{"t":1,"dir":"tx","frame":"KIND_999","seq":0,"offset":0,"data":""}',
     '{"t":1,"dir":"tx","frame":"DATA","seq":1e400,"offset":0,"data":""}',
     '{"t":1,"dir":"tx","frame":"DATA","seq":-1,"offset":0,"data":""}',
     '{"t":1,"dir":"tx","frame":"DATA","seq":true,"offset":0,"data":""}'],
)  # fmt: skip
def test_records_that_cannot_be_are_refused_everywhere(run: Fwtool, tmp_path: pathlib.Path, record: str) -> None:
    (tmp_path / "x.jsonl").write_text('{"trace": 1, "started": "0001-01-01T00:00:00Z"}\n' + record + "\n")
    for arguments in (("show", "x.jsonl"), ("export", "x.jsonl", "--out", "y"), ("replay", "x.jsonl")):
        assert run("trace", *arguments).code == 3, arguments


def test_a_last_line_that_was_cut_short_is_passed_over(tmp_path: pathlib.Path) -> None:
    path = an_update(tmp_path)
    whole = list(load(path))
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) - 20])
    assert [entry.time_s for entry in load(path)] == [entry.time_s for entry in whole[:-1]]


def test_a_trace_is_never_written_over_anything(run: Fwtool, tmp_path: pathlib.Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    done = run("info", "--port", "sim:", "--trace", "precious", "--json")
    assert done.code == 2
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert "nothing was written" in run("keys", "generate", "--out", "k.pem", "--trace", "other").err


def test_several_ports_in_one_trace(run: Fwtool, tmp_path: pathlib.Path) -> None:
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(an_update(tmp_path / name))
    header, *lines = paths[0].read_text().splitlines()
    others = [line.replace('"port": "sim:"', '"port": "other"') for line in paths[1].read_text().splitlines()[1:]]
    mixed = [line for pair in zip(lines, others, strict=False) for line in pair]
    (tmp_path / "x.jsonl").write_text("\n".join([header, *mixed]) + "\n")
    assert {entry.port for entry in load(tmp_path / "x.jsonl")} == {"sim:", "other"}
    assert [e.frame for e in load(tmp_path / "x.jsonl", "sim:")][:50] == [e.frame for e in load(paths[0])][:50]
    with pytest.raises(ToolError, match="several ports"):
        read_recording(tmp_path / "x.jsonl")
    assert read_recording(tmp_path / "x.jsonl", "other").sessions
    refused = run("trace", "show", "x.jsonl", "--port", "COM7", "--json").result["error"]
    assert "sim:, other" in refused["hint"]


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
