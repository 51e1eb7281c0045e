"""The terminal's side of a faster line: try a rate, keep it if the host says that bytes come through, else go back.

A rate that was kept is given up when nothing good comes for a while: the host may be gone, and the next one calls at the
starting rate.
"""

from typing import TYPE_CHECKING, Final

from hwsim.refusal import Refused
from transports.tsp.messages import RateRequest, Rates, RateStep, Status

if TYPE_CHECKING:
    from hwsim.terminal import Terminal

RATES: Final = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 1_500_000, 2_000_000, 3_000_000)
ANSWER_S: Final = 0.001
"""After so long the answer has been handed to the line."""
TRIAL_S: Final = 1.0
"""A rate on trial is given up after this time without a good frame."""
SILENCE_S: Final = 3.0
"""A rate that was kept is given up after this time without a good frame."""


class LineRate:
    """Rate of one terminal's line."""

    def __init__(self, terminal: "Terminal") -> None:
        self._terminal = terminal
        self._start = terminal.settings.baud
        self._kept = self._now = self._start
        self._heard = 0.0
        self._frames = 0
        terminal.link.set_byte_time(10 / self._start if self._start else 0.0)

    def ask(self, request: RateRequest) -> Rates:
        """Carry out a LINE_RATE command.

        Raises:
            Refused: the terminal cannot do this rate.
        """
        if request.step is not RateStep.TELL and request.baud not in self._rates:
            raise Refused(Status.BAD_REQUEST, f"this line cannot do {request.baud} baud")
        if request.step is RateStep.TRY:
            self._terminal.later(ANSWER_S, lambda: self._after_answer(request.baud))
        elif request.step is RateStep.KEEP:
            if request.baud != self._now:
                raise Refused(Status.WRONG_STATE, f"the line runs at {self._now} baud")
            self._kept = request.baud
            self._heard = self._terminal.scheduler.now()
            self._watch_silence()
        return Rates(baud=self._now, rates=self._rates)

    @property
    def _rates(self) -> tuple[int, ...]:
        return RATES if self._start else ()

    def _after_answer(self, baud: int) -> None:
        """The answer still goes out at the old rate."""
        wait = max(0.0, self._terminal.drained_at() - self._terminal.scheduler.now())
        self._terminal.later(wait, lambda: self._try(baud))

    def _try(self, baud: int) -> None:
        self._set(baud)
        self._heard = self._terminal.scheduler.now()
        self._judge(baud)

    def _judge(self, baud: int) -> None:
        """While good frames come the host is still trying."""
        if self._now != baud or self._kept == baud:
            return
        left = self._heard + TRIAL_S - self._terminal.scheduler.now()
        if left <= 0:
            self._set(self._kept)
        else:
            self._terminal.later(left, lambda: self._judge(baud))

    def watch(self) -> None:
        """Bytes have come: was there anything good in them?"""
        frames = self._terminal.link.frames_heard
        if frames != self._frames:
            self._frames, self._heard = frames, self._terminal.scheduler.now()

    def _watch_silence(self) -> None:
        if self._now == self._start:
            return
        left = self._heard + SILENCE_S - self._terminal.scheduler.now()
        if left <= 0:
            self._kept = self._start
            self._set(self._start)
        else:
            self._terminal.later(left, self._watch_silence)

    def reset(self) -> None:
        """Back to the starting rate, as at power-on."""
        self._kept = self._start
        if self._now != self._start:
            self._set(self._start)

    def _set(self, baud: int) -> None:
        self._now = baud
        self._terminal.link.set_byte_time(10 / baud)
        self._terminal.set_baud(baud)
