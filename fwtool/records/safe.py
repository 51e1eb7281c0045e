"""What may go into a record: values that JSON has a spelling for, and no card number (PCI DSS 3.5.1)."""

import math
import re
from typing import Any, Final

from transports.scrub import scrub_text

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAMED: Final = ("digest", "sha256", "key_id")
"""Fields that end like this hold our own SHA-256. Their digits are nobody's card, and they must stay exact."""


def safe(value: Any, name: str = "") -> Any:
    """The value with card numbers scrubbed (`transports.scrub`), however deep it lies.

    Text that is no Unicode (a file name of another age) is escaped; what is no number (infinity) becomes None.

    Args:
        name: The field it stands in.
    """
    if isinstance(value, dict):
        return {_text(str(key)): safe(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [safe(inner, name) for inner in value]
    if isinstance(value, str):
        return value if name.endswith(_NAMED) and _DIGEST.fullmatch(value) else _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return (float if isinstance(value, float) else int)(_text(str(int(value))))
    return value


def _text(text: str) -> str:
    return scrub_text(text.encode("utf-8", "backslashreplace")).decode()
