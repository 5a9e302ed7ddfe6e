"""Messages on their way in."""

import asyncio

import pytest
from msgspec.structs import replace

from posthouse.adapters.spool_memory import MemorySpool
from posthouse.mail import events
from posthouse.mail.envelope import Body, Notify, Return
from posthouse.mail.errors import SpoolError, SpoolFullError
from posthouse.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS, MailParameters, RcptParameters
from support.routing_rig import LOCAL_USER, STRANGER, TEXT, TRUSTED, Rig, path, run
from support.routing_sites import limits

ENTRIES = {"users": {"ann": "", "joe": ""}, "aliases": {"out": "x@far.example", "team": "ann, joe, x@far.example"}}


@pytest.fixture
def rig():
    return Rig(entries=ENTRIES)


def test_an_accepted_message_is_in_the_spool_and_the_reply_names_it(rig):
    reply = run(rig.send(STRANGER, "a@far.example", ["ann@example.org"], TEXT))

    (row,) = run(rig.queued())
    assert str(reply) == f"250 2.0.0 {row.message.queue_id} accepted"
    assert str(row.recipient.address) == "ann@example.org"
    assert row.recipient.route.channel == "local"
    assert rig.wakeup.hints == 1


def test_received_is_put_on_top_and_nothing_else_changes(rig):
    run(rig.send(STRANGER, "a@far.example", ["ann@example.org"], TEXT))

    received, _, rest = run(rig.text()).partition(b"From: ")
    assert b"From: " + rest == TEXT
    assert received.startswith(b"Received: from mx.far.example ([198.51.100.7])")
    assert b"for <ann@example.org>;" in received
    assert received.endswith(b"Thu, 1 Jan 2026 12:00:00 +0000\r\n")


def test_received_names_no_recipient_of_several(rig):
    run(rig.send(STRANGER, "a@far.example", ["ann@example.org", "joe@example.org"], TEXT))

    assert b"for <" not in run(rig.text())


def test_the_log_ties_the_received_field_to_the_queue_id(rig):
    run(rig.send(STRANGER, "a@far.example", ["ann@example.org"], TEXT))

    (accepted,) = rig.log.named(events.ACCEPTED)
    assert f"id {accepted['received_id']}".encode() in run(rig.text())
    assert accepted["client"] == "198.51.100.7"
    assert accepted["octets"] == len(TEXT)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_text_in_any_chunks_is_the_same_text(rig, size):
    text = b"X: 1\r\n folded\r\n\r\n" + b"line\r\n" * 20

    run(rig.send(STRANGER, "", ["ann@example.org"], *[text[at : at + size] for at in range(0, len(text), size)]))

    assert run(rig.text()).endswith(b"\r\n" + text)


@pytest.mark.parametrize(
    ("client", "recipient", "expected"),
    [
        pytest.param(STRANGER, "ann@example.org", "250 2.1.5", id="local user"),
        pytest.param(STRANGER, "ann@relay.example", "250 2.1.5", id="relay domain"),
        pytest.param(STRANGER, "out@example.org", "250 2.1.5", id="alias of ours that leads out"),
        pytest.param(STRANGER, "x@far.example", "550 5.7.1", id="relaying for a stranger"),
        pytest.param(STRANGER, "ann%far.example@far.example", "550 5.7.1", id="the percent hack is no way round"),
        pytest.param(TRUSTED, "x@far.example", "250 2.1.5", id="relaying for whom we trust"),
        pytest.param(LOCAL_USER, "x@far.example", "250 2.1.5", id="a local user sends anywhere"),
        pytest.param(STRANGER, "gone@example.org", "550 5.1.1", id="unknown user"),
        pytest.param(STRANGER, "postmaster", "250 2.1.5", id="postmaster"),
        pytest.param(STRANGER, "\u00fc@example.org", "553 5.6.7", id="UTF-8 without SMTPUTF8"),
    ],
)
def test_each_recipient_has_its_answer(rig, client, recipient, expected):
    reply = run(rig.rcpt(client, recipient))

    assert f"{reply.code} {reply.status}" == expected


def test_a_refused_recipient_is_logged_with_its_reason(rig):
    run(rig.rcpt(STRANGER, "gone@example.org"))

    (refused,) = rig.log.named(events.REFUSED)
    assert refused["recipient"] == "gone@example.org"
    assert refused["reason"] == "gone@example.org is neither an alias nor a user"
    assert refused["client"] == "198.51.100.7"


