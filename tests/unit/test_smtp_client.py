"""The client session: what it sends, and what it makes of the replies."""

import pytest

from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Notify, Return
from posthouse.mail.reply import Reply
from posthouse.smtp.client import (
    Awaiting,
    ClientSession,
    Closed,
    ConnectionLost,
    Dialect,
    Ready,
    RecipientCommand,
    SessionRefused,
    TextWanted,
    TlsReady,
    TlsRefused,
    Transaction,
    TransactionEnded,
)
from posthouse.smtp.reply import ProtocolError
from support.smtp_peer import EXTENSIONS, PLAIN, ScriptedPeer


def recipients(*names):
    return tuple(RecipientCommand(Address(name, "b.example")) for name in names)


def transaction(*names, **more):
    return Transaction(Path(Address("a", "us.example")), recipients(*names or ("x",)), 10, **more)


def ended(peer):
    """The last transaction: per recipient the code of its reply, and which command it answered."""
    event = [event for event in peer.events if isinstance(event, TransactionEnded)][-1]
    return [(result.reply.code, result.command) for result in event.results]


def send(peer, message=None):
    peer.run()
    peer.session.begin(message or transaction())
    return peer.run()


@pytest.mark.parametrize("pieces", [1, 10**6], ids=["byte by byte", "whole"])
def test_a_message_to_a_pipelining_peer(pieces):
    peer = ScriptedPeer(pieces=pieces)

    send(peer, transaction("x", "y"))

    assert peer.bursts == [
        b"EHLO us.example\r\n",
        b"MAIL FROM:<a@us.example> SIZE=10\r\nRCPT TO:<x@b.example>\r\nRCPT TO:<y@b.example>\r\nDATA\r\n",
        b"text\r\n.\r\n",
    ]
    assert [type(event) for event in peer.events] == [Ready, TextWanted, TransactionEnded]
    assert ended(peer) == [(250, Awaiting.TEXT_END)] * 2
    assert peer.session.is_idle


def test_a_message_in_lock_step():
    peer = ScriptedPeer({"EHLO": PLAIN})

    send(peer, transaction("x", "y", body=Body.EIGHT_BIT_MIME, ret=Return.FULL, envid="e"))

    assert [burst.split(b"\r\n")[0] for burst in peer.bursts] == [
        b"EHLO us.example",
        b"MAIL FROM:<a@us.example>",
        b"RCPT TO:<x@b.example>",
        b"RCPT TO:<y@b.example>",
        b"DATA",
        b"text",
    ]
    assert ended(peer) == [(250, Awaiting.TEXT_END)] * 2


def test_parameters_go_to_a_peer_that_offers_them():
    peer = ScriptedPeer()
    to = RecipientCommand(Address("x", "b.example"), Notify.NEVER, "rfc822;y@c.example")

    send(peer, Transaction(NULL_PATH, (to,), 7, Body.EIGHT_BIT_MIME, True, Return.HEADERS, "e+20f"))

    assert peer.sent[1:3] == [
        "MAIL FROM:<> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e+20f",
        "RCPT TO:<x@b.example> NOTIFY=NEVER ORCPT=rfc822;y@c.example",
    ]
    assert peer.session.supports_dsn
    assert peer.session.size_limit == 100_000


def test_dsn_parameters_stay_here_when_the_peer_does_not_know_them():
    peer = ScriptedPeer({"EHLO": PLAIN})
    to = RecipientCommand(Address("x", "b.example"), Notify.NEVER, "rfc822;y@c.example")

    send(peer, Transaction(NULL_PATH, (to,), 7, Body.EIGHT_BIT_MIME, False, Return.HEADERS, "e"))

    assert peer.sent[1:3] == ["MAIL FROM:<>", "RCPT TO:<x@b.example>"]
    assert not peer.session.supports_dsn
    assert peer.session.size_limit is None


PIPELINED = pytest.mark.parametrize("hello", [EXTENSIONS, PLAIN], ids=["pipelined", "lock-step"])


@PIPELINED
@pytest.mark.parametrize(
    ("script", "results"),
    [
        pytest.param({"MAIL": b"550 5.7.1 no\r\n"}, [(550, Awaiting.MAIL)] * 3, id="MAIL refused"),
        pytest.param(
            {"RCPT": [b"250 ok\r\n", b"451 later\r\n", b"550 5.1.1 no\r\n"]},
            [(250, Awaiting.TEXT_END), (451, Awaiting.RCPT), (550, Awaiting.RCPT)],
            id="some recipients refused",
        ),
        pytest.param(
            {"RCPT": b"550 5.1.1 no\r\n", "DATA": b"554 no valid recipients\r\n"},
            [(550, Awaiting.RCPT)] * 3,
            id="all recipients refused",
        ),
        pytest.param({"DATA": b"452 full\r\n"}, [(452, Awaiting.DATA)] * 3, id="DATA refused"),
        pytest.param({".": b"554 5.6.0 no\r\n"}, [(554, Awaiting.TEXT_END)] * 3, id="text refused"),
        pytest.param({"RCPT": b"252 perhaps\r\n"}, [(250, Awaiting.TEXT_END)] * 3, id="252 is success"),
    ],
)
def test_each_recipient_has_the_reply_that_decided(script, results, hello):
    peer = ScriptedPeer({"EHLO": hello, **script})

    send(peer, transaction("x", "y", "z"))

    assert ended(peer) == results
    assert peer.session.is_idle


