"""`image show --hex`: every byte of every format described once, in the words of its specification, whatever the damage."""

import dataclasses
import functools
import hashlib
import importlib
import io
import os
import pathlib
import pkgutil
import re
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Final

import bincopy
import construct as c
import intelhex
import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa
from hypothesis import given, settings
from hypothesis import strategies as st

import firmware_samples
from formats import dfu, elf, registry, trust, uf2
from formats.annotate import fwp as annotate_fwp
from formats.annotate.records import fields_in, fields_of
from formats.annotate.table import DESCRIBERS, annotate
from formats.annotate.words import plain
from formats.errors import FormatError, LocalError
from formats.fields import Field
from formats.fwp import header, wrapping
from formats.fwp.coding import Encoding
from formats.fwp.manifest import ComponentType, Note
from formats.fwp.package import seal
from formats.keys import PrivateKey, public_key
from formats.record import Choice, Counted, Nested, Record, Text, reserved
from formats.signing import SignatureBlock
from formats.sources import Image, Piece
from formats.trust_record import ModelEntry
from fwtool import hexview
from fwtool.cli import image_hex
from tests.spec_examples import small_package
from tests.support import (
    KEY,
    P256_KEY,
    ROOT,
    SECOND_KEY,
    flips,
    make_package,
    need,
    part,
    pattern,
    sign_package,
    signatures_of,
)

IMAGE: Final = Image((Piece(0x08000000, 700, data=pattern(700)), Piece(0x08001000, 100, data=pattern(100, 1))), 0x08000101)
ML_DSA: Final = PrivateKey(
    public_key((_ml_dsa := mldsa.MLDSA65PrivateKey.from_seed_bytes(hashlib.sha256(b"fifth").digest())).public_key()), _ml_dsa
)


def written(kind: str, /, **options: Any) -> bytes:
    entry, out = registry.named(kind), io.BytesIO()
    assert entry is not None
    assert entry.write is not None
    entry.write(IMAGE, out, **options)
    return out.getvalue()


def uf2_block(
    payload: bytes, number: int, total: int, *, flags: int = 0, last: int = 0, after: bytes = b"", end: bytes = b""
) -> bytes:
    """A block as the table in the specification has it; `after` follows the payload, `end` closes the 476 bytes."""
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, 0x1000 * number, len(payload), number, total, last)
    return head + (payload + after).ljust(476 - len(end), b"\0") + end + struct.pack("<I", 0x0AB16F30)


TAGS: Final = bytes.fromhex("09bcc79f302e312e32000000149d0d6541434d4520546f6173746572206d6b33ffffffff")
"""The example of the specification: version 0.1.2, ACME Toaster mk3."""


def special_uf2() -> bytes:
    md5 = struct.pack("<II16s", 0, 0x1000, hashlib.md5(pattern(452)).digest())
    return (
        uf2_block(pattern(452), 0, 4, flags=0x4000, end=md5)
        + uf2_block(pattern(256), 1, 4, flags=0xA000, last=0xE48BFF56, after=TAGS)
        + uf2_block(pattern(100), 2, 4, flags=0x1000, last=100, after=b"notes.txt\0")
        + uf2_block(pattern(476), 3, 4, flags=0x0001)
    )


def two_targets() -> bytes:
    """A DfuSe file by hand (UM0391 section 2)."""
    elements = [struct.pack("<II", 0x2000 + at, len(data)) + data for at, data in ((0, b"zero"), (64, b"one!!"))]
    first = struct.pack("<6sBI255sII", b"Target", 0, 1, b"Internal Flash", sum(map(len, elements)), 2) + b"".join(elements)
    second = struct.pack("<6sBI255sII", b"Target", 3, 0, b"", 12, 1) + struct.pack("<II", 0x100, 4) + b"last"
    body = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(first) + len(second), 2) + first + second
    suffix = struct.pack("<HHHH3sB", 0xFFFF, 0xDF11, 0x0483, 0x011A, b"UFD", 16)
    return body + suffix + struct.pack("<I", 0x12345678)


def rich_trust() -> bytes:
    """Keys of three kinds, a key that does not count any more, a model, signatures."""
    made = trust.create([("first", KEY.public), ("second", P256_KEY.public), ("fünf", ML_DSA.public)], threshold=2, version=7)
    record = dataclasses.replace(
        trust.parse(made).record,
        revoked=(bytes(range(32)),),
        models=(ModelEntry(model="VT-100", counter=9),),
        expires=1_900_000_000,
    )
    head = trust.with_head(record)
    return head + signatures_of("trust", hashlib.sha256(head).digest(), KEY, P256_KEY, ML_DSA).build()


def rich_package(**more: Any) -> bytes:
    """Two components and a document, in two languages, signed three times."""
    parts = [
        part(pattern(9000), "app", address=0x08000000),
        part(pattern(5000, 1), "fonts", kind=0x8001, version="2.0.0+5"),
        part(b'{"bomFormat":"CycloneDX"}', "sbom", kind=ComponentType.SBOM),
    ]
    notes = (Note(language="en", text='Say "no"\nto \\ backslashes.'), Note(language="zh", text="修复。"))
    recipe = {"notes": notes, "build_time": 1_790_000_000, "build_id": "b7", "signers": (KEY, P256_KEY, SECOND_KEY), **more}
    return make_package([*recipe.pop("parts", parts)], **recipe)


def encrypted_package() -> bytes:
    group = wrapping.read_public(wrapping.generate("x25519").public.handle.public_bytes(*PEM))
    packed = part(bytes(20000), "app", address=0x08000000)._replace(encoding=Encoding.DEFLATE)
    return rich_package(parts=[packed], recipients=(group,), secret=pattern(32))


def built(form: str) -> bytes:
    return firmware_samples.path(f"built/vt100-1.5.0.{form}").read_bytes()


