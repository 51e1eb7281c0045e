"""One entry of the record: its text, the hash of that text, and how it is read again. Pure."""

import hashlib
import json
import os
import time
from typing import Any, Final, NamedTuple

SCHEMA: Final = 1
STARTED: Final = "started"
ENDS: Final = ("finished", "refused")
"""Kinds that end a job."""


class Entry(NamedTuple):
    """One line of the record."""

    number: int
    job: str
    kind: str
    """started, finished or refused."""
    body: dict[str, Any]
    hash: str


class Row(NamedTuple):
    """An entry as it lies in the store. Whoever edits a store may leave anything in it, so nothing here is believed."""

    number: int
    job: bytes
    kind: bytes
    body: bytes
    hash: bytes

    @property
    def digest(self) -> str:
        """What the hash has to be: SHA-256 of the text, lower-case hex."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def fields(self) -> dict[str, Any] | None:
        """The text as the object it should be; None if it is none."""
        try:
            fields = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return fields if isinstance(fields, dict) else None


def new_job_id() -> str:
    """Time-ordered and unique (RFC 9562, UUID version 7)."""
    millis = int(time.time() * 1000)
    random = int.from_bytes(os.urandom(10), "big")
    value = millis << 80 | 7 << 76 | (random >> 68 & 0xFFF) << 64 | 2 << 62 | random & (1 << 62) - 1
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def canonical(body: dict[str, Any]) -> str:
    """JSON with one spelling: sorted keys, no spaces, plain numbers."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def row_after(before: Row | None, whole: dict[str, Any]) -> Row:
    """The entry that follows another one; `whole` holds `job` and `kind`."""
    number, previous = (before.number + 1, before.hash.decode("utf-8", "replace")) if before else (1, "")
    text = canonical({**whole, "number": number, "previous": previous}).encode()
    return Row(number, whole["job"].encode(), whole["kind"].encode(), text, hashlib.sha256(text).hexdigest().encode())
