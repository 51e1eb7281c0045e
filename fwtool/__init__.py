"""Build, sign, stream and verify firmware for payment terminals: the library.

Everything a script needs can be imported from here; nothing is loaded before it is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
VERSION_MARK = "fwtool-terminal 0.1.0"
"""Literal, compared by `fwtool.marks` at start."""

_FACE = {
    "ToolError": "formats.errors",
    "Trust": "formats.trust",
    "Event": "fwtool.events",
    "FlashJob": "fwtool.flashing",
    "FlashResult": "fwtool.flashing",
    "flash": "fwtool.flashing",
    "Unit": "fwtool.many",
    "flash_many": "fwtool.many",
    "Finding": "fwtool.findings",
    "diagnose": "fwtool.diagnosis",
    "Device": "transports.device",
    "connect": "transports.dialects",
    "Records": "fwtool.records",
    "load_trust": "fwtool.trust_store",
    "load_package": "fwtool.packages",
}

if TYPE_CHECKING:
    from formats.errors import ToolError
    from formats.trust import Trust
    from fwtool.diagnosis import diagnose
    from fwtool.events import Event
    from fwtool.findings import Finding
    from fwtool.flashing import FlashJob, FlashResult, flash
    from fwtool.many import Unit, flash_many
    from fwtool.packages import load_package
    from fwtool.records import Records
    from fwtool.trust_store import load_trust
    from transports.device import Device
    from transports.dialects import connect

__all__ = [
    "Device",
    "Event",
    "Finding",
    "FlashJob",
    "FlashResult",
    "Records",
    "ToolError",
    "Trust",
    "Unit",
    "connect",
    "diagnose",
    "flash",
    "flash_many",
    "load_package",
    "load_trust",
]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'fwtool' has no attribute {name!r}")
    module = importlib.import_module(_FACE[name])
    value = getattr(module, name)
    globals()[name] = value
    return value
