"""Build the wheel, install it alone in a fresh environment, and run against it the tests that would miss a file, and the demo."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TESTS = [f"tests/test_{name}.py" for name in ("cli", "devices", "flash_cli", "report", "schema", "stick")]
"""Between them they need what a wheel may lack: schema, templates, fonts, rules, samples. Other tests read the checkout."""


def run(*command: str, cwd: pathlib.Path) -> None:
    environment = {**os.environ, "FWTOOL_TEST_EXAMPLES": str(ROOT / "examples")}
    environment.pop("FWTOOL_TEST_REQUIRE", None)  # what needs the checkout has run there
    if subprocess.run(command, cwd=cwd, env=environment, check=False).returncode:
        sys.exit(f"failed: {' '.join(command)}")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
        (wheel,) = folder.glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        private = [name for name in names if name.endswith(".pem") and not name.endswith(".pub.pem")]
        if private or any(name.startswith("tests/") for name in names):
            sys.exit(f"the wheel holds what it must not: {private or 'tests'}")
        venv.EnvBuilder(with_pip=True).create(folder / "venv")
        python = str(folder / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
        pip = (python, "-m", "pip", "install", "-qq", "--disable-pip-version-check")
        run(*pip, "--require-hashes", "--no-deps", "-r", str(ROOT / "requirements" / "dev.txt"), cwd=folder)
        run(*pip, "--no-deps", "--no-index", str(wheel), cwd=folder)
        # The tests are copied away from the checkout, so that only the installed packages can be imported.
        shutil.copytree(ROOT / "tests", folder / "suite" / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "suite" / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-q -p no:cacheprovider"\n')
        run(python, "-m", "pytest", "-n", "2", *TESTS, cwd=folder / "suite")
        run(python, "-m", "fwtool", "demo", "--dir", str(folder / "demo"), cwd=folder)
        print(f"the wheel works: {wheel.name}, {len(names)} files")


if __name__ == "__main__":
    main()
