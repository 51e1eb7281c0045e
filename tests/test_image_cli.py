"""`fwtool image` as an engineer uses it: compressed and encrypted packages with documents, reviews, and why it says no."""

import json
import pathlib
import struct
import subprocess
import sys
from collections.abc import Callable

import pexpect
import pytest
from cryptography.hazmat.primitives import serialization

import firmware_samples
from formats import trust as trust_format
from formats.fwp.header import Header
from formats.keys import read_public
from formats.mcuboot.image import open_image
from formats.trust_record import Role
from fwtool.mcuboot import explain
from tests.conftest import Fwtool, Sim
from tests.support import KEY, SECOND_KEY, STRANGER, make_package, need, part, pattern, sign_package

ELF = str(firmware_samples.path("built/vt100-1.5.0.elf"))
SBOM = {
    "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
    "components": [{"type": "library", "name": "zlib", "version": "1.2.11", "purl": "pkg:generic/zlib@1.2.11"}],
}  # fmt: skip
Build = Callable[..., str]
Simulate = Callable[..., Sim]


@pytest.fixture
def build(run: Fwtool, keys: pathlib.Path) -> Build:
    """Build and sign a package; gets its name."""

    def call(name: str, *options: str, version: str = "1.5.0", counter: str = "4", source: str = f"app={ELF}") -> str:
        done = run(
            "image", "build", source, "--version", version, "--hardware", "VT-100:1..9", "--security-counter", counter,
            *options, "--out", name,
        )  # fmt: skip
        assert done.code == 0, done.err
        assert run("image", "sign", name, "--key", "maker.pem").code == 0
        return name

    return call


@pytest.fixture
def groups(run: Fwtool, keys: pathlib.Path) -> pathlib.Path:
    """Keys of two device groups."""
    for name, algorithm in (("group", "x25519"), ("other", "ecdh-p256")):
        assert run("keys", "generate", "--algorithm", algorithm, "--out", f"{name}.pem").code == 0
        assert run("keys", "public", f"{name}.pem", "--out", f"{name}.pub.pem").code == 0
    return keys


# -- compression and encryption --------------------------------------------------------------------------------------


def test_compress_auto_takes_what_is_worth_it(run: Fwtool, build: Build, keys: pathlib.Path) -> None:
    shown = run("image", "show", build("x.fwp", "--compress", "auto"), "--json").result["data"]["components"][0]
    assert shown["encoding"] in ("deflate", "lzma2")
    assert shown["stored_size"] < 0.9 * shown["size"]
    (keys / "noise.bin").write_bytes(pattern(100_000))
    shown = run("image", "show", build("y.fwp", "--compress", "auto", source="noise.bin@0"), "--json").result["data"][
        "components"
    ][0]
    assert (shown["encoding"], shown["stored_size"]) == ("none", 100_000)


