"""What only a person can tell the health check: the questions, asked or answered by option."""

import sys
from collections.abc import Collection
from typing import Final

import click

from formats.errors import ToolError
from fwtool.findings import Words

QUESTIONS: Final = {
    "display": Words("Does the terminal's display show every line without gaps?", "终端显示屏每一行都显示完整吗?"),
    "keypad": Words("Press each key of the terminal once: does each one beep?", "请把终端每个按键各按一次:每个键都有提示音吗?"),
    "density": Words("Is the print of the last test slip dark and even?", "最近一张打印测试单的颜色是否深且均匀?"),
    "white_lines": Words("Is that slip free of white lines from top to bottom?", "该测试单是否没有纵向白线?"),
    "battery_flat": Words("Is the back of the battery flat, not swollen?", "电池背面是否平整、没有鼓包?"),
}
"""Name -> question, to be answered with yes where all is well."""


def answers_of(given: tuple[str, ...], names: Collection[str]) -> dict[str, bool]:
    """What `--answer` options say.

    Args:
        names: Questions that may be answered here.

    Raises:
        ToolError: another form, or another question (`usage`).
    """
    said = {}
    for text in given:
        name, _, answer = text.partition("=")
        if name not in names or answer not in ("yes", "no"):
            raise ToolError(
                f"--answer {text!r} is no answer", name="usage", hint=f"Write NAME=yes or NAME=no; NAME: {', '.join(names)}."
            )
        said[name] = answer == "yes"
    return said


def ask(names: Collection[str], language: str) -> dict[str, bool]:
    """Ask the person at the keyboard."""
    return {name: click.confirm(QUESTIONS[name].get(language)) for name in names}


def somebody_is_there() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin is not None and sys.stdin.isatty()
