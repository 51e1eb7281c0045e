"""The program and a second decoder, written from the documents alone, must agree: packages, trust files, the line.

See tests/second. Whatever only one of the two accepts is a mistake of one of them, or of a document. The tables of broken
files name the rule that the second decoder finds broken; the program must refuse the same files.
"""

import base64
import concurrent.futures
import contextlib
import dataclasses
import datetime
import hashlib
import itertools
import json
import os
import pathlib
import queue
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest

from tests.second import fwp, openssl, tsp, writer
from tests.second.fwp import BANK, MAKER, ROOT, SIGNER
from tests.second.writer import Part, Plan, Signer, TrustPlan
from tests.support import need

SOURCES = pathlib.Path(__file__).parent.parent
SAMPLES = SOURCES / "firmware_samples" / "built"
DOCUMENTS = SOURCES / "docs"
TIMEOUT = 120

# Exit codes. What the documents do not say is left open: how a value is refused that only a later version knows, and how
# keys and files are refused that are no damage.
EXITS = {
    fwp.DAMAGED: {3},
    fwp.UNTRUSTED: {4},
    fwp.UNSUPPORTED: {3, 6},
    fwp.BELOW: {6},
    fwp.REFUSED: {3, 4, 6, 9},
}
ALGORITHMS = ("ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096", "ml-dsa-65")


