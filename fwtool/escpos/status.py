"""What the answers of an ESC/POS printer mean. Pure: bytes in, words out. No answer is never taken for an answer.

Sources: Epson ESC/POS reference, commands DLE EOT, GS r, GS I, GS g 2; manuals of Bixolon and Citizen have the same tables.
"""

import enum
from typing import Final, NamedTuple

from fwtool.findings import Words


class State(enum.StrEnum):
    """How a printer is. Those of `fwtool print-test` keep their names."""

    READY = "ready"
    PAPER_LOW = "paper_low"
    OFFLINE = "offline"
    HEAD_HOT = "head_hot"
    """An error that goes away by itself: the head, or the voltage."""
    FAULT = "fault"
    CUTTER = "cutter"
    COVER_OPEN = "cover_open"
    PAPER_OUT = "paper_out"
    UNKNOWN = "unknown"
    """It has not told."""


WORST_FIRST: Final = (
    State.PAPER_OUT, State.COVER_OPEN, State.CUTTER, State.FAULT, State.HEAD_HOT, State.OFFLINE, State.PAPER_LOW, State.READY,
)  # fmt: skip
STOPS: Final = frozenset(WORST_FIRST[:6])
"""In these nothing is printed."""
STATE_WORDS: Final = {
    State.READY: Words("ready", "就绪"),
    State.PAPER_LOW: Words("paper low", "纸将用尽"),
    State.OFFLINE: Words("offline", "脱机"),
    State.HEAD_HOT: Words("head or voltage out of range, recovers by itself", "打印头过热或电压异常,可自行恢复"),
    State.FAULT: Words("fault", "故障"),
    State.CUTTER: Words("cutter jammed", "切刀卡住"),
    State.COVER_OPEN: Words("cover open", "机盖打开"),
    State.PAPER_OUT: Words("paper out", "缺纸"),
    State.UNKNOWN: Words("it does not answer questions; that is not the same as no paper", "打印机不回答查询;这不等于缺纸"),
}


class Bit(NamedTuple):
    """A group of bits of an answer, and the state if any of them is set."""

    mask: int
    state: State


QUESTIONS: Final = (1, 2, 3, 4)
"""DLE EOT n: printer, cause of being offline, error, paper."""
REAL_TIME: Final[dict[int, tuple[Bit, ...]]] = {
    1: (Bit(0x08, State.OFFLINE),),
    2: (Bit(0x04, State.COVER_OPEN), Bit(0x20, State.PAPER_OUT), Bit(0x40, State.FAULT)),
    3: (Bit(0x04, State.FAULT), Bit(0x08, State.CUTTER), Bit(0x20, State.FAULT), Bit(0x40, State.HEAD_HOT)),
    4: (Bit(0x0C, State.PAPER_LOW), Bit(0x60, State.PAPER_OUT)),
}
QUEUED: Final = (Bit(0x03, State.PAPER_LOW), Bit(0x0C, State.PAPER_OUT))
"""GS r 1: answered when everything before it has been printed."""
IDENTITY: Final = {"firmware": 65, "maker": 66, "model": 67, "serial_number": 68}
"""GS I n -> a text."""
COUNTERS: Final[dict[int, tuple[str, Words]]] = {
    20: ("lines_fed", Words("lines fed", "走纸行数")),
    21: ("head_energised", Words("times the head was energised", "打印头加热次数")),
    50: ("cuts", Words("cuts", "切纸次数")),
    70: ("hours", Words("hours of power", "通电小时")),
    148: ("lines_fed_life", Words("lines fed in its life", "累计走纸行数")),
    149: ("head_energised_life", Words("times the head was energised in its life", "打印头累计加热次数")),
    178: ("cuts_life", Words("cuts in its life", "累计切纸次数")),
    198: ("hours_life", Words("hours of power in its life", "累计通电小时")),
}
"""GS g 2 nL nH -> a number. The first four can be reset."""
_TEXT_HEAD: Final = 0x5F
MAX_TEXT: Final = 80


def ask_real_time(n: int) -> bytes:
    return bytes((0x10, 0x04, n))


def ask_queued() -> bytes:
    return bytes((0x1D, 0x72, 1))


def ask_identity(n: int) -> bytes:
    return bytes((0x1D, 0x49, n))


def ask_counter(n: int) -> bytes:
    return bytes((0x1D, 0x67, 0x32, 0, n & 0xFF, n >> 8))


def real_time(n: int, answer: bytes) -> State | None:
    """The worst state that an answer to DLE EOT n tells; None: there is no byte in it that could be one (`0xx1xx10`)."""
    told = next((byte for byte in reversed(answer) if byte & 0x93 == 0x12), None)
    return None if told is None else _worst_bit(REAL_TIME[n], told)


def queued(answer: bytes) -> State | None:
    """The same for GS r 1 (`0xx0xxxx`)."""
    told = next((byte for byte in reversed(answer) if byte & 0x90 == 0), None)
    return None if told is None else _worst_bit(QUEUED, told)


def _worst_bit(bits: tuple[Bit, ...], told: int) -> State:
    return worst([bit.state for bit in bits if told & bit.mask] or [State.READY])


def worst(states: list[State]) -> State:
    """The worst of what was told; unknown: nothing was."""
    return min((state for state in states if state in WORST_FIRST), key=WORST_FIRST.index, default=State.UNKNOWN)


def text(answer: bytes) -> str | None:
    """The text of an answer `5F ... 00`; None: it is none, or its end has not come."""
    start = answer.find(_TEXT_HEAD)
    end = answer.find(0, start)
    if start < 0 or end < 0 or end - start > MAX_TEXT + 1:
        return None
    found = answer[start + 1 : end].decode("ascii", "replace").strip()
    return found if found.isprintable() else None


def number(answer: bytes) -> int | None:
    """The same as a number."""
    found = text(answer)
    return int(found) if found is not None and found.isascii() and found.isdigit() else None
