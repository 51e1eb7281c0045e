"""What `image show --hex` tells of a file: every byte of its structure, named."""

from typing import NamedTuple


class Field(NamedTuple):
    """Some bytes of a file, and what they mean."""

    offset: int
    size: int
    name: str
    """Path of the field, e.g. `header.img_size` or `manifest.components[0].version`."""
    value: str
    """The value as a person would write it; empty where the bytes say it all (padding, payload)."""
    clause: str = ""
    """Where it is specified: document and section."""
    covered_by: str = ""
    """What a change of these bytes would break: `signatures`, `CRC`, `MD5`, `SHA-256 of ...`; empty: nothing."""
