"""Verifying, signing and building images beside `openssl dgst -sha256`, `cp` and imgtool: CPU time and memory.

All commands for one file run in turns, several times; the figure of a command is its minimum, which is what other work on
the machine disturbs least. What a command writes is removed before its next turn, so that nobody pays for freeing it.
"""

import itertools
import os
import pathlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, Final

import firmware_samples
from benchmarks.image_acts import (
    ALGORITHMS,
    BUILD,
    COPY,
    FORMS,
    FWTOOL,
    OPENSSL,
    Act,
    forms,
    imgtool,
    mcuboot_images,
    packages,
    peers,
)  # fmt: skip
from benchmarks.used import Used

STEP: Final = 1 << 20
SIZE: Final = 128 << 20
SMALL: Final = 16 << 20
ROUNDS: Final = 7
FEW_ROUNDS: Final = 3
"""Where a round takes long."""
MEMORY_MIB: Final = 64
MEMORY_KEYS: Final = ("mib", "command", "anonymous_mib", "peak_mib", "aim_mib", "memory_held")


def run(folder: str, *commands: str) -> None:
    """What has to be there before."""
    for command in commands:
        Used(*FWTOOL, *command.split(), cwd=folder)


def make_keys(folder: str, algorithms: Iterable[str] = ALGORITHMS) -> None:
    for name in algorithms:
        run(folder, f"keys generate --algorithm {name} --out {name}.pem", f"keys public {name}.pem --out {name}.pub")


def turns(acts: list[Act], rounds: int, folder: str) -> dict[str, list[Used]]:
    """Every command in its turn, `rounds` times."""
    used: dict[str, list[Used]] = {act.name: [] for act in acts}
    for _ in range(rounds):
        for act in acts:
            if act.writes:
                (pathlib.Path(folder) / act.writes).unlink(missing_ok=True)
            used[act.name].append(Used(*act.command, cwd=folder))
    return used


def rows(size: int, acts: list[Act], used: dict[str, list[Used]]) -> list[dict[str, Any]]:
    """A row for each command, with its aims."""
    cpu = {name: min(one.seconds for one in runs) for name, runs in used.items()}
    found = []
    for act in acts:
        seconds, runs = cpu[act.name], used[act.name]
        row: dict[str, Any] = {"mib": size >> 20, "command": act.name, "cpu_s": round(seconds, 3)}
        row["times_openssl"] = round(seconds / cpu[OPENSSL], 2)
        if act.aim:
            aim = act.aim.seconds(cpu[OPENSSL], cpu[COPY])
            row |= {"aim_s": round(aim, 3), "time_held": held(seconds, aim)}
        found.append(row | memory(runs, ours=act.ours))
    return found


def memory(runs: list[Used], *, ours: bool) -> dict[str, Any]:
    """The largest of all runs. Ours is held to the aim by all of its memory, of which the anonymous part is the larger."""
    peak = max(one.peak_mib for one in runs)
    found = {"anonymous_mib": round(max(one.anonymous_mib for one in runs)), "peak_mib": round(peak)}
    return found | ({"aim_mib": MEMORY_MIB, "memory_held": held(peak, MEMORY_MIB)} if ours else {})


def held(value: float, aim: float) -> str:
    return "yes" if value <= aim else "no"


def noise() -> Iterator[bytes]:
    """Bytes that do not compress."""
    return (os.urandom(STEP) for _ in itertools.count())


def write(path: pathlib.Path, size: int, content: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for piece in content:
            file.write(piece[: size - file.tell()])
            if file.tell() == size:
                return


def measure(size: int = SIZE, small: int = SMALL, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Signing and verifying of `size` bytes that do not compress, building of `small` bytes of the sample firmware."""
    return _signing(size, rounds) + _building(small, min(rounds, FEW_ROUNDS))


def _signing(size: int, rounds: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        write(pathlib.Path(folder) / "image.bin", size, noise())
        make_keys(folder)
        acts = [*peers(), *packages(), *mcuboot_images(), *imgtool(size)]
        return rows(size, acts, turns(acts, rounds, folder))


def _building(size: int, rounds: int) -> list[dict[str, Any]]:
    firmware = firmware_samples.path("built/vt100-1.5.0.bin").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        write(pathlib.Path(folder) / "image.bin", size, itertools.repeat(firmware))
        make_keys(folder, ["ed25519", "x25519"])
        for name, options in FORMS.items():
            signed = f"{name}-signed.fwp"
            run(folder, f"{BUILD} {options} --out {signed}", f"image sign {signed} --key ed25519.pem")
        acts = [*peers(), *forms()]
        return rows(size, acts, turns(acts, rounds, folder))


def files(size: int, *, sparse: bool = False) -> list[dict[str, Any]]:
    """A large file as a package, and as an MCUboot image (which ends at 4 GiB).

    Args:
        sparse: A file of zeros that takes no room on the disk (what is made of it does): only memory means anything.
    """
    with tempfile.TemporaryDirectory() as folder:
        with (pathlib.Path(folder) / "image.bin").open("wb") as file:
            file.truncate(size)
        if not sparse:
            write(pathlib.Path(folder) / "image.bin", size, noise())
        make_keys(folder, ["ed25519"])
        ours = [*packages(["ed25519"]), *([] if sparse else mcuboot_images(["ed25519"]))]
        acts = [*peers(), *(act._replace(aim=None) for act in ours)]  # the aims for time are about `SIZE`
        found = rows(size, acts, turns(acts, 1 if sparse else FEW_ROUNDS, folder))
    return [{key: row[key] for key in MEMORY_KEYS if key in row} for row in found] if sparse else found
