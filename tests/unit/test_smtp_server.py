"""The server session: what waits, what is bounded, how it ends."""

import pytest

from posthouse.mail.address import Address, Path
from posthouse.mail.limits import Limits
from posthouse.mail.reply import reply
from posthouse.smtp.parameters import MailParameters, RcptParameters
from posthouse.smtp.server import (
    CommandRefused,
    DataAsked,
    EndReason,
    ExpandAsked,
    HelloGiven,
    MailGiven,
    RcptGiven,
    ServerSession,
    SessionEnded,
    State,
    TextEnded,
    TextRefused,
    TransactionReset,
    VerifyAsked,
)
from support.smtp_dialogs import MemoryWire, world_answer

OK = reply(250, "2.0.0", "ok")
ENVELOPE = b"HELO client\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.net>\r\nDATA\r\n"


def talk(*wires, limits=None):
    """Say these lines in the dialogs' example world; return the wire."""
    wire = MemoryWire(limits)
    wire.read_rest()
    for line in wires:
        wire.send(line)
    return wire


def codes(wire):
    return [line[:3] for line in wire.read_rest().decode().splitlines() if line[3:4] == " "]


def test_events_of_one_message():
    wire = talk(ENVELOPE, b"..text\r\n.\r\nQUIT\r\n")

    assert wire.events == [
        HelloGiven("client", esmtp=False),
        MailGiven(Path(Address("a", "b.example")), MailParameters()),
        RcptGiven(Path(Address("alice", "example.net")), RcptParameters()),
        DataAsked(),
        TextEnded(7, b".text\r\n"),
        SessionEnded(EndReason.QUIT),
    ]
    assert wire.session.client_name == "client"


def test_nothing_is_read_past_a_question():
    session = ServerSession("mx.example.net", Limits())
    session.receive(b"HELO client\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.net>\r\n")

    assert isinstance(session.next_event(), HelloGiven)
    assert isinstance(session.next_event(), MailGiven)
    assert session.is_waiting
    assert session.next_event() is None
    assert session.buffered_octets == len(b"RCPT TO:<alice@example.net>\r\n")

    session.answer(OK)

    assert isinstance(session.next_event(), RcptGiven)
    assert session.take_outgoing() == b"250 mx.example.net\r\n250 2.0.0 ok\r\n"


def test_an_answer_that_nobody_waits_for_is_a_bug():
    session = ServerSession("mx.example.net", Limits())

    with pytest.raises(RuntimeError):
        session.answer(OK)


def test_no_reply_to_the_text_before_the_driver_has_answered():
    session = ServerSession("mx.example.net", Limits())
    session.receive(ENVELOPE + b"text\r\n.\r\n")
    while not isinstance(event := session.next_event(), TextEnded):
        if session.is_waiting:
            session.answer(world_answer(event))
    session.take_outgoing()

    assert session.state is State.COMMIT
    assert session.next_event() is None
    assert session.take_outgoing() == b""

    session.answer(reply(451, "4.3.0", "try later"))

    assert session.take_outgoing() == b"451 4.3.0 try later\r\n"
    assert session.state is State.READY


def test_a_refused_data_ends_the_transaction():
    session = ServerSession("mx.example.net", Limits())
    session.receive(ENVELOPE + b"NOOP\r\n.\r\n")
    while not isinstance(event := session.next_event(), DataAsked):
        if session.is_waiting:
            session.answer(world_answer(event))
    session.take_outgoing()
    session.answer(reply(451, "4.3.0", "try later"))

    assert isinstance(session.next_event(), CommandRefused)  # the dot that should have ended the text
    assert session.next_event() is None
    assert session.state is State.READY
    assert session.take_outgoing() == b"451 4.3.0 try later\r\n250 2.0.0 OK\r\n500 5.5.2 command not recognised\r\n"


