"""Run the benchmarks: a table each, and all of it as JSON (`--json FILE`). `--size` scales the file benchmarks."""

import argparse
import json
import pathlib

from benchmarks import files, line, startup


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=pathlib.Path, help="write the figures here")
    parser.add_argument("--size", type=int, default=1 << 30, help="bytes of the file that is built, signed and verified")
    options = parser.parse_args()
    figures = {"line": line.measure(), "startup": startup.measure(), "files": files.measure(options.size)}
    for name, rows in figures.items():
        print(f"\n{name}")
        for row in rows:
            print("  " + "  ".join(f"{key} {value}" for key, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
