"""What a report about queued recipients says: from rows of the queue to dsn.Report.

The rule: reading is bounded.  Only a dead letter, behind which nothing comes
any more, carries a message of any size.
"""

import enum
from collections.abc import Sequence
from datetime import datetime

from posthouse.deliver.settings import Settings
from posthouse.deliver.world import World
from posthouse.dsn.report import Action, RecipientReport, Report
from posthouse.mail.envelope import Return
from posthouse.mail.outcome import Disposition, Outcome, deferred, failed
from posthouse.mail.queued import LeasedRecipient, MessageInfo

_NOT_TRIED = deferred("no attempt could be made yet: the next host was not reachable", status="4.4.1")
_NO_REASON = failed("delivery was given up")


class Returned(enum.Enum):
    """How much of the message comes back."""

    HEADER = enum.auto()
    AS_ASKED = enum.auto()  # by RET, within the site's limits
    ALL = enum.auto()


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
    ) -> Report:
        """Report recipients that have failed."""
        about = tuple(_reported(leased, Action.FAILED, leased.outcome or _NO_REASON) for leased in recipients)
        return await self._report(message, about, to, returned, note)

    async def success(self, message: MessageInfo, recipients: Sequence[LeasedRecipient], to: str) -> Report:
        """Report recipients that were delivered.  RFC 3461 section 4.3: RET is about failures; a header is enough."""
        about = tuple(
            _reported(leased, Action.RELAYED if leased.outcome.relayed else Action.DELIVERED, leased.outcome)
            for leased in recipients
            if leased.outcome is not None
        )
        return await self._report(message, about, to, Returned.HEADER)

    async def delay(
        self, message: MessageInfo, recipients: Sequence[LeasedRecipient], to: str, note: str = ""
    ) -> Report:
        """Report recipients that wait."""
        about = tuple(self._delayed(message, leased) for leased in recipients)
        return await self._report(message, about, to, Returned.HEADER, note)

    def _delayed(self, message: MessageInfo, leased: LeasedRecipient) -> RecipientReport:
        last = leased.outcome
        outcome = last if last is not None and last.disposition is Disposition.DEFERRED else _NOT_TRIED
        until = message.accepted + self._settings.retry.expire_after
        return _reported(leased, Action.DELAYED, outcome, retry_until=until)

    async def _report(
        self, message: MessageInfo, about: tuple[RecipientReport, ...], to: str, returned: Returned, note: str = ""
    ) -> Report:
        is_full = returned is Returned.ALL or (returned is Returned.AS_ASKED and self._brings_all(message))
        return Report(
            reporting_mta=self._settings.name,
            recipient=to,
            queue_id=message.queue_id,
            arrival=message.accepted,
            date=self._world.clock.now(),
            recipients=about,
            returned=await self._text(message, is_full=is_full),
            token=self._world.token(),
            is_full=is_full,
            envid=message.envid,
            smtputf8=message.smtputf8,
            note=note,
            is_kept=returned is Returned.ALL,
        )

    def _brings_all(self, message: MessageInfo) -> bool:
        if message.ret is Return.HEADERS:
            return False
        asked = message.ret is Return.FULL
        return message.octets <= (self._settings.returned_octets if asked else self._settings.unasked_octets)

    async def _text(self, message: MessageInfo, *, is_full: bool) -> bytes:
        text = await self._world.queue.read_text(message.queue_id)
        if not is_full:
            return await text.header(self._settings.header_octets)
        return b"".join([chunk async for chunk in text.chunks()])


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
