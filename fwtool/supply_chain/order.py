"""Comparing keys of versions."""

from typing import Any

MAX_LENGTH = 256
"""Characters of a version; longer ones are not compared."""
CACHED = 4096
"""Keys of versions that are kept: the bounds of one range are compared with many versions."""


def order(first: Any, second: Any) -> int:
    """-1, 0 or 1 as the first key is smaller than, equal to or larger than the second."""
    return int(first > second) - int(first < second)
