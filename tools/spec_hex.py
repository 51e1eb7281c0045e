"""Put the worked examples into the documents: `python -m tools.spec_hex` rewrites every example block in docs/."""

import pathlib
import re

from tests.spec_examples import examples

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
BLOCK = re.compile(r"(<!-- example: ([a-z-]+) -->\n```hex\n)(.*?)(```)", re.DOTALL)


def lines_of(data: bytes) -> str:
    return "".join(data[at : at + 16].hex(" ") + "\n" for at in range(0, len(data), 16))


def main() -> None:
    known = examples()
    for path in DOCS.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(BLOCK.sub(lambda m: m[1] + lines_of(known[m[2]]) + m[4], text), encoding="utf-8")


if __name__ == "__main__":
    main()