def sparse_elf(order: str, wide: bool, names: bytes = b"\0.text\0.names\0") -> bytes:
    """An ELF file by hand (gABI chapters 4 and 5): header, 16 bytes of code, names, a program header, three section headers."""
    word, header_size = ("Q", 64) if wide else ("I", 52)
    code, strings = header_size + 4, header_size + 20
    programs = strings + len(names)
    sections = programs + (56 if wide else 32)
    head = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    numbers = (2, 40, 1, 0x1001, programs, sections, 0, header_size, 56 if wide else 32, 1, 64 if wide else 40, 3, 2)
    head += struct.pack(f"{order}HHI{word}{word}{word}IHHHHHH", *numbers)
    segment = (1, 5, code, 0x1000, 0x1000, 18, 18, 4) if wide else (1, code, 0x1000, 0x1000, 18, 18, 5, 4)
    rows = ((0,) * 10, (1, 1, 6, 0x1000, code, 16, 0, 0, 4, 0), (7, 3, 0, 0, strings, len(names), 0, 0, 1, 0))
    table = b"".join(struct.pack(f"{order}II{word}{word}{word}{word}II{word}{word}", *row) for row in rows)
    return head + bytes(4) + pattern(16) + names + struct.pack(f"{order}{'IIQQQQQQ' if wide else 'IIIIIIII'}", *segment) + table


PEM: Final = (wrapping.serialization.Encoding.PEM, wrapping.serialization.PublicFormat.SubjectPublicKeyInfo)
SAMPLES: Final[dict[str, tuple[str, Callable[[], bytes]]]] = {
    "built elf": ("elf", lambda: built("elf")),
    "built hex": ("intel-hex", lambda: built("hex")),
    "built srec": ("srec", lambda: built("srec")),
    "built bin": ("raw", lambda: built("bin")),
    "built package": ("fwp", lambda: built("fwp")),
    "elf 32 little": ("elf", lambda: sparse_elf("<", False)),
    "elf 32 big": ("elf", lambda: sparse_elf(">", False)),
    "elf 64 little": ("elf", lambda: sparse_elf("<", True)),
    "elf 64 big": ("elf", lambda: sparse_elf(">", True)),
    "hex": ("intel-hex", lambda: written("intel-hex")),
    "hex by hand": ("intel-hex", lambda: b"\xef\xbb\xbf; note\r\n:020000021200EA\n\n:0400000300003800C1\n:00000001FF\n\x1a"),
    "srec": ("srec", lambda: written("srec", header=b"vt100")),
    "srec by hand": ("srec", lambda: b"S0030000FC\n  S104001061 8A\n".replace(b" 8A", b"8A") + b"S5030001FB\n\nS9030000FC"),
    "uf2": ("uf2", lambda: written("uf2", family=0xE48BFF56)),
    "uf2 with everything": ("uf2", special_uf2),
    "dfu": ("dfu", lambda: written("dfu")),
    "dfuse": ("dfuse", lambda: written("dfuse", alternate=2, name="Internal Flash")),
    "dfuse, two targets": ("dfuse", two_targets),
    "trust": ("trust", rich_trust),
    "small trust": ("trust", lambda: trust.create([("maker", KEY.public)], threshold=1)),
    "package": ("fwp", rich_package),
    "small package": ("fwp", small_package),
    "encrypted package": ("fwp", encrypted_package),
    "raw": ("raw", lambda: b"\0\1\2"),
}


def described(data: bytes) -> list[Field]:
    """The fields of a file, which lie side by side from its first byte to its last."""
    found = list(annotate(io.BytesIO(data)).fields)
    at = 0
    for field in found:
        assert field.offset == at, field
        assert field.size >= 0
        at += field.size
    assert at == len(data)
    return found


def by_name(found: Iterable[Field]) -> dict[str, Field]:
    named = {}
    for field in found:
        assert field.name not in named or field.name.startswith(("not described", "sections[", "segments[")), field.name
        named[field.name] = field
    return named


def values(data: bytes) -> dict[str, str]:
    return {name: field.value for name, field in by_name(described(data)).items()}


# Every format


@pytest.mark.parametrize("name", SAMPLES)
def test_every_byte_of_a_sound_file_is_described_once(name: str) -> None:
    kind, make = SAMPLES[name]
    data = make()
    assert annotate(io.BytesIO(data)).format == kind
    found = described(data)
    assert "damaged" not in {field.name for field in found}
    if kind != "elf":
        assert "not described" not in {field.name for field in found}
    by_name(found)
    assert all((field.name + field.value + field.clause).isprintable() for field in found)


def test_every_format_of_the_registry_has_a_describer() -> None:
    assert {entry.name for entry in registry.FORMATS} | {"fwp", "trust"} == set(DESCRIBERS)


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.startswith("built")])
def test_every_truncation_is_described_up_to_the_end(name: str) -> None:
    kind, make = SAMPLES[name]
    data = make()
    whole = described(data)
    for size in (*range(min(len(data), 1200)), *range(1200, len(data), 97), len(data) - 1):
        cut = list(DESCRIBERS[kind](io.BytesIO(data[:size])))
        assert sum(field.size for field in cut) == size
        complete = (kind == "uf2" and size % 512 == 0) or (
            kind in ("intel-hex", "srec") and data[size:].strip() in (b"", b"\x1a")
        )
        if kind not in ("elf", "dfu", "raw"):
            assert [field.name for field in cut].count("damaged") == (not complete)
            assert cut[:-2] == whole[: max(0, len(cut) - 2)]


