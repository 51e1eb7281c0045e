"""Three-way match of a million journal lines, a bank file and batch totals with 500 planted discrepancies, in one process.

Each row is a process of its own, so that its memory is its own; CPU time is what one core takes.
"""

import datetime
import json
import pathlib
import pickle
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any

from tests import settlement_planted
from tests.settlement_planted import Made

LINES, EACH, TERMINALS = 1_000_000, 32, 500


def measure() -> list[dict[str, Any]]:
    """Make the files, then import and match them in a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        made = settlement_planted.make(folder, lines=LINES, each=EACH, terminals=TERMINALS)
        (folder / "made").write_bytes(pickle.dumps(made))
        done = subprocess.run([sys.executable, "-m", "benchmarks.settlement", name], check=True, capture_output=True, text=True)
    row: dict[str, Any] = json.loads(done.stdout)
    return [row]


def _peak_mib() -> int:
    """Of this program alone (Linux). `ru_maxrss` would begin with what the process that started it had."""
    status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def run(folder: pathlib.Path) -> dict[str, Any]:
    """Import and match; what was found, and what it took."""
    from fwtool.settlement import importing, importing_windows, notices, settings_store
    from fwtool.settlement.matching import match
    from fwtool.settlement.results import read_items
    from fwtool.settlement.sources import detect
    from fwtool.settlement.sources.text import sha256_of
    from fwtool.settlement.store import Store

    made: Made = pickle.loads((folder / "made").read_bytes())
    begun = time.process_time()
    with Store(folder / "state") as store:
        settings = settings_store.current(store, folder / "settings.toml")
        rows = 0
        for path in made.files:
            kind = detect.kind_of(path, settings.layouts, settings.usual)
            if kind in detect.WINDOWS:
                names = {name: terms.names for name, terms in settings.banks.items()}
                notice = notices.read(path, kind, datetime.date(2026, 11, 1), "Asia/Shanghai", names)
                importing_windows.import_windows(store, path, kind, sha256_of(path), notice, "")
            else:
                rows += importing.import_file(store, settings, path, kind, sha256_of(path), "", "", replace=False).rows
        imported = time.process_time()
        outcome = match(store, settings, settlement_planted.AS_OF)
        matched = time.process_time()
        found = Counter((one.kind, one.terminal, one.batch, one.trace, one.difference) for one in read_items(store))
        size = store.path.stat().st_size
    wanted = Counter(tuple(one) for one in made.planted)
    return {
        "lines_read": rows,
        "matched": outcome.matched,
        "planted": len(made.planted),
        "found": (found & wanted).total(),
        "false": (found - wanted).total(),
        "import_cpu_s": round(imported - begun, 1),
        "match_cpu_s": round(matched - imported, 1),
        "cpu_s": round(matched - begun, 1),
        "peak_mib": _peak_mib(),
        "store_mib": size >> 20,
    }


if __name__ == "__main__":
    print(json.dumps(run(pathlib.Path(sys.argv[1]))))
