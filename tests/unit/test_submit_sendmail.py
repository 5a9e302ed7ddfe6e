"""The way in of a sendmail site: what its rules tell a client, and what they let into the spool."""

import asyncio
from dataclasses import dataclass

import pytest

from posthouse.adapters.cf_world import open_world
from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.logins_passwd import FileLogins
from posthouse.adapters.meter_none import NoMeter
from posthouse.adapters.spool_memory import MemorySpool
from posthouse.mail.queued import QueueFilter, RecipientState
from posthouse.routing.sendmail.compiled import compile_sendmail
from posthouse.site.cf.assemble import assemble
from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.reader import read_cf
from posthouse.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS
from posthouse.submit.client import OWN_REPORTS, Client
from posthouse.submit.intake import Intake
from posthouse.submit.sendmail.router import SendmailRouter
from support.routing_rig import TEXT, CountingWakeup, path
from support.sendmail_world import CF

RULES = """
O AliasFile={home}/aliases
O HostsFile={home}/hosts
O ServiceSwitchFile={home}/switch
Kbroken hash {home}/missing
HSubject: $>CheckSubject
SCheckSubject
R$* secret $*	$#error $@ 5.7.1 $: "550 no secrets"
Scheck_relay
R$* $| 192.0.2.66	$#error $@ 5.7.1 $: "554 not you"
Scheck_mail
R< later @ $* >	$#error $@ 4.7.1 $: "450 not now"
R< asks @ $* >	$: $(broken key $)
R< drop @ $* >	$#discard $: discard
R< odd @ $* >	$#error $@ quarantine $: odd sender
Scheck_rcpt
R< $+ @ $=w >	$@ OK
R< $- >	$@ OK
R< $+ >	$#error $@ 5.7.1 $: "550 Relaying denied"
Scheck_data
R0	$#error $@ 5.0.0 $: "554 nobody"
Scheck_compat
R$* $| < bob @ $* >	$#error $@ 5.7.1 $: "550 bob wants no mail"
"""
STRANGER = Client("mx.far.example", "192.0.2.1", "ESMTP")
PERSON = Client(user="ann", may_relay=True, local_submission=True)


@dataclass
class Rig:
    """An intake with rules, over memory."""

    intake: Intake
    spool: MemorySpool
    log: MemoryEventLog

    async def send(self, client, sender, *recipients, text=TEXT):
        """Hand a message in; return the first refusal, or the last reply."""
        transaction = self.intake.begin(client)
        replies = [await transaction.sender(path(sender), NO_MAIL_PARAMETERS)]
        for one in recipients:
            if replies[-1].is_positive:
                replies.append(await transaction.recipient(path(one), NO_RCPT_PARAMETERS))
        if replies[-1].is_positive:
            replies.append(await transaction.start_text())
        if not replies[-1].is_positive:
            return str(replies[-1])
        await transaction.write(text)
        return str(await transaction.finish())

    async def queued(self):
        """Return sender, recipient and state of everything in the spool."""
        rows = [row async for row in await self.spool.find(QueueFilter())]
        return [(str(row.message.reverse_path), str(row.recipient.address), row.state) for row in rows]


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "aliases").write_text("all: ann, bill\nowner-all: eve\nhalf: ann, nobody\n")
    (tmp_path / "hosts").write_text("192.0.2.1 mx.far.example\n")
    (tmp_path / "switch").write_text("hosts files\n")
    (tmp_path / "passwd").write_text("".join(f"{name}:x:1:1:::/bin/sh\n" for name in ("ann", "bob", "bill", "eve")))
    (tmp_path / "x.cf").write_text(CF.replace("Mlocal", f"{RULES.replace('{home}', str(tmp_path))}Mlocal", 1))
    configuration = read_cf(tmp_path / "x.cf", Surroundings(Machine("mx.home.example")))
    assert not configuration.errors
    world, _ = open_world(configuration, SystemClock(), FileLogins(tmp_path / "passwd", SystemClock()))
    spool, log = MemorySpool(), MemoryEventLog()
    router = SendmailRouter(compile_sendmail(configuration), world, {})
    intake = Intake(
        assemble(configuration),
        router,
        spool=spool,
        clock=ManualClock(),
        log=log,
        meter=NoMeter(),
        wakeup=CountingWakeup(),
    )
    return Rig(intake, spool, log)


