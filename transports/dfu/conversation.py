"""Requests to a DFU device and its answers, one by one: time-outs that are honoured, refusals in words, no endless waiting."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from formats.errors import FormatError
from transports.dfu.device import Clock, DfuDevice, Stalled
from transports.dfu.status import REPORT_SIZE, STATES, Report, Request, State, Status, words_for
from transports.errors import DeviceRefused, LinkError, LinkLost

LONGEST_BUSY_S: Final = 600.0
"""How long one operation may take: erasing a whole large flash takes minutes; bwPollTimeout alone could ask for 4.6 hours."""
POLL_STEP_S: Final = 0.001
"""A device that is busy and asks for no pause gets one that grows by this with every answer: it is not asked without end."""
LONGEST_SILENCE_S: Final = 120.0
"""How long a device may give no answer at all in the middle of its work: a processor that runs from the flash it erases stands
still (STM32F405: 32 s for everything), and U-Boot answers nothing while it writes out the last blocks."""
MANY_STALLS: Final = 3
"""How often a busy device may refuse to tell its status: boot loaders of the STM32L4 do when their own time was too short."""
TO_IDLE_STEPS: Final = 8

WORKING: Final = frozenset({State.DNLOAD_SYNC, State.DNBUSY, State.MANIFEST_SYNC, State.MANIFEST})
NOT_TO_IDLE: Final = frozenset({State.APP_IDLE, State.APP_DETACH, State.MANIFEST_WAIT_RESET})
"""States that no request leads out of to dfuIDLE."""
_REPLUG: Final = "Unplug the device, plug it in again and run the same command again."


class StillBusy(LinkError):
    """The device works longer at one thing than anybody should wait."""


def gone(error: LinkError) -> bool:
    """Whether an error can be the trace of a device that restarts, rather than one that works on or makes no sense."""
    return not isinstance(error, StillBusy) and error.name != "protocol"


@contextmanager
def unfinished() -> Iterator[None]:
    """A device that goes silent here has been written in part: run again, and it is written whole.

    Raises:
        LinkLost: instead of any other error that says so (`transfer_incomplete`).
    """
    try:
        yield
    except LinkError as error:
        if error.name != "no_answer":
            raise
        raise LinkLost(error.message, name="transfer_incomplete", hint=_REPLUG, resumable=True) from error


class Conversation:
    """One device, one interface. Raises as `DfuDevice`, and besides:

    DeviceRefused: the device reports an error (`device_fault`).
    LinkError: what it says makes no sense (`protocol`), or it stays busy (`no_answer`).
    """

    def __init__(self, device: DfuDevice, clock: Clock) -> None:
        self.device, self.clock = device, clock
        self._poll_s = 0.0
        self._quiet_until = 0.0

    @property
    def is_dfuse(self) -> bool:
        return self.device.info.functional.is_dfuse

    def download(self, block: int, data: bytes) -> None:
        """DNLOAD; the pause that the last status asked for starts again (DFU 1.1, 6.1.2)."""
        with self._refusals(f"block {block}" if data else "the end of the image"):
            self.device.control_out(Request.DNLOAD, block & 0xFFFF, data)
        self._quiet_until = self.clock.now() + self._poll_s

    def upload(self, block: int, length: int) -> bytes:
        """UPLOAD; fewer bytes than asked for are the last ones."""
        with self._refusals(f"reading block {block}"):
            data = self.device.control_in(Request.UPLOAD, block & 0xFFFF, length)
        if len(data) > length:
            raise LinkError(f"the device sent {len(data)} bytes where {length} were asked for", name="protocol")
        return data

    def forget_pause(self) -> None:
        """The device started anew; what it asked for before does not count."""
        self._poll_s = self._quiet_until = 0.0

    def detach(self, timeout_ms: int) -> None:
        self.device.control_out(Request.DETACH, timeout_ms, b"")

    def status(self) -> Report:
        """GETSTATUS, not before the device wants to be asked again.

        Raises:
            LinkError: also if that would be later than any operation may take (`no_answer`).
        """
        self._wait(self._quiet_until - self.clock.now())
        try:
            report = Report.parse(self.device.control_in(Request.GETSTATUS, 0, REPORT_SIZE))
        except FormatError as error:
            raise LinkError(error.message, name="protocol", hint=_REPLUG) from error
        self._poll_s = report.poll_s
        self._quiet_until = self.clock.now() + report.poll_s
        return report

    def settle(self, until: Collection[State], doing: str, silence_s: float = LONGEST_SILENCE_S) -> Report:
        """Ask until the device has come to one of the states `until`, without an error.

        Args:
            doing: What it is doing, for messages.
            silence_s: How long it may give no answer at all.
        """
        report = self.poll(WORKING.difference(until), doing, silence_s)
        if report.failed:
            raise self.refusal(report, doing)
        if report.state not in until:
            words = STATES[report.state]
            raise LinkError(f"{doing}: out of turn the device {words.meaning} ({words.name})", name="protocol", hint=_REPLUG)
        return report

    def poll(self, working: Collection[State], doing: str, silence_s: float = LONGEST_SILENCE_S) -> Report:
        """Ask until the device is in none of the states `working`; what it is in then is not judged."""
        deadline = self.clock.now() + LONGEST_BUSY_S
        asked = stalls = 0
        heard = self.clock.now()
        while True:
            asked += 1
            try:
                report = self.status()
            except Stalled:
                stalls += 1
                if stalls > MANY_STALLS:
                    raise
            except LinkLost:
                raise
            except LinkError as error:
                if not gone(error) or self.clock.now() - heard > silence_s:
                    raise
            else:
                if report.failed or report.state not in working:
                    return report
                heard = self.clock.now()
            self._quiet_until = max(self._quiet_until, self.clock.now() + asked * POLL_STEP_S)
            if self._quiet_until > deadline:
                raise self._too_long(doing)

    def to_idle(self) -> None:
        """Bring a device in DFU mode to dfuIDLE without an error, whatever an earlier run has left (DFU 1.1, A.2)."""
        report = self.status()
        for _ in range(TO_IDLE_STEPS):
            if report.state is State.IDLE and not report.failed:
                return
            if report.state in NOT_TO_IDLE:
                break
            if report.failed or report.state not in WORKING:
                with suppress(Stalled):  # the next status tells what it did
                    self.device.control_out(Request.CLRSTATUS if report.failed else Request.ABORT, 0, b"")
            report = self.poll(WORKING, "finishing what it was doing before")
        if report.failed:
            raise self.refusal(report, "getting ready")
        words = STATES[report.state]
        raise LinkError(
            f"the device does not get ready for a transfer: it {words.meaning} ({words.name})", name="protocol",
            hint=words.next_step,
        )  # fmt: skip

    def refusal(self, report: Report, doing: str) -> DeviceRefused:
        """The error that a report with a bad status stands for, in words."""
        code = report.status if report.status != Status.OK else Status.ERR_UNKNOWN
        words = words_for(code, dfuse=self.is_dfuse)
        own = self.device.string(report.string_index) if report.string_index else ""
        return DeviceRefused(
            f"{doing}: the device {words.meaning} ({words.name}{': ' + own if own else ''})",
            status=code, name="device_fault", hint=words.next_step,
        )  # fmt: skip

    @contextmanager
    def _refusals(self, doing: str) -> Iterator[None]:
        """A stalled request becomes the error that the device gives as its reason."""
        try:
            yield
        except Stalled as stalled:
            report = self.status()
            if report.failed:
                raise self.refusal(report, doing) from stalled
            raise self.refusal(report._replace(status=Status.ERR_STALLEDPKT), doing) from stalled

    def _wait(self, seconds: float) -> None:
        if seconds > LONGEST_BUSY_S:
            raise self._too_long("waiting for its status")
        if seconds > 0:
            self.clock.sleep(seconds)

    def _too_long(self, doing: str) -> LinkError:
        return StillBusy(
            f"{doing}: the device is still busy and asks for another {self._poll_s:g} s; {LONGEST_BUSY_S:g} s are the most",
            name="no_answer", hint=_REPLUG,
        )  # fmt: skip
