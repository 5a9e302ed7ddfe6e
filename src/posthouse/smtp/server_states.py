"""The states of a server session, and everything that it may do.

One rule: only COMMITTED, the driver's answer to a complete text, leads from a
text to its 250, so that no reply can promise what the spool has not written.
"""

import enum


class _Fast(enum.Enum):
    """An enum whose members hash by identity: enum's own hash is a Python call, several for each command."""

    __hash__ = object.__hash__


class State(_Fast):
    """Where one SMTP session stands.  RFC 5321 section 4.1.4."""

    CONNECTED = enum.auto()  # no EHLO yet
    READY = enum.auto()  # EHLO done, no mail transaction
    MAIL = enum.auto()  # reverse-path accepted
    RCPT = enum.auto()  # at least one recipient accepted
    DATA = enum.auto()  # receiving message text
    COMMIT = enum.auto()  # text complete; waiting for the spool's word
    CLOSED = enum.auto()


class Event(_Fast):
    """What moves a session from one state to another."""

    HELLO = enum.auto()
    RESET = enum.auto()
    MAIL_ACCEPTED = enum.auto()
    RCPT_ACCEPTED = enum.auto()
    DATA_STARTED = enum.auto()
    DATA_REFUSED = enum.auto()
    TEXT_ENDED = enum.auto()
    TEXT_REFUSED = enum.auto()
    COMMITTED = enum.auto()
    REFUSED = enum.auto()
    ENDED = enum.auto()


class Question(_Fast):
    """Whose answer the session waits for."""

    MAIL = enum.auto()
    RCPT = enum.auto()
    DATA = enum.auto()
    TEXT = enum.auto()
    OTHER = enum.auto()  # VRFY, EXPN: the answer changes nothing


S = State
E = Event

# Everything a session may do.  A command whose event is not here for the state is
# "503 bad sequence of commands".
TRANSITIONS: dict[tuple[State, Event], State] = {
    **{(s, E.HELLO): S.READY for s in (S.CONNECTED, S.READY, S.MAIL, S.RCPT)},
    **{(s, E.RESET): S.READY for s in (S.READY, S.MAIL, S.RCPT)},
    (S.CONNECTED, E.RESET): S.CONNECTED,
    (S.READY, E.MAIL_ACCEPTED): S.MAIL,
    (S.MAIL, E.RCPT_ACCEPTED): S.RCPT,
    (S.RCPT, E.RCPT_ACCEPTED): S.RCPT,
    (S.RCPT, E.DATA_STARTED): S.DATA,
    (S.RCPT, E.DATA_REFUSED): S.READY,
    (S.DATA, E.TEXT_ENDED): S.COMMIT,
    (S.DATA, E.TEXT_REFUSED): S.READY,
    (S.COMMIT, E.COMMITTED): S.READY,
    (S.COMMIT, E.REFUSED): S.READY,
    **{(s, E.ENDED): S.CLOSED for s in S if s is not S.CLOSED},
}
