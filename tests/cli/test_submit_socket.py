"""Handing a message to the daemon: what is sent, and what each answer means to the caller."""

import os
import socket

import pytest

from posthouse.cli.submission.handover import HandoverError, Letter
from posthouse.cli.submission.submit_socket import DaemonDownError, SubmitConnection
from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Notify, Return
from posthouse.smtp.parameters import MailParameters, RcptParameters
from support.cli_peer import scripted_daemon

JOE = Address("joe", "example.org")
ANN = Address("ann smith", "example.net")


def letter(*chunks, sender=JOE, recipients=(ANN,), mail=None, rcpt=None):
    return Letter(
        reverse_path=Path(sender) if sender else NULL_PATH,
        recipients=recipients,
        text=iter(chunks or (b"Subject: x\r\n\r\nhello\r\n",)),
        mail=mail or MailParameters(),
        rcpt=rcpt or RcptParameters(),
    )


def hand_over(tmp_path, one, replies=None):
    path = tmp_path / "submit.sock"
    with scripted_daemon(path, replies) as daemon:
        try:
            return daemon, SubmitConnection(path).submit(one)
        except HandoverError as error:
            return daemon, error


def test_message_is_handed_over_with_its_dsn_parameters(tmp_path):
    mail = MailParameters(body=Body.EIGHT_BIT_MIME, ret=Return.HEADERS, envid="q+201")
    rcpt = RcptParameters(notify=Notify.FAILURE | Notify.DELAY)

    daemon, handover = hand_over(tmp_path, letter(mail=mail, rcpt=rcpt))

    assert daemon.commands == [
        "EHLO localhost",
        "MAIL FROM:<joe@example.org> BODY=8BITMIME RET=HDRS ENVID=q+201",
        'RCPT TO:<"ann smith"@example.net> NOTIFY=FAILURE,DELAY',
        "DATA",
        "QUIT",
    ]
    assert str(handover.reply) == "250 2.0.0 Kept as 1QjK2m0aBcDeF"


def test_null_reverse_path_is_sent_empty(tmp_path):
    daemon, _ = hand_over(tmp_path, letter(sender=None))

    assert "MAIL FROM:<>" in daemon.commands


@pytest.mark.parametrize(
    ("chunks", "wire"),
    [
        pytest.param([b".\r\n..\r\nx.\r\n"], b"..\r\n...\r\nx.\r\n", id="dots at line starts are doubled"),
        pytest.param([b"x\r\n", b".y\r\n"], b"x\r\n..y\r\n", id="a dot that begins a chunk"),
        pytest.param([b"x", b".y\r\n"], b"x.y\r\n", id="a dot inside a line that two chunks share"),
        pytest.param([b"x\r\n", b"", b".y\r\n"], b"x\r\n..y\r\n", id="an empty chunk between"),
        pytest.param([b"x"], b"x\r\n", id="a last line without its end"),
    ],
)
def test_text_arrives_dot_stuffed(tmp_path, chunks, wire):
    daemon, _ = hand_over(tmp_path, letter(*chunks))

    assert daemon.texts == [wire]


def test_refused_recipient_does_not_hold_up_the_others(tmp_path):
    nobody = Address("nobody", "example.net")
    refusal = {"RCPT TO:<nobody@example.net>": b"550-5.1.1 There is\r\n550 5.1.1 no such user"}

    daemon, handover = hand_over(tmp_path, letter(recipients=(nobody, ANN)), refusal)

    assert [(one.recipient, str(one.reply)) for one in handover.refused] == [
        (nobody, "550 5.1.1 There is no such user")
    ]
    assert len(daemon.texts) == 1


@pytest.mark.parametrize(
    ("replies", "code"),
    [
        pytest.param({"RCPT": b"550 5.1.1 No such user"}, os.EX_NOUSER, id="no such user"),
        pytest.param({"RCPT": b"550 5.7.1 Relaying denied"}, os.EX_UNAVAILABLE, id="refused by policy"),
        pytest.param({"RCPT": b"451 4.4.3 Table unavailable"}, os.EX_TEMPFAIL, id="a table cannot answer"),
        pytest.param({"MAIL": b"452 4.3.1 Disk full"}, os.EX_TEMPFAIL, id="disk full"),
        pytest.param({"MAIL": b"552 5.3.4 Too big"}, os.EX_UNAVAILABLE, id="message refused"),
        pytest.param({"text": b"451 4.3.0 Not kept"}, os.EX_TEMPFAIL, id="the spool failed"),
        pytest.param({"text": b"554 5.4.6 Loop"}, os.EX_UNAVAILABLE, id="text refused"),
        pytest.param({"greeting": b"421 4.3.2 Closing"}, os.EX_TEMPFAIL, id="daemon stops"),
        pytest.param({"greeting": b"HTTP/1.1 400 Bad"}, os.EX_TEMPFAIL, id="not SMTP"),
        pytest.param({"greeting": None}, os.EX_TEMPFAIL, id="hangs up at once"),
        pytest.param({"text": None}, os.EX_TEMPFAIL, id="hangs up after the final dot"),
    ],
)
def test_what_was_not_accepted_is_said_by_the_exit_code(tmp_path, replies, code):
    _, error = hand_over(tmp_path, letter(), replies)

    assert isinstance(error, HandoverError)
    assert error.code == code


def test_reply_that_was_lost_leaves_the_fate_open(tmp_path):
    _, error = hand_over(tmp_path, letter(), {"text": None})

    assert "whether it kept the message is not known" in str(error)


def test_hundreds_of_recipients_are_pipelined(tmp_path):
    recipients = tuple(Address(f"user{number}", "example.net") for number in range(220))

    daemon, handover = hand_over(tmp_path, letter(recipients=recipients))

    assert sum(command.startswith("RCPT") for command in daemon.commands) == 220
    assert handover.refused == ()


def test_missing_socket_means_that_the_daemon_is_down(tmp_path):
    with pytest.raises(DaemonDownError):
        SubmitConnection(tmp_path / "nowhere")


def test_socket_that_nobody_listens_on_means_the_same(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left_over:
        left_over.bind(str(tmp_path / "submit.sock"))

    with pytest.raises(DaemonDownError):
        SubmitConnection(tmp_path / "submit.sock")
