"""The hex in the specifications is what the code writes, and every example is in some document."""

import pathlib
import re

import pytest

from tests.spec_examples import examples

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
BLOCK = re.compile(r"<!-- example: ([a-z-]+) -->\n```hex\n(.*?)```", re.DOTALL)


@pytest.mark.skipif(not DOCS.is_dir(), reason="needs the checkout, not the wheel")
def test_worked_examples_are_what_the_code_writes() -> None:
    found = {}
    for path in sorted(DOCS.rglob("*.md")):
        for name, text in BLOCK.findall(path.read_text(encoding="utf-8")):
            found[name] = bytes.fromhex("".join(line.split(";")[0] for line in text.splitlines()))
    expected = examples()
    assert set(found) == set(expected)
    for name, data in expected.items():
        assert found[name] == data, name
