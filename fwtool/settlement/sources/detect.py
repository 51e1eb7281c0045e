"""What kind of file it is, from its first bytes and the layouts that are known; nothing is taken on the name alone."""

import pathlib
from collections.abc import Mapping
from typing import Final

from formats.errors import FormatError
from fwtool.settlement.layout import Layout
from fwtool.settlement.notices import is_table
from fwtool.settlement.sources import alipay, wechat
from fwtool.settlement.sources.text import opened

WINDOWS: Final = ("ics", "windows-csv", "notice")
BUILT_IN: Final = ("camt", "mt940", "alipay", "wechat")
_LOOK: Final = 1 << 14
PERSONAL: Final = ("微信支付账单明细", "电子客户回单", "支付宝(中国)网络技术有限公司")


def _refuse_personal(first_lines: str) -> None:
    """An export for private people is not a merchant's bill; raises FormatError."""
    if any(title in first_lines for title in PERSONAL):
        raise FormatError(
            "this is a private person's account history, not a merchant's bill", name="unsupported_format",
            hint="Download the trade bill (交易账单, 业务明细) from the merchant platform.",
        )  # fmt: skip


def kind_of(path: pathlib.Path, *tables: Mapping[str, Layout]) -> str:
    """One of `WINDOWS` or `BUILT_IN`, or the name of a layout.

    Args:
        tables: Layouts; the first table in which one fits decides.

    Raises:
        FormatError: no kind, or several layouts, fit.
        LocalError: it cannot be read.
    """
    with opened(path) as file:
        head = file.read(_LOOK)
    text = _text(head)
    _refuse_personal(text[:2000])
    for kind, fits in _SIGNS:
        if fits(text):
            return kind
    fitting = ([name for name, layout in table.items() if _fits(path, head, text, layout)] for table in tables)
    found = next(filter(None, fitting), [])
    if len(found) > 1:
        raise FormatError(
            f"{path.name} fits the layouts {', '.join(found)}", name="unsupported_format", hint="Say which: --as NAME."
        )
    if found:
        return found[0]
    if path.suffix.lower() == ".txt" and any(
        sign in text for sign in ("维护", "升级", "暂停", "maintenance", "Maintenance", "outage")
    ):
        return "notice"
    raise FormatError(
        f"{path.name} is of no kind that is known here", name="unsupported_format",
        hint="Declare a layout and give it with --layouts, or say what it is with --as.",
    )  # fmt: skip


def _text(head: bytes) -> str:
    """The beginning as text; a character may be cut in the middle."""
    for encoding in ("utf-8-sig", "gb18030"):
        for cut in range(4):
            try:
                return head[: len(head) - cut].decode(encoding)
            except UnicodeDecodeError:
                continue
    return head.decode("latin-1")


def _is_wechat(text: str) -> bool:
    first = text.split("\n", 1)[0]
    return all(word in first for word in wechat.HEADER) or "No Bill Exist" in text or "NO_STATEMENT_EXIST" in text


def _is_alipay(text: str) -> bool:
    return text.startswith("#支付宝") or all(word.partition("(")[0] in text for word in alipay.HEADER)


_SIGNS: Final = (
    ("ics", lambda text: text.lstrip().upper().startswith("BEGIN:VCALENDAR")),
    ("camt", lambda text: text.lstrip().startswith("<") and "No Bill" not in text),
    ("mt940", lambda text: text.lstrip().startswith((":20:", "{1:")) or "\n:20:" in text),
    ("wechat", _is_wechat),
    ("alipay", _is_alipay),
    ("windows-csv", lambda text: is_table(text.split("\n", 1)[0])),
)  # fmt: skip


def _fits(path: pathlib.Path, head: bytes, text: str, layout: Layout) -> bool:
    if layout.fixed:
        named = layout.name_date is not None and layout.name_date.search(path.name) is not None
        return head[: layout.record + 2].find(b"\n") in (layout.record, layout.record + 1) and (named or layout.name_date is None)
    lines = text.split("\n")
    if layout.skip_until:
        lines = next((lines[place + 1 :] for place, line in enumerate(lines) if layout.skip_until in line), [])
    if not lines:
        return False
    words = {word.strip().removeprefix(layout.guard).strip('" \r') for word in lines[0].split(layout.separator)}
    return set(layout.header) <= words
