"""A gate opened by a second person: with a reason, and the grant that the bank has given that person for this terminal."""

from typing import Any, Final, NamedTuple

from formats.errors import ToolError, TrustError
from formats.grant import Grant, Right
from formats.trust import Trust
from fwtool.visit.gates import GATES

CAN_BE: Final = tuple(gate.id for gate in GATES if gate.can_be_overridden)


class Override(NamedTuple):
    """What was asked for on the command line."""

    gates: tuple[str, ...]
    reason: str
    grant: Grant


def checked(asked: Override, trust: Trust, technician: str, model: str, serial_number: str, now: float) -> list[dict[str, Any]]:
    """The overrides as the record has them.

    Args:
        trust: Pinned on this computer.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        ToolError: such a gate cannot be overridden, or there is no reason (`usage`).
        TrustError: the grant is not good here and now, or the second person is the first one (`not_authorised`).
    """
    for gate in asked.gates:
        if gate not in CAN_BE:
            raise ToolError(
                f"the gate {gate!r} cannot be overridden", name="usage",
                hint=f"Gates that can: {', '.join(CAN_BE)}. Batch and power are asked for by the terminal itself.",
            )  # fmt: skip
    if not asked.reason.strip():
        raise ToolError("an override takes a reason", name="usage", hint="Give --reason TEXT.")
    asked.grant.check(trust, model, serial_number, now)
    approver = asked.grant.record.holder
    if not asked.grant.rights & Right.SERVICE:
        raise TrustError(f"the grant of {approver} does not give the right to service", name="not_authorised")
    if _same(approver, technician):
        raise TrustError(
            "the technician cannot approve his own override", name="not_authorised",
            hint="Somebody else has to agree, with the grant that the bank has given that person.",
        )  # fmt: skip
    return [
        {"gate": gate, "reason": asked.reason.strip(), "approver": approver, "grant_digest": asked.grant.digest.hex()}
        for gate in dict.fromkeys(asked.gates)
    ]


def _same(one: str, other: str) -> bool:
    return "".join(one.casefold().split()) == "".join(other.casefold().split())
