"""Mailers of a sendmail.cf at work: real programs, real pipes, real files."""

import asyncio
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.map_answers import MapAnswers
from posthouse.channels.mailer import MailerChannel
from posthouse.channels.mailer_process import clean_environment, identity_of
from posthouse.channels.mailer_runs import MailerRuns, MailerSettings
from posthouse.deliver.mailer_text import Renderer
from posthouse.mail.address import Address
from posthouse.mail.address import Path as MailPath
from posthouse.mail.envelope import Body, MailerUser, Recipient
from posthouse.mail.limits import Timeouts
from posthouse.mail.outcome import Disposition
from posthouse.mail.queued import Batch, Hop, Lane, LeasedRecipient, MessageInfo
from posthouse.mail.route import Route
from posthouse.ports import AttemptReport
from posthouse.queueing.texts import WholeText
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.site.cf.declared import MailerDeclaration
from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.reader import read_cf

CF = """V10/Berkeley
Djmx1.example.org
DnMAILER-DAEMON
O DefaultUser=65534:65534
EGREETING=hello
HSubject: none
Mlocal, P=/bin/cat, F=lns, A=cat $u
Mprog, P=/bin/sh, F=lsoDn, W=@WAIT@, A=sh -c $u
Mnone, P=/nowhere/program, F=lsn, A=program $u
Mrun, P=/bin/sh, F=nmS, W=@WAIT@, A=sh -c @SCRIPT@ x $u
Mfile, P=[FILE], F=lSE, A=FILE $u
Mtalk, P=@TALK@, F=nmS, A=talk
"""
LONG = timedelta(minutes=10)
TEXT = b"Received: by us\r\nTo: x@y.example\r\n\r\nFrom here\r\nto there\r\n"


@pytest.fixture
def deliver(tmp_path: Path):
    def _deliver(
        mailer: str, *users: str, script: str = "cat", talk: str = "", wait: str = "10m", reply: timedelta = LONG
    ) -> AttemptReport:
        program = tmp_path / "talk"
        program.write_text(f"#!/bin/sh\n{talk}")
        program.chmod(0o755)
        text = CF.replace("@TALK@", str(program)).replace("@WAIT@", wait).replace("@SCRIPT@", script)
        cf = tmp_path / "x.cf"
        cf.write_text(text)
        configuration = read_cf(cf, Surroundings(Machine("mx1")))
        clock = SystemClock()
        answers = MapAnswers({}, clock)
        renderer = Renderer(configuration, CompiledProgram(configuration.program), answers, clock)
        timeouts = replace(Timeouts(), greeting=reply, mail=reply)
        runs = MailerRuns(renderer, MailerSettings(timeouts, (65534, 65534)))
        channel = MailerChannel(mailer, runs, renderer, MemoryEventLog())
        return asyncio.run(channel.attempt(batch(mailer, users), WholeText(TEXT)))

    return _deliver


def batch(mailer: str, users: tuple[str, ...]) -> Batch:
    message = MessageInfo(
        "0SA7RRTYWR9R6", SystemClock().now(), MailPath(Address("ann", "here.example")), Body.SEVEN_BIT,
        smtputf8=False, ret=None, envid="", octets=len(TEXT),
    )  # fmt: skip
    leased = [
        LeasedRecipient(n, Recipient(to, Route(mailer, "", to), to, mailer=MailerUser(user, user)), 0, warned=False)
        for n, user in enumerate(users)
        for to in [Address("u", "x.example")]
    ]
    return Batch(message, Hop(mailer, ""), Lane.SINGLE, 1, tuple(leased))


def test_a_program_gets_its_text_and_every_user_at_once(deliver, tmp_path):
    seen = tmp_path / "seen"
    report = deliver("run", "a", "b", script=f"cat>{seen};echo>>{seen}")

    assert [one.disposition for one in report.outcomes] == [Disposition.DELIVERED] * 2
    assert seen.read_text() == "Subject: none\nReceived: by us\nTo: x@y.example\n\nFrom here\nto there\n\n"


def test_what_a_failing_program_says_is_in_the_outcome(deliver):
    report = deliver("prog", "|echo no room here; exit 73")

    assert report.outcomes[0].disposition is Disposition.FAILED
    assert "no room here" in report.outcomes[0].diagnostic


