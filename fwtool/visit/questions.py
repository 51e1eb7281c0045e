"""Questions to a technician, and how an answer is read. Pure."""

import dataclasses
import enum
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from formats.errors import ToolError
from fwtool.findings import Words

Answer = str | bool | list[str]
MAX_TEXT: Final = 500
MAX_ITEMS: Final = 20
_YES: Final = ("y", "yes", "是", "1", "true")
_NO: Final = ("n", "no", "否", "0", "false")


class Kind(enum.StrEnum):
    """What an answer is."""

    YES_NO = "yes or no"
    CHOICE = "one of a list"
    TEXT = "a text"
    LIST = "a list of texts"


@dataclasses.dataclass(frozen=True)
class Question:
    """One question. In a file of answers, `inspect.seals` is the key `seals` in the table `[inspect]`."""

    id: str
    text: Words
    kind: Kind = Kind.YES_NO
    choices: tuple[tuple[str, Words], ...] = ()
    default: Answer | None = None
    """None: it has to be answered."""
    when: tuple[str, tuple[Answer, ...]] | None = None
    """Only asked where that question was answered with one of these."""
    attention: tuple[Answer, ...] = ()
    """Answers that make the step one that needs attention."""
    stops: tuple[Answer, ...] = ()
    """Answers that end the visit: a security case."""
    idle: tuple[Answer, ...] = ()
    """Answers that say that nothing was needed in this step."""
    only_counted: bool = False
    """Of a list, the record keeps how many there are; an act keeps what is to be kept of them."""
    optional: bool = False
    """A text that may be empty; where there is a default, "-" is typed for that."""
    on_disk: Callable[[pathlib.Path], bool] | None = None
    """What is named has to be there, as this tells. A person is asked again at once; otherwise the act that needs it fails."""

    def missing(self, answer: Answer) -> str:
        """What the answer names and is not there; empty: all is."""
        names = answer if isinstance(answer, list) else [answer] if isinstance(answer, str) and answer else []
        there = self.on_disk or (lambda path: True)
        return next((name for name in names if not there(pathlib.Path(name))), "")

    def kept(self, answer: Answer) -> Answer | int:
        """What the record keeps of an answer."""
        return len(answer) if self.only_counted and isinstance(answer, list) else answer

    def applies(self, answers: Mapping[str, Answer]) -> bool:
        return self.when is None or answers.get(self.when[0]) in self.when[1]

    def read(self, text: str) -> Answer:
        """What was typed, as an answer; nothing typed is the default.

        Raises:
            ToolError: it is none (`usage`).
        """
        typed = text.strip()
        if not typed and self.default is not None:
            return self.default
        if typed == "-" and self.optional:
            return ""
        match self.kind:
            case Kind.YES_NO:
                return self.checked(_yes_or_no(typed))
            case Kind.CHOICE:
                number = int(typed) - 1 if typed.isascii() and typed.isdigit() else -1
                return self.checked(self.choices[number][0] if 0 <= number < len(self.choices) else typed)
            case Kind.LIST:
                return self.checked([one for one in typed.replace(",", ",").split(",") if one.strip()])
            case Kind.TEXT:
                return self.checked(typed)

    def checked(self, answer: object) -> Answer:
        """An answer, if it is one.

        Raises:
            ToolError: it is none (`usage`).
        """
        if self.kind is Kind.YES_NO and isinstance(answer, bool):
            return answer
        if self.kind is Kind.CHOICE and answer in [value for value, _ in self.choices]:
            return str(answer)
        if self.kind is Kind.TEXT and isinstance(answer, str) and len(answer) <= MAX_TEXT and (answer or self.optional):
            return answer
        if self.kind is Kind.LIST and isinstance(answer, list) and len(answer) <= MAX_ITEMS and all(map(_is_item, answer)):
            return [one.strip() for one in answer]
        known = f": {', '.join(value for value, _ in self.choices)}" if self.choices else ""
        raise ToolError(f"{answer!r} is no answer to {self.id}", name="usage", hint=f"Expected: {self.kind}{known}.")


def _yes_or_no(typed: str) -> object:
    return True if typed.lower() in _YES else False if typed.lower() in _NO else typed


def _is_item(one: Any) -> bool:
    return isinstance(one, str) and 0 < len(one.strip()) <= MAX_TEXT


class Asker(Protocol):
    """Whoever answers: a person, or a file."""

    def ask(self, question: Question) -> Answer:
        """Get an answer that `question.checked` has let through.

        Raises:
            ToolError: there is nobody to answer, or the file has no good answer (`usage`).
        """
        ...

    def tell(self, words: Words) -> None:
        """A heading, an instruction, a result."""
        ...
