"""`fwtool sim-zvt`: a simulated payment terminal that speaks ZVT, in real time."""

import pathlib
import time
from typing import Any

import click

from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.sim_verb import tcp_address, tell_port
from hwsim.zvt_profile import PROFILES


@click.command(cls=Verb)
@click.option("--listen", default="pty", show_default=True, help="pty (ZVT over a serial line) or tcp:HOST:PORT.")
@click.option("--profile", default="feig", show_default=True, type=click.Choice(sorted(PROFILES)), help="Kind of terminal.")
@click.option("--unsettled", default=0, type=click.IntRange(0, 999), metavar="COUNT", help="Transactions that are not settled.")
@click.option("--pace", default=0, type=click.IntRange(0), metavar="BAUD", help="Make a pty as slow as a line of this rate.")
@click.option("--paper", type=click.Path(path_type=pathlib.Path), help="Folder for slip-NNNN.png.")
@click.option("--fault", "faults", multiple=True, metavar="NAME[=VALUE]", help="Plant a fault; repeatable.")
@click.option("--list-faults", is_flag=True, help="Name every fault it knows.")
@pass_app
def command(
    app: App, listen: str, profile: str, unsettled: int, pace: int, paper: pathlib.Path | None, faults: tuple[str, ...],
    list_faults: bool,
) -> Outcome:  # fmt: skip
    """Run a simulated ZVT terminal. Its port is the first line of stdout; it serves until Ctrl-C."""
    from hwsim.terminal import Settings
    from hwsim.zvt_faults import ZVT_FAULTS
    from hwsim.zvt_server import make_real, plant_all, serve

    if list_faults:
        facts: list[dict[str, Any]] = [{"kind": name, "description": kind.description} for name, kind in ZVT_FAULTS.items()]
        return Outcome({"faults": facts}, [f"{fact['kind']:<20} {fact['description']}" for fact in facts])
    address = None if listen == "pty" else tcp_address(listen)
    settings = Settings(paper=paper, epoch=int(time.time()))
    machine = make_real(profile, settings, serial=address is None, pace=pace, unsettled=unsettled)
    plant_all(machine, faults)
    serve(machine, address, lambda port: tell_port(app, port))
    return Outcome(silent=True)
