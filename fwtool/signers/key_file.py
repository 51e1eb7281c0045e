"""A private key in a PEM file, plain or encrypted."""

import contextlib
import pathlib
from collections.abc import Iterator

from formats import keys
from formats.keys import PrivateKey
from formats.signing import Signer
from fwtool.files import read_small
from fwtool.signers.secrets import Secrets


def load(path: pathlib.Path, secrets: Secrets, *, foreign: bool = False) -> PrivateKey:
    """Read a key file; the passphrase is only asked for where one is needed.

    Raises:
        LocalError: not readable.
        FormatError: no key in it, or a wrong passphrase.
        TrustError: a kind of key that is not accepted.
    """
    data = read_small(path)
    locked = b"ENCRYPTED" in data
    return keys.read_private(data, secrets.get(str(path)) if locked else None, foreign=foreign)


@contextlib.contextmanager
def opened(name: str, secrets: Secrets, state_dir: pathlib.Path) -> Iterator[Signer]:
    del state_dir
    yield load(pathlib.Path(name), secrets, foreign=True)
