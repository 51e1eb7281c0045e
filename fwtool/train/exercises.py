"""The table of exercises, checked when it is loaded."""

import dataclasses
import functools
import random
import tomllib
from collections.abc import Sequence
from importlib import resources
from typing import Any, Final

from formats.errors import ToolError
from fwtool.causes import load as load_rules
from fwtool.causes.steps import STEPS
from fwtool.findings import Words

ALL: Final = "*"
EXTRA_STEPS: Final = frozenset({"factory_reset"})
"""What can be done, and never is a step that is advised."""
LEVELS: Final = ("basic", "advanced", "money", "security")


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise. Ids tell nothing of what is wrong."""

    id: str
    level: str
    complaint: Words
    """What the merchant says."""
    faults: tuple[str, ...]
    causes: tuple[str, ...]
    """What has to be named, the first one to deal with first."""
    needed: frozenset[str]
    danger: frozenset[str]
    until: str
    any_order: bool = False


@functools.cache
def load() -> tuple[Exercise, ...]:
    """All of them.

    Raises:
        ValueError: the table has a cause or a step that does not exist; a mistake of ours.
    """
    tables = tomllib.loads(resources.files("fwtool.train").joinpath("exercises.toml").read_text("utf-8"))["exercise"]
    return tuple(_exercise(table) for table in tables)


def _exercise(table: dict[str, Any]) -> Exercise:
    causes = {rule.id for rule in load_rules()}
    steps = STEPS.keys() | EXTRA_STEPS | {ALL}
    named = {*table["needed"], *table.get("danger", []), *([table["until"]] if "until" in table else [])}
    if not set(table["causes"]) <= causes or not named <= steps or table["level"] not in LEVELS:
        raise ValueError(f"exercise {table['id']} names something that does not exist")
    return Exercise(
        table["id"], table["level"], Words(table["en"], table["zh"]), tuple(table["faults"]), tuple(table["causes"]),
        frozenset(table["needed"]), frozenset(table.get("danger", [])), table.get("until", ""), table.get("any_order", False),
    )  # fmt: skip


def choose(name: str, level: str, seed: int | None, exercises: Sequence[Exercise]) -> Exercise:
    """The one of this id, or any one of a level.

    Args:
        name: Empty: any.
        level: Empty: all.
        seed: The same for the same; None: another one each time.

    Raises:
        ToolError: there is none (`usage`).
    """
    fitting = [one for one in exercises if name in ("", one.id) and level in ("", one.level)]
    if not fitting:
        ids = ", ".join(f"{one.id} ({one.level})" for one in exercises)
        raise ToolError(f"there is no exercise {name or level!r}", name="usage", hint=f"There are {ids}.")
    return random.Random(seed).choice(fitting)  # noqa: S311 - no secret
