"""Attached receipt printers: bytes on the wire against the command reference, and a printer made of a socket."""

import datetime
import importlib.util
import io
import os
import pathlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import ToolError
from fwtool.escpos import status
from fwtool.escpos.connection import split
from fwtool.escpos.slip import Slip, code_of, density, dots, ruler, send
from fwtool.escpos.status import State, queued, real_time, text, worst
from tests.conftest import Fwtool
from tests.support import need

SLIP = Slip(("Acme VT-100", "S/N SIM-0001"), "SIM-0001", "VT-100 SIM-0001 1.4.2", datetime.datetime(2026, 11, 25, 10, 30), "李伟")  # noqa: DTZ001


def need_library() -> None:
    """python-escpos is an optional extra."""
    if importlib.util.find_spec("escpos") is None:
        if os.environ.get("FWTOOL_TEST_REQUIRE"):
            pytest.fail("python-escpos is not installed, yet FWTOOL_TEST_REQUIRE is set")
        pytest.skip("python-escpos is not installed")


@pytest.mark.parametrize(
    ("n", "byte", "state"),
    [(1, 0x12, State.READY), (1, 0x1A, State.OFFLINE), (1, 0x16, State.READY), (2, 0x12, State.READY),
     (2, 0x16, State.COVER_OPEN), (2, 0x32, State.PAPER_OUT),
     (2, 0x52, State.FAULT), (2, 0x36, State.PAPER_OUT), (3, 0x1A, State.CUTTER),
     (3, 0x32, State.FAULT), (3, 0x52, State.HEAD_HOT), (3, 0x16, State.FAULT), (4, 0x12, State.READY),
     (4, 0x1E, State.PAPER_LOW), (4, 0x72, State.PAPER_OUT), (4, 0x7E, State.PAPER_OUT)],
)  # fmt: skip
def test_real_time_status_by_the_command_reference(n: int, byte: int, state: State) -> None:
    assert real_time(n, bytes((byte,))) is state


def test_what_is_no_answer_says_nothing() -> None:
    """Neither silence nor a byte of another form is `no paper`, or `ready`."""
    for n in (1, 2, 3, 4):
        assert real_time(n, b"") is None
        for byte in range(256):
            fixed = not byte & 0x80 and byte & 0x10 and not byte & 1 and byte & 2
            assert (real_time(n, bytes((byte,))) is None) is not bool(fixed)
    assert queued(b"") is None
    assert worst([]) is State.UNKNOWN


@pytest.mark.parametrize(
    ("byte", "state"), [(0x00, State.READY), (0x03, State.PAPER_LOW), (0x0C, State.PAPER_OUT), (0x0F, State.PAPER_OUT)]
)
def test_queued_status(byte: int, state: State) -> None:
    assert queued(bytes((byte,))) is state


@given(st.binary(max_size=200))
def test_any_answer_is_read_without_an_error(answer: bytes) -> None:
    for n in (1, 2, 3, 4):
        real_time(n, answer)
    queued(answer)
    told = text(answer)
    assert told is None or told.isprintable()


def test_texts_and_questions() -> None:
    assert text(b"_TM-T88V\0") == "TM-T88V"
    assert text(b"\x12_TM\0") == "TM"
    assert text(b"_TM") is None
    assert text(b"_" + b"a" * 200 + b"\0") is None
    assert text(b"_a\x1b[2J\0") is None
    assert status.ask_real_time(4) == bytes.fromhex("100404")
    assert status.ask_identity(67) == bytes.fromhex("1D4943")
    assert status.ask_counter(198) == bytes.fromhex("1D673200C600")


@pytest.mark.parametrize(
    "name",
    ["", "lp0", "usb:1:2", "usb:04b8:0e15?x=1", "serial:", "serial:/dev/x?baud=0", "serial:/dev/x?flow=rts", "net:", "ftp:x",
     "file:x?baud=1"],
)  # fmt: skip
def test_a_name_that_is_none_is_a_mistake(name: str) -> None:
    with pytest.raises(ToolError) as told:
        split(name)
    assert told.value.name == "usage"


