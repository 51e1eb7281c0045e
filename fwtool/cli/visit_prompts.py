"""Questions of a visit to a person at a terminal."""

import sys
from typing import Final

import click

from formats.errors import ToolError
from fwtool.cli.output import Output
from fwtool.findings import Words
from fwtool.text import clean
from fwtool.visit.questions import MAX_ITEMS, MAX_TEXT, Answer, Kind, Question

YES_NO = Words("y/n", "y 是 / n 否")
NOTHING = Words("- for nothing", "输入 - 表示无")
HOW: Final = {
    Kind.YES_NO: Words("Type y or n.", "请输入 y 或 n。"),
    Kind.CHOICE: Words("Type the number that stands before it.", "请输入选项前的序号。"),
    Kind.TEXT: Words(f"Type 1 to {MAX_TEXT} characters.", f"请输入 1 到 {MAX_TEXT} 个字符。"),
    Kind.LIST: Words(f"Type at most {MAX_ITEMS}, with commas between.", f"最多输入 {MAX_ITEMS} 项,用逗号分隔。"),
}
"""How to answer, for who did not."""
NOT_THERE = Words("{name} is not there", "{name} 不存在")
YES, NO = Words("y", "y"), Words("n", "n")


class TerminalAsker:
    """Asks on stderr, and asks again until there is an answer.

    Raises:
        ToolError: stdin is no terminal (`usage`).
    """

    def __init__(self, output: Output, language: str) -> None:
        if not sys.stdin.isatty():
            raise ToolError(
                "a visit asks questions, and stdin is no terminal", name="usage",
                hint="Run it in a terminal, or give the answers in a file: --answers FILE.",
            )  # fmt: skip
        self._output, self._language = output, language

    def tell(self, words: Words) -> None:
        self._output.say(words.get(self._language))

    def ask(self, question: Question) -> Answer:
        for number, (_, words) in enumerate(question.choices, 1):
            self._say(f"{number} {words.get(self._language)}")
        prompt = clean(f"{question.text.get(self._language)}{self._form(question)}")
        while True:
            typed = click.prompt(prompt, default="", show_default=False, err=True)
            try:
                answer = question.read(str(typed))
            except ToolError:
                self._say(HOW[question.kind].get(self._language))
                continue
            missing = question.missing(answer)
            if not missing:
                return answer
            self._say(NOT_THERE.get(self._language).format(name=missing))

    def _say(self, text: str) -> None:
        click.echo(clean(f"  {text}"), err=True)

    def _form(self, question: Question) -> str:
        """How to answer, and what the empty answer means."""
        form = YES_NO.get(self._language) if question.kind is Kind.YES_NO else ""
        default = self._shown(question)
        if question.optional and default:
            form = NOTHING.get(self._language)
        return (f" ({form})" if form else "") + (f" [{default}]" if default else "")

    def _shown(self, question: Question) -> str:
        match question.default:
            case bool():
                return (YES if question.default else NO).get(self._language)
            case str() if question.choices:
                return dict(question.choices)[question.default].get(self._language)
            case str():
                return question.default
            case _:
                return ""
