"""`image diff`: what differs, in words; and nothing that does not."""

import pathlib
import random

import pytest

import firmware_samples
from formats.sources import Piece, image_of
from fwtool.compare import Difference, compare, ranges
from fwtool.images import Limits
from tests.conftest import Fwtool
from tests.support import KEY, STRANGER, make_package, pattern


def packages(folder: pathlib.Path, one: bytes, other: bytes) -> Difference:
    (folder / "one").write_bytes(one)
    (folder / "other").write_bytes(other)
    return compare(folder / "one", folder / "other", Limits())


def test_the_same_package_has_no_difference(tmp_path: pathlib.Path) -> None:
    raw = make_package([pattern(5000)])
    assert packages(tmp_path, raw, raw).same


def test_fields_are_named_with_both_values(tmp_path: pathlib.Path) -> None:
    found = packages(
        tmp_path, make_package(version="1.0.0", counter=3), make_package(version="1.1.0", counter=4, hardware="VT-200")
    )
    told = {change.what: (change.before, change.after) for change in found.changes}
    assert told["version"] == ("1.0.0", "1.1.0")
    assert told["security_counter"] == (3, 4)
    assert told["hardware"][1] == "VT-200"


def test_only_signatures(tmp_path: pathlib.Path) -> None:
    found = packages(tmp_path, make_package(signers=[KEY]), make_package(signers=[KEY, STRANGER]))
    assert found.only_signatures
    assert [(change.kind, change.what.split()[0]) for change in found.signatures] == [("added", "signature")]


def test_ranges_of_a_component(tmp_path: pathlib.Path) -> None:
    data = bytearray(pattern(100_000))
    before = make_package([bytes(data)])
    data[5] ^= 1
    data[50_000] ^= 1
    found = packages(tmp_path, before, make_package([bytes(data)]))
    assert not found.changes
    spans = [(piece.start % 0x1000000 - found.ranges[0].start % 0x1000000, piece.end - piece.start) for piece in found.ranges]
    assert spans == [(0, 16), (50_000, 16)]


def test_components_that_come_and_go(tmp_path: pathlib.Path) -> None:
    found = packages(tmp_path, make_package([pattern(500, 1), pattern(600, 2)]), make_package([pattern(500, 1)]))
    assert [(change.kind, change.before) for change in found.changes if "component" in change.what] == [("removed", 600)]


@pytest.mark.parametrize("seed", range(6))
def test_ranges_are_exactly_what_differs(seed: int) -> None:
    """Against a comparison byte by byte of two images of random pieces."""
    chance = random.Random(seed)

    def some() -> dict[int, int]:
        cells: dict[int, int] = {}
        for _ in range(4):
            start = chance.randrange(400)
            cells.update({start + n: chance.randrange(3) for n in range(chance.randrange(1, 80))})
        return cells

    def image(cells: dict[int, int]):  # type: ignore[no-untyped-def]
        pieces, run = [], bytearray()
        for address in range(max(cells) + 2):
            if address in cells:
                run.append(cells[address])
            elif run:
                pieces.append(Piece(address - len(run), len(run), data=bytes(run)))
                run = bytearray()
        return image_of(pieces)

    one, other = some(), some()
    found = list(ranges("x", image(one), image(other)))
    for address in range(600):
        kinds = [piece.kind for piece in found if piece.start <= address < piece.end]
        if address in one and address in other:
            near = [
                a
                for a in range(address - address % 16, address - address % 16 + 16)
                if a in one and a in other and one[a] != other[a]
            ]
            assert kinds in (["changed"], []), address
            assert bool(kinds) or one[address] == other[address], address
            assert not kinds or near, address
        else:
            assert kinds == (["added"] if address in other else ["removed"] if address in one else []), address
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))


def test_from_the_command_line(run: Fwtool) -> None:
    old, new = (str(firmware_samples.path(f"built/vt100-{version}.fwp")) for version in ("1.4.2", "1.5.0"))
    text = run("image", "diff", old, new).out
    assert "~ version" in text
    assert "1.4.2 -> 1.5.0" in text
    assert "ranges differ" in text
    data = run("image", "diff", old, new, "--json").result["data"]
    assert data["same"] is False
    assert {change["what"] for change in data["changes"]} >= {"version", "security_counter"}
    assert run("image", "diff", old, old).out.strip() == "no difference"
    elf, hexes = (str(firmware_samples.path(f"built/vt100-1.5.0.{form}")) for form in ("elf", "hex"))
    assert run("image", "diff", hexes, elf, "--json").result["data"]["changes"] == []
    assert run("image", "diff", elf, "missing").code == 9
