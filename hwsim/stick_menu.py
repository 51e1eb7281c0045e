"""The terminal's own menu for a USB stick: what most terminals are updated with, no computer beside them.

It shows on the display what is on the stick for this terminal, installs it when OK is pressed, restarts, and asks whether to
keep it. It uses the same gates, checks and slots as an update over the line (docs/device/boot.md): nothing that the line would
refuse comes in by the stick. What became of it is left on the stick.
"""

import contextlib
import enum
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from formats.errors import ToolError
from formats.fwp.package import Package
from formats.versions import Version
from hwsim import stick_medium
from hwsim.bootloader import Loader
from hwsim.commands import HANDLERS
from hwsim.installer import Installer
from hwsim.refusal import Refused
from hwsim.slots import judge
from hwsim.stick_medium import Found
from hwsim.transitions import Event
from transports.tsp import messages
from transports.tsp.messages import Encoding, Kind, Message, Opcode

if TYPE_CHECKING:
    from hwsim.machine import Machine

OK, CANCEL = "OK", "CANCEL"
LOOK_S: Final = 0.5
"""How often the menu looks at what the terminal does."""
AT_ONCE: Final = 4
"""Blocks that are read ahead of the flash."""


class Step(enum.Enum):
    """Where the menu is."""

    OFFER = enum.auto()
    INSTALL = enum.auto()
    RESTART = enum.auto()
    KEEP = enum.auto()
    OVER = enum.auto()


