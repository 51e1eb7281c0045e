"""UF2, DFU and DfuSe, and conversions between all formats: nothing is lost without being named, nothing damaged is taken."""

import io
import pathlib
import random
import struct
import subprocess
import zlib
from typing import Any

import pytest

import firmware_samples
from formats import dfu, registry, uf2
from formats.errors import FormatError, ToolError
from formats.sources import Image, Piece, image_of
from tests.conftest import Fwtool
from tests.support import flips, make_package, need, pattern

PLACES = ((0x08000000, 700), (0x08001000, 256), (0x08010004, 1000))
IMAGE = image_of([Piece(address, size, data=pattern(size, number)) for number, (address, size) in enumerate(PLACES)])


def content(image: Image) -> list[tuple[int, bytes]]:
    return [(piece.address, piece.read(0, piece.size)) for piece in image.pieces]


def written(kind: str, image: Image = IMAGE, **options: Any) -> bytes:
    form = registry.named(kind)
    assert form is not None
    assert form.write is not None
    out = io.BytesIO()
    form.write(image, out, **options)
    return out.getvalue()


def cells(image: Image) -> dict[int, int]:
    return {piece.address + at: byte for piece in image.pieces for at, byte in enumerate(piece.read(0, piece.size))}


@pytest.mark.parametrize("name", [entry.name for entry in registry.FORMATS if entry.write and entry.name != "mcuboot"])
def test_what_is_written_is_recognised_and_read_again(name: str) -> None:
    raw = written(name)
    file = io.BytesIO(raw)
    found = registry.detect(file)
    assert found.name == name
    image = found.read(file)
    again = cells(image)
    if image.placed:
        assert {address: again[address] for address in cells(IMAGE)} == cells(IMAGE)
    assert raw == written(name)


# -- UF2 ----------------------------------------------------------------------------------------------------------------


def block(
    data: bytes, address: int, number: int, total: int, *, family: int | None = None, flags: int = 0, after: bytes = b""
) -> bytes:
    """A block made by hand from the specification."""
    flags |= 0x2000 if family is not None else 0
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, address, len(data), number, total, family or 0)
    return head + (data + after).ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30)


def read_uf2(*blocks: bytes, family: int | None = None) -> Image:
    return uf2.read(io.BytesIO(b"".join(blocks)), family)


def test_uf2_blocks_are_what_the_specification_says() -> None:
    raw = written("uf2", family=0xE48BFF56)
    assert len(raw) == 512 * (3 + 1 + 4)
    first = struct.unpack("<8I476sI", raw[:512])
    assert first[:8] == (0x0A324655, 0x9E5D5157, 0x2000, 0x08000000, 256, 0, 8, 0xE48BFF56)
    assert (first[8][:256], first[9]) == (pattern(700, 0)[:256], 0x0AB16F30)
    last = struct.unpack("<8I476sI", raw[-512:])
    assert (last[3], last[5], last[6]) == (0x08010300, 7, 8)
    assert last[8][:256] == (pattern(1000, 2)[0x2FC:] + b"\xff" * 300)[:256]


def test_uf2_order_repetition_and_gaps_do_not_matter() -> None:
    blocks = [block(bytes([n]) * 256, 0x1000 * n, n, 4) for n in range(4)]
    shuffled = [blocks[2], blocks[0], blocks[3], blocks[2], blocks[1]]
    assert content(read_uf2(*shuffled)) == [(0x1000 * n, bytes([n]) * 256) for n in range(4)]


def test_uf2_numbers_count_for_each_section() -> None:
    """RP2350 files begin with a section of two blocks of another family."""
    other = [block(b"x" * 256, 0x10FFFF00, n, 2, family=0xE48BFF57) for n in range(2)]
    ours = [block(bytes([n]) * 256, 0x10000000 + 256 * n, n, 3, family=0xE48BFF59) for n in range(3)]
    image = read_uf2(*other, *ours, family=0xE48BFF59)
    assert content(image) == [(0x10000000, b"".join(bytes([n]) * 256 for n in range(3)))]
    assert uf2.families(io.BytesIO(b"".join(other + ours))) == [0xE48BFF57, 0xE48BFF59]
    with pytest.raises(FormatError, match="absolute, rp2350-arm-s"):
        read_uf2(*other, *ours)
    with pytest.raises(FormatError, match="no block for the family samd21"):
        read_uf2(*other, *ours, family=0x68ED2B88)


