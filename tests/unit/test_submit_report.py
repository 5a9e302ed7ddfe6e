"""How bounces come in."""

from datetime import UTC, datetime, timedelta

import pytest

from posthouse.mail import events
from posthouse.mail.envelope import Body
from posthouse.mail.errors import SpoolError
from posthouse.mail.outcome import failed
from posthouse.mail.queued import Ending, LeaseRequest, Settlement
from posthouse.submit.report import ReportSubmission
from support.reports import LetterInPieces
from support.routing_rig import STRANGER, TEXT, Rig, run

TEXT_OF_REPORT = b"From: MAILER-DAEMON@example.org\r\n\r\nsorry\r\n"
REPORT = LetterInPieces(TEXT_OF_REPORT, 7)


@pytest.fixture
def rig():
    return Rig(entries={"users": {"ann": ""}})


async def about(rig):
    """Return a queued message to report on."""
    await rig.send(STRANGER, "a@far.example", ["ann@example.org"], TEXT)
    return (await rig.queued())[0].message


async def report(rig, recipient, **what):
    message = await about(rig)
    submission = ReportSubmission(rig.intake)
    return message, await submission.submit_report(REPORT, recipient, about=message, **what)


def test_a_report_has_the_null_reverse_path_and_its_text_as_given(rig):
    async def story():
        _, queue_id = await report(rig, "a@far.example")
        (row,) = [row for row in await rig.queued() if row.message.queue_id == queue_id]
        stored = await rig.spool.read_text(queue_id)
        return row, b"".join([chunk async for chunk in stored.chunks()])

    row, text = run(story())

    assert row.message.reverse_path.is_null
    assert row.recipient.route.channel == "smtp"
    assert row.message.body is Body.SEVEN_BIT
    assert text == TEXT_OF_REPORT
    assert rig.wakeup.hints == 2


@pytest.mark.parametrize("recipient", ["gone@example.org", "not an address", ""])
def test_a_report_that_cannot_be_routed_is_not_written(rig, recipient):
    _, queue_id = run(report(rig, recipient))

    assert queue_id is None
    assert len(run(rig.queued())) == 1
    assert rig.log.named(events.REFUSED)[0]["command"] == "report"


def test_a_report_whose_recipient_cannot_be_looked_up_stays_owed(rig):
    async def story():
        message = await about(rig)
        rig.tables.clear()
        await ReportSubmission(rig.intake).submit_report(REPORT, "ann@example.org", about=message)

    with pytest.raises(SpoolError):
        run(story())


def test_a_report_exists_exactly_when_its_settlement_holds(rig):
    async def story():
        message = await about(rig)
        now = datetime(2030, 1, 1, tzinfo=UTC)
        (batch,) = await rig.spool.lease(LeaseRequest("me", now, now + timedelta(minutes=1), 10, 10))
        gone = Settlement(message.queue_id, 0, batch.token, Ending.GONE, failed("no"))
        submission = ReportSubmission(rig.intake)
        first = await submission.submit_report(REPORT, "a@far.example", about=message, settlements=[gone])
        with pytest.raises(SpoolError):
            await submission.submit_report(REPORT, "a@far.example", about=message, settlements=[gone])
        return first, [row.message.queue_id for row in await rig.queued()]

    first, queued = run(story())

    assert queued == [first]
