"""What the terminal says no with."""

from transports.tsp.messages import Status


class Refused(Exception):
    """Something that this terminal does not want, or cannot do, with the protocol's status for it."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class FlashFault(Refused):
    """The part reports a failure, or does not hold what was written to it."""

    def __init__(self, reason: str) -> None:
        super().__init__(Status.FLASH_FAULT, reason)
