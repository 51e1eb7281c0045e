"""One block of a package: held against the table, and turned into what is installed."""

import hashlib

from formats.errors import FormatError
from formats.fwp.coding import BlockCipher, Cipher, Coder
from formats.fwp.manifest import Component, Manifest
from formats.fwp.rules import sizes_fit
from formats.fwp.table import Entry, Table


def coder_for(manifest: Manifest, component: Component, content_key: bytes | None) -> Coder | None:
    """What turns the stored blocks of a component into installed ones; None: it is encrypted, and there is no key."""
    if component.cipher is Cipher.NONE:
        return Coder(component.encoding)
    if content_key is None:
        return None
    return Coder(component.encoding, BlockCipher(content_key, manifest.components.index(component)))


class BlockChecker:
    """Checks blocks in any order; quickest in order, component by component.

    Args:
        content_key: Opens what is encrypted; without it, encrypted blocks are held against the digest of their stored form.
    """

    def __init__(self, manifest: Manifest, table: Table, content_key: bytes | None = None) -> None:
        self._manifest, self._table, self._content_key = manifest, table, content_key
        self._component = manifest.components[0]
        self._blocks = range(0)
        self._coder: Coder | None = None

    def _turn_to(self, index: int) -> Component:
        if index not in self._blocks:
            self._component = self._manifest.component_of(index)
            first = self._component.first_block
            self._blocks = range(first, first + self._component.block_count(self._manifest.block_size))
            self._coder = coder_for(self._manifest, self._component, self._content_key)
        return self._component

    def _installed_length(self, index: int) -> int:
        done = (index - self._blocks.start) * self._manifest.block_size
        return min(self._manifest.block_size, self._component.installed_size - done)

    def entry(self, index: int, offset: int | None = None) -> Entry:
        """What the table says of a block.

        Raises:
            FormatError: a block of this component cannot be stored so.
        """
        component, entry = self._turn_to(index), self._table[index]
        size = self._installed_length(index)
        plain = entry.stored_length == size and not component.is_coded
        if not plain and not sizes_fit(component.encoding, component.cipher, size, entry.stored_length, 1):
            raise FormatError(f"the table gives block {index} an impossible length", offset=offset)
        return entry

    def check(self, index: int, entry: Entry, stored: bytes | memoryview, offset: int | None = None) -> None:
        """Hold a stored block against its entry.

        Raises:
            FormatError: damaged.
        """
        if hashlib.sha256(stored).digest() != (entry.stored_digest or entry.digest):
            raise self._damaged(index, offset)

    def install(self, index: int, stored: bytes, offset: int | None = None) -> bytes:
        """The installed bytes of a block that `check` has let pass.

        Raises:
            FormatError: damaged, or encrypted and there is no key (`encrypted`).
        """
        component = self._turn_to(index)
        if not component.is_coded:
            return stored
        if self._coder is None:
            raise FormatError(
                f"component {component.name} is encrypted", name="encrypted",
                hint="Give the private key of a group it is encrypted for: --decrypt-key GROUP.pem.",
            )  # fmt: skip
        try:
            installed = self._coder.install(index, stored, self._installed_length(index))
        except FormatError as error:
            raise self._damaged(index, offset) from error
        if self._coder.digest(installed) != self._table[index].digest:
            raise self._damaged(index, offset)
        return installed

    def _damaged(self, index: int, offset: int | None) -> FormatError:
        return FormatError(
            f"block {index} of the package is damaged (component {self._component.name})", offset=offset,
            hint="Copy the file again from where it came.",
        )  # fmt: skip
