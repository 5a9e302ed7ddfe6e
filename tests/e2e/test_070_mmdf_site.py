"""A tailor file as a living site: mail in by SMTP, refused, delivered, expanded, and out in a channel's dialect."""

import email
import os
import pwd
import smtplib
import socket

import pytest

from support.daemon import Daemon
from support.sinks import running_sink
from support.waiting import LONG, until

TAILOR = """\
; river -- a living MMDF site
MLNAME		"river"
MLDOMAIN	"example"
MSUPPORT	"master@river.example"
AUTHREQUEST	"master@river.example"
MTBLDIR		"tables"
MQUEDIR		"queue"
MLOGDIR		"."
MMSGLOG		"log", level=FST
AUTHLOG		"auth.log", level=FST
MDLVRDIR	"mail"
MMBXNAME	""
LISTEN		"127.0.0.1:0"
RELAYFROM	"127.0.0.1/32"

MTBL	aliases, file=aliases
ALIAS	table=aliases, trusted, public
MTBL	root, file=root
MDMN	"", table=root
MTBL	mailids, file=mailids
MMAILID	1
MTBL	auth, file=auth
MTBL	ch-local, file=ch-local
MTBL	ch-list, file=ch-list
MTBL	ch-smtp, file=ch-smtp
MTBL	ch-guarded, file=ch-guarded
MTBL	ch-table, file=ch-table
MTBL	ch-gone, file=ch-gone
MCHN	local, tbl=ch-local, pgm=local, ap=822
MCHN	list, tbl=ch-list, pgm=list, host="river.example"
MCHN	smtp, tbl=ch-smtp, pgm=smtp, ap=733, lname=front, ldomain=example, host="[127.0.0.1]:{port}"
MCHN	guarded, tbl=ch-guarded, pgm=smtp, ap=822, host="[127.0.0.1]:{port}", auth=outblock
MCHN	table, tbl=ch-table, pgm=smtp
MCHN	gone, tbl=ch-gone, pgm=smtp
MCHN	delay, tbl=ch-list, pgm=delay, host="river.example"
"""
TABLES = {
    "aliases": "both: joe, ann\nclub: club-members@list.example\nclub-members: joe, bob@far.example\n"
    "club-request: ann\nmaster: ann\nbroken: joe, nobody\nloop: loop2\nloop2: loop\n",
    "root": "river: river.example\nriver.example: river.example\nlist.example: list.example\n"
    "far: far.example\nfar.example: far.example\nclosed.example: closed.example\ntable.example: table.example\n"
    "gone.example: gone.example\n",
    "mailids": f"joe: joe\nann: ann\nourselves: {pwd.getpwuid(os.geteuid()).pw_name}\n",
    "auth": "trusty@river.example: send guarded\ntrusty: send guarded\n",
    "ch-local": "river.example: river\n",
    "ch-list": "list.example: l\n",
    "ch-smtp": "far.example: 127.0.0.1\n",
    "ch-guarded": "closed.example: 127.0.0.1\n",
    "ch-gone": "gone.example: 127.0.0.1\n",
    "ch-table": "table.example: 127.0.0.9\n",
}


@pytest.fixture(scope="module")
def sink(tmp_path_factory):
    with running_sink(tmp_path_factory.mktemp("sink")) as running:
        yield running


def make_site(home, port):
    for folder in ("tables", "mail", "queue"):
        (home / folder).mkdir()
    for name, text in TABLES.items():
        (home / "tables" / name).write_text(text)
    with (home / "tables" / "aliases").open("a") as aliases:
        aliases.write(f'pipe: "ourselves|cat > {home}/piped"\nfile: "ourselves/{home}/filed"\n')
    tailor = home / "mmdftailor"
    tailor.write_text(TAILOR.format(port=port))
    return tailor


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, sink):
    home = tmp_path_factory.mktemp("mmdf")
    running = Daemon(home, make_site(home, sink.port)).start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def daemon_of_its_own(tmp_path, sink):
    """A daemon whose tables may be spoiled."""
    running = Daemon(tmp_path, make_site(tmp_path, sink.port)).start()
    try:
        yield running
    finally:
        running.stop()


def stranger(daemon):
    """A client from where nobody may relay."""
    return smtplib.SMTP("127.0.0.1", daemon.port, timeout=LONG, source_address=("127.0.0.3", 0))


