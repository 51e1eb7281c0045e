"""An update over TSP from plan to confirm: what `transports.device.Update` asks for, with the terminal's two slots."""

from typing import Final

from formats.errors import ToolError
from formats.fwp.table import ENTRIES_PER_PAGE
from transports.device import Choice, Listener, Moved, Plan, Update
from transports.errors import DeviceRefused, LinkError, LinkLost
from transports.offer import Offer
from transports.rehearsal import LineFacts, rehearse
from transports.tsp import messages
from transports.tsp.link import HELLO_INTERVAL_S
from transports.tsp.messages import Opcode, Slot, SlotState
from transports.tsp_device import TspDevice
from transports.tsp_rate import raise_rate
from transports.tsp_update import send_update

SHUTDOWN_S: Final = 0.2
"""Between the answer to RESET and the restart (docs/protocol/tsp.md section 5.1)."""


class TspUpdate(Update):
    """One package for one terminal."""

    compared = True

    def __init__(self, device: TspDevice, offer: Offer, choice: Choice) -> None:
        self._device, self._offer, self._choice = device, offer, choice
        self._info = device.info()
        self.size = offer.manifest.installed_size
        self._running = self._look()
        raise_rate(device.terminal, choice.max_baud)
        same_terminal(device, self._info)  # raising may have taken a new session
        byte_time = device.terminal.pipe.byte_time_s
        self.line_limit = 1 / byte_time if byte_time else None

    def plan(self, look_s: float) -> Plan:
        """Predict by rehearsing in virtual time; see `Update.plan`."""
        offer, terminal, info = self._offer, self._device.terminal, self._info
        line = LineFacts(terminal.pipe.byte_time_s, terminal.link.round_trip.least_s or 0.0)
        held = self._holding() if self._choice.resume else frozenset()
        rehearsed = rehearse(offer, offer.manifest.installed_length, info, terminal.peer, line, held)
        after_s = SHUTDOWN_S + info.restart_time_ms / 1e3 + HELLO_INTERVAL_S / 2 + look_s
        on_wire = rehearsed.sent.bytes_written
        return Plan(
            version_from=str(info.version),
            version_to=str(offer.manifest.version),
            blocks_total=offer.block_count,
            blocks_held=len(held),
            bytes_to_send=rehearsed.sent.payload_sent,
            bytes_on_wire=on_wire,
            erase_count=rehearsed.erases,
            program_count=rehearsed.programs,
            baud=terminal.pipe.baud,
            round_trip_ms=round(1e3 * line.round_trip_s, 1),
            transfer_s=round(rehearsed.seconds, 3),
            total_s=round(rehearsed.seconds + after_s, 3),
            limit="flash" if rehearsed.flash_s > on_wire * line.byte_time_s else "line",
        )

    def _holding(self) -> frozenset[int]:
        """Blocks that the terminal says it has."""
        held: set[int] = set()
        for first in range(0, self._offer.block_count, ENTRIES_PER_PAGE):
            hints = self._offer.hints(first)
            size = self._offer.manifest.block_size
            question = messages.HoldingRequest(block_size=size, first=first, digests=b"".join(hints))
            try:
                answer = self._device.ask(Opcode.HOLDING, messages.Held, question)
            except DeviceRefused:
                return frozenset()  # an older terminal: it tells only while the update runs
            held |= {first + n for n in range(len(hints)) if answer.blocks >> n & 1}
        return frozenset(held)

    def in_place(self) -> bool:
        running = self._running
        return running is not None and running.digest == self._offer.digest and running.state is SlotState.ACTIVE

    def _look(self) -> Slot | None:
        return next((slot for slot in self._device.slots() if slot.running), None)

    def install(self, listener: Listener) -> Moved:
        """Send and restart; what runs on trial already is neither sent nor restarted."""
        running = self._running
        if running is not None and running.digest == self._offer.digest and running.state is SlotState.TRIAL:
            return Moved(0, 0, 0.0)
        moved = self._send(listener)
        listener.say("restarting into the new firmware")
        self._device.restart()
        return moved

    def _send(self, listener: Listener) -> Moved:
        device, total = self._device, self._offer.manifest.installed_size
        start = device.now()

        def progress(blocks: int, written: int) -> None:
            del written
            listener.progress("transfer", self._offer.bytes_before(blocks), total)

        try:
            sent = send_update(device.terminal, self._offer, resume=self._choice.resume, progress=progress)
        except LinkLost as error:
            raise LinkError(
                f"the transfer stopped: {error.message}",
                name="transfer_incomplete",
                hint="The terminal keeps its old firmware. Run the same command again: it goes on where it stopped.",
                resumable=True,
            ) from error
        return Moved(sent.bytes_written, sent.payload_sent, device.now() - start, sent.blocks_resumed > 0)

    def read_back(self) -> None:
        """What runs now, as the terminal reports it in two independent answers, must be what was sent."""
        info, running = same_terminal(self._device, self._info), self._look()
        if running is None or running.digest != self._offer.digest:
            raise ToolError(
                f"the terminal went back to its old firmware ({running.version if running else 'no firmware'})",
                name="reverted",
                hint="It refused the new one at start; `fwtool journal show` says why. The terminal is usable.",
                resumable=True,
            )
        if info.version != self._offer.manifest.version:
            raise ToolError(
                f"the terminal says it runs {info.version}; {self._offer.manifest.version} was installed",
                name="read_back_differs",
                hint="Do not trust this terminal: take it out of service and tell the bank.",
            )

    def on_trial(self) -> bool:
        return True

    def confirm(self) -> None:
        self._device.confirm(self._offer.digest)

    def give_up(self) -> bool:
        """What is not confirmed goes with a restart."""
        self._device.restart()
        same_terminal(self._device, self._info)
        return True


def same_terminal(device: TspDevice, was: messages.Info) -> messages.Info:
    """Who answers now.

    Raises:
        LinkError: another terminal than before (`wrong_device`).
    """
    info = device.info()
    if (info.serial_number, info.model) != (was.serial_number, was.model):
        raise LinkError(
            f"another terminal answers now: {info.model} {info.serial_number}, expected {was.model} {was.serial_number}",
            name="wrong_device",
            hint="Connect the first one again and run the same command.",
        )
    return info
