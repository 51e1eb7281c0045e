"""dfu-util, lsusb and the kernel against our simulated DFU device: attach it over USB/IP, list, write, read back, compare.

Run as root on Linux with the module vhci-hcd and the programs `usbip` and `dfu-util`. Prints one line: `done: ...`, or
`not done: ...` with what is missing; both end with 0. Anything that went wrong ends with 1.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
VHCI = pathlib.Path("/sys/devices/platform/vhci_hcd.0")
SIZE = 50_001
BUS_ID, NUMBERS = "1-2", "1209:0002"
WAIT_S = 15.0


def missing() -> str:
    """What this computer lacks; empty: nothing."""
    if sys.platform != "linux":
        return "USB/IP devices can be attached on Linux only"
    for program in ("usbip", "dfu-util"):
        if not shutil.which(program):
            return f"the program {program} is not installed"
    if not VHCI.exists():
        with contextlib.suppress(OSError):
            subprocess.run(["modprobe", "vhci-hcd"], capture_output=True, check=False)
    if not VHCI.exists():
        return "this kernel has no vhci-hcd (module missing, or not allowed to load it)"
    return "" if os.geteuid() == 0 else "only root may attach a USB/IP device"


def run(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


@contextlib.contextmanager
def simulator() -> Iterator[str]:
    """A running `fwtool sim`; its TCP port."""
    command = [sys.executable, "-m", "fwtool", "sim", "--dev", "--listen", "usbip:127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip().rsplit(":", 1)[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)


def our_port() -> str:
    """The number of the virtual port that our device was attached to."""
    number = ""
    for line in run("usbip", "port").splitlines():
        if line.startswith("Port "):
            number = line.split()[1].rstrip(":")
        if NUMBERS in line:
            return number
    raise SystemExit("the device was attached, and `usbip port` does not show it")


def wait_for_device() -> str:
    """What dfu-util lists once the kernel has enumerated the device."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        listed = run("dfu-util", "-l", "-d", NUMBERS)
        if f"Found DFU: [{NUMBERS}]" in listed:
            return listed
        time.sleep(0.3)
    raise SystemExit(f"dfu-util does not see {NUMBERS} within {WAIT_S:g} s")


def write_and_read_back() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        image = os.urandom(SIZE)
        (folder / "image.bin").write_bytes(image)
        run("dfu-util", "-d", NUMBERS, "-a", "0", "-D", str(folder / "image.bin"))
        run("dfu-util", "-d", NUMBERS, "-a", "0", "-U", str(folder / "read.bin"))
        if (folder / "read.bin").read_bytes()[:SIZE] != image:
            raise SystemExit("what dfu-util read is not what it wrote")


def main() -> None:
    if reason := missing():
        print(f"not done: {reason}")
        return
    with simulator() as port:
        run("usbip", "--tcp-port", port, "attach", "-r", "127.0.0.1", "-b", BUS_ID)
        try:
            wait_for_device()
            write_and_read_back()
        finally:
            run("usbip", "detach", "-p", our_port())
    print(f"done: dfu-util listed {NUMBERS}, wrote {SIZE} bytes and read them back through USB/IP")


if __name__ == "__main__":
    main()
