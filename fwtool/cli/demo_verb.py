"""`fwtool demo`: the main job on simulated hardware, every command shown before it runs."""

import contextlib
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

import click

import firmware_samples
from formats.errors import ToolError
from fwtool.cli import demo_visit
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.records import Records

CUT_AT = 300
"""Operations on the flash; the update takes 600."""
PACE = 115200
START_S = 10.0


class Simulated(NamedTuple):
    """A running `fwtool sim`."""

    port: str
    control: str


@click.command(cls=Verb)
@click.option("--dir", "folder", type=click.Path(path_type=pathlib.Path), help="Where to keep what is made.")
@pass_app
def command(app: App, folder: pathlib.Path | None) -> Outcome:
    """Build, sign, update with a power cut in between, attack, print, record: on simulated hardware, about a minute."""
    folder = folder or pathlib.Path(tempfile.mkdtemp(prefix="fwtool-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    Demo(app, folder).play()
    return Outcome(silent=True)


class Demo:
    """The acts of the play, in order."""

    def __init__(self, app: App, folder: pathlib.Path) -> None:
        self.say, self.words = app.output.line, app.words
        self.folder = folder
        self.environment = {**os.environ, "FWTOOL_STATE_DIR": str(folder / "state"), "PYTHONUNBUFFERED": "1"}
        # The words of the play stand in the folder; commands are run there and shown with short names.
        for name in ("vt100-1.4.2.elf", "vt100-1.5.0.elf"):
            (folder / name).write_bytes(firmware_samples.path(f"built/{name}").read_bytes())

    def play(self) -> None:
        self.say(f"Everything is kept in {self.folder}")
        self._build()
        with self._terminal() as terminal:
            self._update(terminal)
            self._attack(terminal)
            self._print(terminal)
        self._title("6. A technician's visit: order, checks, test slip, update from a stick, checks again, report")
        self.say(f"The report: {demo_visit.play(self.folder, self.fwtool)}")
        self._close()

    def _title(self, text: str) -> None:
        self.say()
        self.say(f"== {self.words(text)}")

    def fwtool(self, line: str, *, expect: int = 0) -> None:
        """Show and run one command.

        Raises:
            ToolError: it ended with another exit code than the play has it.
        """
        self.say(f"$ fwtool {line}")
        self._run([sys.executable, "-m", "fwtool", *shlex.split(line)], line, expect)

    def _run(self, command: list[str], line: str, expect: int) -> None:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, check=False)
        if done.returncode != expect:
            raise ToolError(f"the demo expected exit code {expect} from {line!r}, got {done.returncode}", name="internal")
        if expect:
            self.say(f"(exit code {expect}, as it should be)")

    def _build(self) -> None:
        self._title("1. A firmware engineer makes a key, builds and signs")
        self.fwtool("keys generate --out maker.pem")
        self.fwtool("keys public maker.pem --out maker.pub.pem")
        self.fwtool("trust create --threshold 1 maker.pub.pem --out maker.trust")
        for version, counter in (("1.4.2", 3), ("1.5.0", 4)):
            self.fwtool(
                f"image build app=vt100-{version}.elf --version {version} --hardware VT-100:1..9 "
                f"--security-counter {counter} --out vt100-{version}.fwp"
            )
            self.fwtool(f"image sign vt100-{version}.fwp --key maker.pem")
        self.fwtool("image verify vt100-1.5.0.fwp --trust maker.trust --explain")

    @contextlib.contextmanager
    def _terminal(self) -> Iterator[Simulated]:
        (self.folder / "cut.toml").write_text(
            "# The power goes when half of the update has been programmed, and comes back after 2 s.\n"
            f'[[fault]]\nkind = "power_cut"\nat = {{ flash_op = {CUT_AT} }}\nvalue = 2\n'
        )
        listen = "pty" if os.name == "posix" else "tcp:127.0.0.1:0"
        line = (
            f"sim --listen {listen} --pace {PACE} --trust maker.trust --firmware vt100-1.4.2.fwp --paper paper "
            "--scenario cut.toml --control tcp:127.0.0.1:0"
        )
        self._title(f"2. A terminal whose line starts at {PACE} baud and gets faster; in the middle the power will go")
        self.say(f"$ fwtool {line} &")
        process = subprocess.Popen(
            [sys.executable, "-m", "fwtool", *shlex.split(line)], cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            port = process.stdout.readline().strip()
            control = process.stderr.readline().strip().removeprefix("control: ")
            if not port:
                raise ToolError("the simulated terminal did not start", name="internal", hint=process.stderr.read())
            self.say(port)
            yield Simulated(port, control)
        finally:
            process.terminate()
            process.wait(timeout=10)
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()

    def _update(self, terminal: Simulated) -> None:
        update = f"flash vt100-1.5.0.fwp --port {terminal.port} --trust maker.trust --technician Demo --timeout 1"
        self.fwtool(f"flash vt100-1.5.0.fwp --port {terminal.port} --trust maker.trust --dry-run")
        self.fwtool(update, expect=8)
        self._title("3. It starts its old firmware; the same command goes on where it stopped")
        self.fwtool(f"info --port {terminal.port}")
        self.fwtool(update)
        if not Records(self.folder / "state").entries(last=1)[0].body["resumed"]:
            raise ToolError("the demo expected the update to go on where it stopped", name="internal")
        self.fwtool(f"slots show --port {terminal.port}")

    def _attack(self, terminal: Simulated) -> None:
        self._title("4. One flipped bit: the host refuses, and so does the terminal when the host is made to send it")
        raw = bytearray((self.folder / "vt100-1.5.0.fwp").read_bytes())
        raw[len(raw) // 2] ^= 0x10
        (self.folder / "flipped.fwp").write_bytes(raw)
        self.fwtool(f"flash flipped.fwp --port {terminal.port} --trust maker.trust", expect=3)
        self.say(f"$ python -m hwsim.hostile {terminal.port} flipped.fwp")
        self._run([sys.executable, "-m", "hwsim.hostile", terminal.port, "flipped.fwp"], "hostile", 0)

    def _print(self, terminal: Simulated) -> None:
        self._title("5. The paper ends in the middle of the test slip")
        self.fwtool(f"sim-control --at {terminal.control} plant paper_out=9")
        self.fwtool(f"print-test --port {terminal.port} --technician Demo", expect=7)
        self.fwtool(f"diagnose --port {terminal.port} printer", expect=7)
        self.fwtool(f"sim-control --at {terminal.control} load-paper")
        self.fwtool(f"print-test --port {terminal.port} --technician Demo")
        self.say(f"The slip: {max((self.folder / 'paper').glob('slip-*.png'))}")

    def _close(self) -> None:
        self._title("7. The record")
        self.fwtool("log show")
        port = "'sim:?trust=maker.trust&firmware=vt100-1.4.2.fwp'"
        self.say()
        self.say(f"Next, in {self.folder} (with FWTOOL_STATE_DIR=state):")
        for user, lines in {
            "Firmware engineer": (
                "image show vt100-1.5.0.fwp",
                "image show vt100-1.5.0.elf",
                "keys generate --algorithm ecdsa-p256 --out second.pem",
            ),
            "Technician": (f"info --port {port}", f"diagnose --port {port} --lang zh", "trust install maker.trust"),
            "Manufacturing line": (
                f"flash vt100-1.5.0.fwp --port {port} --trust maker.trust --json",
                f"diagnose --port {port} --json",
                "log show --json",
            ),
        }.items():
            self.say(f"  {user}")
            for line in lines:
                self.say(f"    fwtool {line}")