def test_a_program_that_never_ends_is_stopped_and_tried_again(deliver):
    report = deliver("prog", "|sleep 60", wait="1s")

    assert report.outcomes[0].disposition is Disposition.DEFERRED
    assert "too long" in report.outcomes[0].diagnostic


def test_endless_output_is_not_kept(deliver):
    report = deliver("prog", "|yes | head -c 20000000; exit 67")

    assert report.outcomes[0].disposition is Disposition.FAILED
    assert len(report.outcomes[0].diagnostic) < 3000


def test_a_program_that_cannot_be_started_is_service_unavailable(deliver):
    report = deliver("none", "a")

    assert report.outcomes[0].disposition is Disposition.FAILED
    assert "Cannot exec /nowhere/program" in report.outcomes[0].diagnostic


def test_a_file_is_appended_to_with_its_from_lines_escaped(deliver, tmp_path):
    tmp_path.chmod(0o777)
    box = tmp_path / "box"
    for _ in range(2):
        report = deliver("file", str(box))
        assert report.outcomes[0].disposition is Disposition.DELIVERED

    text = box.read_text()
    assert text.count("\n>From here\nto there\n\n") == 2
    assert text.startswith("From ann@here.example ")
    assert stat.S_IMODE(box.stat().st_mode) == 0o600


def test_a_file_that_can_be_run_is_not_written_to(deliver, tmp_path):
    box = tmp_path / "box"
    box.write_text("#!/bin/sh\n")
    box.chmod(0o777)

    report = deliver("file", str(box))

    assert report.outcomes[0].disposition is Disposition.FAILED
    assert box.read_text() == "#!/bin/sh\n"


ANSWERS = """
say() { printf '%s\\r\\n' "$1"; }
say "220 me"
while read -r line; do
	case "$line" in
	RCPT*bad*) say "550 5.1.1 nobody";;
	RCPT*later*) say "451 4.7.1 later";;
	DATA*) say "354 go"; while read -r line; do case "$line" in .?) break;; esac; done; say "250 kept";;
	QUIT*) say "221 bye"; exit;;
	*) say "250 ok";;
	esac
done
"""


def test_each_recipient_of_a_dialogue_has_its_own_outcome(deliver):
    report = deliver("talk", "a", "bad", "later", talk=ANSWERS)

    assert [one.disposition for one in report.outcomes] == [
        Disposition.DELIVERED, Disposition.FAILED, Disposition.DEFERRED,
    ]  # fmt: skip
    assert (report.outcomes[1].code, report.outcomes[1].diagnostic) == (550, "5.1.1 nobody")


@pytest.mark.parametrize(
    "talk", ["exit 0", "echo nonsense; sleep 5", "sleep 30", "printf '220 me\\r\\n'; read -r x; exit 0"],
    ids=["leaves", "nonsense", "silent", "leaves later"],
)  # fmt: skip
def test_a_dialogue_that_breaks_off_is_tried_again(deliver, talk):
    report = deliver("talk", "a", talk=talk, reply=timedelta(seconds=1))

    assert report.outcomes[0].disposition is Disposition.DEFERRED


def test_the_environment_is_clean(monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("OURS", "y")
    monkeypatch.setenv("TZ", "UTC")

    assert clean_environment({"GREETING": "hello", "OURS": None, "MISSING": None}) == {
        "AGENT": "sendmail", "GREETING": "hello", "OURS": "y", "TZ": "UTC",
    }  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may choose whom a program runs as")
@pytest.mark.parametrize(
    ("flags", "uid", "controller", "expected"),
    [("S", -1, "ann", None), ("", -1, "ann", 2001), ("", -1, "", 8), ("oS", -1, "ann", 2001), ("S", 5, "ann", 5)],
)
def test_whom_a_program_runs_as(flags, uid, controller, expected):
    mailer = MailerDeclaration("m", 3, "/bin/m", ("m",), flags, uid=uid, gid=uid)
    who = MailerUser("x", "x", "", controller, 2001 if controller else 0, 2001 if controller else 0)

    identity = identity_of(mailer, who, (8, 8))
    assert (None if identity is None else identity.uid) == expected
