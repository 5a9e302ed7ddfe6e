"""What rewriting must know of a mailer: its flags and its rule sets."""

from msgspec import Struct


class MailerTraits(Struct, frozen=True):
    """One mailer.  ``flags`` are the letters of F=; a rule set number of 0 means that there is none."""

    name: str
    flags: str = ""
    sender_envelope: int = 0  # S=
    sender_header: int = 0
    recipient_envelope: int = 0  # R=
    recipient_header: int = 0

    def has(self, flag: str) -> bool:
        """Does F= hold the flag?"""
        return flag in self.flags