def test_names() -> None:
    assert split("serial:/dev/ttyUSB0?baud=19200&flow=none") == ("serial", "/dev/ttyUSB0", {"baud": "19200", "flow": "none"})
    assert split("usb:04b8:0E15?in=81") == ("usb", "04b8:0E15", {"in": "81"})
    assert split("net:[::1]:9100") == ("net", "[::1]:9100", {})


def test_each_dot_of_the_head_is_in_one_row_and_no_other() -> None:
    for width in (384, 576):
        picture = dots(width)
        for x in range(width):
            black = [y for y in range(32) if not picture.getpixel((x, y))]
            assert black == list(range(2, 15)) if x % 2 == 0 else list(range(16, 29))


def test_density_grows_and_the_ruler_has_its_millimetres() -> None:
    picture = density(384)
    step = [sum(not picture.getpixel((x, y)) for x in range(n * 48, n * 48 + 48) for y in range(32)) for n in range(8)]
    assert step == sorted(step)
    assert step[0] < step[7] == 48 * 32
    marks = [x for x in range(384) if not ruler(384).getpixel((x, 0))]
    assert marks == list(range(0, 384, 8))
    assert [x for x in range(384) if not ruler(384).getpixel((x, 19))] == [0, 80, 160, 240, 320]


# -- what the library sends -----------------------------------------------------------------------------------------


def sent() -> bytes:
    need_library()
    from escpos.printer import Dummy

    printer = Dummy()
    send(printer, SLIP)
    return bytes(printer.output)


def rasters(data: bytes) -> list[Any]:
    """Pictures in a stream of ESC/POS, read by hand: GS v 0 m xL xH yL yH d1 ... (1 is black)."""
    from PIL import Image, ImageOps

    found, at = [], 0
    while (at := data.find(b"\x1dv0", at)) >= 0:
        across, down = int.from_bytes(data[at + 4 : at + 6], "little"), int.from_bytes(data[at + 6 : at + 8], "little")
        body = data[at + 8 : at + 8 + across * down]
        found.append(ImageOps.invert(Image.frombytes("1", (across * 8, down), body).convert("L")))
        at += 8 + across * down
    return found


def test_the_slip_begins_anew_has_both_code_pages_and_is_cut() -> None:
    data = sent()
    assert data.startswith(b"\x1b@")
    assert "打印测试单".encode("gb18030") in data
    assert b"\x1c&" + "缺纸 卡纸 请勿断电 批结算 签购单".encode("gb18030") in data
    assert b"\x1c&" + "李伟".encode("gb18030") in data
    assert "äöüß".encode("cp437") in data
    assert data.index(b"\x1bt\0") < data.index("äöüß".encode("cp437"))  # ESC t 0: code page 437
    assert b"S/N SIM-0001" in data
    assert b"2026-11-25 10:30" in data
    assert data.rstrip(b"\n").endswith(b"\x1dV\0") or b"\x1dV" in data[-8:]  # GS V


def test_the_bar_code_is_code_128_of_the_number() -> None:
    """GS k 73 n d1 ... dn (function B)."""
    body = b"{BSIM-0001"
    assert b"\x1dk" + bytes((73, len(body))) + body in sent()


