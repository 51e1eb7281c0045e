"""The support bundle: what a terminal, this computer and its records say, in one signed file (docs/support-bundle.md)."""

from fwtool.bundle.collect import Collected, Wanted, collect
from fwtool.bundle.judging import Judged, incident, judge
from fwtool.bundle.opening import Opened, opened
from fwtool.bundle.packing import pack

__all__ = ["Collected", "Judged", "Opened", "Wanted", "collect", "incident", "judge", "opened", "pack"]
"""What the verb needs."""
