"""The local channel: mailboxes on a real disk, and a disk that refuses."""

import asyncio
import errno
import fcntl
import mailbox
import os
import stat
from datetime import timedelta

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.channels import mbox
from posthouse.channels.local import LocalChannel
from posthouse.site.model import ChannelKind, MailboxFormat
from support.channel_mail import NULL_SENDER, BrokenText, MemoryText, batch, declare

FORMATS = pytest.mark.parametrize("format_", list(MailboxFormat), ids=lambda one: one.value)
LARGE = b"Subject: large\r\n\r\n" + b"From here on\r\n>From there\r\n" * 20_000


def deliver(template, *recipients, format_=MailboxFormat.MAILDIR, text=None, log=None, patience=0.0, **of_batch):
    declaration = declare(ChannelKind.LOCAL, mailbox=str(template), mailbox_format=format_)
    channel = LocalChannel(
        declaration, "us.example", SystemClock(), log or MemoryEventLog(), lock_patience=timedelta(seconds=patience)
    )

    async def run():
        report = await channel.attempt(batch(*recipients, **of_batch), text or MemoryText())
        await channel.close()
        return report.outcomes

    return asyncio.run(run())


def told(outcomes):
    return [(outcome.disposition.name.lower(), str(outcome.status)) for outcome in outcomes]


def messages(directory):
    return [path.read_bytes() for path in (directory / "new").iterdir()]


def test_first_delivery_makes_a_private_maildir(tmp_path):
    outcomes = deliver(tmp_path / "mail" / "{user}", "bob@example.net")

    maildir = tmp_path / "mail" / "bob"
    assert told(outcomes) == [("delivered", "2.0.0")]
    assert messages(maildir) == [
        b"Return-Path: <sender@example.org>\nDelivered-To: bob@example.net\nSubject: a test\n\nHello.\n.dotted\n"
    ]
    assert list((maildir / "tmp").iterdir()) == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in (maildir, *maildir.iterdir())} == {0o700}


def test_null_reverse_path_stays_null_in_return_path(tmp_path):
    deliver(tmp_path / "{user}", sender=NULL_SENDER)

    assert messages(tmp_path / "bob")[0].startswith(b"Return-Path: <>\n")


def test_each_recipient_gets_a_copy_of_his_own(tmp_path):
    outcomes = deliver(tmp_path / "{domain}" / "{user}", "bob@Example.net", "eve@example.net", "bob@example.net")

    assert told(outcomes) == [("delivered", "2.0.0")] * 3
    assert (len(messages(tmp_path / "example.net" / "bob")), len(messages(tmp_path / "example.net" / "eve"))) == (2, 1)


@pytest.mark.parametrize("name", ["..", ".", "../eve", "a/b", "/etc/passwd", ".ssh", "x" * 250])
def test_no_address_leads_out_of_the_directory(tmp_path, name):
    outcomes = deliver(tmp_path / "mail" / "{user}", f"{name}@example.net")

    assert told(outcomes) == [("failed", "5.1.1")]
    assert list(tmp_path.iterdir()) == []


def test_a_user_called_like_a_placeholder_is_not_filled_again(tmp_path):
    deliver(tmp_path / "{user}-{domain}", "{domain}@example.net")

    assert len(messages(tmp_path / "{domain}-example.net")) == 1


@FORMATS
@pytest.mark.parametrize("piece_octets", [7, 65536], ids=["small pieces", "large pieces"])
def test_a_large_text_is_streamed_whole(tmp_path, format_, piece_octets):
    text = MemoryText(LARGE[:3000] if piece_octets == 7 else LARGE, piece_octets)
    text_octets, text.octets = text.octets, 10_000_000  # so that it counts as large
    whole = (LARGE[:3000] if piece_octets == 7 else LARGE).replace(b"\r\n", b"\n")

    def chunks_of(size):
        text.octets = size

    original = text.chunks

    async def chunks():
        chunks_of(text_octets)
        async for chunk in original():
            yield chunk

    text.chunks = chunks
    outcomes = deliver(tmp_path / "{user}", format_=format_, text=text)

    assert told(outcomes) == [("delivered", "2.0.0")]
    if format_ is MailboxFormat.MAILDIR:
        assert messages(tmp_path / "bob")[0].endswith(whole)
    else:
        quoted = whole.replace(b">From ", b">>From ").replace(b"\nFrom ", b"\n>From ")
        assert quoted in (tmp_path / "bob").read_bytes()