@pytest.mark.parametrize(
    "name", ["small package", "small trust", "dfuse, two targets", "srec by hand", "hex by hand", "elf 32 little"]
)
def test_a_flipped_bit_never_escapes_and_leaves_what_is_before_it(name: str) -> None:
    kind, make = SAMPLES[name]
    data = make()
    whole, damaged = described(data), 0
    for bit, changed in flips(data):
        found = list(DESCRIBERS[kind](io.BytesIO(changed)))
        assert sum(field.size for field in found) == len(data)
        damaged += found[-1].name == "damaged"
        # A line is good or bad as a whole; in an ELF file any header may be about any byte.
        border = changed.rfind(b"\n", 0, bit // 8) + 1 if kind in ("intel-hex", "srec") else 0 if kind == "elf" else bit // 8
        before = [field._replace(value="") for field in whole if field.offset + field.size <= border]
        assert [field._replace(value="") for field in found[: len(before)]] == before, bit
    assert damaged > 0


@settings(deadline=None, max_examples=300)
@given(
    start=st.sampled_from([b"FWP\r\n\x1a\n\0\1\0\x40\0", b"FWTRUST\1", b"\x7fELF\1\1", b":", b"S1", b"UF2\nWQ]\x9e", b"DfuSe\1"]),
    data=st.binary(max_size=700),
)
def test_random_bytes_are_described_too(start: bytes, data: bytes) -> None:
    described(start + data)


def test_a_file_that_cannot_be_read_is_local_trouble() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 512:
                raise OSError(5, "Input/output error")
            return super().read(size)

        def readline(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    for name in ("uf2", "built hex", "built elf"):
        kind, make = SAMPLES[name]
        with pytest.raises(LocalError):
            list(DESCRIBERS[kind](Broken(make())))


# Records


def test_a_record_is_described_by_its_layout() -> None:
    class Inner(Record):
        kind: ComponentType
        text: str
        LAYOUT = c.Struct("kind" / Choice(c.Int8ul, ComponentType), "text" / Text(c.Int16ul), "_gap" / reserved(2))

    class Outer(Record):
        version: int
        parts: tuple[Inner, ...]
        raw: bytes
        size: int
        LAYOUT = c.Struct(
            "_magic" / c.Const(b"MA"), "_version" / c.Const(9, c.Int8ul), "version" / c.Int16ub,
            "parts" / Counted(c.Int8ul, Nested(Inner), at_most=2), "raw" / c.Prefixed(c.Int8ul, c.GreedyBytes),
            "size" / c.Int8ul,
        )  # fmt: skip

    data = b"MA\x09\x01\x02\x01\x02\x02\x00hi\0\0\x03abc\x07"
    assert [field[:4] for field in fields_of(Outer, data, offset=100, prefix="x")] == [
        (100, 2, "x.magic", "'MA'"),
        (102, 1, "x._version", "9"),
        (103, 2, "x.version", "258"),
        (105, 1, "x.parts.count", "1"),
        (106, 1, "x.parts[0].kind", "os (2)"),
        (107, 2, "x.parts[0].text.length", "2"),
        (109, 2, "x.parts[0].text", '"hi"'),
        (111, 2, "x.parts[0].gap", "zero"),
        (113, 1, "x.raw.length", "3"),
        (114, 3, "x.raw", "616263"),
        (117, 1, "x.size", "7"),
    ]
    for wrong, good, said in (
        (data[:10], 6, "the bytes end inside x.parts[0].text"),
        (data + b"!", 11, "x is followed by 1 unexpected bytes"),
        (data.replace(b"\1\2\2", b"\1\x63\2"), 4, "x.parts[0].kind: unknown ComponentType 99"),
        (data.replace(b"\x02\x01\x02", b"\x02\x03\x02"), 4, "x.parts claims 3 entries, at most 2 are allowed"),
        (data.replace(b"hi", b"h\x1b"), 6, "x.parts[0].text: text holds the control character U+001B"),
        (data.replace(b"hi\0", b"hi\1"), 7, "x.parts[0].gap is damaged"),
    ):
        assert len(up_to_error(fields_of(Outer, wrong, offset=100, prefix="x"), said)) == good


def up_to_error(found: Iterator[Field], said: str) -> list[Field]:
    """What was given before the FormatError that says this."""
    before: list[Field] = []
    with pytest.raises(FormatError, match=re.escape(said)):
        before.extend(found)
    return before


def test_layouts_that_depend_on_what_stood_before() -> None:
    inner = c.Struct("a" / c.Int8ul, "b" / c.Bytes(c.this._.count))
    layout = c.Struct(
        "count" / c.Int8ul, "sizes" / c.Array(c.this.count, c.Int8ul), "inner" / c.Prefixed(c.Int8ul, inner),
        "odd" / c.If(c.this.count == 2, c.Int16ul),
    )  # fmt: skip
    found = [field[:4] for field in fields_in(layout, b"\2\5\6\3\7ab\1\0", offset=0, prefix="")]
    assert found == [
        (0, 1, "count", "2"), (1, 1, "sizes[0]", "5"), (2, 1, "sizes[1]", "6"), (3, 1, "inner.length", "3"),
        (4, 1, "inner.a", "7"), (5, 2, "inner.b", "6162"), (7, 2, "odd", "1"),
    ]  # fmt: skip
    assert len(up_to_error(fields_in(layout, b"\2\5\6\4\7abc\1\0", offset=0, prefix=""), "1 unexpected bytes")) == 6


def records() -> list[type[Record]]:
    """Every record of the tool, but for those of MCUboot, which names its bytes itself (`formats.mcuboot.fields`)."""
    for package in ("formats", "formats.fwp", "transports.tsp"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, package + "."):
            importlib.import_module(module.name)
    found, waiting = [], [Record]
    while waiting:
        below = waiting.pop().__subclasses__()
        found += [one for one in below if one.__module__.startswith(("formats", "transports"))]
        waiting += below
    ours = [record for record in found if not record.__module__.startswith("formats.mcuboot")]
    return sorted(ours, key=lambda record: record.__qualname__)


def example_of(part: Any) -> Any:
    """A value that a part of a layout can hold."""
    makers: dict[type, Callable[[Any], Any]] = {
        c.Renamed: lambda part: example_of(part.subcon),
        c.Const: lambda part: part.value,
        c.Bytes: lambda part: bytes(range(1, part.length + 1)),
        c.Prefixed: lambda part: b"abc",
        type(c.GreedyBytes): lambda part: b"rest",
        Text: lambda part: "Grüße",
        Choice: lambda part: list(part.members)[-1],
        Counted: lambda part: [example_of(part.element) for _ in range(2)],
        Nested: lambda part: example_record(part.record),
    }
    if type(part) in makers:
        return makers[type(part)](part)
    return part.parse(b"\1".ljust(part.sizeof(), b"\0"))


def example_record(record: type[Record]) -> Record:
    made = {part.name: example_of(part) for part in record.LAYOUT.subcons}
    return record.from_container({name: value for name, value in made.items() if not name.startswith("_")})


@pytest.mark.parametrize("record", records(), ids=lambda record: record.__name__)
def test_every_record_of_the_tool_can_be_described(record: type[Record]) -> None:
    example = example_record(record)
    data = example.build()
    found = list(fields_of(record, data, offset=0, prefix=""))
    assert [field.offset for field in found] == [sum(one.size for one in found[:n]) for n in range(len(found))]
    assert sum(field.size for field in found) == len(data)
    named = {field.name: field.value for field in found}
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(example, field.name)
        if field.name in named:
            assert named[field.name] == plain(value)
        else:
            assert isinstance(value, tuple | Record)
            assert any(name.startswith((field.name + ".", field.name + "[")) for name in named)


# Packages and trust files, against their documents and against the parts that read them

BLOCK: Final = re.compile(r"<!-- example: ([a-z-]+) -->\n```hex\n(.*?)```", re.DOTALL)
STATED: Final = re.compile(r'(?:.*"([^"]+)".*|(?!.* over )[a-z ]+:? (0x[0-9a-f]+|[\d,]+|\d+\.\d+\.\d+))$')
"""A comment that quotes the value, or is words and a number that does not stand in another place."""


def documented() -> dict[str, list[tuple[bytes, str]]]:
    """Example of the documents -> bytes and comment of each of its fields."""
    found: dict[str, list[tuple[bytes, str]]] = {}
    for path in sorted((ROOT / "docs" / "formats").glob("*.md")):
        for name, text in BLOCK.findall(path.read_text(encoding="utf-8")):
            lines = found[name] = []
            for line in text.splitlines():
                digits, semicolon, comment = line.partition(";")
                before = lines.pop() if not semicolon else (b"", comment.strip())
                lines.append((before[0] + bytes.fromhex(digits), before[1]))
    return found


PACKAGE: Final = ("package-header", "package-manifest", "package-root", "package-table", "package-payload")
FILES: Final = {
    "unsigned": (*PACKAGE, "package-empty-signature-block"),
    "signed": (*PACKAGE, "signature-block"),
    "trust": ("trust-file",),
}
"""Files that the examples of the documents make up."""


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="needs the checkout, not the wheel")
@pytest.mark.parametrize("name", FILES)
def test_examples_of_the_documents_are_found_where_they_stand(name: str) -> None:
    lines = [line for example in FILES[name] for line in documented()[example]]
    found, at, stated = described(b"".join(data for data, _ in lines)), 0, 0
    for data, comment in lines:
        inside = [field for field in found if field.size and at <= field.offset and field.offset + field.size <= at + len(data)]
        assert sum(field.size for field in inside) == len(data), comment
        at += len(data)
        if match := STATED.fullmatch(comment):
            stated += 1
            value = (match[1] or match[2].replace(",", "")).split(" ")[0].lower()
            assert value in {field.value.strip('"').lower().split(" ")[0] for field in inside}, comment
    assert stated > 3
    assert "damaged" not in {field.name for field in found}


@pytest.mark.parametrize("make", [rich_package, encrypted_package])
def test_a_package_is_described_as_it_is_read(make: Callable[[], bytes]) -> None:
    data = make()
    package = seal(io.BytesIO(data)).open()
    sizes, manifest, found = package.sealed.header, package.manifest, by_name(described(data))
    for name in ("manifest_size", "table_size", "payload_size"):
        assert found[f"header.{name}"].value == str(getattr(sizes, name))
    assert found["manifest.build_time"].value == "1790000000 (2026-09-21 14:13:20 UTC)"
    assert found["manifest.build_id"].value == '"b7"'
    stored = b""
    for number, component in enumerate(manifest.components):
        prefix = f"manifest.components[{number}]"
        assert found[f"{prefix}.name"].value == f'"{component.name}"'
        assert found[f"{prefix}.digest"].value == component.digest.hex()
        assert found[f"{prefix}.version"].value == str(component.version)
        payload = found[f"payload.components[{number}]"]
        assert (payload.size, payload.value) == (component.stored_size, "")
        stored += data[payload.offset : payload.offset + payload.size]
    entries = [package.table[number] for number in range(len(package.table))]
    for number, entry in enumerate(entries):
        prefix = f"table.pages[{number // 64}].entries[{number % 64}]"
        assert found[f"{prefix}.digest"].value == entry.digest.hex()
        assert found[f"{prefix}.stored_length"].value == str(entry.stored_length)
        stored_digest = found.get(f"{prefix}.stored_digest")
        assert (stored_digest.value if stored_digest else "") == entry.stored_digest.hex()
        assert hashlib.sha256(stored[: entry.stored_length]).digest() == (entry.stored_digest or entry.digest)
        stored = stored[entry.stored_length :]
    assert stored == b""
    for number, signature in enumerate(package.sealed.signatures.signatures):
        assert found[f"signatures.entries[{number}].key_id"].value == signature.key_id.hex()
        assert found[f"signatures.entries[{number}].signature"].value == signature.value.hex()
    assert found["manifest.notes[0].text"].value == r'"Say \"no\"\u000ato \\ backslashes."'
    assert found["manifest.notes[1].text"].value == '"修复。"'


def test_what_covers_the_bytes_of_a_package() -> None:
    data = rich_package()
    sizes = header.Header.parse(data[:64], len(data))
    borders = (
        (sizes.signed_size, "signatures"), (sizes.payload_offset, "table root"), (sizes.signatures_offset, "block table"),
        (len(data), "its own digest"),
    )  # fmt: skip
    for field in described(data):
        expected = next(covered for end, covered in borders if field.offset + max(1, field.size) <= end)
        assert field.covered_by == expected, field


def test_a_trust_file_is_described_as_it_is_read() -> None:
    data = rich_trust()
    read, found = trust.parse(data), by_name(described(data))
    for number, key in enumerate(read.keys):
        prefix = f"record.keys[{number}].der"
        assert found[f"{prefix}.algorithm"].value == key.algorithm
        assert found[f"{prefix}.algorithm"].offset == data.index(key.der)
        bits = found[f"{prefix}.key"]
        assert data[bits.offset : bits.offset + bits.size] == key.der[-bits.size :]
        assert bits.size == {"ed25519": 32, "ecdsa-p256": 65, "ml-dsa-65": 1952}[key.algorithm]
    assert found["record.version"].value == "7"
    assert found["record.expires"].value == "1900000000 (2030-03-17 17:46:40 UTC)"
    assert found["record.revoked[0]"].value == bytes(range(32)).hex()
    assert found["record.models[0].model"].value == '"VT-100"'


def test_damage_is_named_where_it_is() -> None:
    data = bytearray(small_package())
    at = by_name(described(bytes(data)))["manifest.components[0].encoding"].offset
    data[at] = 99
    *before, last = described(bytes(data))
    assert last == Field(at, len(data) - at, "damaged", "manifest.components[0].encoding: unknown Encoding 99")
    assert before[-1].name == "manifest.components[0].type"
    signed = sign_package(small_package(), KEY)
    assert described(signed[:-1] + bytes([signed[-1] ^ 1]))[-1].value == "the signature block is damaged: its digest differs"
    assert described(signed[:-40])[-1].value == "the bytes end inside signatures.entries[0].signature"
    assert described(signed + b"!")[-1].value == "the file is too long: its signature block has 145 bytes instead of 144"
    assert described(small_package()[: -44 - 5])[-2:] == [
        Field(len(signed) - 144 - 20, 15, "payload.components[0]", "", "fwp.md section 5", "block table"),
        Field(len(signed) - 144 - 5, 0, "damaged", "the file ends 5 bytes too early"),
    ]


# Text formats, UF2, DFU


def payload_of(data: bytes, name: str, place: Callable[[dict[str, Field]], int]) -> dict[int, int]:
    """Address -> byte, put together from the fields of a text file."""
    lines: dict[str, dict[str, Field]] = {}
    for field in described(data):
        line, _, what = field.name.partition(".")
        lines.setdefault(line, {})[what] = field
    cells = {}
    for line in lines.values():
        if "type" in line and re.search(name, line["type"].value):
            digits = line["data"]
            for number, byte in enumerate(bytes.fromhex(data[digits.offset : digits.offset + digits.size].decode())):
                cells[place(line) + number] = byte
    return cells


def test_hex_records_are_taken_apart_as_intelhex_reads_them() -> None:
    other = intelhex.IntelHex(str(firmware_samples.path("built/vt100-1.5.0.hex")))
    found = payload_of(built("hex"), "data", lambda line: int(line["address"].value.rpartition(" ")[2], 16))
    assert found == {address: other[address] for address in other.addresses()}


def test_s_records_are_taken_apart_as_bincopy_reads_them() -> None:
    other = bincopy.BinFile(str(firmware_samples.path("built/vt100-1.5.0.srec")))
    found = payload_of(built("srec"), "data", lambda line: int(line["address"].value, 16))
    assert found == {segment.address + n: byte for segment in other.segments for n, byte in enumerate(segment.data)}


def test_parts_of_records_have_their_words() -> None:
    found = values(SAMPLES["hex by hand"][1]())
    assert found["byte order mark"] == found["line 3.blank"] == ""
    assert found["line 1.comment"] == '"; note"'
    assert (found["line 2.type"], found["line 2.data"]) == ("02 (segment base)", "0x00012000")
    assert (found["line 4.type"], found["line 4.data"]) == ("03 (entry point)", "0x00003800")
    assert (found["line 5.type"], found["line 5.checksum"]) == ("01 (end)", "ff")
    found = values(SAMPLES["srec by hand"][1]())
    assert (found["line 1.type"], found["line 2.indent"], found["line 2.address"]) == ("S0 (header)", "", "0x0010")
    assert (found["line 3.records"], found["line 5.entry"]) == ("1", "0x0000")
    assert values(written("srec", header=b"vt100"))["line 1.data"] == '"vt100"'


@pytest.mark.parametrize("kind", ["intel-hex", "srec"])
def test_the_checksum_covers_what_is_said_to_be_covered(kind: str) -> None:
    data = written(kind)
    for field in described(data):
        if field.offset > 200:
            break
        for at in range(field.offset, field.offset + field.size):
            changed = bytearray(data)
            changed[at] = ord("0") if changed[at] != ord("0") else ord("1")
            reason = list(DESCRIBERS[kind](io.BytesIO(bytes(changed))))[-1].value
            checked = "checksum" in reason or "length" in reason
            assert checked or not field.covered_by, (field, reason)


def test_wrong_lines_are_damage() -> None:
    for lines, said in (
        (b":0400000300003800C2\n", "line 1 has the checksum c2 instead of c1"),
        (b":00000001FF\nhello", "line 2 does not start with a colon"),
        (b":00000001FF\n:0", "line 2 is not made of hexadecimal digits"),
        (b":00000001FF\n:0000000100FF", "line 2 does not have the length it says"),
        (b":020000021200EA\n", "the HEX file has no end record: it was cut off"),
        (b":00000001FF\n;" + b"x" * 700, "a line is longer than 600 characters"),
        (b"S9030000FD", "line 1 has the checksum fd instead of fc"),
        (b"S0030000FC\nS4030000FC", "line 2 is no S-record of a known type"),
        (b"S0030000FC\n", "the S-record file has no end record: it was cut off"),
        (b"S0030000FC\nS30212EB", "line 2 does not have the length it says"),
    ):
        assert described(lines)[-1] == Field(described(lines)[-1].offset, described(lines)[-1].size, "damaged", said)
    assert described(b":00000001FF\n;" + b"x" * 700 + b"\n")[-1].size == 702


def test_uf2_blocks_are_taken_apart_as_they_are_read() -> None:
    data = written("uf2", family=0xE48BFF56)
    found = by_name(described(data))
    for number, block in enumerate(uf2.blocks(io.BytesIO(data))):
        prefix = f"blocks[{number}]"
        payload = found[f"{prefix}.payload"]
        assert data[payload.offset : payload.offset + payload.size] == block.data
        assert found[f"{prefix}.target_addr"].value == f"0x{block.address:08x}"
        assert (found[f"{prefix}.block_no"].value, found[f"{prefix}.num_blocks"].value) == (str(block.number), str(block.total))
        assert found[f"{prefix}.family_id"].value == "rp2040"
        assert payload.covered_by == ""


def test_what_a_uf2_block_may_have_behind_its_payload() -> None:
    found = by_name(described(special_uf2()))
    assert found["blocks[0].payload"].covered_by == "MD5"
    assert found["blocks[0].md5"].value == hashlib.md5(pattern(452)).hexdigest()
    assert found["blocks[1].flags"].value == "0x0000a000 (family ID, extension tags)"
    assert [found[f"blocks[1].tags[{n}].type"].value for n in (0, 1)] == ["version", "description"]
    assert [found[f"blocks[1].tags[{n}].value"].value for n in (0, 1)] == ['"0.1.2"', '"ACME Toaster mk3"']
    assert found["blocks[1].padding"].size == 476 - 256 - 32
    assert found["blocks[2].file_name"].value == '"notes.txt"'
    for raw, said in (
        (uf2_block(b"a" * 476, 0, 1, flags=0x4000), "blocks[0] claims a payload of 476 bytes, it has room for 452"),
        (uf2_block(b"aaaa", 0, 1, flags=0x8000, after=b"\x03abc"), "blocks[0].tags[0] does not fit its block"),
        (uf2_block(b"aaaa", 0, 1)[:-1] + b"?", "blocks[0].magic_end is damaged"),
    ):
        assert described(raw)[-1].value.startswith(said)


def test_a_dfu_suffix_says_what_dfu_suffix_says(tmp_path: pathlib.Path) -> None:
    tool, path = need("dfu-suffix"), tmp_path / "x.dfu"
    path.write_bytes(pattern(1000))
    subprocess.run([tool, "-v", "0483", "-p", "df11", "-d", "0102", "-a", path], check=True, capture_output=True)
    said = subprocess.run([tool, "-c", path], check=True, capture_output=True, text=True).stdout
    numbers = dict(re.findall(r"^([A-Za-z ]+):\s+(0x\w+)$", said, re.MULTILINE))
    found = by_name(described(path.read_bytes()))
    names = {"BCD device": "bcdDevice", "Product ID": "idProduct", "Vendor ID": "idVendor", "BCD DFU": "bcdDFU", "CRC": "dwCRC"}
    assert {names[line]: number.lower() for line, number in numbers.items()} == {
        name: found[f"suffix.{name}"].value for name in names.values()
    }
    assert found["content"] == Field(0, 1000, "content", "", "DFU 1.1 appendix B", "CRC-32")
    assert (found["suffix.bLength"].covered_by, found["suffix.dwCRC"].covered_by) == ("CRC-32", "")


def test_dfuse_elements_are_taken_apart_as_they_are_read() -> None:
    data = written("dfuse", alternate=2, name="Internal Flash")
    found = by_name(described(data))
    assert (found["targets[0].bAlternateSetting"].value, found["targets[0].szTargetName"].value) == ("2", '"Internal Flash"')
    for number, piece in enumerate(dfu.read_dfuse(io.BytesIO(data)).pieces):
        assert found[f"targets[0].elements[{number}].dwElementAddress"].value == f"0x{piece.address:08x}"
        assert found[f"targets[0].elements[{number}].data"][:2] == (piece.offset, piece.size)
    two = by_name(described(two_targets()))
    assert [two[f"targets[{n}].szTargetName"].value for n in (0, 1)] == ['"Internal Flash"', '""']
    assert two["targets[1].elements[0].dwElementAddress"].value == "0x00000100"
    assert two["suffix.dwCRC"].value == "0x12345678"
    size = len(two_targets())
    for old, new, said in (
        (b"\x04\0\0\0zero", b"\x40\0\0\0zero", "targets[0].elements[0] claims 64 bytes, 17 are there"),
        (b"\x05\0\0\0one", b"\x04\0\0\0one", "targets[0] claims 25 bytes, its elements end 1 bytes beside that"),
        (b"\x04\0\0\0last", b"\x05\0\0\0last", "targets[1].elements[0] claims 5 bytes, 4 are there"),
        (b"Target\3", b"target\3", "targets[1].szSignature is damaged: parsing expected b'Target' but parsed b'target'"),
        (b"UFD\x10", b"UFD\x11", "suffix.bLength is damaged: parsing expected 16 but parsed 17"),
        (two_targets()[-16:], b"", "a DfuSe file without its suffix was cut off"),
        (
            b"\2Target\0",
            b"\1Target\0",
            f"the targets end at byte {size - 16 - 286}, the prefix says {size - 16}, the suffix is at {size - 16}",
        ),
        (struct.pack("<I", size - 16), struct.pack("<I", size), f"the targets end at byte {size - 16}, the prefix says {size}"),
    ):
        assert two_targets().count(old) == 1
        assert described(two_targets().replace(old, new))[-1].value.startswith(said)


# ELF


def elf_files(tmp_path: pathlib.Path) -> Iterator[bytes]:
    yield from (firmware_samples.path(f"built/vt100-{version}.elf").read_bytes() for version in ("1.4.2", "1.5.0"))
    yield from (SAMPLES[name][1]() for name in SAMPLES if name.startswith("elf"))
    python = pathlib.Path(sys.executable).resolve().read_bytes()
    if elf.recognise(python):
        yield python


def number_in(found: dict[str, Field], name: str) -> int:
    return int(found[name].value.split(" ")[0], 0)


def test_elf_headers_are_where_readelf_finds_them(tmp_path: pathlib.Path) -> None:
    tool, path = need("readelf"), tmp_path / "x.elf"
    for data in elf_files(tmp_path):
        path.write_bytes(data)
        done = subprocess.run(
            [tool, "-h", "-l", "-S", "-W", path], check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
        )
        found = by_name(list(DESCRIBERS["elf"](io.BytesIO(data))))
        value = functools.partial(number_in, found)
        said = dict(re.findall(r"^  ([A-Z][A-Za-z .]+):\s+(0x[0-9a-f]+|\d+)", done.stdout, re.MULTILINE))
        for field, line in (
            ("e_entry", "Entry point address"), ("e_phoff", "Start of program headers"), ("e_shoff", "Start of section headers"),
            ("e_phnum", "Number of program headers"), ("e_shnum", "Number of section headers"), ("e_flags", "Flags"),
            ("e_shstrndx", "Section header string table index"),
        ):  # fmt: skip
            assert value(f"header.{field}") == int(said[line], 0), field
        segments = re.findall(r"^  (\w+) +(0x\w+) (0x\w+) (0x\w+) (0x\w+) (0x\w+) .*0x\w+$", done.stdout, re.MULTILINE)
        assert len(segments) == value("header.e_phnum")
        for number, (kind, *numbers) in enumerate(segments):
            head = f"program_headers[{number}]"
            names = ("p_offset", "p_vaddr", "p_paddr", "p_filesz", "p_memsz")
            assert [value(f"{head}.{name}") for name in names] == [int(one, 16) for one in numbers]
            assert found[f"{head}.p_type"].value.startswith(kind)
            assert found[f"{head}.p_type"].offset == value("header.e_phoff") + number * value("header.e_phentsize")
        sections = re.findall(r"^  \[ *(\d+)\] (\S*) +(\w+) +([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) ", done.stdout, re.MULTILINE)
        assert len(sections) == value("header.e_shnum")
        for number, name, kind, *numbers in sections:
            head = f"section_headers[{number}]"
            assert [value(f"{head}.{one}") for one in ("sh_addr", "sh_offset", "sh_size")] == [int(one, 16) for one in numbers]
            content = found.get(f"sections[{number}]")
            if content and content.size == int(numbers[2], 16):
                assert content.value.startswith(f'"{name}" ')
                assert content.offset == int(numbers[1], 16)
            assert content or kind in ("NOBITS", "NULL") or int(numbers[2], 16) == 0


def test_bytes_of_an_elf_file_belong_to_header_section_segment_in_this_order() -> None:
    found = described(sparse_elf("<", False))
    names = [field.name.partition(".")[0] for field in found]
    assert list(dict.fromkeys(names)) == [
        "header", "not described", "sections[1]", "sections[2]", "program_headers[0]", "section_headers[0]", "section_headers[1]",
        "section_headers[2]",
    ]  # fmt: skip
    assert by_name(found)["sections[1]"].value == '".text" PROGBITS (1) at 0x00001000'
    longer = bytearray(sparse_elf("<", False))
    longer[0x34 + 4 + 16 + 14 + 16] = 40  # the segment goes on over names and program header
    assert [field.name for field in described(bytes(longer)) if field.name.startswith("segments")] == []
    without = bytearray(sparse_elf("<", False))
    without[48] = 0  # no section headers: code and names belong to the segment
    left = [field for field in described(bytes(without)) if field.name.startswith("segments")]
    assert [(field.offset, field.size, field.value) for field in left] == [(56, 18, "LOAD (1) at 0x00001000")]


def test_elf_parts_beyond_the_end_and_too_many_headers_are_damage() -> None:
    data = sparse_elf("<", True)
    last = described(data[:-1])[-1]
    assert (last.size, last.name, last.value) == (0, "damaged", "1 parts of the ELF file lie beyond its end")
    many = bytearray(data)
    many[60:62] = b"\xff\xff"
    assert "claims 65535 section headers of 64 bytes" in described(bytes(many))[-1].value
    narrow = bytearray(data)
    narrow[54:56] = b"\x08\0"
    assert "claims 1 program headers of 8 bytes" in described(bytes(narrow))[-1].value
    strange = bytearray(data)
    strange[4] = 3
    assert "class 3" in described(bytes(strange))[-1].value


# The view


def test_rows_hold_every_byte_of_short_fields_and_the_ends_of_long_ones() -> None:
    for size in (0, 1, 15, 16, 17, 32, 255, 256, 257, 272, 273, 5000):
        data = pattern(size + 20)
        field = Field(7, size, "x", "")
        rows = list(hexview.rows([field], io.BytesIO(data)))
        assert rows[0].field == field
        assert not any(row.field for row in rows[1:])
        assert sum(len(row.data) + row.skipped for row in rows) == size
        assert all(row.data == data[row.offset : row.offset + len(row.data)] for row in rows)
        assert all(len(row.data) == 16 for row in rows[:-1] if not row.skipped)
        assert [row.offset for row in rows] == sorted({row.offset for row in rows})
        assert len(rows) == (3 if size > 256 else max(1, -(-size // 16)))


def test_lines_show_offset_bytes_name_value_coverage_and_clause() -> None:
    data = b":00000001FF\n"
    lines = list(image_hex.lines(hexview.rows(hexview.fields(io.BytesIO(data)), io.BytesIO(data))))
    shown = [re.split(r"  +", line) for line in lines]
    assert shown == [
        ["offset", "bytes", "field", "value", "covered by", "specified in"],
        ["00000000", "3a", "line 1.start", "nothing", "Intel HEX section 8"],
        ["00000001", "30 30", "line 1.count", "0", "record checksum", "Intel HEX section 8"],
        ["00000003", "30 30 30 30", "line 1.address", "0x0000", "record checksum", "Intel HEX section 8"],
        ["00000007", "30 31", "line 1.type", "01 (end)", "record checksum", "Intel HEX section 8"],
        ["00000009", "46 46", "line 1.checksum", "ff", "record checksum", "Intel HEX section 8"],
        ["0000000b", "0a", "line 1.end"],
    ]
    assert {line.index("Intel") for line in lines[1:-1]} == {lines[0].index("specified in")}
    assert [
        line for line in image_hex.lines(hexview.rows([Field(0, 300, "x", "")], io.BytesIO(bytes(300)))) if "..." in line
    ] == ["          ... 272 bytes"]


def test_data_for_scripts_is_all_of_every_field() -> None:
    data = rich_package()
    found = image_hex.data(hexview.fields(io.BytesIO(data)))["fields"]
    assert [Field(**one) for one in found] == described(data)


def test_a_file_of_very_many_fields_is_shown_by_its_first_ones() -> None:
    data = built("hex")
    found = list(hexview.fields(io.BytesIO(data), at_most=10))
    assert found[:10] == described(data)[:10]
    assert found[10] == Field(found[9].offset + found[9].size, len(data) - found[10].offset, "not shown", "after 10 fields")
    assert len(found) == 11


HOSTILE: Final = ("\x1b]0;owned\x07", "\x1b[2J", "\u202egnp.exe", "\x9b31m", "a\nb", "\ufeff", "\u2066", "\U000e0041", "\ud800")


def printed(data: bytes) -> Iterator[str]:
    file = io.BytesIO(data)
    yield from image_hex.lines(hexview.rows(hexview.fields(file), file))
    for one in image_hex.data(hexview.fields(file))["fields"]:
        yield from (str(value) for value in one.values())


def mcuboot_with_role(raw: bytes) -> bytes:
    """An image whose boot record (CBOR) has this role, or is no boot record if that is not UTF-8."""
    signer, measurement = b"\x05\x58\x20" + bytes(32), b"\x02\x58\x20" + bytes(32)
    record = b"\xa5\x01" + bytes([0x60 | len(raw)]) + raw + b"\x04\x61\0" + signer + b"\x06\x61\0" + measurement
    tlv = struct.pack("<HH", 0x60, len(record)) + record
    head = struct.pack("<IIHHII", 0x96F3B83D, 0, 32, 4 + len(tlv), 4, 0) + bytes(12)
    digest = struct.pack("<HH", 0x10, 32) + bytes(32)
    return head + b"code" + struct.pack("<HH", 0x6908, 4 + len(tlv)) + tlv + struct.pack("<HH", 0x6907, 4 + len(digest)) + digest


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a37_nothing_in_a_file_reaches_the_terminal_as_a_command(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    name = raw.ljust(255, b"\0")
    target = struct.pack("<6sBI255sII", b"Target", 0, 1, name, 0, 0)
    dfuse = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(target), 1) + target
    tag = bytes([4 + len(raw)]) + bytes.fromhex("9d0d65") + raw + bytes(-len(raw) % 4)
    for data in (
        b":00000001FF\n;" + raw.replace(b"\n", b"") + b"\n",
        b"S0" + (bytes([3 + len(raw), 0, 0]) + raw).hex().upper().encode() + b"00\nS9030000FC\n",
        written("srec").replace(b"\n", b"\n", 1),
        uf2_block(b"aaaa", 0, 1, flags=0x8000, after=tag),
        uf2_block(b"aaaa", 0, 1, flags=0x1000, after=raw + b"\0"),
        dfuse,
        sparse_elf("<", False, b"\0" + raw + b"\0.names\0"),
        small_package().replace(b"First.", (raw + b"......")[:6]),
        trust.create([("maker", KEY.public)], threshold=1).replace(b"maker", (raw + b".....")[:5]),
        mcuboot_with_role(raw),
        raw,
    ):
        for line in printed(data):
            assert line.isprintable(), (data, line)


def test_a_boot_record_is_told_in_words() -> None:
    assert any("NSPE" in line for line in printed(mcuboot_with_role(b"NSPE")))


def test_a37_fields_of_any_origin_are_cleaned_before_they_are_shown() -> None:
    rows = [hexview.Row(0, b"\x1b", Field(0, 1, "\x1b[2J", "\u202e", "\x07", "\x9b"))]
    assert all(line.isprintable() for line in image_hex.lines(rows))


# Large files


def sparse(path: pathlib.Path, head: bytes, size: int, end: bytes) -> BinaryIO:
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
        file.seek(size - len(end))
        file.write(end)
    return path.open("rb")


def huge_package(path: pathlib.Path, size: int) -> BinaryIO:
    """A package of one component of zeros; neither table nor payload have been written."""
    raw = small_package()
    manifest = seal(io.BytesIO(raw)).open().manifest
    large = dataclasses.replace(manifest.components[0], installed_size=size, stored_size=size)
    manifest = dataclasses.replace(manifest, components=(large,))
    body = manifest.build()
    sizes = header.Header(len(body), manifest.table_shape.size, size)
    block = SignatureBlock().build()
    return sparse(path, sizes.build() + body + bytes(32), sizes.signatures_offset + len(block), block)


def huge_files(folder: pathlib.Path) -> Iterator[tuple[str, BinaryIO]]:
    size = 4 << 30
    yield "fwp", huge_package(folder / "x.fwp", size)
    yield "raw", sparse(folder / "x.bin", b"MZ", size, b"")
    yield "dfu", sparse(folder / "x.dfu", b"", size, written("dfu")[-16:])
    yield "intel-hex", sparse(folder / "x.hex", built("hex"), size, b"")
    yield "elf", sparse(folder / "x.elf", built("elf"), size, b"")


def test_a_file_of_four_gigabytes_is_shown_at_once_and_in_little_memory(tmp_path: pathlib.Path) -> None:
    for kind, file in huge_files(tmp_path):
        with file:
            start = time.perf_counter()
            assert annotate(file).format == kind
            count = sum(1 for _ in image_hex.lines(hexview.rows(hexview.fields(file), file)))
            assert count > 3
            assert time.perf_counter() - start < 30, kind
            tracemalloc.start()
            try:
                found = image_hex.data(hexview.fields(file))["fields"]
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert sum(field["size"] for field in found) == file.seek(0, os.SEEK_END)
            assert peak < 48 << 20, (kind, peak)
            if kind == "fwp":
                assert found[-1]["name"] == "signatures.digest"
                assert "table.pages[16]" in {field["name"] for field in found}
                assert len(found) <= 20 * annotate_fwp.LISTED
        (tmp_path / file.name).unlink()