@pytest.mark.parametrize(
    ("client", "sender", "recipient", "said"),
    [
        (STRANGER, "x@far.example", "ann@home.example", "250 2.0.0"),
        (Client("x", "192.0.2.66", "SMTP"), "x@far.example", "ann", "554 5.7.1 not you"),
        (STRANGER, "later@far.example", "ann", "450 4.7.1 <later@far.example>... not now"),
        (STRANGER, "asks@far.example", "ann", "451 4.3.0 Temporary system failure"),
        (STRANGER, "x@far.example", "joe@far.example", "550 5.7.1 <joe@far.example>... Relaying denied"),
        (STRANGER, "x@far.example", "nobody@home.example", "550 5.1.1 <nobody@home.example>... User unknown"),
        (STRANGER, "x@far.example", "bob@home.example", "550 5.7.1"),
        (STRANGER, "x@bad.example", "ann", "550 5.1.2 <x@bad.example>... No such host"),
        (PERSON, "ann@home.example", "joe@far.example", "250 2.0.0"),
        (PERSON, "later@far.example", "ann", "250 2.0.0"),
        (Client(protocol=OWN_REPORTS, may_relay=True), "", "joe@far.example", "250 2.0.0"),
    ],
)
def test_a_client_is_told_what_the_rules_say(rig, client, sender, recipient, said):
    assert asyncio.run(rig.send(client, sender, recipient)).startswith(said)


def test_a_header_check_refuses_what_local_programs_hand_in_too(rig):
    text = b"Subject: a secret thing\r\n\r\nbody\r\n"

    assert asyncio.run(rig.send(PERSON, "ann", "ann", text=text)) == "550 5.7.1 no secrets"
    assert asyncio.run(rig.queued()) == []


def test_what_is_discarded_is_promised_and_not_queued(rig):
    assert asyncio.run(rig.send(STRANGER, "drop@far.example", "ann")).startswith("250 ")

    assert asyncio.run(rig.queued()) == []
    assert [event.fields["sender"] for event in rig.log.events if event.name == "discarded"] == ["drop@far.example"]


def test_what_is_quarantined_is_held(rig):
    asyncio.run(rig.send(STRANGER, "odd@far.example", "ann"))

    assert asyncio.run(rig.queued()) == [("odd@far.example", "ann@mx.home.example", RecipientState.HELD)]


def test_a_list_with_an_owner_is_a_message_of_its_own(rig):
    asyncio.run(rig.send(STRANGER, "x@far.example", "all", "eve"))

    assert sorted(asyncio.run(rig.queued()), key=lambda one: one[:2]) == [
        ("eve", "ann@mx.home.example", RecipientState.QUEUED),
        ("eve", "bill@mx.home.example", RecipientState.QUEUED),
        ("x@far.example", "eve@mx.home.example", RecipientState.QUEUED),
    ]


def test_a_bad_member_of_a_list_is_owed_a_report(rig):
    asyncio.run(rig.send(STRANGER, "x@far.example", "half"))

    assert asyncio.run(rig.queued()) == [
        ("x@far.example", "ann@mx.home.example", RecipientState.QUEUED),
        ("x@far.example", "nobody@mx.home.example", RecipientState.REPORTING),
    ]


@pytest.mark.parametrize(
    ("question", "argument", "said"),
    [
        ("verify", "all", "250 2.1.5 <all@mx.home.example>"),
        ("verify", "nobody", "550 5.1.1 nobody... User unknown"),
        ("expand", "all", "250 2.1.5 <bill@mx.home.example> <ann@mx.home.example>"),
        ("expand", "joe@far.example", "250 2.1.5 <joe@far.example>"),
    ],
)
def test_vrfy_tells_of_the_address_and_expn_of_its_members(rig, question, argument, said):
    ask = getattr(rig.intake, question)

    assert str(asyncio.run(ask(argument, STRANGER))) == said
