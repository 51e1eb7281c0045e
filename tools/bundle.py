"""Make the offline bundle of the tool (`make bundle`): wheels of exactly what the lock file names, checked by hash, our own
wheel, a start file for each system, and a list of digests. `fwtool stick write --with-tool` puts it on a USB stick.

pip looks at the markers of the system it runs on, whatever `--platform` says, so markers are judged here (PEP 508).
"""

import argparse
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from typing import NamedTuple

from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = pathlib.Path(__file__).resolve().parent / "bundle_files"
LOCK = ROOT / "requirements" / "runtime.txt"
PYTHONS = ("3.11", "3.12", "3.13")
SUMS = "SHA256SUMS"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class System(NamedTuple):
    """An operating system that the bundle starts on."""

    platforms: tuple[str, ...]
    """Tags of wheels that run there."""
    markers: dict[str, str]


SYSTEMS = {
    "windows": System(
        ("win_amd64",),
        {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
    ),
    # glibc 2.28: Debian 10, Ubuntu 18.10, RHEL 8 and later
    "linux": System(
        ("manylinux2014_x86_64", "manylinux1_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1))),
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    ),
    # no wheels of `cryptography` for Intel any more
    "macos": System(
        ("macosx_14_0_arm64",),
        {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    ),
}


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"bundle: {' '.join(command[:6])} ... failed:\n{done.stdout}{done.stderr}")


def pip(*arguments: str) -> None:
    run(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def needed(lock: str, system: System, python: str) -> str:
    """The lines of a lock file that hold on this system, without their markers."""
    environment: dict[str, str] = {
        **{name: str(value) for name, value in default_environment().items()},
        **system.markers,
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    kept = []
    for line in lock.replace("\\\n", " ").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        text, *hashes = line.split(" --hash=")
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            kept.append(" --hash=".join([f"{requirement.name}{requirement.specifier}", *(one.strip() for one in hashes)]))
    return "\n".join(kept) + "\n"


def fetch(wheels: pathlib.Path, systems: list[str], pythons: list[str]) -> None:
    """Wheels for every system and version."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lines:
        for system in map(SYSTEMS.__getitem__, systems):
            for python in pythons:
                lines.seek(0)
                lines.truncate()
                lines.write(needed(LOCK.read_text(encoding="utf-8"), system, python))
                lines.flush()
                platforms = [word for tag in system.platforms for word in ("--platform", tag)]
                pip(
                    "download", "--require-hashes", "--no-deps", "--only-binary", ":all:", *platforms, "--python-version", python,
                    "--implementation", "cp", "--dest", str(wheels), "-r", lines.name,
                )  # fmt: skip


def digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_own(wheels: pathlib.Path) -> str:
    """Our wheel; get the line that installs it and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, str(ROOT))
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        shutil.copy(wheel, wheels / wheel.name)
    name, version = wheel.name.split("-")[:2]
    return f"{name.replace('_', '-')}=={version} --hash=sha256:{digest(wheels / wheel.name)}\n"


def add_start_files(folder: pathlib.Path, pythons: list[str]) -> None:
    """Start files know which bundle they belong to, so that a newer one makes an environment of its own."""
    identity = hashlib.sha256((folder / "requirements.txt").read_bytes()).hexdigest()[:12]
    values = {"@ID@": identity, "@OLDEST@": pythons[0], "@NEWEST@": pythons[-1], "@PYTHONS@": " ".join(reversed(pythons))}
    values |= {"@LOW@": pythons[0].replace(".", ", "), "@HIGH@": pythons[-1].replace(".", ", ")}
    for path in sorted(FILES.iterdir()):
        text = path.read_text(encoding="utf-8")
        for name, value in values.items():
            text = text.replace(name, value)
        if path.suffix != ".sh":
            text = text.replace("\n", "\r\n")
        mark = "\ufeff" if path.suffix == ".txt" else ""
        (folder / path.name).write_bytes((mark + text).encode())


def pack(folder: pathlib.Path) -> None:
    """The list of digests, and the archive."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths]
    (folder / SUMS).write_bytes("".join(lines).encode("ascii"))
    with zipfile.ZipFile(folder.with_name(folder.name + ".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [*paths, folder / SUMS]:
            archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_TIME), path.read_bytes())


def make(out: pathlib.Path, systems: list[str], pythons: list[str], frozen: dict[str, pathlib.Path]) -> pathlib.Path:
    """Make the bundle; get its folder."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "bundle"
        wheels = folder / "wheels"
        wheels.mkdir(parents=True)
        own = build_own(wheels)
        (folder / "requirements.txt").write_bytes((LOCK.read_text(encoding="utf-8") + own).encode())
        fetch(wheels, systems, pythons)
        for system, path in frozen.items():
            place = folder / "frozen" / system
            place.mkdir(parents=True)
            shutil.copy(path, place / ("fwtool.exe" if system == "windows" else "fwtool"))
        add_start_files(folder, pythons)
        pack(folder)
        target = out / f"fwtool-bundle-{own.split()[0].split('==')[1]}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        shutil.copy(folder.with_name("bundle.zip"), target.with_name(target.name + ".zip"))
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "dist")
    parser.add_argument("--system", action="append", choices=sorted(SYSTEMS), help="all if not given")
    parser.add_argument("--python", action="append", choices=PYTHONS, help="all if not given")
    parser.add_argument("--frozen", action="append", default=[], metavar="SYSTEM=FILE", help="a build that needs no Python")
    options = parser.parse_args()
    frozen = {system: pathlib.Path(path) for system, _, path in (text.partition("=") for text in options.frozen)}
    if unknown := frozen.keys() - SYSTEMS.keys():
        parser.error(f"--frozen: unknown system {', '.join(sorted(unknown))}")
    pythons = [version for version in PYTHONS if version in (options.python or PYTHONS)]
    options.out.mkdir(parents=True, exist_ok=True)
    folder = make(options.out, options.system or list(SYSTEMS), pythons, frozen)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder} and {folder.name}.zip: {size / 1e6:.0f} MB, for Python {' '.join(pythons)}")


if __name__ == "__main__":
    main()
