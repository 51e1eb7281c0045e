"""`image diff`: what differs, in words; and nothing that does not."""

import pathlib
import random

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519

import firmware_samples
from formats.errors import FormatError
from formats.fwp import wrapping
from formats.fwp.coding import Encoding
from formats.fwp.manifest import ComponentType
from formats.mcuboot.kinds import Kind
from formats.sources import Image, Piece, image_of
from fwtool.compare import compare
from fwtool.compare_ranges import bounded, ranges
from fwtool.difference import Change, Difference, Range
from fwtool.inputs import Limits
from tests import mcuboot_support as mcuboot
from tests.conftest import Fwtool
from tests.support import KEY, STRANGER, make_package, part, pattern

PEM = x25519.X25519PrivateKey.from_private_bytes(bytes(range(32))).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
GROUP = wrapping.read_private(PEM)


def differ(folder: pathlib.Path, one: bytes, other: bytes) -> Difference:
    (folder / "one").write_bytes(one)
    (folder / "other").write_bytes(other)
    return compare(folder / "one", folder / "other", Limits())


def test_the_same_package_has_no_difference(tmp_path: pathlib.Path) -> None:
    raw = make_package([pattern(5000)])
    assert differ(tmp_path, raw, raw).same


def test_fields_are_named_with_both_values(tmp_path: pathlib.Path) -> None:
    found = differ(
        tmp_path, make_package(version="1.0.0", counter=3), make_package(version="1.1.0", counter=4, hardware="VT-200")
    )
    told = {change.what: (change.before, change.after) for change in found.changes}
    assert told["version"] == ("1.0.0", "1.1.0")
    assert told["security_counter"] == (3, 4)
    assert told["hardware"][1] == "VT-200"


def test_only_signatures(tmp_path: pathlib.Path) -> None:
    found = differ(tmp_path, make_package(signers=[KEY]), make_package(signers=[KEY, STRANGER]))
    assert found.only_signatures
    assert [(change.kind, change.what.split()[0]) for change in found.signatures] == [("added", "signature")]


def test_ranges_of_a_component(tmp_path: pathlib.Path) -> None:
    data = bytearray(pattern(100_000))
    before = make_package([bytes(data)])
    data[5] ^= 1
    data[50_000] ^= 1
    found = differ(tmp_path, before, make_package([bytes(data)]))
    assert not found.changes
    spans = [(piece.start % 0x1000000 - found.ranges[0].start % 0x1000000, piece.end - piece.start) for piece in found.ranges]
    assert spans == [(0, 16), (50_000, 16)]


def test_components_that_come_and_go(tmp_path: pathlib.Path) -> None:
    found = differ(tmp_path, make_package([pattern(500, 1), pattern(600, 2)]), make_package([pattern(500, 1)]))
    assert [(change.kind, change.before) for change in found.changes if "component" in change.what] == [("removed", 600)]
    assert [(piece.component, piece.kind, piece.end - piece.start) for piece in found.ranges] == [("c1", "removed", 600)]


@pytest.mark.parametrize("seed", range(6))
def test_ranges_are_exactly_what_differs(seed: int) -> None:
    """Against a comparison byte by byte of two images of random pieces."""
    chance = random.Random(seed)

    def some() -> dict[int, int]:
        cells: dict[int, int] = {}
        for _ in range(4):
            start = chance.randrange(400)
            cells.update({start + n: chance.randrange(3) for n in range(chance.randrange(1, 80))})
        return cells

    def image(cells: dict[int, int]):  # type: ignore[no-untyped-def]
        pieces, run = [], bytearray()
        for address in range(max(cells) + 2):
            if address in cells:
                run.append(cells[address])
            elif run:
                pieces.append(Piece(address - len(run), len(run), data=bytes(run)))
                run = bytearray()
        return image_of(pieces)

    one, other = some(), some()
    found = list(ranges("x", image(one), image(other)))
    for address in range(600):
        kinds = [piece.kind for piece in found if piece.start <= address < piece.end]
        if address in one and address in other:
            near = [
                a
                for a in range(address - address % 16, address - address % 16 + 16)
                if a in one and a in other and one[a] != other[a]
            ]
            assert kinds in (["changed"], []), address
            assert bool(kinds) or one[address] == other[address], address
            assert not kinds or near, address
        else:
            assert kinds == (["added"] if address in other else ["removed"] if address in one else []), address
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))


def piece(address: int, data: bytes) -> Image:
    return Image((Piece(address, len(data), data=data),))


def test_images_at_both_ends_of_the_address_space() -> None:
    """What lies between them takes no time."""
    found = list(ranges("x", piece(0, b"ab"), piece(2**63, b"cd")))
    assert found == [Range("x", "removed", 0, 2), Range("x", "added", 2**63, 2**63 + 2)]


