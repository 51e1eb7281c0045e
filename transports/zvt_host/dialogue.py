"""Commands with all that belongs to them: answer, what the terminal says meanwhile, completion, and the way out of silence.

The way out (S 1.4, K): when T4 has run out the terminal counts as dead, 06 B0 is sent, and what it still says to the old
command is not answered any more.
"""

import contextlib
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from formats.errors import FormatError, ToolError
from transports.errors import DeviceRefused, LinkError, LinkLost
from transports.zvt.apdu import OK, Apdu, refuse
from transports.zvt.commands import COMMANDS
from transports.zvt.layout import Message
from transports.zvt.link import Malformed, Received
from transports.zvt.masking import scrub
from transports.zvt.opcodes import Opcode, Timer
from transports.zvt.outcome import Aborted, Completion
from transports.zvt.service import Empty
from transports.zvt_host.heard import PROTOCOL_ERROR, Heard
from transports.zvt_host.line import STALE_S, Silent, ZvtLine
from transports.zvt_host.refusals import command_name, refusal

DIALOGUE_S: Final = 1800.0
"""Longest time of a command, however often the terminal says that it needs more."""
MAX_MESSAGES: Final = 4_000
"""Of a terminal, within one command; pieces of files have a bound of their own."""
MAX_NONSENSE: Final = 3
_CODE_INSIDE: Final = 0x1E
"""Answer 84 1E: the result code stands in its data."""
RECOVER_S: Final = 10.0
"""How long 06 B0 may take to work."""
ABORTED_S: Final = 2.0
"""How long after its answer the end of the old command may come."""


class Done(NamedTuple):
    """How a command ended."""

    result: int
    """0, or a code that was said to be no failure."""
    completion: Any
    """The record that `COMMANDS` names for it; for a command without one that of the answer; None after 06 1E."""
    heard: Heard


class Dialogue:
    """Runs one command on a line."""

    def __init__(self, line: ZvtLine, heard: Heard, limit_s: float = DIALOGUE_S) -> None:
        self._line, self._heard = line, heard
        self._until = line.pipe.now() + limit_s
        self._messages = 0

    def run(
        self, opcode: int, request: Message | None = None, *, taken: Collection[int] = (), answer_s: float | None = None
    ) -> Done:
        """Carry the command out.

        Args:
            request: Its data; none if not given.
            taken: Result codes, besides 0, that are no failure here.
            answer_s: How long its answer may take, if it says so itself.

        Raises:
            DeviceRefused: the terminal refuses, or failed; `Unsupported` if it does not have the command.
            LinkLost: it went silent, or the pipe broke.
            LinkError: it makes no sense, or comes to no end.
        """
        row = COMMANDS[opcode]
        self._drain()
        command = Apdu(opcode, (request or Empty()).build())
        self._line.say(command, answer_s=answer_s)
        try:
            answer = self._answer(command, answer_s)
            if not answer.positive:
                self._line.finish(STALE_S)
                raise _refused(opcode, answer)
            if row.ends is Timer.T3:
                self._line.finish(STALE_S)
                return Done(0, _read(row.answer, answer.data, opcode), self._heard)
            last = self._work(opcode)
        except Silent as silent:
            if silent.timer is Timer.T4:
                recover(self._line)
            raise Silent(f"{command_name(opcode)}: {silent.message}", silent.timer) from silent
        return self._end(opcode, row.completion, last, taken)

    def _drain(self) -> None:
        """What is there still belongs to an earlier command."""
        with contextlib.suppress(Silent):
            while self._line.hear(self._line.pipe.now()):
                self._count("before it was asked")

    def _answer(self, command: Apdu, answer_s: float | None) -> Apdu:
        """The link's T3 ends with whatever looks like an end; here the time of all repetitions is the limit."""
        timers, pipe = self._line.timers, self._line.pipe
        sends = (1 + timers.repeats) * (timers.t2_s + 2 * len(command.build()) * pipe.byte_time_s)
        until = min(self._until, pipe.now() + sends + timers.t2_s + (timers.t3_s if answer_s is None else answer_s) + ABORTED_S)
        while True:
            event = self._line.hear(until)
            if event is None:
                raise Silent("what comes is no answer", Timer.T3)
            self._count(f"in place of an answer to {command_name(command.opcode)}", event)
            if isinstance(event, Malformed):
                raise LinkError(f"the answer to {command_name(command.opcode)} is damaged: {event.reason}", name="protocol")
            if event.apdu.is_answer:
                return event.apdu

    def _work(self, opcode: int) -> Apdu:
        """Answer the terminal until it is done; get its 06 0F or 06 1E."""
        try:
            while True:
                event = self._hear(opcode)
                if isinstance(event, Received) and event.apdu.opcode in (Opcode.COMPLETION, Opcode.ABORTED):
                    self._line.say(OK)
                    self._line.finish(self._line.timers.t2_s)
                    return event.apdu
                if isinstance(event, Malformed):
                    self._heard.nonsense += 1
                    self._line.say(refuse(PROTOCOL_ERROR))
                elif not event.apdu.is_answer:
                    self._line.say(self._heard.answer(event.apdu))
                if self._heard.nonsense > MAX_NONSENSE:
                    raise LinkError(f"what the terminal says during {command_name(opcode)} makes no sense", name="protocol")
        except LinkLost:
            raise
        except ToolError:
            recover(self._line)
            raise

    def _hear(self, opcode: int) -> Received | Malformed:
        event = self._line.hear(self._until)
        if event is None:
            raise LinkError(f"the terminal does not come to an end with {command_name(opcode)}", resumable=True)
        self._count(f"during {command_name(opcode)}", event)
        return event

    def _count(self, when: str, event: Received | Malformed | None = None) -> None:
        wanted = (
            isinstance(event, Received) and event.apdu.opcode == Opcode.FILE_REQUEST and event.apdu.opcode in self._heard.answers
        )
        self._messages += not wanted
        if self._messages > MAX_MESSAGES:
            raise LinkError(f"the terminal talks without end {when}", name="protocol")

    def _end(self, opcode: int, completion: type[Message], last: Apdu, taken: Collection[int]) -> Done:
        if last.opcode == Opcode.ABORTED:
            aborted: Aborted = _read(Aborted, scrub(last, Aborted).data, opcode)
            if aborted.result not in taken:
                raise _aborted(opcode, aborted)
            return Done(aborted.result, None, self._heard)
        record = _read(completion, last.data, opcode)
        result = getattr(record, "result", None) or 0
        if result and result not in taken:
            raise refusal(opcode, result, getattr(record, "error_text", None) or "")
        return Done(result, record, self._heard)


