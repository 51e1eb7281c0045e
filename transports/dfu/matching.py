"""Whether a file is for a device, and whether a device is the one that was there before."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from formats.dfu import ANY, Suffix
from formats.errors import ToolError
from transports.dfu.descriptors import DFUSE_VERSION
from transports.dfu.device import Identity


def differences(suffix: Suffix, identity: Identity) -> list[str]:
    """In which numbers a file and a device differ; 0xFFFF in the file fits all (DFU 1.1, appendix B)."""
    wanted = Identity(suffix.vendor, suffix.product, suffix.device)
    return [
        f"{name} {want:04x} instead of {have:04x}"
        for name, want, have in zip(Identity._fields, wanted, identity, strict=True)
        if want not in (ANY, have)
    ]


def require_match(suffix: Suffix | None, identities: Iterable[Identity], *, dfuse: bool) -> None:
    """Refuse a file that is for another device.

    Args:
        suffix: Of the file; None: it has none, and fits every device.
        identities: The device's in run-time and in DFU mode, as far as known: one of them must fit whole.
        dfuse: Whether the device speaks DfuSe.

    Raises:
        ToolError: it does not fit (`wrong_hardware`).
    """
    if suffix is None:
        return
    if suffix.version == DFUSE_VERSION and not dfuse:
        raise ToolError(
            "this is a DfuSe file, and the device does not speak DfuSe", name="wrong_hardware",
            hint="Get the file that is made for this device.",
        )  # fmt: skip
    found = [differences(suffix, identity) for identity in identities]
    if found and all(found):
        nearest = min(found, key=len)
        raise ToolError(
            f"the file is for another device: {', '.join(nearest)}", name="wrong_hardware",
            hint="Get the file that is made for this device, or choose the device it is for.",
        )  # fmt: skip


class Place(NamedTuple):
    """Where a device sits, and its serial number."""

    bus: int | None
    ports: tuple[int, ...]
    """Port numbers from the root hub down."""
    vendor: int
    serial_number: str


class HasPlace(Protocol):
    @property
    def place(self) -> Place: ...


Candidate = TypeVar("Candidate", bound=HasPlace)


def find_same(candidates: Sequence[Candidate], was: Place, others: Collection[Place] = ()) -> Candidate | None:
    """The device that was at a place and has changed its mode, and with it perhaps product and serial number.

    The serial number decides if exactly one device of the vendor has it; else the port it is plugged into. Serial numbers are
    not always unique, so a device is never taken for another one that was on the bus at the same time.

    Args:
        others: Where other devices were when this one was last seen.
    """
    taken = {(other.bus, other.ports) for other in others if other.ports}
    free = [one for one in candidates if (one.place.bus, one.place.ports) not in taken]
    same = [one for one in free if (one.place.vendor, one.place.serial_number) == (was.vendor, was.serial_number)]
    if was.serial_number and len(same) == 1:
        return same[0]
    here = [one for one in free if (one.place.bus, one.place.ports) == (was.bus, was.ports) and was.ports]
    return here[0] if len(here) == 1 else None
