"""Programs and files of trusted aliases: what they get, as whom, and what their end means.  Real processes."""

import asyncio
import os
import sys
from datetime import UTC, datetime

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.channels.qualified import QualifiedChannel
from posthouse.mail.account import Account, LoginsError
from posthouse.mail.address import Address, Path
from posthouse.mail.envelope import Body, MailerUser, Recipient
from posthouse.mail.outcome import Disposition, delivered
from posthouse.mail.queued import Batch, Hop, Lane, LeasedRecipient, MessageInfo
from posthouse.mail.route import Route
from posthouse.ports import AttemptReport
from posthouse.queueing.texts import WholeText
from support.other_user import ACCOUNT, USER, as_user, needs_root

WHEN = datetime(2026, 11, 22, tzinfo=UTC)
TEXT = b"Subject: news\r\n\r\nFrom here on\r\nlast\r\n"


class Mailboxes:
    """Port Channel that remembers whom it was given."""

    def __init__(self):
        self.given = []

    async def attempt(self, batch, text):  # noqa: ARG002 - the port's signature
        self.given += [str(one.recipient.address) for one in batch.recipients]
        return AttemptReport(tuple(delivered("in the mailbox") for _ in batch.recipients))


class Accounts:
    """Port Logins as far as it is asked: ourselves under the name news, and nobody."""

    def __init__(self, home):
        self._home = str(home)

    def find(self, login):
        if login == "broken":
            raise LoginsError("the name service does not answer")
        uid = {"news": os.geteuid(), "nobody": 65534}.get(login)
        return None if uid is None else Account(login, uid, os.getegid() if uid != 65534 else 65534, "", self._home)


@pytest.fixture
def site(tmp_path):
    class Site:
        home = tmp_path / "home"
        log = MemoryEventLog()
        mailboxes = Mailboxes()

        def deliver(self, *users, sender="joe@far.example"):
            channel = QualifiedChannel(self.mailboxes, Accounts(self.home), ManualClock(WHEN), self.log)
            path = Path(Address(*sender.rsplit("@", 1)))
            message = MessageInfo("1ABC", WHEN, path, Body.SEVEN_BIT, False, None, "", len(TEXT))
            leased = tuple(LeasedRecipient(n, recipient(user), 0, False) for n, user in enumerate(users))
            batch = Batch(message, Hop("local", ""), Lane.SINGLE, 1, leased)
            return asyncio.run(channel.attempt(batch, WholeText(TEXT))).outcomes

        def why(self):
            return [event["error"] for event in self.log.named("trouble")]

    made = Site()
    made.home.mkdir()
    return made


def recipient(user):
    name = user.partition("|")[0].partition("/")[0].partition("=")[0]
    used_by = name if name + "|" in user or name + "/" in user else ""
    address = Address(name, "river.example")
    return Recipient(address, Route("local", "", address), address, mailer=MailerUser(user, user, controller=used_by))


def test_a_program_gets_the_text_with_lines_of_unix_in_the_home_of_its_user(site):
    (outcome,) = site.deliver('news|cat > got; echo "$HOME $USER $SHELL" > env')

    assert outcome.disposition is Disposition.DELIVERED
    assert (site.home / "got").read_bytes() == TEXT.replace(b"\r\n", b"\n")
    assert (site.home / "env").read_text() == f"{site.home} news /bin/sh\n"
    assert (site.home / "got").stat().st_mode & 0o777 == 0o600


def test_mailboxes_and_programs_of_one_message_are_each_delivered_once_and_answered_in_order(site):
    outcomes = site.deliver("ann", "news|exit 0", "joe=tag", "news|exit 200")

    assert [one.disposition for one in outcomes] == [Disposition.DELIVERED] * 3 + [Disposition.FAILED]
    assert site.mailboxes.given == ["ann@river.example", "joe@river.example"]


@pytest.mark.parametrize(
    ("exit_status", "disposition"),
    [
        (0, Disposition.DELIVERED),
        (1, Disposition.DEFERRED),
        (0o277, Disposition.DEFERRED),
        (0o300, Disposition.FAILED),
        (0o377, Disposition.FAILED),
    ],
)
def test_what_the_exit_of_a_program_means(site, exit_status, disposition):
    assert [one.disposition for one in site.deliver(f"news|exit {exit_status}")] == [disposition]


def test_a_program_that_is_not_there_is_tried_again_and_the_log_says_so(site):
    (outcome,) = site.deliver("news|/no/such/program")

    assert outcome.disposition is Disposition.DEFERRED
    assert site.why() == ["the program ended with 127"]


def test_no_shell_sees_more_than_a_word_of_the_sender(site):
    site.deliver(
        "news|printf '%s.' $(sender) $(size) > got", sender='a "; touch evil; `touch evil` $(touch evil)@x.example'
    )

    assert not (site.home / "evil").exists()
    assert (site.home / "got").read_text().endswith(f"@x.example.{len(TEXT)}.")


def test_a_sender_that_looks_like_an_option_is_refused(site):
    assert [one.disposition for one in site.deliver("news|cat $(sender)", sender="-e@x.example")] == [
        Disposition.FAILED
    ]


def test_a_program_may_leave_another_one_running_with_its_outputs(site):
    (outcome,) = site.deliver("news|sleep 600 & echo $! > pid")

    os.kill(int((site.home / "pid").read_text()), 9)
    assert outcome.disposition is Disposition.DELIVERED


@pytest.mark.parametrize("name", ["box", "/absolute"])
def test_a_file_is_a_mailbox_in_the_home_of_its_user_or_anywhere(site, tmp_path, name):
    path = site.home / "box" if name == "box" else tmp_path / "absolute"
    user = "news/box" if name == "box" else f"news/{path}"

    outcomes = [site.deliver(user)[0] for _ in range(2)]

    assert [one.disposition for one in outcomes] == [Disposition.DELIVERED] * 2
    message = (
        b"From joe@far.example Sun Nov 22 00:00:00 2026\nReturn-Path: <joe@far.example>\n"
        b"Subject: news\n\n>From here on\nlast\n\n"
    )
    assert path.read_bytes() == message * 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_waits_and_the_sender_is_not_told_its_name(site):
    (outcome,) = site.deliver("news/no/such/folder")

    assert outcome.disposition is Disposition.DEFERRED
    assert "folder" not in outcome.diagnostic
    assert "no/such/folder: cannot open" in site.why()[0]


@pytest.mark.parametrize(
    ("user", "why"), [("gone|true", "gone has no account here"), ("broken|true", "the name service does not answer")]
)
def test_without_an_account_the_mail_waits(site, user, why):
    assert [one.disposition for one in site.deliver(user)] == [Disposition.DEFERRED]
    assert site.why() == [why]


@needs_root
def test_a_program_runs_as_its_user(site):
    (outcome,) = site.deliver("nobody|test `id -u` = 65534 && test `id -g` = 65534 && test `id -G` = 65534")

    assert outcome.disposition is Disposition.DELIVERED


@needs_root
def test_what_is_another_user_s_waits_without_the_rights_of_root(site):
    def deliver() -> int:
        (outcome,) = site.deliver(f"{ACCOUNT}|true")
        sys.stdout.write("; ".join([outcome.disposition.name, *site.why()]))
        return 0

    ended = as_user(USER, deliver)

    why = f"what is {ACCOUNT}'s is done as {ACCOUNT}, which takes the rights of root"
    assert ended.out == f"DEFERRED; {why}", ended.err
