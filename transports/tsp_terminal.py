"""The TSP dialect, host side: commands as calls. An update is in `transports.tsp_update`."""

import os
from typing import TypeVar

from formats.errors import FormatError
from formats.grant import Grant
from formats.record import Record
from formats.signing import Signer
from transports.errors import LinkError, LinkLost
from transports.pipe import Pipe
from transports.pump import Pump
from transports.tsp import messages, password
from transports.tsp.grants import Exchange, Session, proof_message
from transports.tsp.hello import VERSION, Feature, Hello
from transports.tsp.link import Link, Lost, Opened, Received, Role
from transports.tsp.messages import COMMANDS, Kind, Message, Opcode, Status
from transports.tsp.refusals import refusal

HOST_WINDOW = 64 * 1024
ANSWER_S = 10.0
"""How long a device that is alive may take for an ordinary answer."""
RATE_KEPT_S = 3.5
"""A terminal that a dead host left at a raised rate is back at its first one after 3 s."""
MAX_FRAME = 16384

R = TypeVar("R", bound=Record)


class TspTerminal:
    """One terminal at the end of a pipe.

    Args:
        timeout_s: Silence after which the device is given up.
    """

    def __init__(self, pipe: Pipe, *, timeout_s: float = 5.0) -> None:
        self.pipe = pipe
        self.timeout_s = timeout_s
        hello = Hello(
            version_min=VERSION, version_max=VERSION, max_frame=MAX_FRAME,
            features=int(Feature.UPDATE | Feature.RESUME | Feature.DEFLATE), max_block=65536,
            max_manifest=messages.MAX_BODY, window=HOST_WINDOW, nonce=bytes(16), peer_nonce=bytes(16), public_key=b"",
        )  # fmt: skip
        self.link = Link(Role.HOST, hello, os.urandom, byte_time_s=pipe.byte_time_s, dead_after_s=timeout_s)
        self.pump = Pump(self.link, pipe)
        self._splitter = messages.Splitter()
        self._start_baud = pipe.baud
        self._request_id = 0
        self._session: Session | None = None

    @property
    def peer(self) -> Hello:
        assert self.link.peer is not None
        return self.link.peer

    def connect(self, timeout_s: float | None = None) -> Hello:
        """Open a session.

        Raises:
            LinkError: nobody answers in time, or only in another protocol version.
            LinkLost: the pipe broke.
        """
        now = self.pipe.now()
        patience_s = self.timeout_s if timeout_s is None else timeout_s
        until = now + patience_s
        self._splitter = messages.Splitter()
        if self.pipe.baud != self._start_baud:
            self.set_baud(self._start_baud)
        self._session = None
        self.pump.discard()
        self.link.connect(now)
        while (now := self.pipe.now()) < until:
            event = self.pump.step(until)
            if isinstance(event, Opened):
                return event.peer
            if isinstance(event, Lost):
                raise LinkError(event.reason, name="protocol", hint="Update fwtool, or the terminal's firmware.")
        heard = self.pump.bytes_received
        raise LinkError(
            f"no terminal answers at {self.pipe.name}"
            + (f" ({heard} bytes came that are no answer: another device, or another baud rate?)" if heard else ""),
            hint="Check that it is switched on, that the cable sits, and the port (`fwtool ports`)."
            + (
                " After an update was killed it may listen at a higher rate for 3 s: try again."
                if patience_s < RATE_KEPT_S
                else ""
            ),
            resumable=True,
        )

    # -- commands ---------------------------------------------------------------------------------------------------

    def request(self, opcode: Opcode, request: Record, answer: type[R], *, timeout_s: float = ANSWER_S) -> R:
        """One command and its answer.

        Raises:
            DeviceRefused: the device said no, with its reason.
            LinkLost: it went silent or restarted.
            LinkError: the answer makes no sense.
        """
        number = self.ask(opcode, request)
        until = self.pipe.now() + timeout_s + len(request.build()) * self.pipe.byte_time_s
        while self.pipe.now() < until:
            for message in self.collect(until):
                if message.kind == Kind.RESPONSE and message.request_id == number:
                    return self.answer(message, answer)
        raise LinkLost(
            f"the terminal did not answer {opcode.name} within {timeout_s:g} s",
            hint="Check the cable, then run the same command again.", resumable=True,
        )  # fmt: skip

    def ask(self, opcode: Opcode, request: Record) -> int:
        """Send a command without waiting; get its request id."""
        self._request_id = (self._request_id + 1) & 0xFFFF
        message = Message(opcode, Kind.REQUEST, self._request_id, 0, request.build())
        self.send(self._session.sign(message) if self._session else message)
        return self._request_id

    def authorise(self, grant: Grant, holder: Signer) -> None:
        """Open this session with a grant; from now on every request carries its tag.

        Raises:
            DeviceRefused: the terminal does not take it.
            LinkError: its key agrees on nothing.
        """
        host, device = self.link.nonces
        exchange = Exchange(os.urandom(32))
        proof = holder.sign(proof_message(host, device, grant.digest, exchange.public))
        request = messages.Authorise(grant=grant.file.build(), host_key=exchange.public, proof=proof)
        answer = self.request(Opcode.AUTHORISE, request, messages.Authorised)
        try:
            self._session = exchange.session(answer.device_key, host, device, grant.digest)
        except FormatError as error:
            raise LinkError(error.message, name="protocol") from error

    def login(self, text: str) -> None:
        """Open this session with the administrator's password; from now on every request carries its tag.

        Raises:
            DeviceRefused: wrong, or too soon after wrong ones.
            LinkError: what the terminal asks for makes no sense.
        """
        state = self.request(Opcode.PASSWORD, messages.Empty(), messages.PasswordState)
        verifier = messages.PasswordVerifier(
            log_n=state.log_n, r=state.r, p=state.p, salt=state.salt, stored_key=bytes(password.KEY_SIZE)
        )
        nonces, exchange = self.link.nonces, Exchange(os.urandom(32))
        try:
            key = password.client_key(text, verifier)
            proof = password.proof_of(key, verifier, nonces, exchange.public)
            request = messages.PasswordLogin(host_key=exchange.public, proof=proof)
            answer = self.request(Opcode.PASSWORD_LOGIN, request, messages.Authorised)
            self._session = password.session_of(exchange, answer.device_key, nonces, key)
        except FormatError as error:
            raise LinkError(error.message, name="protocol") from error

    def set_password(self, text: str) -> None:
        """Give the terminal another administrator's password. What is sent helps whoever hears it to try passwords: do it
        where nobody does.

        Raises:
            FormatError: too short (`usage`).
            DeviceRefused: it needs a grant for factory, unless the terminal has no serial number yet.
        """
        verifier = password.verifier_for(text, os.urandom(password.SALT_SIZE))
        self.request(Opcode.PASSWORD_SET, verifier, messages.Empty)

    @staticmethod
    def answer(message: Message, answer: type[R]) -> R:
        """The body of a response; raises as `request` does."""
        assert COMMANDS[Opcode(message.opcode)].response is answer
        if message.status != Status.OK:
            raise refusal(message)
        try:
            return answer.parse(message.body, what=f"the answer to {Opcode(message.opcode).name}")
        except FormatError as error:
            raise LinkError(error.message, name="protocol") from error

    def send(self, message: Message) -> None:
        """Put a message into the outgoing stream."""
        self.link.send(message.build())

    def collect(self, until: float, *, waiting: bool = True) -> list[Message]:
        """Let the pump run one step; get the messages that came."""
        self.link.expect_answer(waiting, self.pipe.now())
        event = self.pump.step(until)
        if isinstance(event, Lost):
            raise LinkLost(event.reason, resumable=True)
        if not isinstance(event, Received):
            return []
        self.link.consume(len(event.data))
        try:
            return self._splitter.feed(event.data)
        except FormatError as error:
            raise LinkError(error.message, name="protocol") from error

    @property
    def connected(self) -> bool:
        return self.link.peer is not None

    def set_baud(self, baud: int) -> None:
        """Change this end of the line; raises as the pipe does."""
        self.pipe.set_baud(baud)
        self.link.set_byte_time(self.pipe.byte_time_s)

    def wait(self, seconds: float) -> None:
        """Let time pass, the session alive.

        Raises:
            LinkLost: it broke.
        """
        until = self.pipe.now() + seconds
        while self.pipe.now() < until:
            self.collect(until, waiting=False)

    def close(self) -> None:
        self.pipe.close()