def test_a_strangers_relaying_asks_no_table(rig):
    rig.tables.clear()

    assert run(rig.rcpt(STRANGER, "x@far.example")).code == 550


def test_a_recipient_given_twice_is_accepted_twice_and_queued_once(rig):
    recipients = ["ann@example.org", "ANN@example.org", "team@example.org", "out@example.org"]

    run(rig.send(STRANGER, "", recipients, TEXT))

    assert [str(row.recipient.address) for row in run(rig.queued())] == [
        "ann@example.org",
        "joe@example.org",
        "x@far.example",
    ]


def test_parameters_of_mail_and_rcpt_are_kept_for_every_expansion(rig):
    async def dialog():
        transaction = rig.intake.begin(STRANGER)
        mail = MailParameters(body=Body.EIGHT_BIT_MIME, ret=Return.HEADERS, envid="QQ+2B")
        rcpt = RcptParameters(Notify.SUCCESS, "rfc822;team@example.org")
        await transaction.sender(path("a@far.example"), mail)
        await transaction.recipient(path("team@example.org"), rcpt)
        await transaction.start_text()
        await transaction.write(TEXT)
        await transaction.finish()
        return await rig.queued()

    rows = run(dialog())

    assert {(row.recipient.orcpt, row.recipient.notify, str(row.recipient.original)) for row in rows} == {
        ("rfc822;team@example.org", Notify.SUCCESS, "team@example.org")
    }
    assert {(row.message.body, row.message.ret, row.message.envid) for row in rows} == {
        (Body.EIGHT_BIT_MIME, Return.HEADERS, "QQ+2B")
    }


class FailingDraft:
    """A draft whose named step raises."""

    def __init__(self, step, error):
        self.step, self.error, self.abandoned = step, error, False

    async def write(self, *_):
        if self.step == "write":
            raise self.error

    async def commit(self, *_):
        raise self.error

    async def abandon(self):
        self.abandoned = True


class FailingSpool(MemorySpool):
    """A spool whose disk is in trouble."""

    def begin(self):
        if self.draft.step == "begin":
            raise self.draft.error
        return self.draft


@pytest.mark.parametrize("step", ["begin", "write", "commit"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(SpoolError("the sync failed on /var/spool"), "451 4.3.0", id="trouble"),
        pytest.param(SpoolFullError("no space"), "452 4.3.1", id="full"),
    ],
)
def test_spool_trouble_is_a_4yz_that_says_nothing_of_the_inside(step, error, expected):
    spool = FailingSpool()
    spool.draft = FailingDraft(step, error)
    rig = Rig(entries=ENTRIES, spool=spool)

    async def dialog():
        transaction = await rig.begun(STRANGER, "a@far.example", "ann@example.org")
        reply = await transaction.start_text()
        if reply.is_positive:
            await transaction.write(TEXT)
            await transaction.write(b"more\r\n")
            reply = await transaction.finish()
        return reply

    reply = run(dialog())

    assert f"{reply.code} {reply.status}" == expected
    assert str(error) not in reply.text
    assert rig.log.named(events.REFUSED)[0]["reason"] == f"spool: {error}"
    assert rig.wakeup.hints == 0
    assert spool.draft.abandoned == (step != "begin")


def test_250_comes_only_after_the_commit_returned():
    committed = asyncio.Event()

    class SlowDraft(FailingDraft):
        async def commit(self, *_):
            await committed.wait()
            return "queue-id-here"

    async def dialog():
        spool = FailingSpool()
        spool.draft = SlowDraft("", None)
        rig = Rig(entries=ENTRIES, spool=spool)
        finish = asyncio.create_task(rig.send(STRANGER, "", ["ann@example.org"], TEXT))
        for _ in range(10):
            await asyncio.sleep(0)
        before = finish.done(), rig.log.named(events.ACCEPTED), rig.wakeup.hints
        committed.set()
        return before, str(await finish)

    assert run(dialog()) == ((False, [], 0), "250 2.0.0 queue-id-here accepted")


HOP = b"Received: from x by y; Thu, 1 Jan 2026 00:00:00 +0000\r\n"


