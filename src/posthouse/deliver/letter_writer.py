"""The port by which a site words its reports itself."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from posthouse.mail.queued import LeasedRecipient, MessageInfo
from posthouse.ports import Letter, StoredText


class LetterKind(Enum):
    """What a letter is about."""

    FAILURE = "failure"
    SUCCESS = "success"
    DELAY = "delay"
    POSTMASTER = "postmaster"  # a failure of which the sender cannot be told


class LetterWriter(Protocol):
    """How a site words its reports, when it has words of its own."""

    async def write(
        self,
        message: MessageInfo,
        text: StoredText,
        recipients: Sequence[LeasedRecipient],
        to: str,
        kind: LetterKind,
        *,
        returns_body: bool,
    ) -> Letter:
        """Compose one report about recipients of a message.  Raises SpoolError, also when a map cannot answer."""