@pytest.mark.parametrize("command", [b"RSET\r\n", b"HELO again\r\n", b"EHLO again\r\n"])
def test_what_resets_a_transaction_says_so(command):
    wire = talk(b"HELO client\r\nMAIL FROM:<>\r\n", command)

    assert TransactionReset() in wire.events
    assert wire.session.state is State.READY


def test_reset_without_a_transaction_says_nothing():
    assert TransactionReset() not in talk(b"RSET\r\nHELO client\r\nRSET\r\nHELO again\r\n").events


def test_a_flawed_text_is_refused_and_the_session_goes_on():
    wire = talk(ENVELOPE, b"a\nb\r\n.\r\nNOOP\r\n")

    assert codes(wire) == ["250", "250", "250", "354", "550", "250"]
    assert isinstance(wire.events[-1], TextRefused)
    assert wire.session.state is State.READY


@pytest.mark.parametrize(("octets", "code"), [(65_535, "250"), (65_536, "250"), (65_537, "552")])
def test_the_text_limit(octets, code):
    wire = talk(ENVELOPE, b"x" * (octets - 2) + b"\r\n.\r\n", limits=Limits(text_octets=65_536))

    assert codes(wire)[-1] == code


@pytest.mark.parametrize(("octets", "code"), [(65_535, "250"), (65_536, "250"), (65_537, "552")])
def test_the_declared_size_limit(octets, code):
    wire = talk(b"HELO client\r\nMAIL FROM:<> SIZE=%d\r\n" % octets, limits=Limits(text_octets=65_536))

    assert codes(wire)[-1] == code


@pytest.mark.parametrize("pieces", [1, 7, 10_000])
@pytest.mark.parametrize(("octets", "code"), [(511, "250"), (512, "250"), (513, "500"), (9_000, "500")])
def test_the_command_line_limit(octets, code, pieces):
    wire = talk(limits=Limits(command_octets=512))
    line = b"NOOP " + b"x" * (octets - 7) + b"\r\nNOOP\r\n"

    for at in range(0, len(line), pieces):
        wire.send(line[at : at + pieces])
        assert wire.session.buffered_octets <= 512

    assert codes(wire) == [code, "250"]


@pytest.mark.parametrize("recipients", [99, 100, 101])
def test_the_recipient_limit(recipients):
    wire = talk(b"HELO client\r\nMAIL FROM:<>\r\n", limits=Limits(recipients=100))
    wire.read_rest()

    wire.send(b"RCPT TO:<alice@example.net>\r\n" * recipients)

    assert codes(wire) == ["250"] * min(recipients, 100) + ["452"] * (recipients - 100)


@pytest.mark.parametrize(("given", "ended"), [(204, False), (205, False), (206, True)])
def test_a_client_that_never_stops_giving_recipients_is_sent_away(given, ended):
    wire = talk(b"HELO client\r\nMAIL FROM:<>\r\n", limits=Limits(recipients=100, errors=5))
    wire.read_rest()

    wire.send(b"RCPT TO:<alice@example.net>\r\n" * given)

    assert codes(wire)[-1] == ("421" if ended else "452")
    assert (wire.events[-1:] == [SessionEnded(EndReason.ERRORS)]) == ended


@pytest.mark.parametrize(("messages", "last"), [(1, "250"), (2, "250"), (3, "421")])
def test_the_message_limit(messages, last):
    one = b"MAIL FROM:<>\r\nRCPT TO:<alice@example.net>\r\nDATA\r\n.\r\n"

    wire = talk(b"HELO client\r\n" + one * messages, limits=Limits(messages_per_session=2))

    assert codes(wire)[-1] == last
    assert len(wire.texts) == min(messages, 2)
    assert (wire.events[-1] == SessionEnded(EndReason.MESSAGES)) == (last == "421")


@pytest.mark.parametrize(("errors", "ended"), [(4, False), (5, False), (6, True)])
@pytest.mark.parametrize("bad", [b"WIZ\r\n", b"MAIL FROM:<>\r\n", b"a\rb\r\n", b"RCPT TO:<nobody@example.net>\r\n"])
def test_the_error_limit(errors, ended, bad):
    wire = talk(bad * errors, limits=Limits(errors=5))

    assert (wire.events[-1:] == [SessionEnded(EndReason.ERRORS)]) == ended
    assert codes(wire)[-1] == ("421" if ended else ("503" if bad[:4] in (b"MAIL", b"RCPT") else "500"))


