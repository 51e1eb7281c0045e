"""`image extract`: all bytes come out, and no name from inside a file chooses a path."""

import json
import pathlib

import pytest

import firmware_samples
from formats.errors import FormatError, LocalError
from fwtool.extract import extract, safe_name
from tests.conftest import Fwtool
from tests.support import make_package, pattern


def test_components_of_a_package(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x.fwp").write_bytes(make_package([pattern(50_000, 1), pattern(300, 2)], version="1.2.3"))
    made = extract(tmp_path / "x.fwp", tmp_path / "out")
    assert [path.read_bytes() for path in made[:-1]] == [pattern(50_000, 1), pattern(300, 2)]
    assert json.loads(made[-1].read_text())["version"] == "1.2.3"


def test_pieces_of_an_image(run: Fwtool, tmp_path: pathlib.Path) -> None:
    done = run("image", "extract", str(firmware_samples.path("built/vt100-1.5.0.hex")), "out", "--json")
    assert done.code == 0
    files = [tmp_path / name for name in done.result["data"]["files"]]
    assert files[0].name == "piece-0@0x08020000.bin"
    assert files[0].read_bytes() == firmware_samples.path("built/vt100-1.5.0.bin").read_bytes()[: files[0].stat().st_size]
    assert json.loads(files[-1].read_text())["format"] == "intel-hex"


def test_a_damaged_block_is_noticed(tmp_path: pathlib.Path) -> None:
    raw = bytearray(make_package([pattern(50_000, 1)]))
    raw[len(raw) - 1000] ^= 1
    (tmp_path / "x.fwp").write_bytes(raw)
    with pytest.raises(FormatError):
        extract(tmp_path / "x.fwp", tmp_path / "out")


def test_nothing_is_written_over(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x.fwp").write_bytes(make_package())
    extract(tmp_path / "x.fwp", tmp_path / "out")
    with pytest.raises(LocalError, match="not empty"):
        extract(tmp_path / "x.fwp", tmp_path / "out")


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "a\\b", "CON", "nul.txt", "x" * 65, "\u202egnp", "a b", "", "end."])
def test_a36_names_from_inside_never_choose_a_path(name: str) -> None:
    assert safe_name(name, "component-0") == "component-0"
    assert safe_name("modem-2.b", "component-0") == "modem-2.b"
