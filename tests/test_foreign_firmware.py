"""Firmware that nobody here made: Debian's OpenSBI and U-Boot, ELF and raw, from build to read-back."""

import os
import pathlib
from collections.abc import Callable

import pytest

from tests.conftest import Fwtool, Sim

IMAGES = (
    "usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf",
    "usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin@0x80000000",
    "usr/lib/u-boot/qemu_arm64/uboot.elf",
    "usr/lib/u-boot/qemu-x86/u-boot.rom@0xfff00000",
)


def folder() -> pathlib.Path:
    """Where the packages have been unpacked."""
    named = os.environ.get("FWTOOL_TEST_FOREIGN")
    if named:
        return pathlib.Path(named)
    if os.environ.get("FWTOOL_TEST_REQUIRE"):
        pytest.fail("FWTOOL_TEST_FOREIGN is not set, yet FWTOOL_TEST_REQUIRE is")
    pytest.skip("no foreign firmware here (FWTOOL_TEST_FOREIGN)")


@pytest.mark.parametrize("image", IMAGES)
def test_build_sign_flash_read_back(run: Fwtool, keys: pathlib.Path, simulate: Callable[..., Sim], image: str) -> None:
    path = str(folder() / image)
    if image.endswith("uboot.elf") and not pathlib.Path(path).exists():
        pytest.fail(f"{image} is missing")
    built = run(
        "image", "build", path, "--version", "9.1.0", "--hardware", "VT-100", "--security-counter", "1", "--out", "x.fwp"
    )  # fmt: skip
    assert built.code == 0, built.err
    assert run("image", "sign", "x.fwp", "--key", "maker.pem").code == 0
    sim = simulate()
    flashed = run("flash", "x.fwp", "--port", sim.port, "--trust", "maker.trust", "--json").result
    device = flashed["data"]["devices"][0]
    assert device["version_after"] == "9.1.0"
    shown = run("image", "show", "x.fwp", "--json").result["data"]
    running = next(slot for slot in run("slots", "show", "--port", sim.port, "--json").result["data"]["slots"] if slot["running"])
    assert running["digest"] == shown["digest"]
