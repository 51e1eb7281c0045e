"""The opening of a session: what each side can, and two nonces. Layout: docs/protocol/tsp.md section 3."""

import enum
import hashlib

import construct as c

from formats.record import Record

VERSION = 1
NONCE_SIZE = 16


class Feature(enum.IntFlag):
    """What a side offers beyond the minimum; unknown bits are ignored."""

    UPDATE = 1
    PRINTER = 2
    RESUME = 4
    DEFLATE = 8
    """Blocks may come compressed."""
    GRANTS = 16
    """Sessions can be opened with a grant."""


class Hello(Record):
    """Sent by the host as HELLO and by the device as WELCOME."""

    version_min: int
    version_max: int
    max_frame: int
    """Longest payload of a frame this side accepts, bytes."""
    features: int
    max_block: int
    """Largest block of a package this side handles, bytes."""
    max_manifest: int
    """Largest signed region and signature block this side handles, bytes each."""
    window: int
    """Bytes this side can take before it has consumed any: the first credit."""
    nonce: bytes
    peer_nonce: bytes
    """In WELCOME the nonce it answers, in HELLO zero."""
    public_key: bytes
    """Empty in version 1; keys are agreed on with AUTHORISE."""
    LAYOUT = c.Struct(
        "version_min" / c.Int8ul,
        "version_max" / c.Int8ul,
        "max_frame" / c.Int16ul,
        "features" / c.Int32ul,
        "max_block" / c.Int32ul,
        "max_manifest" / c.Int32ul,
        "window" / c.Int32ul,
        "nonce" / c.Bytes(NONCE_SIZE),
        "peer_nonce" / c.Bytes(NONCE_SIZE),
        "public_key" / c.Prefixed(c.Int8ul, c.GreedyBytes),
    )

    def speaks(self, version: int) -> bool:
        return self.version_min <= version <= self.version_max


def session_seed(host_nonce: bytes, device_nonce: bytes) -> int:
    """What the CRC-32 of a session's frames starts from: the first four bytes of SHA-256 over prefix and nonces."""
    digest = hashlib.sha256(b"fwtool/tsp/v1\0" + host_nonce + device_nonce).digest()
    return int.from_bytes(digest[:4], "little")
