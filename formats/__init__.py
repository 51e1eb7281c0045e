"""Bytes at rest: firmware images, packages, keys and signatures, checksums.

Nothing in here touches a port, a clock or a thread; files are read through the file objects that callers pass in.
"""

VERSION_MARK = "fwtool-terminal 0.1.0"
"""Literal, compared by `fwtool.marks` at start: `formats` is a common name that another distribution could overwrite."""
