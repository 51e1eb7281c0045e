"""What a side learns about its line: how long an answer takes, and how large a frame should be."""

import math
from collections import deque
from typing import Final

from transports.tsp.frames import MIN_PAYLOAD, OVERHEAD

FIRST_ROUND_TRIP_S: Final = 0.5
LEAST_SPREAD_S: Final = 0.03


class RoundTrip:
    """Smoothed round trip and deviation (RFC 6298 section 2, gains 1/8 and 1/4)."""

    def __init__(self) -> None:
        self.smoothed_s: float | None = None
        self.least_s: float | None = None
        """The shortest one seen: what the line and the adapter take when nothing is queued."""
        self._deviation_s = 0.0

    def measure(self, sample_s: float, queued_s: float = 0.0) -> None:
        """Take in a round trip, and how much of it was spent behind bytes of our own: those are counted when a timer is
        set, and must not be counted twice."""
        self.least_s = sample_s if self.least_s is None else min(self.least_s, sample_s)
        sample_s = max(0.0, sample_s - queued_s)
        if self.smoothed_s is None:
            self.smoothed_s, self._deviation_s = sample_s, sample_s / 2
            return
        self._deviation_s += (abs(sample_s - self.smoothed_s) - self._deviation_s) / 4
        self.smoothed_s += (sample_s - self.smoothed_s) / 8

    @property
    def patience_s(self) -> float:
        """How long to wait before an answer counts as late."""
        if self.smoothed_s is None:
            return FIRST_ROUND_TRIP_S
        return max(self.smoothed_s, self.least_s or 0.0) + max(4 * self._deviation_s, LEAST_SPREAD_S)


class FrameSize:
    """Chooses the payload of a frame from the frames that got lost.

    On a line with a rate p of bad bytes, overhead costs OVERHEAD / L and repetition p * L of what is sent, so the best L
    is sqrt(OVERHEAD / p). p is estimated twice, and the larger one counts: over all that is remembered, starting from a
    guess that a clean line outgrows; and over the last 8, 16 and 32 losses, which is what a line that has just turned
    bad shows within a few frames. While nothing at all arrives, each loss halves the size.
    """

    GUESSED_LOSSES: Final = 1.0
    GUESSED_BYTES: Final = 65536
    CLEAN_BYTES: Final = 1 << 16
    """After so many bytes without a loss the guess has lost half of its weight: most lines are clean."""
    SPANS: Final = (8, 16, 32)

    def __init__(self, largest: int, *, clean: bool = False) -> None:
        self.largest = max(MIN_PAYLOAD, largest)
        """What the receiver takes, and what the line carries in a reasonable time."""
        self._guess = 0.0 if clean else self.GUESSED_LOSSES
        self._judged = 0
        """Bytes put on the line whose fate is known."""
        self._losses: deque[int] = deque(maxlen=self.SPANS[-1])
        """Where in that count frames got lost, the latest ones."""
        self._since = 0
        self._ceiling = self.largest
        self._streak = 0

    def judged(self, position: int) -> None:
        """All frames up to this byte count have arrived or been noted as lost."""
        self._judged = max(self._judged, position)

    def arrived(self) -> None:
        """A frame has arrived."""
        self._streak = 0
        self._ceiling = min(self.largest, 2 * self._ceiling)

    def lost(self, position: int, size: int) -> None:
        """A frame of `size` payload bytes that began at this byte count did not arrive."""
        self._streak += 1
        if self._streak > 1:
            self._ceiling = max(MIN_PAYLOAD, min(self._ceiling, size) // 2)
        if len(self._losses) == self._losses.maxlen:
            self._since = self._losses[0]
        self._losses.append(position)

    @property
    def error_rate(self) -> float:
        """Estimated rate of bytes that spoil their frame."""
        count = len(self._losses)
        clean = self._judged - (self._losses[-1] if self._losses else 0)
        guess = self._guess / (1 + clean / self.CLEAN_BYTES)
        rate = (count + guess) / (self._judged - self._since + self.GUESSED_BYTES)
        for span in self.SPANS:
            if count >= span:
                rate = max(rate, (span - 1) / max(1, self._judged - self._losses[-span]))
        return rate

    @property
    def best(self) -> int:
        rate = self.error_rate
        size = self.largest if rate == 0 else math.isqrt(int(OVERHEAD / rate))
        return max(MIN_PAYLOAD, min(size, self._ceiling))
