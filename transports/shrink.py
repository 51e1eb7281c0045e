"""Whether to compress a block before it is sent: measured, block by block.

Compression pays if it saves more time on the line than it takes here. What does not shrink goes as it is.
"""

from collections.abc import Callable
from typing import Final

from formats.deflate import deflate
from transports.tsp.messages import Encoding

LEAST_GAIN: Final = 0.98
"""What shrinks less is not worth the receiver's work."""
PROBE_EVERY: Final = 16
"""After it did not pay, one block in so many is tried again: the line, or the data, may have changed."""


class Shrinker:
    """Encodes blocks.

    Args:
        now: Clock of the line; in virtual time computing takes none.
        pack: Compresses a block; a source that is shared may do so once for all.
        line_byte_s: Seconds a byte takes on the line, as known now; 0: nothing is known, or the line has no limit.
    """

    def __init__(
        self, now: Callable[[], float], line_byte_s: Callable[[], float], pack: Callable[[bytes], bytes] = deflate
    ) -> None:
        self._now, self._line_byte_s, self._pack = now, line_byte_s, pack
        self._skip = 0

    def encode(self, data: bytes) -> tuple[Encoding, bytes]:
        """The block as it should travel."""
        if self._skip:
            self._skip -= 1
            return Encoding.RAW, data
        start = self._now()
        packed = self._pack(data)
        cost = self._now() - start
        saved = (len(data) - len(packed)) * self._line_byte_s()
        if cost > saved:
            self._skip = PROBE_EVERY - 1
        if len(packed) > LEAST_GAIN * len(data):
            return Encoding.RAW, data
        return Encoding.DEFLATE, packed
