"""`fwtool ports`: what is connected."""

from typing import Any

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, Verb, pass_app
from transports.usb_list import MAKERS, SPEAKS, UsbSeen, list_usb

ADAPTERS = {
    0x0403: "USB-serial adapter (FTDI)",
    0x067B: "USB-serial adapter (Prolific)",
    0x10C4: "USB-serial adapter (Silicon Labs)",
    0x1A86: "USB-serial adapter (WCH)",
}
SERIAL_SPEAKS = "bytes: name the protocol if it is not TSP"


@click.command(cls=Verb)
@pass_app
def command(app: App) -> Outcome:
    """List serial ports and USB devices, and what each speaks. Nothing is sent to them."""
    del app
    usb, problem = usb_devices()
    ports = [*_serial_ports(), *(_usb_port(one, usb) for one in usb)]
    lines = [_line_of(port) for port in ports] or ["no port found; a simulated terminal: fwtool sim --dev"]
    return Outcome(
        {"ports": ports, "usb_problem": problem}, [*lines, *([f"USB devices are not shown: {problem}"] * bool(problem))]
    )


def usb_devices() -> tuple[list[UsbSeen], str]:
    """USB devices that may be of use, and why there are none to be seen, if so."""
    try:
        return list_usb(), ""
    except ToolError as error:
        return [], f"{error.message}. {error.hint}".rstrip(". ")


def _serial_ports() -> list[dict[str, Any]]:
    from transports.serial_port import list_ports

    return [
        {
            "port": str(port.device),
            "kind": "usb-serial" if port.vid is not None else "serial",
            "vid": port.vid,
            "pid": port.pid,
            "serial_number": printable(port.serial_number),
            "guess": _guess(port),
            "speaks": SERIAL_SPEAKS if port.vid is not None else "",
            "problem": "",
        }
        for port in list_ports()
    ]


def _guess(port: Any) -> str:
    vendor = port.vid or 0
    maker = f"{MAKERS[vendor]} device" if vendor in MAKERS else ""
    return ADAPTERS.get(vendor) or maker or (printable(port.description) or "" if port.description != "n/a" else "")


def printable(text: str | None) -> str | None:
    """What a device says of itself, without what could steer a terminal."""
    return None if text is None else "".join(one for one in text if one.isprintable())


def _usb_port(one: UsbSeen, all_seen: list[UsbSeen]) -> dict[str, Any]:
    guess = f"{one.maker} device" if one.maker else {"tsp": "payment terminal", "dfu": "device with a boot loader"}[one.speaks]
    return {
        "port": one.port(all_seen), "kind": f"usb-{one.speaks}" if one.speaks else "usb", "vid": one.vendor, "pid": one.product,
        "serial_number": one.place.serial_number or None, "guess": guess, "speaks": SPEAKS[one.speaks], "problem": one.problem,
    }  # fmt: skip


def _line_of(port: dict[str, Any]) -> str:
    said = "; ".join(part for part in (port["guess"], port["speaks"], port["problem"]) if part)
    return f"{port['port']:<28} {_ids(port['vid'], port['pid']):<10} {said}".rstrip()


def _ids(vid: object, pid: object) -> str:
    return f"{vid:04x}:{pid:04x}" if isinstance(vid, int) and isinstance(pid, int) else ""
