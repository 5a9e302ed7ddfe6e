"""A daemon whose site is a sendmail.cf with mailers of its own: programs, dialogues over pipes, and its reports."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from support.daemon import Daemon
from support.sendmail_deliveries import make_place
from support.waiting import until

DAEMON = "O DaemonPortOptions=Name=MTA, Addr=127.0.0.1, Port=0\n"
RELAY = "Scheck_rcpt\nR$*\t\t\t$: $1\n"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mailers of the recorded users run as these")


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with TemporaryDirectory(prefix="posthouse-mailers-") as folder:
        Path(folder).chmod(0o755)
        corpus = make_place(Path(folder))
        cf = corpus / "deliver.cf"
        cf.write_text(cf.read_text().replace("O LogLevel=0\n", DAEMON) + RELAY)
        home = corpus / "spool/mqueue/posthouse"
        home.mkdir()
        running = Daemon(home, cf)
        try:
            yield running.start()
        finally:
            running.kill()


def delivered(daemon: Daemon, words: str, recipient: str) -> str:
    """Wait for what a mailer was given for this recipient that holds these words; it has written all of it by then."""
    out = daemon.site_file.parent / "spool/out"

    def found() -> str | None:
        texts = (path.read_text("latin-1") for path in sorted(out.iterdir()))
        return next((text for text in texts if words in text), None)

    daemon.wait_event("delivered", recipient=recipient)
    return until(found, f"{words!r} with a mailer")


def test_a_program_gets_the_message_with_the_header_of_its_mailer(daemon: Daemon) -> None:
    daemon.send("ann@far.example", "bob@multi.mailer", "Subject: one\r\nTo: bob\r\n\r\nbody\r\n")

    text = delivered(daemon, "Subject: one", "bob@multi.mailer")

    assert text.startswith("argv: multi\nargv: from=ann@far.example\nargv: host=multi.mailer\nargv: bob@multi.mailer\n")
    assert "\nFrom ann@far.example " in text
    assert "\nTo: bob@mx1.example.org\n" in text
    assert "\nX-Always: always mx1\n" in text
    assert text.endswith("\n\nbody\n")


def test_a_dialogue_over_pipes_carries_the_message(daemon: Daemon) -> None:
    daemon.send("ann@far.example", "bob@epipe.mailer", "Subject: two\r\n\r\n.dot\r\n")

    text = delivered(daemon, "D: Subject: two", "bob@epipe.mailer")

    assert "C: EHLO mx1.example.org\nC: MAIL From:<ann@far.example> SIZE=" in text
    assert "D: ..dot\nD: .\nC: QUIT" in text


def test_a_failure_is_reported_in_sendmails_words(daemon: Daemon) -> None:
    daemon.send("ann@single.mailer", "67@fail.mailer", "Subject: three\r\n\r\nbody\r\n")

    text = delivered(daemon, "Returned mail", "ann@single.mailer")

    assert "argv: from=MAILER-DAEMON@mx1.example.org\n" in text
    assert "From: Mail Delivery Subsystem <MAILER-DAEMON@mx1.example.org>" in text
    assert "   ----- The following addresses had permanent fatal errors -----\n<67@fail.mailer>\n" in text
    assert "Action: failed\nStatus: 5.1.1\n" in text
    assert "\nSubject: three\n" in text
    assert '{"circumstances"' not in text