@pytest.mark.parametrize("compress", ["none", "deflate", "lzma2"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_terminal_installs_what_is_compressed_and_encrypted(
    run: Fwtool, build: Build, groups: pathlib.Path, simulate: Simulate, compress: str, encrypted: bool
) -> None:
    old = build("old.fwp", version="1.4.2", counter="3", source=f"app={firmware_samples.path('built/vt100-1.4.2.elf')}")
    options = ("--encrypt-for", "group.pub.pem", "--encrypt-for", "other.pub.pem") if encrypted else ()
    new = build("new.fwp", "--compress", compress, *options)
    sim = simulate("--firmware", old, *(("--group-key", "group.pem") if encrypted else ()))
    done = run("flash", new, "--port", sim.port, "--trust", "maker.trust", "--json").result
    assert done["ok"], done
    device = done["data"]["devices"][0]
    assert (device["version_after"], device["verdict"]) == ("1.5.0", "updated")
    again = run("flash", new, "--port", sim.port, "--trust", "maker.trust", "--json").result
    assert again["changed"] is False


def test_a_terminal_of_another_group_takes_nothing(run: Fwtool, build: Build, groups: pathlib.Path, simulate: Simulate) -> None:
    new = build("new.fwp", "--encrypt-for", "group.pub.pem")
    for options in ((), ("--group-key", "other.pem")):
        sim = simulate("--listen", "tcp:127.0.0.1:0", *options)
        done = run("flash", new, "--port", sim.port, "--trust", "maker.trust", "--json").result
        assert (done["exit_code"], done["error"]["name"]) == (6, "not_for_this_device")


def test_looking_into_an_encrypted_package_takes_a_key(run: Fwtool, build: Build, groups: pathlib.Path) -> None:
    name = build("x.fwp", "--encrypt-for", "group.pub.pem", "--compress", "lzma2")
    explained = run("image", "verify", name, "--trust", "maker.trust", "--explain")
    assert explained.code == 0
    assert "encrypted, not seen" in explained.out
    assert (
        "encrypted, not seen"
        not in run("image", "verify", name, "--trust", "maker.trust", "--explain", "--decrypt-key", "group.pem").out
    )
    for verb in (("extract", name, "out"), ("convert", name, "--to", "intel-hex", "--out", "x.hex")):
        refused = run("image", *verb, "--json").result
        assert (refused["exit_code"], refused["error"]["name"]) == (3, "encrypted"), verb
        refused = run(
            "image", verb[0], verb[1], *("out2" if part == "out" else part for part in verb[2:]), "--decrypt-key", "other.pem"
        )
        assert refused.code == 3
    assert run("image", "extract", name, "out3", "--decrypt-key", "group.pem").code == 0
    (extracted,) = (groups / "out3").glob("*.bin")
    assert run("image", "extract", build("plain.fwp"), "out4").code == 0
    (plain,) = (groups / "out4").glob("*.bin")
    assert extracted.read_bytes() == plain.read_bytes()


def test_one_secret_gives_the_same_encrypted_bytes(run: Fwtool, build: Build, groups: pathlib.Path) -> None:
    (groups / "secret").write_text("0f" * 32 + "\n")
    options = ("--encrypt-for", "group.pub.pem", "--secret-file", "secret")
    assert (groups / build("a.fwp", *options)).read_bytes() == (groups / build("b.fwp", *options)).read_bytes()
    assert (groups / build("c.fwp", *options[:2])).read_bytes() != (groups / "a.fwp").read_bytes()
    (groups / "secret").write_text("short")
    assert run(
        "image", "build", f"app={ELF}", "--version", "1.0.0", "--hardware", "X", "--security-counter", "1", *options, "--out", "x"
    ).code == 2  # fmt: skip


# -- documents -------------------------------------------------------------------------------------------------------


def test_an_sbom_is_embedded_shown_and_checked(run: Fwtool, build: Build, keys: pathlib.Path) -> None:
    (keys / "app.cdx.json").write_text(json.dumps(SBOM))
    (keys / "advisories").mkdir()
    advisory = {
        "id": "TEST-2020-1", "modified": "2020-01-01T00:00:00Z", "published": "2020-01-01T00:00:00Z",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{
            "package": {"ecosystem": "generic", "name": "zlib", "purl": "pkg:generic/zlib"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2.12"}]}],
        }],
    }  # fmt: skip
    name = build("x.fwp", "--sbom", "app=app.cdx.json")
    shown = run("image", "show", name, "--json").result["data"]["components"][1]
    assert (shown["type"], shown["about"]) == ("sbom", "app")
    fixed = json.loads(json.dumps(advisory).replace("1.2.12", "1.2.11"))
    (keys / "advisories" / "one.json").write_text(json.dumps(fixed))
    assert run("image", "vulnerabilities", name, "--advisories", "advisories").code == 0
    (keys / "advisories" / "one.json").write_text(json.dumps(advisory))
    found = run("image", "vulnerabilities", name, "--advisories", "advisories")
    assert found.code == 7
    assert "TEST-2020-1" in found.out
    assert run("image", "extract", name, "out").code == 0
    assert json.loads((keys / "out" / "app.sbom.json").read_text()) == SBOM
    assert "sbom of app: CycloneDX 1.6, 1 parts" in run("image", "show", name).out
    (keys / "app.cdx.json").write_text(json.dumps(SBOM).replace("1.2.11", "1.3.1"))
    later = build("y.fwp", "--sbom", "app=app.cdx.json", version="1.5.1")
    assert "app uses zlib" in run("image", "diff", name, later).out
    assert "1.2.11 -> 1.3.1" in run("image", "diff", name, later).out


@pytest.mark.parametrize("option", ["--sbom", "--provenance"])
def test_a_document_that_is_none_is_refused(run: Fwtool, keys: pathlib.Path, option: str) -> None:
    build = ("image", "build", f"app={ELF}", "--version", "1.0.0", "--hardware", "X", "--security-counter", "1", "--out", "x")
    (keys / "junk").write_text("{}")
    assert run(*build, option, "junk").code == 3
    (keys / "good").write_text(json.dumps(SBOM))
    assert run(*build, option, "nobody=good").code == 2
    assert not (keys / "x").exists()


# -- why not ---------------------------------------------------------------------------------------------------------


def explained(run: Fwtool, *arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
    done = run("image", "verify", *arguments, "--explain", "--json").result
    checks = run("image", "verify", *arguments, "--explain", "--json").lines[-1]["data"]["checks"]
    return done["exit_code"], {check["id"]: check for check in checks}


def attacks() -> dict[str, tuple[bytes, int, str, str]]:
    """Name -> file, exit code, the check that fails, words of its reason. Trust: two of the keys KEY and SECOND_KEY."""
    good = make_package([pattern(9000), pattern(300)], signers=(KEY, SECOND_KEY))
    old = make_package(signers=(KEY, SECOND_KEY), counter=3)
    head = Header.parse(good[:64], len(good))
    at = head.signatures_offset
    manifest_bit = good[:70] + bytes([good[70] ^ 1]) + good[71:]
    payload_bit = good[: head.payload_offset + 5] + bytes([good[head.payload_offset + 5] ^ 1]) + good[head.payload_offset + 6 :]
    table_bit = good[: head.table_offset + 70] + bytes([good[head.table_offset + 70] ^ 1]) + good[head.table_offset + 71 :]
    return {
        "A1 a size that overflows": (good[:16] + struct.pack("<Q", 2**64 - 1) + good[24:], 3, "header", "impossible"),
        "A3 something behind the end": (good + b"\0", 3, "signature-block", "too long"),
        "A3 cut off": (good[:-1], 3, "signature-block", "too short"),
        "A11 a bit of the manifest": (manifest_bit, 4, "thresholds", "does not fit the content"),
        "A11 a bit of the table": (table_bit, 3, "component c0", "page does not fit"),
        "A11 a bit of the payload": (payload_bit, 3, "component c0", "block 0 of the package is damaged"),
        "A17 no signatures": (make_package(signers=()), 4, "thresholds", "not signed"),
        "A22 a stranger's signature": (make_package(signers=(STRANGER,)), 4, "thresholds", "0 of 2"),
        "A23 one key of two": (make_package(signers=(KEY,)), 4, "thresholds", "1 of 2"),
        "A11 the block's digest": (good[:-1] + bytes([good[-1] ^ 1]), 3, "signature-block", "its digest differs"),
        "A29 another package's table": (mixed(), 3, "manifest", "index does not fit"),
        "A26 below the lowest counter": (old, 6, "security-counter", "asks for 5"),
        "A5 more components than there are": (lying_count(good), 3, "manifest", ""),
        "at": (good[:at] + b"XXXX" + good[at + 4 :], 3, "signature-block", "does not start as one"),
    }


def mixed() -> bytes:
    """The signed region of one package, table and payload of another of the same sizes."""
    one, other = (make_package([pattern(9000, seed)], signers=(KEY, SECOND_KEY)) for seed in (1, 2))
    head = Header.parse(one[:64], len(one))
    return one[: head.signed_size] + other[head.signed_size : head.signatures_offset] + one[head.signatures_offset :]


def lying_count(good: bytes) -> bytes:
    head = Header.parse(good[:64], len(good))
    at = good.index(b"\x02\x03\x00", 64, head.signed_size)
    return sign_package(good[:at] + b"\x21" + good[at + 1 :], KEY, SECOND_KEY)


@pytest.mark.parametrize("name", attacks())
def test_verify_explains_the_exact_reason(run: Fwtool, tmp_path: pathlib.Path, name: str) -> None:
    data, code, failing, words = attacks()[name]
    (tmp_path / "x.fwp").write_bytes(data)
    for number, key in enumerate((KEY, SECOND_KEY)):
        (tmp_path / f"{number}.pub.pem").write_bytes(key.public.pem())
    counter = ("--minimum-counter", "VT-100=5")
    assert run("trust", "create", "0.pub.pem", "1.pub.pem", "--threshold", "2", *counter, "--out", "two.trust").code == 0
    found, checks = explained(run, "x.fwp", "--trust", "two.trust")
    assert (found, checks[failing]["outcome"]) == (code, "failed")
    assert words in str(checks[failing]["detail"])
    order = list(checks)
    assert all(checks[one]["outcome"] != "failed" for one in order[: order.index(failing)] if one != "signature")
    assert all(checks[one]["outcome"] == "not_checked" for one in order[order.index(failing) + 1 :])
    text = run("image", "verify", "x.fwp", "--trust", "two.trust", "--explain")
    assert "FAILED" in text.out


def test_a_good_package_has_nothing_but_checks_that_held(run: Fwtool, build: Build) -> None:
    code, checks = explained(run, build("x.fwp"), "--trust", "maker.trust")
    assert code == 0
    assert {check["outcome"] for check in checks.values()} == {"held"}
    assert {"header", "signature-block", "signature", "thresholds", "manifest", "components", "component app"} <= set(checks)
    assert checks["signature"]["key_id"]


# -- reviews ---------------------------------------------------------------------------------------------------------


def test_a54_a_review_shows_the_difference_and_asks(run: Fwtool, build: Build, keys: pathlib.Path) -> None:
    build("base.fwp", version="1.4.0", counter="3")
    build("next.fwp")
    assert run("keys", "generate", "--out", "second.pem").code == 0
    sign = ["image", "sign", "next.fwp", "--key", "second.pem", "--review", "base.fwp"]
    before = (keys / "next.fwp").read_bytes()
    alone = run(*sign)
    assert alone.code == 2
    assert "--reviewed" in alone.err
    for answer, signed in (("no", False), ("", False), ("yes", True)):
        child = pexpect.spawn(sys.executable, ["-m", "fwtool", *sign], cwd=str(keys), encoding="utf-8", timeout=60)
        child.expect("Type yes: ")
        shown = child.before
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert "1.4.0 -> 1.5.0" in shown
        assert (child.exitstatus == 0, (keys / "next.fwp").read_bytes() != before) == (signed, signed)


def test_a54_a_package_swapped_after_the_review_is_not_signed(run: Fwtool, build: Build, keys: pathlib.Path) -> None:
    build("base.fwp", version="1.4.0", counter="3")
    build("next.fwp")
    evil = (keys / build("evil.fwp", version="6.6.6")).read_bytes()
    assert run("keys", "generate", "--out", "second.pem").code == 0
    sign = ["image", "sign", "next.fwp", "--key", "second.pem", "--review", "base.fwp"]
    child = pexpect.spawn(sys.executable, ["-m", "fwtool", *sign], cwd=str(keys), encoding="utf-8", timeout=60)
    child.expect("Type yes: ")
    (keys / "next.fwp").write_bytes(evil)
    child.sendline("yes")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 4
    assert "was reviewed" in child.before
    assert (keys / "next.fwp").read_bytes() == evil


def test_a54_who_reviewed_before_names_the_digest(run: Fwtool, build: Build, keys: pathlib.Path) -> None:
    digest = run("image", "show", build("x.fwp"), "--json").result["data"]["digest"]
    assert run("keys", "generate", "--out", "second.pem").code == 0
    sign = ("image", "sign", "x.fwp", "--key", "second.pem", "--reviewed")
    assert run(*sign, "00" * 32, "--json").result["error"]["name"] == "trust_failed"
    assert run(*sign, "short").code == 2
    assert run(*sign, digest).code == 0


# -- signing elsewhere -------------------------------------------------------------------------------------------------

PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32")
ELSEWHERE = {
    "ed25519": ("pkeyutl", "-sign", "-rawin", "-inkey", "k.pem", "-in", "message", "-out", "signature"),
    "ecdsa-p256": ("dgst", "-sha256", "-sign", "k.pem", "-out", "signature", "message"),
    "ecdsa-p384": ("dgst", "-sha384", "-sign", "k.pem", "-out", "signature", "message"),
    "rsa-3072": ("dgst", "-sha256", *PSS, "-sign", "k.pem", "-out", "signature", "message"),
}
"""The commands of docs/formats/signing.md section 5."""


@pytest.mark.parametrize("algorithm", ELSEWHERE)
def test_openssl_signs_elsewhere_and_only_what_holds_is_attached(
    run: Fwtool, build: Build, keys: pathlib.Path, algorithm: str
) -> None:
    name = build("x.fwp")
    assert run("keys", "generate", "--algorithm", algorithm, "--out", "k.pem").code == 0
    assert run("keys", "public", "k.pem", "--out", "k.pub.pem").code == 0
    assert run("image", "digest", name, "--out", "message").code == 0
    subprocess.run([need("openssl"), *ELSEWHERE[algorithm]], cwd=keys, check=True, capture_output=True)
    attach = ("image", "attach-signature", name, "--public", "k.pub.pem", "--signature")
    before = (keys / name).read_bytes()
    good = (keys / "signature").read_bytes()
    (keys / "bad").write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert run(*attach, "bad").code == 4
    assert (keys / name).read_bytes() == before
    assert run(*attach, "signature").code == 0
    assert run("image", "verify", name, "--trust", "k.pub.pem").code == 0


# -- every byte, named -----------------------------------------------------------------------------------------------


def test_show_hex_names_every_byte(run: Fwtool, build: Build, keys: pathlib.Path) -> None:
    name = build("x.fwp")
    fields = run("image", "show", "--hex", name, "--json").result["data"]["fields"]
    assert sum(field["size"] for field in fields) == (keys / name).stat().st_size
    text = run("image", "show", "--hex", name).out
    assert "manifest.security_counter" in text
    assert "fwp.md section 3" in text
    assert run("image", "show", "--hex", ELF).code == 0


# -- MCUboot ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-3072"])
def test_mcuboot_images_from_elf_to_verified(run: Fwtool, tmp_path: pathlib.Path, algorithm: str) -> None:
    assert run("keys", "generate", "--algorithm", algorithm, "--out", "key.pem").code == 0
    assert run("keys", "public", "key.pem", "--out", "key.pub.pem").code == 0
    build = ("image", "convert", ELF, "--to", "mcuboot", "--set", "version=1.5.0+3", "--set", "header-size=0x200")
    refused = run(*build, "--out", "x.img", "--key", "key.pem", "--json").result
    assert (refused["exit_code"], refused["error"]["name"]) == (3, "data_would_be_lost")
    lose = ("--lose", "addresses", "--lose", "holes", "--lose", "entry")
    slot = ("--set", "slot-size=0x60000", "--set", "confirm=yes", "--set", "security-counter=auto")
    done = run(*build, *lose[:2], *lose[4:], *slot, "--out", "x.img", "--key", "key.pem")
    assert done.code == 0, done.err
    shown = run("image", "show", "x.img", "--json").result["data"]
    assert (shown["format"], shown["version"], shown["security_counter"]) == ("mcuboot", "1.5.0+3", 0x01050000)
    assert "confirmed" in run("image", "show", "x.img").out
    code, checks = explained(run, "x.img", "--trust", "key.pub.pem")
    assert (code, {check["outcome"] for check in checks.values()}) == (0, {"held"})
    assert subprocess.run(
        [need("imgtool"), "verify", "-k", "key.pem", "x.img"], cwd=tmp_path, capture_output=True, check=False
    ).returncode == 0  # fmt: skip
    raw = (tmp_path / "x.img").read_bytes()
    (tmp_path / "bad.img").write_bytes(raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:])
    code, checks = explained(run, "bad.img", "--trust", "key.pub.pem")
    assert (code, checks["hash"]["outcome"]) == (3, "failed")


def test_mcuboot_images_get_a_second_signature_and_count_as_packages_do(run: Fwtool, keys: pathlib.Path) -> None:
    (keys / "raw.bin").write_bytes(pattern(3000))
    for name in ("second", "third"):
        assert run("keys", "generate", "--out", f"{name}.pem").code == 0
        assert run("keys", "public", f"{name}.pem", "--out", f"{name}.pub.pem").code == 0
    assert run("trust", "create", "maker.pub.pem", "second.pub.pem", "--threshold", "2", "--out", "two.trust").code == 0
    convert = ("image", "convert", "raw.bin", "--to", "mcuboot", "--set", "version=1.0.0", "--out", "x.img")
    assert run(*convert, "--key", "maker.pem").code == 0
    assert run("image", "verify", "x.img", "--trust", "two.trust").code == 4
    assert run("image", "sign", "x.img", "--key", "third.pem").code == 0
    assert run("image", "verify", "x.img", "--trust", "two.trust").code == 4
    assert run("image", "sign", "x.img", "--key", "second.pem").code == 0
    assert run("image", "verify", "x.img", "--trust", "two.trust").code == 0
    assert run("image", "convert", "x.img", "--to", "raw", "--out", "y.bin").code == 0
    assert (keys / "y.bin").read_bytes() == pattern(3000)
    assert "differ only in signatures" not in run("image", "diff", "x.img", "x.img").out


def test_an_encrypted_mcuboot_image_is_opened_with_its_key(run: Fwtool, groups: pathlib.Path) -> None:
    (groups / "raw.bin").write_bytes(pattern(3000))
    convert = ("image", "convert", "raw.bin", "--to", "mcuboot", "--set", "version=1.0.0", "--key", "maker.pem")
    assert run(*convert, "--set", "encryption=aes256:group.pub.pem", "--out", "x.img").code == 0
    assert pattern(3000)[:64] not in (groups / "x.img").read_bytes()
    assert run("image", "verify", "x.img", "--trust", "maker.pub.pem").code == 4
    assert run("image", "verify", "x.img", "--trust", "maker.pub.pem", "--decrypt-key", "group.pem").code == 0
    assert run("image", "convert", "x.img", "--to", "raw", "--out", "y.bin", "--decrypt-key", "group.pem").code == 0
    assert (groups / "y.bin").read_bytes()[:3000] == pattern(3000)


@pytest.mark.parametrize(
    "settings", [("version=1.0",), ("colour=red", "version=1.0.0"), ("version=1.0.0", "pad=maybe"), (),
                 ("version=1.0.0", "pad=yes"), ("version=1.0.0", "version=1.0.0"),
                 ("version=1.0.0", "encryption=rot13:maker.pub.pem")],
)  # fmt: skip
def test_wrong_settings_are_usage_errors(run: Fwtool, keys: pathlib.Path, settings: tuple[str, ...]) -> None:
    (keys / "raw.bin").write_bytes(b"x")
    flags = [word for setting in settings for word in ("--set", setting)]
    done = run("image", "convert", "raw.bin", "--to", "mcuboot", "--out", "x.img", *flags)
    assert done.code == 2, done
    assert not (keys / "x.img").exists()


def test_an_encrypted_key_of_a_group_takes_its_passphrase(run: Fwtool, build: Build, groups: pathlib.Path) -> None:
    """From a file or a person; without either it says which option is missing."""
    handle = serialization.load_pem_private_key((groups / "group.pem").read_bytes(), None)
    locked = handle.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"open it")
    )
    (groups / "locked.pem").write_bytes(locked)
    (groups / "right").write_text("open it\n")
    (groups / "wrong").write_text("let me in\n")
    name = build("x.fwp", "--encrypt-for", "group.pub.pem")
    extract = ("image", "extract", name, "--decrypt-key", "locked.pem")
    assert run(*extract, "a").code == 2
    assert run(*extract, "b", "--decrypt-passphrase-file", "wrong").code == 3
    assert run(*extract, "c", "--decrypt-passphrase-file", "right").code == 0
    (extracted,) = (groups / "c").glob("*.bin")
    assert run("image", "extract", name, "d", "--decrypt-key", "group.pem").code == 0
    (plain,) = (groups / "d").glob("*.bin")
    assert extracted.read_bytes() == plain.read_bytes()


