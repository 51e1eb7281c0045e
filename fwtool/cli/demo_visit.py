"""The last act of the demo: a whole maintenance visit without a question, and its report."""

import datetime
import pathlib
from collections.abc import Callable
from typing import Final

TECHNICIAN: Final = '"Li Wei"'
ANSWERS: Final = """\
[inspect]
foreign = false
housing = "good"
seals = ["S-1041", "S-1042"]
[slip]
density = true
lines = true
[record]
site = "Example shop"
used = ["cleaning card"]
"""
TERMINAL: Final = "'sim:?trust=maker.trust&firmware=vt100-1.4.2.fwp&state=visited&paper=visited/paper'"
"""In virtual time: what takes minutes on a counter takes a second."""


def play(folder: pathlib.Path, fwtool: Callable[[str], None]) -> pathlib.Path:
    """Order, stick, visit, report.

    Args:
        folder: Where the acts before have left keys, trust and packages.
        fwtool: Runs one command there.

    Returns:
        The report as a PDF.
    """
    expires = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=365)
    (folder / "stick").mkdir(exist_ok=True)
    (folder / "answers.toml").write_text(ANSWERS, encoding="utf-8")
    fwtool("trust install maker.trust")
    fwtool(
        'order create --number WO-17 --bank "Example Bank" --terminal SIM-0001 --act service --act settle --act update --days 2 '
        "--out WO-17.fwo"
    )
    fwtool("order sign WO-17.fwo --key maker.pem")
    fwtool("stick write vt100-1.5.0.fwp stick --order WO-17.fwo")
    fwtool(f"visit training --technician {TECHNICIAN} --course PT-7 --expires {expires}")
    fwtool(f"visit --port {TERMINAL} --stick stick --answers answers.toml --technician {TECHNICIAN}")
    fwtool("visit report --out report")
    return max((folder / "report").glob("*.pdf"))
