"""Suspicious activity in a terminal's journal of transactions, by a table of rules with limits (docs/compliance.md)."""

from fwtool.compliance.activity.journal import Record, read
from fwtool.compliance.activity.looking import Hit, look
from fwtool.compliance.activity.rules import Rule, load

__all__ = ["Hit", "Record", "Rule", "load", "look", "read"]