def test_uf2_foreign_blocks_are_ignored_altogether() -> None:
    """Even their numbers, addresses and totals."""
    ours = [block(bytes([n]) * 4, 4 * n, n, 2, family=1) for n in range(2)]
    foreign = block(b"zzzz", 0, 0, 2, family=2)
    assert content(read_uf2(foreign, *ours, family=1)) == [(0, bytes(4) + b"\1" * 4)]
    comment = block(b"text", 0, 0, 1, flags=0x1)
    assert content(read_uf2(comment, *ours)) == [(0, bytes(4) + b"\1" * 4)]


def test_uf2_sizes_md5_and_tags() -> None:
    assert content(read_uf2(block(b"a" * 476, 0, 0, 1))) == [(0, b"a" * 476)]
    md5 = block(b"a" * 452, 0, 0, 1, flags=0x4000, after=struct.pack("<II", 0, 452) + b"m" * 16)
    assert content(read_uf2(md5)) == [(0, b"a" * 452)]
    tags = bytes([9, 0xC7, 0xFB, 0x9F]) + b"1.2.3" + b"\0" * 3 + bytes([4, 1, 2, 3]) + bytes(4)
    assert content(read_uf2(block(b"a" * 256, 0, 0, 1, flags=0x8000, after=tags))) == [(0, b"a" * 256)]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (block(b"a" * 256, 0, 0, 2), "block 1 of 2"),
        (block(b"aaaa", 0, 0, 1) + block(b"bbbb", 0, 0, 1), "differ"),
        (block(b"a" * 256, 0, 0, 1)[:-1], "middle of a block"),
        (block(b"aaaa", 0, 1, 1), "number 1 of 1"),
        (block(b"aaaa", 2, 0, 1), "not of a kind"),
        (block(b"aaa", 0, 0, 1), "not of a kind"),
        (block(b"", 0, 0, 1), "not of a kind"),
        (block(b"aaaa", 0xFFFFFFFC + 4 - 4, 0, 1).replace(struct.pack("<I", 4), struct.pack("<I", 8), 1), "not of a kind"),
        (block(b"aaaa", 0, 0, 1, flags=0x1000), "container"),
        (block(b"a" * 456, 0, 0, 1, flags=0x4000), "not of a kind"),
        (block(b"aaaa", 0, 0, 1, flags=0x8000, after=bytes([3, 1, 2, 3])), "extension tag"),
        (block(b"aaaa", 0, 0, 0xFFFFFFFF), "number 0 of"),
    ],
)
def test_uf2_what_makes_no_sense_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        read_uf2(raw)


# -- DFU and DfuSe ------------------------------------------------------------------------------------------------------


def test_dfu_suffix_is_what_dfu_suffix_writes(tmp_path: pathlib.Path) -> None:
    """dfu-util's own tool checks ours and writes the same bytes."""
    tool = need("dfu-suffix")
    ours, theirs = tmp_path / "ours.dfu", tmp_path / "theirs.dfu"
    ours.write_bytes(written("dfu", suffix=dfu.Suffix(0x0102, 0xDF11, 0x0483)))
    theirs.write_bytes(ours.read_bytes()[:-16])
    assert subprocess.run([tool, "--check", ours], check=False, capture_output=True).returncode == 0
    subprocess.run([tool, "-v", "0483", "-p", "df11", "-d", "0102", "--add", theirs], check=True, capture_output=True)
    assert ours.read_bytes() == theirs.read_bytes()
    assert dfu.read_suffix(io.BytesIO(theirs.read_bytes())) == dfu.Suffix(0x0102, 0xDF11, 0x0483)


