"""Answers from a TOML file: a table for each step, a key for each question."""

import pathlib
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

from formats.errors import ToolError
from fwtool.files import read_small
from fwtool.findings import Words
from fwtool.visit.questions import Answer, Question


class FileAsker:
    """Answers from a file. A question is answered once: the same one again is one that the answer did not settle.

    Args:
        known: All questions there are; a key that belongs to none is an error.
        listener: Told what a person would be told.

    Raises:
        ToolError: not TOML, an unknown key, or a value that is no answer (`usage`).
        LocalError: not readable.
    """

    def __init__(self, path: pathlib.Path, known: Iterable[Question], listener: Callable[[Words], None]) -> None:
        self._path, self.tell = path, listener
        self._given = _flat(path)
        self._asked: set[str] = set()
        questions = {question.id: question for question in known}
        for key, value in self._given.items():
            if key not in questions:
                raise ToolError(f"{path}: there is no question {key!r}", name="usage", hint=f"Known: {', '.join(questions)}.")
            questions[key].checked(value)

    def ask(self, question: Question) -> Answer:
        if question.id in self._asked:
            raise ToolError(
                f"{self._path}: the answer to {question.id} did not settle it", name="usage",
                hint="See what the terminal says, change the answer, and run the same command again: the visit goes on.",
            )  # fmt: skip
        self._asked.add(question.id)
        given = self._given.get(question.id, question.default)
        if given is None:
            table, _, key = question.id.partition(".")
            raise ToolError(f"{self._path} has no answer to: {question.text.en}", name="usage", hint=f"Add [{table}] {key} = ...")
        return question.checked(given)


def _flat(path: pathlib.Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(read_small(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ToolError(f"{path} is not TOML: {error}", name="usage") from error
    loose = [name for name, table in tables.items() if not isinstance(table, dict)]
    if loose:
        raise ToolError(f"{path}: {loose[0]!r} stands outside of a table", name="usage", hint="Write it under [STEP].")
    return {f"{name}.{key}": value for name, table in tables.items() for key, value in table.items()}
