"""The channel that throws mail away, on purpose and on record."""

from posthouse.mail.outcome import delivered
from posthouse.mail.queued import Batch
from posthouse.ports import AttemptReport, StoredText


class DiscardChannel:
    """Says delivered to everything; the log and the reports say that it was discarded."""

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:  # noqa: ARG002 - the port's shape
        """Deliver to nobody."""
        outcome = delivered("discarded", status="2.0.0")
        return AttemptReport((outcome,) * len(batch.recipients))

    async def close(self) -> None:
        """Nothing is kept."""