def test_dfuse_is_what_the_document_says() -> None:
    raw = written("dfuse", alternate=2, name="Internal Flash")
    assert raw[:11] == b"DfuSe\x01" + struct.pack("<IB", len(raw) - 16, 1)
    magic, alternate, is_named, name, size, count = struct.unpack("<6sBI255sII", raw[11:285])
    assert (magic, alternate, is_named, name.rstrip(b"\0"), count) == (b"Target", 2, 1, b"Internal Flash", 3)
    assert size == len(raw) - 16 - 285
    assert struct.unpack("<II", raw[285:293]) == (0x08000000, 700)
    assert raw[-16:-4] == struct.pack("<HHHH3sB", 0xFFFF, 0xFFFF, 0xFFFF, 0x011A, b"UFD", 16)
    assert struct.unpack("<I", raw[-4:])[0] == ~zlib.crc32(raw[:-4]) & 0xFFFFFFFF
    assert content(dfu.read_dfuse(io.BytesIO(raw))) == content(IMAGE)


def test_dfuse_several_targets() -> None:
    def target(alternate: int, address: int, data: bytes) -> bytes:
        element = struct.pack("<II", address, len(data)) + data
        return struct.pack("<6sBI255sII", b"Target", alternate, 0, b"", len(element), 1) + element

    body = target(0, 0x1000, b"zero") + target(1, 0x2000, b"one!")
    raw = struct.pack("<5sBIB", b"DfuSe", 1, len(body) + 11, 2) + body
    raw += struct.pack("<HHHH3sB", 1, 2, 3, 0x011A, b"UFD", 16)
    raw += struct.pack("<I", ~zlib.crc32(raw) & 0xFFFFFFFF)
    assert content(dfu.read_dfuse(io.BytesIO(raw), 1)) == [(0x2000, b"one!")]
    with pytest.raises(FormatError, match="several targets"):
        dfu.read_dfuse(io.BytesIO(raw))
    with pytest.raises(FormatError, match="no such target"):
        dfu.read_dfuse(io.BytesIO(raw), 7)


SMALL = image_of([Piece(0x1000, 8, data=b"12345678"), Piece(0x2000, 4, data=b"abcd")])


