"""Reports about queued recipients: from rows of the queue to letters.

The rule: a letter holds the header of its message and no more.  A message that comes back whole is read from the
spool twice: to look through it, and while the letter is written.
"""

import enum
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from posthouse.deliver.letter_writer import LetterKind
from posthouse.deliver.settings import Settings
from posthouse.deliver.world import World
from posthouse.dsn.compose import Composed, compose
from posthouse.dsn.report import Action, RecipientReport, Report, Whole
from posthouse.dsn.survey import Survey
from posthouse.mail.envelope import Return
from posthouse.mail.outcome import Disposition, Outcome, deferred, failed
from posthouse.mail.queued import LeasedRecipient, MessageInfo
from posthouse.ports import Letter, StoredText

_NOT_TRIED = deferred("no attempt could be made yet: the next host was not reachable", status="4.4.1")
_NO_REASON = failed("delivery was given up")


class Returned(enum.Enum):
    """How much of the message comes back."""

    HEADER = enum.auto()
    AS_ASKED = enum.auto()  # by RET, within the site's limits
    ALL = enum.auto()


class ReportLetter:
    """Port Letter."""

    def __init__(self, composed: Composed, message: StoredText) -> None:
        self._composed = composed
        self._message = message
        self.octets = len(composed.before) + len(composed.after) + (message.octets if composed.has_whole else 0)
        self.is_ascii = composed.is_ascii

    async def chunks(self) -> AsyncIterator[bytes]:
        """Stream the report."""
        yield self._composed.before
        if self._composed.has_whole:
            async for chunk in self._message.chunks():
                yield chunk
        yield self._composed.after


class Letters:
    """Makes reports."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings

    async def failure(
        self,
        message: MessageInfo,
        recipients: Sequence[LeasedRecipient],
        to: str,
        *,
        returned: Returned = Returned.AS_ASKED,
        note: str = "",
    ) -> Letter:
        """Report recipients that have failed."""
        if self._world.letters is not None:
            kind = LetterKind.POSTMASTER if note else LetterKind.FAILURE
            return await self._in_site_words(message, recipients, to, kind, returned)
        about = tuple(_reported(leased, Action.FAILED, leased.outcome or _NO_REASON) for leased in recipients)
        return await self._report(message, about, to, returned, note)

    async def success(self, message: MessageInfo, recipients: Sequence[LeasedRecipient], to: str) -> Letter:
        """Report recipients that were delivered.  RFC 3461 section 4.3: RET is about failures; a header is enough."""
        if self._world.letters is not None:
            return await self._in_site_words(message, recipients, to, LetterKind.SUCCESS, Returned.HEADER)
        about = tuple(
            _reported(leased, Action.RELAYED if leased.outcome.relayed else Action.DELIVERED, leased.outcome)
            for leased in recipients
            if leased.outcome is not None
        )
        return await self._report(message, about, to, Returned.HEADER)

    async def delay(
        self, message: MessageInfo, recipients: Sequence[LeasedRecipient], to: str, note: str = ""
    ) -> Letter:
        """Report recipients that wait."""
        if self._world.letters is not None:
            return await self._in_site_words(message, recipients, to, LetterKind.DELAY, Returned.HEADER)
        about = tuple(self._delayed(message, leased) for leased in recipients)
        return await self._report(message, about, to, Returned.HEADER, note)

    async def _in_site_words(
        self,
        message: MessageInfo,
        recipients: Sequence[LeasedRecipient],
        to: str,
        kind: LetterKind,
        returned: Returned,
    ) -> Letter:
        if self._world.letters is None:
            raise RuntimeError("the site has no words of its own")
        text = await self._world.queue.read_text(message.queue_id)
        whole = returned is Returned.ALL or (returned is Returned.AS_ASKED and self._brings_all(message))
        return await self._world.letters.write(message, text, recipients, to, kind, returns_body=whole)

    def _delayed(self, message: MessageInfo, leased: LeasedRecipient) -> RecipientReport:
        last = leased.outcome
        outcome = last if last is not None and last.disposition is Disposition.DEFERRED else _NOT_TRIED
        until = message.accepted + self._settings.retry.expire_after
        return _reported(leased, Action.DELAYED, outcome, retry_until=until)

    async def _report(
        self, message: MessageInfo, about: tuple[RecipientReport, ...], to: str, returned: Returned, note: str = ""
    ) -> ReportLetter:
        text = await self._world.queue.read_text(message.queue_id)
        brings_all = returned is Returned.ALL or (returned is Returned.AS_ASKED and self._brings_all(message))
        token = self._world.token()
        report = Report(
            reporting_mta=self._settings.name,
            recipient=to,
            queue_id=message.queue_id,
            arrival=message.accepted,
            date=self._world.clock.now(),
            recipients=about,
            header=await text.header(self._settings.header_octets),
            token=token,
            whole=await _look_through(text, token) if brings_all else None,
            envid=message.envid,
            smtputf8=message.smtputf8,
            note=note,
            is_kept=returned is Returned.ALL,
        )
        return ReportLetter(compose(report), text)

    def _brings_all(self, message: MessageInfo) -> bool:
        if message.ret is Return.HEADERS:
            return False
        asked = message.ret is Return.FULL
        return message.octets <= (self._settings.returned_octets if asked else self._settings.unasked_octets)


async def _look_through(text: StoredText, token: str) -> Whole:
    survey = Survey(token)
    async for chunk in text.chunks():
        survey.look(chunk)
    return survey.seen


def _reported(
    leased: LeasedRecipient,
    action: Action,
    outcome: Outcome,
    *,
    retry_until: datetime | None = None,
) -> RecipientReport:
    recipient = leased.recipient
    return RecipientReport(
        final=recipient.address,
        given=recipient.original,
        action=action,
        status=outcome.status,
        diagnostic=outcome.diagnostic,
        remote=outcome.remote,
        code=outcome.code,
        orcpt=recipient.orcpt,
        last_attempt=leased.attempted,
        retry_until=retry_until,
    )
