"""The settings that hold: layouts that are always known, and those of the file that was given last."""

import importlib.resources
import pathlib

from fwtool.settlement.lint import load_toml
from fwtool.settlement.store import Store
from fwtool.settlement.terms import Settings, read_settings

_KEY = "settings"


def current(store: Store, file: pathlib.Path | None = None) -> Settings:
    """The settings; a file that is given is remembered, if it is good.

    Raises:
        LocalError: the file cannot be read.
        ToolError: something in it means nothing (`usage`).
    """
    usual = read_settings(
        importlib.resources.files("fwtool.settlement").joinpath("layouts.toml").read_text("utf-8"), "layouts.toml"
    )
    text = load_toml(file) if file is not None else store.get(_KEY)
    own = read_settings(text, file.name if file else "settings")
    if file is not None and text != store.get(_KEY):
        store.put(_KEY, text)
    return Settings(own.banks, own.layouts, own.calendars, usual.layouts)
