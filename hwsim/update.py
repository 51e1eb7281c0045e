"""The update that comes over the line: parts in, flash work in the background, progress out, the last check, the end.

The terminal answers while its flash is busy; a part that waits for the flash holds back its credit. Between updates there is
time to make room for the next one.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from formats.errors import FormatError
from formats.permit import Permit
from hwsim.installer import Installer
from hwsim.refusal import Refused
from hwsim.slots import SlotStore
from transports.tsp import messages
from transports.tsp.messages import Chunk, Detail, Encoding, Message, Opcode, Status

if TYPE_CHECKING:
    from hwsim.terminal import Terminal

PROGRESS_S: Final = 0.5
"""PROGRESS comes at most so often, and once more at the end."""


class DeviceUpdate:
    """What a terminal that is running has of an update. The power takes all of it; what is in flash stays."""

    def __init__(self, terminal: "Terminal") -> None:
        self._terminal = terminal
        self.installer: Installer | None = None
        """None: no update is going on."""
        self.flash_busy = False
        self._unconsumed = 0
        """Bytes of blocks that wait for the flash."""
        self._told_blocks, self._told_at = 0, 0.0
        """What the last PROGRESS said, and when."""
        self._finishing: Message | None = None
        """A FINISH that waits for the flash."""

    # -- begin and end ----------------------------------------------------------------------------------------------

    def start(self, installer: Installer) -> None:
        """Take parts of this update from now on; the flash has work."""
        terminal, self.installer = self._terminal, installer
        self._told_blocks, self._told_at = installer.blocks_done, terminal.scheduler.now()
        terminal.display = "UPDATING - KEEP THE POWER ON"
        self.work()

    def drop(self) -> None:
        """End it in this session; the bytes of blocks that will not be programmed give their credit back."""
        terminal, finishing = self._terminal, self._finishing
        terminal.link.consume(self._unconsumed)
        self.forget()
        if finishing:
            terminal.answer(finishing, Status.WRONG_STATE, Detail(text="the update has ended"))

    def forget(self) -> None:
        """The session is gone. What is in flash is found again by the next BEGIN."""
        self.installer = self._finishing = None
        self._unconsumed = 0

    def fail(self, status: Status, reason: str) -> None:
        """End it, and say why."""
        terminal = self._terminal
        self.drop()
        terminal.display = terminal.idle_text()
        terminal.note("update_failed", reason)
        terminal.send_event(Opcode.FAILED, status, Detail(text=reason))

    def finish_later(self, message: Message) -> None:
        """Answer this FINISH when the flash has done all its work."""
        self._finishing = message

    def finish_now(self, message: Message) -> None:
        """The last check, and its answer.

        Raises:
            Refused: something is missing or damaged.
        """
        terminal, installer = self._terminal, self.installer
        assert installer is not None
        before = terminal.flash.busy_s
        installer.finish()
        self.installer = None
        terminal.display = "RESTART TO INSTALL"
        if installer.permit:
            terminal.note("downgrade_permitted", _permitted(installer.permit))
        terminal.note("update_received", f"{installer.offered.manifest.version}, {installer.digest.hex()[:16]}")
        answer = functools.partial(terminal.answer, message, Status.OK, messages.Empty())
        terminal.later(terminal.flash.busy_s - before, answer)

    # -- parts ------------------------------------------------------------------------------------------------------

    def take_part(self, message: Message, size: int) -> None:
        """A part of the package, that took so many bytes of the line."""
        terminal, installer = self._terminal, self.installer
        if installer is None:
            terminal.link.consume(size)
            return
        try:
            chunk = Chunk.parse(message.body)
            if message.opcode == Opcode.TABLE and chunk.encoding is Encoding.RAW:
                terminal.link.consume(size)
                installer.take_table(chunk.at, chunk.data)
            elif message.opcode == Opcode.DATA:
                self._unconsumed += size
                installer.take_block(chunk.at, chunk.encoding, chunk.data, functools.partial(self._block_done, size))
            else:
                raise Refused(Status.UNKNOWN_COMMAND, f"unknown part {message.opcode}")
        except FormatError as error:
            self.fail(Status.BAD_REQUEST, error.message)
        except Refused as refused:
            self.fail(refused.status, refused.reason)
        else:
            self.work()

    def _block_done(self, size: int) -> None:
        self._unconsumed -= size
        self._terminal.link.consume(size)
        self._terminal.flush()

    def tell_held(self, first: int, blocks: int) -> None:
        """Say which blocks of a page need not be sent."""
        self._terminal.send_event(Opcode.HELD, Status.OK, messages.Held(first=first, blocks=blocks))

    def _tell_progress(self, installer: Installer) -> None:
        done, now = installer.blocks_done, self._terminal.scheduler.now()
        last = done == installer.offered.manifest.block_count
        if done > self._told_blocks and (last or now >= self._told_at + PROGRESS_S):
            self._told_blocks, self._told_at = done, now
            self._terminal.send_event(Opcode.PROGRESS, Status.OK, messages.Progress(blocks_done=done))

    # -- flash ------------------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Run the next flash job, then wait as long as the part was busy."""
        terminal, installer = self._terminal, self.installer
        if self.flash_busy or installer is None:
            return
        if installer.complete and not installer.jobs and self._finishing:
            message, self._finishing = self._finishing, None
            try:
                self.finish_now(message)
            except Refused as refused:
                terminal.note("refused", f"FINISH: {refused.reason}")
                terminal.answer(message, refused.status, Detail(text=refused.reason))
            return
        job = installer.jobs.popleft() if installer.jobs else installer.ahead()
        if job is None:
            return
        before = terminal.flash.busy_s
        try:
            job.run()
        except Refused as refused:
            self.fail(refused.status, refused.reason)
            return

        def done() -> None:
            if self.installer is installer:
                job.done()
                self._tell_progress(installer)

        self._occupy(terminal.flash.busy_s - before, done)

    def tidy(self) -> None:
        """Make room for the next update's head while there is time."""
        terminal = self._terminal
        if self.installer or self.flash_busy:
            return
        before = terminal.flash.busy_s
        if any(SlotStore(terminal.flash, index).tidy(terminal.boot_log) for index in (0, 1)):
            self._occupy(terminal.flash.busy_s - before, self.tidy)

    def _occupy(self, time_s: float, then: Callable[[], None]) -> None:
        """The flash is busy for so long."""
        self.flash_busy = True

        def done() -> None:
            self.flash_busy = False
            then()
            self.work()

        self._terminal.later(time_s, done)


def _permitted(permit: Permit) -> str:
    record = permit.record
    what = f"{record.id.hex()[:8]}: {record.to_version}, counter {record.from_counter} to {record.to_counter}"
    return f"{what}; {record.work_order} {record.reason}"