@pytest.mark.parametrize("seed", range(4))
def test_too_many_ranges_are_joined_and_cover_the_same(seed: int) -> None:
    chance = random.Random(seed)
    found, at = [], 0
    for _ in range(500):
        at += chance.randrange(1, 200)
        found.append(Range("x", chance.choice(["changed", "changed", "added"]), at, at + 16))
        at += 16
    kept, grain = bounded(iter(found), at_most=300)
    assert len(kept) <= 300
    assert grain > 1
    assert all(any((k.kind, True) == (f.kind, k.start <= f.start and f.end <= k.end) for k in kept) for f in found)
    assert all(a.end <= b.start for a, b in zip(kept, kept[1:], strict=False))
    assert bounded(iter(found), at_most=500) == (tuple(found), 1)


def test_ranges_that_cannot_be_joined_are_all_there() -> None:
    found = [Range("x", ("changed", "added")[n % 2], 32 * n, 32 * n + 16) for n in range(500)]
    kept, _ = bounded(iter(found), at_most=50)
    assert list(kept) == found


def test_every_other_block_of_a_large_image() -> None:
    one = bytes(1 << 17)
    other = b"".join(bytes(16) + b"x" * 16 for _ in range(1 << 12))
    found, grain = bounded(ranges("x", piece(0, one), piece(0, other)), at_most=100)
    assert found == (Range("x", "changed", 16, 1 << 17),)
    assert grain == 32


def sample(form: str, version: str = "1.5.0") -> pathlib.Path:
    return firmware_samples.path(f"built/vt100-{version}.{form}")


def test_a_file_without_addresses_lies_where_the_other_one_begins() -> None:
    for one, other in (("bin", "hex"), ("hex", "bin")):
        found = compare(sample(one), sample(other), Limits())
        kind = "removed" if one == "bin" else "added"
        assert found.ranges == (Range("image", kind, 0x08020188, 0x08020200),), "the hole that .bin fills with zeros"


