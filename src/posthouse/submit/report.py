"""How a bounce becomes a message: port Submission over the intake's parts.

The rule: a report has the null reverse-path, so that nothing is ever returned for it; and
it exists exactly when what it reports is no longer owed (one commit for both).
"""

from collections.abc import Sequence

from posthouse.mail import events
from posthouse.mail.address import NULL_PATH, Address
from posthouse.mail.address_list import parse_address_list
from posthouse.mail.envelope import Body, Envelope, Recipient
from posthouse.mail.errors import SpoolError
from posthouse.mail.queued import MessageInfo, QueueId, Settlement, WarningMark
from posthouse.ports import Letter
from posthouse.routing.resolution import Deferred, Refused, Resolution, Resolved
from posthouse.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS
from posthouse.submit.client import OWN_REPORTS, Client
from posthouse.submit.intake import Intake
from posthouse.submit.journal import Journal

_OURSELVES = Client(protocol=OWN_REPORTS, may_relay=True)


class ReportSubmission:
    """Port Submission."""

    def __init__(self, intake: Intake) -> None:
        self._parts = intake.parts
        self._journal = Journal(self._parts, _OURSELVES)

    async def submit_report(
        self,
        letter: Letter,
        recipient: str,
        *,
        about: MessageInfo,
        settlements: Sequence[Settlement] = (),
        warnings: Sequence[WarningMark] = (),
    ) -> QueueId | None:
        """Submit a DSN with the null reverse-path, as it is given.

        Raises SpoolError also when a table cannot say where the recipient goes: the report stays owed.
        """
        parsed = parse_address_list(recipient, 2)
        if len(parsed.addresses) != 1 or parsed.problems:
            self._unroutable(about, recipient, "; ".join(parsed.problems) or "not one address")
            return None
        address = parsed.addresses[0]
        resolution = await self._resolve(address)
        if isinstance(resolution, Deferred):
            raise SpoolError(f"the report's recipient {address} cannot be resolved now: {resolution.reason}")
        if isinstance(resolution, Refused):
            self._unroutable(about, recipient, resolution.reason)
            return None
        queue_id = await self._commit(letter, _envelope(letter, address, resolution), settlements, warnings)
        self._journal.accepted(queue_id, "", len(resolution.recipients), letter.octets, "")
        self._journal.resolved(queue_id, [(address, resolution)])
        self._parts.wakeup.notify()
        return queue_id

    async def _resolve(self, address: Address) -> Resolution:
        """Resolve as a message of ours, to which no rule about strangers applies."""
        message = self._parts.router.begin(_OURSELVES)
        await message.sender(NULL_PATH, NO_MAIL_PARAMETERS)
        return await message.recipient(address, NO_RCPT_PARAMETERS)

    async def _commit(
        self, letter: Letter, envelope: Envelope, settlements: Sequence[Settlement], warnings: Sequence[WarningMark]
    ) -> QueueId:
        draft = self._parts.spool.begin()
        try:
            async for chunk in letter.chunks():
                await draft.write(chunk)
            return await draft.commit(envelope, self._parts.clock.now(), settlements, warnings)
        except SpoolError:
            await draft.abandon()
            raise

    def _unroutable(self, about: MessageInfo, recipient: str, reason: str) -> None:
        """Log why there is no report to send."""
        self._parts.log.event(
            events.REFUSED, command="report", queue_id=about.queue_id, recipient=recipient, reason=reason
        )


def _envelope(letter: Letter, address: Address, resolution: Resolved) -> Envelope:
    body = Body.SEVEN_BIT if letter.is_ascii else Body.EIGHT_BIT_MIME
    recipients = tuple(
        Recipient(routed.address, routed.route, address, mailer=routed.mailer) for routed in resolution.recipients
    )
    utf8 = not all(recipient.address.is_ascii for recipient in recipients)
    return Envelope(NULL_PATH, recipients, body, smtputf8=utf8)