@pytest.mark.parametrize(("hops", "code"), [(99, 250), (100, 554), (101, 554)])
def test_a_message_with_too_many_hops_is_in_a_loop(rig, hops, code):
    reply = run(rig.send(STRANGER, "", ["ann@example.org"], HOP * hops + TEXT))

    assert reply.code == code
    assert len(run(rig.queued())) == (code == 250)


def test_received_in_the_body_is_no_hop(rig):
    assert run(rig.send(STRANGER, "", ["ann@example.org"], TEXT + HOP * 200)).code == 250


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        pytest.param(199, 250, id="one below"),
        pytest.param(200, 250, id="at the bound"),
        pytest.param(201, 552, id="one above"),
    ],
)
@pytest.mark.parametrize("chunk", [17, 1000])
def test_the_header_is_bounded(octets, code, chunk):
    rig = Rig({"limits": limits(header_octets=200)}, ENTRIES)
    header = b"X: " + b"x" * (octets - 7) + b"\r\n\r\n"
    text = header + b"body\r\n" * 100

    reply = run(rig.send(STRANGER, "", ["ann@example.org"], *[text[n : n + chunk] for n in range(0, len(text), chunk)]))

    assert reply.code == code


def test_text_without_any_empty_line_is_held_back_no_further_than_the_bound():
    rig = Rig({"limits": limits(header_octets=200)}, ENTRIES)

    async def dialog():
        transaction = await rig.begun(STRANGER, "", "ann@example.org")
        await transaction.start_text()
        for _ in range(100):
            await transaction.write(b"X: y\r\n")
        return await transaction.finish()

    assert run(dialog()).code == 552


@pytest.mark.parametrize(("octets", "code"), [(65535, 250), (65536, 250), (65537, 552)])
def test_the_text_is_bounded(octets, code):
    rig = Rig({"limits": limits(text_octets=65536)}, ENTRIES)

    assert run(rig.send(STRANGER, "", ["ann@example.org"], b"\r\n", b"x" * (octets - 2))).code == code


def test_a_declared_size_above_the_limit_is_refused_at_mail(rig):
    transaction = rig.intake.begin(STRANGER)

    assert run(transaction.sender(path("a@b.example"), MailParameters(size=10**9))).code == 552


@pytest.mark.parametrize(("count", "code"), [(99, 250), (100, 250), (101, 452)])
def test_recipients_are_bounded(count, code):
    rig = Rig({"limits": limits(recipients=100)}, ENTRIES)

    async def dialog():
        transaction = await rig.begun(TRUSTED)
        for number in range(count):
            reply = await transaction.recipient(path(f"x{number}@far.example"), NO_RCPT_PARAMETERS)
        return reply

    assert run(dialog()).code == code


def test_recipients_after_expansion_are_bounded():
    aliases = {f"l{n}": ",".join(f"x{n}-{m}@far.example" for m in range(60)) for n in range(3)}
    rig = Rig({"limits": limits(recipients=100, alias_width=120)}, {"aliases": aliases})

    async def dialog():
        transaction = await rig.begun(STRANGER)
        return [(await transaction.recipient(path(f"l{n}"), NO_RCPT_PARAMETERS)).code for n in range(3)]

    assert run(dialog()) == [250, 250, 452]


def test_a_long_list_is_summed_up_in_the_log():
    aliases = {"list": ",".join(f"x{n}@far.example" for n in range(250))}
    rig = Rig(entries={"aliases": aliases})

    run(rig.send(STRANGER, "", ["list@example.org"], TEXT))

    resolved = rig.log.named(events.RESOLVED)
    assert len(resolved) == 101
    assert resolved[-1]["more"] == 150


def test_commands_out_of_order_are_refused(rig):
    async def dialog():
        transaction = rig.intake.begin(STRANGER)
        replies = [
            await transaction.recipient(path("ann@example.org"), NO_RCPT_PARAMETERS),
            await transaction.start_text(),
            await transaction.finish(),
            await transaction.sender(path(""), NO_MAIL_PARAMETERS),
            await transaction.sender(path(""), NO_MAIL_PARAMETERS),
            await transaction.start_text(),
        ]
        await transaction.abandon()
        return [reply.code for reply in replies]

    assert run(dialog()) == [503, 503, 503, 250, 503, 554]


def test_an_abandoned_message_leaves_nothing(rig):
    async def dialog():
        transaction = await rig.begun(STRANGER, "", "ann@example.org")
        await transaction.start_text()
        await transaction.write(TEXT)
        await transaction.abandon()
        await transaction.abandon()
        return await transaction.finish()

    assert run(dialog()).code == 503
    assert run(rig.queued()) == []


