"""What a DFU device says of itself: requests, states and status codes (DFU 1.1, section 3, 6.1.2 and A.1), in words."""

import enum
import struct
from typing import Final, NamedTuple

from formats.errors import FormatError


class Request(enum.IntEnum):
    """bRequest (DFU 1.1, table 3.2)."""

    DETACH = 0
    DNLOAD = 1
    UPLOAD = 2
    GETSTATUS = 3
    CLRSTATUS = 4
    GETSTATE = 5
    ABORT = 6


class State(enum.IntEnum):
    """bState (DFU 1.1, 6.1.2)."""

    APP_IDLE = 0
    APP_DETACH = 1
    IDLE = 2
    DNLOAD_SYNC = 3
    DNBUSY = 4
    DNLOAD_IDLE = 5
    MANIFEST_SYNC = 6
    MANIFEST = 7
    MANIFEST_WAIT_RESET = 8
    UPLOAD_IDLE = 9
    ERROR = 10


class Status(enum.IntEnum):
    """bStatus (DFU 1.1, 6.1.2)."""

    OK = 0
    ERR_TARGET = 1
    ERR_FILE = 2
    ERR_WRITE = 3
    ERR_ERASE = 4
    ERR_CHECK_ERASED = 5
    ERR_PROG = 6
    ERR_VERIFY = 7
    ERR_ADDRESS = 8
    ERR_NOTDONE = 9
    ERR_FIRMWARE = 10
    ERR_VENDOR = 11
    ERR_USBR = 12
    ERR_POR = 13
    ERR_UNKNOWN = 14
    ERR_STALLEDPKT = 15


class Words(NamedTuple):
    """A state or status for people."""

    name: str
    """As the specification writes it."""
    meaning: str
    next_step: str


_AGAIN: Final = "Run the same command again; if it comes back, the flash of the device is worn or broken."
_OTHER_FILE: Final = "Check that the file is for this device and this alternate setting."

STATES: Final[dict[State, Words]] = {
    State.APP_IDLE: Words("appIDLE", "runs its normal firmware", "Let it change to DFU mode first."),
    State.APP_DETACH: Words("appDETACH", "waits for a USB reset to change to DFU mode", "Reset or replug it."),
    State.IDLE: Words("dfuIDLE", "is ready for a transfer", "Go on."),
    State.DNLOAD_SYNC: Words("dfuDNLOAD-SYNC", "has a block and waits to be asked for the result", "Ask for the status."),
    State.DNBUSY: Words("dfuDNBUSY", "is programming a block", "Wait."),
    State.DNLOAD_IDLE: Words("dfuDNLOAD-IDLE", "is in the middle of a download", "Send the next block, or abort."),
    State.MANIFEST_SYNC: Words("dfuMANIFEST-SYNC", "has the whole image and waits to be asked for the result",
                               "Ask for the status."),
    State.MANIFEST: Words("dfuMANIFEST", "is putting the new image in place", "Wait."),
    State.MANIFEST_WAIT_RESET: Words("dfuMANIFEST-WAIT-RESET", "is done and waits for a USB reset", "Reset or replug it."),
    State.UPLOAD_IDLE: Words("dfuUPLOAD-IDLE", "is in the middle of an upload", "Ask for the next block, or abort."),
    State.ERROR: Words("dfuERROR", "met an error", "Read and clear the status."),
}  # fmt: skip

