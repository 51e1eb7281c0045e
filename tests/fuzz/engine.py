"""The process in which a target is run: `python -m tests.fuzz.engine TARGET [option of libFuzzer...] FOLDER...`.

The only module that needs atheris, a fuzzer for Linux that pip installs.
"""

import sys
from typing import Final

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

OURS: Final = ["formats", "transports", "fwtool.supply_chain", "fwtool.hexview", "fwtool.cli.image_hex", "elftools"]
"""What is watched: where an input comes that none has come before, it is kept."""

with atheris.instrument_imports(include=OURS):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    target = TARGETS[sys.argv[1]]

    def one_input(data: bytes) -> None:
        target.accepts(data)

    atheris.Setup([sys.argv[0], f"-max_len={target.max_len}", *sys.argv[2:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
