"""The boot rules as one table: state, event, condition, actions in their order, next state.

docs/device/boot.md section 3 shows the same rows; the boot loader (hwsim/bootloader.py) and the receiving side of an update
(hwsim/installer.py) carry them out and decide nothing by themselves. The first row that fits counts.
"""

import enum
from collections.abc import Callable
from typing import Final, NamedTuple


class State(enum.Enum):
    """Where the terminal is. All but the last four last no longer than the start of it."""

    RESET = "reset"
    TRYING = "trying"
    """The image on trial is being checked."""
    SETTLED = "settled"
    """No image is on trial any more."""
    CHECKING = "checking"
    """The image of the active slot is being checked."""
    FALLING_BACK = "falling back"
    """The active slot cannot start."""
    LAST_CHECK = "last check"
    """The image of the other slot is being checked."""
    ON_TRIAL = "on trial"
    RUNNING = "running"
    RECOVERY = "recovery"
    """Nothing may start: the loader answers, takes an update, and refuses all else."""
    UPDATING = "updating"


class Event(enum.Enum):
    """What happens."""

    GO = "go"
    """Nothing is waited for."""
    GOOD = "image good"
    BAD = "image bad"
    CONFIRM = "CONFIRM"
    REVERT = "REVERT"
    BEGIN = "BEGIN"
    BLOCK = "block"
    FINISH = "FINISH"


class When(enum.Enum):
    """Conditions of rows."""

    ALWAYS = "always"
    TRIAL_LEFT = "a slot is on trial, starts left"
    TRIAL_USED = "a slot is on trial, none left"
    ACTIVE_CONFIRMED = "the active slot is confirmed"
    OTHER_CONFIRMED = "the other slot is confirmed"
    OTHER_STARTS = "the other slot is confirmed, its image good, its counter not below the terminal's"
    CANNOT_FINISH = "a later step could not be done"
    ONLY_SLOT = "there is one slot, and it runs"
    SAME_PARTLY_THERE = "resume; the same package is partly there, nothing torn"
    ALL_THERE = "all blocks are done"


class Do(enum.Enum):
    """Actions. Each that writes is over before the next begins."""

    COUNT_START = "state: one start less"
    CHECK_TRIAL = "check the image on trial"
    TRIAL_BAD = "state: the slot on trial is bad"
    CHECK_ACTIVE = "check the active image"
    ACTIVE_BAD = "state: the active slot is bad"
    CHECK_OTHER = "check the other image"
    OTHER_BAD = "state: the other slot is bad"
    MAKE_ACTIVE = "state: the other slot is active"
    RAISE_COUNTER = "raise the counter to the image's"
    TAKE_TRUST = "take over the trust that the image brings"
    CONFIRM = "state: confirmed and active, in one record"
    COMMIT = "wait until the flash has everything"
    RESERVE = "make room in the boot log for all later records"
    WRITING = "state: the slot is writing"
    STRIKE_OUT = "state: the slot is writing, its spare head not clean"
    CLEAN_HEAD = "erase the spare head, unless the state says that it is clean"
    WRITE_HEAD = "program the new head, read it back"
    ERASE = "erase what the block needs, unless it is known to be clean"
    PROGRAM = "program the block"
    READ_BACK = "read the block back, hold it against its digest"
    MARK = "program the block's mark"
    CHECK_SET = "hold every component against its signed digest"
    CHECK_TRUST = "judge the trust it brings"
    CHECK_PERMIT = "judge its permit, if its counter is below the terminal's"
    PUT_ON_TRIAL = "state: trial, N starts left"
    REFUSE = "refuse"


class Row(NamedTuple):
    """One line of the table. `then` is None where the state stays as it is."""

    state: State
    event: Event
    when: When
    do: tuple[Do, ...]
    then: State | None