def test_a_local_submission_is_completed(rig):
    text = b"To: ann\r\nBcc: joe\r\nSubject: hello\r\n\r\nbody\r\n"

    run(rig.send(LOCAL_USER, "ann@example.org", ["ann@example.org"], text))

    header, _, body = run(rig.text()).partition(b"\r\n\r\n")
    assert b"Date: Thu, 1 Jan 2026 12:00:00 +0000\r\n" in header
    assert b"From: Ann Other <ann@example.org>\r\n" in header
    assert b"Message-ID: <20260101120000." in header
    assert b"Bcc" not in header
    assert header.endswith(b"To: ann\r\nSubject: hello")
    assert header.startswith(b"Received: by example.org (Posthouse, from user ann)")
    assert body == b"body\r\n"


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_local_submission_without_a_header_gets_one(rig, size):
    text = b"just a line\r\nand another\r\n"

    run(rig.send(LOCAL_USER, "", ["ann@example.org"], *[text[n : n + size] for n in range(0, len(text), size)]))

    header, _, body = run(rig.text()).partition(b"\r\n\r\n")
    assert b"From: Ann Other <MAILER-DAEMON@example.org>" in header
    assert body == text


@pytest.mark.parametrize(
    ("before", "code"),
    [pytest.param(9_999, 250, id="at the bound"), pytest.param(10_000, 554, id="beyond it")],
)
def test_a_bcc_behind_very_many_fields_is_never_shown(rig, before, code):
    text = b"X: y\r\n" * before + b"Bcc: joe\r\n\r\nbody\r\n"

    reply = run(rig.send(LOCAL_USER, "ann@example.org", ["ann@example.org"], text))

    assert reply.code == code
    assert b"Bcc" not in (run(rig.text()) if code == 250 else b"")
    assert len(run(rig.queued())) == (code == 250)


def test_relayed_text_may_have_more_fields_than_we_look_at(rig):
    assert run(rig.send(TRUSTED, "a@far.example", ["ann@example.org"], b"X: y\r\n" * 10_001 + b"\r\n")).code == 250


def test_relayed_text_is_not_completed(rig):
    run(rig.send(TRUSTED, "a@far.example", ["ann@example.org"], b"Bcc: x\r\n\r\n"))

    text = run(rig.text())
    assert text.endswith(b"Bcc: x\r\n\r\n")
    assert b"Message-ID" not in text


def test_the_received_field_is_utf8_only_where_the_message_may_be(rig):
    async def dialog(smtputf8):
        transaction = rig.intake.begin(replace(LOCAL_USER, local_submission=False) if smtputf8 else LOCAL_USER)
        await transaction.sender(path(""), MailParameters(smtputf8=smtputf8))
        await transaction.recipient(path("\u00fc@relay.example"), NO_RCPT_PARAMETERS)
        await transaction.start_text()
        await transaction.write(b"\r\nx\r\n")
        reply = await transaction.finish()
        stored = await rig.spool.read_text(reply.lines[0].split()[0])
        return "<\u00fc@relay.example>".encode() in b"".join([chunk async for chunk in stored.chunks()])

    assert [run(dialog(True)), run(dialog(False))] == [True, False]


def test_a_recipient_is_never_the_null_path(rig):
    async def dialog():
        transaction = await rig.begun(STRANGER)
        return await transaction.recipient(path(""), NO_RCPT_PARAMETERS)

    assert run(dialog()).code == 501


def test_a_sender_beyond_ascii_needs_smtputf8(rig):
    sender = path("\u00fc@far.example")

    plain = run(rig.intake.begin(STRANGER).sender(sender, NO_MAIL_PARAMETERS))
    announced = run(rig.intake.begin(STRANGER).sender(sender, MailParameters(smtputf8=True)))

    assert [plain.code, announced.code] == [553, 250]


def test_a_problem_of_an_alias_is_logged_with_the_message():
    rig = Rig(entries={"users": {"ann": ""}, "aliases": {"team": "ann, gone"}})

    run(rig.send(STRANGER, "", ["team@example.org"], TEXT))

    assert [event.get("problem") for event in rig.log.named(events.RESOLVED)] == [
        "gone@example.org is neither an alias nor a user",
        None,
    ]
