"""Who may use ports and USB devices, for each operating system: the udev rule, and what to do where there is none."""

from typing import Final

from transports.usb_list import MAKERS

RULE_FILE: Final = "etc/udev/rules.d/70-fwtool.rules"
"""Below the root folder. 70: the rule of systemd that gives rights to who sits at the screen comes later (73-seat-late)."""

LINUX: Final = (
    (
        "Serial ports belong to a group: dialout on Debian and Ubuntu, uucp on Arch. Add yourself to it "
        "(`sudo usermod -aG dialout $USER`) and log in again."
    ),
    (
        "USB devices belong to root until a udev rule says otherwise: `sudo fwtool doctor --install-udev`, then plug the "
        "device in again."
    ),
)
WINDOWS: Final = (
    "Serial ports need no rights; a port that may not be opened is in use by another program.",
    (
        "A USB device is used through Microsoft's WinUSB driver. Windows installs it by itself for a device that asks for it "
        "with Microsoft OS descriptors (WCID, compatible ID WINUSB), as terminals with the TSP interface do."
    ),
    (
        "Many boot loaders (DFU, DfuSe) do not ask for it. Install it once with Zadig (zadig.akeo.ie): choose the device in its "
        "boot mode, choose WinUSB, Install Driver. Never replace the driver of a keyboard, a disk or a serial port."
    ),
    "A boot loader with other USB numbers than the firmware needs its own driver: start the device in that mode, then install.",
)
MACOS: Final = (
    "Serial ports need no rights; use the /dev/cu.* name. Adapters by WCH, Silicon Labs and FTDI may need their maker's driver.",
    "USB devices without a driver of their own, as DFU and TSP devices are, may be used by everybody.",
)
ADVICE: Final = {"Linux": LINUX, "Windows": WINDOWS, "Darwin": MACOS}
"""`platform.system()` -> what to know and to do."""


def advice(system: str) -> tuple[str, ...]:
    return ADVICE.get(system, ())


def udev_rule() -> str:
    """The rule: by what interfaces a device has (TSP, DFU), and by the makers of payment terminals.

    Whoever sits at the screen gets access (`uaccess`). ModemManager is told to keep its hands off terminals: it tries
    modem commands on every serial port that it finds.
    """
    makers = "|".join(f"{vendor:04x}" for vendor in sorted(MAKERS))
    return f"""# fwtool: payment terminals, and devices in DFU mode. Made by `fwtool doctor --install-udev`.
ACTION=="remove", GOTO="fwtool_end"
SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_device", ENV{{ID_USB_INTERFACES}}=="*:ff5401:*|*:fe01*", TAG+="uaccess"
SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_device", ATTR{{idVendor}}=="{makers}", TAG+="uaccess", ENV{{ID_MM_DEVICE_IGNORE}}="1"
SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{makers}", TAG+="uaccess", ENV{{ID_MM_PORT_IGNORE}}="1"
LABEL="fwtool_end"
"""
