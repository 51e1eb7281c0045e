"""Make the virtual environment that `make` works in: only what the lock files name, each file checked by its hash.

Runs on a bare Python 3.11 with nothing installed. A mark in the environment remembers the lock files it was made from,
so a second run returns at once.
"""

import argparse
import hashlib
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OLDEST = (3, 11)


def fail(sentence: str) -> None:
    sys.exit(f"set-up: {sentence}")


def run_pip(python: pathlib.Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    text = done.stdout + done.stderr
    signs = (
        "Temporary failure",
        "Could not fetch",
        "NewConnectionError",
        "No matching distribution",
        "ConnectTimeout",
        "ProxyError",
        "Network is unreachable",
        "Name or service not known",
    )
    if any(sign in text for sign in signs):
        fail(
            "the packages could not be fetched: no network, or a proxy in between. Connect, or point pip to a local "
            "folder of wheels (export PIP_FIND_LINKS=FOLDER PIP_NO_INDEX=1), and run the same command again.\n"
            "  " + text.strip().splitlines()[-1]
        )
    fail("pip failed:\n" + text.strip())


def make_venv(folder: pathlib.Path) -> None:
    try:
        import ensurepip
        import venv
    except ImportError:
        fail(
            "this Python has no venv/ensurepip. On Debian and Ubuntu: apt-get install python3-venv; "
            "then run the same command again."
        )
        return
    del ensurepip
    venv.EnvBuilder(with_pip=True, clear=True).create(folder)


def digest_of(names: list[str]) -> str:
    state = hashlib.sha256(sys.version.encode())
    for name in [*names, "pyproject.toml", "tools/setup.py"]:
        state.update((ROOT / name).read_bytes())
    return state.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", default=".venv")
    parser.add_argument("what", choices=["runtime", "dev"])
    options = parser.parse_args()
    if sys.version_info < OLDEST:
        fail(
            f"Python {OLDEST[0]}.{OLDEST[1]} or later is needed, this is {sys.version.split()[0]}; "
            "name another one: make PYTHON=python3.11 ..."
        )
    folder = ROOT / options.venv
    windows = sys.platform == "win32"
    python = folder / ("Scripts/python.exe" if windows else "bin/python")
    locks = {"runtime": ["requirements/build.txt", "requirements/runtime.txt"], "dev": ["requirements/dev.txt"]}
    wanted = digest_of(locks[options.what])
    # A development environment serves the demo too, so `make demo` after `make test` has nothing to do.
    accepted = {wanted} | ({digest_of(locks["dev"])} if options.what == "runtime" else set())
    mark = folder / ".made-from"
    if mark.is_file() and mark.read_text() in accepted and python.exists():
        return
    print(f"set-up: making {options.venv} (once, about a minute) ...", file=sys.stderr, flush=True)
    make_venv(folder)
    for lock in locks[options.what]:
        run_pip(python, "install", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", lock)
    run_pip(python, "install", "--no-deps", "--no-build-isolation", "--no-index", "-e", ".")
    mark.write_text(wanted)


if __name__ == "__main__":
    main()
