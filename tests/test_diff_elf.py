"""ELF sections and symbols against binutils; `image diff` of two builds against their disassembly; hostile files."""

import dataclasses
import hashlib
import io
import pathlib
import random
import re
import subprocess
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firmware_samples
from formats import elf_symbols, elf_tables
from formats.elf_symbols import Section, Symbol, sections, symbols
from formats.elf_tables import Machine
from formats.errors import FormatError
from fwtool import compare_elf
from fwtool.compare import compare
from fwtool.difference import Change, ElfDifference, Totals
from fwtool.inputs import Limits
from fwtool.program import Program
from fwtool.relinked import branch_target
from tests.conftest import Fwtool
from tests.elf_samples import (
    ABSOLUTE,
    ALLOC,
    EXECUTE,
    FILE,
    FUNCTION,
    NOBITS,
    NOTYPE,
    OBJECT,
    SECTION,
    WRITE,
    X86_64,
    Name,
    Part,
    make,
)  # fmt: skip
from tests.support import flips, need, pattern

VERSIONS = ("1.4.2", "1.5.0")
CODE = ALLOC | EXECUTE
MIB = 1 << 20


def sample(version: str) -> pathlib.Path:
    return firmware_samples.path(f"built/vt100-{version}.elf")


def output(tool: str, *arguments: str | pathlib.Path) -> str:
    return subprocess.run([need(tool), *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def difference(one: bytes, other: bytes) -> ElfDifference:
    return compare_elf.compare_elf(io.BytesIO(one), io.BytesIO(other))


def told(found: tuple[Change, ...]) -> dict[str, str]:
    return {change.what: change.kind for change in found}


@pytest.fixture(scope="module")
def releases() -> ElfDifference:
    with sample("1.4.2").open("rb") as one, sample("1.5.0").open("rb") as other:
        return compare_elf.compare_elf(one, other)


# What is in a file, as binutils sees it


@pytest.mark.parametrize("version", VERSIONS)
def test_sections_as_readelf_lists_them(version: str) -> None:
    line = re.compile(
        r"\[ *\d+\] (\S+) +(\S+) +([0-9a-f]{8}) ([0-9a-f]+) ([0-9a-f]+) [0-9a-f]{2} +([A-Z]*) +\d+ +\d+ +\d+$", re.MULTILINE
    )
    listed = line.findall(output("arm-none-eabi-readelf", "-S", "-W", sample(version)))
    raw = sample(version).read_bytes()
    with sample(version).open("rb") as file:
        found = sections(file)
    assert len(found) == len(listed) > 5
    for section, (name, kind, address, offset, size, flags) in zip(found, listed, strict=True):
        assert (section.name, section.address, section.size, section.flags) == (name, int(address, 16), int(size, 16), flags)
        stored = None if kind == "NOBITS" else raw[int(offset, 16) : int(offset, 16) + int(size, 16)]
        assert section.sha256 == (None if stored is None else hashlib.sha256(stored).hexdigest())


@pytest.mark.parametrize("version", VERSIONS)
def test_load_addresses_as_objdump_lists_them(version: str) -> None:
    line = re.compile(r"^ *\d+ (\S+) +[0-9a-f]+ +[0-9a-f]+ +([0-9a-f]+) .*\n +CONTENTS, ALLOC", re.MULTILINE)
    listed = line.findall(output("arm-none-eabi-objdump", "-h", sample(version)))
    with sample(version).open("rb") as file:
        found = {section.name: section.load_address for section in sections(file) if section.load_address is not None}
    assert found == {name: int(address, 16) for name, address in listed}
    assert found[".data"] != 0x20000000


@pytest.mark.parametrize("version", VERSIONS)
def test_symbols_as_readelf_lists_them(version: str) -> None:
    line = re.compile(r"^ *\d+: ([0-9a-f]+) +(\d+) (NOTYPE|OBJECT|FUNC) +\S+ +\S+ +(ABS|\d+) (\S+)$", re.MULTILINE)
    with sample(version).open("rb") as file:
        found, names = symbols(file), ["", *(section.name for section in sections(file))]
    kinds = {"NOTYPE": "notype", "OBJECT": "object", "FUNC": "function"}
    listed = []
    for value, size, kind, index, name in line.findall(output("arm-none-eabi-readelf", "-s", "-W", sample(version))):
        if not name.startswith("$"):
            address = int(value, 16) & (~1 if kind == "FUNC" else ~0)
            listed.append(Symbol(name, address, int(size), kinds[kind], index if index == "ABS" else names[int(index)]))
    assert list(found) == listed
    assert len(found) > 200


@pytest.mark.parametrize("version", VERSIONS)
def test_totals_as_size_counts_them(version: str) -> None:
    numbers = output("arm-none-eabi-size", sample(version)).splitlines()[1].split()[:3]
    with sample(version).open("rb") as file:
        assert compare_elf.totals(sections(file)) == Totals(*map(int, numbers))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_both_descriptions_of_a_symbol_say_the_same(bits: int, order: str) -> None:
    """Ours in struct, and pyelftools' Elf_Sym."""
    from elftools.elf.structs import ELFStructs

    theirs = ELFStructs(little_endian=order == "<", elfclass=bits)
    theirs.create_basic_structs()
    theirs.create_advanced_structs("ET_EXEC", "EM_ARM", "ELFOSABI_SYSV")
    layout, places = elf_symbols.entry_layout(Machine("EM_ARM", bits // 8, "little" if order == "<" else "big"))
    assert layout.size == theirs.Elf_Sym.sizeof()
    raw = pattern(layout.size, bits)
    raw = raw[: -2 if bits == 32 else 6] + (b"\x05\x00" if order == "<" else b"\x00\x05") + (raw[8:] if bits == 64 else b"")
    parsed, ours = theirs.Elf_Sym.parse(raw), layout.unpack(raw)
    name, value, size, info, index = (ours[place] for place in places)
    assert (name, value, size) == (parsed.st_name, parsed.st_value, parsed.st_size)
    assert index == parsed.st_shndx == 5
    assert info & 15 in (parsed.st_info.type, {"STT_NOTYPE": 0, "STT_FUNC": 2}.get(parsed.st_info.type, info & 15))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_both_classes_and_byte_orders(bits: int, order: str) -> None:
    raw = make(
        [Part(".text", CODE, 0x1000, bytes(64)), Part(".bss", ALLOC | WRITE, 0x2000, kind=NOBITS, size=32)],
        [Name("main", 0x1001, 8), Name("zeroed", 0x2004, 4, OBJECT, 2), Name("limit", 77, 0, NOTYPE, ABSOLUTE),
         Name("$t", 0x1000, 0, NOTYPE), Name("$d.3", 0x1000, 0, NOTYPE), Name("main.c", 0, 0, FILE, ABSOLUTE),
         Name("", 0x1000, 0, SECTION), Name("elsewhere", 0, 0, NOTYPE, 0)],
        bits=bits, order=order,
    )  # fmt: skip
    assert symbols(io.BytesIO(raw)) == (
        Symbol("main", 0x1000, 8, "function", ".text"),
        Symbol("zeroed", 0x2004, 4, "object", ".bss"),
        Symbol("limit", 77, 0, "notype", "ABS"),
    )
    assert sections(io.BytesIO(raw))[:2] == (
        Section(".text", 0x1000, 64, "AX", hashlib.sha256(bytes(64)).hexdigest(), 0x1000),
        Section(".bss", 0x2000, 32, "WA", None, None),
    )


def test_only_arm_functions_have_a_thumb_bit() -> None:
    raw = make([Part(".text", CODE, 0x1000, bytes(64))], [Name("odd", 0x1003, 8)], bits=64, machine=X86_64)
    assert symbols(io.BytesIO(raw))[0].address == 0x1003


# Two releases


def test_names_that_came_and_went(releases: ElfDifference) -> None:
    """By name and by being code or not: of the two things called `rule` only the function went."""

    def names(version: str) -> set[tuple[bool, str]]:
        lines = (line.split() for line in output("arm-none-eabi-nm", sample(version)).splitlines())
        return {(kind in "tT", name) for _, kind, name in lines if "$" not in name}

    def found(kind: str) -> set[tuple[bool, str]]:
        words = [change.what.split() for change in releases.symbols if change.kind == kind]
        return {(what == "function", name) for what, name in words}

    before, after = (names(version) for version in VERSIONS)
    assert found("added") == after - before
    assert found("removed") == before - after == {(True, "rule")}


def test_what_grew(releases: ElfDifference) -> None:
    def sizes(version: str) -> dict[tuple[bool, str], int]:
        lines = (line.split() for line in output("arm-none-eabi-nm", "-S", sample(version)).splitlines())
        return {(line[2] in "tT", line[3]): int(line[1], 16) for line in lines if len(line) == 4 and "$" not in line[3]}

    before, after = (sizes(version) for version in VERSIONS)
    expected = {what: after[what] - before[what] for what in before.keys() & after.keys() if after[what] != before[what]}
    resized = [change for change in releases.symbols if change.kind in ("grown", "shrunk")]
    assert {(c.after.kind == "function", c.after.name): c.after.size - c.before.size for c in resized} == expected
    assert {change.kind for change in resized} == {"grown"}
    with sample("1.5.0").open("rb") as one, sample("1.4.2").open("rb") as other:
        back = compare_elf.compare_elf(one, other)
    assert {c.what for c in back.symbols if c.kind == "shrunk"} == {c.what for c in resized}


def test_the_largest_effect_comes_first(releases: ElfDifference) -> None:
    effects = [abs((c.after.size if c.after else 0) - (c.before.size if c.before else 0)) for c in releases.symbols]
    assert effects == sorted(effects, reverse=True)
    still = [
        change.kind for change in releases.symbols if change.before and change.after and change.before.size == change.after.size
    ]
    assert still == ["changed"] * still.count("changed") + ["moved"] * still.count("moved")
    assert releases.symbols[0].what == "object font_zh_24"
    assert releases.sections[0].what == "section .rodata"


def disassembly(version: str) -> dict[str, list[str]]:
    """Function -> its instructions, with addresses by name, as objdump has them; literals are left out.

    A function that was renamed goes by its old name: who calls it has the same bytes as before.
    """
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in output("arm-none-eabi-objdump", "-d", "--no-show-raw-insn", sample(version)).splitlines():
        head = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if head:
            current = found[head[1]] = []
        parts = line.split("\t")
        if len(parts) > 1 and not parts[1].startswith("."):
            current.append(re.sub(r"\b[0-9a-f]+ (<[^>]+>)", r"\1", "\t".join(parts[1:])).replace("<printer_rule", "<rule"))
    return found


def test_moved_and_changed_functions_as_their_disassembly_says(releases: ElfDifference) -> None:
    before, after = (disassembly(version) for version in VERSIONS)
    kinds = {
        change.after.name: change.kind for change in releases.symbols if change.what.startswith("function ") and change.after
    }
    moved = {name for name, kind in kinds.items() if kind == "moved"}
    assert len(moved) > 100
    assert {name for name in moved if before[name] != after[name]} == set()
    changed = {name for name, kind in kinds.items() if kind == "changed"}
    only_literals = {name for name in changed if before[name] == after[name]}
    assert {"keypad_poll", "tamper_poll", "battery_low", "printer_end"} <= changed - only_literals
    assert only_literals == SAYS_THE_VERSION


SAYS_THE_VERSION = {"banner_show", "receipt_settlement", "receipt_test_slip", "service_status"}
"""Their instructions are the same: it is a literal that differs, "1.4.2" and "1.5.0", by way of a pointer without a name."""


def test_branches_go_where_objdump_says() -> None:
    line = re.compile(r"^ *([0-9a-f]+):\t([0-9a-f]{4}) ([0-9a-f]{4}) +\t(bl|b\.w|blx)\t([0-9a-f]+) <", re.MULTILINE)
    listed = line.findall(output("arm-none-eabi-objdump", "-d", sample("1.5.0")))
    assert len(listed) > 200
    for address, high, low, _, target in listed:
        code = bytes.fromhex(high)[::-1] + bytes.fromhex(low)[::-1]
        assert branch_target(code, int(address, 16)) == int(target, 16)


@pytest.mark.parametrize(
    ("code", "target"),
    [
        ("00f000f8", 0x1004),  # BL: everything zero but J1, J2: offset 0
        ("fff7feff", 0x1000),  # BL: offset -4
        ("fff7febf", 0x1000),  # B.W: offset -4
        ("00f000e8", 0x1004),  # BLX: offset 0
        ("00f00080", None),  # B<cond>.W: 3.6.1, bits 14 and 12 of the second half are 0
        ("00bf00bf", None),  # two NOPs
        ("00f000", None),
    ],
)
def test_branches_by_hand(code: str, target: int | None) -> None:
    assert branch_target(bytes.fromhex(code), 0x1000) == target


# Builds made to order


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def program(shift: int = 0, *, constant: int = 7, text: bytes = b"hello", swap: bool = False) -> bytes:
    """A table of pointers and a function, behind `shift` bytes of padding."""
    at = 0x8000 + shift
    names = ["one", "two"][:: -1 if swap else 1]
    table = words(at + 16, at + 20, at + 24, constant)
    data = bytes(shift) + table + words(1, 2) + text + b"\0"
    known = [Name("table", at, 16, OBJECT), Name(names[0], at + 16, 4, OBJECT), Name(names[1], at + 20, 4, OBJECT)]
    return make([Part(".rodata", ALLOC, 0x8000, data)], known)


def test_pointers_to_what_moved_are_no_change() -> None:
    assert told(difference(program(), program(8)).symbols) == dict.fromkeys(["object table", "object one", "object two"], "moved")


@pytest.mark.parametrize("changed", [{"constant": 8}, {"text": b"hallo"}, {"text": b"\x01\x02"}])
def test_anything_else_is_a_change(changed: dict[str, object]) -> None:
    assert told(difference(program(), program(8, **changed)).symbols)["object table"] == "changed"  # type: ignore[arg-type]


def test_a_pointer_to_something_else_is_a_change() -> None:
    """The words are the same words: what they point at has another name."""
    found = told(difference(program(), program(8, swap=True)).symbols)
    assert found["object table"] == "changed"


def test_a_name_that_two_things_have_says_nothing() -> None:
    def build(shift: int, which: int) -> bytes:
        at = 0x8000 + shift
        data = bytes(shift) + words(at + 8 + which * 4, 0) + words(1, 2)
        names = [Name("pointer", at, 8, OBJECT), Name("state", at + 8, 4, OBJECT), Name("state", at + 12, 4, OBJECT)]
        return make([Part(".rodata", ALLOC, 0x8000, data)], names)

    assert told(difference(build(0, 0), build(8, 1)).symbols)["object pointer"] == "changed"
    assert told(difference(build(0, 0), build(8, 0)).symbols)["object pointer"] == "changed"


def test_of_one_name_those_with_the_same_content_belong_together() -> None:
    def build(*contents: int) -> bytes:
        names = [Name("state", 0x8000 + 4 * n, 4, OBJECT) for n in range(len(contents))]
        return make([Part(".data", ALLOC | WRITE, 0x8000, words(*contents))], names)

    found = difference(build(1, 2, 3), build(3, 1)).symbols
    kinds = sorted((change.kind, change.before.address) for change in found)
    assert kinds == [("moved", 0x8000), ("moved", 0x8008), ("removed", 0x8004)]


def test_sections_of_one_file() -> None:
    before = make([Part(".text", CODE, 0x1000, b"aaaa"), Part(".old", ALLOC, 0x2000, b"x"), Part(".note", 0, 0, b"n")])
    after = make([Part(".text", CODE, 0x1000, b"aaab"), Part(".new", ALLOC, 0x3000, b"xyz"), Part(".note", 0, 0, b"n")])
    found = told(difference(before, after).sections)
    assert {found[f"section {name}"] for name in (".text",)} == {"changed"}
    assert (found["section .old"], found["section .new"]) == ("removed", "added")
    assert "section .note" not in found


def test_a_section_that_only_lies_elsewhere_has_moved() -> None:
    one, other = (make([Part(".data", ALLOC, 0x100, b"abc", load_address=load)]) for load in (0x8000, 0x9000))
    assert told(difference(one, other).sections) == {"section .data": "moved"}
    assert difference(one, one).sections == difference(one, one).symbols == ()


def test_symbols_beyond_the_list_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_elf, "MAX_CHANGES", 3)
    one = make([Part(".text", CODE, 0x1000, bytes(64))], [Name(f"f{n}", 0x1000 + n, n) for n in range(10)])
    found = difference(one, make([Part(".text", CODE, 0x1000, bytes(64))]))
    assert [change.before.size for change in found.symbols] == [9, 8, 7]
    assert found.symbols_not_listed == 7


# The command line


def test_from_the_command_line(run: Fwtool) -> None:
    old, new = (str(sample(version)) for version in VERSIONS)
    text = run("image", "diff", old, new).out
    assert "~ section .rodata " in text
    assert "+ function amount_words " in text
    assert "- function rule " in text
    assert re.search(r"~ object font_zh_24 +78336 -> 91584 B +\(\+13248\)", text)
    assert "symbols have only moved" in text
    data = run("image", "diff", old, new, "--json").result["data"]
    assert data["elf"]["totals"]["after"] == dict(zip(("text", "data", "bss"), (151480, 192, 9076), strict=True))
    grown = next(change for change in data["elf"]["symbols"] if change["what"] == "object journal")
    assert grown["before"]["section"] == ".noinit"
    assert grown["after"]["size"] - grown["before"]["size"] == 384


def test_only_names_differ(run: Fwtool, tmp_path: pathlib.Path) -> None:
    raw = sample("1.4.2").read_bytes()
    (tmp_path / "renamed.elf").write_bytes(raw.replace(b"\0uart_printf\0", b"\0uart_shoutf\0"))
    text = run("image", "diff", str(sample("1.4.2")), "renamed.elf").out
    assert "- function uart_printf" in text
    assert "+ function uart_shoutf" in text
    assert "every byte that is loaded is the same" in text


def test_elf_beside_another_format_is_compared_by_bytes(run: Fwtool) -> None:
    data = run("image", "diff", str(sample("1.4.2")), str(firmware_samples.path("built/vt100-1.4.2.srec")), "--json").result[
        "data"
    ]
    assert data["elf"] is None


HOSTILE_NAMES = ["\x1b]0;owned\x07", "\u202egnp.exe", "two\nlines", "<script>alert(1)</script>", b"\xff\xfe", "\x9b2J"]


def test_a37_names_from_a_file_reach_no_terminal(run: Fwtool, tmp_path: pathlib.Path) -> None:
    names = [Name(name, 0x1000 + n, 1) for n, name in enumerate(HOSTILE_NAMES)]
    (tmp_path / "one.elf").write_bytes(make([Part("a\x1b[2J\nb", CODE, 0x1000, bytes(64))], names))
    (tmp_path / "other.elf").write_bytes(make([Part(".text", CODE, 0x1000, bytes(64))]))
    done = run("image", "diff", "one.elf", "other.elf")
    assert done.code == 0
    assert all(character.isprintable() or character == "\n" for character in done.out + done.err)
    assert "\u202e" not in done.out
    assert "\\u000alines" in done.out
    whats = [change["what"] for change in run("image", "diff", "one.elf", "other.elf", "--json").result["data"]["elf"]["symbols"]]
    assert set(whats) >= {"function two\nlines", "function <script>alert(1)</script>", "function \\xff\\xfe"}


# Hostile files


def small() -> bytes:
    return make(
        [Part(".text", CODE, 0x1000, words(0x1010, 0, 1, 2)), Part(".bss", ALLOC | WRITE, 0x2000, kind=NOBITS, size=8)],
        [Name("main", 0x1001, 8), Name("state", 0x2000, 4, OBJECT, 2)],
    )


def survive(data: bytes) -> bool:
    """Whether a file is read; if not, it is refused in the one way there is."""
    try:
        read = Program(io.BytesIO(data))
        for symbol in read.symbols:
            read.digest(symbol)
            read.meanings(symbol.address)
    except FormatError:
        return False
    return True


def test_every_flip_and_every_truncation_is_refused_or_harmless() -> None:
    raw = small()
    assert survive(raw)
    outcomes = {survive(data) for _, data in flips(raw)}
    assert outcomes == {True, False}
    assert not any(survive(raw[:size]) for size in range(len(raw)))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(small()) - 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6))
def test_random_damage_raises_one_kind_of_error(damage: list[tuple[int, bytes]]) -> None:
    raw = bytearray(small())
    for at, data in damage:
        raw[at : at + len(data)] = data
    survive(bytes(raw))


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10**9))
def test_damaged_headers_of_a_real_file(seed: int) -> None:
    chance = random.Random(seed)
    raw = bytearray(sample("1.4.2").read_bytes())
    start = int.from_bytes(raw[32:36], "little")
    for _ in range(chance.randrange(1, 4)):
        at = chance.choice([chance.randrange(52), chance.randrange(52, 148), chance.randrange(start, len(raw))])
        raw[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    survive(bytes(raw))


def broken(change: Callable[[bytearray, int], None]) -> FormatError:
    """The error for a small file after `change` of its bytes; it is told where the section headers begin."""
    raw = bytearray(small())
    change(raw, int.from_bytes(raw[32:36], "little"))
    with pytest.raises(FormatError) as caught:
        symbols(io.BytesIO(bytes(raw)))
        sections(io.BytesIO(bytes(raw)))
    return caught.value


def put(at: int, value: int, size: int = 4, header: int | None = None) -> Callable[[bytearray, int], None]:
    """Overwrite a number: in the file's header, or in a section's."""

    def change(raw: bytearray, start: int) -> None:
        place = at if header is None else start + 40 * header + at
        raw[place : place + size] = value.to_bytes(size, "little")

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(48, 0xFEFF, 2), "sections, at most"),
        (put(48, 0, 2), "sections, at most"),
        (put(46, 39, 2), "headers are damaged"),
        (put(32, 0xFFFFFFF0), "headers are damaged"),
        (put(50, 200, 2), "no table of section names"),
        (put(50, 2, 2), "table of section names"),
        (put(44, 0xFFFF, 2), "segments, at most"),
        (put(42, 31, 2), "headers are damaged"),
        (put(20, 0xFFFFFFFF, header=1), "overlap"),
        (put(16, 0xFFFFFFFF, header=1), "beyond the end"),
        (put(0, 0xFFFFFFFF, header=1), "does not end"),
        (put(36, 15, header=3), "symbol table"),
        (put(20, 33, header=3), "symbol table"),
        (put(24, 99, header=3), "symbol table"),
        (put(24, 2, header=3), "table of symbol names"),
        (put(16, 0xFFFFFFF0, header=3), "beyond the end"),
    ],
)  # fmt: skip
def test_each_bound(change: Callable[[bytearray, int], None], message: str) -> None:
    assert message in str(broken(change))


