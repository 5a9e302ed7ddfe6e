"""The built-in channel "report": recipients whose end is recorded and whose sender is owed a word.

    failed                 -> DSN to the reverse-path
    no way to the sender   -> DSN to the postmaster (a double bounce)
    no way to him either, or it was his own mail that failed
                           -> the dead-letter mailbox

The rule: nothing vanishes.  A recipient is settled in the transaction that
makes its report exist, or after the dead letter is synced.  Every report has the
null reverse-path, so that this chain ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from posthouse.deliver.letters import Letters, Returned
from posthouse.deliver.record import Recorder
from posthouse.deliver.settings import Settings
from posthouse.deliver.verdict import owes_failure, owes_success
from posthouse.deliver.world import World
from posthouse.mail import events
from posthouse.mail.address import Address
from posthouse.mail.outcome import Disposition
from posthouse.mail.queued import Batch, Ending, LeasedRecipient, MessageInfo, QueueId, Settlement
from posthouse.ports import Letter

_NULL_PATH = (
    "This report is for the postmaster. The message had the null reverse-path (<>), as reports have, "
    "so that nobody else can be told."
)
_NO_WAY_BACK = (
    "This report is for the postmaster. It could not be returned to the sender of the message, "
    "whose address is {sender}."
)
_DEAD_LETTER = "This report is kept here because neither the sender nor the postmaster could be told."


@dataclass(slots=True)
class _Sorted:
    """The recipients of a batch by what they are owed."""

    failures: list[LeasedRecipient]
    successes: list[LeasedRecipient]
    postmaster: list[LeasedRecipient]  # failures of mail to him with the null reverse-path: nobody is left to tell
    nothing: list[LeasedRecipient]


class Reporter:
    """Sends what is owed."""

    def __init__(self, world: World, settings: Settings, recorder: Recorder) -> None:
        self._world = world
        self._settings = settings
        self._recorder = recorder
        self._letters = Letters(world, settings)

    async def report(self, batch: Batch) -> None:
        """Report a batch and settle it.  Raises SpoolError; what was not settled then is still owed."""
        owed = self._sort(batch)
        if owed.nothing:
            await self._settle(batch, owed.nothing)
        if owed.postmaster:
            await self._bury(batch, owed.postmaster)
        if owed.successes:
            await self._confirm(batch, owed.successes)
        if owed.failures:
            await self._bounce(batch, owed.failures)
        await self._recorder.note_finished(batch.message, len(batch.recipients))

    def _sort(self, batch: Batch) -> _Sorted:
        owed = _Sorted([], [], [], [])
        for leased in batch.recipients:
            outcome = leased.outcome
            if outcome is not None and outcome.disposition is Disposition.DELIVERED:
                is_owed = owes_success(batch.message, leased.recipient, outcome)
                (owed.successes if is_owed else owed.nothing).append(leased)
            elif not owes_failure(leased.recipient):
                owed.nothing.append(leased)
            elif batch.message.reverse_path.is_null and self._is_postmaster(leased.recipient.original):
                owed.postmaster.append(leased)
            else:
                owed.failures.append(leased)
        return owed

    def _is_postmaster(self, address: Address) -> bool:
        """Is this the address to which our double bounces go, however it was completed on its way?"""
        local_part, _, domain = self._settings.postmaster_address.rpartition("@")
        ours = {"", domain.lower(), self._settings.name.lower()}
        return address.local_part.lower() == local_part.lower() and address.domain.lower() in ours

    async def _confirm(self, batch: Batch, recipients: Sequence[LeasedRecipient]) -> None:
        sender = str(batch.message.reverse_path)
        letter = await self._letters.success(batch.message, recipients, sender)
        report_id = await self._submit(letter, sender, batch, recipients)
        if report_id is None:  # a success nobody can be told of harms nobody
            return await self._settle(batch, recipients)
        return self._log(events.CONFIRMED, batch.message, recipients, report_id=report_id, sender=sender)

    async def _bounce(self, batch: Batch, recipients: Sequence[LeasedRecipient]) -> None:
        message = batch.message
        if not message.reverse_path.is_null:
            sender = str(message.reverse_path)
            letter = await self._letters.failure(message, recipients, sender)
            if report_id := await self._submit(letter, sender, batch, recipients):
                return self._log(events.BOUNCED, message, recipients, report_id=report_id, sender=sender)
        postmaster = self._settings.postmaster_address
        note = _NULL_PATH if message.reverse_path.is_null else _NO_WAY_BACK.format(sender=f"<{message.reverse_path}>")
        letter = await self._letters.failure(message, recipients, postmaster, note=note)
        if report_id := await self._submit(letter, postmaster, batch, recipients):
            return self._log(events.BOUNCED, message, recipients, report_id=report_id, sender=postmaster)
        return await self._bury(batch, recipients)

    async def _bury(self, batch: Batch, recipients: Sequence[LeasedRecipient]) -> None:
        """Keep report and message for a person to find, then let go.  A crash in between keeps them twice."""
        message, postmaster = batch.message, self._settings.postmaster_address
        letter = await self._letters.failure(message, recipients, postmaster, returned=Returned.ALL, note=_DEAD_LETTER)
        reason = f"{message.queue_id}: neither <{message.reverse_path}> nor <{postmaster}> could be told of a failure"
        await self._world.dead_letters.store(letter, reason)
        self._log(events.DEAD_LETTER, message, recipients, reason=reason)
        await self._settle(batch, recipients)

    async def _submit(
        self, letter: Letter, to: str, batch: Batch, recipients: Sequence[LeasedRecipient]
    ) -> QueueId | None:
        return await self._world.submission.submit_report(
            letter, to, about=batch.message, settlements=_gone(batch, recipients)
        )

    async def _settle(self, batch: Batch, recipients: Sequence[LeasedRecipient]) -> None:
        await self._world.queue.settle(_gone(batch, recipients))

    def _log(self, event: str, message: MessageInfo, recipients: Sequence[LeasedRecipient], **fields: object) -> None:
        self._world.log.event(event, queue_id=message.queue_id, recipients=len(recipients), **fields)
        self._world.meter.count("reports_total", kind=event)


def _gone(batch: Batch, recipients: Sequence[LeasedRecipient]) -> list[Settlement]:
    return [Settlement(batch.message.queue_id, leased.number, batch.token, Ending.GONE) for leased in recipients]
