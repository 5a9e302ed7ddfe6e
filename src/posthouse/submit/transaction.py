"""One message on its way in: from MAIL to the spool's word."""

from typing import TYPE_CHECKING

from posthouse.mail.address import Path
from posthouse.mail.queued import QueueId
from posthouse.mail.reply import Reply

if TYPE_CHECKING:
    from posthouse.smtp.parameters import MailParameters, RcptParameters


class Transaction:
    """Made by ``Intake.begin``.  Every method answers with the reply to give; exceptions are bugs."""

    queue_id: QueueId = ""  # known once ``finish`` has answered 250

    async def sender(self, path: Path, parameters: "MailParameters") -> Reply:
        """MAIL."""
        raise NotImplementedError

    async def recipient(self, path: Path, parameters: "RcptParameters") -> Reply:
        """RCPT."""
        raise NotImplementedError

    async def start_text(self) -> Reply:
        """DATA: 354, or a refusal."""
        raise NotImplementedError

    async def write(self, chunk: bytes) -> None:
        """Take text, dots unstuffed, CRLF line ends.  Never raises for the spool: ``finish`` answers."""
        raise NotImplementedError

    async def finish(self) -> Reply:
        """The final dot: 250 only after the commit returned."""
        raise NotImplementedError

    async def abandon(self) -> None:
        """RSET, QUIT, a lost connection, text that the session refused.  Harmless at any time and when called twice."""
        raise NotImplementedError
