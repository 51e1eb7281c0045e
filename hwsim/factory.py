"""Makes terminals: storage, provisioned trust, factory firmware, line, scenario."""

import dataclasses
import hashlib
import pathlib
from typing import Any, BinaryIO

from formats.fwp import package as fwp
from hwsim import scenario as scenario_module
from hwsim.access import OPEN
from hwsim.bootstate import BootLog, BootState, SlotMark
from hwsim.geometry import Timing
from hwsim.machine import LineModel, Machine
from hwsim.peripherals import EPOCH
from hwsim.slots import DEFAULT_IDENTITY, Identity, SlotStore, judge
from hwsim.storage import Storage
from hwsim.terminal import Settings
from transports.tsp.messages import SlotState
from transports.tsp.password import SALT_SIZE, verifier_for
from transports.virtual import Scheduler


@dataclasses.dataclass(frozen=True)
class Order:
    """What kind of terminal is wanted."""

    identity: Identity = DEFAULT_IDENTITY
    trust: bytes | None = None
    """Trust file it is provisioned with."""
    firmware: pathlib.Path | None = None
    """Package that is installed and confirmed in the factory."""
    state: pathlib.Path | None = None
    paper: pathlib.Path | None = None
    line: LineModel = LineModel()
    scenario: dict[str, Any] | None = None
    timing: Timing | None = None
    seed: int = 1
    max_frame: int = 16384
    epoch: int = EPOCH


def make(order: Order, scheduler: Scheduler) -> Machine:
    """A terminal, switched off.

    Raises:
        FormatError, TrustError, LocalError: the firmware cannot be installed or the state folder not be used.
        Refused: the terminal does not want the firmware.
    """
    storage = Storage(order.state, order.timing)
    scenario = order.scenario or {}
    fixed = scenario.get("terminal", {})
    identity = order.identity._replace(**{key: fixed[key] for key in ("model", "revision", "serial_number") if key in fixed})
    identity = identity._replace(serial_number=storage.serial_number or identity.serial_number)
    if order.trust is not None:
        storage.provision(order.trust)
    if order.firmware is not None and storage.new:
        with order.firmware.open("rb") as file:
            install(storage, file, identity)
    if "password" in fixed and storage.new:
        storage.password.set(
            verifier_for(fixed["password"], hashlib.sha256(identity.serial_number.encode()).digest()[:SALT_SIZE])
        )
    rights = scenario_module.rights_of(scenario)
    settings = Settings(
        identity, order.paper, order.seed, order.max_frame, order.epoch, order.line.baud, OPEN if rights is None else rights
    )
    machine = Machine(settings, storage, scheduler, order.line)
    scenario_module.apply(scenario, machine)
    storage.flash.busy_s = 0.0
    return machine


def install(storage: Storage, file: BinaryIO, identity: Identity) -> None:
    """What the factory does: write a package into slot 0 as the confirmed firmware."""
    package = fwp.seal(file).open()
    sealed = package.sealed
    signatures = sealed.signatures.build()
    offered = judge(sealed.signed, signatures, storage.trust, identity, 0, None)
    store = SlotStore(storage.flash, 0)
    store.heads.write(sealed.signed, signatures)
    store.heads.write_table(0, package.table.index)
    shape = package.table.shape
    for number in range(shape.page_count):
        store.heads.write_table(shape.page_span(number)[0], package.table.page(number))
    for index, data in package.unlocked(identity.group_keys).blocks(0, package.manifest.block_count):
        store.program_block(package.manifest, index, data)
    store.heads.mark(range(package.manifest.block_count))
    assert store.held(offered) == package.manifest.block_count
    BootLog(storage.flash).write(BootState(0, (SlotMark(SlotState.CONFIRMED), SlotMark(SlotState.EMPTY))))
    storage.counter.advance(offered.manifest.security_counter)
