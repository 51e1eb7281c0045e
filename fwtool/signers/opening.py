"""The table of signers. To add one: a file beside this one, and a line here."""

import contextlib
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from formats.errors import TrustError
from formats.signing import Signer
from fwtool.signers import external, key_file, pkcs11_token
from fwtool.signers.secrets import Secrets

Opener = Callable[[str, Secrets, pathlib.Path], contextlib.AbstractContextManager[Signer]]
SCHEMES: Final[dict[str, Opener]] = {
    "pkcs11": pkcs11_token.opened,
    "command": external.opened,
}
"""By what stands before the first colon; everything else is a key file."""


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
            opener = SCHEMES.get(name.partition(":")[0], key_file.opened)
            signers.append(Checked(stack.enter_context(opener(name, secrets, state_dir))))
        yield signers
