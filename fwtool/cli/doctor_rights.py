"""The part of `fwtool doctor` that is about rights: ports and USB devices that may not be used, and the udev rule."""

import contextlib
import os
import pathlib
import platform
import subprocess
import sys
from typing import Any

from formats.errors import LocalError, ToolError
from fwtool.cli.app import Outcome
from fwtool.cli.ports_verb import usb_devices
from fwtool.files import write_file
from transports.usb_rights import RULE_FILE, advice, udev_rule

ROOT = pathlib.Path("/")
RELOAD = (("udevadm", "control", "--reload"), ("udevadm", "trigger", "--subsystem-match=usb", "--subsystem-match=tty"))


def denied_ports(names: list[str]) -> list[str]:
    """Serial ports that this user may not open. Windows has no such rights."""
    return [name for name in names if os.name == "posix" and not os.access(name, os.R_OK | os.W_OK)]


def look(names: list[str], problems: list[str]) -> tuple[dict[str, Any], list[str]]:
    """What is to be said of rights; what is wrong is added to `problems`.

    Returns:
        Data, and lines for people.
    """
    system = platform.system()
    seen, trouble = usb_devices()
    denied = [*denied_ports(names), *(f"{one.port(seen)}" for one in seen if one.problem)]
    problems += [f"{name} may not be used" for name in denied]
    if trouble:
        problems.append(trouble)
    installed = system == "Linux" and rule_installed(ROOT)
    data = {
        "usb": [{"port": one.port(seen), "speaks": one.speaks, "problem": one.problem} for one in seen],
        "denied": denied,
        "udev_rule_installed": installed,
        "udev_rule": udev_rule() if system == "Linux" else "",
        "advice": list(advice(system)),
    }
    shown = bool(denied) or system == "Windows"
    lines = [f"USB        {', '.join(one.port(seen) for one in seen) or 'no terminal and no boot loader'}"]
    lines += [f"rights     {line}" for line in (advice(system) if shown else ())]
    if system == "Linux":
        lines.append(f"udev rule  {'installed' if installed else 'not installed: sudo fwtool doctor --install-udev'}")
    if denied and system == "Linux" and not installed:
        lines += [f"           {line}" for line in udev_rule().splitlines()]
    return data, lines


def rule_installed(root: pathlib.Path) -> bool:
    try:
        return (root / RULE_FILE).read_text() == udev_rule()
    except (OSError, ValueError):
        return False


def _user() -> int:
    user = 0
    if sys.platform != "win32":
        user = os.geteuid()
    return user


def install_udev(root: pathlib.Path = ROOT, *, system: str | None = None, user: int | None = None) -> Outcome:
    """Install the udev rule, and have it applied to what is plugged in.

    Args:
        root: Where the system is; another folder than `/` is only written to.
        system: Which one it is; None: this one.
        user: Number of the user; None: the one who runs this.

    Raises:
        ToolError: there is no udev here (`not_supported_here`).
        LocalError: only root may do this (`permission`), or the file cannot be written.
    """
    path = root / RULE_FILE
    if (system or platform.system()) != "Linux":
        raise ToolError(
            "udev rules are for Linux only", name="not_supported_here", hint="See what `fwtool doctor` says of rights."
        )
    if (_user() if user is None else user) != 0:
        hint = "Run: sudo fwtool doctor --install-udev. Or give the rule that `fwtool doctor` prints to an administrator."
        raise LocalError(f"only root may write {path}", name="permission", hint=hint)
    if rule_installed(root):
        return Outcome({"udev_rule": str(path)}, [f"{path}: is there already"])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(f"{path.parent} cannot be made: {error.strerror}", name="disk") from error
    write_file(path, udev_rule().encode())
    path.chmod(0o644)
    if root == ROOT:
        _reload()
    return Outcome({"udev_rule": str(path)}, [f"{path}: installed; plug the device in again"], True)


def _reload() -> None:
    """Without udevadm the rule is read at the next start."""
    for command in RELOAD:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(command, check=False, capture_output=True, timeout=10)
