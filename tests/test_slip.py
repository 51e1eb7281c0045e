"""The simulated printer's slip: codes read back by zbarimg, text by tesseract, faults of the head seen in the dots."""

import pathlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from formats.versions import Version
from hwsim import code128, qr_code
from hwsim.peripherals import Peripherals
from hwsim.printer import MARGIN, WIDTH, Line, render
from hwsim.slip import ink
from hwsim.slip import test_slip as make_slip
from hwsim.slots import DEFAULT_IDENTITY
from tests.conftest import Fwtool
from tests.support import ROOT, need


def slip(peripherals: Peripherals | None = None, *extra: str) -> list[Line]:
    return make_slip(DEFAULT_IDENTITY, Version.parse("1.4.2"), 7, peripherals or Peripherals(), 1_790_000_000, extra)


def top_of(lines: list[Line], pattern: str) -> int:
    at = next(number for number, line in enumerate(lines) if line.pattern == pattern)
    return MARGIN + sum(line.height for line in lines[:at])


def read_back(picture: Image.Image, folder: pathlib.Path) -> set[str]:
    """What zbarimg reads, as KIND:TEXT."""
    path = folder / "slip.png"
    picture.save(path)
    done = subprocess.run([need("zbarimg"), "-q", str(path)], capture_output=True, text=True, check=False)
    return set(done.stdout.splitlines())


def words_of(picture: Image.Image, folder: pathlib.Path, language: str) -> str:
    """What tesseract reads, without spaces."""
    path = folder / "text.png"
    picture.resize((picture.width * 3, picture.height * 3), Image.Resampling.LANCZOS).save(path)
    done = subprocess.run(
        [need("tesseract"), str(path), "-", "--psm", "6", "-l", language], capture_output=True, text=True, check=False
    )  # fmt: skip
    if "Failed loading language" in done.stderr:
        pytest.skip(f"tesseract has no {language}")
    return "".join(done.stdout.split())


def test_codes_on_the_slip_read_back(tmp_path: pathlib.Path) -> None:
    assert read_back(render(slip()), tmp_path) == {"CODE-128:SIM-0001", "QR-Code:VT-100 SIM-0001 1.4.2"}


def test_codes_of_a_worn_head_with_a_dead_dot_at_the_edge_read_back(tmp_path: pathlib.Path) -> None:
    worn = Peripherals(head_metres=52_000)
    assert "QR-Code:VT-100 SIM-0001 1.4.2" in read_back(render(slip(worn), (3, 200)), tmp_path)


@pytest.mark.parametrize("text", ["A", "0123456789", "~ !\"#$%&'()", "x" * 28])
def test_bar_codes_read_back(text: str, tmp_path: pathlib.Path) -> None:
    assert read_back(render([Line(text, pattern="bar_code")]), tmp_path) == {f"CODE-128:{text}"}


@pytest.mark.parametrize("text", ["", "a", "VT-100", "0" * 42, "x" * 60, "终端号 中文"])
def test_qr_codes_read_back(text: str, tmp_path: pathlib.Path) -> None:
    kept = text.encode()[:42].decode("utf-8", "ignore")
    found = read_back(render([Line(text, pattern="qr_code")]), tmp_path)
    assert found == ({f"QR-Code:{kept}"} if kept else found)


def test_qr_codes_are_those_of_another_library() -> None:
    """The library qrcode, which comes with the optional extra `escpos`."""
    other = pytest.importorskip("qrcode")
    for text in ("VT-100 SIM-0001 1.4.2", "x" * 42, "1"):
        made = other.QRCode(version=3, error_correction=other.constants.ERROR_CORRECT_M, mask_pattern=0, border=0)
        made.add_data(other.util.QRData(text.encode(), mode=other.util.MODE_8BIT_BYTE))
        made.make(fit=False)
        assert made.get_matrix() == qr_code.modules(text)


