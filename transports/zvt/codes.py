"""What the numbers mean: result codes (S 10), states of the terminal (S 11), locks (tag 1F55), intermediate states (S 3.7).

Words, not actions: what to do about a result is the business of the health check.
"""

from typing import Final

RESULTS: Final[dict[int, str]] = {
    0x00: "ok",
    0x64: "card not readable",
    0x65: "card data missing",
    0x66: "processing error",
    0x67: "not allowed for debit cards",
    0x68: "not allowed for credit cards",
    0x6A: "turnover file full",
    0x6B: "function off, not registered",
    0x6C: "time-out or abort key",
    0x6E: "card on the block list",
    0x6F: "wrong currency",
    0x71: "credit too low",
    0x72: "chip error",
    0x73: "card data wrong",
    0x74: "DUKPT engine exhausted",
    0x75: "text not authentic",
    0x76: "PAN not on the white list",
    0x77: "end of day not possible",
    0x78: "card expired",
    0x79: "card not yet valid",
    0x7A: "card unknown",
    0x7B: "no magnetic fallback for debit cards",
    0x7C: "no magnetic fallback for credit cards",
    0x7D: "communications module missing or silent",
    0x7E: "no magnetic fallback",
    0x83: "function not possible",
    0x85: "key missing",
    0x89: "PIN pad defective",
    0x9A: "protocol error",
    0x9B: "dial-up or link fault",
    0x9C: "please wait",
    0xA0: "receiver not ready",
    0xA1: "remote station does not answer",
    0xA3: "no connection",
    0xA4: "GeldKarte submission failed",
    0xA5: "forbidden by PCI or P2PE",
    0xB1: "memory full",
    0xB2: "journal full",
    0xB4: "already reversed",
    0xB5: "reversal not possible",
    0xB7: "pre-authorisation wrong",
    0xB8: "pre-authorisation open or in error",
    0xBF: "supply voltage low",
    0xC0: "card lock mechanism defective",
    0xC1: "merchant card locked",
    0xC2: "diagnosis required",
    0xC3: "amount too large",
    0xC4: "card profile invalid",
    0xC5: "payment type not supported",
    0xC6: "currency not supported",
    0xC8: "amount too small",
    0xC9: "largest amount too small",
    0xCB: "euro only",
    0xCC: "printer not ready",
    0xCD: "no cash-back",
    0xD2: "no service cards",
    0xDC: "card inserted",
    0xDD: "eject error",
    0xDE: "insert error",
    0xDF: "out of order",
    0xE0: "remote maintenance on",
    0xE2: "card reader does not answer",
    0xE3: "shutter closed",
    0xE4: "activation required",
    0xE7: "goods group not found",
    0xE8: "no goods group table",
    0xE9: "restriction code not allowed",
    0xEA: "card code not allowed",
    0xEB: "PIN algorithm unknown",
    0xEC: "PIN processing not possible",
    0xED: "PIN pad defective",
    0xF0: "end of day open",
    0xF1: "error of the offline debit",
    0xF5: "OPT error",
    0xF6: "OPT data missing",
    0xFA: "clearing of offline transactions failed",
    0xFB: "turnover record damaged",
    0xFC: "device missing or defective",
    0xFD: "baud rate not supported",
    0xFE: "register unknown",
    0xFF: "system error",
}
HOST_RESULTS: Final = range(0x01, 0x64)
"""Passed on from the payment host; K: 37 is also a wrong password."""

STATES: Final[dict[int, str]] = {
    0x00: "ready",
    0x51: "initialisation required",
    0x62: "clock wrong",
    0x64: "repeat the insertion",
    0x65: "OPT action required",
    0x9C: "please wait",
    0x9D: "partial issue of goods",
    0xE1: "card not removed",
}
"""States of the terminal (status byte of 05 01) that mean something else than the result code of that number."""

LOCKS: Final = (
    "end-of-day lock",
    "initialisation lock",
    "diagnosis lock",
    "service lock",
    "out of order",
    "printer lock",
    "start-up needed",
    "secure module changed",
    "transaction log defective",
    "card reader not found",
    "card still inserted",
    "secure link not ready",
    "activation needed",
    "battery low",
    "contactless reader not initialised",
    "MDB not ready",
)
"""Bits of tag 1F55, the highest bit of the first byte first."""

INTERMEDIATE: Final[dict[int, str]] = {
    0x00: "amount confirmation",
    0x01: "look at the PIN pad",
    0x02: "look at the PIN pad",
    0x03: "not possible",
    0x04: "waiting for the host",
    0x05: "sending an auto-reversal",
    0x06: "sending post-bookings",
    0x07: "card not admitted",
    0x08: "card unknown",
    0x09: "card expired",
    0x0A: "insert card",
    0x0B: "remove card",
    0x0C: "card unreadable",
    0x0D: "aborted",
    0x0E: "please wait",
    0x0F: "automatic end of day starts",
    0x10: "invalid card",
    0x11: "balance display",
    0x12: "system malfunction",
    0x13: "payment not possible",
    0x14: "credit low",
    0x15: "wrong PIN",
    0x16: "limit low",
    0x17: "please wait",
    0x18: "PIN tries used up",
    0x19: "card data wrong",
    0x1A: "service mode",
    0x1B: "approved: fill up",
    0x1C: "approved: take the goods",
    0x1D: "declined",
    0x26: "mobile number",
    0x27: "mobile number again",
    0x28: "currency choice",
    0x29: "language choice",
    0x2A: "insert card to load",
    0x2B: "offline emergency mode",
    0x2C: "application choice",
    0x68: "card inserted",
    0x69: "choose the currency conversion",
    0xC7: "mileage",
    0xC8: "waiting for the cashier",
    0xC9: "automatic diagnosis",
    0xCA: "automatic initialisation",
    0xCB: "journal full",
    0xCC: "PIN needed",
    0xD2: "dialling",
    0xD3: "connected",
    0xE0: "application choice",
    0xE1: "language choice",
    0xE2: "use the cleaning card",
    0xF1: "offline",
    0xF2: "online",
    0xF3: "offline transaction",
    0xFF: "see the text",
}
_REMOVE_CARD: Final = frozenset({*range(0x41, 0x5E), 0x66, 0x67})
"""The state 40 lower, with `remove card` behind it; 4A has nothing before it."""


def result(code: int) -> str:
    """A result code in words."""
    return RESULTS.get(code) or ("refused by the payment host" if code in HOST_RESULTS else "unknown result")


def state(code: int) -> str:
    """A terminal's state in words."""
    return STATES.get(code) or result(code)


def intermediate(code: int) -> str:
    """An intermediate state in words."""
    if code not in _REMOVE_CARD:
        return INTERMEDIATE.get(code, "unknown state")
    before = INTERMEDIATE.get(code - 0x40, "") if code != 0x4A else ""
    return f"{before}, remove card" if before else "remove card"


def locks(raw: bytes) -> tuple[str, ...]:
    """The locks that are set in tag 1F55, in words."""
    bits = [byte >> bit & 1 for byte in raw for bit in range(7, -1, -1)]
    return tuple(name for name, is_set in zip(LOCKS, bits, strict=False) if is_set)
