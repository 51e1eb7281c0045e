"""Device records as JSON, the same wherever they are shown."""

import time
from typing import Any

from transports.terminal_records import Batch
from transports.tsp.messages import Slot


def slot_json(slot: Slot) -> dict[str, Any]:
    return {
        "index": slot.index,
        "version": str(slot.version),
        "digest": slot.digest.hex(),
        "state": slot.state.name.lower(),
        "running": slot.running,
        "security_counter": slot.security_counter,
    }


def batch_json(batch: Batch) -> dict[str, Any]:
    return {
        "state": batch.state.name.lower(),
        "count": batch.count,
        "totals": [{"currency": total.currency, "amount": str(total.amount)} for total in batch.totals],
        "offline_unsent": batch.offline_unsent,
        "business_date": batch.business_date.isoformat() if batch.business_date else None,
        "last_close": utc(batch.last_close) if batch.last_close else None,
    }


def batch_lines(data: dict[str, Any]) -> list[str]:
    """A batch, as `batch_json` has it, for people."""
    sums = ", ".join(f"{total['amount']} {total['currency']}" for total in data["totals"])
    count = "" if data["count"] is None else f": {data['count']} transactions not settled"
    dates = [f"business date {data['business_date']}"] if data["business_date"] else []
    dates += [f"last closed {data['last_close']}"] if data["last_close"] else []
    return [f"batch {data['state']}{count}{', ' + sums if sums else ''}", *([", ".join(dates)] if dates else [])]


def utc(seconds: int) -> str:
    """ISO 8601; a time beyond the calendar is shown as the number it is."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return str(seconds)
