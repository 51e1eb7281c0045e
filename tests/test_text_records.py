"""Intel HEX and S-records by the thousand: what is read column by column must be what is read line by line, and what is
written must be read alike by us and by others."""

import io
import random
from typing import Any

import bincopy
import intelhex
import pytest

from formats import intel_hex, srec, text_records
from formats.errors import FormatError
from formats.sources import Image, Piece, image_of
from formats.text_writer import write_intel_hex, write_srec

WRITERS = {"hex": write_intel_hex, "srec": write_srec}
READERS: dict[str, Any] = {"hex": intel_hex, "srec": srec}


def some_image(seed: int, *, entry: int | None = 0x08000401) -> Image:
    """Pieces of odd sizes at odd places, over 64 KiB borders, and far apart."""
    chance = random.Random(seed)
    pieces, at = [], chance.randrange(0x08000000)
    for _ in range(chance.randrange(1, 6)):
        data = chance.randbytes(chance.choice((1, 5, 16, 1000, 70_000, 140_001)))
        pieces.append(Piece(at, len(data), data=data))
        at += len(data) + chance.choice((1, 3, 16, 65_536, 1 << 20))
    return image_of(pieces, entry)


def content(image: Image) -> list[tuple[int, bytes]]:
    return [(piece.address, piece.read(0, piece.size)) for piece in image.pieces]


def written(form: str, image: Image, **options: Any) -> bytes:
    out = io.BytesIO()
    WRITERS[form](image, out, **options)
    return out.getvalue()


def outcome(form: str, raw: bytes) -> object:
    """What reading gives: content and entry, or the error's words and place."""
    try:
        image = READERS[form].read(io.BytesIO(raw))
    except FormatError as error:
        return error.message, error.offset
    return content(image), image.entry


@pytest.mark.parametrize("size", [1, 16, 32, 255 - 5])
@pytest.mark.parametrize("form", ["hex", "srec"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_written_is_read_again(form: str, size: int, seed: int) -> None:
    image = some_image(seed)
    raw = written(form, image, size=size)
    assert outcome(form, raw) == (content(image), image.entry)
    assert raw == written(form, image, size=size)


@pytest.mark.parametrize("seed", range(4))
def test_others_read_what_we_write(seed: int) -> None:
    image = some_image(seed)
    for form in ("hex", "srec"):
        other = bincopy.BinFile()
        other.add(written(form, image).decode())
        assert [(segment.address, bytes(segment.data)) for segment in other.segments] == content(image)
        assert other.execution_start_address == image.entry
    theirs = intelhex.IntelHex(io.StringIO(written("hex", image).decode()))
    assert [theirs.tobinstr(address, address + len(data) - 1) for address, data in content(image)] == [
        d for _, d in content(image)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_we_read_what_others_write(seed: int) -> None:
    image = some_image(seed)
    other = bincopy.BinFile()
    for address, data in content(image):
        other.add_binary(data, address)
    other.execution_start_address = image.entry
    assert outcome("hex", other.as_ihex().encode()) == (content(image), image.entry)
    assert outcome("srec", other.as_srec(address_length_bits=32).encode())[0] == content(image)  # type: ignore[index]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("form", ["hex", "srec"])
@pytest.mark.parametrize("seed", range(3))
def test_columns_and_lines_agree_on_damaged_files(form: str, line_end: bytes, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flipped characters, lines dropped, doubled and swapped, comments and blank lines: the same content or the same error
    at the same place, whether runs are taken at once or line by line."""
    chance = random.Random(seed)
    data = chance.randbytes(20_000)
    good = written(form, image_of([Piece(0x0800FF00, len(data), data=data)])).replace(b"\n", line_end)
    files = [good]
    for _ in range(120):
        lines = good.splitlines(keepends=True)
        for _ in range(chance.randrange(1, 3)):
            at = chance.randrange(len(lines))
            way = chance.randrange(6)
            if way == 0:
                line = bytearray(lines[at])
                line[chance.randrange(len(line))] ^= 1 << chance.randrange(7)
                lines[at] = bytes(line)
            elif way == 1:
                del lines[at]
            elif way == 2:
                lines.insert(at, lines[at])
            elif way == 3:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            elif way == 4:
                lines.insert(at, line_end)
            else:
                lines[at] = lines[at].lower() if form == "hex" else lines[at]
        files.append(b"".join(lines))
    fast = [outcome(form, raw) for raw in files]
    monkeypatch.setattr(text_records, "_promising", lambda text, at, size: False)
    assert fast == [outcome(form, raw) for raw in files], f"seed {seed}"


@pytest.mark.parametrize("form", ["hex", "srec"])
def test_addresses_beyond_32_bits_are_not_written(form: str) -> None:
    image = image_of([Piece((1 << 32) - 1, 2, data=b"ab")])
    with pytest.raises(FormatError) as caught:
        written(form, image)
    assert caught.value.name == "data_would_be_lost"


def test_a43_a_line_without_end_is_cut_off() -> None:
    for form, start in (("hex", b":10"), ("srec", b"S3")):
        assert "longer than" in str(outcome(form, start + b"0" * 1_000_000))
