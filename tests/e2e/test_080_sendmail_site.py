"""A daemon whose site is Debian's own sendmail.cf: mail comes in by SMTP and is routed and judged by its rules."""

import getpass
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from support.daemon import Daemon
from support.peers import program
from support.sendmail_corpus import CF_FOLDER, make_corpus
from support.sinks import running_sink
from support.waiting import until

EXTRA = """
define(`confSERVICE_SWITCH_FILE',`@CORPUS@/maps/service.switch')dnl
define(`confCW_FILE',`-o @CORPUS@/maps/names')dnl
define(`QUEUE_DIR',`@CORPUS@/queue')dnl
define(`SMTP_MAILER_ARGS',`TCP $h @PORT@')dnl
define(`ESMTP_MAILER_ARGS',`TCP $h @PORT@')dnl
define(`confQUEUE_LA',`1000')dnl
define(`confREFUSE_LA',`1000')dnl
LOCAL_DOMAIN(`home.example')dnl
DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1, Port=0')dnl
FEATURE(`no_default_msa')dnl
"""
RULES = """
Scheck_data
R$*			$: $&f
Rnodata@$*		$#error $@ 5.7.1 $: "554 no text from you"
Scheck_eoh
R$* $| $*		$: $&f
Rdiscard@$*		$#discard $: discard
Rhold@$*		$#error $@ quarantine $: to be looked at
HSubject: $>CheckSubject
SCheckSubject
R$* forbidden $*	$#error $@ 5.7.1 $: "553 Subject refused"
"""
HOST = "smart.example.net"  # which the hosts file knows
SENDER = f"ann@{HOST}"
ACCESS = """From:spammer.example\tREJECT
From:later.example\tERROR:4.7.1:451 come back later
From:drop.example\tDISCARD
To:relay.example\tRELAY
Connect:127.0.0.1\tOK
"""


@pytest.fixture(scope="module")
def sink(tmp_path_factory):
    with running_sink(tmp_path_factory.mktemp("sink")) as running:
        yield running


@pytest.fixture(scope="module", params=["cf", "toml"])
def daemon(request, tmp_path_factory, sink):
    """Run by the cf file itself, and by the site.toml that posthouse convert makes of it."""
    m4 = program("m4", "m4")
    program(str(CF_FOLDER / "sh" / "makeinfo.sh"), "sendmail-cf")
    folder = tmp_path_factory.mktemp("site")
    cf = make_site_file(folder, m4, sink.port)
    home = cf.parent / "queue" / "posthouse"
    home.mkdir(parents=True)
    running = Daemon(home, cf if request.param == "cf" else converted(cf))
    try:
        yield running.start()
    finally:
        running.kill()


def converted(cf: Path) -> Path:
    """Convert a configuration with the real command; the site.toml stands beside it."""
    command = [sys.executable, "-m", "posthouse", "convert", str(cf)]
    written = subprocess.run(command, capture_output=True, check=True, timeout=60)
    site = cf.with_suffix(".toml")
    site.write_bytes(written.stdout)
    return site


def make_site_file(folder: Path, m4: str, port: int) -> Path:
    """Make sendmail.cf of the public .mc file, with a queue of its own and a port of our own."""
    made = make_corpus(folder, m4)
    corpus = made.parent
    mc = (corpus / "public.mc").read_text()
    extra = EXTRA.replace("@CORPUS@", str(corpus)).replace("@PORT@", str(port))
    (corpus / "site.mc").write_text(
        mc.replace("MAILER(`local')", f"{extra}MAILER(`local')", 1) + f"\nLOCAL_RULESETS\n{RULES}"
    )
    (corpus / "maps/access").write_text(ACCESS)
    (corpus / "maps/aliases").write_text(f"postmaster: {getpass.getuser()}\nlist: far@relay.example, nobody-at-all\n")
    (corpus / "maps/mailertable").write_text("relay.example\tesmtp:[127.0.0.1]\n")
    written = subprocess.run(
        [m4, f"-D_CF_DIR_={CF_FOLDER}/", str(CF_FOLDER / "m4/cf.m4"), str(corpus / "site.mc")],
        capture_output=True,
        check=True,
    )
    (corpus / "site.cf").write_bytes(written.stdout)
    return corpus / "site.cf"


