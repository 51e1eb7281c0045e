"""`fwtool ports`: what is connected."""

import click

from fwtool.cli.app import App, Outcome, Verb, pass_app

GUESSES = {
    0x0403: "USB-serial adapter (FTDI)",
    0x067B: "USB-serial adapter (Prolific)",
    0x10C4: "USB-serial adapter (Silicon Labs)",
    0x1A86: "USB-serial adapter (WCH)",
    0x11CA: "Verifone device",
    0x0B00: "Ingenico device",
}


@click.command(cls=Verb)
@pass_app
def command(app: App) -> Outcome:
    """List serial ports and what seems to be connected. Nothing is sent to them."""
    del app
    from transports.serial_port import list_ports

    ports = [
        {
            "port": str(port.device),
            "kind": "usb-serial" if port.vid is not None else "serial",
            "vid": port.vid,
            "pid": port.pid,
            "serial_number": port.serial_number,
            "guess": GUESSES.get(port.vid or 0, "") or (port.description if port.description != "n/a" else ""),
        }
        for port in list_ports()
    ]
    lines = [f"{p['port']!s:<20} {_ids(p['vid'], p['pid']):<10} {p['guess'] or ''}" for p in ports]
    return Outcome({"ports": ports}, lines or ["no serial port found; a simulated terminal: fwtool sim --dev"])


def _ids(vid: object, pid: object) -> str:
    return f"{vid:04x}:{pid:04x}" if isinstance(vid, int) and isinstance(pid, int) else ""