@pytest.mark.parametrize(
    ("hello", "script"),
    [
        pytest.param(EXTENSIONS, {"DATA": [b"452 full\r\n", b"354 go\r\n"]}, id="DATA, pipelined"),
        pytest.param(PLAIN, {"DATA": [b"452 full\r\n", b"354 go\r\n"]}, id="DATA, in lock-step"),
        pytest.param(
            EXTENSIONS,
            {"RCPT": [b"550 no\r\n", b"250 ok\r\n"], "DATA": [b"554 no\r\n", b"354 go\r\n"]},
            id="RCPT, pipelined",
        ),
        pytest.param(PLAIN, {"RCPT": [b"550 no\r\n", b"250 ok\r\n"]}, id="RCPT, in lock-step"),
    ],
)
def test_a_failed_envelope_is_reset_before_the_next(hello, script):
    peer = ScriptedPeer({"EHLO": hello, **script})

    send(peer)
    send(peer)
    send(peer)

    assert peer.sent.count("RSET") == 1
    assert ended(peer) == [(250, Awaiting.TEXT_END)]


def test_a_text_that_nobody_takes_is_only_a_dot():
    # RFC 2920 section 3.1
    peer = ScriptedPeer({"RCPT": b"550 no\r\n", ".": b"554 no recipients\r\n"})

    events = send(peer)

    assert [type(event) for event in events] == [TransactionEnded]
    assert peer.bursts[-1] == b".\r\n"
    assert ended(peer) == [(550, Awaiting.RCPT)]
    assert peer.session.is_idle


def test_lmtp_answers_each_recipient():
    replies = [b"250 2.1.5 x\r\n", b"452 4.2.2 y\r\n"]
    peer = ScriptedPeer(
        {"RCPT": [b"250 ok\r\n", b"550 no\r\n", b"250 ok\r\n"], ".": b"".join(replies)}, dialect=Dialect.LMTP
    )

    send(peer, transaction("x", "n", "y"))

    assert peer.sent[0] == "LHLO us.example"
    assert ended(peer) == [(250, Awaiting.TEXT_END), (550, Awaiting.RCPT), (452, Awaiting.TEXT_END)]


def test_lmtp_text_for_nobody_closes():
    peer = ScriptedPeer({"RCPT": b"550 no\r\n"}, dialect=Dialect.LMTP)

    events = send(peer)

    assert [type(event) for event in events] == [TransactionEnded, Closed]


@pytest.mark.parametrize(
    ("hello", "message", "status"),
    [
        pytest.param(b"250-p\r\n250 SIZE 9\r\n", transaction(), "5.3.4", id="too large"),
        pytest.param(PLAIN, transaction(smtputf8=True), "5.6.7", id="header needs SMTPUTF8"),
        pytest.param(
            PLAIN, Transaction(Path(Address("ä", "b.example")), recipients("x"), 1), "5.6.7", id="sender needs SMTPUTF8"
        ),
        pytest.param(PLAIN, transaction("ä"), "5.6.7", id="recipient needs SMTPUTF8"),
    ],
)
def test_what_the_peer_cannot_take_fails_here(hello, message, status):
    peer = ScriptedPeer({"EHLO": hello})

    send(peer, message)

    (result,) = peer.events[-1].results
    assert (str(result.reply.status), result.command) == (status, None)
    assert peer.sent == ["EHLO us.example"]
    assert peer.session.is_idle


@pytest.mark.parametrize("size", [b"SIZE", b"SIZE 0", b"SIZE 10", b"SIZE 11", b"SIZE x", b"size 10"])
def test_a_text_within_the_size_is_sent(size):
    peer = ScriptedPeer({"EHLO": b"250-p\r\n250 " + size + b"\r\n"})

    send(peer)

    assert ended(peer) == [(250, Awaiting.TEXT_END)]


def test_only_the_recipients_that_need_utf8_fail_here():
    peer = ScriptedPeer({"EHLO": b"250-p\r\n250 PIPELINING\r\n"})

    send(peer, transaction("ä", "x"))

    assert ended(peer) == [(553, None), (250, Awaiting.TEXT_END)]
    assert "RCPT TO:<x@b.example>" in peer.sent
    assert len(peer.sent) == 4


