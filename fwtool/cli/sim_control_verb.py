"""`fwtool sim-control`: what a person could do to a simulated terminal."""

import json
import socket

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.sim_verb import tcp_address
from transports.errors import LinkError


@click.command(cls=Verb)
@click.option("--at", "address", required=True, help="tcp:HOST:PORT, as given to `fwtool sim --control`.")
@click.argument("act")
@click.argument("argument", default="")
@pass_app
def command(app: App, address: str, act: str, argument: str) -> Outcome:
    """Do something to the simulated terminal: press KEY, load-paper, open-cover, close-cover, settle, sale COUNT, plug,
    unplug, mains-on, mains-off, power-off, power-on, plant FAULT[=VALUE], mend FAULT, show."""
    del app
    host, port = tcp_address(address)
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(json.dumps({"act": act, "argument": argument}).encode() + b"\n")
            with connection.makefile("rb") as answers:
                answer = json.loads(answers.readline(65536))
    except (OSError, ValueError) as error:
        raise LinkError(f"no simulated terminal answers at {address}: {error}", name="no_device") from error
    if not answer.pop("ok", False):
        raise ToolError(str(answer.get("error", "refused")), name="usage")
    return Outcome(answer, [f"{act}: done, display says {answer['display']!r}"], act != "show")