def test_a_revoked_or_expired_key_of_an_mcuboot_image_is_named(run: Fwtool, keys: pathlib.Path) -> None:
    """As for packages, not as a bad signature."""
    (keys / "raw.bin").write_bytes(pattern(3000))
    assert run("keys", "generate", "--out", "old.pem").code == 0
    assert run("keys", "public", "old.pem", "--out", "old.pub.pem").code == 0
    convert = ("image", "convert", "raw.bin", "--to", "mcuboot", "--set", "version=1.0.0", "--key", "old.pem")
    assert run(*convert, "--out", "x.img").code == 0
    for options, name in (((), "bad_signature"), (("--revoke", "old.pub.pem"), "revoked")):
        assert run("trust", "create", "maker.pub.pem", *options, "--out", f"{name}.trust").code == 0
        done = run("image", "verify", "x.img", "--trust", f"{name}.trust", "--explain", "--json").result
        assert (done["exit_code"], done["error"]["name"]) == (4, name)
    key, day = read_public((keys / "old.pub.pem").read_bytes()), 86400
    raw = trust_format.compose({Role.SIGNER: (1, [("old", key)])}, key_expires={key.key_id: 20 * day})
    with (keys / "x.img").open("rb") as file:
        image = open_image(file)
        for now, error in ((10 * day, ""), (30 * day, "expired")):
            checks = explain(image, trust_format.parse(raw), now)
            assert checks[-1].error == error


def test_the_order_of_components_is_a_difference(run: Fwtool, tmp_path: pathlib.Path) -> None:
    parts = [part(pattern(300, number), name, address=number << 16) for number, name in enumerate("ab", 1)]
    (tmp_path / "one.fwp").write_bytes(make_package(parts))
    (tmp_path / "other.fwp").write_bytes(make_package(parts[::-1]))
    changes = run("image", "diff", "one.fwp", "other.fwp", "--json").result["data"]["changes"]
    assert [change["before"] for change in changes if change["what"] == "order of components"] == ["a, b"]
