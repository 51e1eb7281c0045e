"""Security evidence: which PCI items a technician's tool can check, with what they rest on (docs/compliance.md)."""

from fwtool.compliance.evidence import Answer, Outcome, Sight
from fwtool.compliance.items import ITEMS, Item
from fwtool.compliance.looking import look

__all__ = ["ITEMS", "Answer", "Item", "Outcome", "Sight", "look"]
