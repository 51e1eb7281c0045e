"""Device records as JSON, the same wherever they are shown."""

import decimal
import time
from typing import Any

from transports.tsp import messages


def slot_json(slot: messages.Slot) -> dict[str, Any]:
    return {
        "index": slot.index,
        "version": str(slot.version),
        "digest": slot.digest.hex(),
        "state": slot.state.name.lower(),
        "running": slot.running,
        "security_counter": slot.security_counter,
    }


def batch_json(batch: messages.Batch) -> dict[str, Any]:
    return {
        "state": batch.state.name.lower(),
        "count": batch.count,
        "totals": [
            {
                "currency": total.currency,
                "amount": str(decimal.Decimal(total.minor_units).scaleb(-min(total.decimals, 9))),
            }
            for total in batch.totals
        ],
        "offline_unsent": batch.offline_unsent,
        "business_date": batch.business_date,
        "last_close": utc(batch.last_close) if batch.last_close else None,
    }


def utc(seconds: int) -> str:
    """ISO 8601; a time beyond the calendar is shown as the number it is."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return str(seconds)
