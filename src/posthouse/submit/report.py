"""How a bounce becomes a message: port Submission over the intake's parts."""

from collections.abc import Sequence

from posthouse.mail.queued import MessageInfo, QueueId, Settlement, WarningMark
from posthouse.submit.intake import Intake


class ReportSubmission:
    """Port Submission."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def submit_report(
        self,
        text: bytes,
        recipient: str,
        *,
        about: MessageInfo,
        settlements: Sequence[Settlement] = (),
        warnings: Sequence[WarningMark] = (),
    ) -> QueueId | None:
        """Submit a DSN with the null reverse-path."""
        raise NotImplementedError
