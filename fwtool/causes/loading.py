"""Rule files (TOML): the shipped one, and those of a service manager on top. What is wrong in one is said before it is used."""

import functools
import pathlib
import tomllib
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any, Final

from formats.errors import LocalError, ToolError
from fwtool.causes import lint, shape
from fwtool.causes.model import Rule

SHIPPED: Final = "rules.toml"
MAX_FILE: Final = 256 * 1024
MAX_RULES: Final = 256
"""Of one file."""
MAX_TOLD: Final = 5
"""Problems that one message tells."""


@functools.cache
def shipped() -> tuple[Rule, ...]:
    """The rules of this package, in ranking order."""
    text = resources.files("fwtool.causes").joinpath(SHIPPED).read_text(encoding="utf-8")
    return _checked(SHIPPED, (), _rules(SHIPPED, text))


def load(paths: Iterable[pathlib.Path] = ()) -> tuple[Rule, ...]:
    """The shipped rules with those of the files added, in ranking order: urgency, confidence, then later files first, since
    a manager's rules know more of the terminals at hand than ours.

    Raises:
        LocalError: a file cannot be read.
        ToolError: a file is not TOML, or has rules that mean nothing, can never apply, or advise something dangerous
            (`usage`); all of them are named, up to five.
    """
    rules = shipped()
    for path in paths:
        rules = _checked(str(path), rules, _rules(str(path), _read(path)))
    return rules


def _read(path: pathlib.Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            raise _wrong(str(path), ["larger than 256 KiB"])
        return raw.decode("utf-8")
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}", name="file_unreadable") from error
    except UnicodeDecodeError as error:
        raise _wrong(str(path), ["not UTF-8 text"]) from error


def _rules(name: str, text: str) -> list[Rule]:
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise _wrong(name, [f"not TOML: {error}"]) from error
    rules, problems = shape.rules_of(document, MAX_RULES)
    if problems:
        raise _wrong(name, problems)
    return rules


def _checked(name: str, base: Sequence[Rule], added: Sequence[Rule]) -> tuple[Rule, ...]:
    replaced = {rule.id for rule in added if rule.replace}
    merged = [*added, *(rule for rule in base if rule.id not in replaced)]
    merged.sort(key=lambda rule: (rule.urgency, rule.confidence))  # stable: in a file, what stands first goes first
    problems = lint.problems(merged, added, base)
    if problems:
        raise _wrong(name, problems)
    return tuple(lint.filled(rule) for rule in merged)


def _wrong(name: str, problems: Sequence[str]) -> ToolError:
    told = "; ".join(problems[:MAX_TOLD])
    more = f"; and {len(problems) - MAX_TOLD} more" if len(problems) > MAX_TOLD else ""
    return ToolError(f"{name}: {told}{more}", name="usage", hint="docs/diagnosis.md says what a rule may be.")