def test_utf8_is_sent_to_a_peer_that_knows_it():
    peer = ScriptedPeer()

    send(peer, transaction("ä"))

    assert peer.sent[1:3] == ["MAIL FROM:<a@us.example> SIZE=10 SMTPUTF8", "RCPT TO:<ä@b.example>"]


@pytest.mark.parametrize(
    ("greeting", "script", "code", "command"),
    [
        (b"554 no service\r\n", {}, 554, Awaiting.GREETING),
        (b"421 busy\r\n", {}, 421, Awaiting.GREETING),
        (b"220 p\r\n", {"EHLO": b"421 4.7.0 busy\r\n"}, 421, Awaiting.HELLO),
        (b"220 p\r\n", {"EHLO": b"450 later\r\n"}, 450, Awaiting.HELLO),
        (b"220 p\r\n", {"EHLO": b"502 what\r\n", "HELO": b"550 no\r\n"}, 550, Awaiting.HELLO),
    ],
)
def test_a_peer_that_refuses_us(greeting, script, code, command):
    peer = ScriptedPeer(script, greeting=greeting)

    (event,) = peer.run()

    assert isinstance(event, SessionRefused)
    assert (event.reply.code, event.command) == (code, command)
    assert not peer.session.is_idle


def test_helo_when_ehlo_is_not_known():
    peer = ScriptedPeer({"EHLO": b"500 what\r\n"})

    send(peer)

    assert peer.sent[:3] == ["EHLO us.example", "HELO us.example", "MAIL FROM:<a@us.example>"]
    assert not peer.session.supports_pipelining


def test_lmtp_has_no_helo():
    peer = ScriptedPeer({"LHLO": b"500 what\r\n"}, dialect=Dialect.LMTP)

    assert isinstance(peer.run()[-1], SessionRefused)


def test_starttls_asks_for_the_extensions_again():
    peer = ScriptedPeer({"EHLO": [b"250-p\r\n250 STARTTLS\r\n", b"250-p\r\n250-STARTTLS\r\n250 PIPELINING\r\n"]})
    peer.run()
    assert peer.session.offers_starttls

    peer.session.start_tls()
    events = peer.run()

    assert [type(event) for event in events] == [TlsReady, Ready]
    assert peer.sent == ["EHLO us.example", "STARTTLS", "EHLO us.example"]
    assert not peer.session.offers_starttls
    assert peer.session.supports_pipelining


def test_starttls_refused_leaves_the_session_ready():
    peer = ScriptedPeer({"EHLO": b"250-p\r\n250 STARTTLS\r\n", "STARTTLS": b"454 4.7.0 no\r\n"})
    peer.run()

    peer.session.start_tls()

    assert [type(event) for event in peer.run()] == [TlsRefused]
    assert peer.session.is_idle


@pytest.mark.parametrize("injected", [b"250 forged\r\n", b"2"])
def test_input_before_the_handshake_is_a_protocol_error(injected):
    peer = ScriptedPeer({"EHLO": b"250-p\r\n250 STARTTLS\r\n", "STARTTLS": b"220 go\r\n" + injected})
    peer.run()
    peer.session.start_tls()

    with pytest.raises(ProtocolError):
        peer.run()


def connect(*wires):
    """A session that has sent one message to a pipelining peer and has been told this."""
    session = ClientSession("us.example")
    session.receive(b"220 p\r\n" + EXTENSIONS)
    assert session.next_event() == Ready()
    session.take_outgoing()
    session.begin(transaction("x", "y"))
    for wire in wires:
        session.receive(wire)
    return session


def test_awaiting_names_the_reply_that_is_due():
    session = ClientSession("us.example")
    seen = [session.awaiting]
    for wire in (b"220 p\r\n", EXTENSIONS):
        session.receive(wire)
        session.next_event()
        seen.append(session.awaiting)
    session.begin(transaction())
    for wire in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        seen.append(session.awaiting)
        session.receive(wire)
        session.next_event()
    seen.append(session.awaiting)
    session.end_text()
    seen.append(session.awaiting)
    session.receive(b"250 ok\r\n")
    session.next_event()
    session.reset()
    seen.append(session.awaiting)
    session.receive(b"250 ok\r\n")
    session.next_event()
    session.quit()
    seen.append(session.awaiting)

    assert [due and due.name for due in seen] == [
        "GREETING",
        "HELLO",
        None,
        "MAIL",
        "RCPT",
        "DATA",
        None,
        "TEXT_END",
        "RSET",
        "QUIT",
    ]


