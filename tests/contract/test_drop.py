"""The drop, both ends of it: what a command leaves there is what the daemon finds."""

import asyncio
import errno
import os

import pytest

from posthouse.mail.address import NULL_PATH, Address
from posthouse.mail.address import Path as MailPath
from posthouse.mail.envelope import Body, Envelope, Notify, Recipient, Return
from posthouse.mail.errors import SpoolError, SpoolFullError
from posthouse.mail.limits import Limits
from posthouse.mail.queued import Ending, Settlement
from posthouse.mail.route import Route
from posthouse.submit.dropped import longest_line, read_envelope
from posthouse.submit.eager import run
from support.drops import JOE, TEXT, Drop
from support.spool_letters import NOON, envelope


@pytest.fixture
def drop(tmp_path):
    return Drop(tmp_path)


async def read(drop, name):
    """Return envelope and text of a file."""
    message = await drop.reader().open(name)
    line = await message.first_line(longest_line(drop.limits))
    text = b"".join([piece async for piece in message.chunks()])
    await message.close()
    return read_envelope(line, drop.limits), text


def given(address, *, orcpt="", notify=None, expanded="x@elsewhere.example"):
    """A recipient as the intake has it: resolved, with what the sender gave."""
    local_part, _, domain = expanded.rpartition("@")
    final = Address(local_part, domain)
    return Recipient(final, Route("smtp", domain, final), Address(*address.rsplit("@", 1)), orcpt, notify)


def test_envelope_and_text_come_out_as_they_went_in(drop):
    sent = Envelope(
        MailPath(Address("a b", "example.net")),
        (
            given("both@example.org", orcpt="rfc822;both@example.org", notify=Notify.SUCCESS | Notify.DELAY),
            given("both@example.org", expanded="y@elsewhere.example"),
            given('q"uoted@example.org', notify=Notify.NEVER),
        ),
        Body.EIGHT_BIT_MIME,
        ret=Return.HEADERS,
        envid="QQ+2D1",
    )

    found, text = asyncio.run(read(drop, drop.leave(sent)))

    assert text == TEXT
    assert found.reverse_path == sent.reverse_path
    assert (found.mail.body, found.mail.ret, found.mail.envid) == (sent.body, sent.ret, sent.envid)
    assert [(path.address, rcpt.orcpt, rcpt.notify) for path, rcpt in found.recipients] == [
        (Address("both", "example.org"), "rfc822;both@example.org", Notify.SUCCESS | Notify.DELAY),
        (Address('q"uoted', "example.org"), "", Notify.NEVER),
    ]


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        pytest.param(NULL_PATH, JOE, id="null reverse-path"),
        pytest.param(MailPath(Address("ann", "example.net")), "jörg@example.org", id="recipient outside ASCII"),
        pytest.param(MailPath(Address("änn", "example.net")), JOE, id="sender outside ASCII"),
    ],
)
def test_addresses_survive(drop, sender, recipient):
    found, _ = asyncio.run(read(drop, drop.leave(envelope(recipient, sender=sender))))

    assert found.reverse_path == sender
    assert str(found.recipients[0][0]) == recipient


@pytest.mark.parametrize("octets", [0, 1, 64 * 1024, 1024 * 1024 + 1, 3_000_000])
def test_texts_of_every_size_survive(drop, octets):
    text = bytes(range(256)) * (octets // 256 + 1)

    _, found = asyncio.run(read(drop, drop.leave(text=text[:octets])))

    assert found == text[:octets]


def test_nothing_is_there_before_the_commit_or_after_abandon(drop):
    draft = drop.writer().begin()
    run(draft.write(TEXT))
    assert drop.names() == []

    run(draft.abandon())
    run(draft.abandon())

    assert drop.names() == []
    with pytest.raises(SpoolError):
        run(draft.commit(envelope(JOE), NOON))


def test_a_hidden_file_is_not_found(drop):
    drop.put(".half.mail", b"half of a mess")

    assert asyncio.run(drop.reader().names(())) == []


def test_the_oldest_comes_first_and_what_is_known_is_left_out(drop):
    first = drop.leave()
    drop.clock.advance(1)
    second = drop.leave()

    assert asyncio.run(drop.reader().names(())) == [first, second]
    assert asyncio.run(drop.reader().names({first})) == [second]


def test_only_its_owner_can_read_a_message(drop):
    assert (drop.folder / drop.leave()).stat().st_mode & 0o777 == 0o600


def test_where_the_folder_passes_on_its_group_that_group_can_read(drop):
    drop.folder.chmod(0o3733)

    assert (drop.folder / drop.leave()).stat().st_mode & 0o777 == 0o640


def test_a_full_disk_is_told(tmp_path):
    drop = Drop(tmp_path, Limits(spool_free_octets=1 << 60))

    with pytest.raises(SpoolFullError):
        drop.leave()

    assert drop.names() == []


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_sync_that_fails_leaves_nothing(drop, monkeypatch, error):
    def fail(_descriptor):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(SpoolFullError if error == errno.ENOSPC else SpoolError):
        drop.leave()

    assert drop.names() == []


def test_what_the_reader_would_not_understand_is_not_accepted(drop):
    with pytest.raises(SpoolError, match="longer than 256"):
        drop.leave(envelope("x" * 2000 + "@example.org"))

    assert drop.names() == []


def test_only_new_messages_can_be_dropped(drop):
    draft = drop.writer().begin()

    with pytest.raises(SpoolError):
        run(draft.commit(envelope(JOE), NOON, settlements=[Settlement("0SA7RRTYWR9R6", 0, 1, Ending.GONE)]))

    run(draft.abandon())
