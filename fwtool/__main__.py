"""The command `fwtool`. `--version` answers before anything heavy is loaded."""

import gc
import sys

from fwtool import __version__


def main() -> None:
    """Run the command line and end the process with its exit code."""
    if sys.argv[1:] == ["--version"]:
        print(f"fwtool {__version__}")  # noqa: T201
        return
    gc.disable()  # nothing is garbage while modules are loaded; looking for some takes 4 % of it (on again: fwtool.cli.app.Verb)
    from fwtool.marks import check_marks

    if problem := check_marks():
        sys.exit(f"fwtool: {problem}")
    from fwtool.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