def mailbox(daemon, user):
    """The messages of a user's mailbox; none while it is being written."""
    path = daemon.home / "mail" / user
    lock = path.with_name(f"{user}.lock")
    if lock.exists() or not path.exists():
        return []
    text = path.read_bytes()
    if lock.exists() or path.stat().st_size != len(text):
        return []  # somebody writes or has written meanwhile
    return [email.message_from_bytes(one.partition(b"\n")[2]) for one in text.split(b"\nFrom ") if one]


def in_mailbox(daemon, user, subject):
    def found():
        return [message for message in mailbox(daemon, user) if message["Subject"] == subject]

    return until(found, f"{subject!r} for {user}")[0]


def in_sink(sink, subject):
    def found():
        return [one for one in sink.messages() if f"\nSubject: {subject}\n".encode() in one]

    return until(found, f"{subject!r} at the sink")


def test_mail_for_a_user_reaches_the_mailbox_with_official_names(daemon):
    daemon.send("bob@far.example", "joe@river", "From: bob@far\r\nTo: joe\r\nSubject: local\r\n\r\nTo: joe\r\n")

    message = in_mailbox(daemon, "joe", "local")

    assert (message["From"], message["To"]) == ("bob@far.example", "joe@far.example")
    assert message.get_payload().startswith("To: joe\n")


def test_mail_goes_out_in_the_dialect_of_its_channel(daemon, sink):
    daemon.send(
        "joe@river.example",
        "@river:bob@far",
        "From: joe@river\r\nTo: ann, @far:bob@away.zz\r\nSubject: out\r\n\r\nbody\r\n",
    )

    (message,) = in_sink(sink, "out")

    assert b"X-Mail-Args: <joe@front.example>" in message
    assert b"X-Rcpt-Args: <bob@far.example>" in message
    assert b"\nFrom: joe@front.example\nTo: ann@front.example, bob%away.zz@far.example\n" in message


def test_an_alias_of_several_reaches_each(daemon):
    daemon.send("bob@far.example", "both@river.example", "Subject: to both\r\n\r\nx\r\n")

    in_mailbox(daemon, "joe", "to both")
    in_mailbox(daemon, "ann", "to both")


def test_a_list_is_sent_again_with_who_looks_after_it_as_sender(daemon, sink):
    daemon.send("joe@river.example", "club@river.example", "Subject: to the club\r\n\r\nx\r\n")

    in_mailbox(daemon, "joe", "to the club")
    (message,) = in_sink(sink, "to the club")
    assert b"X-Mail-Args: <club-members@front.example>" not in message
    assert b"X-Mail-Args: <master@front.example>" in message


def test_a_trusted_alias_may_name_a_program_and_a_file(daemon):
    daemon.send("joe@river.example", ["pipe@river", "file@river"], "To: pipe@river\r\nSubject: for both\r\n\r\nx\r\n")

    for name in ("piped", "filed"):
        path = daemon.home / name
        until(lambda path=path: path.exists() and path.read_bytes().rstrip().endswith(b"x"), name)
        assert b"\nTo: pipe@river.example\n" in path.read_bytes()


def test_a_source_route_is_followed(daemon, sink):
    with daemon.smtp() as client:
        client.ehlo()
        client.mail("joe@river.example")
        assert client.docmd("RCPT", "TO:<@river,@far:joe@river.example>")[0] == 250
        assert client.data(b"Subject: the long way\r\n\r\nx\r\n")[0] == 250

    (message,) = in_sink(sink, "the long way")
    assert b"X-Rcpt-Args: <joe%river.example@far.example>" in message


@pytest.mark.parametrize(
    ("recipient", "code", "text"),
    [
        ("nobody@river.example", 550, b'5.1.1 (USER) Unknown user name in "nobody@river.example"'),
        ("joe@nowhere.zz", 550, b'5.1.2 (BHST) Unknown host/domain name in "joe@nowhere.zz"'),
        ("loop@river.example", 550, b"5.1.1 this address leads to nobody"),
    ],
)
def test_a_bad_address_is_refused_at_once(daemon, recipient, code, text):
    with daemon.smtp() as client:
        client.ehlo()
        client.mail("bob@far.example")

        assert client.rcpt(recipient) == (code, text)


