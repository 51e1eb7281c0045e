"""Where everything that is shown goes through: text for people on stdout, talk and bars on stderr, or JSON lines.

Strings from files and devices are data: whatever could move a cursor or change a colour is shown as an escape.
"""

import datetime
import json as json_module
import os
import sys
import unicodedata
from typing import Any, TextIO

from formats.errors import ToolError
from fwtool.events import Event, Log, TaskBegin, TaskEnd, TaskProgress

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
TITLES = {"verify": "verifying the package", "transfer": "sending"}


def clean(text: str) -> str:
    """Text without anything a terminal would obey."""
    return "".join(
        character if unicodedata.category(character) not in _HIDDEN else f"\\u{ord(character):04x}" for character in text
    )


def size_text(count: float) -> str:
    """Bytes for people, in powers of ten."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


class Output:
    """One command's output."""

    def __init__(self, *, json: bool, quiet: bool, verbose: bool, progress: bool) -> None:
        self.json, self.quiet, self.verbose = json, quiet, verbose
        self.command = ""
        self.context: dict[str, str] = {}
        """Port and serial number, once they are known; they go into every JSON line."""
        self._progress = progress and not json and not quiet and sys.stderr.isatty()
        self._bar: Any = None
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure:
                reconfigure(errors="backslashreplace")

    # -- for people -------------------------------------------------------------------------------------------------

    def line(self, text: str = "") -> None:
        """A line of the result."""
        print(clean(text), flush=True)

    def say(self, text: str) -> None:
        """Talk beside the result."""
        if not self.quiet and not self.json:
            self._write(sys.stderr, clean(text))

    def _write(self, stream: TextIO, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        print(text, file=stream, flush=True)

    # -- for scripts ------------------------------------------------------------------------------------------------

    def emit(self, kind: str, **fields: Any) -> None:
        """A JSON line."""
        stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"type": kind, "time": stamp, "command": self.command, **self.context, **fields}
        print(json_module.dumps(line, ensure_ascii=True), flush=True)

    def result(self, data: dict[str, Any], *, changed: bool, error: ToolError | None = None) -> None:
        """The last line in JSON."""
        self.emit(
            "result",
            ok=error is None,
            exit_code=error.exit_code if error else 0,
            changed=changed,
            error=error_json(error) if error else None,
            data=data,
        )

    def failure(self, error: ToolError) -> None:
        """An error for people: what was found, where, and what to do next."""
        self.close_bar()
        self._write(sys.stderr, f"error: {clean(str(error))}")
        if error.hint:
            self._write(sys.stderr, f"  next: {clean(error.hint)}")

    # -- events -----------------------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Events of a job, as they come."""
        if self.json:
            self._event_json(event)
        elif isinstance(event, TaskBegin):
            self._begin(event)
        elif isinstance(event, TaskProgress):
            if self._bar is not None:
                self._bar.update(event.done - self._bar.n)
        elif isinstance(event, TaskEnd):
            self.close_bar()
        elif isinstance(event, Log):
            self.say(event.message)

    def _event_json(self, event: Event) -> None:
        if isinstance(event, TaskBegin):
            self.emit("task_begin", task=event.task, total=event.total, initial=event.initial)
        elif isinstance(event, TaskProgress):
            self.emit(
                "task_progress", task=event.task, done=event.done, total=event.total, rate=round(event.rate, 1),
                eta_s=None if event.eta_s is None else round(event.eta_s, 2),
            )  # fmt: skip
        elif isinstance(event, TaskEnd):
            self.emit("task_end", task=event.task, duration_s=round(event.duration_s, 3))
        else:
            self.emit("log", level=event.level, message=event.message)

    def _begin(self, event: TaskBegin) -> None:
        title = TITLES.get(event.task, event.task)
        if not event.total:
            if self.verbose:
                self.say(title)
            return
        if event.initial:
            self.say(f"resuming: {size_text(event.initial)} of {size_text(event.total)} are there already")
        if not self._progress:
            self.say(f"{title} {size_text(event.total - event.initial)}")
            return
        from tqdm import tqdm

        utf8 = (getattr(sys.stderr, "encoding", "") or "").lower().replace("-", "") == "utf8"
        self._bar = tqdm(
            total=event.total, initial=event.initial, unit="B", unit_scale=True, desc=title, file=sys.stderr,
            ascii=not utf8, leave=True, colour=None if os.environ.get("NO_COLOR") else "green", mininterval=0.1,
        )  # fmt: skip

    def close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def error_json(error: ToolError) -> dict[str, Any]:
    """An error as the schema has it."""
    return {
        "code": error.exit_code,
        "name": error.name,
        "message": str(error),
        "hint": error.hint,
        "resumable": error.resumable,
    }
