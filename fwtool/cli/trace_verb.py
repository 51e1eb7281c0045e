"""`fwtool trace`: recordings of a line."""

import io
import pathlib
from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.sim_verb import open_line, tell_port

ARROWS = {"tx": ">", "rx": "<"}


@click.group(cls=VerbGroup)
def command() -> None:
    """Show, replay or export a recording of the line, made with --trace FILE."""


@command.command()
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@click.option("--port", default="", help="Only what passed at this port.")
@click.option("--frames/--messages", default=True, help="Every frame, or only the messages they carry.")
@pass_app
def show(app: App, file: pathlib.Path, port: str, frames: bool) -> Outcome:
    """Print a trace, decoded: > to the terminal, < from it."""
    from transports.trace import load

    rows: list[dict[str, Any]] = []
    for entry in load(file, port):
        for row in _rows(entry):
            if app.output.json:
                rows.append(row)
            elif frames or row["kind"] == "message":
                indent = "    " if row["kind"] == "message" and frames and not entry.apdu else ""
                place = "" if port else f"{row['port']} "
                app.output.line(f"{place}{row['time_s']:12.6f} {ARROWS[row['direction']]} {indent}{row['text']}")
    return Outcome({"entries": rows})


def _rows(entry: Any) -> list[dict[str, Any]]:
    from transports.tsp.describe import frame_text, message_text

    if entry.apdu:
        said = [("message", entry.said)]
    else:
        said = [("frame", frame_text(entry.frame))] if entry.frame else [("noise", _noise_text(entry.noise))]
        said += [("message", message_text(message)) for message in entry.messages]
    return [
        {"time_s": entry.time_s, "port": entry.port, "direction": entry.direction, "kind": kind, "text": text}
        for kind, text in said
    ]


def _noise_text(noise: bytes) -> str:
    printable = noise.decode("ascii", "replace").strip()
    return f"between frames: {printable!r}" if printable.isprintable() else f"between frames: {noise[:32].hex()} ({len(noise)})"


@command.command()
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@click.option("--to", "form", default="pcapng", show_default=True, type=click.Choice(["pcapng"]), help="File format.")
@click.option("--port", default="", help="Of several ports in one trace, this one.")
@click.option("--out", required=True, type=click.Path(path_type=pathlib.Path))
@click.option("--dissector", type=click.Path(path_type=pathlib.Path), help="Also write a Wireshark dissector (Lua) here.")
@pass_app
def export(app: App, file: pathlib.Path, form: str, port: str, out: pathlib.Path, dissector: pathlib.Path | None) -> Outcome:
    """Turn a trace into a capture for Wireshark: tshark -r OUT -X lua_script:DISSECTOR."""
    del app, form
    from fwtool.files import write_file
    from transports.trace import packets
    from transports.tsp import pcapng
    from transports.tsp.dissector import lua

    captured = io.BytesIO()
    pcapng.write(captured, packets(file, port))
    write_file(out, captured.getvalue())
    if dissector is not None:
        write_file(dissector, lua().encode())
    return Outcome({"out": str(out)}, [f"{out}: {len(captured.getvalue())} bytes"], changed=True)


@command.command()
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@click.option("--port", default="", help="Of several ports in one trace, this one.")
@click.option("--listen", default="pty", show_default=True, help="pty or tcp:HOST:PORT.")
@pass_app
def replay(app: App, file: pathlib.Path, port: str, listen: str) -> Outcome:
    """Play a trace back as a device, until SIGINT or SIGTERM. (In one process: --port replay:FILE.)"""
    import time

    from hwsim.server import Server
    from transports.replay import ReplayDevice, read_recording
    from transports.virtual import Scheduler

    device = ReplayDevice(read_recording(file, port), Scheduler(time.monotonic))
    device.on_problem = app.output.say
    line = open_line(listen)
    Server(device, line, None).serve(lambda: tell_port(app, line.port))
    return Outcome(silent=True)
