"""The commands of the benchmark of images, with what they may take."""

import importlib.util
import sys
from collections.abc import Iterable
from typing import Final, NamedTuple

ALGORITHMS: Final = ("ed25519", "ecdsa-p256", "rsa-3072", "ml-dsa-65")
MCUBOOT_ALGORITHMS: Final = ALGORITHMS[:3]
FORMS: Final = {
    "plain": "",
    "deflate": "--compress deflate",
    "lzma2": "--compress lzma2",
    "encrypted": "--encrypt-for x25519.pub",
}
"""How packages are built, as options."""
FWTOOL: Final = (sys.executable, "-m", "fwtool")
IMGTOOL: Final = (sys.executable, "-m", "imgtool.main")
OPENSSL: Final = "openssl dgst -sha256"
COPY: Final = "cp"
BUILD: Final = "image build image.bin@0x0 --version 1.0.0 --hardware M --security-counter 1"
CONVERT: Final = "image convert image.bin --to mcuboot --set version=1.0.0 --set header-size=0x200"


class Aim(NamedTuple):
    """The CPU time that a command may take: so many times that of openssl, so many copies of the file, and milliseconds."""

    hashes: float
    copies: int
    ms: int

    def seconds(self, openssl: float, copy: float) -> float:
        return self.hashes * openssl + self.copies * copy + self.ms / 1e3


VERIFY: Final = Aim(1.3, 0, 150)
SIGN: Final = {name: Aim(1.3, 1, 300 if name.startswith("rsa") else 150) for name in ALGORITHMS}


class Act(NamedTuple):
    """One command."""

    name: str
    command: tuple[str, ...]
    writes: str = ""
    """The file it makes."""
    aim: Aim | None = None
    ours: bool = True
    """Whether it is held to the memory aim."""


def fwtool(name: str, command: str, writes: str = "", aim: Aim | None = None) -> Act:
    """A command of ours; `writes` is given to it with `--out`."""
    return Act(f"fwtool {name}", (*FWTOOL, *command.split(), *(["--out", writes] if writes else [])), writes, aim)


def peers() -> list[Act]:
    """What the others are measured by."""
    return [
        Act(OPENSSL, (*OPENSSL.split(), "image.bin"), ours=False),
        Act(COPY, (COPY, "image.bin", "copy.bin"), "copy.bin", ours=False),
    ]


def packages(algorithms: Iterable[str] = ALGORITHMS) -> list[Act]:
    """A package built, signed with each algorithm, and verified."""
    acts = [fwtool("image build", BUILD, "x.fwp")]
    for name in algorithms:
        package = f"{name}.fwp"
        acts += [
            fwtool(f"image sign, {name}", f"image sign x.fwp --key {name}.pem", package, SIGN[name]),
            fwtool(f"image verify, {name}", f"image verify {package} --trust {name}.pub", aim=VERIFY),
        ]
    return acts


def mcuboot_images(algorithms: Iterable[str] = MCUBOOT_ALGORITHMS) -> list[Act]:
    """MCUboot images of the same payload: made and signed, signed once more, verified."""
    acts = []
    for name in algorithms:
        made, again = f"{name}.made", f"{name}.again"
        acts += [
            fwtool(f"image convert --to mcuboot, {name}", f"{CONVERT} --key {name}.pem", made, SIGN[name]),
            fwtool(f"image sign, MCUboot, {name}", f"image sign {made} --key {name}.pem", again, SIGN[name]),
            fwtool(f"image verify, MCUboot, {name}", f"image verify {again} --trust {name}.pub", aim=VERIFY),
        ]
    return acts


def imgtool(size: int) -> list[Act]:
    """imgtool for the same payload, with the algorithms it knows; nothing if it is not installed."""
    if importlib.util.find_spec("imgtool") is None:
        return []
    acts = []
    for name in MCUBOOT_ALGORITHMS:
        options = f"--key {name}.pem --align 4 --version 1.0.0 --header-size 0x200 --pad-header --slot-size {2 * size}"
        image = f"{name}.img"
        acts += [
            Act(f"imgtool sign, {name}", (*IMGTOOL, "sign", *options.split(), "image.bin", image), image, ours=False),
            Act(f"imgtool verify, {name}", (*IMGTOOL, "verify", "--key", f"{name}.pem", image), ours=False),
        ]
    return acts


def forms() -> list[Act]:
    """Packages built in every form, and verified; the one that is verified has been signed before."""
    acts = []
    for name, options in FORMS.items():
        key = "--decrypt-key x25519.pem" if name == "encrypted" else ""
        acts += [
            fwtool(f"image build, {name}", f"{BUILD} {options}", f"{name}.fwp"),
            fwtool(f"image verify, {name}", f"image verify {name}-signed.fwp --trust ed25519.pub {key}"),
        ]
    return acts
