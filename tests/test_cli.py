"""The command line without a terminal: help, errors, exit codes, files that are wrong."""

import pathlib
import subprocess
import sys

import pytest

import firmware_samples
import fwtool
from fwtool.cli.main import VERBS
from tests.conftest import Fwtool

SAMPLE = firmware_samples.path("built/vt100-1.5.0.fwp")
PRIVATE = firmware_samples.path("keys/sample-ed25519.pub.pem").with_name("sample-ed25519.pem")


def test_version_and_doors(run: Fwtool) -> None:
    assert run("--version").out == f"fwtool {fwtool.__version__}\n"
    doors = run().out
    assert all(user in doors for user in ("Firmware engineer", "Technician", "Manufacturing line"))


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help(run: Fwtool, verb: str) -> None:
    assert "Usage: fwtool" in run(verb, "--help").out


def test_global_options_stand_before_or_after_the_verb(run: Fwtool) -> None:
    for arguments in (("--json", "image", "show", str(SAMPLE)), ("image", "show", str(SAMPLE), "--json")):
        assert run(*arguments).result["data"]["version"] == "1.5.0"


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (("nonsense",), 2, "usage"),
        (("info",), 2, "usage"),
        (("flash", str(SAMPLE), "--port", "sim:"), 2, "no_trust"),
        (("info", "--port", "/dev/does-not-exist"), 5, "no_device"),
        (("info", "--port", "socket://127.0.0.1:1"), 5, "no_device"),
        (("image", "show", "missing.fwp"), 9, "file_unreadable"),
        (("image", "verify", str(SAMPLE), "--trust", "missing"), 9, "file_unreadable"),
        (("info", "--port", "sim:?nonsense=1"), 2, "usage"),
        (("sim", "--listen", "nonsense", "--dev"), 2, "usage"),
        (("sim",), 2, "no_trust"),
    ],
)
def test_errors_have_names_and_codes(run: Fwtool, arguments: tuple[str, ...], code: int, name: str) -> None:
    result = run(*arguments, "--json").result
    assert (result["exit_code"], result["error"]["name"]) == (code, name)


def test_a21_sample_keys_are_refused_outside_dev(run: Fwtool, tmp_path: pathlib.Path) -> None:
    public = str(firmware_samples.path("keys/sample-ed25519.pub.pem"))
    assert run("image", "verify", str(SAMPLE), "--trust", public, "--json").result["error"]["name"] == "sample_key"
    assert run("trust", "create", public, "--out", "t", "--json").result["error"]["name"] == "sample_key"
    assert run("image", "verify", str(SAMPLE), "--trust", public, "--dev").code == 0
    (tmp_path / "sample.trust").write_bytes(pathlib.Path(public).read_bytes())
    assert run("trust", "install", "sample.trust", "--json").result["error"]["name"] == "sample_key"


def test_a31_private_keys_are_private_and_never_overwritten(run: Fwtool, tmp_path: pathlib.Path) -> None:
    assert run("keys", "generate", "--out", "key.pem").code == 0
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert run("keys", "generate", "--out", "key.pem").code == 2
    (tmp_path / "words").write_text("correct horse\n")
    assert run("keys", "generate", "--out", "locked.pem", "--passphrase-file", "words").code == 0
    assert b"ENCRYPTED" in (tmp_path / "locked.pem").read_bytes()
    assert run("keys", "show", "locked.pem").code == 2
    assert run("keys", "show", "locked.pem", "--passphrase-file", "words").code == 0


def test_same_inputs_same_bytes_and_detached_signing(run: Fwtool, keys: pathlib.Path) -> None:
    elf = str(firmware_samples.path("built/vt100-1.5.0.elf"))
    for name in ("one", "two"):
        run(
            "image", "build", elf, "--version", "1.5.0", "--hardware", "VT-100", "--security-counter", "1", "--out",
            f"{name}.fwp", SOURCE_DATE_EPOCH="1790000000",
        )  # fmt: skip
    assert (keys / "one.fwp").read_bytes() == (keys / "two.fwp").read_bytes()
    assert run("image", "sign", "one.fwp", "--key", "maker.pem").code == 0
    assert run("image", "digest", "two.fwp", "--out", "message").code == 0
    from formats.keys import read_private

    signature = read_private((keys / "maker.pem").read_bytes()).sign((keys / "message").read_bytes())
    (keys / "bad").write_bytes(bytes(64))
    before = (keys / "two.fwp").read_bytes()
    attach = ("image", "attach-signature", "two.fwp", "--public", "maker.pub.pem", "--signature")
    assert run(*attach, "bad").code == 4
    assert (keys / "two.fwp").read_bytes() == before
    (keys / "good").write_bytes(signature)
    assert run(*attach, "good").code == 0
    assert (keys / "one.fwp").read_bytes() == (keys / "two.fwp").read_bytes()


