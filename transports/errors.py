"""What can go wrong between here and a device."""

from formats.errors import ToolError


class LinkError(ToolError):
    """The other end does not answer, answered nonsense, or went away."""

    default_name = "no_answer"


class LinkLost(LinkError):
    """The conversation ended in the middle: unplugged, restarted, or silent for too long."""

    default_name = "no_answer"


class DeviceRefused(ToolError):
    """The device answered a command with a refusal; `status` is the protocol's own code.

    The name, and with it the exit code, follows from the status (`transports.tsp.refusals.ROWS`).
    """

    def __init__(self, message: str, *, status: int, name: str, hint: str = "") -> None:
        super().__init__(message, name=name, hint=hint)
        self.status = status
