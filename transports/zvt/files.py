"""Files: 08 10 to 08 14, and the blocks a terminal asks for (S 2.40 to 2.43; 08 14 and its blocks as Feig speaks them, E).

In 08 14 the terminal chooses what comes next: it asks with 04 0C, and the answer 80 00 carries the block.
"""

from typing import Final

from transports.zvt.heads import Fixed
from transports.zvt.layout import Group, Message, Tag, Tags, group
from transports.zvt.tlv import FILE_NAME_LONG, MIME_TYPE_LONG
from transports.zvt.values import BYTE, PASSWORD, RAW, TEXT, Password, number

BLOCK_OVERHEAD: Final = 26
"""Bytes of an answer with a block of more than 255 bytes besides the block: 5 of the APDU, 21 of tags (id of one byte)."""
MAX_BLOCK: Final = 65514
"""Largest block that the length of an APDU and of a data object allow."""


class FilePart(Group):
    """Tag 2D: a file, or a piece of one."""

    file_id: int | None = None
    name: str | None = None
    """In place of an id, and only for a terminal that asks so."""
    offset: int | None = None
    size: int | None = None
    """Of the whole file, bytes."""
    block: bytes | None = None
    mime_type: str | None = None
    LAYOUT = (
        Tag("file_id", 0x1D, BYTE),
        Tag("name", 0x1F80, TEXT, also=FILE_NAME_LONG),
        Tag("offset", 0x1E, number(4)),
        Tag("size", 0x1F00, number(4)),
        Tag("block", 0x1C, RAW),
        Tag("mime_type", 0x1F81, TEXT, also=MIME_TYPE_LONG),
    )


class WriteFile(Message):
    """08 14: what there is; the password is that of the service menu."""

    password: Password
    files: tuple[FilePart, ...] = ()
    LAYOUT = (Fixed("password", 3, PASSWORD), Tags("files", 0x2D, group(FilePart)))


class FileRequest(Message):
    """04 0C: which piece the terminal wants; the same one again up to three times."""

    file: FilePart
    LAYOUT = (Tag("file", 0x2D, group(FilePart)),)


class FileBlock(Message):
    """80 00 after 04 0C: id and offset as asked, and the block, which the end of the file may cut short."""

    file: FilePart
    LAYOUT = (Tag("file", 0x2D, group(FilePart)),)


class ReadFile(Message):
    """08 11: which files, and from where."""

    files: tuple[FilePart, ...] = ()
    LAYOUT = (Tags("files", 0x2D, group(FilePart)),)


class DeleteFile(Message):
    """08 12."""

    file_ids: tuple[int, ...] = ()
    LAYOUT = (Tags("file_ids", 0x1D, BYTE),)


class SoftwareUpdate(Message):
    """08 10: the terminal fetches an update by itself."""

    job: str | None = None
    LAYOUT = (Tag("job", 0x0F, TEXT),)


class FeigConfiguration(Group):
    """Tag E4 of 08 13 on a Feig terminal: the payment host's address, as IPv4, port and a config byte."""

    password: Password
    host: bytes | None = None
    LAYOUT = (Tag("password", 0xFF40, PASSWORD), Tag("host", 0xFF41, RAW))


class ChangeConfiguration(Message):
    """08 13; what is in it is the maker's business."""

    parts: tuple[FilePart, ...] = ()
    feig: FeigConfiguration | None = None
    LAYOUT = (Tags("parts", 0x2D, group(FilePart)), Tag("feig", 0xE4, group(FeigConfiguration)))