@pytest.mark.parametrize(
    ("told", "codes", "awaiting"),
    [
        ((), [None, None], Awaiting.MAIL),
        ((b"550 no\r\n",), [550, 550], Awaiting.RCPT),
        ((b"250 ok\r\n", b"550 no\r\n"), [550, None], Awaiting.RCPT),
        ((b"250 ok\r\n250 ok\r\n250 ok\r\n",), [None, None], Awaiting.DATA),
    ],
)
def test_a_lost_connection_leaves_the_unanswered_undecided(told, codes, awaiting):
    session = connect(*told)
    assert session.next_event() is None
    session.connection_lost()
    event = session.next_event()

    assert isinstance(event, ConnectionLost)
    assert [result and result.reply.code for result in event.results] == codes
    assert (event.awaiting, event.text_ended) == (awaiting, False)
    assert session.next_event() is None


def test_a_connection_lost_after_the_final_dot_says_so():
    session = connect(b"250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    assert session.next_event() == TextWanted()
    session.send_text(b"text\r\n")
    session.end_text()
    session.connection_lost()
    event = session.next_event()

    assert isinstance(event, ConnectionLost)
    assert event.text_ended
    assert [result and result.reply.code for result in event.results] == [550, None]


def test_a_connection_lost_between_transactions_decides_nothing():
    session = ClientSession("us.example")
    session.connection_lost()

    assert session.next_event() == ConnectionLost((), Awaiting.GREETING)


@pytest.mark.parametrize(
    "told",
    [
        b"421 4.3.2 bye\r\n",
        b"250 ok\r\n421 4.3.2 bye\r\n",
        b"250 ok\r\n250 ok\r\n250 ok\r\n421 4.3.2 bye\r\n",
        b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n421 4.3.2 bye\r\n",
    ],
    ids=["to MAIL", "to RCPT", "to DATA", "in the text"],
)
def test_421_decides_the_rest_and_closes(told):
    session = connect(told)
    events = [event for event in iter(session.next_event, None) if event != TextWanted()]

    assert [type(event) for event in events] == [TransactionEnded, Closed]
    assert [result.reply.code for result in events[0].results] == [421, 421]
    assert not session.wants_text
    assert not session.is_idle


def test_a_refusal_in_the_middle_of_the_text_ends_the_session():
    session = connect(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    session.next_event()
    session.send_text(b"much ")
    session.receive(b"552 5.3.4 enough\r\n")
    events = list(iter(session.next_event, None))

    assert [type(event) for event in events] == [TransactionEnded, Closed]
    assert [result.reply.code for result in events[0].results] == [552, 552]
    assert not session.wants_text


def test_421_to_an_idle_session_closes_it():
    session = ClientSession("us.example")
    session.receive(b"220 p\r\n" + EXTENSIONS + b"421 4.4.2 idle\r\n")

    assert [type(event) for event in iter(session.next_event, None)] == [Ready, Closed]


@pytest.mark.parametrize(
    "told",
    [
        b"hello\r\n",
        b"354 go\r\n",
        b"250 ok\r\n354 go\r\n",
        b"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n",
        b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n",
    ],
    ids=["no reply", "354 to MAIL", "354 to RCPT", "250 to DATA", "250 before the text"],
)
def test_nonsense_is_a_protocol_error_and_stays_one(told):
    session = connect(told)

    with pytest.raises(ProtocolError):
        list(iter(session.next_event, None))
    with pytest.raises(ProtocolError):
        session.next_event()

    session.connection_lost()
    assert isinstance(session.next_event(), ConnectionLost)


def test_replies_before_the_nonsense_count():
    session = connect(b"250 ok\r\n550 no\r\nnonsense\r\n")
    with pytest.raises(ProtocolError):
        session.next_event()
    session.connection_lost()
    event = session.next_event()

    assert isinstance(event, ConnectionLost)
    assert [result and result.reply.code for result in event.results] == [550, None]


def test_reset_and_quit():
    peer = ScriptedPeer()
    peer.run()
    peer.session.reset()
    assert peer.run() == [Ready()]
    peer.session.quit()
    (event,) = peer.run()

    assert isinstance(event, Closed)
    assert event.reply == Reply(221, ("bye",), event.reply.status)
    assert peer.sent == ["EHLO us.example", "RSET", "QUIT"]


@pytest.mark.parametrize(
    "verb",
    [
        lambda session: session.begin(transaction()),
        lambda session: session.send_text(b"x"),
        lambda session: session.end_text(),
        lambda session: session.quit(),
        lambda session: session.reset(),
        lambda session: session.start_tls(),
        lambda session: session.tls_started(),
    ],
)
def test_a_verb_out_of_turn_is_a_bug(verb):
    with pytest.raises(RuntimeError):
        verb(ClientSession("us.example"))


def test_the_peers_replies_cannot_reach_a_log_with_control_characters():
    peer = ScriptedPeer({"MAIL": b"550 5.7.1 no\x1b[2J\x00\r\n"})

    send(peer)

    assert peer.events[-1].results[0].reply.text == "no?[2J?"
