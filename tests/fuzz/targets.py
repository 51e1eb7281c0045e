"""The table of all targets, by name."""

from typing import Final

from tests.fuzz import images, lines, mcuboot, packages, supply, texts, zvt
from tests.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {
    **images.TARGETS,
    **texts.TARGETS,
    **packages.TARGETS,
    **mcuboot.TARGETS,
    **supply.TARGETS,
    **lines.TARGETS,
    **zvt.TARGETS,
}
"""Name -> parser, errors it may raise, properties. A new parser gets a row here, in the file it belongs to."""