def test_a_package_beside_an_image(tmp_path: pathlib.Path) -> None:
    data = sample("bin").read_bytes()
    (tmp_path / "image.bin").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    for address in (None, 0x08020000):
        (tmp_path / "package.fwp").write_bytes(make_package([part(data, "app", address=address)]))
        found = compare(tmp_path / "package.fwp", tmp_path / "image.bin", Limits())
        assert [(r.start - (address or 0), r.kind) for r in found.ranges] == [((len(data) - 1) // 16 * 16, "changed")]
        assert [bar.name for side in found.maps for bar in side] == ["app", "piece 0"]


def test_components_without_addresses_have_no_place_beside_an_image(tmp_path: pathlib.Path) -> None:
    (tmp_path / "package.fwp").write_bytes(make_package([pattern(300), pattern(400)]))
    with pytest.raises(FormatError, match="without an address") as caught:
        compare(tmp_path / "package.fwp", sample("hex"), Limits())
    assert caught.value.name == "unsupported_format"


def test_a_component_that_moved(tmp_path: pathlib.Path) -> None:
    one, other = (make_package([part(pattern(100), "app", address=address)]) for address in (0x1000, 0x2000))
    found = differ(tmp_path, one, other)
    assert found.changes == (Change("app address", "changed", "0x00001000", "0x00002000"),)
    assert [(piece.kind, piece.start) for piece in found.ranges] == [("removed", 0x1000), ("added", 0x2000)]


# Compressed and encrypted packages, and documents


def coded(data: bytes, document: bytes = b"{}", *, encoding: Encoding = Encoding.NONE, encrypted: bool = False) -> bytes:
    part_with_code = part(data, "app", address=0x1000)._replace(encoding=encoding)
    document_part = part(document, "sbom", kind=ComponentType.SBOM)
    secret = {"recipients": (GROUP.public,), "secret": bytes(range(32))} if encrypted else {}
    return make_package([part_with_code, document_part], **secret)


def test_compressed_components_are_compared_as_they_are_installed(tmp_path: pathlib.Path) -> None:
    data = bytearray(b"the same line again\n" * 1000)
    one = coded(bytes(data), encoding=Encoding.LZMA2)
    data[5000] ^= 1
    found = differ(tmp_path, one, coded(bytes(data), encoding=Encoding.DEFLATE))
    assert found.ranges == (Range("app", "changed", 0x1000 + 4992, 0x1000 + 5008),)


def test_encrypted_components_are_seen_only_with_a_key(run: Fwtool, tmp_path: pathlib.Path) -> None:
    data = bytearray(pattern(9000))
    one = coded(bytes(data), encrypted=True)
    data[5000] ^= 1
    found = differ(tmp_path, one, coded(bytes(data), encrypted=True))
    assert found.changes == (Change("app encrypted content", "changed"),)
    assert not found.ranges
    seen = compare(tmp_path / "one", tmp_path / "other", Limits(), (GROUP,))
    assert seen.ranges == (Range("app", "changed", 0x1000 + 4992, 0x1000 + 5008),)
    (tmp_path / "group.pem").write_bytes(PEM)
    assert len(run("image", "diff", "one", "other", "--decrypt-key", "group.pem", "--json").result["data"]["ranges"]) == 1


def test_a_document_has_no_addresses(tmp_path: pathlib.Path) -> None:
    found = differ(tmp_path, coded(pattern(300), b'{"a":1}'), coded(pattern(300), b'{"a":2}'))
    assert found.changes == (Change("sbom content", "changed"),)
    assert not found.ranges
    assert [bar.name for bar in found.maps[0]] == ["app"]


# MCUboot images


def test_mcuboot_fields_and_records_are_named(tmp_path: pathlib.Path) -> None:
    counter = [(Kind.SEC_CNT, number.to_bytes(4, "little")) for number in (3, 4)]
    vendor = [(0x00A1, value) for value in (b"\x01", b"\x02")]
    depends = [(Kind.DEPENDENCY, bytes([1, 0, 0, 0, 1, minor, 0, 0, 0, 0, 0, 0])) for minor in (2, 3)]
    one = mcuboot.by_hand(protected=[counter[0], depends[0], vendor[0]])
    other = mcuboot.by_hand(protected=[counter[1], depends[1], vendor[1], (0x00A2, b"new")], flags=0x100, load_address=0x8000)
    found = differ(tmp_path, one, other)
    told = {change.what: (change.before, change.after) for change in found.changes}
    assert told == {
        "flags": ("none", "rom_fixed"),
        "address": ("none", "0x00008020"),
        "tlv sec_cnt": ("3", "4"),
        "tlv dependency on image 1": ("image 1 at least 1.2.0", "image 1 at least 1.3.0"),
        "tlv 0x00a1": ("01", "02"),
        "tlv 0x00a2": (None, b"new".hex()),
    }
    assert not found.ranges, "it is taken to lie where the other one does"
    assert [bar.start for side in found.maps for bar in side] == [0x8020, 0x8020]


def test_mcuboot_payloads_are_compared_as_they_are_installed(tmp_path: pathlib.Path) -> None:
    data = bytearray(pattern(5000))
    one = mcuboot.make(bytes(data), version="1.0.0")
    data[1000] ^= 1
    found = differ(tmp_path, one, mcuboot.make(bytes(data), version="1.0.1"))
    assert [change.what for change in found.changes] == ["version"]
    assert found.ranges == (Range("payload", "changed", 992, 1008),)


def test_mcuboot_signed_again(tmp_path: pathlib.Path) -> None:
    one, other = (mcuboot.make(mcuboot.PAYLOAD, mcuboot.key(name)) for name in ("ed25519", "ed25519:other"))
    found = differ(tmp_path, one, other)
    assert found.only_signatures
    assert sorted(change.kind for change in found.signatures) == ["added", "removed"]
    assert differ(tmp_path, one, one).same


def test_mcuboot_encrypted(tmp_path: pathlib.Path) -> None:
    """What cannot be seen is said to be another, and not where."""
    one, other = (mcuboot.make(pattern(40, seed), encrypt="x25519") for seed in (1, 2))
    found = differ(tmp_path, one, other)
    assert found.changes == (Change("encrypted payload", "changed"),)
    assert not found.ranges
    damaged = bytearray(mcuboot.make())
    damaged[40] ^= 1
    with pytest.raises(FormatError, match="hash differs"):
        differ(tmp_path, bytes(damaged), one)


# The command line


def test_from_the_command_line(run: Fwtool) -> None:
    old, new = (str(firmware_samples.path(f"built/vt100-{version}.fwp")) for version in ("1.4.2", "1.5.0"))
    text = run("image", "diff", old, new).out
    assert "~ version" in text
    assert "1.4.2 -> 1.5.0" in text
    assert "ranges differ" in text
    data = run("image", "diff", old, new, "--json").result["data"]
    assert data["same"] is False
    assert {change["what"] for change in data["changes"]} >= {"version", "security_counter"}
    assert run("image", "diff", old, old).out.strip() == "no difference"
    elf, hexes = (str(firmware_samples.path(f"built/vt100-1.5.0.{form}")) for form in ("elf", "hex"))
    assert run("image", "diff", hexes, elf, "--json").result["data"]["changes"] == []
    assert run("image", "diff", elf, "missing").code == 9


def test_the_page_is_written(run: Fwtool, tmp_path: pathlib.Path) -> None:
    old, new = (str(sample("hex", version)) for version in ("1.4.2", "1.5.0"))
    done = run("image", "diff", old, new, "--html", "page.html", "--json")
    assert (done.result["changed"], done.result["data"]["page"]) == (True, "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert run("image", "diff", old, new, "--json").result["changed"] is False
    assert run("image", "diff", old, new, "--html", "nowhere/page.html").code == 9
