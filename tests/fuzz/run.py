"""Run a fuzz target: `python -m tests.fuzz.run TARGET --runs N`. Needs atheris (Linux: pip install atheris).

What is found lies in `build/fuzz/TARGET` and is what the next run goes on from; `--keep` puts the best of it into the corpus.
Every run is one line of `log.tsv`.
"""

import argparse
import datetime
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.fuzz import corpus, minimise
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS
from tests.support import ROOT

COLUMNS: Final = ("date", "revision", "target", "runs", "runs_per_s", "new_units", "findings")
SLOW_S: Final = 10
"""An input that takes longer is a finding."""
MAX_RSS_MB: Final = 512
"""A process that grows larger is a finding."""


class Run(NamedTuple):
    """What came of a run."""

    runs: int
    seconds: float
    new_units: int
    failures: list[pathlib.Path]


def fuzz(name: str, work: pathlib.Path, options: Sequence[str]) -> Run:
    """One run, in a process of its own. Its inputs stay in `work`."""
    found, start = work / "found", work / "seeds"
    for folder in (found, start, corpus.FOLDER / name):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(SEEDS[name]()):
        (start / str(number)).write_bytes(data)
    command = [
        sys.executable, "-m", "tests.fuzz.engine", name, *options, "-print_final_stats=1", f"-timeout={SLOW_S}",
        f"-rss_limit_mb={MAX_RSS_MB}", f"-artifact_prefix={work}/", str(found), str(corpus.FOLDER / name), str(start),
    ]  # fmt: skip
    before, log = time.monotonic(), work / "output.txt"
    with log.open("wb") as output:
        subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False)
    text = log.read_text(errors="replace")
    runs, new = (re.search(rf"stat::{stat}:\s*(\d+)", text) for stat in ("number_of_executed_units", "new_units_added"))
    if runs is None or new is None:
        raise SystemExit(f"the target did not run:\n{text[-2000:]}")
    failures = [path for path in work.iterdir() if path.name.partition("-")[0] in ("crash", "timeout", "oom", "leak")]
    return Run(int(runs[1]), time.monotonic() - before, int(new[1]), failures)


def note(name: str, run: Run) -> str:
    """Add a line to the log; the same line for people."""
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    speed = round(run.runs / run.seconds) if run.seconds else 0
    findings = "; ".join(_told(name, path) for path in run.failures) or "0"
    line = "\t".join(map(str, (today, revision, name, run.runs, speed, run.new_units, findings)))
    if not corpus.LOG.exists():
        corpus.LOG.write_text("\t".join(COLUMNS) + "\n")
    with corpus.LOG.open("a") as log:
        log.write(line + "\n")
    return line


def _told(name: str, path: pathlib.Path) -> str:
    """A finding in a few words. What fails is made smaller on the way."""
    target, data = TARGETS[name], path.read_bytes()
    how = minimise.failure(target, data) if path.name.startswith("crash") else ""
    if how:
        path.with_name(f"small-{path.name}").write_bytes(minimise.shrink(target, data))
    return how or path.name.partition("-")[0]


def keep(name: str, work: pathlib.Path) -> int:
    """Put the best of what was found into the corpus; how many files it has now."""
    target = TARGETS[name]
    given = [data for path, data in corpus.stored(name).items() if corpus.named(path)]
    candidates = [path.read_bytes() for path in (work / "found").iterdir()] + list(corpus.stored(name).values())
    good = [data for data in candidates if not minimise.failure(target, data) and corpus.storable(name, data)]
    corpus.store(name, minimise.smallest(target, [*SEEDS[name](), *given], good))
    return len(corpus.stored(name))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=0, help="stop earlier, after so many")
    parser.add_argument("--seed", type=int, default=1, help="the same seed and corpus try the same inputs")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("--keep", action="store_true", help="put the best of what was found into the corpus")
    given = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed: pip install atheris (Linux only)")
    work = given.work / given.target
    run = fuzz(given.target, work, [f"-runs={given.runs}", f"-max_total_time={given.seconds}", f"-seed={given.seed}"])
    print(note(given.target, run))
    if given.keep:
        print(f"{keep(given.target, work)} files in the corpus")
    if run.failures:
        raise SystemExit(f"findings in {work}: {', '.join(path.name for path in run.failures)}")


if __name__ == "__main__":
    main()