@pytest.mark.parametrize("name", ["dfuse", "dfu", "uf2", "intel-hex", "srec"])
def test_a11_every_flipped_bit_is_refused_or_harmless(name: str) -> None:
    """Read as its own format: the one error, or the same content. UF2 has no checksum, so its payload may differ."""
    raw = written(name, SMALL)
    form = registry.named(name)
    assert form is not None
    good = content(form.read(io.BytesIO(raw)))
    taken = []
    for bit, broken in flips(raw):
        try:
            found = content(form.read(io.BytesIO(broken)))
        except FormatError:
            continue
        if found != good and not (name == "dfu" and bit // 8 >= len(raw) - 16):
            taken.append(bit // 8)
    if name == "uf2":
        taken = [at for at in taken if not 12 <= at % 512 < 32 + 256]
    assert taken == []


@pytest.mark.parametrize("name", ["dfuse", "uf2", "intel-hex", "srec"])
def test_a3_every_truncation_is_refused(name: str) -> None:
    raw = written(name, SMALL)
    form = registry.named(name)
    assert form is not None
    for size in range(len(raw) - 1):
        if name == "uf2" and size % 512 == 0 and size:
            continue
        with pytest.raises(FormatError):
            form.read(io.BytesIO(raw[:size]))


@pytest.mark.parametrize("seed", range(3))
def test_a6_random_bytes_behind_a_magic_number(seed: int) -> None:
    chance = random.Random(seed)
    for start in (b"DfuSe\x01", struct.pack("<II", 0x0A324655, 0x9E5D5157)):
        for _ in range(300):
            raw = start + chance.randbytes(chance.choice((1, 11, 290, 504, 2000)))
            form = registry.detect(io.BytesIO(raw))
            with pytest.raises(FormatError):
                form.read(io.BytesIO(raw))


# -- the command --------------------------------------------------------------------------------------------------------

ELF = str(firmware_samples.path("built/vt100-1.5.0.elf"))
BIN = firmware_samples.path("built/vt100-1.5.0.bin")


def test_a_round_through_all_formats(run: Fwtool, tmp_path: pathlib.Path) -> None:
    steps = (
        (ELF, "intel-hex", "1", ()), ("1", "srec", "2", ()), ("2", "uf2", "3", ("--lose", "entry", "--family", "rp2040")),
        ("3", "dfuse", "4", ()), ("4", "raw", "5", ("--lose", "addresses")), ("5", "dfu", "6", ()), ("6", "raw", "7", ()),
        ("7@0x08020000", "intel-hex", "8", ()),
    )  # fmt: skip
    for source, to, out, options in steps:
        done = run("image", "convert", source, "--to", to, "--out", out, *options)
        assert done.code == 0, done.err
    assert (tmp_path / "7").read_bytes()[: BIN.stat().st_size] == BIN.read_bytes()
    assert run("image", "show", "8", "--json").result["data"]["components"][0]["address"] == 0x08020000


@pytest.mark.parametrize(("to", "lost"), [("raw", "addresses"), ("dfu", "addresses"), ("uf2", "entry"), ("dfuse", "entry")])
def test_what_would_be_lost_is_refused(run: Fwtool, tmp_path: pathlib.Path, to: str, lost: str) -> None:
    refused = run("image", "convert", ELF, "--to", to, "--out", "x", "--json")
    assert refused.code == 3
    assert refused.result["error"]["name"] == "data_would_be_lost"
    assert lost in refused.result["error"]["message"]
    assert not (tmp_path / "x").exists()


def test_holes_are_filled_only_when_asked(run: Fwtool, tmp_path: pathlib.Path) -> None:
    (tmp_path / "holes.hex").write_bytes(written("intel-hex", SMALL))
    assert run("image", "convert", "holes.hex", "--to", "raw", "--lose", "addresses", "--out", "x").code == 3
    lose = ("--lose", "addresses", "--lose", "holes")
    assert run("image", "convert", "holes.hex", "--to", "raw", *lose, "--fill", "0", "--out", "x").code == 0
    assert (tmp_path / "x").read_bytes() == b"12345678" + bytes(0xFF8) + b"abcd"
    (tmp_path / "far.hex").write_bytes(written("intel-hex", image_of([Piece(0, 1, data=b"a"), Piece(64 << 20, 1, data=b"b")])))
    assert run("image", "convert", "far.hex", "--to", "raw", *lose, "--out", "y", "--json").result["error"]["name"] == "too_large"


def test_a_component_of_a_package_comes_out(run: Fwtool, tmp_path: pathlib.Path) -> None:
    (tmp_path / "two.fwp").write_bytes(make_package([pattern(5000, 1), pattern(300, 2)]))
    which = run("image", "convert", "two.fwp", "--to", "raw", "--out", "x", "--json").result["error"]
    assert "which component" in which["message"]
    names = which["message"].split(": ")[1].split(", ")
    for name, data in zip(names, (pattern(5000, 1), pattern(300, 2)), strict=True):
        lose = ("--lose", "addresses", "--component", name)
        assert run("image", "convert", "two.fwp", "--to", "raw", "--out", "x", *lose).code == 0
        assert (tmp_path / "x").read_bytes() == data


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "pdf"),
        ("--to", "elf"),
        ("--to", "fwp"),
        ("--to", "srec", "--family", "rp2040"),
        ("--to", "uf2", "--lose", "entry", "--family", "nonsense"),
        ("--to", "srec", "--component", "app"),
        ("--to", "raw", "--fill", "256"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(run: Fwtool, arguments: tuple[str, ...]) -> None:
    assert run("image", "convert", ELF, "--out", "x", *arguments).code == 2


def test_addresses_are_given_only_to_what_has_none() -> None:
    from fwtool.convert import Conversion, convert
    from fwtool.inputs import InputSpec

    with pytest.raises(ToolError):
        convert(Conversion(InputSpec("app", pathlib.Path(ELF), 5), "srec", pathlib.Path("x"), {}))
