"""What is wrong with an address or a rule, as a value: the engine goes on and hands its complaints back."""

from msgspec import Struct


class Complaint(Struct, frozen=True):
    """One message as sendmail words it: reply code, enhanced status ("" when it has none), text.

    ``about`` is the text that was being scanned; "" when the message is not about one.
    """

    text: str
    code: str = "554"
    status: str = ""
    about: str = ""

    def __str__(self) -> str:
        """Return the message as address test mode prints it."""
        return f"{self.about}... {self.text}" if self.about else self.text
