"""Signers: encrypted key files, commands, and hardware tokens (SoftHSM); and what becomes of wrong secrets."""

import json
import os
import pathlib
import stat
import subprocess
import sys
from collections.abc import Iterator

import pexpect
import pytest

from formats import keys as key_format
from formats.errors import LocalError, ToolError
from fwtool.signers import attempts
from fwtool.signers.attempts import WrongPin, attempt
from fwtool.signers.opening import open_signers
from fwtool.signers.secrets import Secrets
from tests.conftest import Fwtool
from tests.support import need

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")
PIN = "1234"
ED25519_NAME = bytes.fromhex("130c656477617264733235353139")
"""EC_PARAMS of Ed25519 as SoftHSM wants them: PrintableString "edwards25519" (PKCS#11 v3.0, 2.3.10)."""


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A SoftHSM token with one key of each kind; gets the start of a URI, and the query."""
    need("softhsm2-util")
    pkcs11 = pytest.importorskip("pkcs11") if not os.environ.get("FWTOOL_TEST_REQUIRE") else __import__("pkcs11")
    from pkcs11 import Attribute, KeyType, Mechanism
    from pkcs11.util.ec import encode_named_curve_parameters

    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "release", "--pin", PIN, "--so-pin", "5678"],
        check=True, capture_output=True,
    )  # fmt: skip
    module = next(path for path in MODULES if pathlib.Path(path).exists())
    library = pkcs11.lib(module)
    with library.get_token(token_label="release").open(rw=True, user_pin=PIN) as session:
        for curve in ("secp256r1", "secp384r1"):
            parameters = {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
            session.create_domain_parameters(KeyType.EC, parameters, local=True).generate_keypair(store=True, label=curve)
        session.generate_keypair(KeyType.RSA, 3072, store=True, label="rsa")
        parameters = {Attribute.EC_PARAMS: ED25519_NAME}
        session.create_domain_parameters(KeyType.EC_EDWARDS, parameters, local=True).generate_keypair(
            mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label="ed25519", id=b"\x01\xff"
        )
    yield module
    del os.environ["SOFTHSM2_CONF"]


def uri(module: str, key: str = "object=ed25519", token: str = "token=release") -> str:
    return f"pkcs11:{token};{key}?module-path={module}"


# -- tokens -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "algorithm"),
    [("secp256r1", "ecdsa-p256"), ("secp384r1", "ecdsa-p384"), ("rsa", "rsa-3072"), ("ed25519", "ed25519")],
)
def test_a_token_signs_a_package(run: Fwtool, keys: pathlib.Path, token: str, label: str, algorithm: str) -> None:
    """Two of two: a colleague's key file and the token; the package's identity does not depend on who signed when."""
    (keys / "pin").write_text(PIN)
    name = uri(token, f"object={label}") + f"&pin-source=file:{keys}/pin"
    assert run("keys", "public", name, "--out", "token.pub.pem").code == 0
    assert run("keys", "show", "token.pub.pem", "--json").result["data"]["algorithm"] == algorithm
    assert run("trust", "create", "--threshold", "2", "maker.pub.pem", "token.pub.pem", "--out", "both.trust").code == 0
    (keys / "raw.bin").write_bytes(bytes(5000))
    build = ("image", "build", "raw.bin@0", "--version", "1.0.0", "--hardware", "VT-100", "--security-counter", "1")
    identities = set()
    for out in ("a.fwp", "b.fwp"):
        assert run(*build, "--out", out).code == 0
        assert run("image", "sign", out, "--key", "maker.pem").code == 0
        assert run("image", "verify", out, "--trust", "both.trust").code == 4
        assert run("image", "sign", out, "--key", name).code == 0
        identities.add(run("image", "verify", out, "--trust", "both.trust", "--json").result["data"]["digest"])
    assert len(identities) == 1


def test_a_key_is_found_by_its_id_and_signs_what_was_hashed(token: str, tmp_path: pathlib.Path) -> None:
    with open_signers([uri(token, "id=%01%FF"), uri(token, "object=secp256r1")], Secrets(PIN.encode()), tmp_path) as signers:
        edwards, weierstrass = signers
        assert edwards.public.verify(edwards.sign(b"message"), b"message")
        hashed = weierstrass.public.row.hashed(b"message")
        assert weierstrass.public.verify(weierstrass.sign_hashed(hashed), b"message")


def test_a31_the_key_does_not_leave_the_token(token: str) -> None:
    import pkcs11
    from pkcs11 import Attribute, ObjectClass

    with pkcs11.lib(token).get_token(token_label="release").open(user_pin=PIN) as session:
        for label, secret in (("rsa", Attribute.PRIVATE_EXPONENT), ("secp256r1", Attribute.VALUE), ("ed25519", Attribute.VALUE)):
            with pytest.raises(pkcs11.PKCS11Error):
                session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)[secret]


def test_a46_wrong_pins_are_counted_and_then_refused(token: str, tmp_path: pathlib.Path) -> None:
    def log_in(pin: str) -> None:
        with open_signers([uri(token)], Secrets(pin.encode()), tmp_path):
            pass

    for _ in range(2):
        with pytest.raises(ToolError, match="did not take the PIN"):
            log_in("9999")
    log_in(PIN)  # a right one forgets the wrong ones
    for _ in range(attempts.FREE):
        with pytest.raises(ToolError) as caught:
            log_in("9999")
        assert (caught.value.name, caught.value.exit_code) == ("not_authorised", 6)
    with pytest.raises(ToolError, match="not tried again"):
        log_in(PIN)  # even the right one has to wait


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("pkcs11:token=release;object=ed25519?pin-value=1234&module-path=x", 2),
        ("pkcs11:token=release;object=ed25519;colour=red?module-path=x", 2),
        ("pkcs11:token=release?module-path=x", 2),
        ("pkcs11:object=a;object=b?module-path=x", 2),
        ("pkcs11:object=a", 2),
        ("pkcs11:object=a?module-path=/nowhere/library.so", 9),
    ],
)
def test_uris_that_name_nothing(tmp_path: pathlib.Path, name: str, code: int) -> None:
    if code == 9 and not os.environ.get("FWTOOL_TEST_REQUIRE"):
        pytest.importorskip("pkcs11")
    with pytest.raises(ToolError) as caught, open_signers([name], Secrets(b"1234"), tmp_path):
        pass
    assert caught.value.exit_code == code
    assert caught.value.hint or "understood" in caught.value.message


@pytest.mark.parametrize(
    "wanted", [("object=nobody", "token=release"), ("object=rsa", "token=other"), ("object=rsa", "serial=0")]
)
def test_what_is_not_there_is_local_trouble(token: str, tmp_path: pathlib.Path, wanted: tuple[str, str]) -> None:
    with pytest.raises(LocalError) as caught, open_signers([uri(token, *wanted)], Secrets(PIN.encode()), tmp_path):
        pass
    assert caught.value.name == "missing_component"


# -- counting wrong PINs --------------------------------------------------------------------------------------------------------


def fail(folder: pathlib.Path, now: float, token: str = "token") -> None:
    with pytest.raises(ToolError), attempt(folder, token, lambda: now):
        raise WrongPin


def test_a46_each_wrong_pin_beyond_the_third_doubles_the_wait(tmp_path: pathlib.Path) -> None:
    now = 1_000_000.0
    for _ in range(attempts.FREE):
        fail(tmp_path, now)
    wait = attempts.WAIT_S
    for _ in range(5):
        too_soon = now + wait - 1
        with pytest.raises(ToolError, match="not tried again"), attempt(tmp_path, "token", lambda: too_soon):  # noqa: B023
            raise AssertionError("tried")
        now += wait
        fail(tmp_path, now)
        wait *= 2
    with attempt(tmp_path, "another token", lambda: now):
        pass
    with attempt(tmp_path, "token", lambda: now + wait):
        pass
    for _ in range(attempts.FREE):
        fail(tmp_path, now + wait)


def test_a46_a_killed_attempt_counts(tmp_path: pathlib.Path) -> None:
    """The process dies right after the token said no: the count is on the disk already."""
    program = (
        "import os, pathlib, sys\nfrom fwtool.signers.attempts import attempt\n"
        "with attempt(pathlib.Path(sys.argv[1]), 'token'):\n    os._exit(9)\n"
    )
    for number in range(1, attempts.FREE + 1):
        assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 9
        assert json.loads((tmp_path / attempts.FILE).read_text())["token"][0] == number
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, capture_output=True).returncode == 1
    assert stat.S_IMODE((tmp_path / attempts.FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"token": 3}', b'{"token": ["x", "y"]}'])
def test_a46_a_damaged_count_is_not_taken_for_none(tmp_path: pathlib.Path, damage: bytes) -> None:
    (tmp_path / attempts.FILE).write_bytes(damage)
    with pytest.raises(LocalError), attempt(tmp_path, "token", lambda: 0.0):
        raise AssertionError("tried")


def test_a46_a_clock_set_back_does_not_shorten_the_wait(tmp_path: pathlib.Path) -> None:
    for _ in range(attempts.FREE):
        fail(tmp_path, 1_000_000.0)
    for now in (0.0, 999_000.0, 1_000_001.0):
        with pytest.raises(ToolError, match="not tried again"), attempt(tmp_path, "token", lambda: now):  # noqa: B023
            raise AssertionError("tried")


# -- key files ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(run: Fwtool, tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "words").write_text("correct horse\nsecond line\n")
    (tmp_path / "wrong").write_text("battery staple\n")
    assert run("keys", "generate", "--out", "locked.pem", "--passphrase-file", "words").code == 0
    (tmp_path / "raw.bin").write_bytes(bytes(5000))
    build = ("image", "build", "raw.bin@0", "--version", "1.0.0", "--hardware", "VT-100", "--security-counter", "1")
    assert run(*build, "--out", "x.fwp").code == 0
    return tmp_path


def test_a31_a_passphrase_comes_from_a_file_or_a_descriptor(run: Fwtool, locked: pathlib.Path) -> None:
    sign = ("image", "sign", "x.fwp", "--key", "locked.pem")
    before = (locked / "x.fwp").read_bytes()
    assert run(*sign).code == 2  # nobody to ask
    assert "--passphrase-file" in run(*sign).err
    assert run(*sign, "--passphrase-file", "wrong").code == 2
    assert run(*sign, "--passphrase-file", "words", "--passphrase-fd", "0").code == 2
    assert (locked / "x.fwp").read_bytes() == before
    assert run(*sign, "--passphrase-file", "words", "--out", "y.fwp").code == 0
    with (locked / "words").open() as words:
        done = subprocess.run(
            [sys.executable, "-m", "fwtool", *sign, "--passphrase-fd", str(words.fileno())],
            cwd=locked, pass_fds=[words.fileno()], capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (locked / "x.fwp").read_bytes() == (locked / "y.fwp").read_bytes()


def test_a31_a_person_at_a_terminal_is_asked_and_nothing_is_shown(locked: pathlib.Path) -> None:
    child = pexpect.spawn(
        sys.executable, ["-m", "fwtool", "image", "sign", "x.fwp", "--key", "locked.pem"], cwd=str(locked), encoding="utf-8",
        timeout=60,
    )  # fmt: skip
    child.expect("Passphrase or PIN of locked.pem: ")
    child.sendline("correct horse")
    child.expect(pexpect.EOF)
    assert "correct horse" not in child.before
    assert "signed by" in child.before
    child.close()
    assert child.exitstatus == 0


def test_a31_secrets_stand_in_no_file_and_no_message(run: Fwtool, locked: pathlib.Path) -> None:
    done = run("image", "sign", "x.fwp", "--key", "locked.pem", "--passphrase-file", "words", "--debug", "-v", "--json")
    assert done.code == 0
    secret = key_format.read_private((locked / "locked.pem").read_bytes(), b"correct horse")
    raw = secret.handle.private_bytes_raw()  # type: ignore[union-attr]
    written = [path.read_bytes() for path in locked.rglob("*") if path.is_file() and path.name not in ("words", "locked.pem")]
    for text in (*written, done.out.encode(), done.err.encode()):
        assert b"correct horse" not in text
        assert raw not in text
        assert raw.hex().encode() not in text


def test_a31_a_rsa_2048_key_signs_nothing_of_ours(run: Fwtool, locked: pathlib.Path) -> None:
    made = [need("openssl"), "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "weak.pem"]
    subprocess.run(made, cwd=locked, check=True, capture_output=True)
    done = run("image", "sign", "x.fwp", "--key", "weak.pem", "--json").result
    assert (done["exit_code"], done["error"]["name"]) == (4, "weak_key")


# -- commands -----------------------------------------------------------------------------------------------------------------

SIGN = """\
import sys
from formats.keys import read_private
key = read_private(open("maker.pem", "rb").read())
sys.stdout.buffer.write(key.{call}(sys.stdin.buffer.read()))
"""


def describe(folder: pathlib.Path, script: str, **more: object) -> str:
    (folder / "sign.py").write_text(script)
    told = {"public": "maker.pub.pem", "command": [sys.executable, "sign.py"], **more}
    (folder / "signer.toml").write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in told.items()))
    return f"command:{folder}/signer.toml"


@pytest.mark.parametrize(("algorithm", "given", "call"), [
    ("ed25519", "message", "sign"), ("ecdsa-p256", "message", "sign"), ("ecdsa-p256", "hashed", "sign_hashed"),
    ("rsa-3072", "hashed", "sign_hashed"), ("ml-dsa-65", "message", "sign"),
])  # fmt: skip
def test_a_command_signs(tmp_path: pathlib.Path, algorithm: str, given: str, call: str) -> None:
    key = key_format.generate(algorithm)
    (tmp_path / "maker.pem").write_bytes(key.pem())
    (tmp_path / "maker.pub.pem").write_bytes(key.public.pem())
    root = str(pathlib.Path(__file__).parent.parent)
    name = describe(tmp_path, f"import sys; sys.path.insert(0, {root!r})\n" + SIGN.format(call=call), input=given)
    with open_signers([name], Secrets(), tmp_path) as (signer,):
        assert key.public.verify(signer.sign(b"message"), b"message")
        if given == "hashed":
            assert key.public.verify(signer.sign_hashed(key.public.row.hashed(b"message")), b"message")
        elif key.public.row.digest is not None:
            with pytest.raises(ToolError, match="hashed"):
                signer.sign_hashed(bytes(32))


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("print('no signature')", 4),
        ("", 4),
        ("import sys; sys.exit('\\x1b[2Jno')", 9),
        ("import sys; sys.stdout.write('x' * 50000)", 9),
        ("import sys\nwhile True: sys.stdout.write('x' * 5000)", 9),
        ("import sys\nwhile True: sys.stderr.write('x' * 5000)", 9),
        ("import time; time.sleep(60)", 9),
    ],
    ids=["wrong", "nothing", "fails", "too much", "no end", "talks without end", "hangs"],
)
def test_a_command_that_fails_leaves_the_package_alone(run: Fwtool, keys: pathlib.Path, script: str, code: int) -> None:
    (keys / "raw.bin").write_bytes(bytes(5000))
    build = ("image", "build", "raw.bin@0", "--version", "1.0.0", "--hardware", "VT-100", "--security-counter", "1")
    assert run(*build, "--out", "x.fwp").code == 0
    before = (keys / "x.fwp").read_bytes()
    done = run("image", "sign", "x.fwp", "--key", describe(keys, script, timeout_s=2))
    assert (done.code, "\x1b" in done.err) == (code, False), done
    assert (keys / "x.fwp").read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "", "public = 3", "nonsense", 'public = "maker.pub.pem"', 'public = "maker.pub.pem"\ncommand = "rm -rf"',
        'public = "maker.pub.pem"\ncommand = [1]', 'public = "maker.pub.pem"\ncommand = ["x"]\ncolour = "red"',
        'public = "maker.pub.pem"\ncommand = ["x"]\ninput = "both"', 'public = "maker.pub.pem"\ncommand = ["x"]\ntimeout_s = 0',
    ],
)  # fmt: skip
def test_a_description_of_a_command_must_be_right(run: Fwtool, keys: pathlib.Path, text: str) -> None:
    (keys / "signer.toml").write_text(text)
    assert run("keys", "public", "command:signer.toml", "--out", "x").code == 2