def test_refused_recipients_are_errors():
    wire = talk(b"HELO c\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<nobody@example.net>\r\n" * 6, limits=Limits(errors=5))

    assert codes(wire) == ["250", "250", *["550"] * 5, "421"]


def test_endless_small_talk_ends():
    wire = talk(b"NOOP\r\n" * 106, limits=Limits(errors=5))

    assert wire.events == [SessionEnded(EndReason.ERRORS)]
    assert codes(wire) == ["250"] * 105 + ["421"]


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1\r\n", b"post / HTTP/1.1\r\n", b"CONNECT mx:25 HTTP/1.1\r\n"])
def test_http_closes_the_session(line):
    wire = talk(line + b"HELO client\r\n")

    assert wire.events == [SessionEnded(EndReason.NOT_SMTP)]
    assert codes(wire) == ["421"]


def test_nothing_is_read_after_quit():
    wire = talk(b"QUIT\r\nHELO client\r\n")
    wire.send(b"NOOP\r\n")

    assert wire.events == [SessionEnded(EndReason.QUIT)]
    assert wire.session.buffered_octets == 0
    assert codes(wire) == ["221"]


def test_shutdown_between_transactions_is_at_once():
    wire = talk(b"HELO client\r\n")
    wire.read_rest()
    wire.session.shutdown()
    wire.send(b"")

    assert wire.events[-1] == SessionEnded(EndReason.SHUTDOWN)
    assert wire.read_rest().startswith(b"421 4.3.2 ")


def test_shutdown_lets_a_running_transaction_end():
    wire = talk(ENVELOPE)
    wire.session.shutdown()
    wire.send(b"text\r\n")
    assert not isinstance(wire.events[-1], SessionEnded)
    wire.send(b".\r\nMAIL FROM:<>\r\n")

    assert wire.texts == [b"text\r\n"]
    assert codes(wire)[-2:] == ["250", "421"]


def test_time_out_says_421():
    wire = talk(ENVELOPE, b"text\r\n")
    wire.session.time_out()
    wire.send(b".\r\n")

    assert wire.events[-1] == SessionEnded(EndReason.TIMED_OUT)
    assert wire.read_rest().endswith(b"421 4.4.2 you were silent for too long\r\n")


def test_a_client_that_vanishes_ends_the_session_without_a_word():
    wire = talk(ENVELOPE, b"text\r\n")
    wire.read_rest()
    wire.session.connection_lost()
    wire.session.connection_lost()
    wire.send(b"")

    assert wire.events[-1] == SessionEnded(EndReason.LOST)
    assert wire.events.count(SessionEnded(EndReason.LOST)) == 1
    assert wire.read_rest() == b""


def test_an_answer_after_the_end_is_dropped():
    session = ServerSession("mx.example.net", Limits())
    session.receive(b"HELO client\r\nMAIL FROM:<>\r\n")
    while not session.is_waiting:
        session.next_event()
    session.take_outgoing()
    session.connection_lost()

    session.answer(OK)

    assert session.take_outgoing() == b""


def test_a_421_from_the_driver_ends_the_session():
    session = ServerSession("mx.example.net", Limits())
    session.receive(b"HELO client\r\nMAIL FROM:<>\r\nNOOP\r\n")
    while not session.is_waiting:
        session.next_event()
    session.take_outgoing()

    session.answer(reply(421, "4.7.0", "go away"))

    assert session.next_event() == SessionEnded(EndReason.REFUSED)
    assert session.take_outgoing() == b"421 4.7.0 go away\r\n"


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b"VRFY alice\r\n", VerifyAsked("alice")),
        (b"EXPN staff list\r\n", ExpandAsked("staff list")),
        ("VRFY dörte SMTPUTF8\r\n".encode(), VerifyAsked("dörte")),
        (b"VRFY a smtputf8\r\n", VerifyAsked("a")),
    ],
)
def test_names_are_looked_up_by_the_driver(line, event):
    wire = talk(line)

    assert wire.events == [event]
    assert codes(wire) == ["252"]


