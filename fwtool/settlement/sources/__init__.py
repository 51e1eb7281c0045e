"""Readers: each is a generator of `fwtool.settlement.lines.Line` from one kind of file, and refuses what is not of it."""
