"""A device that leaves the bus and comes back: detach to DFU mode, restart out of it (DFU 1.1, section 5 and A.2)."""

from contextlib import suppress
from typing import Final

from formats.errors import ToolError
from transports.dfu.conversation import Conversation
from transports.dfu.descriptors import Attribute, Mode
from transports.dfu.device import DfuDevice, Stalled
from transports.dfu.status import State
from transports.errors import DeviceRefused, LinkError, LinkLost

RETURN_S: Final = 30.0
"""How long a device may be away: the host enumerates, perhaps installs a driver, while the device starts."""
CHANGE_S: Final = 5.0
"""How long a device that is on the bus may take to change its mode."""
LOOK_EVERY_S: Final = 0.25
_BOOT_KEY: Final = "Start the device in DFU mode by hand (boot key or jumper), then run the same command again."


def enter_dfu_mode(talk: Conversation) -> None:
    """Detach a device from its run-time firmware, and find it again in DFU mode; nothing to do if it is there.

    Raises:
        DeviceRefused: it does not want to (`device_fault`).
        LinkError: it does not come back in DFU mode (`no_answer`).
    """
    functional = talk.device.info.functional
    if talk.device.info.mode is Mode.DFU or _is_in_dfu_state(talk):
        return
    try:
        talk.detach(functional.detach_timeout_ms)
    except Stalled as error:
        raise DeviceRefused("the device refuses to change to DFU mode", status=0, name="device_fault", hint=_BOOT_KEY) from error
    except LinkError:  # gone before it could say yes
        pass
    else:
        if not functional.attributes & Attribute.WILL_DETACH:
            reset(talk.device)
    if wait_for(talk, Mode.DFU, RETURN_S + functional.detach_timeout_ms / 1000) is None:
        raise LinkError("the device did not come back in DFU mode", hint=_BOOT_KEY, resumable=True)


def _is_in_dfu_state(talk: Conversation) -> bool:
    """Some boot loaders call themselves run-time (NXP LPC); their state tells. Run-time firmware need not tell its own."""
    try:
        return talk.status().state not in (State.APP_IDLE, State.APP_DETACH)
    except LinkLost:
        raise
    except LinkError:
        return False


def reset(device: DfuDevice) -> None:
    """A USB reset; a device that is no longer there has got its own way."""
    with suppress(LinkLost):
        device.reset()


def wait_for(talk: Conversation, wanted: Mode | None, seconds: float = RETURN_S) -> Mode | None:
    """Look for the device until it is there in the mode `wanted`, or in any.

    Returns:
        The mode it was found in, or None if time ran out.
    """
    deadline = talk.clock.now() + seconds
    trouble: ToolError | None = None
    while talk.clock.now() < deadline:
        talk.clock.sleep(LOOK_EVERY_S)
        try:
            if talk.device.find_again() and wanted in (None, talk.device.info.mode):
                talk.forget_pause()
                return talk.device.info.mode
            trouble = None
        except ToolError as error:  # not yet open to this user: the system is still setting its rights
            trouble = error
    if trouble is not None:
        raise trouble
    return None


def wait_after_reset(talk: Conversation) -> Mode | None:
    """Look for a device that was reset: it should run its firmware, yet may still be on its way out of DFU mode."""
    return wait_for(talk, Mode.RUN_TIME, CHANGE_S) or wait_for(talk, None)
