"""The states of a client session, and everything that it may do.

One rule: a step that is not in the table is a bug of the caller, never of the peer.
"""

import enum


class ClientState(enum.Enum):
    """Where one session with a peer stands."""

    __hash__ = object.__hash__  # enum's own is a Python call, several for each reply

    CONNECTED = enum.auto()  # no greeting yet
    HELLO = enum.auto()  # EHLO, HELO or LHLO sent
    READY = enum.auto()  # nothing is owed by either side
    STARTTLS = enum.auto()  # STARTTLS sent
    HANDSHAKE = enum.auto()  # 220 came; TLS begins
    ENVELOPE = enum.auto()  # MAIL, RCPT, DATA on their way
    TEXT = enum.auto()  # 354 came
    TEXT_END = enum.auto()  # the final dot was sent
    RESET = enum.auto()  # RSET sent between transactions
    QUIT = enum.auto()  # QUIT sent
    CLOSED = enum.auto()


class ClientStep(enum.Enum):
    """What moves a session from one state to another."""

    __hash__ = object.__hash__  # enum's own is a Python call, several for each reply

    GREETED = enum.auto()
    HELLO_DONE = enum.auto()
    STARTTLS = enum.auto()
    TLS_AGREED = enum.auto()
    TLS_REFUSED = enum.auto()
    SECURED = enum.auto()
    BEGIN = enum.auto()
    TEXT_BEGUN = enum.auto()
    TEXT_SENT = enum.auto()
    TRANSACTION_ENDED = enum.auto()
    RESET = enum.auto()
    RESET_DONE = enum.auto()
    QUIT = enum.auto()
    CLOSED = enum.auto()


S = ClientState
T = ClientStep

CLIENT_TRANSITIONS: dict[tuple[ClientState, ClientStep], ClientState] = {
    (S.CONNECTED, T.GREETED): S.HELLO,
    (S.HELLO, T.HELLO_DONE): S.READY,
    (S.READY, T.STARTTLS): S.STARTTLS,
    (S.STARTTLS, T.TLS_AGREED): S.HANDSHAKE,
    (S.STARTTLS, T.TLS_REFUSED): S.READY,
    (S.HANDSHAKE, T.SECURED): S.HELLO,
    (S.READY, T.BEGIN): S.ENVELOPE,
    (S.ENVELOPE, T.TEXT_BEGUN): S.TEXT,
    (S.TEXT, T.TEXT_SENT): S.TEXT_END,
    (S.ENVELOPE, T.TRANSACTION_ENDED): S.READY,
    (S.TEXT_END, T.TRANSACTION_ENDED): S.READY,
    (S.READY, T.RESET): S.RESET,
    (S.RESET, T.RESET_DONE): S.READY,
    (S.READY, T.QUIT): S.QUIT,
    **{(s, T.CLOSED): S.CLOSED for s in S if s is not S.CLOSED},
}