TABLE: Final[tuple[Row, ...]] = (
    Row(State.RESET, Event.GO, When.TRIAL_LEFT, (Do.COUNT_START, Do.CHECK_TRIAL), State.TRYING),
    Row(State.RESET, Event.GO, When.TRIAL_USED, (Do.TRIAL_BAD,), State.SETTLED),
    Row(State.RESET, Event.GO, When.ALWAYS, (), State.SETTLED),
    Row(State.TRYING, Event.GOOD, When.ALWAYS, (), State.ON_TRIAL),
    Row(State.TRYING, Event.BAD, When.ALWAYS, (Do.TRIAL_BAD,), State.SETTLED),
    Row(State.SETTLED, Event.GO, When.ACTIVE_CONFIRMED, (Do.CHECK_ACTIVE,), State.CHECKING),
    Row(State.SETTLED, Event.GO, When.ALWAYS, (), State.FALLING_BACK),
    Row(State.CHECKING, Event.GOOD, When.ALWAYS, (Do.RAISE_COUNTER, Do.TAKE_TRUST), State.RUNNING),
    Row(State.CHECKING, Event.BAD, When.ALWAYS, (Do.ACTIVE_BAD,), State.FALLING_BACK),
    Row(State.FALLING_BACK, Event.GO, When.OTHER_CONFIRMED, (Do.CHECK_OTHER,), State.LAST_CHECK),
    Row(State.FALLING_BACK, Event.GO, When.ALWAYS, (), State.RECOVERY),
    Row(State.LAST_CHECK, Event.GOOD, When.ALWAYS, (Do.MAKE_ACTIVE, Do.RAISE_COUNTER, Do.TAKE_TRUST), State.RUNNING),
    Row(State.LAST_CHECK, Event.BAD, When.ALWAYS, (Do.OTHER_BAD,), State.RECOVERY),
    Row(State.ON_TRIAL, Event.CONFIRM, When.ALWAYS, (Do.CONFIRM, Do.COMMIT, Do.RAISE_COUNTER, Do.TAKE_TRUST), State.RUNNING),
    Row(State.ON_TRIAL, Event.REVERT, When.ALWAYS, (Do.TRIAL_BAD,), State.RESET),
    Row(State.RUNNING, Event.CONFIRM, When.ALWAYS, (), None),
    Row(State.RUNNING, Event.REVERT, When.OTHER_STARTS, (Do.MAKE_ACTIVE,), State.RESET),
    Row(State.RUNNING, Event.BEGIN, When.CANNOT_FINISH, (Do.REFUSE,), None),
    Row(State.RUNNING, Event.BEGIN, When.ONLY_SLOT, (Do.RESERVE, Do.WRITING), State.RESET),
    Row(State.RUNNING, Event.BEGIN, When.SAME_PARTLY_THERE, (Do.RESERVE, Do.WRITING), State.UPDATING),
    Row(
        State.RUNNING, Event.BEGIN, When.ALWAYS, (Do.RESERVE, Do.STRIKE_OUT, Do.CLEAN_HEAD, Do.WRITE_HEAD), State.UPDATING
    ),
    Row(State.RECOVERY, Event.BEGIN, When.CANNOT_FINISH, (Do.REFUSE,), None),
    Row(State.RECOVERY, Event.BEGIN, When.SAME_PARTLY_THERE, (Do.RESERVE, Do.WRITING), State.UPDATING),
    Row(
        State.RECOVERY, Event.BEGIN, When.ALWAYS, (Do.RESERVE, Do.STRIKE_OUT, Do.CLEAN_HEAD, Do.WRITE_HEAD), State.UPDATING
    ),
    Row(State.UPDATING, Event.BLOCK, When.ALWAYS, (Do.ERASE, Do.PROGRAM, Do.READ_BACK, Do.MARK), None),
    Row(State.UPDATING, Event.FINISH, When.ALL_THERE, (Do.CHECK_SET, Do.CHECK_TRUST, Do.CHECK_PERMIT, Do.PUT_ON_TRIAL), None),
)  # fmt: skip
"""What no row fits is refused, and changes nothing."""

AT_REST: Final = (State.ON_TRIAL, State.RUNNING, State.RECOVERY)


def row_for(state: State, event: Event, holds: Callable[[When], bool]) -> Row | None:
    """The row that fits, or None: refuse."""
    for row in TABLE:
        if row.state is state and row.event is event and (row.when is When.ALWAYS or holds(row.when)):
            return row
    return None