def test_the_qr_code_reads_back(tmp_path: pathlib.Path) -> None:
    zbarimg = need("zbarimg")
    largest = max(rasters(sent()), key=lambda picture: picture.size[1])
    picture = tmp_path / "qr.png"
    from PIL import ImageOps

    ImageOps.expand(largest, 24, 255).save(picture)
    done = subprocess.run([zbarimg, "-q", "--raw", str(picture)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == SLIP.content


def test_pictures_are_as_wide_as_the_head() -> None:
    wide = [picture.size[0] for picture in rasters(sent())]
    assert wide.count(384) == 3


@pytest.mark.parametrize(
    ("given_text", "code"), [("SIM-0001", "SIM-0001"), ("终端", "TEST"), ("", "TEST"), ("A B{C", "ABC"), ("x" * 30, "x" * 20)]
)
def test_codes(given_text: str, code: str) -> None:
    assert code_of(given_text) == code


# -- a printer at a socket ------------------------------------------------------------------------------------------

QUESTIONS = ((b"\x10\x04", 3), (b"\x1dr", 3), (b"\x1dI", 3), (b"\x1dg2", 6))
"""How each begins, and its size."""
Answers = Callable[[bytes], bytes]


def healthy(question: bytes) -> bytes:
    """A printer that answers everything."""
    if question.startswith(b"\x10\x04"):
        return b"\x12"
    if question.startswith(b"\x1dr"):
        return b"\0"
    if question.startswith(b"\x1dI"):
        return {65: b"_1.02\0", 66: b"_ACME\0", 67: b"_RP-80 with a long name\0", 68: b"_P12345\0"}[question[2]]
    return b"_%d\0" % (question[4] * 1000)


def out_of_paper(question: bytes) -> bytes:
    """Offline: only real-time questions are answered."""
    return {b"\x10\x04\1": b"\x1a", b"\x10\x04\2": b"\x32", b"\x10\x04\3": b"\x12", b"\x10\x04\4": b"\x72"}.get(question, b"")


def silent(question: bytes) -> bytes:
    del question
    return b""


class FakePrinter:
    """Answers each question as it comes; `received` is all that was sent."""

    def __init__(self, answers: Answers) -> None:
        self._answers, self.received = answers, bytearray()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.name = f"net:127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            line, _ = self._socket.accept()
        except OSError:
            return
        with line:
            done = 0
            while data := line.recv(65536):
                self.received += data
                done = self._answer(line, done)

    def _answer(self, line: socket.socket, done: int) -> int:
        """Questions come one at a time, as the last bytes."""
        tail = bytes(self.received[done:])
        for start, size in QUESTIONS:
            question = tail[-size:]
            if question.startswith(start) and len(question) == size:
                line.sendall(self._answers(question))
                return len(self.received)
        return done

    def close(self) -> None:
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def printer() -> Iterator[Callable[[Answers], FakePrinter]]:
    need_library()
    made: list[FakePrinter] = []

    def make(answers: Answers) -> FakePrinter:
        made.append(FakePrinter(answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_healthy_printer(run: Fwtool, printer: Callable[[Answers], FakePrinter]) -> None:
    one = printer(healthy)
    done = run("print-test", "--escpos", one.name, "--port", "sim:", "--dev", "--technician", "Li", "--json")
    assert done.code == 0
    data = done.result["data"]
    assert data["outcome"] == "complete"
    assert data["printer"]["identity"] == {
        "firmware": "1.02", "maker": "ACME", "model": "RP-80 with a long name", "serial_number": "P12345"
    }  # fmt: skip
    assert data["printer"]["counters"]["hours_life"] == 198_000
    assert data["printer"]["answered"] == [1, 2, 3, 4]
    assert b"S/N SIM-0001" in one.received
    assert b"Printer serial number P12345" in one.received
    entry = run("log", "show", "--json").result["data"]["entries"][-1]
    assert (entry["act"], entry["verdict"], entry["counters"]["cuts"]) == ("print_test", "done", 50_000)


def test_without_paper_nothing_is_sent_and_it_is_said(run: Fwtool, printer: Callable[[Answers], FakePrinter]) -> None:
    one = printer(out_of_paper)
    done = run("print-test", "--escpos", one.name, "--json")
    assert done.code == 7
    assert done.result["error"]["name"] == "printer_fault"
    assert done.result["data"]["outcome"] == "paper_out"
    assert b"TEST SLIP" not in one.received
    assert "paper" in done.result["error"]["hint"]


def test_a_printer_that_answers_nothing_is_not_out_of_paper(run: Fwtool, printer: Callable[[Answers], FakePrinter]) -> None:
    one = printer(silent)
    done = run("print-test", "--escpos", one.name, "--json")
    assert done.code == 0
    data = done.result["data"]
    assert data["outcome"] == "sent"
    assert data["printer"] == {
        "state_before": "unknown",
        "state_after": "unknown",
        "answered": [],
        "identity": {},
        "counters": {},
    }
    assert b"TEST SLIP" in one.received


def test_paper_that_ends_while_it_prints_is_told(run: Fwtool, printer: Callable[[Answers], FakePrinter]) -> None:
    asked = io.BytesIO()

    def ends(question: bytes) -> bytes:
        if question.startswith(b"\x1dr"):
            asked.write(question)
            return b""
        return out_of_paper(question) if asked.getvalue() else healthy(question)

    done = run("print-test", "--escpos", printer(ends).name, "--json", "--lang", "zh")
    assert done.code == 7
    assert done.result["data"]["outcome"] == "paper_out"
    assert "paper out" in done.result["error"]["message"]  # JSON speaks English, whoever reads it
    assert "缺纸" in run("print-test", "--escpos", printer(ends).name, "--lang", "zh").err


def test_a_file_cannot_answer(run: Fwtool, tmp_path: pathlib.Path) -> None:
    need_library()
    done = run("print-test", "--escpos", "file:out.bin", "--width", "576", "--json")
    assert done.code == 0
    assert done.result["data"]["outcome"] == "sent"
    assert max(picture.size[0] for picture in rasters((tmp_path / "out.bin").read_bytes())) == 576


def test_a_printer_at_a_serial_line(run: Fwtool) -> None:
    need_library()
    pty = pytest.importorskip("pty")
    tty = pytest.importorskip("tty")
    master, slave = pty.openpty()
    tty.setraw(slave)
    received = bytearray()

    def serve() -> None:
        done = 0
        while True:
            try:
                received.extend(os.read(master, 4096))
            except OSError:
                return
            tail = bytes(received[done:])
            for start, size in QUESTIONS:
                if tail[-size:].startswith(start) and len(tail[-size:]) == size:
                    os.write(master, healthy(tail[-size:]))
                    done = len(received)

    threading.Thread(target=serve, daemon=True).start()
    done = run("print-test", "--escpos", f"serial:{os.ttyname(slave)}?baud=115200&flow=none", "--json")
    os.close(slave)
    assert done.code == 0, done.err
    assert done.result["data"]["outcome"] == "complete"
    assert done.result["data"]["printer"]["identity"]["model"] == "RP-80 with a long name"
    assert b"TEST SLIP" in received


def test_what_the_slip_looks_like_becomes_findings(run: Fwtool) -> None:
    need_library()
    base = ("print-test", "--escpos", "file:out.bin", "--json")
    fine = run(*base, "--answer", "density=yes", "--answer", "white_lines=yes")
    assert fine.code == 0
    assert [(one["id"], one["outcome"]) for one in fine.result["data"]["findings"]] == [
        ("printer.density", "pass"), ("printer.white_lines", "pass")
    ]  # fmt: skip
    bad = run(*base, "--answer", "white_lines=no")
    assert bad.code == 7
    assert bad.result["error"]["name"] == "diagnostic_failed"
    assert run("log", "show", "--json").result["data"]["entries"][-1]["findings"] == {"printer.white_lines": "fail"}
    assert run(*base, "--answer", "colour=yes").code == 2


def test_a_printer_that_is_not_there(run: Fwtool) -> None:
    need_library()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in (f"net:127.0.0.1:{port}", "serial:/dev/none", "file:/none/lp0", "usb:dead:beef"):
        done = run("print-test", "--escpos", name, "--json")
        assert done.result["error"]["name"] == "no_device", name
    assert run("print-test", "--escpos", "printer").code == 2
