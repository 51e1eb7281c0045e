"""Who may do what on this terminal: what is open to all, and what a grant opens (docs/protocol/tsp.md section 7)."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from formats import grant as grant_format
from formats.errors import ToolError
from formats.grant import Grant, Right
from hwsim.refusal import Refused
from hwsim.used_grants import UsedGrants
from transports.tsp import messages, password
from transports.tsp.grants import Exchange, Session, proof_message
from transports.tsp.messages import COMMANDS, Message, Opcode, Rights, Status

if TYPE_CHECKING:
    from hwsim.terminal import Terminal

OPEN: Final = Right.INSPECT | Right.SERVICE | Right.UPDATE
"""Without a grant."""
BY_PASSWORD: Final = Right.INSPECT | Right.SERVICE | Right.UPDATE
"""Guessing it must not erase keys."""
_RIGHTS: Final = {Rights.INSPECT: Right.INSPECT, Rights.SERVICE: Right.SERVICE, Rights.UPDATE: Right.UPDATE,
                  Rights.FACTORY: Right.FACTORY}  # fmt: skip


class Access:
    """The rights of one session.

    Args:
        used: Grants that were used before.
        secret: Gives random bytes, from the terminal's own source.
        open_rights: What needs no grant.
    """

    def __init__(self, used: UsedGrants, secret: Callable[[int], bytes], open_rights: Right = OPEN) -> None:
        self._used = used
        self._secret, self._open = secret, open_rights
        self._session: Session | None = None
        self._granted = Right(0)
        self._tried_at = -math.inf
        """Uptime of the last password."""

    def reset(self) -> None:
        """The session is over."""
        self._session, self._granted = None, Right(0)

    def check(self, terminal: "Terminal", message: Message) -> None:
        """Whether a request may be carried out. An unknown one is refused later, as what it is.

        Raises:
            Refused: it needs a right that this session has not.
        """
        rights = self._open
        if message.authentication:
            if self._session is None or not self._session.holds(message):
                raise Refused(Status.NOT_AUTHORISED, "the request is not of a session that a grant has opened")
            rights |= self._granted
        needed = _needed(terminal, message)
        if needed not in rights:
            raise Refused(Status.NOT_AUTHORISED, f"this needs a grant for {str(needed.name).lower()}")

    def authorise(self, terminal: "Terminal", request: messages.Authorise) -> messages.Authorised:
        """Open the session with a grant.

        Raises:
            Refused: it is not good here, or whoever brings it is not its holder.
        """
        self.reset()
        grant = _read(request.grant)
        host, device = terminal.nonces
        if terminal.trust is None:
            raise Refused(Status.NOT_AUTHORISED, "no trust is provisioned")
        self._used.see(terminal.clock())
        try:
            grant.check(terminal.trust, terminal.identity.model, terminal.identity.serial_number, self._used.latest)
            if not grant.key.verify(request.proof, proof_message(host, device, grant.digest, request.host_key)):
                raise Refused(Status.NOT_AUTHORISED, "the proof is not by the holder of the grant, or not for this session")
            exchange = Exchange(self._secret(32))
            session = exchange.session(request.host_key, host, device, grant.digest)
        except ToolError as error:
            raise Refused(Status.NOT_AUTHORISED, error.message) from error
        self._used.note(grant.record.id, grant.record.uses)
        self._session, self._granted = session, grant.rights
        rights = ", ".join(str(right.name).lower() for right in grant.rights)
        terminal.note("authorised", f"{grant.record.holder}: {rights}; work order {grant.record.work_order}"[:200])
        return messages.Authorised(device_key=exchange.public)

    def login(self, terminal: "Terminal", request: messages.PasswordLogin) -> messages.Authorised:
        """Open the session with the administrator's password.

        Raises:
            Refused: wrong (and counted before it was looked at), or too soon after wrong ones, or there is none.
        """
        self.reset()
        cells, verifier = terminal.storage.password, terminal.storage.password.verifier
        if verifier is None:
            raise Refused(Status.WRONG_STATE, "this terminal has no password")
        left = self.wait_s(terminal)
        if left:
            raise Refused(Status.BUSY, f"{cells.failures} wrong passwords: try again in {left} s")
        place = cells.begin_try()
        self._tried_at = terminal.scheduler.now()
        key = password.opened(request.proof, verifier, terminal.nonces, request.host_key)
        if key is None:
            raise Refused(Status.NOT_AUTHORISED, "the password is wrong, or the proof not for this session")
        exchange = Exchange(self._secret(32))
        try:
            session = password.session_of(exchange, request.host_key, terminal.nonces, key)
        except ToolError as error:
            raise Refused(Status.NOT_AUTHORISED, error.message) from error
        cells.was_right(place)
        self._session, self._granted = session, BY_PASSWORD
        terminal.note("authorised", "by password")
        return messages.Authorised(device_key=exchange.public)

    def wait_s(self, terminal: "Terminal") -> int:
        """Seconds until another password is looked at: from the last try or the last start on, whichever is later. The
        uptime counts, and not the time of day, which can be set."""
        since = max(self._tried_at, terminal.started_at)
        return max(0, math.ceil(since + terminal.storage.password.wait_s - terminal.scheduler.now()))


def _needed(terminal: "Terminal", message: Message) -> Right:
    try:
        command = COMMANDS[Opcode(message.opcode)]
    except (ValueError, KeyError):
        return Right.INSPECT
    if message.opcode == Opcode.RESET and message.body[:1] == bytes([messages.ResetKind.FACTORY]):
        return Right.FACTORY
    if message.opcode in (Opcode.SERIAL_SET, Opcode.PASSWORD_SET) and not terminal.identity.serial_number:
        return Right.INSPECT  # a terminal without a number is in the factory
    return _RIGHTS[command.rights]


def _read(raw: bytes) -> Grant:
    try:
        return grant_format.parse(raw)
    except ToolError as error:
        raise Refused(Status.BAD_REQUEST, error.message) from error