def test_trust_is_pinned_once(run: Fwtool, keys: pathlib.Path) -> None:
    assert run("trust", "install", "maker.trust", "--json").result["changed"] is True
    assert run("trust", "install", "maker.trust", "--json").result["changed"] is False
    run("keys", "generate", "--out", "other.pem")
    run("keys", "public", "other.pem", "--out", "other.pub.pem")
    run("trust", "create", "other.pub.pem", "--out", "other.trust")
    assert run("trust", "install", "other.trust", "--json").result["error"]["name"] == "trust_failed"


def test_damaged_files_are_refused_before_anybody_is_called(run: Fwtool, keys: pathlib.Path) -> None:
    whole = SAMPLE.read_bytes()
    for name, data in {
        "cut": whole[:-1], "longer": whole + b"\0", "flipped": whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
        "foreign": b"\x7fELF nothing", "empty": b"",
    }.items():  # fmt: skip
        (keys / name).write_bytes(data)
        done = run("flash", name, "--port", "socket://127.0.0.1:1", "--trust", "maker.trust", "--json")
        assert done.code in (3, 4), (name, done)
        assert done.result["error"]["hint"] or done.result["error"]["message"]


def test_closed_pipes_end_quietly(tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m fwtool sim --list-faults | head -1",
        shell=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout.startswith("paper_out")
    assert done.stderr == ""


def test_a_damaged_record_store_stops_before_anything_is_sent(run: Fwtool, keys: pathlib.Path) -> None:
    (keys / "state").mkdir(exist_ok=True)
    (keys / "state" / "records.sqlite").write_bytes(b"this is no database at all" * 100)
    done = run("log", "show", "--json").result
    assert (done["exit_code"], done["error"]["name"]) == (9, "record_damaged")


def test_escape_sequences_never_reach_the_screen(run: Fwtool, tmp_path: pathlib.Path) -> None:
    shown = run("image", "show", "evil\x1b[2J.fwp")
    assert "\x1b" not in shown.out + shown.err


@pytest.mark.skipif(not PRIVATE.exists(), reason="private sample keys stay in the repository")
@pytest.mark.parametrize(("version", "counter"), [("1.4.2", "3"), ("1.5.0", "4")])
def test_the_sample_packages_are_what_their_images_give(run: Fwtool, tmp_path: pathlib.Path, version: str, counter: str) -> None:
    elf = str(firmware_samples.path(f"built/vt100-{version}.elf"))
    numbers = ("--vendor", "Acme", "--version", version, "--hardware", "VT-100:1..9", "--security-counter", counter)
    assert run("image", "build", f"app={elf}", *numbers, "--out", "x.fwp").code == 0
    key = str(PRIVATE)
    assert run("image", "sign", "x.fwp", "--key", key).code == 4, "a sample key signs nothing outside --dev"
    assert run("image", "sign", "x.fwp", "--key", key, "--dev").code == 0
    assert (tmp_path / "x.fwp").read_bytes() == firmware_samples.path(f"built/vt100-{version}.fwp").read_bytes()


def test_a_full_disk_is_named_and_leaves_nothing_behind(tmp_path: pathlib.Path) -> None:
    """A limit on the size of files stands in for the full disk: the write fails half-way."""
    (tmp_path / "big.bin").write_bytes(bytes(300_000))
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from fwtool.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "image", "build", "big.bin@0x0", "--version", "1.0.0", "--hardware", "M",
         "--security-counter", "1", "--out", "x.fwp", "--json"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 9, done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["big.bin"]


def test_a_progress_bar_is_drawn_on_a_terminal_and_nowhere_else(run: Fwtool, tmp_path: pathlib.Path) -> None:
    import pexpect

    public = str(firmware_samples.path("keys/sample-ed25519.pub.pem"))
    port = f"sim:?trust={public}&firmware={firmware_samples.path('built/vt100-1.4.2.fwp')}"
    arguments = ["flash", str(SAMPLE), "--port", port, "--trust", public, "--dev", "--state-dir", str(tmp_path)]
    child = pexpect.spawn(sys.executable, ["-m", "fwtool", *arguments], dimensions=(24, 90), encoding="utf-8", timeout=60)
    child.expect(pexpect.EOF)
    assert "100%" in child.before
    child.close()
    assert child.exitstatus == 0
    done = run(*arguments)
    assert "\r" not in done.out + done.err
    assert "100%" not in done.err


def test_findings_speak_chinese(run: Fwtool, tmp_path: pathlib.Path) -> None:
    public = str(firmware_samples.path("keys/sample-ed25519.pub.pem"))
    (tmp_path / "s.toml").write_text("[[fault]]\nkind = 'paper_out'\n")
    port = f"sim:?trust={public}&firmware={firmware_samples.path('built/vt100-1.4.2.fwp')}&scenario=s.toml"
    done = run("diagnose", "--port", port, "--lang", "zh")
    assert done.code == 7
    assert "缺纸" in done.out
    assert "装入纸卷" in done.err
    assert run("diagnose", "--port", port, LANG="zh_CN.UTF-8", LC_ALL="zh_CN.UTF-8").out == done.out
