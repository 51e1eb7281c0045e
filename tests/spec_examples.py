"""The worked examples of the specifications, built by the code; tests/test_spec_documents.py holds the documents to them."""

import io

from formats import trust
from formats.fwp import build, header, package
from formats.fwp.manifest import ComponentType, Note
from formats.signing import Signature, SignatureBlock, message_for
from formats.sources import Flat, Image, Piece
from formats.versions import Hardware, Version
from tests.support import KEY
from transports.tsp import frames
from transports.tsp.hello import Hello, session_seed
from transports.tsp.messages import Chunk, Empty, Kind, Message, Opcode
from transports.tsp.streams import Ack

HOST_NONCE, DEVICE_NONCE = bytes(range(16)), bytes(range(16, 32))


def small_package() -> bytes:
    """20 bytes for address 0x08000000, version 1.2.3, revisions 1 to 9 of VT-100, counter 7."""
    data = bytes(range(20))
    source = Flat(Image((Piece(0x08000000, len(data), data=data),)))
    recipe = build.Recipe(
        Version.parse("1.2.3"), Hardware.parse("VT-100:1..9"), 7, "Acme", "Acme/VT-100", "b1", 1_790_000_000,
        block_size=4096, notes=(Note(language="en", text="First."),),
    )  # fmt: skip
    out = io.BytesIO()
    build.write(recipe, [build.Part(ComponentType.APPLICATION, "app", source)], out)
    return out.getvalue()


def examples() -> dict[str, bytes]:
    """Name in the documents -> bytes."""
    raw = small_package()
    sealed = package.seal(io.BytesIO(raw))
    head = sealed.header
    message = message_for("package", sealed.digest)
    block = SignatureBlock().adding(Signature(KEY.public.key_id, KEY.sign(message)))
    common = {
        "version_min": 1, "version_max": 1, "features": 7, "max_block": 65536, "max_manifest": 131072, "public_key": b""
    }  # fmt: skip
    hello = Hello(**common, max_frame=4096, window=65536, nonce=HOST_NONCE, peer_nonce=bytes(16))  # type: ignore[arg-type]
    welcome = Hello(**common, max_frame=4096, window=135168, nonce=DEVICE_NONCE, peer_nonce=HOST_NONCE)  # type: ignore[arg-type]
    seed = session_seed(HOST_NONCE, DEVICE_NONCE)
    request = Message(Opcode.INFO, Kind.REQUEST, 1, 0, Empty().build()).build()
    return {
        "package-header": raw[: header.SIZE],
        "package-manifest": raw[header.SIZE : head.signed_size - header.ROOT_SIZE],
        "package-root": raw[head.signed_size - header.ROOT_SIZE : head.signed_size],
        "package-table": raw[head.table_offset : head.payload_offset],
        "package-payload": raw[head.payload_offset : head.signatures_offset],
        "package-empty-signature-block": raw[head.signatures_offset :],
        "message": message,
        "signature-block": block.build(),
        "trust-file": trust.create([("maker", KEY.public)], threshold=1),
        "hello-frame": frames.encode(frames.Kind.HELLO, 0, 0, hello.build(), 0),
        "welcome-frame": frames.encode(frames.Kind.WELCOME, 0, 0, welcome.build(), 0),
        "session-seed": seed.to_bytes(4, "little"),
        "info-request-frame": frames.encode(frames.Kind.DATA, 1, 0, request, seed),
        "ack-frame": frames.encode(frames.Kind.ACK, 0, 0, Ack(1, 12, 135180).build(), seed),
        "data-body": Chunk(3, b"\xde\xad").build(),
    }
