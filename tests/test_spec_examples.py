"""The hex in the specifications, block by block: the code writes it, and reads it back as what the document says.

`<!-- example: NAME -->` marks the blocks that tests/spec_examples.py builds, `<!-- hex: NAME -->` those built here.
"""

import hashlib
import io
import pathlib
import re
import struct
from typing import Final

import pytest

from formats import trust
from formats.fwp import package, table
from formats.fwp.header import Header
from formats.fwp.manifest import ComponentType, Manifest
from formats.keys import generate, read_public
from formats.signing import SignatureBlock
from hwsim import bootstate
from hwsim.bootstate import BootLog, BootState, SlotMark
from hwsim.flash import NorFlash
from hwsim.layout import BOOT_STATE, FLASH_SIZE, SLOTS
from hwsim.peripherals import Peripherals
from hwsim.slots import SlotStore
from tests.spec_examples import DEVICE_NONCE, HOST_NONCE, examples, small_package
from tests.support import KEY, P256_KEY
from transports.tsp import frames, messages
from transports.tsp.frames import Decoder, Frame
from transports.tsp.hello import Hello, session_seed
from transports.tsp.messages import Chunk, Detail, Message, Opcode, SlotState, Splitter, Status
from transports.tsp.streams import Ack

DOCS: Final = pathlib.Path(__file__).resolve().parent.parent / "docs"
FILES: Final = ("formats/fwp.md", "formats/signing.md", "protocol/tsp.md", "device/boot.md")
BLOCK: Final = re.compile(r"<!-- (?:example|hex): ([a-z-]+) -->\n```hex\n(.*?)```", re.DOTALL)
SEED: Final = session_seed(HOST_NONCE, DEVICE_NONCE)
GAP: Final = Ack(3, 4096, 65536, ((8192, 12288),))
STATE: Final = BootState(0, (SlotMark(SlotState.CONFIRMED), SlotMark(SlotState.TRIAL, 1)))

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="needs the checkout, not the wheel")


def blank_flash() -> NorFlash:
    return NorFlash(bytearray(b"\xff") * FLASH_SIZE, FLASH_SIZE)


def store_small_package(flash: NorFlash) -> SlotStore:
    sealed = package.seal(io.BytesIO(small_package()))
    store = SlotStore(flash, 0)
    store.heads.write(sealed.signed, sealed.signatures.build())
    return store


def boot_state_record() -> bytes:
    """The sixth record of a boot log."""
    flash = blank_flash()
    log = BootLog(flash)
    for _ in range(6):
        log.write(STATE)
    return flash.read(BOOT_STATE[0] + 5 * bootstate.RECORD_SIZE, bootstate.RECORD_SIZE)


def further_examples() -> dict[str, bytes]:
    """Name in the documents -> bytes, of the blocks that `examples` does not build."""
    body = Detail(text="no update is going on").build()
    flash = blank_flash()
    store_small_package(flash)
    return {
        "reset-frame": frames.encode(frames.Kind.RESET, 0, 0, b"", SEED),
        "ping-frame": frames.encode(frames.Kind.PING, 0, 0, b"", SEED),
        "ack-with-gap": GAP.build(),
        "refusal-message": Message(Opcode.FINISH, messages.Kind.RESPONSE, 2, Status.WRONG_STATE, body).build(),
        "slot-head": flash.read(SLOTS[0], 24),
        "boot-state": boot_state_record(),
    }


def blocks_of(name: str) -> dict[str, bytes]:
    """The marked hex of one document."""
    found: dict[str, bytes] = {}
    for block, text in BLOCK.findall((DOCS / name).read_text(encoding="utf-8")):
        assert block not in found, block
        lines = [line.partition(";")[0].split() for line in text.splitlines()]
        assert all(0 < len(line) <= 16 for line in lines), block
        found[block] = bytes.fromhex("".join("".join(line) for line in lines))
    return found


@pytest.fixture(scope="module")
def told() -> dict[str, bytes]:
    """The hex of all documents."""
    return {block: data for name in FILES for block, data in blocks_of(name).items()}


def frame_in(data: bytes) -> Frame:
    decoder = Decoder(4096)
    decoder.seed = SEED
    (frame,) = decoder.feed(b"VT-100 boot 1.0.0\r\n" + data)
    assert decoder.waiting == 0
    assert decoder.bad_frames == 0
    return frame


def test_every_block_is_what_the_code_writes(told: dict[str, bytes]) -> None:
    expected = {**examples(), **further_examples()}
    assert set(told) == set(expected)
    for name, data in expected.items():
        assert told[name] == data, name


def test_no_hex_stands_there_unchecked() -> None:
    for name in FILES:
        text = (DOCS / name).read_text(encoding="utf-8")
        assert text.count("```hex") == len(blocks_of(name)), name


