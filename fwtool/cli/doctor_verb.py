"""`fwtool doctor`: is this computer fit for the job?"""

import importlib.metadata
import platform
import time
from typing import Any

import click

from formats.checksums import crcmod_is_compiled
from formats.errors import ToolError
from fwtool import __version__
from fwtool.cli import doctor_rights
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.files import write_file
from fwtool.trust_store import PINNED
from transports.serial_port import LATENCY_FOLDER, latency_timers

GOOD_LATENCY_MS = 2
LIBRARIES = (
    "click", "construct", "crcmod-plus", "cryptography", "libusb-package", "pillow", "pyelftools", "pyserial", "pyusb", "tqdm",
)  # fmt: skip


@click.command(cls=Verb)
@click.option("--install-udev", is_flag=True, help="Linux, as root: give users at this computer the right to use terminals.")
@pass_app
def command(app: App, /, install_udev: bool) -> Outcome:
    """Check this computer: versions, ports, rights, speed."""
    return doctor_rights.install_udev() if install_udev else _check(app)


def _check(app: App) -> Outcome:
    problems: list[str] = []
    data: dict[str, Any] = {
        "fwtool": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "libraries": {name: _version(name, problems) for name in LIBRARIES},
        "crc32_mb_s": _crc_speed(),
        "crcmod_compiled": crcmod_is_compiled(),
        "state_dir": str(app.state_dir),
        "trust_pinned": (app.state_dir / PINNED).is_file(),
        "ports": _ports(),
        "latency_timers_ms": latency_timers(),
    }
    for name, ms in data["latency_timers_ms"].items():
        if ms > GOOD_LATENCY_MS:
            problems.append(f"{name} passes bytes on only every {ms} ms: echo 1 > {LATENCY_FOLDER}/{name}/latency_timer")
    if not data["crcmod_compiled"]:
        problems.append("crcmod runs without its compiled part, 30 times slower: install crcmod-plus, remove crcmod")
    try:
        app.state_dir.mkdir(parents=True, exist_ok=True)
        write_file(app.state_dir / ".doctor", b"")
        (app.state_dir / ".doctor").unlink()
    except (ToolError, OSError) as error:
        problems.append(f"records cannot be written: {error}")
    rights, rights_lines = doctor_rights.look(data["ports"], problems)
    data |= rights
    data["problems"] = problems
    lines = [
        f"fwtool {__version__}, Python {data['python']}, {data['system']}",
        "libraries  " + ", ".join(f"{name} {version}" for name, version in data["libraries"].items()),
        f"checksums  CRC-32 {data['crc32_mb_s']} MB/s, crcmod {'compiled' if data['crcmod_compiled'] else 'pure Python'}",
        f"records    {data['state_dir']}",
        f"trust      {'pinned' if data['trust_pinned'] else 'none pinned: give --trust, or fwtool trust install TRUST'}",
        f"ports      {', '.join(data['ports']) or 'none'}",
        *(f"adapter    {name}: latency timer {ms} ms" for name, ms in data["latency_timers_ms"].items()),
        *rights_lines,
        *(f"problem    {problem}" for problem in problems),
    ]
    failure = None
    if problems:
        failure = ToolError(f"{len(problems)} problems found", name="missing_component", hint=problems[0])
    return Outcome(data, lines, failure=failure)


def _version(name: str, problems: list[str]) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        problems.append(f"{name} is not installed")
        return "missing"


def _crc_speed() -> int:
    import zlib

    data = bytes(1 << 20)
    start = time.perf_counter()
    for _ in range(16):
        zlib.crc32(data)
    return round(16 * len(data) / 1e6 / (time.perf_counter() - start))


def _ports() -> list[str]:
    from transports.serial_port import list_ports

    return [str(port.device) for port in list_ports()]
