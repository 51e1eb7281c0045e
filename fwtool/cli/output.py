"""Where everything that is shown goes through: text for people on stdout, talk and bars on stderr, or JSON lines.

Strings from files and devices are data: whatever could move a cursor or change a colour is shown as an escape.
"""

import dataclasses
import datetime
import functools
import json as json_module
import os
import shutil
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

from formats.errors import ToolError
from fwtool.events import Event, Log, Measurement, OnEvent, TaskBegin, TaskEnd, TaskProgress
from fwtool.text import clean

TITLES = {"verify": "verifying the package", "transfer": "sending"}


def time_text(seconds: float) -> str:
    """A time as people say it: 12.3 s, 29 min 31 s, 5 h 54 min."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size_text(count: float) -> str:
    """Bytes for people, in powers of ten."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


class Output:
    """One command's output."""

    def __init__(self, *, json: bool, quiet: bool, verbose: bool, progress: bool, words: Callable[[str], str] = str) -> None:
        self.json, self.quiet, self.verbose = json, quiet, verbose
        self.words = words
        """Into the language of the reader."""
        self.command = ""
        self.context: dict[str, str] = {}
        """Port and serial number, once they are known; they go into every JSON line."""
        self._progress = progress and not json and not quiet and sys.stderr.isatty()
        self._bars: dict[str, Any] = {}
        """A progress bar for each port that has one; "" where there is only one."""
        self._lock = threading.RLock()
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure:
                reconfigure(errors="backslashreplace")

    # -- for people -------------------------------------------------------------------------------------------------

    def line(self, text: str = "") -> None:
        """A line of the result."""
        print(clean(self.words(text)), flush=True)

    def coloured(self, text: str, colour: int) -> None:
        """A line of the result, coloured where that is wanted (no-color.org) and can be seen."""
        if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            print(f"\x1b[{colour}m{clean(self.words(text))}\x1b[0m", flush=True)
        else:
            self.line(text)

    def say(self, text: str) -> None:
        """Talk beside the result."""
        if not self.quiet and not self.json:
            self._write(sys.stderr, clean(self.words(text)))

    def _write(self, stream: TextIO, text: str) -> None:
        with self._lock:
            for bar in self._bars.values():
                bar.clear()
            print(text, file=stream, flush=True)
            for bar in self._bars.values():
                bar.refresh()

    # -- for scripts ------------------------------------------------------------------------------------------------

    def emit(self, kind: str, **fields: Any) -> None:
        """A JSON line."""
        stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"type": kind, "time": stamp, "command": self.command, **self.context, **fields}
        with self._lock:
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
        self.close_bars()
        self._write(sys.stderr, clean(f"{self.words('error: ')}{self.words(str(error))}"))
        if error.hint:
            self._write(sys.stderr, clean(f"{self.words('  next: ')}{self.words(error.hint)}"))

    # -- events -----------------------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Events of a job, as they come."""
        self._take(event, "")

    def for_port(self, port: str) -> OnEvent:
        """The callback for one of several ports; "" for what is done once for all of them."""
        return functools.partial(self._take, port=port)

    def _take(self, event: Event, port: str) -> None:
        if self.json:
            self._event_json(event, {"port": port} if port else {})
        elif isinstance(event, TaskBegin):
            self._begin(event, port)
        elif isinstance(event, TaskProgress):
            with self._lock:
                if (bar := self._bars.get(port)) is not None:
                    bar.update(event.done - bar.n)
        elif isinstance(event, TaskEnd):
            self._end(port)
        elif isinstance(event, Log):
            self.say(f"{port}: {self.words(event.message)}" if port else event.message)

    def _event_json(self, event: Event, where: dict[str, str]) -> None:
        if isinstance(event, TaskBegin):
            self.emit("task_begin", task=event.task, total=event.total, initial=event.initial, **where)
        elif isinstance(event, TaskProgress):
            self.emit(
                "task_progress", task=event.task, done=event.done, total=event.total, rate=round(event.rate, 1),
                eta_s=None if event.eta_s is None else round(event.eta_s, 2), **where,
            )  # fmt: skip
        elif isinstance(event, TaskEnd):
            self.emit("task_end", task=event.task, duration_s=round(event.duration_s, 3), **where)
        elif isinstance(event, Measurement):
            self.emit("measurement", **dataclasses.asdict(event), **where)
        else:
            self.emit("log", level=event.level, message=event.message, **where)

    def _begin(self, event: TaskBegin, port: str) -> None:
        title = self.words(TITLES.get(event.task, event.task))
        place = f"{port}: " if port else ""
        if not event.total:
            if self.verbose:
                self.say(place + title)
            return
        if event.initial:
            there = self.words(f"resuming: {size_text(event.initial)} of {size_text(event.total)} are there already")
            self.say(place + there)
        if not self._progress:
            self.say(f"{place}{title} {size_text(event.total - event.initial)}")
            return
        from tqdm import tqdm

        utf8 = (getattr(sys.stderr, "encoding", "") or "").lower().replace("-", "") == "utf8"
        with self._lock:
            self._bars[port] = tqdm(
                total=event.total, initial=event.initial, unit="B", unit_scale=True, desc=clean(port or title), leave=True,
                file=sys.stderr, ascii=not utf8, colour=None if os.environ.get("NO_COLOR") else "green", mininterval=0.1,
                position=len(self._bars) if port else None, ncols=shutil.get_terminal_size().columns - 1,
            )  # fmt: skip

    def _end(self, port: str) -> None:
        """A task is over. A bar of several stays until all are: closing one would move the others."""
        with self._lock:
            bar = self._bars.get(port)
            if bar is not None and port:
                bar.refresh()
            elif bar is not None:
                self._bars.pop(port).close()

    def close_bars(self) -> None:
        """Leave the bars as they stand."""
        with self._lock:
            for port in list(self._bars):
                self._bars.pop(port).close()


def error_json(error: ToolError) -> dict[str, Any]:
    """An error as the schema has it."""
    return {
        "code": error.exit_code,
        "name": error.name,
        "message": str(error),
        "hint": error.hint,
        "resumable": error.resumable,
    }
