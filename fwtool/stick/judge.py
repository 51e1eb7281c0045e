"""Whether a package is good: with a trust, or, where there is none, only whole."""

import time
from typing import BinaryIO

from formats.errors import FormatError, LocalError, TrustError
from formats.fwp import package as fwp
from formats.fwp.package import Package, Sealed
from formats.trust import Trust
from fwtool.stick.names import MAX_FILE


def seal(file: BinaryIO) -> Sealed:
    """The parts that may be read before trust, of a file that a stick can hold.

    Raises:
        FormatError: no package, damaged, or too large for FAT32 (`too_large`).
    """
    size = fwp.file_size(file)
    if size > MAX_FILE:
        raise FormatError(
            f"the file has {size} bytes; on a stick (FAT32) a file has at most {MAX_FILE}", name="too_large",
            hint="Build the package smaller: leave out components, or --compress auto.",
        )  # fmt: skip
    return fwp.seal(file)


def judge(file: BinaryIO, trust: Trust | None) -> Package:
    """Check every byte, and the signatures if there is a trust; without one there must at least be some.

    Raises:
        FormatError: damaged.
        TrustError: not signed as the trust demands.
    """
    sealed = seal(file)
    if trust is None and not sealed.signatures.signatures:
        raise TrustError("it is not signed", name="not_signed", hint="Sign it with: fwtool image sign FILE --key KEY.pem")
    package = sealed.open() if trust is None else sealed.verify(trust, time.time())
    package.check_all()
    return package


def no_package() -> LocalError:
    """What is said of a stick without any."""
    return LocalError("there is no firmware package on the stick", hint="Put one there: fwtool stick write FILE DRIVE")