@FORMATS
@pytest.mark.parametrize(
    ("number", "status"),
    [
        pytest.param(errno.ENOSPC, "4.3.1", id="disk full"),
        pytest.param(errno.EDQUOT, "4.2.2", id="over quota"),
        pytest.param(errno.EIO, "4.2.0", id="broken disk"),
    ],
)
def test_what_the_disk_refuses_is_deferred_and_leaves_nothing(tmp_path, monkeypatch, format_, number, status):
    if format_ is MailboxFormat.MBOX:
        (tmp_path / "bob").write_bytes(b"From old\n\nold\n\n")

    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    log = MemoryEventLog()
    template = tmp_path / "{user}"
    (tmp_path / "bob").mkdir() if format_ is MailboxFormat.MAILDIR else None
    for folder in ("tmp", "new", "cur") if format_ is MailboxFormat.MAILDIR else ():
        (tmp_path / "bob" / folder).mkdir()

    outcomes = deliver(template, format_=format_, log=log)

    assert told(outcomes) == [("deferred", status)]
    assert str(tmp_path) not in outcomes[0].diagnostic  # it goes to the sender
    assert str(tmp_path) in str(log.named("trouble"))
    if format_ is MailboxFormat.MBOX:
        assert (tmp_path / "bob").read_bytes() == b"From old\n\nold\n\n"
        assert [path.name for path in tmp_path.iterdir()] == ["bob"]
    else:
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_mailbox_that_is_something_else_is_deferred(tmp_path):
    (tmp_path / "bob").write_text("not a directory")

    assert told(deliver(tmp_path / "{user}"))[0][0] == "deferred"


@FORMATS
def test_a_text_that_cannot_be_read_leaves_nothing(tmp_path, format_):
    text = BrokenText(LARGE)
    outcomes = deliver(tmp_path / "{user}", format_=format_, text=text)

    assert told(outcomes)[0][0] == "deferred"
    assert [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()] in ([], [0])


# mbox.


def test_an_mbox_is_read_back_by_another_program(tmp_path):
    text = b"Subject: one\r\n\r\nFrom now on\r\n>From then\r\nno line end"
    for _ in range(2):
        outcomes = deliver(tmp_path / "{user}", format_=MailboxFormat.MBOX, text=MemoryText(text))

    assert told(outcomes) == [("delivered", "2.0.0")]
    box = mailbox.mbox(tmp_path / "bob")
    assert [message.get_payload() for message in box] == [">From now on\n>>From then\nno line end\n"] * 2
    assert box[0]["Delivered-To"] == "bob@example.net"
    assert box[0].get_from().startswith("sender@example.org ")
    box.close()


def test_a_locked_mbox_is_deferred_when_patience_ends(tmp_path):
    (tmp_path / "bob.lock").touch()

    assert told(deliver(tmp_path / "{user}", format_=MailboxFormat.MBOX)) == [("deferred", "4.2.0")]
    assert (tmp_path / "bob.lock").exists()  # it is not ours


def test_an_mbox_waits_for_the_lock(tmp_path):
    lock = tmp_path / "bob.lock"
    lock.touch()

    class Unlocking(ManualClock):
        """Somebody unlocks while we look at the clock."""

        def monotonic(self):
            lock.unlink(missing_ok=True)
            return super().monotonic()

    declaration = declare(ChannelKind.LOCAL, mailbox=str(tmp_path / "{user}"), mailbox_format=MailboxFormat.MBOX)
    channel = LocalChannel(declaration, "us.example", Unlocking(), MemoryEventLog())

    assert told(asyncio.run(channel.attempt(batch(), MemoryText())).outcomes) == [("delivered", "2.0.0")]


def test_a_stale_lock_is_broken(tmp_path):
    lock = tmp_path / "bob.lock"
    lock.touch()
    os.utime(lock, (0, 0))

    outcomes = deliver(tmp_path / "{user}", format_=MailboxFormat.MBOX, patience=5)

    assert told(outcomes) == [("delivered", "2.0.0")]
    assert not lock.exists()


def test_an_fcntl_lock_of_another_program_is_respected(tmp_path, monkeypatch):
    def locked(descriptor, operation):
        raise BlockingIOError(errno.EAGAIN, "locked")

    monkeypatch.setattr(fcntl, "lockf", locked)  # a process does not lock itself out, so the kernel is played

    assert told(deliver(tmp_path / "{user}", format_=MailboxFormat.MBOX)) == [("deferred", "4.2.0")]
    assert not (tmp_path / "bob.lock").exists()


def test_a_symbolic_link_is_not_followed_to_another_file(tmp_path):
    (tmp_path / "secret").touch()
    (tmp_path / "bob").symlink_to(tmp_path / "secret")

    assert told(deliver(tmp_path / "{user}", format_=MailboxFormat.MBOX))[0][0] == "deferred"
    assert (tmp_path / "secret").read_bytes() == b""


def test_locks_are_renewed_long_before_they_are_stale():
    assert mbox.STALE_AFTER_SECONDS >= 60