STATUSES: Final[dict[Status, Words]] = {
    Status.OK: Words("OK", "has no error", "Go on."),
    Status.ERR_TARGET: Words("errTARGET", "says the file is not meant for it", _OTHER_FILE),
    Status.ERR_FILE: Words("errFILE", "says the file fails a check of its vendor (a signature, a version)",
                           "Get the file for this device from its vendor again, and check its signature."),
    Status.ERR_WRITE: Words("errWRITE", "cannot write its memory",
                            "Its flash may be write-protected: remove the protection, then run the same command again."),
    Status.ERR_ERASE: Words("errERASE", "could not erase its memory",
                            "Its flash may be write-protected: remove the protection, then run the same command again."),
    Status.ERR_CHECK_ERASED: Words("errCHECK_ERASED", "found its memory not empty after erasing", _AGAIN),
    Status.ERR_PROG: Words("errPROG", "could not program its memory", _AGAIN),
    Status.ERR_VERIFY: Words("errVERIFY", "found something else in its memory than it had programmed", _AGAIN),
    Status.ERR_ADDRESS: Words("errADDRESS", "was sent data for an address outside of its memory", _OTHER_FILE),
    Status.ERR_NOTDONE: Words("errNOTDONE", "expected more data when the image ended",
                              "The file is cut short or for another device: get it again."),
    Status.ERR_FIRMWARE: Words("errFIRMWARE", "holds firmware that is damaged, and cannot leave DFU mode",
                               "Send it a good image now; do not unplug it as fixed."),
    Status.ERR_VENDOR: Words("errVENDOR", "reports an error of its vendor's own", "Look its text up in the vendor's manual."),
    Status.ERR_USBR: Words("errUSBR", "saw a USB reset that it did not expect",
                           "Plug it in directly, without a hub, and run the same command again."),
    Status.ERR_POR: Words("errPOR", "lost its power in between", "See to its supply and run the same command again."),
    Status.ERR_UNKNOWN: Words("errUNKNOWN", "met an error that it cannot name", "Replug it and run the same command again."),
    Status.ERR_STALLEDPKT: Words("errSTALLEDPKT", "refused a request that it did not expect",
                                 "Replug it and run the same command again."),
}  # fmt: skip

DFUSE_STATUSES: Final[dict[Status, Words]] = {
    Status.ERR_TARGET: Words("errTARGET", "says the address does not belong to memory that it can write or erase", _OTHER_FILE),
    Status.ERR_VENDOR: Words("errVENDOR", "refuses because its read protection is on",
                             "Remove the read protection; that erases the whole device."),
}  # fmt: skip
"""What DfuSe devices mean by codes that DFU leaves open (ST AN3156, sections 4 and 5)."""

_REPORT: Final = struct.Struct("<B3sBB")
REPORT_SIZE: Final = _REPORT.size


class Report(NamedTuple):
    """The answer to GETSTATUS."""

    status: int
    """A `Status`, or a number that the specification has no word for."""
    poll_s: float
    """How long not to ask again."""
    state: State
    """The state the device enters with this answer."""
    string_index: int
    """Number of the string that describes the status; 0: none."""

    @classmethod
    def parse(cls, data: bytes) -> "Report":
        """Read the six bytes (DFU 1.1, 6.1.2).

        Raises:
            FormatError: another length, or a state that does not exist.
        """
        if len(data) != _REPORT.size:
            raise FormatError(f"a DFU status has {_REPORT.size} bytes, this one {len(data)}")
        status, poll_ms, state, string_index = _REPORT.unpack(data)
        if state not in STATES:
            raise FormatError(f"the device says it is in state {state}; DFU has no such state", offset=4)
        return cls(status, int.from_bytes(poll_ms, "little") / 1000, State(state), string_index)

    def build(self) -> bytes:
        return _REPORT.pack(self.status, round(self.poll_s * 1000).to_bytes(3, "little"), self.state, self.string_index)

    @property
    def failed(self) -> bool:
        return self.status != Status.OK or self.state is State.ERROR


def words_for(status: int, *, dfuse: bool = False) -> Words:
    """A status code in words; codes unknown to the specification included."""
    if dfuse and status in DFUSE_STATUSES:
        return DFUSE_STATUSES[Status(status)]
    if status in STATUSES:
        return STATUSES[Status(status)]
    return Words(f"status 0x{status:02x}", "reports an error that DFU has no word for", "Look it up in the vendor's manual.")
