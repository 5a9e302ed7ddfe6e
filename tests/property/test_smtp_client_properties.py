"""Invariants of the client session."""

from hypothesis import given, settings
from hypothesis import strategies as st

from posthouse.mail.address import NULL_PATH, Address
from posthouse.smtp.client import (
    Awaiting,
    ClientSession,
    ConnectionLost,
    Dialect,
    Ready,
    RecipientCommand,
    TextWanted,
    Transaction,
    TransactionEnded,
)
from posthouse.smtp.reply import ProtocolError
from support.smtp_peer import EXTENSIONS, PLAIN

LINES = [
    b"250 ok\r\n",
    b"250-ok\r\n",
    b"354 go\r\n",
    b"421 4.3.2 bye\r\n",
    b"451 later\r\n",
    b"550 5.1.1 no\r\n",
    b"250 ok\n",
    b"nonsense\r\n",
]
# Mostly what a peer says, so that sessions get somewhere.
REPLIES = st.lists(st.sampled_from(LINES[:1] * 6 + LINES[2:3] * 2 + LINES) | st.binary(max_size=8), max_size=15)
MESSAGE = Transaction(NULL_PATH, tuple(RecipientCommand(Address(name, "b.example")) for name in "xyz"), 10)


def play(dialect, wire, size):
    """Bring the session up, send a message, tell it the wire in pieces of this size, then cut the connection."""
    session = ClientSession("us.example", dialect)
    events, begun, broken = [], False, False
    for at in range(0, len(wire), size):
        session.receive(wire[at : at + size])
        try:
            while (event := session.next_event()) is not None:
                events.append(event)
                if isinstance(event, Ready) and not begun:
                    begun = True
                    session.begin(MESSAGE)
                elif isinstance(event, TextWanted):
                    session.send_text(b"text\r\n")
                    session.end_text()
        except ProtocolError:
            broken = True
            break
    session.connection_lost()
    events.extend(iter(session.next_event, None))
    return events, broken, session.take_outgoing()


@settings(deadline=None)  # a loaded machine is no failure
@given(st.sampled_from(Dialect), st.sampled_from([EXTENSIONS, PLAIN]), REPLIES, st.integers(1, 30))
def test_the_split_never_changes_what_the_session_makes_of_the_replies(dialect, hello, replies, size):
    """Any bytes in any split give the same events and commands, or ProtocolError."""
    wire = b"220 p\r\n" + hello + b"".join(replies)

    assert play(dialect, wire, size) == play(dialect, wire, len(wire))


@settings(deadline=None)  # a loaded machine is no failure
@given(st.sampled_from(Dialect), st.sampled_from([EXTENSIONS, PLAIN]), REPLIES)
def test_nobody_is_delivered_without_a_2yz_to_the_text(dialect, hello, replies):
    """One result per recipient, in order; positive only as the answer to the end of the text."""
    events, _, _ = play(dialect, b"220 p\r\n" + hello + b"".join(replies), 10**6)

    ends = [event for event in events if isinstance(event, TransactionEnded | ConnectionLost)]
    for event in ends:
        assert len(event.results) in (0, 3)
        for result in event.results:
            if result is None:
                assert isinstance(event, ConnectionLost)
            elif result.reply.is_positive:
                assert (result.reply.code // 100, result.command) == (2, Awaiting.TEXT_END)
    assert sum(len(event.results) == 3 for event in ends) <= 1
