"""Messages that the way in sends by itself."""

import pytest

from posthouse.adapters.spool_memory import MemorySpool
from posthouse.mail import events
from posthouse.mail.notice import Notice
from posthouse.submit.notices import send_notices
from support.routing_rig import Rig, run


@pytest.fixture
def rig():
    return Rig(entries={"users": {"ann": "", "joe": ""}})


def sent(rig, *notices):
    async def story():
        await send_notices(rig.intake.parts, notices)
        texts = []
        for row in await rig.queued():
            stored = await rig.spool.read_text(row.message.queue_id)
            texts.append((row, b"".join([chunk async for chunk in stored.chunks()]).decode()))
        return texts

    return run(story())


def test_a_notice_is_a_whole_message_with_the_null_reverse_path(rig):
    ((row, text),) = sent(
        rig, Notice(("Ann <ann@example.org>",), "Bad alias", "line 1\nline 2\n", "Us <us@example.org>")
    )

    assert row.message.reverse_path.is_null
    assert str(row.recipient.address) == "ann@example.org"
    header, _, body = text.partition("\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in header.split("\r\n"))
    assert fields["From"] == "Us <us@example.org>"
    assert fields["To"] == "Ann <ann@example.org>"
    assert fields["Subject"] == "Bad alias"
    assert fields["Auto-Submitted"] == "auto-generated"
    assert set(fields) >= {"Date", "Message-ID"}
    assert body == "line 1\r\nline 2\r\n"
    assert rig.wakeup.hints == 1


def test_no_value_of_a_table_begins_a_field_of_its_own(rig):
    ((_, text),) = sent(rig, Notice(("ann@example.org",), "x\r\nBcc: eve@far.example", "text"))

    assert "\r\nSubject: x Bcc: eve@far.example\r\n" in text


def test_each_notice_is_sent_for_itself_and_what_cannot_be_is_logged(rig):
    texts = sent(
        rig, Notice(("nobody@example.org",), "a", "x"), Notice(("joe@example.org",), "b", "x"), Notice((), "c", "x")
    )

    assert ["Subject: b" in text for _, text in texts] == [True]
    assert [event["where"] for event in rig.log.named(events.TROUBLE)] == ["notice", "notice"]
    assert rig.log.named(events.TROUBLE)[1]["error"] == "it is for nobody"


@pytest.mark.parametrize("addresses", [19, 20, 21])
def test_a_notice_goes_to_twenty_at_most(rig, addresses):
    notice = Notice(tuple(f"a{number}@far.example" for number in range(addresses)), "many", "x")

    assert len(sent(rig, notice)) == min(addresses, 20)


def test_a_full_spool_is_logged_and_nothing_is_raised():
    rig = Rig(entries={"users": {"ann": ""}}, spool=MemorySpool(text_octets=10))

    assert sent(rig, Notice(("ann@example.org",), "a", "x")) == []
    assert rig.log.named(events.TROUBLE)[0]["error"] == "the spool is full"
