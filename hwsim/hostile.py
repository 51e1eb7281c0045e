"""A host that checks nothing: sends whatever is in a package file, to show (and test) that the terminal decides for itself.

python -m hwsim.hostile PORT FILE
"""

import pathlib
import sys
from collections.abc import Iterator

from formats.deflate import deflate
from formats.errors import ToolError
from formats.fwp import header, table
from formats.fwp.coding import TAG_SIZE
from formats.fwp.manifest import Manifest
from transports.registry import open_pipe
from transports.tsp import messages
from transports.tsp.messages import Opcode
from transports.tsp_terminal import TspTerminal
from transports.tsp_update import send_update


class Unchecked:
    """A package taken apart by its sizes alone (`transports.tsp_update.BlockSource`)."""

    def __init__(self, raw: bytes) -> None:
        head = header.Header.parse(raw[: header.SIZE], None)
        self._raw, self._head = raw, head
        self.signed = raw[: head.signed_size]
        self.signatures = raw[head.signatures_offset :]
        try:
            manifest = Manifest.parse(raw[header.SIZE : header.SIZE + head.manifest_size])
            self.block_count, self._shape = manifest.block_count, manifest.table_shape
            self._block_size = manifest.block_size
        except ToolError:
            self.block_count, self._shape, self._block_size = 1, table.Shape(1), 16384

    def index(self) -> bytes:
        return self._raw[self._head.table_offset :][: self._shape.index_size]

    def page_for(self, block: int) -> tuple[int, bytes]:
        at, size = self._shape.page_span(block // table.ENTRIES_PER_PAGE)
        return at, self._raw[self._head.table_offset + at :][:size]

    pack = staticmethod(deflate)

    def blocks(self, first: int) -> Iterator[tuple[int, bytes]]:
        payload = self._raw[self._head.payload_offset : self._head.signatures_offset]
        lengths = self._lengths()
        for number in range(first, self.block_count):
            at = sum(lengths[:number])
            yield number, payload[at : at + lengths[number]]

    def _lengths(self) -> list[int]:
        """Stored lengths as the table has them, true or not; none is longer than a block with its tag."""
        pages = [self.page_for(first)[1] for first in range(0, self.block_count, table.ENTRIES_PER_PAGE)]
        lengths = []
        for number in range(self.block_count):
            page = pages[number // table.ENTRIES_PER_PAGE].ljust(table.ENTRIES_PER_PAGE * self._shape.entry_size, b"\0")
            lengths.append(min(self._shape.entry_in(page, number).stored_length, self._block_size + TAG_SIZE))
        return lengths


def force(terminal: TspTerminal, raw: bytes) -> None:
    """Try to install `raw` by all means; a terminal worth its name answers with a refusal (DeviceRefused)."""
    send_update(terminal, Unchecked(raw), resume=False, progress=lambda done, written: None)


def main() -> int:
    port, file = sys.argv[1:]
    terminal = TspTerminal(open_pipe(port))
    try:
        terminal.connect()
        try:
            force(terminal, pathlib.Path(file).read_bytes())
        except ToolError as refused:
            info = terminal.request(Opcode.INFO, messages.Empty(), messages.Info)
            print(f"{refused.message}; it still runs {info.version}")  # noqa: T201 - a script
            return 0
        print("the terminal took it: that must not happen")  # noqa: T201
        return 1
    finally:
        terminal.close()


if __name__ == "__main__":
    sys.exit(main())