def test_authorization_refuses_and_lets_through_and_is_logged(daemon, sink):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        daemon.send("joe@river.example", "eve@closed.example", "Subject: never\r\n\r\nx\r\n")
    daemon.send("trusty@river.example", "eve@closed.example", "Subject: allowed\r\n\r\nx\r\n")

    code, text = refusal.value.recipients["eve@closed.example"]
    assert code == 550
    assert text.startswith(b"5.7.1 (NAUTH) Bad authorization: sender 'joe' not authorized to send to address ")
    in_sink(sink, "allowed")
    log = (daemon.home / "auth.log").read_text()
    assert "BAD AUTH i='" in log
    assert "r='OS'" in log or "r='' r='OS'" in log
    assert "END size='" in log
    assert any("r='OS'" in event["entry"] for event in daemon.events("authorized"))


@pytest.mark.parametrize("recipient", ["bob@far.example", "bob%far.example@river.example", '"bob@far.example"@river'])
def test_a_stranger_may_not_relay_however_he_writes_it(daemon, recipient):
    with stranger(daemon) as client:
        client.ehlo()
        client.mail("spammer@elsewhere.zz")
        code, text = client.rcpt(recipient)

    assert (code, text) == (550, b"5.7.1 relaying is not allowed")


def test_a_stranger_reaches_users_and_aliases(daemon):
    with stranger(daemon) as client:
        client.ehlo()
        client.mail("stranger@elsewhere.zz")

        assert client.rcpt("joe@river.example")[0] == 250
        assert client.rcpt("club@river.example")[0] == 250


def test_support_hears_of_a_bad_address_in_an_alias(daemon):
    daemon.send("joe@river.example", "broken@river.example", "Subject: half\r\n\r\nx\r\n")

    in_mailbox(daemon, "joe", "half")
    notice = in_mailbox(daemon, "ann", "Bad address in alias")
    assert "Found bad address in alias 'broken'." in notice.get_payload()
    assert notice["Auto-Submitted"] == "auto-generated"


def test_what_fails_is_returned(daemon):
    """The host of this channel is the address in its table, at which nobody listens: the mail waits."""
    daemon.send("joe@river.example", "eve@table.example", "Subject: waits\r\n\r\nx\r\n")

    event = daemon.wait_event("deferred", recipient="eve@table.example")
    assert "127.0.0.9" in event["diagnostic"]


def test_a_local_program_is_a_user_of_this_machine(daemon):
    with socket.socket(socket.AF_UNIX) as local:
        local.settimeout(LONG)
        local.connect(daemon.addresses[-1].removeprefix("unix:"))
        local.sendall(
            b"EHLO here\r\nMAIL FROM:<joe@river.example>\r\nRCPT TO:<ann@river.example>\r\nDATA\r\n"
            b"Subject: by socket\r\n\r\nx\r\n.\r\nQUIT\r\n"
        )
        while local.recv(65536):
            continue

    assert in_mailbox(daemon, "ann", "by socket")["From"] == "joe@river.example"


def test_explain_shows_each_table_with_file_and_line(daemon):
    done = daemon.run("explain", "both@river")

    text = done.stdout.decode()
    assert done.returncode == 0
    assert "alias both stands for joe, ann (tables/aliases:1)" in " ".join(text.split())
    assert "channel local" in text


def test_a_table_that_is_gone_defers_and_the_log_says_why_until_it_is_back(daemon_of_its_own):
    """Each worker sees it for itself, within a second: so each question is asked until it is answered so."""
    daemon = daemon_of_its_own
    table = daemon.home / "tables" / "ch-gone"

    def refused_with(code):
        with stranger(daemon) as client:
            client.ehlo()
            client.mail("stranger@elsewhere.zz")
            answer = client.rcpt("eve@gone.example")[0]
        events = daemon.events("refused", recipient="eve@gone.example") if answer == code else []
        return [event for event in events if event["reply"].startswith(str(code))]

    def kept_for_later():
        daemon.send("joe@river.example", "eve@gone.example", "Subject: later\r\n\r\nx\r\n")
        return daemon.events("unverified", recipient="eve@gone.example")

    kept = table.read_text()
    table.unlink()
    seen = [until(lambda: refused_with(451), "the table to be missed")[0], until(kept_for_later, "delay")[0]]
    table.write_text(kept)

    for event in seen:
        assert "ch-gone" in event["reason"]
        assert "No such file" in event["reason"]
    until(lambda: refused_with(550), "the table to be back")  # a stranger may not relay there