def test_the_sections_make_a_package(told: dict[str, bytes]) -> None:
    parts = ("header", "manifest", "root", "table", "payload", "empty-signature-block")
    raw = b"".join(told[f"package-{part}"] for part in parts)
    opened = package.seal(io.BytesIO(raw)).open()
    opened.check_all()
    manifest = opened.manifest
    assert [data for _, data in opened.blocks()] == [bytes(range(20))]
    assert (str(manifest.version), manifest.security_counter, str(manifest.hardware)) == ("1.2.3", 7, "VT-100:1..9")
    assert (manifest.block_size, manifest.components[0].type) == (4096, ComponentType.APPLICATION)
    assert Header.parse(told["package-header"], len(raw)).build() == told["package-header"]
    assert Manifest.parse(told["package-manifest"]).build() == told["package-manifest"]
    index, page = told["package-table"][:32], told["package-table"][32:]
    assert told["package-root"] == hashlib.sha256(index).digest() == table.root_of(index)
    assert index == hashlib.sha256(page).digest()
    assert page == hashlib.sha256(told["package-payload"]).digest() + struct.pack("<I", 20)


def test_the_signature_holds_under_the_trust_file(told: dict[str, bytes]) -> None:
    parsed = SignatureBlock.parse(told["signature-block"])
    assert parsed.build() == told["signature-block"]
    assert SignatureBlock.parse(told["package-empty-signature-block"]) == SignatureBlock()
    signed = told["package-header"] + told["package-manifest"] + told["package-root"]
    digest = hashlib.sha256(signed).digest()
    assert told["message"] == b"fwtool/package/v1\0" + digest
    trusted = trust.parse(told["trust-file"])
    (judged,) = trusted.require("package", digest, parsed)
    assert (judged.check, judged.key_name) == (trust.Check.VALID, "maker")
    assert trusted.digest == hashlib.sha256(told["trust-file"][: 12 + 88]).digest()


def test_keys_are_encoded_as_the_table_says() -> None:
    text = (DOCS / "formats/signing.md").read_text(encoding="utf-8")
    heads = [bytes.fromhex(found) for found in re.findall(r"\| `(30 [0-9A-F ]+)` ‖", text)]
    for key, head, size in zip((KEY, P256_KEY, generate("ecdsa-p384")), heads, (44, 91, 120), strict=True):
        assert key.public.der.startswith(head)
        assert len(key.public.der) == size
        assert read_public(key.public.der) == key.public
    assert [len(generate(name).public.der) for name in ("rsa-3072", "rsa-4096", "ml-dsa-65")] == [422, 550, 1974]
    small, other = (int(found, 16) for found in re.findall(r"`([0-9A-F]{64})`", text))
    assert small + other == 2**255 - 19


def test_frames_are_read_back(told: dict[str, bytes]) -> None:
    hello = Hello.parse(frame_in(told["hello-frame"]).payload)
    welcome = Hello.parse(frame_in(told["welcome-frame"]).payload)
    assert (hello.nonce, hello.peer_nonce, hello.window) == (HOST_NONCE, bytes(16), 65536)
    assert (welcome.nonce, welcome.peer_nonce, welcome.window) == (DEVICE_NONCE, HOST_NONCE, 135168)
    assert int.from_bytes(told["session-seed"], "little") == session_seed(hello.nonce, welcome.nonce)
    data = frame_in(told["info-request-frame"])
    assert data[:3] == (frames.Kind.DATA, 1, 0)
    assert Splitter().feed(data.payload) == [Message(Opcode.INFO, messages.Kind.REQUEST, 1, 0, b"")]
    assert Ack.parse(frame_in(told["ack-frame"]).payload) == (Ack(1, 12, 12 + welcome.window), b"")
    assert frame_in(told["ping-frame"]) == Frame(frames.Kind.PING, 0, 0, b"")
    assert frame_in(told["reset-frame"]) == Frame(frames.Kind.RESET, 0, 0, b"")
    assert Ack.parse(told["ack-with-gap"]) == (GAP, b"")


def test_messages_are_read_back(told: dict[str, bytes]) -> None:
    assert Chunk.parse(told["data-body"]) == Chunk(3, b"\xde\xad")
    (message,) = Splitter().feed(told["refusal-message"])
    assert (message.opcode, message.status) == (Opcode.FINISH, Status.WRONG_STATE)
    assert Detail.parse(message.body).text == "no update is going on"


def test_flash_contents_are_read_back(told: dict[str, bytes]) -> None:
    flash = blank_flash()
    flash.program(BOOT_STATE[1], told["boot-state"])
    assert BootLog(flash).state == STATE
    sizes = struct.unpack_from("<II", told["slot-head"], 4)
    stored = store_small_package(blank_flash()).metadata()
    assert stored is not None
    assert sizes == tuple(len(part) for part in stored)
    assert told["slot-head"][16:] == told["package-header"][:8]


def test_every_opcode_status_and_reading_is_documented() -> None:
    text = (DOCS / "protocol/tsp.md").read_text(encoding="utf-8")
    for opcode in Opcode:
        assert f"{opcode:02X} {opcode.name}" in text
    for status in Status:
        assert f"{status:d} {status.name.lower().replace('_', ' ')} |" in text
    for reading in Peripherals().readings(3):
        assert f"| {reading.name} |" in text
