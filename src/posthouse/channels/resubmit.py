"""Channels that hand a message in again: MMDF's list, and its delay.

A list's message comes back in for the list's name at this site, whose alias has the members, and with the list's own
return address, so that what cannot be delivered to a member is told to who looks after the list, and not to whoever
wrote.  A delayed message, whose address could not be verified, comes back in as it was.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from posthouse.mail.address import Address, Path
from posthouse.mail.outcome import Outcome, deferred
from posthouse.mail.queued import Batch, LeasedRecipient
from posthouse.ports import AttemptReport, Resubmission, StoredText


class Lists(Struct, frozen=True):
    """What the lists of a site have in common."""

    home: str  # the domain of their names
    owner: Callable[[str], Awaitable[Path | None]]  # the return address of a list, by its name; None: not known now


class ResubmitChannel:
    """Port Channel."""

    def __init__(self, submission: Resubmission, lists: Lists | None = None) -> None:
        """Without ``lists`` sender and recipient stay as they are."""
        self._submission = submission
        self._lists = lists

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        """Submit once for each recipient."""
        return AttemptReport(tuple([await self._submit(batch, leased, text) for leased in batch.recipients]))

    async def close(self) -> None:
        """Nothing is open."""

    async def _submit(self, batch: Batch, leased: LeasedRecipient, text: StoredText) -> Outcome:
        recipient = leased.recipient.address
        sender: Path | None = batch.message.reverse_path
        if self._lists is not None:
            # A bounce that went astray to a list must not come back from it as mail with a sender.
            if not batch.message.reverse_path.is_null:
                sender = await self._lists.owner(recipient.local_part)
            recipient = Address(recipient.local_part, self._lists.home)
        if sender is None:
            return deferred("a table cannot say who looks after this list", status="4.3.0")
        return await self._submission.resubmit(batch.message, sender, recipient, text)
