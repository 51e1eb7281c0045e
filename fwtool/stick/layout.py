"""What is on a stick, and where.

```
FWTOOL/README.txt            for people, English and Chinese
FWTOOL/INDEX.json            a convenience for other programs; nothing here reads it
FWTOOL/FW_*.fwp              signed packages
FWTOOL/TRUST_*.fwt           trust files that follow the pinned one
FWTOOL/ORDER_*.fwo           work orders
FWTOOL/TOOL/...              the tool itself (`make bundle`)
```

Packages and trust files are known by their first bytes, wherever they are and whatever they are called; the rest by its place.
"""

import enum
import json
import textwrap
from collections.abc import Sequence
from typing import Any, Final

from formats import trust
from formats.fwp import header
from formats.fwp.manifest import Manifest
from fwtool.stick import names
from fwtool.text import clean

FOLDER: Final = "FWTOOL"
TOOL: Final = "TOOL"
README: Final = "README.txt"
INDEX: Final = "INDEX.json"
UNFINISHED: Final = ".part"
"""Ends the name of a file until it is whole and read back."""


class Role(enum.StrEnum):
    """What a file on a stick is for."""

    PACKAGE = "package"
    TRUST = "trust"
    ORDER = "work order"
    TOOL = "tool"
    NOTE = "note"
    UNFINISHED = "unfinished"
    FOREIGN = "foreign"


MAGICS: Final[dict[bytes, Role]] = {header.MAGIC: Role.PACKAGE, trust.MAGIC: Role.TRUST}
MAGIC_SIZE: Final = 8


def role_by_place(path: str) -> Role:
    """What a file is, going by where it is. Case does not count: FAT32 may show it changed."""
    parts = path.casefold().split("/")
    if parts[0] != FOLDER.casefold() or len(parts) < 2:
        return Role.FOREIGN
    if len(parts) > 2:
        return Role.TOOL if parts[1] == TOOL.casefold() else Role.FOREIGN
    if parts[1] in (README.casefold(), INDEX.casefold()):
        return Role.NOTE
    if parts[1].endswith(UNFINISHED):
        return Role.UNFINISHED
    return Role.ORDER if parts[1].endswith(names.ORDER_SUFFIX) else Role.FOREIGN


Content = Sequence[tuple[str, Manifest, bytes]]
"""File name, manifest and digest of each package."""


def readme(content: Content) -> bytes:
    """The note for people: UTF-8 with a byte-order mark and CRLF, so that every Windows editor shows it."""
    rows = [f"  {name}\n    {clean(m.model)} {m.version}" for name, m, _ in content]
    text = f"{_ENGLISH}\n{_CHINESE}\n" + "\n".join(rows) + "\n"
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("utf-8", "backslashreplace")


def index(content: Content) -> bytes:
    """The list for other programs, in JSON."""
    packages: list[dict[str, Any]] = [
        {
            "file": name, "package_id": m.package_id, "vendor": m.vendor, "hardware": str(m.hardware), "version": str(m.version),
            "security_counter": m.security_counter, "digest": digest.hex(),
        }
        for name, m, digest in content
    ]  # fmt: skip
    whole = {"format": "fwtool-stick", "version": 1, "trust": "none: a convenience; verify the packages", "packages": packages}
    return (json.dumps(whole, indent=1, sort_keys=True) + "\n").encode("ascii")


_ENGLISH: Final = textwrap.dedent("""\
    Firmware packages for payment terminals
    =======================================

    1. Put this stick into the laptop.          fwtool stick check  DRIVE
    2. Connect the terminal and keep it on.     fwtool flash --stick DRIVE --port PORT
    3. Eject the stick safely.

    fwtool takes the right package by what its maker has signed. File names and dates mean nothing.
    Whose signatures count is set on the laptop (fwtool trust install), never by this stick.
    If the laptop has no fwtool, it may be in the folder TOOL: see README.txt there.
    """)
_CHINESE: Final = textwrap.dedent("""\
    支付终端固件升级包
    ==================

    1. 将本U盘插入笔记本电脑。                  fwtool stick check  盘符
    2. 连接终端,升级过程中请勿断电。            fwtool flash --stick 盘符 --port 端口
    3. 完成后请安全弹出U盘。

    fwtool 按厂商数字签名的内容选择升级包,与文件名和日期无关。
    信任谁的数字签名由笔记本电脑决定(fwtool trust install),不由本U盘决定。
    如果电脑上没有 fwtool,请查看 TOOL 文件夹中的 README.txt。
    """)
