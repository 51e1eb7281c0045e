"""HTML pages from templates: everything in them is escaped, nothing in them moves a cursor or hides, nothing may be missing."""

import functools
from typing import TYPE_CHECKING, Any

from fwtool.text import clean

if TYPE_CHECKING:
    import jinja2


@functools.cache
def template(package: str, name: str) -> "jinja2.Template":
    """A template from the folder `templates` of a package."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package), autoescape=True, undefined=jinja2.StrictUndefined, finalize=_shown,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(name)


def _shown(value: Any) -> Any:
    """Text without anything a browser would hide; markup is what the template itself has made."""
    return clean(value) if type(value) is str else "" if value is None else value
