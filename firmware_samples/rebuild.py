#!/usr/bin/env python3
"""Builds the VT-100 sample firmware from its source, bit for bit the same each time.

    python firmware_samples/rebuild.py            rebuild in place and rewrite built/SHA256SUMS
    python firmware_samples/rebuild.py --check    rebuild aside and compare with the committed files

Exit codes: 0 built, or equal; 1 a file differs or the build failed; 2 the cross compiler is missing.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE / "vt100" / "src"
LINKER_SCRIPT = HERE / "vt100" / "vt100.ld"
BUILT = HERE / "built"
PREFIX = "arm-none-eabi-"
COMPILER_VERSION = "12.2.1"

COMPILE_FLAGS = (
    "-mcpu=cortex-m4 -mthumb -mfloat-abi=soft -std=gnu11 -Os -ffreestanding -fno-builtin -fno-common "
    "-ffunction-sections -fdata-sections -fno-unwind-tables -fno-asynchronous-unwind-tables -fno-ident "
    "-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -frandom-seed=vt100"
)
LINK_FLAGS = (
    "-mcpu=cortex-m4",
    "-mthumb",
    "-nostdlib",
    "-static",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-Wl,-z,max-page-size=0x1000",
)
IMAGE_KINDS = {"hex": "-O ihex", "srec": "-O srec --srec-forceS3", "bin": "-O binary"}


@dataclasses.dataclass(frozen=True)
class Release:
    """One released version: its number and the order in which its objects are linked."""

    number: int
    version: str
    link_order: str

    @property
    def objects(self) -> list[str]:
        return self.link_order.split()

    @property
    def stem(self) -> str:
        return f"vt100-{self.version}"


RELEASES = (
    Release(
        number=1,
        version="1.4.2",
        link_order="startup app_info main banner command service menu selftest settle update image receipt "
        "amount currency response messages messages_en messages_zh journal param tlv tlv_tags tlv_sample "
        "printer printer_tables barcode display font font_latin font_zh utf8 keypad battery battery_tables "
        "tamper watchdog spi uart format clock crc32 sha256 mem",
    ),
    Release(
        number=2,
        version="1.5.0",
        link_order="startup app_info main clock uart spi format mem banner command service menu selftest "
        "settle update image contactless printer printer_tables receipt amount currency response messages "
        "messages_en messages_zh journal param tlv tlv_tags tlv_sample barcode display utf8 font font_latin "
        "font_zh keypad battery battery_tables tamper watchdog crc32 sha256",
    ),
)


class BuildError(Exception):
    """A tool of the cross compiler failed."""


def run(command: Sequence[str], cwd: pathlib.Path) -> str:
    """Runs one tool; its messages come back as text."""
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "SOURCE_DATE_EPOCH": "0"}
    # The commands are put together from the constants above, never from input.
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BuildError(f"{command[0]} failed:\n{result.stderr.strip()}")
    return result.stdout


def compiler_version() -> str:
    return run([f"{PREFIX}gcc", "-dumpfullversion"], HERE).strip()


def compile_all(release: Release, objects: pathlib.Path) -> None:
    """Compiles inside the source folder, so that no machine's path gets into an object."""
    prefix_maps = [f"-ffile-prefix-map={SOURCE}=src", f"-ffile-prefix-map={objects}=obj"]
    options = [*COMPILE_FLAGS.split(), f"-DRELEASE={release.number}", *prefix_maps]
    for name in release.objects:
        run([f"{PREFIX}gcc", *options, "-c", f"{name}.c", "-o", str(objects / f"{name}.o")], SOURCE)


def build(release: Release, output: pathlib.Path) -> list[str]:
    """Leaves the four images of a release in the output folder; returns their names."""
    elf = f"{release.stem}.elf"
    names = [elf]
    with tempfile.TemporaryDirectory() as scratch:
        objects = pathlib.Path(scratch)
        compile_all(release, objects)
        inputs = [f"{name}.o" for name in release.objects]
        run([f"{PREFIX}gcc", *LINK_FLAGS, "-T", str(LINKER_SCRIPT), *inputs, "-o", elf], objects)
        # The S0 record holds the name objcopy is given, hence a bare name in the working folder.
        for kind, options in IMAGE_KINDS.items():
            names.append(f"{release.stem}.{kind}")
            run([f"{PREFIX}objcopy", *options.split(), elf, names[-1]], objects)
        for name in names:
            (output / name).write_bytes((objects / name).read_bytes())
    return names


def pack(release: Release, output: pathlib.Path) -> str:
    """Builds the signed package of a release with the tool itself; returns its name."""
    name = f"{release.stem}.fwp"
    fwtool = [sys.executable, "-m", "fwtool"]
    image, key = output / f"{release.stem}.elf", HERE / "keys" / "sample-ed25519.pem"
    options = ["--vendor", "Acme", "--version", release.version, "--hardware", "VT-100:1..9"]
    options += ["--security-counter", str(release.number + 2)]
    run([*fwtool, "image", "build", f"app={image}", *options, "--out", str(output / name)], HERE.parent)
    run([*fwtool, "image", "sign", str(output / name), "--key", str(key), "--dev"], HERE.parent)
    return name


def build_all(output: pathlib.Path) -> None:
    """Builds both releases, their packages, and the list of checksums."""
    names = [name for release in RELEASES for name in (*build(release, output), pack(release, output))]
    lines = [f"{hashlib.sha256((output / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (output / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


def differences(fresh: pathlib.Path) -> list[str]:
    """What is wrong with the committed files, a sentence for each."""
    found = []
    for file in sorted(fresh.iterdir()):
        committed = BUILT / file.name
        if not committed.is_file():
            found.append(f"{file.name} is missing from built/.")
        elif committed.read_bytes() != file.read_bytes():
            found.append(f"{file.name} differs from what the source builds.")
    return found


def check(version: str) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        fresh = pathlib.Path(scratch)
        build_all(fresh)
        found = differences(fresh)
        count = len(list(fresh.iterdir()))
    if not found:
        sys.stdout.write(f"{count} files are the same, bit for bit (arm-none-eabi-gcc {version}).\n")
        return 0
    for sentence in found:
        sys.stderr.write(f"{sentence}\n")
    if version != COMPILER_VERSION:
        sys.stderr.write(
            f"The compiler here is {version}; the committed files came from {COMPILER_VERSION}, "
            "and another version gives other bytes.\n"
        )
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the VT-100 sample firmware from its source.")
    parser.add_argument("--check", action="store_true", help="compare a fresh build with the committed files")
    options = parser.parse_args(arguments)
    if shutil.which(f"{PREFIX}gcc") is None:
        sys.stderr.write(
            "arm-none-eabi-gcc is missing: install gcc-arm-none-eabi and binutils-arm-none-eabi to rebuild the samples.\n"
        )
        return 2
    try:
        version = compiler_version()
        if options.check:
            return check(version)
        BUILT.mkdir(exist_ok=True)
        build_all(BUILT)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Built both releases into built/ with arm-none-eabi-gcc {version}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
