"""Signing only what somebody has looked at: a private copy is compared, shown, and signed; the file must still be the same.

Threat A54: whoever swaps the file between the look and the signature gets no signature.
"""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

from fwtool.files import open_input
from fwtool.packages import seal_file

STEP = 1 << 20


@contextlib.contextmanager
def private_copy(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A copy that nobody else can change, for as long as the block runs.

    Raises:
        LocalError: not readable, or no space.
    """
    with tempfile.TemporaryDirectory(prefix="fwtool-review-") as folder:
        copy = pathlib.Path(folder) / "package"
        with open_input(path) as source, copy.open("wb") as target:
            while data := source.read(STEP):
                target.write(data)
        yield copy


def identity(path: pathlib.Path) -> bytes:
    """The digest that signatures of a package are made over, 32 bytes.

    Raises:
        FormatError: no package, or damaged.
    """
    sealed = seal_file(path)
    sealed.file.close()
    return sealed.digest
