"""MCUboot images against imgtool 2.5.0, called in this process: what it signs is accepted here, altered it is not; what is
built here is what it builds, byte for byte where nothing is random; and where it differs from its own documentation."""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import struct
from typing import Any, NamedTuple

import pytest

from formats.errors import FormatError, TrustError
from formats.mcuboot import payload
from formats.mcuboot.check import explain
from formats.mcuboot.encryption import Encryption
from formats.mcuboot.header import Flags
from formats.mcuboot.kinds import ENCRYPTION, SIGNATURES
from formats.mcuboot.metadata import Dependency
from formats.mcuboot.trailer import Slot
from formats.versions import Version
from tests.mcuboot_support import (
    ALGORITHMS,
    COMPRESSIBLE,
    accept,
    device_key,
    installed,
    key,
    make,
    opened,
    private_pem,
    public_pem,
    recipient,
)
from tests.support import pattern

PLAIN = pattern(777, 1)
CODE = COMPRESSIBLE * 20
ED = "ed25519"
SLOT = 0x10000


class Done(NamedTuple):
    """A finished call of imgtool."""

    code: object
    """0, an exit code, or the exception that came out."""
    out: str


class Imgtool:
    """imgtool with a folder of keys and files."""

    def __init__(self, folder: pathlib.Path) -> None:
        from imgtool.main import imgtool

        self.command, self.folder = imgtool, folder
        for name in (*ALGORITHMS, "ed25519:other"):
            (folder / f"{name}.pem").write_bytes(private_pem(key(name).handle))
            (folder / f"{name}.pub.pem").write_bytes(key(name).public.pem())
        for name in ("rsa", "p256", "x25519"):
            (folder / f"for-{name}.pem").write_bytes(public_pem(device_key(name)))

    def __call__(self, *arguments: object) -> Done:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            try:
                self.command.main([str(one) for one in arguments], prog_name="imgtool", standalone_mode=False)
            except SystemExit as done:
                return Done(done.code, out.getvalue())
            except Exception as error:
                return Done(error, out.getvalue())
        return Done(0, out.getvalue())

    def sign(self, data: bytes, *options: object, signer: str = ED) -> bytes:
        """The image imgtool makes of `data`; by nobody if `signer` is empty."""
        source, target = self.folder / "in.bin", self.folder / "out.bin"
        source.write_bytes(data)
        chosen = [str(one) for one in options]
        usual = {"-v": "1.2.3+4", "-S": SLOT, "-H": 32}
        filled = [part for name, value in usual.items() if name not in chosen for part in (name, value)]
        keyed = ["-k", self.folder / f"{signer}.pem"] if signer else []
        done = self("sign", *filled, *keyed, *chosen, source, target)
        assert done.code == 0, done
        return target.read_bytes()

    def verifies(self, data: bytes, name: str = "") -> bool:
        """What `imgtool verify` says; an exception is no yes."""
        target = self.folder / "verify.bin"
        target.write_bytes(data)
        return self("verify", *(["-k", self.folder / f"{name}.pub.pem"] if name else []), target).code == 0


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Imgtool:
    if importlib.util.find_spec("imgtool") is None:
        if os.environ.get("FWTOOL_TEST_REQUIRE"):
            pytest.fail("imgtool is not installed, yet FWTOOL_TEST_REQUIRE is set")
        pytest.skip("imgtool is not installed")
    return Imgtool(tmp_path_factory.mktemp("imgtool"))


