"""Files with the private keys of device groups, plain or encrypted (PKCS#8), as `--decrypt-key` names them."""

import pathlib
from typing import NamedTuple

from fwtool.files import read_small
from fwtool.signers.secrets import Secrets


class KeyFile(NamedTuple):
    """A key file, and who knows its passphrase."""

    path: pathlib.Path
    secrets: Secrets = Secrets()

    def read(self) -> tuple[bytes, bytes | None]:
        """What is in it, and the passphrase, asked for only where one is needed.

        Raises:
            LocalError: not readable.
            ToolError: it needs a passphrase, and there is nobody to ask (`usage`).
        """
        data = read_small(self.path)
        return data, self.secrets.get(str(self.path)) if b"ENCRYPTED" in data else None