@pytest.mark.parametrize(
    ("line", "code"),
    [(b"VRFY\r\n", "501"), (b"EXPN \r\n", "501"), (b"VRFY a\x1bb\r\n", "501"), ("VRFY ä\r\n".encode(), "553")],
)
def test_a_bad_name_is_refused(line, code):
    wire = talk(line)

    assert [type(event) for event in wire.events] == [CommandRefused]
    assert codes(wire) == [code]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        (b"client.example.org", True),
        (b"[192.0.2.1]", True),
        (b"[IPv6:2001:db8::1]", True),
        (b"under_score", True),
        (b"x" * 255, True),
        (b"x" * 256, False),
        (b"a(b", False),
        (b'"a"', False),
        (b"a\x00b", False),
        ("ä".encode(), False),
    ],
)
def test_the_clients_name_needs_no_quoting(name, taken):
    wire = talk(b"HELO " + name + b"\r\n")

    assert codes(wire) == (["250"] if taken else ["501"])
    assert wire.session.client_name == (name.decode() if taken else "")


@pytest.mark.parametrize(
    ("wire", "command", "argument", "code"),
    [
        pytest.param(b"RCPT TO:<alice@example.net>\r\n", "RCPT", "TO:<alice@example.net>", 503, id="out of order"),
        pytest.param(b"MAIL FROM:<bad@@x>\r\n", "MAIL", "FROM:<bad@@x>", 501, id="bad address"),
        pytest.param(b"mail FROM:<\xc3\xa9@b.example>\r\n", "MAIL", "FROM:<\xe9@b.example>", 553, id="8-bit"),
        pytest.param(b"MAIL FROM:<> SIZE=999999999999\r\n", "MAIL", "FROM:<> SIZE=999999999999", 552, id="too large"),
        pytest.param(b"MAIL FROM:<" + b"x" * 900 + b"\r\n", "MAIL", "FROM:<" + "x" * 394, 501, id="cut to a bound"),
        pytest.param(b"RSET now\r\n", "RSET", "", 501, id="an argument too many"),
        pytest.param(b"hunter2 secret\r\n", "(unknown)", "", 500, id="a word that may be a password"),
        pytest.param(b"AUTH PLAIN c2VjcmV0\r\n", "AUTH", "", 502, id="a password"),
        pytest.param(b"NOOP " + b"x" * 5000 + b"\r\n", "(line)", "", 500, id="too long a line"),
        pytest.param(b"NOOP\nNOOP\r\n", "(line)", "", 500, id="a bare LF"),
    ],
)
def test_a_command_refused_by_the_session_itself_is_told(wire, command, argument, code):
    *_, refused = talk(b"HELO client\r\n", wire).events

    assert isinstance(refused, CommandRefused)
    assert (refused.command, refused.argument, refused.reply.code) == (command, argument, code)


def test_what_the_driver_refused_is_not_told_to_it_again():
    wire = talk(b"HELO client\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@example.net>\r\nDATA\r\n")

    assert codes(wire)[-2:] == ["550", "554"]
    assert not any(isinstance(event, CommandRefused) for event in wire.events)


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(b"NONSENSE\r\n" * 1000, id="errors"),
        pytest.param(b"RSET\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<alice@example.net>\r\n" * 190, id="452 is no error"),
    ],
)
def test_a_flood_of_refused_commands_is_told_up_to_the_bound(flood):
    limits = Limits(errors=5, recipients=100)

    wire = talk(b"HELO client\r\n", flood, flood, flood, limits=limits)

    assert sum(isinstance(event, CommandRefused) for event in wire.events) == 6