def test_a_symbol_in_a_section_that_is_not_there() -> None:
    raw = make([Part(".text", CODE, 0x1000, bytes(4))], [Name("lost", 0x1000, 4, FUNCTION, 77)])
    with pytest.raises(FormatError, match="section 77"):
        symbols(io.BytesIO(raw))


def test_names_are_bounded() -> None:
    for length, fits in ((elf_tables.MAX_NAME, True), (elf_tables.MAX_NAME + 1, False)):
        raw = make([Part(".text", CODE, 0x1000, bytes(4))], [Name("n" * length, 0x1000)])
        if fits:
            assert len(symbols(io.BytesIO(raw))[0].name) == length
        else:
            with pytest.raises(FormatError, match="does not end"):
                symbols(io.BytesIO(raw))


def test_many_copies_of_a_long_name() -> None:
    """A string table may be small, and the names in it large: every symbol names the same bytes."""
    raw = make([Part(".text", CODE, 0x1000, bytes(4))], [Name("n" * 4000, 0x1000)] * (elf_symbols.MAX_NAMES // 4000 + 1))
    with pytest.raises(FormatError, match="bytes of names") as caught:
        symbols(io.BytesIO(raw))
    assert caught.value.name == "too_large"


def test_symbols_are_bounded() -> None:
    part = Part(".text", CODE, 0x1000, bytes(4))
    assert len(symbols(io.BytesIO(make([part], [Name("x", 0x1000)] * elf_symbols.MAX_SYMBOLS)))) == elf_symbols.MAX_SYMBOLS
    with pytest.raises(FormatError, match="65536 symbols"):
        symbols(io.BytesIO(make([part], [Name("x", 0x1000)] * (elf_symbols.MAX_SYMBOLS + 1))))
    with pytest.raises(FormatError, match="symbol table"):
        symbols(io.BytesIO(make([part], [Name("$t", 0x1000, 0, NOTYPE)] * (elf_symbols.MAX_ENTRIES + 1))))


def test_overlapping_symbols_are_not_read_for_ever() -> None:
    """Each of them is the whole section: together 4 GiB, which nobody wants to hash."""
    names = [Name(f"f{n}", 0x1000, 1 << 18) for n in range(1 << 14)]
    one, other = (make([Part(".text", CODE, 0x1000, pattern(1 << 18, seed))], names) for seed in (1, 2))
    with pytest.raises(FormatError, match="have more than"):
        difference(one, other)


def test_the_largest_files_stay_within_64_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many symbols as are taken, all different, with names as long as they may be together; at a quarter of the size."""
    monkeypatch.setattr(elf_symbols, "MAX_SYMBOLS", elf_symbols.MAX_SYMBOLS // 4)
    monkeypatch.setattr(elf_symbols, "MAX_NAMES", elf_symbols.MAX_NAMES // 4)
    monkeypatch.setattr(compare_elf, "MAX_CHANGES", compare_elf.MAX_CHANGES // 4)
    count = elf_symbols.MAX_SYMBOLS
    length = elf_symbols.MAX_NAMES // count - 2
    files = [
        make([Part(".text", CODE, 0x1000, pattern(1 << 16, seed))],
             [Name(f"{seed}{n:06}".ljust(length, "n"), 0x1000 + n, 1) for n in range(count)])
        for seed in (1, 2)
    ]  # fmt: skip
    tracemalloc.start()
    try:
        found = difference(*files)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found.symbols) == compare_elf.MAX_CHANGES
    assert found.symbols_not_listed == 2 * count - compare_elf.MAX_CHANGES
    assert peak < 16 * MIB, f"{peak / MIB:.1f} MiB"


def test_records_are_plain_for_json(releases: ElfDifference) -> None:
    assert dataclasses.asdict(releases.sections[0])["after"]["name"] == ".rodata"


def test_a_program_gives_the_bytes_of_its_symbols() -> None:
    raw = sample("1.5.0").read_bytes()
    with sample("1.5.0").open("rb") as file:
        read = Program(file)
        codes = next(symbol for symbol in read.symbols if symbol.name == "parameters")
        where = read.load_address(codes)
        assert where is not None
        assert where != codes.address, ".data lies in the flash until the program starts"
        assert b"".join(read.chunks(codes)) in raw
        assert read.digest(next(symbol for symbol in read.symbols if symbol.section == ".bss")) is None


def test_compare_keeps_the_entry_point(tmp_path: pathlib.Path) -> None:
    (tmp_path / "one.elf").write_bytes(make([Part(".text", CODE, 0x1000, bytes(4))]))
    (tmp_path / "other.elf").write_bytes(make([Part(".text", CODE, 0x1004, bytes(4))]))
    found = compare(tmp_path / "one.elf", tmp_path / "other.elf", Limits())
    assert [(change.what, change.before, change.after) for change in found.changes] == [
        ("entry point", "0x00001000", "0x00001004")
    ]
    assert [(piece.kind, piece.start) for piece in found.ranges] == [("removed", 0x1000), ("added", 0x1004)]
    assert not found.only_names
