"""The one record that every reader yields, whatever the file."""

import datetime
import enum
from collections.abc import Generator
from decimal import Decimal
from typing import Final, NamedTuple


class Side(enum.StrEnum):
    """Who speaks."""

    JOURNAL = "journal"
    BANK = "bank"
    TOTALS = "totals"
    """Totals of a terminal's batch; `amount` is a sum over `times` transactions."""
    ACCOUNT = "account"
    """Postings on the merchant's account; `amount` is net."""


KINDS: Final = ("sale", "refund", "void", "offline", "posting")
"""`offline` is a sale that was approved by the terminal and sent later; `void` takes a sale of the same batch back."""
STATES: Final = ("approved", "declined", "failed", "reversed", "reversal_pending", "pending")
"""`failed`: no answer, or an answer that says the host or the net was away. `reversed`: taken back, with an answer."""

_AWAY: Final = frozenset({"91", "92", "96", "98", "90", "68", "09"})
"""Response codes (DE39) of an outage: issuer down, no route, system fault, no answer, day change, too late, in progress."""
_APPROVED: Final = frozenset({"00", "000", "10", "11", "16", "A2", "A4", "A5", "A6"})


def state_of(response: str, reversal: str) -> str:
    """The state of a journal line from its response code and its reversal (none, pending, confirmed, given_up).

    No response code is no answer.
    """
    if reversal == "confirmed":
        return "reversed"
    if reversal in ("pending", "given_up"):
        return "reversal_pending"
    if response in _APPROVED:
        return "approved"
    return "failed" if not response or response in _AWAY else "declined"


class Line(NamedTuple):
    """A transaction, a sum, or a posting. Money that comes to the merchant is positive, money that goes is negative."""

    place: int
    """Line, entry or record in its file, from one."""
    kind: str
    amount: Decimal
    currency: str
    state: str = "approved"
    time: datetime.datetime | None = None
    """With a time zone."""
    day: datetime.date | None = None
    """Settlement date of the host (DE15), or the day the bank's file is about."""
    value_date: datetime.date | None = None
    terminal: str = ""
    batch: str = ""
    stan: str = ""
    rrn: str = ""
    """Retrieval reference number (DE37)."""
    order: str = ""
    """Number the merchant, the wallet or the processor gave it."""
    original: str = ""
    """Trace number of the transaction it takes back."""
    last4: str = ""
    fee: Decimal | None = None
    bank: str = ""
    response: str = ""
    """DE39, for people."""
    uploaded: datetime.datetime | None = None
    """When an offline transaction reached the host."""
    times: int = 1
    """Transactions it stands for."""
    text: str = ""


class FileFacts(NamedTuple):
    """What a file says of itself."""

    first_day: datetime.date | None = None
    last_day: datetime.date | None = None
    """The days it is about."""
    warnings: tuple[str, ...] = ()
    complete_for: str = ""
    """The bank for which it has all transactions of these days, even if these are none."""


Lines = Generator[Line, None, FileFacts]
"""What a reader is."""
