"""Port Resubmission over the intake: a message that was already here comes in once more, for another address.

The rule: it is a message like any other, with a Received field of its own, so that whatever leads round in a circle
ends at the count of hops.
"""

from posthouse.mail.address import Address, Path
from posthouse.mail.outcome import Disposition, Outcome, delivered
from posthouse.mail.queued import MessageInfo
from posthouse.mail.reply import Reply
from posthouse.mail.status import Status
from posthouse.ports import StoredText
from posthouse.smtp.parameters import NO_RCPT_PARAMETERS, MailParameters
from posthouse.submit.client import SENT_AGAIN, Client
from posthouse.submit.intake import Intake
from posthouse.submit.transaction import Transaction

_OURSELVES = Client(protocol=SENT_AGAIN, may_relay=True)


class IntakeResubmission:
    """Port Resubmission."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def resubmit(self, message: MessageInfo, sender: Path, recipient: Address, text: StoredText) -> Outcome:
        """Hand the text in for one recipient."""
        transaction = self._intake.begin(_OURSELVES)
        try:
            answer = await self._submit(transaction, message, sender, recipient, text)
        finally:
            await transaction.abandon()
        if answer.is_positive:
            return delivered(f"submitted again as {transaction.queue_id}")
        return _refused(answer)

    async def _submit(
        self, transaction: Transaction, message: MessageInfo, sender: Path, recipient: Address, text: StoredText
    ) -> Reply:
        parameters = MailParameters(body=message.body, smtputf8=message.smtputf8)
        answer = await transaction.sender(sender, parameters)
        if answer.is_positive:
            answer = await transaction.recipient(Path(recipient), NO_RCPT_PARAMETERS)
        if answer.is_positive:
            answer = await transaction.start_text()
        if answer.is_positive:
            async for chunk in text.chunks():
                await transaction.write(chunk)
            answer = await transaction.finish()
        return answer


def _refused(answer: Reply) -> Outcome:
    disposition = Disposition.DEFERRED if answer.is_transient else Disposition.FAILED
    status = answer.status or Status(disposition.value, 0, 0)
    return Outcome(disposition, Status(disposition.value, status.subject, status.detail), answer.text)