def test_bar_codes_are_those_of_another_library() -> None:
    """The table of python-barcode, which comes with the optional extra `escpos`: a bar is 1, a space 0."""
    charsets = pytest.importorskip("barcode.charsets.code128")
    bits = ["".join(("1" if at % 2 == 0 else "0") * int(width) for at, width in enumerate(code128._WIDTHS[6 * n : 6 * n + 6]))
            for n in range(106)]  # fmt: skip
    assert bits == [str(code) for code in charsets.CODES[:106]]


@given(st.text(max_size=40))
def test_any_text_makes_a_code(text: str) -> None:
    widths = code128.widths(text)
    assert len(widths) == 6 * (len(text) + 2) + 7
    assert sum(widths) == 11 * (len(text) + 2) + 13
    assert len(qr_code.modules(text.encode("utf-8", "replace").decode())) == qr_code.SIZE


def test_the_text_reads_back(tmp_path: pathlib.Path) -> None:
    lines = slip(None, "Technician LIWEI")
    texts = [line for line in lines if not line.pattern and line.text.isascii()]
    found = words_of(render(texts), tmp_path, "eng")
    for wanted in ("TESTSLIP", "AcmeVT-100rev3", "TechnicianLIWEI"):
        assert wanted.lower() in found.lower()
    letters = next(word for word in found.splitlines() or [found])
    assert "abcdefghijk" in letters.lower()


def test_the_chinese_text_reads_back(tmp_path: pathlib.Path) -> None:
    found = words_of(render([Line("缺纸 卡纸 请勿断电 批结算"), Line("打印测试单", large=True)]), tmp_path, "chi_sim")
    assert "打印测试" in found  # the last character of the large line is read as another one by some versions
    assert "请勿断电" in found


def test_a_dead_dot_is_white_from_top_to_bottom_and_its_neighbours_are_not() -> None:
    picture = render(slip(), (100, 101))
    y = top_of(slip(), "dots")
    for dead in (100, 101):
        assert all(picture.getpixel((dead, row)) == 255 for row in range(picture.height))
    rows = {x: y + 6 if x % 2 == 0 else y + 20 for x in range(WIDTH)}
    gaps = [x for x in range(WIDTH) if picture.getpixel((x, rows[x])) == 255]
    assert gaps == [100, 101]


GREYS = [(4200, 18, 0), (30_000, 160, 0), (45_000, 0, 80), (52_000, 18, 117), (0, 240, 40), (500_000, 5000, 190)]


@pytest.mark.parametrize(("metres", "since", "grey"), GREYS)
def test_wear_and_dirt_make_it_pale(metres: int, since: int, grey: int) -> None:
    assert ink(metres, since) == grey
    lines = slip(Peripherals(head_metres=metres, metres_since_cleaning=since))
    picture = render(lines)
    assert picture.getpixel((0, top_of(lines, "rule") + 14)) == grey
    assert picture.getextrema()[0] == grey


def test_at_the_command_line(run: Fwtool, tmp_path: pathlib.Path) -> None:
    """As a user gets it: printed over the line, found as a picture, read by another program."""
    samples = ROOT / "firmware_samples"
    port = f"sim:?paper=paper&firmware={samples}/built/vt100-1.4.2.fwp&trust={samples}/keys/sample-ed25519.pub.pem"
    (tmp_path / "worn.toml").write_text('[[fault]]\nkind = "head_worn"\n')
    dark = run("print-test", "--port", port, "--dev", "--json").result["data"]
    pale = run("print-test", "--answer", "density=no", "--port", port + "&scenario=worn.toml", "--dev", "--json").result["data"]
    assert [finding["id"] for finding in pale["findings"]] == ["printer.density"]
    assert dark["outcome"] == pale["outcome"] == "complete"
    pictures = [Image.open(tmp_path / data["slip_path"]) for data in (dark, pale)]
    assert pictures[0].getextrema()[0] == 0
    assert pictures[1].getextrema()[0] > 100
    assert any(text.startswith("QR-Code:VT-100 SIM-0001") for text in read_back(pictures[0], tmp_path))
