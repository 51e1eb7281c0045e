"""`fwtool sim`: a simulated terminal in real time."""

import functools
import pathlib
import time
from typing import Any

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.decrypt_option import groups_of
from fwtool.files import read_small
from fwtool.key_files import KeyFile

FILE = click.Path(path_type=pathlib.Path)


@click.command(cls=Verb)
@click.option("--listen", default="pty", show_default=True, help="pty, tcp:HOST:PORT or usbip:HOST:PORT (port 0: any).")
@click.option("--attach", metavar="TTY", help="Sit on an existing tty instead.")
@click.option("--trust", type=FILE, help="Trust file or public key it is provisioned with (default: sample keys, with --dev).")
@click.option("--group-key", "group_keys", multiple=True, type=FILE, help="What it decrypts packages with; repeatable.")
@click.option("--firmware", type=FILE, help="Package that is installed in the factory (default: sample 1.4.2, with --dev).")
@click.option("--model", default="VT-100", show_default=True)
@click.option("--revision", default=3, show_default=True, type=click.IntRange(0, 2**32 - 1))
@click.option("--serial", "serial_number", default="SIM-0001", show_default=True)
@click.option("--state", type=FILE, help="Folder that keeps flash, counters and journal across runs.")
@click.option("--paper", type=FILE, help="Folder for slip-NNNN.png.")
@click.option("--scenario", type=FILE, help="TOML file: settings and faults.")
@click.option("--pace", default=0, type=click.IntRange(0), metavar="BAUD", help="Make the line as slow as a real one.")
@click.option("--control", help="tcp:HOST:PORT for `fwtool sim-control`.")
@click.option("--list-faults", is_flag=True, help="Name every fault a scenario can plant.")
@pass_app
def command(app: App, /, list_faults: bool, **options: Any) -> Outcome:
    """Run a simulated terminal. Its port is the first line of stdout; it serves until Ctrl-C."""
    from hwsim.faults import FAULTS

    if list_faults:
        facts = [{"kind": name, "description": kind.description} for name, kind in FAULTS.items()]
        return Outcome({"faults": facts}, [f"{fact['kind']:<18} {fact['description']}" for fact in facts])
    _serve(app, options)
    return Outcome(silent=True)


def _serve(app: App, options: dict[str, Any]) -> None:
    from hwsim import scenario as scenario_module
    from hwsim.control import act
    from hwsim.factory import Order, make
    from hwsim.machine import LineModel
    from hwsim.refusal import Refused
    from hwsim.server import Server, listen, tty_line
    from hwsim.slots import DEFAULT_IDENTITY
    from transports.virtual import Scheduler

    trust, firmware = _provisioning(app, options["trust"], options["firmware"])
    identity = DEFAULT_IDENTITY._replace(
        model=options["model"], revision=options["revision"], serial_number=options["serial_number"],
        group_keys=groups_of([KeyFile(path) for path in options["group_keys"]]),
    )  # fmt: skip
    order = Order(
        identity=identity,
        trust=trust,
        firmware=firmware,
        state=options["state"],
        paper=options["paper"],
        line=LineModel(options["pace"], timer_s=0.001 if options["pace"] else 0.0),
        scenario=scenario_module.load(options["scenario"]) if options["scenario"] else None,
        epoch=int(time.time()),
    )
    try:
        machine = make(order, Scheduler(time.monotonic))
    except Refused as refused:
        raise ToolError(f"the terminal does not take this firmware: {refused.reason}", name="usage") from refused
    control = listen(*tcp_address(options["control"])) if options["control"] else None
    line: Any = tty_line(options["attach"], options["pace"]) if options["attach"] else _line(options["listen"], machine)

    def ready() -> None:
        tell_port(app, line.port)
        if control:
            host, port = control.getsockname()
            app.output.say(f"control: tcp:{host}:{port}")

    Server(machine, line, (control, functools.partial(act, machine)) if control else None).serve(ready)


def open_line(listen: str) -> Any:
    """What `--listen` names."""
    from hwsim.server import TcpLine, pty_line

    return pty_line() if listen == "pty" else TcpLine(*tcp_address(listen))


def _line(listen: str, machine: Any) -> Any:
    """What `--listen` names, for a terminal. Over USB/IP a DFU device is exported beside it."""
    if not listen.startswith("usbip:"):
        return open_line(listen)
    from hwsim.dfu_port import KINDS
    from hwsim.usb_bulk import TerminalUsb
    from hwsim.usb_dfu import dfu_usb
    from hwsim.usbip_line import UsbIpLine

    host, port = tcp_address(listen, "usbip")
    return UsbIpLine(host, port, TerminalUsb(machine), dfu_usb(KINDS["plain"]))


def tell_port(app: App, port: str) -> None:
    """First line of stdout: the port, alone."""
    if app.output.json:
        app.output.emit("ready", port=port)
    else:
        app.output.line(port)


def _provisioning(app: App, trust: pathlib.Path | None, firmware: pathlib.Path | None) -> tuple[bytes, pathlib.Path | None]:
    """Trust and factory firmware; the sample ones only where --dev says so."""
    if trust is not None:
        return read_small(trust), firmware
    if not app.dev:
        raise ToolError(
            "whose signatures should this terminal trust?",
            name="no_trust",
            hint="Give --trust TRUST (or a public key), or --dev for the sample keys.",
        )
    import firmware_samples

    app.output.say("sample keys: this terminal trusts what anybody can sign")
    public = firmware_samples.path("keys/sample-ed25519.pub.pem").read_bytes()
    return public, firmware or firmware_samples.path("built/vt100-1.4.2.fwp")


def tcp_address(text: str, scheme: str = "tcp") -> tuple[str, int]:
    """`tcp:HOST:PORT` taken apart.

    Raises:
        ToolError: not of the form (`usage`).
    """
    parts = text.split(":")
    if len(parts) != 3 or parts[0] != scheme or not parts[2].isdigit() or int(parts[2]) > 65535:
        hint = f"Write {scheme}:HOST:PORT, e.g. {scheme}:127.0.0.1:0."
        raise ToolError(f"{text!r} is not an address", name="usage", hint=hint)
    return parts[1], int(parts[2])
