"""A DFU 1.1 or DfuSe device made of software: the states of DFU 1.1, A.2, on a bus that it can leave.

It is strict where real devices are lax: what a state does not allow is stalled and ends in dfuERROR, blocks must come in order,
and a host that asks before bwPollTimeout is over is counted.
"""

import struct
from typing import Final, NoReturn

from hwsim.dfu_loader import Failed, Loader, Refused, Work
from hwsim.dfu_profile import CAN_DOWNLOAD, CAN_UPLOAD, TOLERANT, WILL_DETACH, Faults, Profile
from transports.dfu.device import Clock, DfuInfo, Stalled, describe
from transports.dfu.status import Report, Request, State, Status
from transports.errors import LinkError, LinkLost

R, S = Request, State
ALLOWED: Final[dict[State, set[Request]]] = {
    S.APP_IDLE: {R.DETACH, R.GETSTATUS, R.GETSTATE},
    S.APP_DETACH: {R.GETSTATUS, R.GETSTATE},
    S.IDLE: {R.DNLOAD, R.UPLOAD, R.GETSTATUS, R.GETSTATE, R.ABORT},
    S.DNLOAD_SYNC: {R.GETSTATUS, R.GETSTATE},
    S.DNBUSY: {R.GETSTATUS},
    S.DNLOAD_IDLE: {R.DNLOAD, R.GETSTATUS, R.GETSTATE, R.ABORT},
    S.MANIFEST_SYNC: {R.GETSTATUS, R.GETSTATE},
    S.MANIFEST: {R.GETSTATUS},
    S.MANIFEST_WAIT_RESET: {R.GETSTATUS},
    S.UPLOAD_IDLE: {R.UPLOAD, R.GETSTATUS, R.GETSTATE, R.ABORT},
    S.ERROR: {R.GETSTATUS, R.CLRSTATUS, R.GETSTATE},
}
WORKS_AS: Final = {S.DNLOAD_SYNC: S.DNBUSY, S.MANIFEST_SYNC: S.MANIFEST}
APPLICATION: Final = (S.APP_IDLE, S.APP_DETACH)
ENDS_WITH_SELECT: Final = (S.IDLE, S.DNLOAD_IDLE, S.UPLOAD_IDLE, S.ERROR)
VENDOR_STRING, FIRST_NAME = 2, 3
READ_UNPROTECT: Final = 0x92
TIMEOUT_S: Final = 5.0
"""How long a host waits for an answer."""


