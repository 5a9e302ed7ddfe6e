"""The channel into this machine's mailboxes: Maildir or mbox.

The rule kept: delivered is said only when message and directory are synced;
whatever the disk refuses is a deferral, because an administrator can mend it.
All file work is done in a few threads of the channel's own.  Small messages for Maildirs go in groups, and those of
big mailings have threads of their own, so that a message to one person does not wait behind them.

Nothing changes owner: mailboxes belong to the account that Posthouse runs as.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from posthouse.channels.mailbox_path import mailbox_path
from posthouse.channels.maildir import MaildirDelivery, MaildirDraft, unique_name
from posthouse.channels.maildir_groups import MaildirGroups
from posthouse.channels.mbox import MboxDraft
from posthouse.mail import events
from posthouse.mail.errors import MalformedError
from posthouse.mail.line_ends import LineEnds
from posthouse.mail.mbox_format import FromQuoter, from_line
from posthouse.mail.outcome import Outcome, deferred, delivered, failed
from posthouse.mail.queued import Batch, Lane, LeasedRecipient
from posthouse.ports import AttemptReport, Clock, EventLog, StoredText
from posthouse.site.model import ChannelDeclaration, MailboxFormat

_THREADS = 24  # for mbox and large texts: they wait for the disk
# For small texts to Maildirs.  More groups at once are smaller ones, which share less.
_GROUPS = {Lane.SINGLE: 4, Lane.BULK: 1}
_SMALL_TEXT_OCTETS = 256 * 1024  # up to here a delivery is one visit to a thread
LOCK_PATIENCE = timedelta(seconds=30)
_LOCK_POLL_SECONDS = 0.1

T = TypeVar("T")

# errno -> (status, what to say).  The path stays out of it: the diagnostic goes to the sender.
_TROUBLES = {
    errno.ENOSPC: ("4.3.1", "no room on the disk"),
    errno.EDQUOT: ("4.2.2", "mailbox is full (quota)"),
    errno.EFBIG: ("4.2.2", "mailbox has reached the largest size of a file"),
}

_NO_SUCH_NAME = failed("no mailbox can have this name", status="5.1.1")
_IN_MAILDIR = delivered("delivered to Maildir", status="2.0.0")


class _Draft(Protocol):
    def write(self, *pieces: bytes) -> None: ...

    def commit(self) -> None: ...

    def abandon(self) -> None: ...


class _Quoter(Protocol):
    def feed(self, chunk: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class _AsItIs:
    """What FromQuoter is for mbox, for a format that needs no quoting."""

    def feed(self, chunk: bytes) -> bytes:
        return chunk

    def finish(self) -> bytes:
        return b""


class LocalChannel:
    """Delivers to ``declaration.mailbox``; one outcome per recipient."""

    def __init__(
        self,
        declaration: ChannelDeclaration,
        host_name: str,
        clock: Clock,
        log: EventLog,
        *,
        lock_patience: timedelta = LOCK_PATIENCE,
    ) -> None:
        self._declaration = declaration
        self._host_name = host_name
        self._clock = clock
        self._log = log
        self._lock_patience = lock_patience
        self._running = 0
        self._closing = False
        name = f"channel-{declaration.name}"
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=name)
        self._groups = {lane: MaildirGroups(threads, f"{name}-{lane.name}") for lane, threads in _GROUPS.items()}

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        """Deliver to each recipient's mailbox; they do not wait for each other."""
        self._running += 1
        try:
            return await self._deliver_all(batch, text)
        finally:
            self._running -= 1
            self._stop_when_idle()

    async def close(self) -> None:
        """Let running deliveries end, then stop the threads."""
        self._closing = True
        self._stop_when_idle()

    def _stop_when_idle(self) -> None:
        if self._closing and not self._running:
            self._threads.shutdown(wait=False)
            for groups in self._groups.values():
                groups.close()

    async def _deliver_all(self, batch: Batch, text: StoredText) -> AttemptReport:
        whole = b"".join([chunk async for chunk in text.chunks()]) if text.octets <= _SMALL_TEXT_OCTETS else None
        if whole is not None and self._declaration.mailbox_format is MailboxFormat.MAILDIR:
            return AttemptReport(await self._in_groups(batch, whole))
        deliveries = (self._deliver(batch, leased, text, whole) for leased in batch.recipients)
        return AttemptReport(tuple(await asyncio.gather(*deliveries)))

    async def _in_groups(self, batch: Batch, whole: bytes) -> tuple[Outcome, ...]:
        """Deliver a small text to the Maildirs of all recipients."""
        line_ends = LineEnds()
        body = line_ends.feed(whole) + line_ends.finish()
        deliveries = [self._delivery(batch, leased, body) for leased in batch.recipients]
        await self._groups[batch.lane].deliver([delivery for delivery in deliveries if delivery is not None])
        return tuple(
            self._outcome(batch, leased, delivery)
            for leased, delivery in zip(batch.recipients, deliveries, strict=True)
        )

    def _delivery(self, batch: Batch, leased: LeasedRecipient, body: bytes) -> MaildirDelivery | None:
        path = self._path(leased)
        return None if path is None else MaildirDelivery(self._draft(path), (_head(batch, leased), body))

    def _outcome(self, batch: Batch, leased: LeasedRecipient, delivery: MaildirDelivery | None) -> Outcome:
        if delivery is None:
            return _NO_SUCH_NAME
        if delivery.trouble is not None:
            return self._deferred(batch, leased, delivery.trouble)
        return _IN_MAILDIR

    async def _deliver(self, batch: Batch, leased: LeasedRecipient, text: StoredText, whole: bytes | None) -> Outcome:
        path = self._path(leased)
        if path is None:
            return _NO_SUCH_NAME
        head = _head(batch, leased)
        try:
            if self._declaration.mailbox_format is MailboxFormat.MBOX:
                return await self._to_mbox(
                    path, from_line(batch.message.reverse_path, self._clock.now()) + head, text, whole
                )
            return await self._to_maildir(path, head, text)
        except OSError as error:
            return self._deferred(batch, leased, error)

    def _path(self, leased: LeasedRecipient) -> Path | None:
        try:
            return mailbox_path(self._declaration.mailbox, leased.recipient.address)
        except MalformedError:
            return None

    def _deferred(self, batch: Batch, leased: LeasedRecipient, error: OSError) -> Outcome:
        self._log.event(
            events.TROUBLE,
            queue_id=batch.message.queue_id,
            recipient=str(leased.recipient.address),
            path=str(self._path(leased)),
            error=str(error),
        )
        status, reason = _TROUBLES.get(error.errno or 0, ("4.2.0", os.strerror(error.errno or errno.EIO)))
        return deferred(f"mailbox cannot be written: {reason}", status=status)

    async def _to_maildir(self, path: Path, head: bytes, text: StoredText) -> Outcome:
        draft = self._draft(path)
        try:
            await self._in_thread(draft.begin)
            await self._stream(draft, _AsItIs(), head, text)
        except BaseException:
            await self._in_thread(draft.abandon)
            raise
        return _IN_MAILDIR

    async def _to_mbox(self, path: Path, head: bytes, text: StoredText, whole: bytes | None) -> Outcome:
        draft = MboxDraft(path)
        try:
            if not await self._locked(draft):
                return deferred("mailbox is locked by another program", status="4.2.0")
            if whole is not None:
                await self._in_thread(_store, draft, head, whole)
            else:
                await self._stream(draft, FromQuoter(), head, text)
        except BaseException:
            await self._in_thread(draft.abandon)
            raise
        return delivered("delivered to mailbox", status="2.0.0")

    async def _locked(self, draft: MboxDraft) -> bool:
        patience = self._clock.monotonic() + self._lock_patience.total_seconds()
        while not await self._in_thread(draft.try_begin):
            if self._clock.monotonic() >= patience:
                return False
            await asyncio.sleep(_LOCK_POLL_SECONDS)  # other programs unlock without telling anybody
        return True

    async def _stream(self, draft: _Draft, quoter: _Quoter, head: bytes, text: StoredText) -> None:
        line_ends = LineEnds()
        await self._in_thread(draft.write, head)
        async for chunk in text.chunks():
            await self._in_thread(draft.write, quoter.feed(line_ends.feed(chunk)))
        await self._in_thread(draft.write, quoter.feed(line_ends.finish()), quoter.finish())
        await self._in_thread(draft.commit)

    def _draft(self, path: Path) -> MaildirDraft:
        return MaildirDraft(path, unique_name(round(self._clock.now().timestamp() * 1_000_000), self._host_name))

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            # What comes next would meet this work on the same file in another thread.
            await asyncio.wait([running])
            raise


def _head(batch: Batch, leased: LeasedRecipient) -> bytes:
    return f"Return-Path: <{batch.message.reverse_path}>\nDelivered-To: {leased.recipient.address}\n".encode()


def _store(draft: MboxDraft, head: bytes, whole: bytes) -> None:
    line_ends, quoter = LineEnds(), FromQuoter()
    body = quoter.feed(line_ends.feed(whole)) + quoter.feed(line_ends.finish()) + quoter.finish()
    draft.write(head, body)
    draft.commit()
