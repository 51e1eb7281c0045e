"""Finding the template that a shown text was made from, and filling the values into its translation."""

import functools
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from fwtool.text import columns, padded

PLACE: Final = re.compile(r"\{(\d+)\}")
TAIL: Final = " ,;:("
"""How texts begin that are put behind others."""
BETWEEN: Final = ("  ", ": ", ", ")
"""What stands between the pieces of a row or a list."""
STRONG: Final = 10
"""Characters of its own from which on a template is sure to be the one."""
DEPTH: Final = 4
"""Values are texts of the catalogue themselves at times: so deep they are looked at."""
SOURCE: Final = "en"


class Template(NamedTuple):
    """A text with places."""

    form: re.Pattern[str]
    end: re.Pattern[str]
    """The same at the end of another text."""
    fixed: int
    """Characters that are no place."""
    translation: str


class Translator:
    """Turns texts into another language; what is in no catalogue stays as it is.

    Args:
        catalogue: Template -> translation, both with places `{0}`, `{1}` ...
    """

    def __init__(self, catalogue: Mapping[str, str]) -> None:
        self._whole = {text: there for text, there in catalogue.items() if there and not PLACE.search(text)}
        templates = [_template(text, there) for text, there in catalogue.items() if there and PLACE.search(text)]
        templates.sort(key=lambda one: -one.fixed)  # the most particular one first
        self._templates = [one for one in templates if one.fixed >= STRONG]
        self._weak = [one for one in templates if one.fixed < STRONG]
        tails = [_template(text, there) for text, there in catalogue.items() if there and text[0] in TAIL]
        self._tails = sorted(tails, key=lambda one: -one.fixed)

    def __call__(self, text: str) -> str:
        """The text in the other language."""
        if text in self._whole:
            return self._whole[text]
        return "\n".join(self._line(line, DEPTH) for line in text.split("\n"))

    def _line(self, text: str, depth: int) -> str:
        if text in self._whole:
            return self._whole[text]
        inner = text.strip(" ")
        if inner != text and inner in self._whole:
            return self._aligned(text, inner)
        if not depth:
            return text
        for ways in (self._by_template, self._with_tail, self._pieces, self._by_weak_template):
            there = ways(text, depth)
            if there != text:
                return there
        return text

    def _by_template(self, text: str, depth: int) -> str:
        return self._matched(self._templates, text, depth)

    def _by_weak_template(self, text: str, depth: int) -> str:
        """One with hardly a word of its own fits what was put together from others; so it comes last."""
        return self._matched(self._weak, text, depth)

    def _matched(self, templates: list[Template], text: str, depth: int) -> str:
        for template in templates:
            found = template.form.fullmatch(text)
            if found:
                return self._filled(template, found, depth)
        return text

    def _with_tail(self, text: str, depth: int) -> str:
        """A text that another one has been put behind."""
        for tail in self._tails:
            found = tail.end.search(text)
            if found and found.start():
                return self._line(text[: found.start()], depth - 1) + self._filled(tail, found, depth)
        return text

    def _pieces(self, text: str, depth: int) -> str:
        """A row of a table, or a list: each piece by itself."""
        for between in BETWEEN:
            pieces = text.split(between)
            if len(pieces) > 1:
                return between.join(self._line(piece, depth - 1) for piece in pieces)
        return text

    def _filled(self, template: Template, found: re.Match[str], depth: int) -> str:
        values = [self._line(value, depth - 1) for value in found.groups()]
        return PLACE.sub(lambda place: values[int(place[1])], template.translation)

    def _aligned(self, text: str, inner: str) -> str:
        """A word of a table: as wide as it was."""
        before, _, after = text.partition(inner)
        return padded(before + self._whole[inner], columns(text)) if after else before + self._whole[inner]


def _template(text: str, there: str) -> Template:
    parts = PLACE.split(text)
    form = "".join("(.*?)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    return Template(re.compile(form, re.DOTALL), re.compile(form + r"\Z", re.DOTALL), sum(map(len, parts[::2])), there)


@functools.cache
def translator(language: str) -> Translator:
    """The translator into a language of `Config.lang`."""
    if language == SOURCE:
        return Translator({})
    import gettext
    from importlib import resources

    with resources.files("fwtool.languages").joinpath(f"{language}.mo").open("rb") as file:
        found = gettext.GNUTranslations(file)
    catalogue: Mapping[str, str] = found._catalog  # type: ignore[attr-defined]
    return Translator({text: there for text, there in catalogue.items() if text and isinstance(there, str)})