class StickMenu:
    """One stick in one terminal, until it is pulled out.

    Args:
        stick: The folder that is the stick.
    """

    def __init__(self, machine: "Machine", stick: pathlib.Path) -> None:
        self._machine, self._stick = machine, stick
        self._there = True
        self._step = Step.OVER
        self._found: Found | None = None
        self._installer: Installer | None = None
        self._next = 0
        """The block that is read next."""
        self._before = str(self._terminal.version)
        self._look_for_updates()
        self._watch()

    @property
    def _terminal(self) -> Any:
        return self._machine.terminal

    # -- what a person does -----------------------------------------------------------------------------------------

    def press(self, key: str) -> None:
        """A key of the terminal."""
        act = _KEYS.get((self._step, key))
        if act:
            act(self)

    def pull(self) -> None:
        """The stick is taken out: an update that is going on ends, and the old firmware stays."""
        self._there = False
        if self._step is Step.INSTALL:
            self._give_up("STICK REMOVED - OLD FIRMWARE KEPT")
        self._close()

    # -- what it shows ----------------------------------------------------------------------------------------------

    def _look_for_updates(self) -> None:
        """The newest package that this terminal would take now."""
        terminal = self._terminal
        trust = terminal.trust
        there = list(stick_medium.packages(self._stick, trust)) if trust else []
        best = max((found for found in there if self._wanted(found.package)), key=_version, default=None)
        for found in there:
            if found is not best:
                found.file.close()
        self._found = best
        if best is None:
            self._show(Step.OVER, "USB STICK - NOTHING FOR THIS TERMINAL")
        else:
            self._show(Step.OFFER, f"USB STICK - {_version(best)} FOUND  OK=INSTALL CANCEL=NO")

    def _wanted(self, package: Package) -> bool:
        terminal = self._terminal
        running = terminal.version if terminal.booted and terminal.booted.slot is not None else None
        try:
            judge(
                package.sealed.signed, package.sealed.signatures.build(), terminal.trust, terminal.identity,
                terminal.counter.value, running,
            )  # fmt: skip
        except Refused:
            return False
        return running is None or package.manifest.version > running

    def _show(self, step: Step, text: str) -> None:
        self._step = step
        self._terminal.display = text

    # -- the update -------------------------------------------------------------------------------------------------

    def _install(self) -> None:
        assert self._found is not None
        sealed = self._found.package.sealed
        begin = messages.Begin(resume=True, signed=sealed.signed, signatures=sealed.signatures.build())
        try:
            HANDLERS[Opcode.BEGIN](self._terminal, begin, _nobodys(Opcode.BEGIN))
        except Refused as refused:
            self._over("refused", f"REFUSED: {refused.reason.upper()}", refused.reason)
            return
        self._step, self._installer = Step.INSTALL, self._terminal.update.installer
        self._next = 0
        self._feed_table()

    def _feed_table(self) -> None:
        assert self._found is not None
        assert self._installer is not None
        table, shape = self._found.package.table, self._found.package.manifest.table_shape
        try:
            self._installer.take_table(0, table.index)
            for page in range(len(table.index) // 32):
                self._installer.take_table(shape.page_span(page)[0], table.page(page))
        except (OSError, ToolError, Refused) as error:
            self._give_up(f"UPDATE FAILED: {error}")
            return
        self._terminal.update.work()

    def _feed(self) -> None:
        """Read the next blocks, as long as the flash does not wait for what is there already."""
        update, installer, found = self._terminal.update, self._installer, self._found
        assert found is not None
        while installer and update.installer is installer and not installer.complete and len(installer.jobs) < AT_ONCE:
            self._next = installer.next_block
            try:
                _, data = next(found.package.stored(self._next, self._next + 1))
                installer.take_block(self._next, Encoding.RAW, data, _nothing)
            except (OSError, ToolError, Refused) as error:
                self._give_up(f"UPDATE FAILED: {error}")
                return
        self._terminal.update.work()

    def _give_up(self, text: str) -> None:
        if self._installer is not None and self._terminal.update.installer is self._installer:
            self._terminal.update.drop()
        self._over("failed", text, text)

    def _finish(self, installer: Installer) -> None:
        terminal = self._terminal
        try:
            installer.finish()
        except Refused as refused:
            self._give_up(f"UPDATE FAILED: {refused.reason}")
            return
        self._close()
        terminal.update.forget()
        terminal.note("update_received", f"{installer.offered.manifest.version} from a stick, {installer.digest.hex()[:16]}")
        self._show(Step.RESTART, "RESTARTING")
        terminal.restart()

    def _keep(self) -> None:
        booted = self._terminal.booted
        confirm = messages.Confirm(digest=booted.offered.digest)
        try:
            HANDLERS[Opcode.CONFIRM](self._terminal, confirm, _nobodys(Opcode.CONFIRM))
        except Refused as refused:
            self._over("failed", f"NOT KEPT: {refused.reason.upper()}", refused.reason)
            return
        self._over("updated", f"{self._terminal.version} INSTALLED - REMOVE THE STICK")

    def _go_back(self) -> None:
        terminal = self._terminal
        Loader(terminal.flash, terminal.boot_log, terminal.counter, terminal.storage.trust_store, terminal.identity).command(
            Event.REVERT, terminal.booted
        )
        terminal.note("revert_asked")
        terminal.restart()
        self._over("reverted", "OLD FIRMWARE - REMOVE THE STICK", "the person at the terminal did not keep it")

    def _leave(self) -> None:
        self._show(Step.OVER, "WELCOME")

    # -- watching ---------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Look again and again until the stick is out."""
        if not self._there:
            return
        look = _LOOKS.get(self._step)
        if look:
            look(self)
        self._machine.scheduler.after(LOOK_S, self._watch)

    def _installing(self) -> None:
        installer, terminal = self._installer, self._terminal
        assert installer is not None
        if terminal.update.installer is not installer:  # a cut, a host on the line, or a block that did not fit
            self._over("failed", "UPDATE FAILED - OLD FIRMWARE KEPT", "the update has ended")
            return
        if installer.complete and not installer.jobs and not terminal.update.flash_busy:
            self._finish(installer)
            return
        self._feed()
        if self._step is Step.INSTALL:
            percent = 100 * installer.blocks_done // installer.offered.manifest.block_count
            terminal.display = f"UPDATING {percent} % - KEEP THE POWER ON"

    def _restarting(self) -> None:
        booted = self._terminal.booted
        if booted is None:
            return
        if booted.trial and self._found and self._terminal.version == _version(self._found):
            self._show(Step.KEEP, f"{self._terminal.version} RUNS  OK=KEEP CANCEL=GO BACK")
        else:
            self._over("failed", "UPDATE FAILED - OLD FIRMWARE RUNS", "the new firmware did not start")

    def _kept_by_nobody(self) -> None:
        """It has started again meanwhile: what nobody has kept is gone."""
        booted = self._terminal.booted
        if booted is not None and not booted.trial:
            self._over("reverted", "OLD FIRMWARE - REMOVE THE STICK", "nobody has kept it before the next start")

    def _over(self, outcome: str, text: str, reason: str = "") -> None:
        self._show(Step.OVER, text)
        self._close()
        if not self._there:
            return
        terminal = self._terminal
        with contextlib.suppress(OSError):
            stick_medium.write_result(self._stick, terminal.identity.serial_number, {
                "terminal": terminal.identity.serial_number, "model": terminal.identity.model, "outcome": outcome,
                "version_before": self._before, "version_after": str(terminal.version) if outcome == "updated" else self._before,
                "reason": reason, "time": int(terminal.clock()),
            })  # fmt: skip

    def _close(self) -> None:
        if self._found is not None:
            self._found.file.close()


_KEYS: Final[dict[tuple[Step, str], Callable[[StickMenu], None]]] = {
    (Step.OFFER, OK): StickMenu._install,
    (Step.OFFER, CANCEL): StickMenu._leave,
    (Step.KEEP, OK): StickMenu._keep,
    (Step.KEEP, CANCEL): StickMenu._go_back,
}
"""What a key does, and when."""
_LOOKS: Final[dict[Step, Callable[[StickMenu], None]]] = {
    Step.INSTALL: StickMenu._installing,
    Step.RESTART: StickMenu._restarting,
    Step.KEEP: StickMenu._kept_by_nobody,
}
"""What is waited for."""


def _version(found: Found) -> Version:
    return found.package.manifest.version


def _nobodys(opcode: Opcode) -> Message:
    """A request that no host has made."""
    return Message(opcode, Kind.REQUEST, 0, 0, b"")


def _nothing() -> None:
    """The menu looks at the installer itself."""