def refused(daemon, sender, recipient, text="Subject: x\r\n\r\nbody\r\n", source="127.0.0.1"):
    """Return code and text of the refusal."""
    with smtplib.SMTP("127.0.0.1", daemon.port, source_address=(source, 0)) as client:
        try:
            client.sendmail(sender, [recipient], text)
        except smtplib.SMTPRecipientsRefused as error:
            return next(iter(error.recipients.values()))
        except smtplib.SMTPResponseException as error:
            return error.smtp_code, error.smtp_error
    raise AssertionError("nothing was refused")


def arrives(sink, subject):
    """Wait until a message of this subject is in the sink."""
    until(lambda: any(subject in message for message in sink.messages()), f"{subject!r} in the sink")


def test_mail_for_a_domain_of_the_access_map_is_relayed(daemon, sink):
    daemon.send(SENDER, "joe@relay.example", "Subject: relayed\r\n\r\nbody\r\n")

    arrives(sink, b"Subject: relayed")


@pytest.mark.parametrize(
    ("sender", "recipient", "code", "text"),
    [
        (SENDER, "nobody-at-all@home.example", 550, "5.1.1 <nobody-at-all@home.example>... User unknown"),
        ("x@nowhere.example", "postmaster", 553, "5.1.8 <x@nowhere.example>... Domain of sender address"),
        ("x@spammer.example", "postmaster", 550, "5.7.1 <x@spammer.example>... Access denied"),
        ("x@later.example", "postmaster", 451, "4.7.1 come back later"),
        (f"nodata@{HOST}", "joe@relay.example", 554, "5.7.1 no text from you"),
    ],
)
def test_the_rules_refuse(daemon, sender, recipient, code, text):
    said = refused(daemon, sender, recipient)

    assert (said[0], said[1].decode().startswith(text)) == (code, True), said


def test_a_stranger_may_not_relay(daemon):
    said = refused(daemon, SENDER, "joe@far.example", source="127.0.0.2")

    assert said[0] == 550
    assert said[1].startswith(b"5.7.1 <joe@far.example>... Relaying denied")


def test_a_header_check_refuses_the_message(daemon):
    said = refused(daemon, SENDER, "joe@relay.example", "Subject: a forbidden thing\r\n\r\nbody\r\n")

    assert said == (553, b"5.7.1 Subject refused")


@pytest.mark.parametrize("sender", ["x@drop.example", f"discard@{HOST}"])
def test_what_the_rules_discard_is_accepted_and_dropped(daemon, sender):
    daemon.send(sender, "joe@relay.example", "Subject: dropped\r\n\r\nbody\r\n")

    daemon.wait_event("discarded", sender=sender)
    assert not daemon.events("accepted", sender=sender)


def test_what_the_rules_quarantine_waits_for_an_operator(daemon, sink):
    daemon.send(f"hold@{HOST}", "joe@relay.example", "Subject: held\r\n\r\nbody\r\n")
    held = daemon.wait_event("held")
    assert held["reason"] == "to be looked at"

    daemon.run("queue", "release", held["queue_id"])

    arrives(sink, b"Subject: held")


def test_an_alias_with_a_bad_member_is_accepted_and_its_sender_told(daemon, sink):
    daemon.send(SENDER, "list@home.example", "Subject: half\r\n\r\nbody\r\n")

    arrives(sink, b"Subject: half")
    accepted = daemon.wait_event("accepted", sender=SENDER, recipients=2)
    failed = daemon.wait_event("failed", queue_id=accepted["queue_id"])
    assert failed["diagnostic"].startswith("550 5.1.1")


def test_explain_names_the_rules(daemon):
    done = daemon.run("explain", "--no-dns", "joe@relay.example")

    shown = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "esmtp" in shown
    assert " of canonify makes it: " in shown
    assert f"{daemon.site_file.name}:" in shown


def test_vrfy_and_expn_answer_as_the_rules_say(daemon):
    with daemon.smtp() as client:
        assert client.verify("postmaster")[0] == 250
        assert client.expn("list@home.example") == (250, b"2.1.5 <far@relay.example>")


def test_a_client_may_have_the_queue_tried_for_a_node(daemon):
    with daemon.smtp() as client:
        client.ehlo("client.example")
        assert client.docmd("ETRN", "relay.example") == (250, b"2.0.0 Queuing for node relay.example started")
        assert client.docmd("ETRN", "#group") == (459, b"4.5.4 Queue group unknown")
