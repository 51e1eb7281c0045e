"""A DFU 1.1 session: download, manifestation, upload, read-back.

The order of a whole update: `enter_dfu_mode`, `select`, `download`, `manifest`, `verify` where the device can still be read,
`restart`. DfuSe devices are driven by `dfuse.DfuseSession` on top of this one.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from formats.dfu import Suffix
from formats.errors import FormatError, ToolError
from formats.sources import Source
from transports.dfu import enumeration
from transports.dfu.conversation import Conversation, gone, unfinished
from transports.dfu.descriptors import Attribute, Mode
from transports.dfu.device import Alternate, Clock, DfuDevice, Identity, Stalled
from transports.dfu.matching import require_match
from transports.dfu.status import State
from transports.errors import LinkError, LinkLost

Progress = Callable[[str, int, int], None]
"""Told what is done ("erase", "write", "verify"), bytes done, bytes in all."""

IN_PLACE: Final = frozenset({State.IDLE, State.MANIFEST_WAIT_RESET})


def silent(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


class DfuSession:
    """Raises, besides what its methods say:

    DeviceRefused: the device reports an error (`device_fault`); `status` is its code.
    LinkError: the device makes no sense (`protocol`) or does not answer (`no_answer`).

    Args:
        block_size: Bytes in a block, for devices that tell a wrong transfer size; 0: as the device says.
    """

    def __init__(self, device: DfuDevice, clock: Clock, *, block_size: int = 0) -> None:
        self.talk = Conversation(device, clock)
        self._block_size = block_size
        self._blocks = 0
        self._known = {device.info.mode: device.info.identity}

    @property
    def device(self) -> DfuDevice:
        return self.talk.device

    @property
    def identities(self) -> tuple[Identity, ...]:
        """The device's numbers in each mode it was seen in."""
        return tuple(self._known.values())

    @property
    def block_size(self) -> int:
        """Bytes in one transfer: what device and computer can both do.

        Raises:
            ToolError: the device says 0 (`usage`).
        """
        size = self._block_size or self.device.info.functional.transfer_size
        if not size:
            raise ToolError("the device does not say how many bytes it takes at once", name="usage", hint="Give a block size.")
        return min(size, self.device.max_transfer)

    def can(self, attribute: Attribute) -> bool:
        return attribute in self.device.info.functional.attributes

    def check_suffix(self, suffix: Suffix | None) -> None:
        """Refuse a file that is for another device, by either of its modes (`wrong_hardware`)."""
        require_match(suffix, self.identities, dfuse=self.talk.is_dfuse)

    def enter_dfu_mode(self) -> None:
        """See `enumeration.enter_dfu_mode`."""
        enumeration.enter_dfu_mode(self.talk)
        self._known[self.device.info.mode] = self.device.info.identity

    def select(self, alternate: int) -> Alternate:
        """Choose an alternate setting; a device with only one is not bothered.

        Raises:
            ToolError: there is none of this number (`usage`).
        """
        alternates = self.device.info.alternates
        for one in alternates:
            if one.number == alternate:
                if len(alternates) > 1:
                    self.device.select(alternate)
                return one
        names = ", ".join(f"{one.number} {one.name!r}" for one in alternates)
        raise ToolError(f"the device has no alternate setting {alternate}", name="usage", hint=f"It has: {names}.")

    def download(self, source: Source, suffix: Suffix | None, progress: Progress = silent) -> None:
        """Check that the image is for this device, then send it; `manifest` must follow.

        Raises:
            ToolError: it is for another device (`wrong_hardware`), the device takes none (`wrong_device`) or wants addresses
                with it (`usage`).
            FormatError: there is nothing to send.
            LinkLost: the device fell silent with a part of it (`transfer_incomplete`); begin again.
        """
        self.check_suffix(suffix)
        self._require_plain()
        self.require_download()
        if not source.size:
            raise FormatError("there are no bytes to send")
        self.talk.to_idle()
        done = self._blocks = 0
        with unfinished():
            for data in source.chunks(self.block_size):
                self.talk.download(self._blocks, data)
                self.talk.settle({State.DNLOAD_IDLE}, f"writing block {self._blocks}")
                self._blocks, done = self._blocks + 1, done + len(data)
                progress("write", done, source.size)

    def manifest(self) -> bool:
        """Tell the device that it has all, and wait until it has put the image in place.

        Returns:
            Whether it has said that this went well. False: it left the bus instead, as devices that do not tolerate
            manifestation may; `restart` then tells.

        Raises:
            DeviceRefused: it says it went wrong; errFIRMWARE among them.
            LinkLost: it never gets done (`transfer_incomplete`).
        """
        doing = "putting the new image in place"
        silent_after = frozenset() if self.can(Attribute.MANIFESTATION_TOLERANT) else {State.MANIFEST}
        with unfinished():
            try:
                self.talk.download(self._blocks, b"")
                if self.talk.settle(IN_PLACE | silent_after, doing).state is not State.MANIFEST:
                    return True
            except (LinkLost, Stalled):
                return False
            try:
                self.talk.settle(IN_PLACE, doing, silence_s=0)
            except LinkError as error:
                if not gone(error):
                    raise
                return False
        return True

    def restart(self, *, confirmed: bool) -> Mode | None:
        """Reset the device, so that it starts its firmware, and look at what comes back.

        Args:
            confirmed: What `manifest` returned.

        Returns:
            The mode it is in now; None: it is on the bus no longer as a DFU device, as firmware without DFU is.

        Raises:
            DeviceRefused: it is in DFU mode again because its firmware is damaged.
            LinkLost: it neither confirmed the image nor came back (`install_failed`).
        """
        enumeration.reset(self.device)
        mode = enumeration.wait_after_reset(self.talk)
        if mode is Mode.DFU and (report := self.talk.status()).failed:
            raise self.talk.refusal(report, "restarting")
        if mode is None and not confirmed:
            raise LinkLost(
                "the device did not come back after it got the new image", name="install_failed",
                hint="Unplug the device, plug it in again and run the same command again.", resumable=True,
            )  # fmt: skip
        return mode

    def upload(self, limit: int) -> Iterator[bytes]:
        """Read what the device has, up to `limit` bytes; a short block ends it.

        Raises:
            ToolError: it cannot be read (`wrong_device`), or only by address (`usage`).
        """
        self._require_plain()
        self.require_upload()
        self.talk.to_idle()
        want = self.block_size
        block = done = 0
        while done < limit:
            data = self.talk.upload(block, want)
            yield data[: limit - done]
            if len(data) < want:
                break
            block, done = block + 1, done + len(data)
        self.talk.to_idle()

    def _require_plain(self) -> None:
        """A DfuSe device would take blocks of an image for commands."""
        if self.talk.is_dfuse:
            raise ToolError("this device speaks DfuSe: it wants to know addresses", name="usage", hint="Give the address.")

    def require_download(self) -> None:
        if not self.can(Attribute.CAN_DOWNLOAD):
            raise ToolError("this device does not take firmware over DFU (bitCanDnload is 0)", name="wrong_device")

    def require_upload(self) -> None:
        if not self.can(Attribute.CAN_UPLOAD):
            raise ToolError("this device cannot be read back (bitCanUpload is 0)", name="wrong_device")

    def verify(self, source: Source, progress: Progress = silent) -> None:
        """Read back what was written. What the device gives beyond it does not count.

        Raises:
            ToolError: it differs, or is shorter (`read_back_differs`).
        """
        for done in compare(source.chunks(self.block_size), self.upload(source.size), 0, source.size):
            progress("verify", done, source.size)


def compare(expected: Iterable[bytes], found: Iterator[bytes], start: int, total: int) -> Iterator[int]:
    """Hold blocks read back against those written, one by one; gives the bytes that were the same so far.

    Args:
        start: Address of the first, for messages.
        total: Bytes in all, for messages.

    Raises:
        ToolError: at the first difference (`read_back_differs`).
    """
    done = 0
    for want in expected:
        have = next(found, b"")
        if have != want:
            same = next((i for i, (a, b) in enumerate(zip(want, have, strict=False)) if a != b), min(len(want), len(have)))
            raise ToolError(
                f"the device has something else at 0x{start + done + same:08x} than was written there"
                if same < len(have) else f"the device gave only {done + len(have)} of {total} bytes back",
                name="read_back_differs", hint="Run the same command again; if it differs again, do not use the device.",
            )  # fmt: skip
        done += len(want)
        yield done
    for _ in found:  # lets the reader put the device back to dfuIDLE
        raise LinkError("the device gave more back than was asked for", name="protocol")
