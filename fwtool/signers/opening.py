"""The table of signers. To add one: a file beside this one with `opened`, and a line here. Only what is used is loaded."""

import contextlib
import importlib
import pathlib
from collections.abc import Iterator, Sequence
from typing import Final

from formats.errors import TrustError
from formats.signing import Signer
from fwtool.signers.secrets import Secrets

SCHEMES: Final = {"pkcs11": "pkcs11_token", "command": "external"}
"""What stands before the first colon -> module; everything else is a key file."""


class Checked:
    """A signer whose signatures are looked at before anybody relies on them: a token can fail, a command can lie."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.public = signer.public

    def sign(self, message: bytes) -> bytes:
        return self._held(self._signer.sign(message), self.public.row.hashed(message))

    def sign_hashed(self, hashed: bytes) -> bytes:
        return self._held(self._signer.sign_hashed(hashed), hashed)

    def _held(self, signature: bytes, hashed: bytes) -> bytes:
        if not self.public.verify_hashed(signature, hashed):
            raise TrustError(
                f"the signer of key {self.public.key_id.hex()[:16]} gave a signature that does not hold",
                hint="Nothing was written. Check that the token or command uses the key it is named with.",
            )
        return signature


@contextlib.contextmanager
def open_signers(names: Sequence[str], secrets: Secrets, state_dir: pathlib.Path) -> Iterator[list[Signer]]:
    """Open signers by name, all before the first one signs.

    Args:
        names: A file, `pkcs11:...` (RFC 7512) or `command:FILE`.
        state_dir: Where wrong PINs are counted.

    Raises:
        ToolError: one of them cannot be opened.
    """
    with contextlib.ExitStack() as stack:
        signers: list[Signer] = []
        for name in names:
            module = SCHEMES.get(name.partition(":")[0], "key_file")
            opened = importlib.import_module(f"fwtool.signers.{module}").opened
            signers.append(Checked(stack.enter_context(opened(name, secrets, state_dir))))
        yield signers
