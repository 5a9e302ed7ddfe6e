"""A session in sendmail's words meets anything: every line has one reply, and nothing is promised without an answer."""

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.limits import Limits
from posthouse.mail.reply import reply
from posthouse.smtp.sendmail_session import Personality, SendmailSession
from posthouse.smtp.server import DataAsked, ExpandAsked, MailGiven, RcptGiven, SessionEnded, TextEnded, VerifyAsked

PERSONALITY = Personality("mx1.example.org Sendmail", "[192.0.2.1]", "8.17")
WORDS = st.sampled_from(
    (
        "HELO",
        "EHLO x",
        "MAIL FROM:<a@b>",
        "RCPT TO:",
        "rcpt to:<",
        "DATA",
        ".",
        "RSET",
        "VRFY",
        "EXPN x",
        "QUIT",
        "SIZE=9",
        "(",
    )
)
LINES = st.one_of(
    st.binary(max_size=60),
    st.lists(WORDS, min_size=1, max_size=3).map(lambda words: " ".join(words).encode()),
    st.text('<>()"\\ :@a=\x7f\x00é', max_size=20).map(lambda text: b"MAIL FROM:" + text.encode()),
    st.text('<>()"\\ :@a=\x7f\x00é', max_size=20).map(lambda text: b"RCPT TO:" + text.encode()),
)


@given(st.lists(LINES, max_size=12))
def test_any_lines_give_replies_that_are_lines_and_events_that_are_answered(lines: list[bytes]) -> None:
    session = SendmailSession("mx1.example.org", Limits(), PERSONALITY)
    session.greet()
    session.receive(b"".join(line.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n" for line in lines))
    promises = 0
    while (event := session.next_event()) is not None:
        match event:
            case MailGiven() | RcptGiven() | VerifyAsked() | ExpandAsked():
                session.answer(reply(250, "2.0.0", "good"))
            case DataAsked():
                session.answer(reply(354, "", "send it"))
            case TextEnded():
                promises += 1
                session.answer(reply(250, "2.0.0", "ID accepted"))
            case SessionEnded():
                break

    replies = session.take_outgoing()

    assert replies.endswith(b"\r\n")
    for line in replies.split(b"\r\n")[:-1]:
        assert line[:3].isdigit()
        assert not set(line) & {0, 7, 10, 13, 127}
    assert replies.count(b"Message accepted for delivery") == promises
