"""The states of a queued recipient, and everything that may happen to one.

docs/spool.md as code.  LEASED is QUEUED with a lease; a recipient that is
REPORTING keeps that name under a lease.  A pair of state and event that is not
in the table is refused: the spool then leaves the recipient alone.
"""

import enum
from datetime import datetime

from msgspec import Struct

from posthouse.mail.outcome import Outcome
from posthouse.mail.queued import Ending, RecipientState, Settlement, Verb


class Event(enum.Enum):
    """What may happen to a recipient."""

    LEASE = enum.auto()  # a deliver process takes it
    LEASE_ENDED = enum.auto()  # given back, or its time ran out
    FINISH = enum.auto()  # settled: nothing is owed
    DEFER = enum.auto()  # settled: try again later
    OWE_REPORT = enum.auto()  # settled: the sender is to be told
    HOLD = enum.auto()  # the operators' five
    RELEASE = enum.auto()
    RETRY = enum.auto()
    REMOVE = enum.auto()
    BOUNCE = enum.auto()


_S = RecipientState
_E = Event

# None: the recipient is gone from the spool, and with its last one the message.
TRANSITIONS: dict[tuple[RecipientState, Event], RecipientState | None] = {
    (_S.QUEUED, _E.LEASE): _S.LEASED,
    (_S.LEASED, _E.LEASE_ENDED): _S.QUEUED,
    (_S.LEASED, _E.FINISH): None,
    (_S.LEASED, _E.DEFER): _S.QUEUED,
    (_S.LEASED, _E.OWE_REPORT): _S.REPORTING,
    (_S.REPORTING, _E.LEASE): _S.REPORTING,
    (_S.REPORTING, _E.LEASE_ENDED): _S.REPORTING,
    (_S.REPORTING, _E.FINISH): None,
    (_S.REPORTING, _E.DEFER): _S.REPORTING,
    (_S.REPORTING, _E.OWE_REPORT): _S.REPORTING,
    (_S.QUEUED, _E.HOLD): _S.HELD,
    (_S.HELD, _E.RELEASE): _S.QUEUED,
    (_S.QUEUED, _E.RETRY): _S.QUEUED,
    (_S.REPORTING, _E.RETRY): _S.REPORTING,
    (_S.QUEUED, _E.REMOVE): None,
    (_S.HELD, _E.REMOVE): None,
    (_S.REPORTING, _E.REMOVE): None,
    (_S.QUEUED, _E.BOUNCE): _S.REPORTING,
    (_S.HELD, _E.BOUNCE): _S.REPORTING,
}

EVENT_OF_ENDING = {Ending.GONE: Event.FINISH, Ending.RETRY: Event.DEFER, Ending.REPORT: Event.OWE_REPORT}
EVENT_OF_VERB = {
    Verb.HOLD: Event.HOLD,
    Verb.RELEASE: Event.RELEASE,
    Verb.RETRY: Event.RETRY,
    Verb.REMOVE: Event.REMOVE,
    Verb.BOUNCE: Event.BOUNCE,
}


def allowed(state: RecipientState, event: Event) -> bool:
    """May this happen to a recipient in this state?"""
    return (state, event) in TRANSITIONS


def states_before(event: Event) -> tuple[RecipientState, ...]:
    """Return the states in which an event may happen."""
    return tuple(state for state, possible in TRANSITIONS if possible is event)


class Settled(Struct, frozen=True):
    """What a settlement makes of a recipient: its row afterwards.  ``state`` None: the row is gone."""

    state: RecipientState | None
    due: datetime | None  # None: at once
    attempts: int
    outcome: Outcome | None
    attempted: datetime | None  # None: as before


def settled(*, reporting: bool, attempts: int, outcome: Outcome | None, settlement: Settlement) -> Settled:
    """Apply a settlement to a leased recipient."""
    before = _S.REPORTING if reporting else _S.LEASED
    after = TRANSITIONS[before, EVENT_OF_ENDING[settlement.ending]]
    result = settlement.outcome
    # While REPORTING the recorded outcome is the one to be reported: trouble with the report does not replace it.
    kept = outcome if reporting or result is None else result
    tried = result is not None and result.tried
    return Settled(after, settlement.due, attempts + tried, kept, settlement.attempted)
