"""Bytes in motion: pipes, frames, the window engine, and the terminal dialects."""

VERSION_MARK = "fwtool-terminal 0.1.0"
"""Literal, compared by `fwtool.marks` at start."""