class SimulatedDfu:
    """The device, as `transports.dfu.device.DfuDevice`. It starts as after power-up."""

    max_transfer = 4096

    def __init__(self, profile: Profile, clock: Clock, faults: Faults | None = None) -> None:
        self.profile, self.clock, self.faults = profile, clock, faults or Faults()
        self.loader = Loader(profile, self.faults)
        self.name = f"simulated DFU device {profile.serial_number}"
        self.early_polls = 0
        """How often the host asked before the device wanted to be asked again."""
        self.requests: list[Request] = []
        self.gone = False
        self._back_at = self._quiet_until = self._busy_until = self._poll_s = 0.0
        self._work: Work = lambda: 0.0
        self.state, self.status = self._next = self._after_power_up()

    # --- the bus

    @property
    def info(self) -> DfuInfo:
        identity = self.profile.run_time if self.state in APPLICATION else self.profile.dfu
        found = describe(identity, self.profile.serial_number, self.configuration(), self.string)
        assert found is not None
        return found

    def configuration(self) -> bytes:
        """The bytes of its configuration descriptor (USB 2.0, 9.6.3; DFU 1.1, 4.2.3)."""
        profile, running = self.profile, self.state in APPLICATION
        alternates = range(1 if running else len(profile.memories))
        body = b"".join(struct.pack("<9B", 9, 4, 0, n, 0, 0xFE, 1, 1 if running else 2, FIRST_NAME + n) for n in alternates)
        functional = (profile.attributes, profile.detach_timeout_ms, profile.transfer_size, profile.version)
        body += struct.pack("<BBBHHH", 9, 0x21, *functional)
        return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0x80, 50) + body

    def string(self, index: int) -> str:
        names = [one.map_text() if self.profile.is_dfuse else one.name for one in self.profile.memories]
        named = {VENDOR_STRING: "the case is open", **dict(enumerate(names, FIRST_NAME))}
        return named.get(index, "")

    def select(self, alternate: int) -> None:
        """SET_INTERFACE. It ends a transfer, as U-Boot does it, and clears an error; work at hand goes on."""
        self._present()
        if not 0 <= alternate < (1 if self.state in APPLICATION else len(self.loader.memories)):
            raise Stalled(-1)
        self.loader.choose(alternate)
        if self.state in ENDS_WITH_SELECT:
            self._become(State.IDLE)

    def reset(self) -> None:
        self._present()
        if self.state is State.APP_DETACH:
            self._leave_bus(State.IDLE)
        elif self.state not in APPLICATION:
            self._leave_bus(*self._after_power_up())

    def find_again(self) -> bool:
        if self.faults.never_back or self.clock.now() < self._back_at:
            return False
        if self.gone:
            self.gone, self._quiet_until, self._poll_s = False, 0.0, 0.0
            self._become(*self._next)
        return True

    def close(self) -> None:
        """There is nothing to let go of."""

    def _after_power_up(self) -> tuple[State, Status]:
        if self.profile.boot_pin:
            return State.IDLE, Status.OK
        return (State.APP_IDLE, Status.OK) if self.loader.firmware_good else (State.ERROR, Status.ERR_FIRMWARE)

    def _leave_bus(self, state: State, status: Status = Status.OK) -> None:
        self.gone, self._back_at = True, self.clock.now() + self.profile.away_s
        self._next = state, status

    def cut_power(self) -> NoReturn:
        """The power goes, and comes back a little later."""
        self._leave_bus(*self._after_power_up())
        raise LinkLost(f"{self.name} is gone")

    def _present(self) -> None:
        if self.gone:
            raise LinkLost(f"{self.name} is gone")

    def _become(self, state: State, status: Status = Status.OK) -> None:
        self.state, self.status = state, status

    # --- requests

    def control_out(self, request: int, value: int, data: bytes) -> None:
        asked = self._allowed(request)
        if asked is Request.DNLOAD:
            self._download(value, data)
        elif asked is Request.DETACH:
            self._detach()
        elif asked in (Request.CLRSTATUS, Request.ABORT):
            self._become(State.IDLE)
        else:
            self._stall(request)

    def control_in(self, request: int, value: int, length: int) -> bytes:
        asked = self._allowed(request)
        if asked is Request.GETSTATUS:
            return self._get_status()[:length]
        if asked is Request.GETSTATE:
            return bytes([self.state])
        if asked is not Request.UPLOAD or not self.profile.can(CAN_UPLOAD):
            self._stall(request)
        return self._upload(value, length)

    def _allowed(self, request: int) -> Request:
        self._present()
        if request not in set(Request):
            self._stall(request)
        self.requests.append(Request(request))
        if request not in ALLOWED[self.state]:
            self._stall(request)
        return Request(request)

    def _stall(self, request: int, status: Status = Status.ERR_STALLEDPKT) -> NoReturn:
        if self.state not in APPLICATION:
            self._become(State.ERROR, status)
        raise Stalled(request)

    def _detach(self) -> None:
        if self.faults.stays_in_run_time:
            return
        if self.profile.can(WILL_DETACH):
            self._leave_bus(State.IDLE)
        else:
            self._become(State.APP_DETACH)
            self._busy_until = self.clock.now() + self.profile.detach_timeout_ms / 1000

    def _download(self, block: int, data: bytes) -> None:
        if len(data) > (self.faults.accepts or self.profile.transfer_size) or not self.profile.can(CAN_DOWNLOAD):
            self._stall(Request.DNLOAD)
        self._quiet_until = self.clock.now() + self._poll_s
        if not data:
            self._end_of_image()
            return
        if self.state is State.IDLE:
            self.loader.begin()
        try:
            self._work, cut = self.loader.download(block, data)
        except Refused:
            self._stall(Request.DNLOAD)
        if cut:
            self._work()
            self.cut_power()
        if data[:1] == bytes([READ_UNPROTECT]) and self.profile.is_dfuse and not block:
            self._work = self._unprotect
        self.state = State.DNLOAD_SYNC

    def _end_of_image(self) -> None:
        if self.profile.is_dfuse:
            self._work = self._leave
            if self.faults.leaves_early:
                self._leave_bus(State.APP_IDLE)
                raise LinkLost(f"{self.name} is gone")
        elif self.state is State.IDLE:
            self._stall(Request.DNLOAD)
        else:
            self._work = self._manifest
        self.state = State.MANIFEST_SYNC

    def _manifest(self) -> float:
        if self.faults.cut_at_manifest:
            self.cut_power()
        return self.loader.manifest()

    def _leave(self) -> float:
        self._leave_bus(State.APP_IDLE)
        return 0.0

    def _unprotect(self) -> float:
        took = self.loader.unprotect()
        self._leave_bus(*self._after_power_up())
        return took

    def _upload(self, block: int, length: int) -> bytes:
        if self.state is State.IDLE:
            self.loader.begin()
        try:
            data = self.loader.upload(block, length)
        except Refused:
            self._stall(Request.UPLOAD)
        except Failed as failure:
            self._stall(Request.UPLOAD, failure.status)
        self.state = State.UPLOAD_IDLE if len(data) == length else State.IDLE
        return data

    def _get_status(self) -> bytes:
        self.early_polls += self.clock.now() < self._quiet_until - 1e-9
        self._hindered()
        wait_s = self._advance()
        poll_s = self.faults.poll_ms / 1000 if self.faults.poll_ms >= 0 else wait_s
        self._poll_s = poll_s
        self._quiet_until = self.clock.now() + poll_s
        text = VENDOR_STRING if self.status is Status.ERR_VENDOR else 0
        return self.faults.answer(Report(self.status, poll_s, self.state, text).build())

    def _hindered(self) -> None:
        """A flash at work may keep the processor from USB, and so may a firmware that is in place."""
        if self.state is State.MANIFEST_WAIT_RESET and self.faults.silent_after_manifest:
            self._say_nothing()
        if self.state not in WORKS_AS and self.state not in WORKS_AS.values():
            return
        if self.faults.busy_stalls:
            self.faults.busy_stalls -= 1
            raise Stalled(Request.GETSTATUS)
        if self.faults.busy_silent:
            self.faults.busy_silent -= 1
            self._say_nothing()

    def _say_nothing(self) -> NoReturn:
        self.clock.sleep(TIMEOUT_S)
        raise LinkError(f"no answer within {TIMEOUT_S:g} s", name="no_answer")

    def _advance(self) -> float:
        """GETSTATUS drives the states; get the seconds until it makes sense to ask again."""
        now = self.clock.now()
        if self.state in WORKS_AS:
            try:
                self._busy_until = now + self._work()
                self.state = WORKS_AS[self.state]
            except Failed as failure:
                self._become(State.ERROR, failure.status)
        elif self.state in WORKS_AS.values() and now >= self._busy_until - 1e-9 and not self.faults.busy_for_ever:
            self._done()
        elif self.state is State.APP_DETACH and now >= self._busy_until:
            self._become(State.APP_IDLE)
        return max(0.0, self._busy_until - now) if self.state in WORKS_AS.values() else 0.0

    def _done(self) -> None:
        if self.state is State.DNBUSY:
            self.state = State.DNLOAD_IDLE
        elif self.profile.can(TOLERANT):
            self.state = State.IDLE
        else:
            self.state = State.MANIFEST_WAIT_RESET
            if self.faults.silent_after_manifest:
                self._say_nothing()