def recover(line: ZvtLine) -> None:
    """End what the terminal may still be doing for somebody, so that the next command is heard: 06 B0, its answer, and the end
    of the old command, which comes behind it if there was one."""
    line.renew()
    line.say(Apdu(Opcode.ABORT))
    until = line.pipe.now() + RECOVER_S
    with contextlib.suppress(LinkLost):
        for _ in range(MAX_MESSAGES):
            event = line.hear(until)
            if event is None:
                break
            if isinstance(event, Received) and event.apdu.is_answer:
                until = min(until, line.pipe.now() + ABORTED_S)
            elif isinstance(event, Received) and event.apdu.opcode in (Opcode.COMPLETION, Opcode.ABORTED):
                line.say(OK)
                line.finish(line.timers.t2_s)
                break
    line.renew()


def _read(record: type[Message], data: bytes, opcode: int) -> Any:
    try:
        return record.parse(data)
    except FormatError as error:
        raise LinkError(
            f"the terminal's word on {command_name(opcode)} makes no sense: {error.message}", name="protocol"
        ) from error


def _refused(opcode: int, answer: Apdu) -> DeviceRefused:
    """An answer 84 xx as an error. 84 1E carries what else stands in 06 1E (S 2.1)."""
    code = answer.refusal or 0
    with contextlib.suppress(FormatError):
        if code == _CODE_INSIDE:
            return _aborted(opcode, Aborted.parse(scrub(answer, Aborted).data))
        return refusal(opcode, code, _told(answer))
    return refusal(opcode, code)


def _aborted(opcode: int, aborted: Aborted) -> DeviceRefused:
    return refusal(opcode, aborted.result, aborted.error_text or aborted.text or "", aborted.currency)


def _told(apdu: Apdu) -> str:
    """What a refusal says in words, if it does."""
    return Completion.parse(scrub(apdu, Completion).data).error_text or ""
