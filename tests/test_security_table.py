"""docs/security.md: every fault and threat has its row, and every test that a row names exists and is of that number."""

import pathlib
import re
from typing import Final

import pytest

from tests.support import ROOT

DOCUMENT: Final = ROOT / "docs/security.md"
NUMBERS: Final = [f"F{n}" for n in range(1, 23)] + [f"A{n}" for n in range(1, 55)]
OWNED: Final = "owned by the issue on "

pytestmark = pytest.mark.skipif(not DOCUMENT.is_file(), reason="needs the checkout, not the wheel")


def rows() -> dict[str, tuple[str, str]]:
    """Number -> what stands against it, and the cell with the tests."""
    found: dict[str, tuple[str, str]] = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and re.fullmatch(r"[AF]\d+", cells[0]):
            assert cells[0] not in found, f"{cells[0]} has two rows"
            assert len(cells) == 4, line
            assert cells[1], f"{cells[0]} says nothing"
            found[cells[0]] = cells[2], cells[3]
    return found


def test_all_76_rows_are_there() -> None:
    assert list(rows()) == NUMBERS
    assert len(NUMBERS) == 76


@pytest.mark.parametrize("number", NUMBERS)
def test_the_tests_that_a_row_names_exist(number: str) -> None:
    stands, tests = rows()[number]
    if tests.startswith(OWNED):
        return
    assert stands, f"{number}: nothing stands against it"
    named = [re.fullmatch(r"`([\w/]+\.py)` `(test_\w+)`", entry) for entry in tests.split("<br>")]
    assert named, number
    for entry in named:
        assert entry, f"{number}: {tests}"
        text = (ROOT / "tests" / pathlib.PurePosixPath(entry[1])).read_text(encoding="utf-8")
        assert re.search(rf"^def {entry[2]}\(", text, re.MULTILINE), f"{number}: {entry[1]} has no {entry[2]}"
        assert re.search(rf"_{number.lower()}_", entry[2]), f"{entry[2]} is not of {number}"


def test_few_rows_are_owned_by_others() -> None:
    assert {number for number, (_, tests) in rows().items() if tests.startswith(OWNED)} <= {"A50", "A51", "A52"}
