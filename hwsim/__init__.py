"""A payment terminal made of software: flash, boot loader, firmware, printer, readers, battery, and the line to it."""

VERSION_MARK = "fwtool-terminal 0.1.0"
"""Literal, compared by `fwtool.marks` at start."""
