"""Fixtures of the tests that run the real command line."""

import json
import os
import pathlib
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jsonschema
import pytest

import fwtool

SCHEMA = json.loads((pathlib.Path(fwtool.__file__).parent / "schema" / "output.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for a line or a clock."""
    return (os.cpu_count() or 1) + 1


class Done(NamedTuple):
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """JSON lines, each held to the schema."""
        found = [json.loads(line) for line in self.out.splitlines()]
        for line in found:
            VALIDATOR.validate(line)
        return found

    @property
    def result(self) -> dict[str, Any]:
        assert [line["type"] for line in self.lines].count("result") == 1
        assert self.lines[-1]["type"] == "result"
        assert self.lines[-1]["exit_code"] == self.code
        return self.lines[-1]


Fwtool = Callable[..., Done]


@pytest.fixture
def run(tmp_path: pathlib.Path) -> Fwtool:
    """Run fwtool in a folder of its own."""
    environment = {
        **os.environ, "FWTOOL_STATE_DIR": str(tmp_path / "state"), "LANG": "C.UTF-8", "XDG_CONFIG_HOME": str(tmp_path)
    }  # fmt: skip

    def call(*arguments: str, **extra: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "fwtool", *arguments], cwd=tmp_path, env={**environment, **extra},
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode != 1, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def keys(run: Fwtool, tmp_path: pathlib.Path) -> pathlib.Path:
    """Own keys, and a trust file, in `tmp_path`."""
    assert run("keys", "generate", "--out", "maker.pem").code == 0
    assert run("keys", "public", "maker.pem", "--out", "maker.pub.pem").code == 0
    assert run("trust", "create", "maker.pub.pem", "--out", "maker.trust").code == 0
    return tmp_path


class Sim(NamedTuple):
    """A running simulated terminal."""

    port: str
    control: str
    process: "subprocess.Popen[str]"


@pytest.fixture
def simulate(keys: pathlib.Path) -> Iterator[Callable[..., Sim]]:
    """Start `fwtool sim`; every one is ended after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> Sim:
        process = subprocess.Popen(
            [sys.executable, "-m", "fwtool", "sim", "--trust", "maker.trust", "--control", "tcp:127.0.0.1:0", *arguments],
            cwd=keys, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        assert process.stderr is not None
        assert select.select([process.stdout], [], [], 30)[0], "the simulator did not start"
        port = process.stdout.readline().strip()
        assert port, process.stderr.read()
        return Sim(port, process.stderr.readline().strip().removeprefix("control: "), process)

    yield start
    for process in running:
        process.terminate()
        assert process.wait(timeout=15) == 0
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> Any:
    """Where FWTOOL_TEST_REQUIRE is set every part is there, so a skipped test is a test that does not run anywhere."""
    report = yield
    if report.skipped and os.environ.get("FWTOOL_TEST_REQUIRE"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, yet FWTOOL_TEST_REQUIRE is set: {call.excinfo}"
    return report
