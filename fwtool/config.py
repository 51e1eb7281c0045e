"""Where things are kept on this computer, and who works on it: flags, then FWTOOL_* variables, then a TOML file."""

import dataclasses
import os
import pathlib
from typing import Any

from formats.errors import LocalError, ToolError

KEYS = ("technician", "state_dir", "lang", "port", "trust")


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings that outlive a command."""

    state_dir: pathlib.Path
    technician: str = ""
    lang: str = "en"
    port: str = ""
    trust: str = ""


def default_state_dir() -> pathlib.Path:
    """The platform's place for a program's own files."""
    if os.name == "nt":
        return pathlib.Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser() / "fwtool"
    return pathlib.Path(os.environ.get("XDG_STATE_HOME", "~/.local/state")).expanduser() / "fwtool"


def load(flags: dict[str, Any]) -> Config:
    """Merge the sources.

    Raises:
        ToolError: the configuration file is wrong (`usage`).
        LocalError: it cannot be read.
    """
    file = _read_file()

    def setting(key: str) -> str:
        return str(flags.get(key) or os.environ.get(f"FWTOOL_{key.upper()}") or file.get(key) or "")

    state_dir = setting("state_dir")
    return Config(
        state_dir=pathlib.Path(state_dir).expanduser() if state_dir else default_state_dir(),
        technician=setting("technician"),
        lang=_language(setting("lang")),
        port=setting("port"),
        trust=setting("trust"),
    )


def _read_file() -> dict[str, Any]:
    named = os.environ.get("FWTOOL_CONFIG")
    base = os.environ.get("XDG_CONFIG_HOME") or ("~/AppData/Roaming" if os.name == "nt" else "~/.config")
    path = pathlib.Path(named or pathlib.Path(base) / "fwtool" / "config.toml").expanduser()
    if not named and not path.is_file():
        return {}
    import tomllib  # nobody waits for it who has no such file

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolError(f"{path} is not TOML: {error}", name="usage") from error
    for key in values:
        if key not in KEYS:
            raise ToolError(f"{path}: unknown setting {key!r}; known: {', '.join(KEYS)}", name="usage")
    return values


def _language(asked: str) -> str:
    """en or zh: as asked, else as the environment says, else as the system says (Windows leaves LANG unset)."""
    value = asked or os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    if not value and os.name == "nt":
        import locale

        value = locale.getlocale()[0] or ""
    return "zh" if value.lower().startswith(("zh", "chinese")) else "en"
