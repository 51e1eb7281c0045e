"""What the repository promises about itself: pins, marks, imports, start-up."""

import ast
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHECKOUT = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the checkout, not the wheel")
HEAVY = {"construct", "cryptography", "serial", "tqdm", "PIL", "elftools", "crcmod", "jinja2", "hwsim.terminal"}
FORBIDDEN = {"GreedyRange", "Optional", "Select", "Pointer", "Compressed", "LazyBound", "Lazy", "Switch"}


def python_files(*folders: str) -> list[pathlib.Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@CHECKOUT
def test_a53_every_dependency_is_pinned_by_hash_and_names_no_host() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert "--index-url" not in text
        pins = re.findall(r"^([a-z0-9_.-]+)==\S+", text, re.MULTILINE)
        assert pins
        blocks = re.split(r"^(?=[a-z0-9_.-]+==)", text, flags=re.MULTILINE)[1:]
        assert all("--hash=sha256:" in block for block in blocks)


@CHECKOUT
def test_the_two_lists_of_runtime_dependencies_agree() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    listed = [line for line in (ROOT / "requirements/runtime.in").read_text().splitlines() if line and line[0] != "#"]
    assert sorted(declared) == sorted(listed)


@CHECKOUT
def test_a6_no_construct_that_swallows_or_runs_away() -> None:
    for path in python_files("formats", "transports"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "c":
                assert node.attr not in FORBIDDEN, f"{path}: {node.attr}"


@CHECKOUT
def test_version_marks_agree() -> None:
    marks = {
        re.search(r'VERSION_MARK = "(.*)"', (ROOT / name / "__init__.py").read_text())[1]  # type: ignore[index]
        for name in ("fwtool", "formats", "transports", "hwsim", "firmware_samples")
    }
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert marks == {f"fwtool-terminal {version}"}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_nothing_heavy_is_imported_for_a_glance(arguments: list[str]) -> None:
    code = f"""
import sys
sys.argv = ["fwtool", *{arguments!r}]
from fwtool.__main__ import main
try:
    main()
except SystemExit:
    pass
print(*sorted(sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stderr.split())
    if arguments == ["--version"]:
        assert "click" not in done.stderr.split()


@CHECKOUT
def test_no_posix_only_import_at_the_top_of_a_module() -> None:
    """A technician's laptop runs Windows: what is POSIX only is imported where it is used."""
    for path in python_files("fwtool", "formats", "transports", "hwsim"):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            posix_only = {"termios", "fcntl", "pty", "tty", "pwd"} & set(names)
            assert not posix_only or path.name == "posix_lines.py", path  # which hwsim.server loads on POSIX alone