def pseudo_random(size: int, name: str = "data") -> bytes:
    """Bytes that nothing makes shorter: always the same ones."""
    return b"".join(hashlib.sha256(f"{name} {number}".encode()).digest() for number in range(-(-size // 32)))[:size]


def octets(size: int) -> bytes:
    """Bytes that every encoding makes shorter."""
    return b"".join(b"line %06d of the data\n" % number for number in range(-(-size // 24)))[:size]


def elf_content(data: bytes) -> tuple[int, bytes]:
    """Address and bytes of what a 32-bit little-endian ELF file loads, holes filled with FF."""
    offset, size, count = *struct.unpack_from("<I", data, 28), *struct.unpack_from("<HH", data, 42)
    heads = [struct.unpack_from("<8I", data, offset + size * number) for number in range(count)]
    loaded = sorted((head[3], data[head[1] : head[1] + head[4]]) for head in heads if head[0] == 1 and head[4])
    found = b""
    for address, piece in loaded:
        found = found.ljust(address - loaded[0][0], b"\xff") + piece
    return loaded[0][0], found


# --- the bench

# Starting the program takes most of the time of a short command. So a process runs a few commands, and then forks itself for
# every further one: each runs `python -m fwtool` from its first line, only what has been imported is there already.
SERVER = """
import json, os, runpy, sys, traceback

def run(arguments):
    sys.argv = ["fwtool", *arguments]
    try:
        runpy.run_module("fwtool", run_name="__main__", alter_sys=True)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

keep = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for arguments in json.loads(sys.argv[1]):
    run(arguments)
for line in sys.stdin:
    arguments, out, err = json.loads(line)
    child = os.fork()
    if not child:
        for number, path in ((0, os.devnull), (1, out), (2, err)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), number)
        code = run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    os.write(keep, b"%d\\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class Program:
    """Runs commands of the program one after the other, in children of one process."""

    def __init__(self, folder: pathlib.Path, environment: dict[str, str], first: list[list[str]]) -> None:
        self.folder = folder
        self.count = 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, json.dumps(first)], cwd=folder, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, arguments: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.count += 1
        paths = [self.folder / f"{id(self)}-{self.count}.{name}" for name in ("out", "err")]
        self.process.stdin.write(json.dumps([arguments, *map(str, paths)]).encode() + b"\n")
        self.process.stdin.flush()
        assert select.select([self.process.stdout], [], [], TIMEOUT)[0], "a command takes too long"
        code = int(self.process.stdout.readline())
        out, err = (path.read_text() for path in paths)
        return subprocess.CompletedProcess(arguments, code, out, err)

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclasses.dataclass
class Bench:
    """A folder with keys of openssl; trust files and packages in it come from the second writer."""

    folder: pathlib.Path
    environment: dict[str, str]
    signers: dict[str, Signer] = dataclasses.field(default_factory=dict)
    groups: dict[str, pathlib.Path] = dataclasses.field(default_factory=dict)
    jobs: "dict[tuple[str, str], concurrent.futures.Future[Any]]" = dataclasses.field(default_factory=dict)
    programs: "queue.SimpleQueue[Program]" = dataclasses.field(default_factory=queue.SimpleQueue)

    def fwtool(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the program."""
        program = self.programs.get(timeout=TIMEOUT)
        try:
            done = program.run(arguments)
        finally:
            self.programs.put(program)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def alone(self, *arguments: str) -> None:
        """Run the program as everybody does."""
        done = subprocess.run(
            [sys.executable, "-m", "fwtool", *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=TIMEOUT, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def good(self, *arguments: str) -> str:
        done = self.fwtool(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def path(self, name: str) -> pathlib.Path:
        return self.folder / name

    def write(self, name: str, data: bytes) -> str:
        self.path(name).write_bytes(data)
        return name

    def add(self, name: str, algorithm: str, path: pathlib.Path) -> None:
        self.signers[name] = Signer(algorithm, path, openssl.public(path))

    @property
    def maker(self) -> Signer:
        return self.signers["maker"]

    @property
    def other(self) -> Signer:
        return self.signers["other"]

    def trust(self, **fields: Any) -> bytes:
        """A trust file that knows the maker."""
        return writer.trust_file(TrustPlan(**{"keys": [("maker", 0, self.maker.spki)], **fields}))

    def trust_of(self, roles: list[tuple[int, int, list[str]]], expired: tuple[str, ...] = (), **fields: Any) -> bytes:
        """A trust file whose roles are given by the names of their keys."""
        names = sorted({name for _, _, names in roles for name in names}, key=lambda name: self.signers[name].identity)
        keys = [(name, 1 if name in expired else 0, self.signers[name].spki) for name in names]
        numbered = [(role, least, sorted(names.index(name) for name in of)) for role, least, of in roles]
        return writer.trust_file(TrustPlan(keys, numbered, **fields))

    def verify(self, name: str, data: bytes, trust: bytes, *more: str) -> int:
        """Exit code of `fwtool image verify`."""
        package, trusted = self.write(f"{name}.fwp", data), self.write(f"{name}.trust", trust)
        return self.fwtool("image", "verify", package, "--trust", trusted, *more).returncode


Job = Callable[[Bench, str], Any]
JOBS: dict[str, Job] = {}  # by the name of the test


def job(test: str) -> Callable[[Job], Job]:
    """Work of a parametrized test that may run before it, side by side with that of others."""

    def register(function: Job) -> Job:
        JOBS[test] = function
        return function

    return register


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    need("openssl")
    folder = tmp_path_factory.mktemp("second")
    environment = {
        **os.environ, "FWTOOL_STATE_DIR": str(folder / "state"), "LANG": "C.UTF-8", "XDG_CONFIG_HOME": str(folder)
    }  # fmt: skip
    found = Bench(folder, environment)
    for name in ("maker", "other", "third", "root", "next root"):
        found.add(name, "ed25519", openssl.from_name("ed25519", name, folder / f"{name}.pem"))
    for name in ("ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096"):
        found.add(name, name, openssl.generate(name, folder / f"{name}.pem"))
    openssl.must("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(folder / "rsa-2048.pem"))
    found.add("rsa-2048", "rsa-3072", folder / "rsa-2048.pem")  # signs as the larger ones do
    found.groups = {
        "x25519": openssl.from_name("x25519", "group", folder / "x25519.pem"),
        "p256": openssl.generate("ecdh-p256", folder / "p256.pem"),
        "once x25519": openssl.from_name("x25519", "once", folder / "once-x25519.pem"),
        "once p256": openssl.generate("ecdh-p256", folder / "once-p256.pem"),
    }
    alone = "PYTEST_XDIST_WORKER" not in os.environ  # else the tests themselves run side by side
    package = found.write("first.fwp", writer.signed(writer.build(Plan()), found.maker))
    trust = found.write("first.trust", found.trust())
    first = [["image", "verify", package, "--trust", trust], ["trust", "show", trust]]
    programs = [Program(folder, environment, first) for _ in range(2 if alone else 1)]
    for program in programs:
        found.programs.put(program)
    with concurrent.futures.ThreadPoolExecutor(len(programs)) as pool:
        for item in request.session.items if alone else []:
            test = getattr(item, "originalname", "")
            if test in JOBS and isinstance(item, pytest.Function) and item.module is request.module:
                name = item.callspec.params["name"]
                found.jobs[test, name] = pool.submit(JOBS[test], found, name)
        yield found
        pool.shutdown(cancel_futures=True)
    for program in programs:
        program.close()


@pytest.fixture
def result(request: pytest.FixtureRequest, bench: Bench, name: str) -> Any:
    """What the job of a test has found."""
    test = request.node.originalname
    waiting = bench.jobs.get((test, name))
    return JOBS[test](bench, name) if waiting is None else waiting.result()


def verdict(data: bytes, trust: bytes, group_keys: list[pathlib.Path] | None = None) -> fwp.Refused | None:
    """What the second decoder says of a package."""
    try:
        fwp.read(data, fwp.trust_file(trust), now=int(time.time()), group_keys=group_keys)
    except fwp.Refused as refused:
        return refused
    return None


def exits(refused: fwp.Refused) -> set[int]:
    return set().union(*(EXITS[kind] for kind in refused.kinds))


# --- packages that the program builds and signs


@dataclasses.dataclass(frozen=True)
class Variant:
    """How a package is built, and who signs it."""

    inputs: tuple[str, ...]
    options: tuple[str, ...]
    signers: tuple[str, ...]
    groups: tuple[str, ...] = ()


APP = f"app={SAMPLES / 'vt100-1.5.0.elf'}"
OLD_APP = f"os={SAMPLES / 'vt100-1.4.2.bin'}@0x100000"
DATA = "data=data.bin@0x300000"
PAPERS = ("--sbom", "app=sbom.json", "--sbom", "sbom.json", "--provenance", "app=provenance.json")
NOTES = ("--notes", "en=en.txt", "--notes", "zh-Hans=zh.txt")
VARIANTS = {
    "plain": Variant((APP,), (), ("ed25519",)),
    "several": Variant((APP, DATA, OLD_APP), ("--block-size", "4096", *NOTES), ("ecdsa-p256", "ecdsa-p384")),
    "deflate": Variant((APP, DATA), ("--compress", "deflate", *PAPERS), ("rsa-3072", "rsa-4096", "ed25519")),
    "lzma2": Variant((APP,), ("--compress", "lzma2", "--block-size", "65536", *NOTES), ("ml-dsa-65", "ecdsa-p256")),
    "documents": Variant((APP,), PAPERS, ("ecdsa-p384",)),
    "x25519": Variant((APP, DATA), ("--block-size", "4096"), ("rsa-4096",), ("x25519",)),
    "p256": Variant((APP,), ("--compress", "deflate", *PAPERS), ("ed25519", "ml-dsa-65"), ("p256",)),
    "both": Variant((DATA, APP), ("--compress", "lzma2", *NOTES, *PAPERS), ("ecdsa-p256", "rsa-3072"), ("x25519", "p256")),
    "auto": Variant((APP, DATA), ("--compress", "auto", "--block-size", "8192"), ("ed25519",), ("p256", "x25519")),
}
VERSION = ("--version", "1.5.0+7", "--minimum-version", "1.2.0", "--hardware", "VT-100:2..7", "--security-counter", "3")
NAMED = ("--vendor", "Äcme", "--package-id", "Acme/VT", "--build-id", "b 42")


def statement(digest: str) -> dict[str, Any]:
    """A provenance that `image build` takes."""
    outside = {"source": "git+https://example.org/x", "revision": "0" * 40, "dirty": False}
    definition = {"buildType": "urn:fwtool:build:v1", "externalParameters": outside, "resolvedDependencies": []}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {"sha256": digest}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": definition, "runDetails": {"builder": {"id": "urn:example"}}},
    }


@pytest.fixture(scope="module")
def inputs(bench: Bench) -> dict[str, bytes]:
    """What goes into the packages, by the name of the component; keys that only the program can make."""
    _, app = elf_content((SAMPLES / "vt100-1.5.0.elf").read_bytes())
    found = {
        "app": app,
        "os": (SAMPLES / "vt100-1.4.2.bin").read_bytes(),
        "data": pseudo_random(150_000) + b"\xff" * 100_000 + octets(50_001),
        "sbom": json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1}).encode(),
        "provenance": json.dumps(statement(hashlib.sha256(app).hexdigest())).encode(),
    }
    bench.write("data.bin", found["data"])
    bench.write("sbom.json", found["sbom"])
    bench.write("provenance.json", found["provenance"])
    bench.write("en.txt", b"First line.\nSecond line")
    bench.write("zh.txt", "修复了一个错误。".encode())
    for name in ("ml-dsa-65", "ed25519"):
        bench.good("keys", "generate", "--algorithm", name, "--out", f"{name}.pem")
    for name in ("x25519", "p256"):
        openssl.must("pkey", "-in", str(bench.groups[name]), "-pubout", "-out", str(bench.path(f"{name}.pub.pem")))
    for name in ALGORITHMS:
        bench.good("keys", "public", f"{name}.pem", "--out", f"{name}.pub.pem")
    return found


def spki_of_pem(path: pathlib.Path) -> bytes:
    """What is in a PEM file; openssl cannot read all of them."""
    lines = path.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----")
    return base64.b64decode("".join(lines[1:-1]), validate=True)


def built(bench: Bench, name: str) -> bytes:
    """Build and sign a variant."""
    variant = VARIANTS[name]
    takers = [word for group in variant.groups for word in ("--encrypt-for", f"{group}.pub.pem")]
    out = f"built-{name}.fwp"
    bench.alone("image", "build", *variant.inputs, *variant.options, *takers, *VERSION, *NAMED, "--out", out)
    unsigned = bench.path(out).read_bytes()
    assert fwp.read(unsigned).signatures == {}
    bench.alone("image", "sign", out, *[word for key in variant.signers for word in ("--key", f"{key}.pem")])
    data = bench.path(out).read_bytes()
    end = fwp.header(data).end
    assert data[:end] == unsigned[:end]  # signatures do not change what they sign
    return data


@pytest.mark.parametrize("name", VARIANTS)
def test_packages_of_the_program(bench: Bench, inputs: dict[str, bytes], name: str) -> None:
    variant = VARIANTS[name]
    data = built(bench, name)
    keys = {fwp.sha256(spki): spki for spki in (spki_of_pem(bench.path(f"{key}.pub.pem")) for key in variant.signers)}
    ordered = sorted(keys)
    plan = TrustPlan([("k", 0, keys[key]) for key in ordered], [(SIGNER, len(keys), tuple(range(len(keys))))])
    trust = fwp.trust_file(writer.trust_file(plan))
    for groups in ([], *([bench.groups[group]] for group in variant.groups)):
        found = fwp.read(data, trust, now=int(time.time()), group_keys=groups)
        check_content(found, variant, inputs, readable=bool(groups) or not variant.groups)
    assert found.judgement is not None
    assert found.judgement.held | found.judgement.unchecked == set(found.signatures) == set(ordered)
    unchecked = {fwp.algorithm_of(keys[key]) for key in found.judgement.unchecked}
    assert unchecked <= (set() if openssl.knows_ml_dsa() else {"ml-dsa-65"})
    check_manifest_fields(found.manifest)


def check_content(found: fwp.Package, variant: Variant, inputs: dict[str, bytes], readable: bool) -> None:
    documents = {11: "sbom", 12: "provenance"}
    for part in found.manifest.components:
        source = documents.get(part.type, part.name)
        assert part.cipher == (1 if variant.groups and part.slot == 0 else 0)
        assert part.content == (inputs[source] if readable or not part.cipher else None)
    expected = [word.split("=")[0] for word in variant.inputs]
    assert [part.name for part in found.manifest.components if part.slot == 0] == expected
    papers = [(part.type, part.about) for part in found.manifest.components if part.slot == 1]
    about_app = 1 + expected.index("app")
    assert sorted(papers) == ([(11, 0), (11, about_app), (12, about_app)] if PAPERS[0] in variant.options else [])
    notes = [("en", "First line.\nSecond line"), ("zh-Hans", "修复了一个错误。")]
    assert found.manifest.notes == (notes if NOTES[0] in variant.options else [])
    wanted = variant.options[variant.options.index("--block-size") + 1] if "--block-size" in variant.options else "16384"
    assert found.manifest.block == int(wanted)


def check_manifest_fields(found: fwp.Manifest) -> None:
    assert (found.version, found.minimum, found.counter) == ((1, 5, 0, 7), (1, 2, 0, 0), 3)
    assert (found.model, found.revisions) == ("VT-100", (2, 7))
    assert (found.vendor, found.package, found.build) == ("Äcme", "Acme/VT", "b 42")
    address, _ = elf_content((SAMPLES / "vt100-1.5.0.elf").read_bytes())
    addresses = {"app": address, "os": 0x100000, "data": 0x300000}
    for part in found.components:
        assert part.address == addresses.get(part.name, fwp.NOWHERE)


def test_the_same_input_gives_the_same_bytes(bench: Bench, inputs: dict[str, bytes]) -> None:
    bench.write("secret", b"5a" * 32)
    out = []
    for name in ("once.fwp", "twice.fwp"):
        bench.good(
            "image", "build", APP, DATA, "--compress", "deflate", "--encrypt-for", "x25519.pub.pem", "--encrypt-for",
            "p256.pub.pem", "--secret-file", "secret", *VERSION, "--out", name,
        )  # fmt: skip
        out.append(bench.path(name).read_bytes())
    assert out[0] == out[1]
    found = fwp.read(out[0], group_keys=[bench.groups["p256"]])
    assert [part.content for part in found.manifest.components] == [inputs["app"], inputs["data"]]


def test_the_samples(bench: Bench) -> None:
    for version in ("1.4.2", "1.5.0"):
        found = fwp.read((SAMPLES / f"vt100-{version}.fwp").read_bytes())
        app = next(part for part in found.manifest.components if part.type == 3)
        assert (app.address, app.content) == elf_content((SAMPLES / f"vt100-{version}.elf").read_bytes())
        assert app.content == (SAMPLES / f"vt100-{version}.bin").read_bytes()


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p384", "rsa-3072"])
def test_signing_elsewhere(bench: Bench, inputs: dict[str, bytes], algorithm: str) -> None:
    """The commands of signing.md section 5, as they stand there."""
    package = bench.write(f"elsewhere-{algorithm}.fwp", writer.build(Plan()).with_block(writer.signature_block([])))
    identity = fwp.read(bench.path(package).read_bytes()).identity
    bench.good("image", "digest", package, "--out", f"{algorithm}.msg")
    message = bench.path(f"{algorithm}.msg").read_bytes()
    assert message == fwp.message("package", identity)
    signer = Signer(algorithm, bench.path(f"{algorithm}.pem"), spki_of_pem(bench.path(f"{algorithm}.pub.pem")))
    signature = openssl.sign(algorithm, signer.path, message)
    wrong = openssl.sign(algorithm, signer.path, message + b"\0")
    for name, raw, code in (("wrong", wrong, 4), ("right", signature, 0)):
        before = bench.path(package).read_bytes()
        sealed = bench.write(f"{algorithm}.{name}", raw)
        done = bench.fwtool("image", "attach-signature", package, "--public", f"{algorithm}.pub.pem", "--signature", sealed)
        assert done.returncode == code
        assert (bench.path(package).read_bytes() == before) == (code != 0)
    assert fwp.read(bench.path(package).read_bytes()).signatures == {signer.identity: signature}


# --- packages by hand: what the documents allow is accepted


def documents() -> list[Part]:
    sbom = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1}).encode()
    statement = json.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": []}).encode()
    return [
        Part(sbom, "app.sbom", 11, fwp.NOWHERE, slot=1, about=1),
        Part(statement, "how it was made", 12, fwp.NOWHERE, slot=1),
    ]


def longest_manifest() -> Plan:
    """Notes that make the manifest as long as it may be."""
    plan = Plan(notes=[("en", "")])
    missing = 16384 + 96 - len(writer.build(plan).region)
    return Plan(notes=[("en", "x\n" * (missing // 2) + "x" * (missing % 2))])


GOOD: dict[str, Callable[[], Plan]] = {
    "plain": Plan,
    "deflate": lambda: Plan([Part(octets(20000), encoding=1)]),
    "lzma2": lambda: Plan([Part(octets(20000), encoding=2)], block=16384),
    "not shorter": lambda: Plan([Part(pseudo_random(9000), encoding=1), Part(octets(9000), "os", 2, 0, encoding=2)]),
    "two pages": lambda: Plan([Part(pseudo_random(65 * 4096 + 1))]),
    "one full page": lambda: Plan([Part(pseudo_random(64 * 4096))]),
    "touching ranges": lambda: Plan([Part(bytes(100), "b", address=100), Part(bytes(100), "a", address=0)]),
    "highest address": lambda: Plan([Part(bytes(100), address=2**64 - 1 - 100)]),
    "every type": lambda: Plan(
        [Part(name=f"part {kind}", type=kind, address=fwp.NOWHERE) for kind in [*range(1, 11), 0x8000, 0xFFFF]] + documents()
    ),
    "documents": lambda: Plan([Part(octets(5000), encoding=1), Part(octets(20), "data", 10, 0), *documents()]),
    "32 components": lambda: Plan([Part(bytes([n + 1]), f"part {n}", address=fwp.NOWHERE) for n in range(32)]),
    "16 notes": lambda: Plan(notes=[(f"x-{number}", "one\ntwo\n") for number in range(16)]),
    "empty texts": lambda: Plan(texts=("", "", "M", ""), notes=[]),
    "longest texts": lambda: Plan(texts=("é" * 127 + "x", "x" * 255, "中" * 85, "\U0001f600" * 63)),
    "longest manifest": longest_manifest,
    "largest numbers": lambda: Plan(
        counter=2**32 - 1, version=(255, 255, 65535, 2**32 - 1), minimum=(255, 255, 65535, 2**32 - 1),
        revisions=(0, 2**32 - 1), built=2**64 - 1,
    ),
    "blocks of 65536": lambda: Plan([Part(octets(100_000), encoding=2)], block=65536),
}  # fmt: skip


@job("test_packages_by_hand")
def verify_good(bench: Bench, name: str) -> tuple[Plan, bytes, int]:
    plan = GOOD[name]()
    data = writer.signed(writer.build(plan), bench.maker)
    return plan, data, bench.verify(f"good-{name}", data, bench.trust())


@pytest.mark.parametrize("name", GOOD)
def test_packages_by_hand(bench: Bench, result: tuple[Plan, bytes, int], name: str) -> None:
    plan, data, code = result
    found = fwp.read(data, fwp.trust_file(bench.trust()), now=int(time.time()))
    assert [part.content for part in found.manifest.components] == [part.content for part in plan.parts]
    assert code == 0


# --- packages by hand that break a rule


@dataclasses.dataclass(frozen=True)
class Broken:
    """A file that breaks one rule: the rule as the second decoder names it, and how to make the file."""

    rule: str
    make: Callable[[Bench], bytes]


Make = Callable[[Bench], bytes]


def planned(**fields: Any) -> Make:
    """A package from a plan, signed as it should be."""
    return lambda bench: writer.signed(writer.build(Plan(**fields)), bench.maker)


def one(**fields: Any) -> Make:
    """A package with one component."""
    return planned(parts=[Part(**fields)])


def two(*found: Part) -> Make:
    """A package with several components."""
    return planned(parts=list(found))


def manifest(edit: writer.Edit) -> Make:
    return planned(edit_manifest=edit)


def block(change: Callable[[list[bytes], bytes], bytes]) -> Make:
    """A package whose signature block is put together otherwise, from the right entries and the digest."""

    def make(bench: Bench) -> bytes:
        unsigned = writer.build(Plan())
        return unsigned.with_block(change([bench.maker.entry("package", unsigned.identity)], unsigned.identity))

    return make


def options(**found: Any) -> Make:
    """Other fields in the signature block."""
    return block(lambda entries, _: writer.signature_block(entries, **found))


def entries(*more: bytes, **found: Any) -> Make:
    """More entries behind the right one."""
    return block(lambda entries, _: writer.signature_block([*entries, *more], **found))


def signed_over(kind: str, digest: bytes | None = None) -> Make:
    """A package whose signature is over something else."""

    def make(bench: Bench) -> bytes:
        unsigned = writer.build(Plan())
        return unsigned.with_block(writer.signature_block([bench.maker.entry(kind, digest or unsigned.identity)]))

    return make


def by_other(**fields: Any) -> Make:
    """A package that somebody else has signed."""
    return lambda bench: writer.signed(writer.build(Plan(**fields)), bench.other)


def flip(place: int) -> writer.Edit:
    def change(data: bytes) -> bytes:
        found = bytearray(data)
        found[place] ^= 1
        return bytes(found)

    return change


def rest(size: int) -> Make:
    """A file with this many bytes where the signature block should be."""

    def make(bench: Bench) -> bytes:
        data = planned()(bench)
        end = fwp.header(data).end
        return (data + bytes(size))[: end + size]

    return make


def too_long_manifest(bench: Bench) -> bytes:
    plan = dataclasses.replace(longest_manifest(), edit_manifest=lambda data: data + b"x")
    return writer.signed(writer.build(plan), bench.maker)


def no_components(data: bytes) -> bytes:
    """The manifest without its one component."""
    name = data.index(b"\x03app")
    return data[: name - 109] + b"\0" + data[name + 4 :]


def shifted(bench: Bench) -> bytes:
    """One byte of the second component counts as one of the first in the manifest, but not in the table."""
    size = len(writer.pack(octets(4096), 1))
    first = Part(octets(4096), encoding=1, fix={"stored": size + 1})
    second = Part(octets(4096), "b", address=0, encoding=1, fix={"stored": size - 1})
    return two(first, second)(bench)


def stream(encoding: int, pack: writer.Edit) -> Make:
    return one(content=octets(4096), encoding=encoding, pack=pack)


LAST = b"\xff" * 32  # a key id behind all others
SBOM = {"content": b"{}", "name": "s", "type": 11}
FORGED = "signing 3.1 row 3: a trusted key's signature does not hold"
STREAM_LENGTH = "fwp 5.1 length of what the stream gives"
STREAM_END = "fwp 5.1 end of the stream"

BROKEN: dict[str, Broken] = {
    # fwp.md section 2, in its order
    "header: 63 bytes": Broken("fwp 2 size and magic", lambda bench: planned()(bench)[:63]),
    "header: nothing": Broken("fwp 2 size and magic", lambda bench: b""),
    "header: magic": Broken("fwp 2 size and magic", planned(fix={"magic": b"FWP\n\x1a\n\0\0"})),
    "header: format": Broken("fwp 2 format version", planned(fix={"format": 2})),
    "header: format comes first": Broken("fwp 2 format version", planned(fix={"format": 0, "header": 65, "manifest": 0})),
    "header: size": Broken("fwp 2 header size and reserved", planned(fix={"header": 96})),
    "header: reserved": Broken("fwp 2 header size and reserved", planned(fix={"reserved": bytes(31) + b"\x01"})),
    "header: no manifest": Broken("fwp 2 manifest size", planned(fix={"manifest": 0})),
    "header: long manifest": Broken("fwp 2 manifest size", too_long_manifest),
    "header: sum": Broken("fwp 2 sum of sizes", planned(fix={"table": 2**63})),
    "header: sum that wraps": Broken("fwp 2 sum of sizes", planned(fix={"table": 2**64 - 36, "payload": 68 + 20 + 36})),
    "header: rest of 43": Broken("fwp 2 rest of the file", rest(43)),
    "header: no rest": Broken("fwp 2 rest of the file", rest(0)),
    "header: rest of 16385": Broken("fwp 2 rest of the file", rest(16385)),
    # signing.md section 3, in its order
    "block: magic": Broken("signing 3 magic, zero and count", options(magic=b"FWSC")),
    "block: zero": Broken("signing 3 magic, zero and count", options(zero=1)),
    "block: count": Broken("signing 3 magic, zero and count", options(count=17)),
    "block: size": Broken("signing 3 size field", options(size=145)),
    "block: digest": Broken("signing 3 closing digest", options(digest=flip(31))),
    "block: head": Broken("signing 3 entry: head", options(count=2)),
    "block: zero of an entry": Broken("signing 3 entry: zero", entries(writer.signature_entry(LAST, bytes(64), zero=1))),
    "block: empty entry": Broken("signing 3 entry: size", entries(writer.signature_entry(LAST, b""))),
    "block: entry of 4097": Broken("signing 3 entry: size", entries(writer.signature_entry(LAST, bytes(4097)))),
    "block: entry that is cut": Broken("signing 3 entry: size", entries(writer.signature_entry(LAST, bytes(64), size=65))),
    "block: order": Broken("signing 3 entry: order", entries(writer.signature_entry(bytes(32), bytes(64)))),
    "block: twice": Broken("signing 3 entry: order", block(lambda found, _: writer.signature_block(found * 2))),
    "block: bytes behind": Broken("signing 3 bytes before the digest", options(behind=b"\0")),
    "block: entry behind": Broken(
        "signing 3 bytes before the digest", entries(writer.signature_entry(LAST, bytes(64)), count=1)
    ),
    # signing.md section 3.1, with a trust file that knows only the maker
    "not signed": Broken("signing 3.1 row 1: not signed", block(lambda *_: writer.signature_block([]))),
    "stranger": Broken("signing 3.1 row 5: threshold", by_other()),
    "flipped": Broken(FORGED, block(lambda found, _: writer.signature_block([flip(60)(found[0])]))),
    "signature of 65": Broken(FORGED, block(
        lambda found, _: writer.signature_block([writer.signature_entry(found[0][:32], found[0][36:] + b"\0")])
    )),
    "signature of another object": Broken(FORGED, signed_over("trust")),
    "signature of another digest": Broken(FORGED, signed_over("package", bytes(31) + b"\x01")),
    # fwp.md section 3, form
    "manifest: version": Broken("fwp 3 manifest version", planned(manifest_version=2)),
    "manifest: reserved": Broken("fwp 3 reserved", planned(reserved=1)),
    "manifest: cut": Broken("fwp 3 room", manifest(lambda data: data[:-1])),
    "manifest: byte behind": Broken("fwp 3 bytes behind the end", manifest(lambda data: data + b"\0")),
    "33 components": Broken("fwp 3 number of components", two(
        *(Part(bytes([n + 1]), f"part {n}", address=fwp.NOWHERE) for n in range(33))
    )),
    "no components": Broken("fwp 3 number of components", manifest(no_components)),
    "17 notes": Broken("fwp 3 number of release notes", planned(notes=[(f"x-{number}", "") for number in range(17)])),
    "component: reserved": Broken("fwp 3 reserved", one(reserved=1)),
    "text: overlong": Broken("fwp 3 text: UTF-8", planned(texts=("p", b"\xc0\xaf", "M", ""))),
    "text: surrogate": Broken("fwp 3 text: UTF-8", planned(texts=("p", b"\xed\xa0\x80", "M", ""))),
    "text: cut": Broken("fwp 3 text: UTF-8", planned(notes=[("en", b"\xe4\xb8")])),
    "text: control": Broken("fwp 3 text: character", planned(texts=("p", "a\x1bb", "M", ""))),
    "text: direction": Broken("fwp 3 text: character", planned(texts=("p", "a\u202eb", "M", ""))),
    "text: line feed": Broken("fwp 3 text: character", planned(texts=("p", "a\nb", "M", ""))),
    "text: language": Broken("fwp 3 text: character", planned(notes=[("en\n", "")])),
    "text: tag": Broken("fwp 3 text: character", one(name="app\U000e0041")),
    "notes: carriage return": Broken("fwp 3 text: character", planned(notes=[("en", "a\r\nb")])),
    # fwp.md section 3, rules
    "block size of 2048": Broken("fwp 3 rule 1", planned(block=2048)),
    "block size of 12288": Broken("fwp 3 rule 1", planned(block=12288)),
    "revisions": Broken("fwp 3 rule 2", planned(revisions=(2, 1))),
    "no model": Broken("fwp 3 rule 2", planned(texts=("p", "v", "", ""))),
    "no name": Broken("fwp 3 rule 3", one(name="")),
    "same names": Broken("fwp 3 rule 3", two(Part(), Part(address=0))),
    "same languages": Broken("fwp 3 rule 3", planned(notes=[("en", "a"), ("de", "b"), ("en", "c")])),
    "first block": Broken("fwp 3 rule 4", one(fix={"first": 1})),
    "first block of the second": Broken("fwp 3 rule 4", two(Part(), Part(name="b", address=0, fix={"first": 0}))),
    "2^32 blocks": Broken("fwp 3 rule 4", one(fix={"installed": 4096 * 2**32, "stored": 4096 * 2**32})),
    "nothing installed": Broken("fwp 3 rule 5", two(Part(), Part(b"", "b", address=0))),
    "more stored": Broken("fwp 3 rule 5", two(Part(fix={"stored": 21}), Part(name="b", address=0, fix={"stored": 19}))),
    "less stored": Broken("fwp 3 rule 5", two(Part(fix={"stored": 19}), Part(name="b", encoding=1, address=0))),
    "less stored than blocks": Broken("fwp 3 rule 5", one(content=octets(8193), encoding=1, fix={"stored": 2})),
    "address too high": Broken("fwp 3 rule 6", one(address=2**64 - 20)),
    "overlap": Broken("fwp 3 rule 6", two(Part(bytes(101), address=0), Part(name="b", address=100))),
    "range in another": Broken("fwp 3 rule 6", two(Part(b"x", "b", address=50), Part(bytes(101), address=0))),
    "table size": Broken("fwp 3 rule 7", planned(edit_pages=lambda data: data + bytes(36))),
    "second digests for nothing": Broken("fwp 3 rule 7", planned(entry=68)),
    "no second digests": Broken("fwp 3 rule 7", planned(parts=[Part(encoding=1)], entry=36)),
    "payload size": Broken("fwp 3 rule 7", planned(edit_payload=lambda data: data + b"\0")),
    "type 0": Broken("fwp 3 rule 8", one(type=0)),
    "type 13": Broken("fwp 3 rule 8", one(type=13)),
    "encoding 3": Broken("fwp 3 rule 8", one(encoding=3)),
    "cipher 2": Broken("fwp 3 rule 8", one(cipher=2)),
    "slot 2": Broken("fwp 3 rule 8", one(slot=2)),
    "variant": Broken("fwp 3 rule 8", one(variant=1)),
    "base digest": Broken("fwp 3 rule 8", one(base=bytes(31) + b"\x01")),
    "document in a slot": Broken("fwp 3 rule 9", two(Part(), Part(**SBOM, address=fwp.NOWHERE))),
    "document with an address": Broken("fwp 3 rule 9", two(Part(), Part(**SBOM, address=0, slot=1))),
    "application nowhere": Broken("fwp 3 rule 9", two(Part(), Part(name="b", address=fwp.NOWHERE, slot=1))),
    "document first": Broken("fwp 3 rule 9", two(*documents(), Part())),
    "only a document": Broken("fwp 3 rule 9", one(**SBOM, address=fwp.NOWHERE, slot=1)),
    "about of an application": Broken("fwp 3 rule 9", two(Part(), Part(name="b", address=0, about=1))),
    "about nothing": Broken("fwp 3 rule 9", two(Part(), Part(**SBOM, address=fwp.NOWHERE, slot=1, about=2))),
    # fwp.md section 6, rows 5 to 8
    "root": Broken("fwp 6 row 5: index against the root", planned(edit_root=flip(0))),
    "index": Broken("fwp 6 row 5: index against the root", planned(edit_index=flip(31))),
    "page": Broken("fwp 6 row 6: page against the index", planned(edit_pages=flip(35))),
    "second page": Broken(
        "fwp 6 row 6: page against the index", planned(parts=[Part(octets(65 * 4096))], edit_pages=flip(64 * 36))
    ),
    "stored length": Broken("fwp 6 row 7: stored length", one(length=lambda length: length - 1)),
    "stored length of 0": Broken("fwp 6 row 7: stored length", one(content=octets(99), encoding=1, length=lambda _: 0)),
    "payload": Broken("fwp 6 row 7: first digest", planned(edit_payload=flip(19))),
    "payload, compressed": Broken(
        "fwp 6 row 7: second digest", planned(parts=[Part(octets(99), encoding=1)], edit_payload=flip(9))
    ),
    "first digest": Broken("fwp 6 row 7: first digest", planned(edit_entries=flip(0))),
    "second digest": Broken("fwp 6 row 7: second digest", planned(parts=[Part(encoding=1)], edit_entries=flip(67))),
    "component digest": Broken("fwp 6 row 8: component digest", one(fix={"digest": bytes(32)})),
    "stored sizes": Broken("fwp 5 stored blocks fill the stored size", shifted),
    # fwp.md section 5.1
    "deflate: none": Broken("fwp 5.1 stream", stream(1, lambda data: b"\xff" * 10)),
    "deflate: less": Broken(STREAM_LENGTH, stream(1, lambda data: writer.pack(data[:-1], 1))),
    "deflate: more": Broken(STREAM_LENGTH, stream(1, lambda data: writer.pack(data + b"x", 1))),
    "deflate: byte behind": Broken(STREAM_END, stream(1, lambda data: writer.pack(data, 1) + b"x")),
    "deflate: zlib": Broken("fwp 5.1 stream", stream(1, zlib.compress)),
    "lzma2: none": Broken("fwp 5.1 stream", stream(2, lambda data: b"\x7f" * 10)),
    "lzma2: more": Broken(STREAM_LENGTH, stream(2, lambda data: writer.pack(data + b"x", 2))),
    "lzma2: byte behind": Broken(STREAM_END, stream(2, lambda data: writer.pack(data, 2) + b"x")),
    "lzma2: no end": Broken(STREAM_END, stream(2, lambda data: writer.pack(data, 2)[:-1])),
    # fwp.md section 6: the first that does not hold ends it
    "block before signature": Broken("signing 3 closing digest", lambda bench: flip(-1)(by_other()(bench))),
    "signature before manifest": Broken("signing 3.1 row 5: threshold", by_other(manifest_version=2)),
    "signature before payload": Broken("signing 3.1 row 5: threshold", by_other(edit_payload=flip(0))),
}  # fmt: skip


@job("test_packages_that_break_a_rule")
def verify_broken(bench: Bench, name: str) -> tuple[bytes, int]:
    data = BROKEN[name].make(bench)
    return data, bench.verify(f"broken-{list(BROKEN).index(name)}", data, bench.trust())


@pytest.mark.parametrize("name", BROKEN)
def test_packages_that_break_a_rule(bench: Bench, result: tuple[bytes, int], name: str) -> None:
    data, code = result
    refused = verdict(data, bench.trust())
    assert refused is not None
    assert refused.rule == BROKEN[name].rule
    assert code in exits(refused)


# --- encrypted packages by hand


def taker(bench: Bench, group: str) -> bytes:
    return writer.recipient(openssl.public(bench.groups[group]), bench.groups[f"once {group}"], Plan().content_key)


def encrypted(*parts: Part, takers: Callable[[bytes, bytes], list[bytes]] | None = None, **fields: Any) -> Make:
    """A package for both groups; `takers` makes other recipients of the right ones."""

    def make(bench: Bench) -> bytes:
        both = taker(bench, "x25519"), taker(bench, "p256")
        recipients = takers(*both) if takers else sorted(both, key=lambda entry: entry[1:33])
        found = list(parts) or [Part(octets(5000), cipher=1, encoding=1)]
        return writer.signed(writer.build(Plan(found, recipients=recipients, **fields)), bench.maker)

    return make


def sorted_takers(count: int) -> Callable[[bytes, bytes], list[bytes]]:
    """The first recipient, and others that nobody is."""
    return lambda x, p: sorted([x, *(x[:1] + bytes([n]) * 32 + x[33:] for n in range(count - 1))], key=lambda one: one[1:33])


@dataclasses.dataclass(frozen=True)
class Encrypted:
    """An encrypted package: the rule it breaks with a group's key, and without one."""

    make: Make
    with_key: str | None
    without: str | None = "the same"


WRAPPED = "fwp 5.2 wrapped content key"
ENCRYPTED: dict[str, Encrypted] = {
    "good": Encrypted(encrypted(), None),
    "not compressed": Encrypted(encrypted(Part(pseudo_random(5000), cipher=1), Part(b"d", "d", 10, 0), *documents()), None),
    "lzma2": Encrypted(encrypted(Part(octets(9000), cipher=1, encoding=2), Part(octets(50), "b", 2, 0, cipher=1)), None),
    "16 recipients": Encrypted(encrypted(takers=sorted_takers(16)), None),
    "17 recipients": Encrypted(encrypted(takers=sorted_takers(17)), "fwp 3 number of recipients"),
    "order of recipients": Encrypted(
        encrypted(takers=lambda x, p: sorted([x, p], key=lambda entry: entry[1:33], reverse=True)), "fwp 3 rule 10"
    ),
    "one recipient twice": Encrypted(encrypted(takers=lambda x, p: [x, x]), "fwp 3 rule 10"),
    "no recipients": Encrypted(encrypted(takers=lambda x, p: []), "fwp 3 rule 10"),
    "recipients of nothing": Encrypted(encrypted(Part()), "fwp 3 rule 10"),
    "agreement 3": Encrypted(encrypted(takers=lambda x, p: [b"\x03" + x[1:]]), "fwp 3 rule 8"),
    "wrapped key": Encrypted(encrypted(takers=lambda x, p: [flip(-1)(x)]), WRAPPED, None),
    "one-time key": Encrypted(encrypted(takers=lambda x, p: [flip(40)(x)]), WRAPPED, None),
    "one-time key of small order": Encrypted(
        encrypted(takers=lambda x, p: [x[:34] + bytes(32) + x[66:]]), "fwp 5.2 agreement", None
    ),
    "tag": Encrypted(encrypted(Part(octets(99), cipher=1, seal=flip(-1))), "fwp 5.2 tag", None),
    "ciphertext": Encrypted(encrypted(Part(octets(99), cipher=1, seal=flip(0))), "fwp 5.2 tag", None),
    "no tag": Encrypted(encrypted(Part(octets(99), cipher=1, seal=lambda data: data[:-1])), "fwp 3 rule 5"),
    "stored length": Encrypted(
        encrypted(Part(octets(99), cipher=1, encoding=1, length=lambda _: 16)), "fwp 6 row 7: stored length"
    ),
    "stream": Encrypted(
        encrypted(Part(octets(4096), cipher=1, encoding=1, pack=lambda data: writer.pack(data, 1) + b"x")), STREAM_END, None
    ),
    "keyed digest": Encrypted(encrypted(edit_entries=flip(0)), "fwp 6 row 7: first digest", "fwp 6 row 8: component digest"),
    "second digest": Encrypted(encrypted(edit_payload=flip(0)), "fwp 6 row 7: second digest"),
}


@job("test_encrypted_packages_by_hand")
def verify_encrypted(bench: Bench, name: str) -> tuple[bytes, int, int]:
    data = ENCRYPTED[name].make(bench)
    file = f"encrypted-{name}"
    return data, bench.verify(file, data, bench.trust(), "--decrypt-key", "x25519.pem"), bench.verify(file, data, bench.trust())


@pytest.mark.parametrize("name", ENCRYPTED)
def test_encrypted_packages_by_hand(bench: Bench, result: tuple[bytes, int, int], name: str) -> None:
    data, *codes = result
    case = ENCRYPTED[name]
    expected = case.with_key, case.with_key if case.without == "the same" else case.without
    for code, rule, keys in zip(codes, expected, ([bench.groups["x25519"]], []), strict=True):
        refused = verdict(data, bench.trust(), keys)
        assert (refused.rule if refused else None) == rule
        assert code in (exits(refused) if refused else {0})


# --- signatures by hand


def sequence(*numbers: int, longer: int = 0, long_form: bool = False) -> bytes:
    """DER of numbers, or what only looks like it: `longer` zeros in front of each, or a length in two bytes."""
    body = b""
    for number in numbers:
        raw = number.to_bytes(number.bit_length() // 8 + 1 + longer, "big")
        body += bytes((2, len(raw))) + raw
    return (b"\x30\x81" if long_form else b"\x30") + bytes((len(body),)) + body


def pair(signature: bytes) -> tuple[int, int]:
    middle = 4 + signature[3]
    return int.from_bytes(signature[4:middle], "big"), int.from_bytes(signature[middle + 2 :], "big")


def rsa(*arguments: str) -> tuple[str, Callable[[Bench, bytes], bytes]]:
    """A signature of an RSA key, with other options."""

    def make(bench: Bench, text: bytes) -> bytes:
        folder = bench.path("-".join(arguments).replace(":", "-"))
        folder.mkdir()
        (folder / "text").write_bytes(text)
        openssl.must(
            "dgst", *arguments, "-sign", str(bench.path("rsa-3072.pem")), "-out", str(folder / "out"), str(folder / "text")
        )
        return (folder / "out").read_bytes()

    return "rsa-3072", make


PSS = ("-sigopt", "rsa_padding_mode:pss")
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ORDER_ED25519 = 2**252 + 27742317777372353535851937790883648493


def ecdsa(change: Callable[[int, int], bytes]) -> tuple[str, Callable[[Bench, bytes], bytes]]:
    key = "ecdsa-p256"
    return key, lambda bench, text: change(*pair(openssl.sign(key, bench.path(f"{key}.pem"), text)))


def high_s(bench: Bench, text: bytes) -> bytes:
    """An Ed25519 signature whose s is as good as before, but not below the order of the group: RFC 8032 section 5.1.7."""
    signature = openssl.sign("ed25519", bench.maker.path, text)
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER_ED25519).to_bytes(32, "little")


SIGNATURES: dict[str, tuple[str, Callable[[Bench, bytes], bytes], bool]] = {
    **{
        key: (key, lambda bench, text, key=key: openssl.sign(key, bench.path(f"{key}.pem"), text), True)
        for key in ("ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096")
    },
    "ecdsa, the other half": (*ecdsa(lambda r, s: sequence(r, ORDER_P256 - s)), True),
    "ecdsa, zeros in front": (*ecdsa(lambda r, s: sequence(r, s, longer=1)), False),
    "ecdsa, long length": (*ecdsa(lambda r, s: sequence(r, s, long_form=True)), False),
    "ecdsa, byte behind": (*ecdsa(lambda r, s: sequence(r, s) + b"\0"), False),
    "ecdsa, no DER": (*ecdsa(lambda r, s: r.to_bytes(32, "big") + s.to_bytes(32, "big")), False),
    "rsa, salt of 20": (*rsa("-sha256", *PSS, "-sigopt", "rsa_pss_saltlen:20"), False),
    "rsa, SHA-384": (*rsa("-sha384", *PSS, "-sigopt", "rsa_pss_saltlen:32"), False),
    "rsa, PKCS#1": (*rsa("-sha256"), False),
    "rsa, MGF1 with SHA-1": (*rsa("-sha256", *PSS, "-sigopt", "rsa_pss_saltlen:32", "-sigopt", "rsa_mgf1_md:sha1"), False),
    "ed25519, high s": ("maker", high_s, False),
}  # fmt: skip


@job("test_signatures_by_hand")
def verify_signature(bench: Bench, name: str) -> tuple[bytes, bytes, int]:
    key, make, _ = SIGNATURES[name]
    unsigned = writer.build(Plan())
    signer = bench.signers[key]
    signature = make(bench, fwp.message("package", unsigned.identity))
    data = unsigned.with_block(writer.signature_block([writer.signature_entry(signer.identity, signature)]))
    trust = bench.trust(keys=[("k", 0, signer.spki)])
    return data, trust, bench.verify(f"signature-{name}", data, trust)


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_by_hand(bench: Bench, result: tuple[bytes, bytes, int], name: str) -> None:
    data, trust, code = result
    refused = verdict(data, trust)
    assert (refused.rule if refused else None) == (None if SIGNATURES[name][2] else FORGED)
    assert code == (4 if refused else 0)


# --- judging by roles, thresholds and times

THRESHOLD = "signing 3.1 row 5: threshold"
CURVE = "signing 2 point not on its curve"
KIND = "signing 2 kind of key"
FAR = 2**40  # seconds: long after all of us


@dataclasses.dataclass(frozen=True)
class Judged:
    """Who signs, whom the trust file knows, and the rule that is broken."""

    signers: tuple[str, ...]
    trust: Callable[[Bench], bytes]
    rule: str | None
    forged: tuple[str, ...] = ()  # these sign something else


def roles(*found: tuple[int, int, list[str]], **fields: Any) -> Callable[[Bench], bytes]:
    return lambda bench: bench.trust_of(list(found), **fields)


THREE = (SIGNER, 2, ["maker", "other", "third"])
JUDGED: dict[str, Judged] = {
    "two of three": Judged(("maker", "third"), roles(THREE), None),
    "one of three": Judged(("maker",), roles(THREE), THRESHOLD),
    "all roles": Judged(("maker", "other"), roles((SIGNER, 1, ["maker"]), (MAKER, 1, ["other"])), None),
    "a role is missing": Judged(("maker",), roles((SIGNER, 1, ["maker"]), (MAKER, 1, ["other"])), THRESHOLD),
    "the bank is missing": Judged(("maker",), roles((SIGNER, 1, ["maker"]), (BANK, 1, ["other"])), THRESHOLD),
    "root signs no packages": Judged(("maker",), roles((SIGNER, 1, ["maker"]), (ROOT, 1, ["root"])), None),
    "root alone": Judged(("root",), roles((SIGNER, 1, ["maker"]), (ROOT, 1, ["root"])), THRESHOLD),
    "one key, two roles": Judged(("maker",), roles((MAKER, 1, ["maker"]), (SIGNER, 1, ["maker"])), None),
    "forged, though enough hold": Judged(("maker",), roles((SIGNER, 1, ["maker", "other"])), FORGED, ("other",)),
    "forged by root": Judged(("maker",), roles((SIGNER, 1, ["maker"]), (ROOT, 1, ["root"])), FORGED, ("root",)),
    "forged by a stranger": Judged(("maker",), roles((SIGNER, 1, ["maker"])), None, ("other",)),
    "expired key": Judged(("maker",), roles((SIGNER, 1, ["maker"]), expired=("maker",)), THRESHOLD),
    "expired key besides": Judged(("maker", "other"), roles((SIGNER, 1, ["maker", "other"]), expired=("other",)), None),
    "forged by an expired key": Judged(
        ("maker",), roles((SIGNER, 1, ["maker", "other"]), expired=("other",)), FORGED, ("other",)
    ),
    "revoked": Judged(("other",), lambda bench: bench.trust(revoked=[bench.other.identity]), THRESHOLD),
    "revoked besides": Judged(("maker", "other"), lambda bench: bench.trust(revoked=[bench.other.identity]), None),
    "expired": Judged(("maker",), lambda bench: bench.trust(expires=1), "signing 4 expired"),
    "expires late": Judged(("maker",), lambda bench: bench.trust(expires=2**64 - 1, created=1), None),
    "made later": Judged(("maker",), lambda bench: bench.trust(created=FAR), "signing 4 clock before created"),
    "counter": Judged(
        ("maker",), lambda bench: bench.trust(models=[("VT-100", 8)]), "signing 4 lowest security counter of the model"
    ),
    "RSA of 2048 bits": Judged(("rsa-2048",), lambda bench: bench.trust(keys=[("k", 0, bench.signers["rsa-2048"].spki)]), KIND),
    "counter, just so": Judged(("maker",), lambda bench: bench.trust(models=[("VT-100", 7), ("VT-200", 9)]), None),
}


@job("test_judging_by_hand")
def verify_judged(bench: Bench, name: str) -> tuple[bytes, bytes, int]:
    case = JUDGED[name]
    unsigned = writer.build(Plan())
    found = [bench.signers[key].entry("package", unsigned.identity) for key in case.signers]
    found += [bench.signers[key].entry("package", bytes(32)) for key in case.forged]
    data = unsigned.with_block(writer.signature_block(sorted(found)))
    trust = case.trust(bench)
    return data, trust, bench.verify(f"judged-{name}", data, trust)


@pytest.mark.parametrize("name", JUDGED)
def test_judging_by_hand(bench: Bench, result: tuple[bytes, bytes, int], name: str) -> None:
    data, trust, code = result
    refused = verdict(data, trust)
    assert (refused.rule if refused else None) == JUDGED[name].rule
    assert code in (exits(refused) if refused else {0})


# --- trust files by hand


def trusting(**fields: Any) -> Make:
    return lambda bench: bench.trust(**fields)


def with_block(**found: Any) -> Make:
    """A trust file whose signature block is put together otherwise."""
    return trusting(block=lambda _: writer.signature_block([], **found))


def with_key(spki: bytes | Callable[[Bench], bytes]) -> Make:
    return lambda bench: bench.trust(keys=[("k", 0, spki if isinstance(spki, bytes) else spki(bench))])


def pair_of_keys(*, reverse: bool = False, **fields: Any) -> Make:
    def make(bench: Bench) -> bytes:
        found = sorted((bench.maker, bench.other), key=lambda signer: signer.identity, reverse=reverse)
        return bench.trust(keys=[("k", 0, signer.spki) for signer in found], **fields)

    return make


def ed25519(number: int) -> bytes:
    return fwp.ED25519_HEAD + number.to_bytes(32, "little")


def ml_dsa(number: int) -> bytes:
    return fwp.ML_DSA_HEAD + pseudo_random(1952, f"key {number}")


def many_keys(count: int, **fields: Any) -> Make:
    found = sorted((ml_dsa(number) for number in range(count)), key=writer.sha256)
    return trusting(keys=[("n" * 255, 0, spki) for spki in found], **fields)


def large(size: int) -> Make:
    """A trust file of so many bytes, most of them keys, names and signatures."""
    models = [(f"{number:03}" + "m" * 252, 0) for number in range(64)]
    signatures = [writer.signature_entry(bytes([n + 1]) * 32, bytes(3309)) for n in range(3)]

    def make(bench: Bench) -> bytes:
        less = many_keys(16, models=models, block=lambda _: writer.signature_block(signatures))(bench)
        last = writer.signature_entry(b"\x09" * 32, bytes(size - len(less) - 36))
        return many_keys(16, models=models, block=lambda _: writer.signature_block([*signatures, last]))(bench)

    return make


def made(algorithm: str, *arguments: str) -> Callable[[Bench], bytes]:
    """A key of openssl."""

    def make(bench: Bench) -> bytes:
        path = bench.path("-".join((algorithm, *arguments)).replace(":", "-") + ".pem")
        more = [word for argument in arguments for word in ("-pkeyopt", argument)]
        openssl.must("genpkey", "-algorithm", algorithm, *more, "-out", str(path))
        return openssl.public(path)

    return make


def high_x() -> bytes:
    """A point of P-256 whose x is given as x + p."""
    p, b = fwp.P256
    for x in range(1000):
        square = (x**3 - 3 * x + b) % p
        y = pow(square, (p + 1) // 4, p)
        if y * y % p == square:
            return fwp.P256_HEAD + (x + p).to_bytes(32, "big") + y.to_bytes(32, "big")
    raise AssertionError


def compressed(bench: Bench) -> bytes:
    spki = bench.signers["ecdsa-p256"].spki
    head = bytes.fromhex("3039301306072A8648CE3D020106082A8648CE3D030107032200")
    return head + bytes([2 + (spki[-1] & 1)]) + spki[-64:-32]


TRUST_FILES: dict[str, tuple[str | None, Make]] = {
    "good": (None, trusting()),
    "16 keys": (None, many_keys(16)),
    "64 revoked": (None, trusting(revoked=[bytes([n]) * 32 for n in range(64)])),
    "64 models": (None, trusting(models=[(f"{n:03}", n) for n in range(64)])),
    "models by code points": (None, trusting(models=[("\uff41", 1), ("\U00010041", 1)])),
    "65536 bytes": (None, large(65536)),
    "65537 bytes": ("signing 4 at most 65,536 bytes", large(65537)),
    "magic": ("signing 4 size and magic", trusting(magic=b"FWTRUST\x02")),
    "11 bytes": ("signing 4 size and magic", lambda bench: bench.trust()[:11]),
    "record beyond the file": ("signing 4 size of the record", trusting(size=2**32 - 1)),
    "record of a byte more": ("signing 4 signature block size", trusting(size=89)),
    "no block": ("signing 4 signature block size", trusting(block=lambda _: b"")),
    "block: magic": ("signing 4 signature block magic, zero and count", with_block(magic=b"FWSC")),
    "block: size": ("signing 4 signature block size field", with_block(size=45)),
    "block: digest": ("signing 4 signature block closing digest", with_block(digest=flip(0))),
    "block: bytes behind": ("signing 4 signature block bytes before the digest", with_block(behind=b"\0")),
    "block before record": ("signing 4 signature block size field", trusting(
        behind=b"\0", block=lambda _: writer.signature_block([], size=45))),
    "byte behind the record": ("signing 4 record bytes behind the end", trusting(behind=b"\0")),
    "no keys": ("signing 4 record number of keys", trusting(keys=[])),
    "17 keys": ("signing 4 record number of keys", many_keys(17)),
    "no roles": ("signing 4 record number of roles", trusting(roles=[])),
    "5 roles": ("signing 4 record number of roles", trusting(roles=[(n, 1, (0,)) for n in range(5)])),
    "65 revoked": ("signing 4 record number of revoked", trusting(revoked=[bytes([n]) * 32 for n in range(65)])),
    "65 models": ("signing 4 record number of models", trusting(models=[(f"{n:03}", n) for n in range(65)])),
    "name": ("signing 4 record text: character", lambda bench: bench.trust(keys=[("a\n", 0, bench.maker.spki)])),
    "name, UTF-8": ("signing 4 record text: UTF-8", lambda bench: bench.trust(keys=[(b"\xff", 0, bench.maker.spki)])),
    "order of keys": ("signing 4 rule 1", pair_of_keys(reverse=True)),
    "a key twice": ("signing 4 rule 1", lambda bench: bench.trust(keys=[("k", 0, bench.maker.spki)] * 2)),
    "root alone": ("signing 4 rule 2", trusting(roles=[(ROOT, 1, (0,))])),
    "a role twice": ("signing 4 rule 2", trusting(roles=[(SIGNER, 1, (0,))] * 2)),
    "role 4": ("signing 4 rule 2", trusting(roles=[(SIGNER, 1, (0,)), (4, 1, (0,))])),
    "index": ("signing 4 rule 3", trusting(roles=[(SIGNER, 1, (1,))])),
    "order of indices": ("signing 4 rule 3", pair_of_keys(roles=[(SIGNER, 1, (1, 0))])),
    "an index twice": ("signing 4 rule 3", pair_of_keys(roles=[(SIGNER, 1, (0, 0))])),
    "threshold 0": ("signing 4 rule 4", trusting(roles=[(SIGNER, 0, (0,))])),
    "threshold 2 of 1": ("signing 4 rule 4", trusting(roles=[(SIGNER, 2, (0,))])),
    "order of revoked": ("signing 4 rule 5", trusting(revoked=[b"\x02" * 32, b"\x01" * 32])),
    "revoked key of the file": ("signing 4 rule 5", lambda bench: bench.trust(revoked=[bench.maker.identity])),
    "order of models": ("signing 4 rule 6", trusting(models=[("\U00010041", 1), ("\uff41", 1)])),
    "a model twice": ("signing 4 rule 6", trusting(models=[("a", 1), ("a", 2)])),
    "empty model": ("signing 4 rule 6", trusting(models=[("", 1)])),
    "Ed25519, not canonical": ("signing 2 Ed25519: not canonical", with_key(ed25519(2**255 - 19 + 3))),
    "Ed25519, not canonical, top bit": ("signing 2 Ed25519: not canonical", with_key(ed25519(2**256 - 1))),
    **{
        f"Ed25519, small order {number}": ("signing 2 Ed25519: small order", with_key(ed25519(y | top)))
        for number, (y, top) in enumerate(zip(sorted(fwp.SMALL_ORDER), (0, 2**255, 0, 2**255, 2**255), strict=True))
    },
    "P-256, off its curve": (CURVE, with_key(lambda bench: flip(-1)(bench.signers["ecdsa-p256"].spki))),
    "P-256, x too high": (CURVE, with_key(high_x())),
    "P-256, compressed": (KIND, with_key(compressed)),
    "P-384, off its curve": (CURVE, with_key(lambda bench: flip(-1)(bench.signers["ecdsa-p384"].spki))),
    "P-521": (KIND, with_key(made("EC", "ec_paramgen_curve:P-521"))),
    "X25519": (KIND, with_key(lambda bench: openssl.public(bench.groups["x25519"]))),
    "RSA of 2048 bits": (KIND, with_key(lambda bench: bench.signers["rsa-2048"].spki)),
    "RSA, exponent 3": (KIND, with_key(made("RSA", "rsa_keygen_bits:3072", "rsa_keygen_pubexp:3"))),
    "key with a byte behind": (KIND, lambda bench: bench.trust(keys=[("k", 0, bench.maker.spki + b"\0")])),
    "no key": (KIND, with_key(b"")),
}  # fmt: skip


@job("test_trust_files_by_hand")
def show_trust(bench: Bench, name: str) -> tuple[bytes, int]:
    data = TRUST_FILES[name][1](bench)
    file = bench.write(f"shown-{list(TRUST_FILES).index(name)}.trust", data)
    return data, bench.fwtool("trust", "show", file).returncode


@pytest.mark.parametrize("name", TRUST_FILES)
def test_trust_files_by_hand(bench: Bench, result: tuple[bytes, int], name: str) -> None:
    data, code = result
    expected = TRUST_FILES[name][0]
    if expected is None:
        fwp.trust_file(data)
        assert code == 0
        return
    with pytest.raises(fwp.Refused) as refused:
        fwp.trust_file(data)
    assert refused.value.rule == expected
    assert code in exits(refused.value)


ROTATIONS: dict[str, tuple[list[tuple[int, int, list[str]]], dict[str, Any], tuple[str, ...], str | None]] = {
    # roles of the new file, other fields, who signs it, rule
    "both roots": ([(SIGNER, 1, ["other"]), (ROOT, 1, ["next root"])], {}, ("root", "next root"), None),
    "same root": ([(SIGNER, 1, ["other"]), (ROOT, 1, ["root"])], {"version": 7}, ("root",), None),
    "only the old root": ([(SIGNER, 1, ["other"]), (ROOT, 1, ["next root"])], {}, ("root",), THRESHOLD),
    "only the new root": ([(SIGNER, 1, ["other"]), (ROOT, 1, ["next root"])], {}, ("next root",), THRESHOLD),
    "by the signer": ([(SIGNER, 1, ["maker"]), (ROOT, 1, ["root"])], {}, ("maker",), THRESHOLD),
    "no root any more": ([(SIGNER, 1, ["other"])], {}, ("root", "other"), None),
    "no root, not signed by itself": ([(SIGNER, 1, ["other"])], {}, ("root",), THRESHOLD),
    "same version": ([(SIGNER, 1, ["other"]), (ROOT, 1, ["root"])], {"version": 1}, ("root",), "signing 4.1 version"),
    "the new one has expired": ([(SIGNER, 1, ["other"]), (ROOT, 1, ["root"])], {"expires": 1}, ("root",), "signing 4 expired"),
}


@job("test_rotations_by_hand")
def install_chain(bench: Bench, name: str) -> tuple[bytes, bytes, int]:
    new_roles, fields, signers, _ = ROTATIONS[name]
    old = bench.trust_of([(SIGNER, 1, ["maker"]), (ROOT, 1, ["root"])], expires=1)  # expired: that does not count

    def block(identity: bytes) -> bytes:
        return writer.signature_block(sorted(bench.signers[key].entry("trust", identity) for key in signers))

    new = bench.trust_of(new_roles, **{"version": 2, "block": block, **fields})
    files = bench.write(f"old-{name}.trust", old), bench.write(f"new-{name}.trust", new)
    return old, new, bench.fwtool("--state-dir", str(bench.path(f"state-{name}")), "trust", "install", *files).returncode


@pytest.mark.parametrize("name", ROTATIONS)
def test_rotations_by_hand(bench: Bench, result: tuple[bytes, bytes, int], name: str) -> None:
    old, new, code = result
    refused = None
    try:
        fwp.check_successor(fwp.trust_file(old), fwp.trust_file(new), int(time.time()))
    except fwp.Refused as problem:
        refused = problem
    assert (refused.rule if refused else None) == ROTATIONS[name][3]
    assert code in (exits(refused) if refused else {0})


def test_trust_files_of_the_program(bench: Bench, inputs: dict[str, bytes]) -> None:
    for name in ("maker", "other", "root"):
        bench.good("keys", "public", f"{name}.pem", "--out", f"{name}.pub.pem")
    bench.good(
        "trust", "create", *(f"{name}.pub.pem" for name in ALGORITHMS), "--threshold", "3", "--role", "maker=1:maker.pub.pem",
        "--role", "root=1:root.pub.pem", "--version", "5", "--expires", "2100-01-01", "--revoke", "other.pub.pem",
        "--revoke", "ab" * 32, "--minimum-counter", "VT-200=9", "--minimum-counter", "VT-100=3", "--out", "new.trust",
    )  # fmt: skip
    found = fwp.trust_file(bench.path("new.trust").read_bytes())
    spkis = {name: spki_of_pem(bench.path(f"{name}.pub.pem")) for name in (*ALGORITHMS, "maker", "root")}
    assert {key.spki for key in found.keys} == set(spkis.values())
    assert {fwp.algorithm_of(spkis[name]) for name in ALGORITHMS} == set(ALGORITHMS)
    of = {role.role: (role.threshold, {found.keys[index].spki for index in role.keys}) for role in found.roles}
    signing = {spkis[name] for name in ALGORITHMS}
    assert of == {SIGNER: (3, signing), MAKER: (1, {spkis["maker"]}), ROOT: (1, {spkis["root"]})}
    assert (found.version, found.signatures, found.models) == (5, {}, (("VT-100", 3), ("VT-200", 9)))
    assert found.expires == datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC).timestamp()
    assert set(found.revoked) == {bench.other.identity, b"\xab" * 32}
    old = bench.write("old.trust", bench.trust_of([(SIGNER, 1, ["maker"]), (ROOT, 1, ["root"])]))
    bench.good("trust", "rotate", "--old", old, "--new", "new.trust", "--key", "root.pem", "--out", "new.trust")
    rotated = fwp.trust_file(bench.path("new.trust").read_bytes())
    assert rotated.identity == found.identity
    fwp.check_successor(fwp.trust_file(bench.path("old.trust").read_bytes()), rotated, int(time.time()))


# --- changed at random: both must decide alike


def changed(data: bytes, chance: random.Random) -> bytes:
    """Other bytes, fewer bytes or more."""
    at = chance.randrange(len(data))
    how = chance.randrange(4)
    if how == 0:
        return data[:at] + data[at + chance.choice((1, 2, 4)) :]
    if how == 1:
        return data[:at] + chance.choice((b"\0", b"\x01\0", "é".encode(), b"\x7f", "\u202e".encode())) + data[at:]
    value = chance.choice((0, 1, 0xFF, data[at] ^ 1 << chance.randrange(8), data[at] + 1 & 0xFF))
    return data[:at] + bytes((value,)) + data[at + 1 :]


def changed_package(bench: Bench, section: str, chance: random.Random) -> bytes:
    """A package that is changed in one section and signed after that."""

    def edit(data: bytes) -> bytes:
        return changed(data, chance)

    plain, several = Plan(), Plan([Part(octets(5000), encoding=1), Part(octets(20), "data", 10, 0), *documents()])
    plan = dataclasses.replace(chance.choice((plain, several)), notes=[("en", "a\nb"), ("de", "c")])
    if section in ("manifest", "entries", "payload"):
        plan = dataclasses.replace(plan, **{f"edit_{section}": edit})
    unsigned = writer.build(plan)
    if section == "header":
        unsigned = dataclasses.replace(unsigned, region=edit(unsigned.region[:64]) + unsigned.region[64:])
    data = writer.signed(unsigned, bench.maker)
    if section == "block":
        end = len(data) - 144
        body = edit(data[end:-32])
        data = data[:end] + body + fwp.sha256(body)
    return edit(data) if section == "file" else data


SECTIONS = ("manifest", "manifest again", "header", "entries", "payload", "block", "file")


@job("test_changed_packages")
def verify_changed(bench: Bench, name: str) -> list[tuple[bytes, int]]:
    chance = random.Random(name)
    files = [changed_package(bench, name.split()[0], chance) for _ in range(20)]
    return [(data, bench.verify(f"changed-{name}", data, bench.trust())) for data in files]


@pytest.mark.parametrize("name", SECTIONS)
def test_changed_packages(bench: Bench, result: list[tuple[bytes, int]], name: str) -> None:
    for number, (data, code) in enumerate(result):
        refused = verdict(data, bench.trust())
        assert code in (exits(refused) if refused else {0}), (name, number, str(refused))


# --- where the documents and the program differed


@dataclasses.dataclass(frozen=True)
class Found:
    """The second decoder refused a file by the documents when the program still took it."""

    rule: str
    make: Make
    trust: Make | None = None


FOUND: dict[str, Found] = {
    "Ed25519, off its curve": Found(CURVE, planned(), lambda bench: bench.trust(
        keys=sorted([("k", 0, bench.maker.spki), ("off", 0, ed25519(2))], key=lambda key: writer.sha256(key[2])),
        roles=[(SIGNER, 1, (0, 1))],
    )),
    "an encrypted document": Found("fwp 5.2 documents are not encrypted", encrypted(
        Part(octets(50), cipher=1), Part(**SBOM, address=fwp.NOWHERE, slot=1, cipher=1))),
    "a one-time key of 31 bytes": Found("fwp 5.2 one-time public key", encrypted(
        takers=lambda x, p: [x[:33] + b"\x1f" + x[35:]])),
    "X25519 with 65 bytes": Found("fwp 5.2 one-time public key", encrypted(takers=lambda x, p: [b"\x01" + p[1:]])),
    "a compressed point": Found("fwp 5.2 one-time public key", encrypted(
        takers=lambda x, p: [p[:33] + b"\x21\x02" + p[35:67] + p[-40:]])),
}  # fmt: skip


@job("test_what_it_has_found")
def verify_differs(bench: Bench, name: str) -> tuple[bytes, bytes, int]:
    case = FOUND[name]
    data, trust = case.make(bench), (case.trust or trusting())(bench)
    return data, trust, bench.verify(f"differs-{name}", data, trust)


@pytest.mark.parametrize("name", FOUND)
def test_what_it_has_found(result: tuple[bytes, bytes, int], name: str) -> None:
    data, trust, code = result
    refused = verdict(data, trust)
    assert refused is not None
    assert refused.rule == FOUND[name].rule
    assert code in exits(refused)


# --- the line, as the program and the simulated terminal speak it


class Wiretap:
    """A TCP port in front of another one that keeps every byte that passes."""

    def __init__(self, port: str) -> None:
        self.target = address_of(port)
        self.chunks: list[tuple[str, bytes]] = []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self.door.getsockname()[1]}"
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(timeout=15)
        self.door.close()

    def serve(self) -> None:
        self.door.settimeout(0.1)
        while not self.stop.is_set():
            with contextlib.suppress(TimeoutError):
                host, _ = self.door.accept()
                with host, socket.create_connection(self.target, timeout=10) as terminal:
                    self.pass_on(host, terminal)

    def pass_on(self, host: socket.socket, terminal: socket.socket) -> None:
        ends = {host: (tsp.HOST, terminal), terminal: (tsp.TERMINAL, host)}
        while not self.stop.is_set():
            for end in select.select(list(ends), [], [], 0.1)[0]:
                way, other = ends[end]
                data = end.recv(65536)
                if not data:
                    return
                self.chunks.append((way, data))
                other.sendall(data)


def address_of(port: str) -> tuple[str, int]:
    found = re.fullmatch(r"socket://(127\.0\.0\.1):(\d+)", port)
    assert found, port
    return found[1], int(found[2])


def decoded(path: pathlib.Path) -> tuple[list[tsp.Record], tsp.Line]:
    """A trace, every byte of which is accounted for."""
    records = tsp.read_trace(path)
    line = tsp.decode(records)
    assert line.sessions
    for session in line.sessions:
        assert session.left() == {tsp.HOST: 0, tsp.TERMINAL: 0}
        assert session.waiting is None
    assert line.noise[tsp.HOST] == b""
    return records, line


def check_update(line: tsp.Line, package: fwp.Package) -> tsp.Update:
    """The one update of a line, its blocks, and what the host does around it: tsp.md section 6."""
    (found,) = tsp.updates(line)
    assert (found.identity, found.signatures, found.finished) == (package.identity, package.signatures, True)
    assert found.index == package.index
    assert {number: package.stored[number] for number in found.blocks} == found.blocks
    assert set(found.blocks) | found.kept | set(range(found.held)) == set(range(found.installed))
    assert len(found.progress) <= 2 * (found.progress[-1][0] - found.progress[0][0]) + 2  # twice a second, and at the end
    first, second = ([each for each in line.messages if each.session == number] for number in (0, 1))
    assert tsp.requests(first)[-3:] == ["BEGIN", "FINISH", "RESET"]
    assert "INFO" in tsp.requests(first)
    reset = next(each for each in first if each.name == "RESET")
    assert reset.body == {"how": 0}
    asked = tsp.requests(second)
    assert asked[-1] == "CONFIRM"
    assert {"INFO", "SLOTS", "HEALTH"} <= set(asked)
    assert max(asked.index("INFO"), asked.index("SLOTS")) < asked.index("HEALTH")
    confirm = next(each for each in second if each.name == "CONFIRM")
    assert confirm.body == {"digest": package.identity}
    (slots,) = (each.body["slots"] for each in second if each.name == "SLOTS" and each.kind == tsp.RESPONSE)
    (running,) = (slot for slot in slots if slot["running"])
    assert (running["state"], running["version"], running["digest"]) == (1, package.manifest.version, package.identity)
    level = 0
    for each in line.messages:
        if each.name == "HEALTH":
            level = each.body.get("level", level)
            assert each.kind == tsp.REQUEST or tsp.check_readings(level, each.body["readings"]) is None
    return found


@dataclasses.dataclass(frozen=True)
class Sim:
    """A running simulated terminal."""

    port: str
    control: str
    process: "subprocess.Popen[str]"


def end(sim: Sim) -> None:
    """End a simulated terminal."""
    sim.process.terminate()
    try:
        sim.process.communicate(timeout=15)
    except subprocess.TimeoutExpired:
        sim.process.kill()
        sim.process.communicate()
        raise
    assert sim.process.returncode == 0


Simulate = Callable[..., Sim]


@pytest.fixture
def simulate(bench: Bench) -> Iterator[Simulate]:
    """Start `fwtool sim` with files of the bench; every one is ended after the test."""
    running: list[Sim] = []

    def start(*arguments: str) -> Sim:
        process = subprocess.Popen(
            [sys.executable, "-m", "fwtool", "sim", "--listen", "tcp:127.0.0.1:0", "--control", "tcp:127.0.0.1:0", *arguments],
            cwd=bench.folder, env=bench.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        running.append(Sim("", "", process))
        assert select.select([process.stdout], [], [], TIMEOUT)[0], "the simulator did not start"
        port = process.stdout.readline().strip()
        assert port, process.stderr.read()
        running[-1] = Sim(port, process.stderr.readline().strip().removeprefix("control: "), process)
        return running[-1]

    yield start
    for sim in running:
        if sim.process.returncode is None:
            end(sim)


def prepared(bench: Bench, name: str, *arguments: str) -> fwp.Package:
    """Build and sign a package with the program."""
    bench.good("image", "build", *arguments, "--hardware", "VT-100", "--block-size", "4096", "--out", name)
    bench.good("image", "sign", name, "--key", "maker.pem")
    trust = fwp.trust_file(bench.path("first.trust").read_bytes())
    return fwp.read(bench.path(name).read_bytes(), trust, now=int(time.time()))


@pytest.fixture(scope="module")
def old(bench: Bench) -> tuple[str, ...]:
    """What the terminal trusts and runs: 96 KiB of it the new firmware has at its start as well."""
    bench.write("old.bin", pseudo_random(96 * 1024, "shared") + pseudo_random(100_000, "old"))
    prepared(bench, "old.fwp", "os=old.bin@0x10000", "--version", "1.4.2", "--security-counter", "1")
    return "--trust", "first.trust", "--firmware", "old.fwp"


def test_an_update_byte_for_byte(bench: Bench, old: tuple[str, ...], simulate: Simulate) -> None:
    """Trace and bytes on the wire of an update in which some blocks are held and others stay erased."""
    system = pseudo_random(96 * 1024, "shared") + pseudo_random(50_000, "new") + b"\xff" * 70_000 + octets(40_000)
    bench.write("system.bin", system)
    bench.write("paper.json", b'{"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1}')
    package = prepared(
        bench, "update.fwp", "os=system.bin@0x10000", APP, "--sbom", "paper.json", "--version", "1.5.0", "--security-counter", "2"
    )
    sim = simulate(*old, "--state", "flash", "--pace", "3000000")  # so slow that HELD comes before the blocks
    with Wiretap(sim.port) as tap:
        bench.alone("flash", "update.fwp", "--trust", "first.trust", "--port", tap.url, "--trace", "update.jsonl")
    records, line = decoded(bench.path("update.jsonl"))
    update = check_update(line, package)
    assert package.manifest.pages == 2
    holding = {
        found.body["first"] + bit
        for found in line.messages if found.name == "HOLDING" and found.kind == tsp.RESPONSE
        for bit in range(64) if found.body["bitmap"] >> bit & 1
    }  # fmt: skip
    erased = {block.number for block, stored in zip(package.blocks, package.stored, strict=True) if set(stored) == {0xFF}}
    assert len(erased) == 16
    assert holding == set(range(24)) | erased  # what the old one has, and what stays erased
    assert update.kept <= holding  # how many of them depends on who is faster
    check_wire(tap, records, line)
    check_that_changes_are_noticed(records, line)
    end(sim)
    (flash,) = (path for path in bench.path("flash").iterdir() if path.stat().st_size == 16 * 1024 * 1024)
    check_flash(flash.read_bytes(), package, bench)


def check_that_changes_are_noticed(records: list[tsp.Record], line: tsp.Line) -> None:
    """The second decoder is no decoder that takes everything."""
    sent = [
        number for number, record in enumerate(records)
        if record.direction == tsp.HOST and isinstance(record.what, tsp.Frame) and record.what.kind == tsp.DATA
    ]  # fmt: skip
    first = records[sent[0]]
    assert isinstance(first.what, tsp.Frame)
    payload = first.what.payload
    for other in (
        dataclasses.replace(first.what, sequence=2),
        dataclasses.replace(first.what, offset=1 << 20),
        dataclasses.replace(first.what, payload=b"\x7f" + payload[1:]),
        dataclasses.replace(first.what, payload=payload[:8] + u32(1) + payload[12:] + b"x"),
        dataclasses.replace(first.what, kind=tsp.ACK),
    ):
        changed = [*records[: sent[0]], dataclasses.replace(first, what=other), *records[sent[0] + 1 :]]
        with pytest.raises(fwp.Refused, match="tsp"):
            tsp.decode(changed)
    with pytest.raises(fwp.Refused, match="tsp 4 sequence numbers"):
        tsp.decode([*records[: sent[1]], *records[sent[1] + 1 :]])
    parts = [number for number, each in enumerate(line.messages) if each.kind == tsp.ONE_WAY]
    for left_out, rule in ((parts[0], "index"), (parts[1], "pages"), (parts[-1], "sent")):
        with pytest.raises(fwp.Refused, match=f"tsp 6.*{rule}"):
            tsp.updates(tsp.Line(messages=[*line.messages[:left_out], *line.messages[left_out + 1 :]]))
    swapped = list(line.messages)
    swapped[parts[-2]], swapped[parts[-1]] = swapped[parts[-1]], swapped[parts[-2]]
    with pytest.raises(fwp.Refused, match="blocks in order"):
        tsp.updates(tsp.Line(messages=swapped))


def check_flash(flash: bytes, package: fwp.Package, bench: Bench) -> None:
    """What the terminal has written: boot.md."""
    sectors = (flash[0x10000:0x11000], flash[0x11000:0x12000])
    pieces = [sector[at : at + 64] for sector in sectors for at in range(0, 4096, 64)]
    states = sorted(fwp.boot_record(piece) for piece in pieces if set(piece) != {0xFF})
    assert [number for number, *_ in states] == list(range(1, len(states) + 1))
    changes = [(active, *slots) for _, active, _, slots in states]
    changes = [change for number, change in enumerate(changes) if change not in changes[:number]]
    first, second = ("confirmed", 0), "empty"
    assert changes == [
        (0, first, (second, 0)), (0, first, ("writing", 0)), (0, first, ("trial", 1)), (0, first, ("trial", 0)),
        (1, first, ("confirmed", 0)),
    ]  # fmt: skip
    for number, start, end in ((1, 0x13000, 0x1F000), (2, 0x1F000, 0x30000)):
        assert flash[start : start + 8] == b"TRST" + number.to_bytes(4, "little")
        size, crc = (int.from_bytes(flash[at : at + 4], "little") for at in (start + 8, start + 12))
        stored = flash[start + 16 : start + 16 + size]
        assert crc == zlib.crc32(flash[start : start + 12] + stored)
        assert stored == bench.path("first.trust").read_bytes()
        assert set(flash[start + 16 + size : end]) == {0xFF}
    number, event = 0, b""
    for at in range(0x30000, 0x40000, 128):
        record = flash[at : at + 128]
        if set(record) != {0xFF}:
            number, event = fwp.journal_record(record)
            assert number % 512 == (at - 0x30000) // 128
    assert number > 1
    assert event
    data = bench.path("update.fwp").read_bytes()
    slot = flash[0x820000:]
    _, region, block = max(head for head in (fwp.head_or_none(slot[at : at + 0x20000]) for at in (0, 0x20000)) if head)
    assert slot[16 : 16 + region] == data[:region]
    assert slot[16 + region : 16 + region + block] == data[package.header.end :]
    assert slot[0x8860 : 0x8860 + package.header.table] == data[region : region + package.header.table]
    for place, plain in zip(package.blocks, package.installed, strict=True):
        if place.part.slot == 0:
            at = 0x40000 + place.number * package.manifest.block
            assert slot[at : at + place.size] == plain


def check_wire(tap: Wiretap, records: list[tsp.Record], line: tsp.Line) -> None:
    """The bytes on the wire are the frames of the trace with their CRCs, and what the terminal prints."""
    found, behind = tsp.scan(tap.chunks, 16384)
    assert behind == {tsp.HOST: 0, tsp.TERMINAL: 0}
    for way in tsp.OTHER:
        on_wire, in_trace = (
            [record.what for record in some if record.direction == way and isinstance(record.what, tsp.Frame)]
            for some in (found, records)
        )
        assert on_wire == in_trace
        noise = b"".join(record.what.data for record in found if record.direction == way and isinstance(record.what, tsp.Noise))
        assert noise == line.noise[way]
        sizes = sum(16 + len(frame.payload) for frame in on_wire)
        assert sizes + len(noise) == sum(len(data) for direction, data in tap.chunks if direction == way)


def test_an_encrypted_update_over_a_noisy_line(bench: Bench, old: tuple[str, ...], simulate: Simulate) -> None:
    bench.write("noisy.bin", octets(60_000) + pseudo_random(40_000))
    openssl.must("pkey", "-in", str(bench.groups["x25519"]), "-pubout", "-out", str(bench.path("noisy.pub.pem")))
    package = prepared(
        bench, "noisy.fwp", APP, "data=noisy.bin@0x300000", "--compress", "deflate", "--encrypt-for", "noisy.pub.pem",
        "--version", "1.5.0", "--security-counter", "1",
    )  # fmt: skip
    sim = simulate(*old, "--group-key", "x25519.pem")
    bench.good("sim-control", "--at", sim.control, "plant", "noise=1e-4")
    bench.alone("flash", "noisy.fwp", "--trust", "first.trust", "--port", sim.port, "--trace", "noisy.jsonl")
    _, line = decoded(bench.path("noisy.jsonl"))
    update = check_update(line, package)
    assert len(update.blocks) == update.installed  # nobody but a group can say what a block is
    assert line.noise[tsp.TERMINAL]
    assert sum(session.streams[tsp.HOST].repeated for session in line.sessions) > 0
    whole = fwp.read(bench.path("noisy.fwp").read_bytes(), group_keys=[bench.groups["x25519"]])
    contents = [elf_content((SAMPLES / "vt100-1.5.0.elf").read_bytes())[1], bench.path("noisy.bin").read_bytes()]
    assert [part.content for part in whole.manifest.components] == contents


COMMANDS = [
    # command, exit code, requests of which an answer is in the trace
    (("info",), 0, {"INFO", "STATUS", "SLOTS", "BATCH"}),
    (("batch", "settle"), 0, {"BATCH", "SETTLE"}),
    (("clock", "set"), 0, {"CLOCK", "CLOCK_SET"}),
    (("journal", "show"), 0, {"JOURNAL"}),
    (("stats", "reset"), 0, {"STATISTICS", "STATISTICS_RESET"}),
    (("diagnose", "--level", "internal"), 0, {"HEALTH"}),
    (("print-test",), 0, {"PRINT_TEST"}),
    (("slots", "confirm"), 0, {"SLOTS", "CONFIRM"}),
    (("slots", "revert"), None, {"REVERT"}),
    (("reset", "reinitialise"), 0, {"RESET"}),
    (("reset", "factory"), None, {"RESET"}),
]


def test_other_commands(bench: Bench, old: tuple[str, ...], simulate: Simulate) -> None:
    sim = simulate(*old)
    for number, (command, code, expected) in enumerate(COMMANDS):
        done = bench.fwtool(*command, "--port", sim.port, "--trace", f"command-{number}.jsonl")
        assert done.returncode == code if code is not None else done.returncode, done.stderr
        _, line = decoded(bench.path(f"command-{number}.jsonl"))
        answered = {each.name for each in line.messages if each.kind == tsp.RESPONSE}
        assert expected <= answered
        refused = {each.name: each.status for each in line.messages if each.status}
        assert refused == {("slots", "revert"): {"REVERT": 4}, ("reset", "factory"): {"RESET": 3}}.get(command, {})


# --- a host of the second side against the simulated terminal


def u32(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


def text(value: bytes) -> bytes:
    return bytes((len(value),)) + value


ANSWERS: list[tuple[str, int, bytes, bytes, int]] = [
    # rule of tsp.md section 5, opcode, body, authentication field, status
    ("unknown command", 0x7F, b"", b"", 1),
    ("TABLE as a request", 0x21, b"", b"", 1),
    ("DATA as a request", 0x22, u32(0, 0), b"", 1),
    ("an event as a request", 0x30, u32(0), b"", 1),
    ("authentication field", 0x01, b"", b"x", 3),
    ("authentication field of a grant", 0x01, b"", bytes(24), 3),
    ("authentication field first", 0x7F, b"x", b"x" * 64, 3),
    ("byte behind", 0x01, b"x", b"", 2),
    ("no body", 0x03, b"", b"", 2),
    ("level 0", 0x03, b"\x00", b"", 2),
    ("level 4", 0x03, b"\x04", b"", 2),
    ("level 3", 0x03, b"\x03", b"", 0),
    ("17 lines", 0x08, bytes((17,)) + b"\x01a" * 17, b"", 2),
    ("line feed in a line", 0x08, b"\x01" + text(b"a\n"), b"", 2),
    ("no UTF-8 in a line", 0x08, b"\x01" + text(b"\xc0\x80"), b"", 2),
    ("reset 3", 0x09, b"\x03", b"", 2),
    ("factory reset", 0x09, b"\x02", b"", 3),
    ("journal", 0x0A, u32(1), b"", 0),
    ("journal beyond its end", 0x0A, u32(2**32 - 1), b"", 0),
    ("slots", 0x0D, b"", b"", 0),
    ("line rate", 0x0E, b"\x00" + u32(0), b"", 0),
    ("line rate that is not in the list", 0x0E, b"\x01" + u32(12345), b"", 2),
    ("step 3", 0x0E, b"\x03" + u32(0), b"", 2),
    ("echo", 0x0F, b"\x03\x00abc", b"", 0),
    ("echo of nothing", 0x0F, bytes(2), b"", 0),
    ("echo of 65535", 0x0F, b"\xff\xff" + bytes(65535), b"", 0),
    ("echo with a byte behind", 0x0F, b"\x03\x00abcd", b"", 2),
    ("holding", 0x10, u32(4096, 0) + b"\x10\x00" + bytes(16), b"", 0),
    ("holding, larger blocks", 0x10, u32(65537, 0) + b"\x08\x00" + bytes(8), b"", 2),
    ("holding, 65 blocks", 0x10, u32(4096, 0) + b"\x08\x02" + bytes(520), b"", 2),
    ("another serial number", 0x11, text(b"OTHER"), b"", 3),
    ("no serial number", 0x11, text(b"a_b"), b"", 3),  # the right comes before the body
    ("a grant that is none", 0x12, u32(0) + bytes(32) + bytes(2), b"", 2),
    ("authorise, cut", 0x12, u32(0) + bytes(32) + b"\x01\x00", b"", 2),
    ("begin without anything", 0x20, b"", b"", 2),
    ("begin, zero bytes", 0x20, tsp.begin_body(b"", b"", zero=b"\0\0\1"), b"", 2),
    ("begin, byte behind", 0x20, tsp.begin_body(b"", b"") + b"x", b"", 2),
    ("begin, no package", 0x20, tsp.begin_body(b"", b""), b"", 16),
    ("finish", 0x23, b"", b"", 4),
    ("abort", 0x24, b"", b"", 0),
    ("confirm another one", 0x25, bytes(32), b"", 4),
    ("confirm, cut", 0x25, bytes(31), b"", 2),
    ("revert to nothing", 0x26, b"", b"", 4),
]


# What tsp.md section 5 says, and what the terminal says: still to be decided.
ANSWERS_THAT_DIFFER: list[tuple[str, int, bytes, int, int]] = [
    ("holding, seven bytes of digests", 0x10, u32(4096, 0) + b"\x07\x00" + bytes(7), 2, 0),
    ("keep a rate that is not the one now", 0x0E, b"\x02" + u32(9600), 4, 2),
]


def claimed(count: int, size: int, entry: int = 36, **fields: Any) -> Plan:
    """A package that says it has so many blocks."""
    pages, installed = -(-count // 64), count * size
    fix: dict[str, int | bytes] = {"installed": installed, "stored": installed, "digest": bytes(32)}
    part = Part(encoding=1 if entry == 68 else 0, fix=fix)
    return Plan([part], block=size, fix={"table": 32 * pages + entry * count, "payload": installed}, **fields)


def gaps(count: int) -> Plan:
    """Two components, each with a last block of one byte: `count` blocks in all."""
    half = count // 2
    size = (half - 1) * 65536 + 1
    found = [
        Part(name=name, address=fwp.NOWHERE, fix={"installed": size, "stored": size, "first": first, "digest": bytes(32)})
        for name, first in (("a", 0), ("b", half))
    ]
    fix: dict[str, int | bytes] = {"table": 32 * -(-count // 64) + 36 * count, "payload": 2 * size}
    return Plan(found, block=65536, fix=fix)


HIGH = (9, 9, 9, 9)
BEGINS: list[tuple[str, Plan, tuple[str, ...], int]] = [
    # tsp.md section 6, in its order: package, who signs it, status; the terminal runs 1.4.2 with counter 7
    ("good", Plan(version=(1, 5, 0, 0)), ("maker",), 0),
    ("a device counts expired keys", Plan(), ("other",), 0),
    ("header", Plan(fix={"reserved": bytes(31) + b"x"}), ("maker",), 16),
    ("header before signatures", Plan(fix={"format": 2}), ("third",), 16),
    ("stranger", Plan(), ("third",), 5),
    ("not signed", Plan(), (), 5),
    ("signatures before manifest", Plan(revisions=(9, 1)), ("third",), 5),
    ("manifest", Plan(revisions=(9, 1)), ("maker",), 16),
    ("model", Plan(texts=("", "", "VT-1000", "")), ("maker",), 6),
    ("revision", Plan(revisions=(4, 9)), ("maker",), 6),
    ("model before counter", Plan(texts=("", "", "X", ""), counter=0), ("maker",), 6),
    ("counter", Plan(counter=6), ("maker",), 7),
    ("counter before version", Plan(counter=6, minimum=HIGH), ("maker",), 7),
    ("version", Plan(minimum=(1, 4, 2, 1)), ("maker",), 8),
    ("version, just so", Plan(minimum=(1, 4, 2, 0)), ("maker",), 0),
    ("version before size", claimed(123, 65536, minimum=HIGH), ("maker",), 8),
    ("a whole slot", claimed(122, 65536), ("maker",), 0),
    ("more than a slot", claimed(123, 65536), ("maker",), 12),
    ("a slot of small blocks", claimed(1952, 4096), ("maker",), 0),
    ("a whole table", claimed(1403, 4096, entry=68), ("maker",), 0),
    ("more than a table", claimed(1404, 4096, entry=68), ("maker",), 12),
    ("gaps that fit", gaps(122), ("maker",), 0),
    ("gaps that do not fit", gaps(124), ("maker",), 12),
]


@pytest.fixture
def terminal(bench: Bench, simulate: Simulate) -> Sim:
    """A simulated terminal with a trust file and a firmware of the second writer."""
    trust = bench.trust_of([(SIGNER, 1, ["maker", "other"])], expired=("other",))
    bench.write("terminal.trust", trust)
    firmware = writer.signed(writer.build(Plan([Part(octets(30000))], version=(1, 4, 2, 0))), bench.maker)
    bench.write("terminal.fwp", firmware)
    found = simulate("--trust", "terminal.trust", "--firmware", "terminal.fwp")
    with tsp.Host(address_of(found.port)) as host:
        hello = tsp.Frame(tsp.HELLO, 0, 0, host.hello_payload(bytes(16)))
        for _ in range(100):  # until it has started
            host.send(hello)
            host.nothing_more(0.2)
            if host.welcomes:
                break
        assert host.welcomes
    return found


def nonce(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_a_terminal_answers_as_the_document_says(terminal: Sim) -> None:
    nothing = tsp.Opcode("nothing", tsp.NOTHING, tsp.NOTHING)
    known = {**tsp.OPCODES, 0x7F: nothing, 0x21: nothing, 0x22: nothing, 0x30: nothing}
    with tsp.Host(address_of(terminal.port)) as host, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tsp, "OPCODES", known)  # so that refusals of them can be read
        host.open(nonce(1))
        for rule, opcode, body, authentication, status in ANSWERS:
            found = host.ask(opcode, body, authentication)
            assert (rule, found.status) == (rule, status)
            if opcode == 0x0F and not status:
                assert tsp.u(2)(fwp.Cursor(body, "")) == len(found.body["bytes"])
        for rule, opcode, body, document, now in ANSWERS_THAT_DIFFER:
            assert (rule, host.ask(opcode, body).status) in ((rule, document), (rule, now))
        for level in (1, 2, 3):
            tsp.check_readings(level, host.ask(0x03, bytes((level,))).body["readings"])
        host.noise = b""
        before = len(host.responses)
        host.say(0x01, kind=tsp.RESPONSE)
        host.say(0x01, kind=tsp.EVENT)
        host.say(0x01, kind=4)
        host.say(0x21, u32(0, 0), kind=tsp.ONE_WAY)  # without an update
        host.nothing_more()
        assert len(host.responses) == before
        assert host.events == []
        assert host.noise == b""


HOUR = 3600
GRANTS = itertools.count(1)


def grant(bench: Bench, signers: tuple[str, ...] = ("maker",), kind: str = "grant", **fields: Any) -> bytes:
    """A grant that the maker signs: a terminal without a bank asks those who sign packages."""
    now = int(time.time())
    given = {"first": now - HOUR, "until": now + HOUR, "sessions": 1, "identifier": nonce(next(GRANTS)), **fields}
    plan = writer.GrantPlan(bench.signers["third"].spki, **given)
    return writer.grant_file(plan, [bench.signers[name] for name in signers], kind)


LONG_AGO = {"first": 1, "until": 1 + HOUR}
GRANT_FORMS: list[tuple[str, str | None, dict[str, Any]]] = [
    # rule of signing.md section 6
    ("good", None, {}),
    ("several terminals", None, {"serials": ("A", "SIM-0001", "Z")}),
    ("a month", None, {"first": 1, "until": 1 + 31 * 24 * HOUR}),
    ("magic", "signing 6 size and magic", {"magic": b"FWTRUST\x01"}),
    ("byte behind", "signing 6 record bytes behind the end", {"behind": b"x"}),
    ("more than a month", "signing 6 times", {"first": 1, "until": 2 + 31 * 24 * HOUR}),
    ("right 16", "signing 6 rights", {"rights": 24}),
    ("no session", "signing 6 sessions", {"sessions": 0}),
    ("17 sessions", "signing 6 sessions", {"sessions": 17}),
    ("no terminals", "signing 6 record number of serial numbers", {"serials": ()}),
    ("65 terminals", "signing 6 record number of serial numbers", {"serials": tuple(f"S{n:02}" for n in range(65))}),
    ("order of terminals", "signing 6 serial numbers", {"serials": ("SIM-0001", "A")}),
    ("a terminal twice", "signing 6 serial numbers", {"serials": ("SIM-0001", "SIM-0001")}),
    ("text", "signing 6 record text: character", {"holder": "a\n"}),
]


@pytest.mark.parametrize(("rule", "fields"), [case[1:] for case in GRANT_FORMS], ids=[case[0] for case in GRANT_FORMS])
def test_grants_by_hand(bench: Bench, rule: str | None, fields: dict[str, Any]) -> None:
    data = grant(bench, **fields)
    code = bench.fwtool("grant", "show", bench.write("by-hand.grant", data)).returncode
    if rule is None:
        assert fwp.grant_file(data).serials == fields.get("serials", ("SIM-0001",))
        assert code == 0
        return
    with pytest.raises(fwp.Refused) as refused:
        fwp.grant_file(data)
    assert refused.value.rule == rule
    assert code in exits(refused.value)


def test_grants_as_the_document_says(bench: Bench, terminal: Sim) -> None:
    """tsp.md section 7."""
    holder = bench.signers["third"]
    once = bench.groups["once x25519"]
    cases: list[tuple[str, bytes, dict[str, Any], int]] = [
        ("form", grant(bench, sessions=0), {}, 2),
        ("stranger", grant(bench, ("root",)), {}, 3),
        ("not signed", grant(bench, ()), {}, 3),
        ("signed as a package", grant(bench, kind="package"), {}, 3),
        ("a device counts expired keys", grant(bench, ("other",)), {}, 0),
        ("model", grant(bench, model="VT-200"), {}, 3),
        ("terminal", grant(bench, serials=("SIM-0002",)), {}, 3),
        ("time", grant(bench, **LONG_AGO), {}, 3),
        ("time to come", grant(bench, first=int(time.time()) + HOUR, until=int(time.time()) + 2 * HOUR), {}, 3),
        ("no proof", grant(bench), {"proof": b""}, 3),
        ("proof of another", grant(bench), {"holder": bench.maker}, 3),
        ("key of small order", grant(bench), {"key": bytes(32)}, 3),
    ]
    with tsp.Host(address_of(terminal.port)) as host:
        for number, (rule, data, options, status) in enumerate(cases):
            host.open(nonce(number + 1))
            found = host.authorise(data, **{"holder": holder, "once": once, **options})
            assert (rule, found.status) == (rule, status)
        twice = grant(bench, sessions=1)
        for number, status in ((100, 0), (101, 3)):
            host.open(nonce(number))
            assert host.authorise(twice, holder, once).status == status
        host.open(nonce(102))
        assert host.authorise(grant(bench, rights=fwp.FACTORY), holder, once).status == 0
        assert host.ask(0x01).status == 0
        assert host.ask(0x09, b"\x02", b"").status == 3  # without the field it has the rights of everybody
        host.number -= 1
        assert host.ask(0x01).status == 3  # the number does not rise
        host.number += 10
        assert host.ask(0x01).status == 0
        assert host.ask(0x01, b"", u32(1000, 0) + bytes(16)).status == 3
        assert host.ask(0x01, b"", bytes(23)).status == 3
        assert host.ask(0x11, text(b"a_b")).status == 2
        assert host.ask(0x11, text(b"SIM-0001")).status == 0  # the same again changes nothing
        assert host.ask(0x01).body["serial"] == "SIM-0001"
        host.open(nonce(103))  # the rights end with the session
        assert host.ask(0x09, b"\x02").status == 3
        host.open(nonce(104))
        assert host.authorise(grant(bench, rights=fwp.INSPECT), holder, once).status == 0
        assert host.ask(0x09, b"\x02").status == 3
        host.open(nonce(105))
        assert host.authorise(grant(bench, rights=fwp.FACTORY), holder, once).status == 0
        assert host.ask(0x09, b"\x02").status == 0


def test_a_grant_of_the_program(bench: Bench, old: tuple[str, ...], simulate: Simulate) -> None:
    """The commands of signing.md section 6."""
    bench.good("keys", "public", "ecdsa-p256.pem", "--out", "li.pub.pem")
    bench.good(
        "grant", "create", "--model", "VT-100", "--device", "SIM-0001", "--right", "factory", "--right", "inspect", "--holder",
        "li.pub.pem", "--name", "Li Wei", "--work-order", "W-7", "--days", "2", "--uses", "3", "--out", "G",
    )  # fmt: skip
    bench.good("grant", "sign", "G", "--key", "maker.pem")
    found = fwp.grant_file(bench.path("G").read_bytes())
    assert (found.rights, found.sessions, found.until - found.first) == (fwp.INSPECT | fwp.FACTORY, 3, 2 * 86400)
    assert (found.model, found.serials, found.order, found.holder) == ("VT-100", ("SIM-0001",), "W-7", "Li Wei")
    assert found.key == bench.signers["ecdsa-p256"].spki
    trust = fwp.trust_file(bench.trust())
    assert fwp.judge(trust, "grant", found.identity, found.signatures, int(time.time())).held
    sim = simulate(*old)
    bench.good("reset", "factory", "--port", sim.port, "--grant", "G", "--holder-key", "ecdsa-p256.pem", "--trace", "grant.jsonl")
    _, line = decoded(bench.path("grant.jsonl"))
    asked, answered = ([each for each in line.messages if each.kind == kind] for kind in (tsp.REQUEST, tsp.RESPONSE))
    authorise = next(each for each in asked if each.name == "AUTHORISE")
    assert authorise.body["grant"] == bench.path("G").read_bytes()
    digest = fwp.sha256(
        line.sessions[0].hellos[tsp.HOST].nonce, line.sessions[0].hellos[tsp.TERMINAL].nonce, found.identity,
        authorise.body["key"],
    )  # fmt: skip
    assert fwp.holds(found.key, fwp.message("grant-use", digest), authorise.body["proof"])
    fields = {each.name: each.authentication for each in asked if each.session == 0}
    assert fields["AUTHORISE"] == b""
    assert fields["RESET"] == bytes(24)  # traces hold none
    assert {each.status for each in answered} == {0}


def test_begin_as_the_document_says(bench: Bench, terminal: Sim) -> None:
    def begin(host: tsp.Host, plan: Plan, signers: tuple[str, ...]) -> int:
        unsigned = writer.build(plan)
        found = sorted(bench.signers[key].entry("package", unsigned.identity) for key in signers)
        return host.ask(0x20, tsp.begin_body(unsigned.region, writer.signature_block(found))).status

    with tsp.Host(address_of(terminal.port)) as host:
        host.open(nonce(1))
        for rule, plan, signers, status in BEGINS:
            assert (rule, begin(host, plan, signers)) == (rule, status)
        good = writer.build(Plan())
        entry = bench.maker.entry("package", good.identity)
        for wrong_block, region in (
            (writer.signature_block([entry], digest=flip(0)), good.region),
            (b"", good.region),
            (writer.signature_block([entry]), good.region + b"x"),
            (writer.signature_block([entry]), good.region[:-1]),
        ):
            assert host.ask(0x20, tsp.begin_body(region, wrong_block)).status == 16
        acts = [("sale", "1"), 9, ("settle",), ("plant", "battery_low"), 10, ("mend", "battery_low"), ("plant", "tamper"), 11]
        for act in acts:
            if isinstance(act, int):
                assert begin(host, claimed(123, 65536), ("maker",)) == 12  # size comes before it
                assert begin(host, Plan(), ("maker",)) == act
            else:
                bench.good("sim-control", "--at", terminal.control, *act)


def parts_of(unsigned: writer.Unsigned) -> list[tuple[int, bytes]]:
    """The parts of an update of a package with one page: opcode and body."""
    found = [(0x21, u32(0, 0) + unsigned.table[:32]), (0x21, u32(32, 0) + unsigned.table[32:])]
    blocks = [unsigned.payload[at : at + 4096] for at in range(0, len(unsigned.payload), 4096)]
    return found + [(0x22, u32(number, 0) + block) for number, block in enumerate(blocks)]


def test_parts_as_the_document_says(bench: Bench, terminal: Sim) -> None:
    unsigned = writer.build(Plan([Part(pseudo_random(9000, "parts"))]))
    block = writer.signature_block([bench.maker.entry("package", unsigned.identity)])
    good = parts_of(unsigned)
    index, page, first, second, _ = good
    deflated = (0x22, u32(0, 1) + writer.pack(unsigned.payload[:4096] + bytes(4096), 1))
    cases: list[tuple[str, list[tuple[int, bytes]], int]] = [
        # what is sent after BEGIN, status of FAILED
        ("block first", [first], 13),
        ("page first", [page], 13),
        ("index damaged", [(0x21, index[1][:-1] + b"x")], 13),
        ("index cut", [(0x21, index[1][:-1])], 13),
        ("index with the page", [(0x21, u32(0, 0) + unsigned.table)], 13),
        ("page damaged", [index, (0x21, page[1][:-1] + b"x")], 13),
        ("page at another offset", [index, (0x21, u32(33, 0) + page[1][8:])], 13),
        ("block left out", [index, page, second], 13),
        ("block twice", [index, page, first, first], 13),
        ("block beyond", [index, page, (0x22, u32(3, 0) + b"x")], 13),
        ("another opcode", [index, (0x01, bytes(8))], 1),
        ("unknown opcode", [index, (0x7F, bytes(8))], 1),
        ("no body of TABLE", [(0x21, bytes(7))], 2),
        ("no body of DATA", [index, page, (0x22, bytes(7))], 2),
        ("unknown encoding", [index, page, (0x22, u32(0, 2) + first[1][8:])], 2),
        ("block damaged", [index, page, (0x22, first[1][:-1] + b"x")], 13),
        ("block cut", [index, page, (0x22, first[1][:-1])], 13),
        ("more than a block", [index, page, deflated], 13),
    ]
    with tsp.Host(address_of(terminal.port)) as host:
        for number, (rule, sent, status) in enumerate(cases):
            host.open(nonce(number + 1))
            host.events.clear()
            assert host.ask(0x20, tsp.begin_body(unsigned.region, block)).body == {"blocks": 3, "held": 0}
            for opcode, body in sent:
                host.say(opcode, body, tsp.ONE_WAY)
            host.until(lambda: bool(host.events))
            assert (rule, [(event.name, event.status) for event in host.events]) == (rule, [("FAILED", status)])
            assert host.ask(0x23).status == 4
        host.open(nonce(100))
        host.events.clear()
        host.ask(0x20, tsp.begin_body(unsigned.region, block))
        for opcode, body in good:
            host.say(opcode, body, tsp.ONE_WAY)
        assert host.ask(0x23).status == 0
        assert [(event.name, event.body) for event in host.events][-1:] == [("PROGRESS", {"done": 3})]
        slots = host.ask(0x0D).body["slots"]
        assert [slot["digest"] for slot in slots if slot["state"] == 1] == [unsigned.identity]


def test_sessions_and_streams_as_the_document_says(terminal: Sim) -> None:
    with tsp.Host(address_of(terminal.port)) as host:
        # section 2: there is no session that this host knows of, so it tries what does not belong to one
        welcomes = len(host.welcomes)
        host.send(tsp.Frame(tsp.HELLO, 0, 0, host.hello_payload(nonce(1)) + b"x"))
        host.send(tsp.Frame(tsp.HELLO, 0, 0, host.hello_payload(nonce(1))[:-1]))
        host.send(tsp.Frame(tsp.WELCOME, 0, 0, host.hello_payload(nonce(1))))
        host.send(tsp.Frame(tsp.RESET, 0, 0, b""))
        host.nothing_more()
        assert (len(host.welcomes), host.resets) == (welcomes, 0)
        later = tsp.Frame(tsp.HELLO, 0, 0, host.hello_payload(nonce(1), 2, 3))
        host.send(later)  # WELCOME comes, but no session
        host.until(lambda: len(host.welcomes) > welcomes)
        frames = (tsp.Frame(tsp.PING, 0, 0, b""), tsp.Frame(tsp.DATA, 1, 0, b"x"), tsp.Frame(9, 0, 0, b""))
        for number, frame in enumerate(frames):
            host.seed = number  # any: the terminal has none
            host.send(frame)
            host.until(lambda number=number: host.resets > number)
        first = host.open(nonce(2))
        host.send(tsp.Frame(tsp.HELLO, 0, 0, host.hello_payload(nonce(2))))
        assert host.ask(0x0B).status == 0  # the session goes on
        assert host.welcomes[-1] == host.welcomes[-2] == first
        host.send(tsp.Frame(9, 0, 0, b"unknown"))
        host.line.sendall(b"text\xa5" + b"\xa5\x5a" + bytes(20))
        assert host.ask(0x0B).status == 0
        check_streams(host)
        for size, authentication in ((131073, b""), (0, b"x" * 65)):
            host.open(nonce(size + 10))
            resets = host.resets
            host.say(0x01, b"", tsp.REQUEST, authentication, size)
            host.nothing_more()
            assert host.resets == resets  # without a word
            host.send(tsp.Frame(tsp.PING, 0, 0, b""))
            host.until(lambda resets=resets: host.resets > resets)


def check_streams(host: tsp.Host) -> None:
    """Section 4: what a receiver acknowledges."""
    window = host.open(nonce(3)).window
    request = bytes((0x0B, 0, 1, 0)) + bytes(8)

    def send(sequence: int, offset: int, data: bytes) -> tsp.Acknowledgement:
        before = len(host.acks)
        host.send(tsp.Frame(tsp.DATA, sequence, offset, data))
        host.until(lambda: any(ack.highest == sequence for ack in host.acks[before:]))
        return host.acks[-1]

    assert send(1, window - 1, b"xy") == tsp.Acknowledgement(1, 0, window, False, False, ())  # beyond the limit
    ranges: tuple[tuple[int, int], ...] = ((window - 2, window),)
    assert send(2, window - 2, b"xy").ranges == ranges
    ranges = ((100, 102), *ranges)
    assert send(3, 100, b"xy").ranges == ranges
    ranges = ((100, 103), *ranges[1:])
    assert send(4, 102, b"z").ranges == ranges
    ranges = ((6, 12), *ranges)
    assert send(5, 6, request[6:]).ranges == ranges
    found = send(6, 0, request[:6])
    assert (found.received, found.ranges) == (12, ranges[1:])
    host.until(lambda: bool(host.responses) and host.responses[-1].name == "CLOCK")
    found = send(7, 0, request)  # again: dropped, acknowledged all the same
    assert (found.received, found.limit) == (12, 12 + window)
    before = len(host.acks)
    host.send(tsp.Frame(tsp.PING, 0, 0, b""))
    host.until(lambda: len(host.acks) > before)
    assert host.acks[-1].highest == 7


# --- the examples in the documents


def hex_examples(path: str) -> dict[str, bytes]:
    """Every hex block of a document, by its name."""
    found = re.findall(r"<!-- (?:example|hex): ([a-z-]+) -->\n```hex\n(.*?)```", (DOCUMENTS / path).read_text(), re.DOTALL)
    return {name: bytes.fromhex("".join(line.split(";")[0] for line in body.splitlines())) for name, body in found}


HOST_NONCE, DEVICE_NONCE = bytes(range(16)), bytes(range(16, 32))
SEED = tsp.session_seed(HOST_NONCE, DEVICE_NONCE)


def test_examples_of_the_package() -> None:
    found = hex_examples("formats/fwp.md")
    names = ("header", "manifest", "root", "table", "payload", "empty-signature-block")
    assert set(found) == {f"package-{name}" for name in names}
    package = fwp.read(b"".join(found[f"package-{name}"] for name in names))
    assert [part.content for part in package.manifest.components] == [bytes(range(20))]
    built = writer.build(Plan())  # the plan of the writer is this example
    assert built.region == found["package-header"] + found["package-manifest"] + found["package-root"]
    assert (built.table, built.payload) == (found["package-table"], found["package-payload"])
    assert writer.signature_block([]) == found["package-empty-signature-block"]
    heads = hex_examples("device/boot.md")
    assert set(heads) == {"slot-head", "boot-state"}
    region, empty = len(built.region), len(writer.signature_block([]))
    assert fwp.slot_head(heads["slot-head"]) == (1, region, empty)
    assert heads["slot-head"][16:] == built.region[:8]
    assert fwp.boot_record(heads["boot-state"]) == (6, 0, 3, [("confirmed", 0), ("trial", 1)])


def test_examples_of_signing(tmp_path: pathlib.Path) -> None:
    need("openssl")
    found = hex_examples("formats/signing.md")
    assert set(found) == {"message", "signature-block", "trust-file"}
    identity = writer.build(Plan()).identity
    assert found["message"] == fwp.message("package", identity)
    first = openssl.public(openssl.from_name("ed25519", "first", tmp_path / "first.pem"))
    signatures = fwp.signature_block(found["signature-block"])
    assert set(signatures) == {fwp.sha256(first)}
    assert fwp.holds(first, found["message"], signatures[fwp.sha256(first)])
    trust = fwp.trust_file(found["trust-file"])
    assert [(key.name, key.expires, fwp.algorithm_of(key.spki)) for key in trust.keys] == [("maker", 0, "ed25519")]
    assert trust.roles == (fwp.Role(SIGNER, 1, (0,)),)
    assert writer.trust_file(TrustPlan([("maker", 0, trust.keys[0].spki)])) == found["trust-file"]


def test_examples_of_the_line() -> None:
    found = hex_examples("protocol/tsp.md")
    frames = {name: data for name, data in found.items() if name.endswith("-frame")}
    decoded = {name: tsp.whole_frame(data, SEED) for name, data in frames.items()}
    assert {name: tsp.encode(frame, SEED) for name, frame in decoded.items()} == frames
    assert {name: frame.name for name, frame in decoded.items()} == {
        "reset-frame": "RESET", "ping-frame": "PING", "hello-frame": "HELLO", "welcome-frame": "WELCOME",
        "info-request-frame": "DATA", "ack-frame": "ACK",
    }  # fmt: skip
    others = {"session-seed", "ack-with-gap", "data-body", "refusal-message"}
    assert set(found) == set(frames) | others
    assert found["session-seed"] == u32(SEED) == u32(0xC95F4073)
    host, device = tsp.hello(decoded["hello-frame"]), tsp.hello(decoded["welcome-frame"])
    assert (host.nonce, device.nonce, device.answers) == (HOST_NONCE, DEVICE_NONCE, HOST_NONCE)
    asked = tsp.message(decoded["info-request-frame"].payload, 0, tsp.HOST)
    assert asked is not None
    assert (asked.name, asked.kind, asked.identity, asked.size) == ("INFO", tsp.REQUEST, 1, 12)
    ack = tsp.acknowledgement(fwp.Cursor(decoded["ack-frame"].payload, ""))
    assert ack == tsp.Acknowledgement(1, 12, 12 + device.window, False, False, ())
    gap = tsp.acknowledgement(fwp.Cursor(found["ack-with-gap"], ""))
    assert (gap.received, gap.ranges) == (4096, ((8192, 12288),))
    body = tsp.structure(fwp.Cursor(found["data-body"], ""), tsp.OPCODES[0x22].one_way or {})
    assert body == {"block": 3, "encoding": 0, "bytes": b"\xde\xad"}
    refusal = tsp.message(found["refusal-message"], 0, tsp.TERMINAL)
    assert refusal is not None
    assert (refusal.name, refusal.status, refusal.body) == ("FINISH", 4, {"text": "no update is going on"})


def test_tools_of_the_second_decoder() -> None:
    """What the decoder makes itself is right: CRC-32, and the list of characters no text holds."""
    data = pseudo_random(1000)
    assert tsp.crc32(data) == zlib.crc32(data)
    assert tsp.crc32(data, 12345) == zlib.crc32(data, 12345)
    if unicodedata.unidata_version == "14.0.0":  # the version that fwp.md names
        kinds = {code for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert kinds == {code for first, last in fwp.FORBIDDEN for code in range(first, last + 1)}
    for raw in (b"\xc3\xa9", "中\U0001f600".encode(), b"", b"\x00"):
        assert fwp.decode_utf8(raw) == raw.decode()