def refuse_altered(data: bytes, name: str, decrypt: str = "") -> None:
    """A bit of every part and every few bytes; a byte less, a byte more."""
    image = opened(data)
    edges = [0, 8, 12, 16, 20, 28, image.header.header_size, image.header.protected_offset, image.header.tlv_offset]
    edges += [tlv.offset + n for tlv in (*image.protected.tlvs, *image.unprotected.tlvs) for n in (0, 1, 2, 4, tlv.size - 1)]
    for at in {*edges, *range(0, len(data), max(1, len(data) // 24)), len(data) - 1}:
        damaged = bytearray(data)
        damaged[min(at, len(data) - 1)] ^= 1 << at % 8
        with pytest.raises((FormatError, TrustError)):
            accept(bytes(damaged), name, decrypt=decrypt)
    for changed in (data[:-1], data + b"\xff", data[: len(data) // 2]):
        with pytest.raises((FormatError, TrustError)):
            accept(changed, name, decrypt=decrypt)


def same_but_random(mine: bytes, theirs: bytes) -> None:
    """Equal, apart from the values of signatures and encrypted keys."""
    first, second = opened(mine), opened(theirs)
    end = first.header.tlv_offset
    assert mine[:end] == theirs[:end]
    random = (*SIGNATURES, *ENCRYPTION)
    blank = [[(tlv.type, b"" if tlv.type in random else tlv.value) for tlv in one.unprotected.tlvs] for one in (first, second)]
    assert blank[0] == blank[1]
    if first.trailer:
        assert (len(mine), mine[-700:]) == (len(theirs), theirs[-700:])
        assert first.trailer == second.trailer


class Case(NamedTuple):
    """The same wish in two languages."""

    theirs: tuple[object, ...]
    ours: dict[str, Any]


def padded(align: int, **more: Any) -> dict[str, Any]:
    return {"slot": Slot(size=SLOT, align=align, **more)}


CASES = {
    "plain": Case((), {}),
    "counter": Case(("-s", 7), {"security_counter": 7}),
    "counter-in-hex": Case(("-s", "0xffffffff"), {"security_counter": 2**32 - 1}),
    "counter-auto": Case(("-s", "auto"), {"security_counter": "auto"}),
    "counter-auto-largest": Case(
        ("-s", "auto", "-v", "255.255.65535+4294967295"), {"security_counter": "auto", "version": "255.255.65535+4294967295"}
    ),
    "dependencies": Case(
        ("-d", "(1, 1.2.3+4)(0,255.0.0)"),
        {"dependencies": (Dependency(1, Version(1, 2, 3, 4)), Dependency(0, Version(255, 0, 0)))},
    ),
    "vendor-and-class": Case(("--vid", "amce.com", "--cid", "radio"), {"vendor": "amce.com", "image_class": "radio"}),
    "vendor-by-number": Case(
        ("--vid", "7617daa571fd5a858f94e28d735ce9f4", "--cid", "fcddef4b-1d79-5fb0-828c-3e4868a6a6c8"),
        {"vendor": "7617daa571fd5a858f94e28d735ce9f4", "image_class": "fcddef4b-1d79-5fb0-828c-3e4868a6a6c8"},
    ),
    "vendor-tlvs": Case(
        ("--custom-tlv", "0xa0", "0x0102", "--custom-tlv", "0xfffe", "text"),
        {"vendor_tlvs": ((0xA0, b"\1\2"), (0xFFFE, b"text"))},
    ),
    "boot-record": Case(("--boot-record", "NSPE_12chars"), {"boot_record": "NSPE_12chars"}),
    "all-protected": Case(
        (
            "-s", "5", "--boot-record", "SPE", "-d", "(2, 1.0.0)", "--vid", "a.example", "--cid", "b",
            "--custom-tlv", "0x1a1", "0xff",
        ),
        {
            "security_counter": 5, "boot_record": "SPE", "dependencies": (Dependency(2, Version(1, 0, 0)),),
            "vendor": "a.example", "image_class": "b", "vendor_tlvs": ((0x1A1, b"\xff"),),
        },
    ),
    "header-512": Case(("-H", 0x200), {"header_size": 512}),
    "header-33": Case(("-H", 33), {"header_size": 33}),
    "header-erased-0": Case(("-H", 0x40, "-R", 0), {"header_size": 64, "erased": 0}),
    "ram-load": Case(("-L", "0x20000000"), {"load_address": 0x20000000}),
    "rom-fixed": Case(("-F", "0x8020000"), {"rom_fixed": 0x8020000}),
    "non-bootable": Case(("--non-bootable",), {"bootable": False}),
    "full-key": Case(("--public-key-format", "full"), {"full_key": True}),
    "padded-signature": Case(("--pad-sig",), {"pad_signature": True}),
    "pad": Case(("--pad",), padded(1, pad=True)),
    "pad-erased-0": Case(("--pad", "-R", 0), {**padded(4, pad=True), "erased": 0}),
    "confirm-8": Case(("--confirm", "--align", 8), padded(8, confirm=True)),
    "test-16": Case(("--test", "--align", 16), padded(16, pad=True)),
    "confirm-16": Case(("--confirm", "--align", 16), padded(16, confirm=True)),
    "confirm-32": Case(("--confirm", "--align", 32), padded(32, confirm=True)),
    "confirm-4-of-32": Case(
        ("--confirm", "--align", 4, "--max-align", 32, "-M", 9), padded(4, confirm=True, max_align=32, max_sectors=9)
    ),
    "overwrite-only": Case(("--confirm", "--overwrite-only"), padded(1, confirm=True, overwrite_only=True)),
    "big-endian": Case(
        (
            "-e", "big", "-s", 9, "-d", "(1,1.2.3+4)", "--custom-tlv", "0xa1", "0x01", "--boot-record", "SPE",
            "--confirm", "--align", 16,
        ),
        {
            "big_endian": True, "security_counter": 9, "dependencies": (Dependency(1, Version(1, 2, 3, 4)),),
            "vendor_tlvs": ((0xA1, b"\1"),), "boot_record": "SPE", **padded(16, confirm=True),
        },
    ),
}  # fmt: skip


# The same bytes


@pytest.mark.parametrize("name", CASES)
def test_with_ed25519_every_byte_is_the_same(tool: Imgtool, name: str) -> None:
    case = CASES[name]
    theirs = tool.sign(PLAIN, "--pad-header", *case.theirs)
    assert make(PLAIN, key(ED), **case.ours) == theirs
    accept(theirs, ED)
    assert installed(theirs) == PLAIN
    assert tool.verifies(theirs, ED) is (name != "big-endian")
    refuse_altered(theirs, ED)


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_unsigned_images_are_the_same(tool: Imgtool, name: str) -> None:
    for extra, ours in (((), {}), (("--boot-record", "SPE"), {"boot_record": "SPE"})):
        theirs = tool.sign(PLAIN, "--pad-header", "--sha", name[3:], *extra, signer="")
        assert make(PLAIN, hash_name=name, **ours) == theirs
        assert tool.verifies(theirs)


def test_images_that_bring_their_header_are_the_same(tool: Imgtool) -> None:
    data = bytes(128) + PLAIN
    assert make(data, key(ED), pad_header=False, header_size=128) == tool.sign(data, "-H", 128)


@pytest.mark.parametrize("size", [1, 15, 16, 17, 65535, 1 << 20 | 1])
def test_payloads_of_any_size_are_the_same(tool: Imgtool, size: int) -> None:
    data = pattern(size, size)
    assert make(data, key(ED)) == tool.sign(data, "--pad-header", "-S", 2 << 20)


@pytest.mark.parametrize("options", [((), {}), (("--sha", 512), {"hash_name": "sha512"}), (("--pure",), {"pure": True})], ids=str)
@pytest.mark.parametrize("more", ["plain", "all-protected", "full-key", "confirm-32", "big-endian"])
def test_hashes_and_pure_signatures_are_the_same(tool: Imgtool, options: tuple[Any, Any], more: str) -> None:
    case = CASES[more]
    theirs = tool.sign(PLAIN, "--pad-header", *options[0], *case.theirs)
    assert make(PLAIN, key(ED), **options[1], **case.ours) == theirs
    accept(theirs, ED)
    assert tool.verifies(theirs, ED) is (more != "big-endian")
    refuse_altered(theirs, ED)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != ED])
@pytest.mark.parametrize("more", ["plain", "all-protected", "full-key", "padded-signature", "confirm-32", "big-endian"])
def test_with_other_keys_all_but_the_signature_is_the_same(tool: Imgtool, name: str, more: str) -> None:
    case = CASES[more]
    theirs = tool.sign(PLAIN, "--pad-header", *case.theirs, signer=name)
    mine = make(PLAIN, key(name), **case.ours)
    same_but_random(mine, theirs)
    accept(theirs, name)
    if more != "big-endian":
        assert tool.verifies(mine, name)
        assert tool.verifies(theirs, name)
    refuse_altered(theirs, name)


# Encryption


def their_key(data: bytes, decrypt: str) -> bytes:
    return payload.aes_key(opened(data), device_key(decrypt))


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize(
    ("name", "extra", "more"),
    [
        ("rsa", (), {}), ("p256", (), {}), ("x25519", (), {}), ("x25519", ("--hmac-sha", 512), {"sha512": True}),
        ("x25519", ("--clear",), {"clear": True}), ("rsa", ("--clear",), {"clear": True}),
    ],
    ids=["rsa", "p256", "x25519", "x25519-sha512", "x25519-clear", "rsa-clear"],
)  # fmt: skip
def test_encrypted_images(tool: Imgtool, name: str, size: int, extra: tuple[object, ...], more: dict[str, Any]) -> None:
    theirs = tool.sign(
        PLAIN, "--pad-header", "-E", tool.folder / f"for-{name}.pem", "--encrypt-keylen", size * 8, "-s", "auto", "--pad", *extra
    )
    image = opened(theirs)
    assert bool(image.header.flags & Flags.ENCRYPTED_AES256) is (size == 32)
    accept(theirs, ED, decrypt=name)
    assert installed(theirs, name)[: len(PLAIN)] == PLAIN
    encryption = Encryption(recipient(name), size, key=their_key(theirs, name), **more)
    mine = make(PLAIN, key(ED), security_counter="auto", encryption=encryption, slot=Slot(size=SLOT, pad=True))
    same_but_random(mine, theirs)
    assert len(mine) == len(theirs)
    refuse_altered(theirs, ED, decrypt=name)
    with pytest.raises(TrustError):
        accept(theirs, ED)
    with pytest.raises(TrustError):
        accept(theirs, ED, decrypt=f"{name}:other")


@pytest.mark.parametrize(("signer", "name"), [("rsa-2048", "rsa"), ("rsa-3072", "rsa"), ("ecdsa-p256", "p256"), ("", "x25519")])
@pytest.mark.parametrize("header", [32, 40])
def test_encrypted_images_by_other_keys(tool: Imgtool, signer: str, name: str, header: int) -> None:
    theirs = tool.sign(PLAIN, "--pad-header", "-H", header, "-E", tool.folder / f"for-{name}.pem", signer=signer)
    encryption = Encryption(recipient(name), key=their_key(theirs, name))
    mine = make(PLAIN, *([key(signer)] if signer else []), encryption=encryption, header_size=header)
    same_but_random(mine, theirs)
    if signer:
        accept(theirs, signer, decrypt=name)


def test_imgtool_cannot_verify_what_it_encrypts(tool: Imgtool) -> None:
    assert not tool.verifies(tool.sign(PLAIN, "--pad-header", "-E", tool.folder / "for-x25519.pem"), ED)


# Compression


@pytest.mark.parametrize("kind", ["lzma2", "lzma2armthumb"])
@pytest.mark.parametrize("more", ["plain", "all-protected", "header-512", "confirm-16", "big-endian"])
def test_compressed_images_are_the_same(tool: Imgtool, kind: str, more: str) -> None:
    case = CASES[more]
    theirs = tool.sign(CODE, "--pad-header", "--compression", kind, *case.theirs)
    assert make(CODE, key(ED), compression=kind, **case.ours) == theirs
    assert opened(theirs).is_compressed
    accept(theirs, ED)
    assert installed(theirs) == CODE


@pytest.mark.parametrize("kind", ["lzma2", "lzma2armthumb"])
def test_large_payloads_compress_to_the_same_bytes(tool: Imgtool, kind: str) -> None:
    """In steps here, at once there."""
    data = b"".join(CODE[n % 97 :] + pattern(50, n) for n in range(160))
    assert len(data) > 1 << 20
    theirs = tool.sign(data, "--pad-header", "--compression", kind, "-S", 4 << 20)
    assert make(data, key(ED), compression=kind) == theirs
    accept(theirs, ED)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_compressed_images_by_every_key(tool: Imgtool, name: str) -> None:
    theirs = tool.sign(CODE, "--pad-header", "--compression", "lzma2", "--pad-sig", signer=name)
    accept(theirs, name)
    mine = make(CODE, key(name), compression="lzma2", pad_signature=True)
    accept(mine, name)
    assert tool.verifies(mine, name)
    assert [tlv.value for tlv in opened(mine).protected.tlvs[:2]] == [tlv.value for tlv in opened(theirs).protected.tlvs[:2]]


@pytest.mark.parametrize("options", [((), {}), (("--sha", 512), {"hash_name": "sha512"}), (("--pure",), {"pure": True})], ids=str)
def test_compressed_images_with_other_hashes_are_the_same(tool: Imgtool, options: tuple[Any, Any]) -> None:
    theirs = tool.sign(CODE, "--pad-header", "--compression", "lzma2", *options[0])
    assert make(CODE, key(ED), compression="lzma2", **options[1]) == theirs
    accept(theirs, ED)


@pytest.mark.parametrize("kind", ["lzma2", "lzma2armthumb"])
def test_compressed_and_encrypted_images(tool: Imgtool, kind: str) -> None:
    theirs = tool.sign(CODE, "--pad-header", "--compression", kind, "-E", tool.folder / "for-x25519.pem", "-s", 3)
    accept(theirs, ED, decrypt="x25519")
    assert installed(theirs, "x25519") == CODE
    encryption = Encryption(recipient("x25519"), key=their_key(theirs, "x25519"))
    same_but_random(make(CODE, key(ED), compression=kind, encryption=encryption, security_counter=3), theirs)
    refuse_altered(theirs, ED, decrypt="x25519")


# What imgtool reads of ours


@pytest.mark.parametrize("name", ["all-protected", "confirm-32", "full-key", "ram-load"])
def test_imgtool_shows_our_images_as_we_do(tool: Imgtool, name: str) -> None:
    data = make(PLAIN, key("ecdsa-p256"), **CASES[name].ours)
    image = opened(data)
    source, target = tool.folder / "show.bin", tool.folder / "show.json"
    source.write_bytes(data)
    assert tool("dumpinfo", "-f", "json", "-o", target, "-s", source).code == 0
    shown = json.loads(target.read_text())
    found = shown["header"]
    assert (found["hdr_size"], found["img_size"], found["protected_tlv_size"], found["flags"], found["load_addr"]) == (
        image.header.header_size, image.header.payload_size, image.header.protected_size, int(image.header.flags),
        image.header.load_address,
    )  # fmt: skip
    areas = [[tlv["type"] for tlv in shown["tlv_area"][part]] for part in ("tlvs_prot", "tlvs")]
    assert areas == [[tlv.type for tlv in area.tlvs] for area in (image.protected, image.unprotected)]
    if image.trailer:
        assert shown["trailer"]["image_ok"] == 1


def test_imgtool_takes_one_of_several_signatures(tool: Imgtool) -> None:
    data = make(PLAIN, key(ED), key("ecdsa-p256"), key("rsa-2048"))
    for name in (ED, "ecdsa-p256", "rsa-2048"):
        assert tool.verifies(data, name)
        accept(data, name)
    assert not tool.verifies(data, "ed25519:other")


# Where imgtool 2.5.0 differs from its documentation, or from the boot loader


def test_imgtool_verify_overlooks_what_we_refuse(tool: Imgtool) -> None:
    data = tool.sign(PLAIN, "--pad-header")
    image = opened(data)
    named = image.signed[0].key
    overlooked = [named.offset + 4, named.offset + named.size - 1, *(tlv.offset + 1 for tlv in image.unprotected.tlvs)]
    for at in overlooked:
        damaged = bytearray(data)
        damaged[at] ^= 1
        assert tool.verifies(bytes(damaged), ED)
        with pytest.raises((FormatError, TrustError)):
            accept(bytes(damaged), ED)
    assert tool.verifies(data + b"garbage", ED)
    with pytest.raises(FormatError):
        accept(data + b"garbage", ED)


def test_imgtool_leaves_plain_what_it_can_neither_compress_nor_encrypt(tool: Imgtool) -> None:
    """Asked for both, and unable to make the payload smaller, it writes the payload in plain, marked as encrypted."""
    data = tool.sign(PLAIN, "--pad-header", "--compression", "lzma2", "-E", tool.folder / "for-x25519.pem")
    assert PLAIN in data
    with pytest.raises(FormatError, match="no encryption key"):
        opened(data)
    mine = make(PLAIN, key(ED), compression="lzma2", encrypt="x25519")
    assert PLAIN not in mine
    accept(mine, ED, decrypt="x25519")


def test_imgtool_forgets_non_bootable_when_it_compresses(tool: Imgtool) -> None:
    """The flag is in the hash of the decompressed image, and not in the image: no device can start it."""
    data = tool.sign(CODE, "--pad-header", "--compression", "lzma2", "--non-bootable")
    assert not opened(data).header.flags & Flags.NON_BOOTABLE
    with pytest.raises(FormatError, match="decompressed image"):
        accept(data, ED)
    mine = make(CODE, key(ED), compression="lzma2", bootable=False)
    assert opened(mine).header.flags & Flags.NON_BOOTABLE
    accept(mine, ED)


def test_imgtool_encrypts_for_rsa_keys_no_boot_loader_takes(tool: Imgtool) -> None:
    """TLV 0x30 is for RSA-2048; with an RSA-3072 key it gets 384 bytes."""
    data = tool.sign(PLAIN, "--pad-header", "-E", tool.folder / "rsa-3072.pub.pem", signer="rsa-3072")
    with pytest.raises(FormatError, match="384 bytes"):
        opened(data)


def test_imgtool_takes_types_that_are_not_a_vendors(tool: Imgtool) -> None:
    data = tool.sign(PLAIN, "--pad-header", "--custom-tlv", "0x100", "0x01")
    with pytest.raises(FormatError, match="unknown TLV 0x0100"):
        opened(data)


def test_imgtool_writes_types_in_one_byte_whatever_the_byte_order(tool: Imgtool) -> None:
    """A boot loader in big endian reads SHA256 as 0x1000 then; records of vendors are right."""
    data = tool.sign(PLAIN, "--pad-header", "-e", "big", "--custom-tlv", "0xa1", "0x01")
    image = opened(data)
    raw = [struct.unpack_from(">H", data, tlv.offset)[0] for tlv in (*image.protected.tlvs, *image.unprotected.tlvs)]
    assert raw == [0xA1, 0x1000, 0x0100, 0x2400]


def test_imgtool_puts_erased_bytes_where_it_promises_zeros(tool: Imgtool) -> None:
    assert tool.sign(PLAIN, "--pad-header", "-H", 64)[32:64] == b"\xff" * 32


def test_imgtool_takes_address_zero_for_none(tool: Imgtool) -> None:
    assert tool.sign(PLAIN, "--pad-header", "-F", 0) == make(PLAIN, key(ED))
    assert opened(make(PLAIN, key(ED), rom_fixed=0)).header.flags == Flags.ROM_FIXED


def test_imgtool_counts_too_little_room_for_keys_of_aes_256(tool: Imgtool) -> None:
    """The boot loader keeps two plain keys of 32 bytes in the trailer, imgtool leaves room for two of 16."""
    wanted = ("--pad-header", "-E", tool.folder / "for-x25519.pem", "--encrypt-keylen", 256)
    size = len(tool.sign(PLAIN, *wanted)) + 384 + 48 + 2 * 16
    assert tool.sign(PLAIN, *wanted, "-S", size, "--pad")
    encryption = Encryption(recipient("x25519"), 32)
    with pytest.raises(FormatError):
        make(PLAIN, key(ED), encryption=encryption, slot=Slot(size=size, pad=True))
    make(PLAIN, key(ED), encryption=encryption, slot=Slot(size=size + 32, pad=True))


def test_imgtool_fails_with_a_stack_trace_where_we_have_a_message(tool: Imgtool) -> None:
    data = make(PLAIN, key(ED))
    whole = (tool.folder / "t.bin", tool.folder / "ed25519.pub.pem")
    for size in (0, 10, 31, 40, len(data) - 70):
        whole[0].write_bytes(data[:size])
        done = tool("verify", "-k", whole[1], whole[0])
        assert isinstance(done.code, Exception)
        with pytest.raises(FormatError):
            accept(data[:size], ED)


@pytest.mark.parametrize("options", [("-v", "256.0.0"), ("-v", "1.2.70000"), ("-s", "-1"), ("-s", 2**32)], ids=str)
def test_numbers_that_do_not_fit(tool: Imgtool, options: tuple[object, ...]) -> None:
    done: list[object] = []
    with contextlib.suppress(AssertionError):
        done.append(tool.sign(PLAIN, "--pad-header", *options))
    assert not done


# imgtool as the reference for small things


def test_uuids_are_those_of_imgtool(tool: Imgtool) -> None:
    image = opened(tool.sign(PLAIN, "--pad-header", "--vid", "ünïcode.example", "--cid", "a b"))
    assert [tlv.value for tlv in opened(make(PLAIN, vendor="ünïcode.example", image_class="a b")).protected.tlvs] == [
        tlv.value for tlv in image.protected.tlvs
    ]


def test_hex_files_of_imgtool_hold_the_same_image(tool: Imgtool) -> None:
    from formats import intel_hex

    source, target = tool.folder / "in.bin", tool.folder / "out.hex"
    source.write_bytes(PLAIN)
    done = tool(
        "sign",
        "-v",
        "1.2.3+4",
        "-S",
        SLOT,
        "-H",
        32,
        "--pad-header",
        "-k",
        tool.folder / "ed25519.pem",
        "-x",
        0x1000,
        source,
        target,
    )
    assert done.code == 0, done
    with target.open("rb") as file:
        piece = intel_hex.read(file).pieces[0]
    assert piece.read(0, piece.size) == make(PLAIN, key(ED))


def test_explaining_an_image_of_imgtool(tool: Imgtool) -> None:
    checks = explain(opened(tool.sign(PLAIN, "--pad-header", "-s", "auto", "--confirm")), [key(ED).public])
    assert [(check.id, str(check.outcome)) for check in checks] == [
        (name, "held") for name in ("header", "protected_tlvs", "tlvs", "trailer", "hash", "signature", "signatures", "sec_cnt")
    ]
