"""The list of devices (PCI DSS v4.0.1, 9.5.1.1; 银发〔2021〕259号): a TOML or CSV file of the merchant's or the bank's.

```toml
inspect_every_d = 30                # from the risk analysis (9.5.1.2.1)
[[device]]
make = "Example"
model = "VT-100"
serial = "SIM-0001"
location = "Shop 3, counter 1"
merchant = "Example Shop Ltd"
```
"""

import csv
import datetime
import io
import json
import pathlib
import re
import tomllib
from typing import Any, Final, NamedTuple

from formats.errors import ToolError
from fwtool.files import read_small, write_file
from fwtool.text import clean

REQUIRED: Final = ("make", "model", "serial", "location", "merchant")
OPTIONAL: Final = ("merchant_id", "terminal_id", "acquirer", "uscc", "account", "inspected", "note")
FIELDS: Final = (*REQUIRED, *OPTIONAL)
FIVE: Final = ("acquirer", "merchant_id", "uscc", "account", "location")
"""What a serial number is bound to (银发〔2021〕259号)."""
MAX_FILE: Final = 4 << 20
MAX_TEXT: Final = 200
MAX_DAYS: Final = 366
_USCC: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_SIZE: Final = 18
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


class Entry(NamedTuple):
    """One device. Texts; empty: not given. `inspected` is YYYY-MM-DD."""

    make: str
    model: str
    serial: str
    location: str
    merchant: str
    merchant_id: str = ""
    terminal_id: str = ""
    acquirer: str = ""
    uscc: str = ""
    """Unified social credit code, 18 characters (GB 32100-2015)."""
    account: str = ""
    """Settlement account."""
    inspected: str = ""
    """Day of the last inspection of its surface."""
    note: str = ""

    def shown(self) -> dict[str, str]:
        """For people and JSON: of the account only the last four characters."""
        whole = self._asdict()
        return {**whole, "account": "****" + self.account[-4:] if self.account else ""}


class Registry(NamedTuple):
    """The list, in the order of the file."""

    devices: tuple[Entry, ...]
    inspect_every_d: int | None = None
    """Days between inspections; None: not given."""

    def find(self, serial: str) -> Entry | None:
        return next((device for device in self.devices if device.serial == serial), None)


def load(path: pathlib.Path) -> Registry:
    """Read a list.

    Raises:
        LocalError: it cannot be read.
        ToolError: it is not of the form, names a serial number twice, or has a value that cannot be (`usage`).
    """
    return parse(read_small(path, MAX_FILE), path.name)


def parse(data: bytes, name: str) -> Registry:
    """As `load`, from bytes; the end of the name says which form it is."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong(name, "is not UTF-8 text") from None
    rows, every = _csv_rows(text, name) if _is_csv(name) else _toml_rows(text, name)
    devices = tuple(_entry(row, f"{name}, device {number}") for number, row in enumerate(rows, 1))
    seen: set[str] = set()
    for device in devices:
        if device.serial in seen:
            raise _wrong(name, f"the serial number {device.serial} stands twice; one device has one number")
        seen.add(device.serial)
    return Registry(devices, every)


def _is_csv(name: str) -> bool:
    return name.lower().endswith(".csv")


def _toml_rows(text: str, name: str) -> tuple[list[Any], int | None]:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise _wrong(name, f"is not TOML: {error}") from error
    unknown = document.keys() - {"device", "inspect_every_d"}
    rows, every = document.get("device", []), document.get("inspect_every_d")
    if unknown or not isinstance(rows, list):
        raise _wrong(name, f"expected tables [[device]] and inspect_every_d, found {', '.join(sorted(map(clean, unknown)))}")
    if every is not None and (type(every) is not int or not 1 <= every <= MAX_DAYS):
        raise _wrong(name, f"inspect_every_d = {every!r}; expected 1 to {MAX_DAYS} days")
    return rows, every


def _csv_rows(text: str, name: str) -> tuple[list[Any], None]:
    try:
        table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = [{key: value for key, value in row.items() if value} for row in table]
    except csv.Error as error:
        raise _wrong(name, f"is not CSV: {error}") from error
    return rows, None


def _entry(row: Any, where: str) -> Entry:
    if not isinstance(row, dict):
        raise _wrong(where, "is not a table")
    for key, value in row.items():
        if key not in FIELDS:
            raise _wrong(where, f"unknown field {key!r}; known: {', '.join(FIELDS)}")
        if not isinstance(value, str) or len(value) > MAX_TEXT or clean(value) != value:
            raise _wrong(where, f"{key} is not a text of one line, at most {MAX_TEXT} characters")
    row = {key: value.strip() for key, value in row.items()}
    missing = next((key for key in REQUIRED if not row.get(key)), None)
    if missing:
        raise _wrong(where, f"has no {missing}")
    if row.get("uscc") and not is_uscc(row["uscc"]):
        raise _wrong(where, f"{row['uscc']} is no unified social credit code: its check character is wrong (GB 32100-2015)")
    if row.get("inspected") and not _is_day(row["inspected"]):
        raise _wrong(where, f"inspected = {row['inspected']!r}; expected YYYY-MM-DD")
    return Entry(**row)


def _is_day(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_uscc(text: str) -> bool:
    """18 characters without I, O, S, V, Z; the last one makes the sum of all, each times 3 to the power of its place modulo
    31, a multiple of 31 (GB 32100-2015)."""
    if len(text) != _USCC_SIZE or any(character not in _USCC for character in text):
        return False
    total = sum(_USCC.index(character) * pow(3, place, 31) for place, character in enumerate(text[:-1]))
    return (31 - total % 31) % 31 == _USCC.index(text[-1])


def add(path: pathlib.Path, entry: Entry) -> Registry:
    """Write one more device at the end of the file, which is made if it is not there; what stands in it stays as it is.

    Raises:
        ToolError: as `load`; the file is then as it was.
    """
    before = read_small(path, MAX_FILE) if path.exists() else b""
    text = before.decode("utf-8-sig", "replace")
    start = text if not text or text.endswith("\n") else text + "\n"
    whole = (start + (_csv_row(start, entry, path.name) if _is_csv(path.name) else _toml_table(entry))).encode()
    registry = parse(whole, path.name)
    write_file(path, whole)
    return registry


def _toml_table(entry: Entry) -> str:
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in entry._asdict().items() if value]
    return "\n[[device]]\n" + "\n".join(lines) + "\n"


def _csv_row(start: str, entry: Entry, name: str) -> str:
    """In the order of the file's own header."""
    head = next(csv.reader(io.StringIO(start, newline="")), None) if start else None
    columns = head or list(FIELDS)
    lost = next((field for field, value in entry._asdict().items() if value and field not in columns), None)
    if lost:
        raise _wrong(name, f"has no column {lost}")
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    if head is None:
        table.writerow(columns)
    values = entry._asdict()
    table.writerow([values.get(column, "") for column in columns])
    return out.getvalue()


def _wrong(where: str, message: str) -> ToolError:
    return ToolError(f"{where}: {message}", name="usage", hint="docs/compliance.md says what a registry may be.")
