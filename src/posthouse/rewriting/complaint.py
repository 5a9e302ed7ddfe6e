"""What is wrong with an address or a rule, as a value: the engine goes on and hands its complaints back."""

from msgspec import Struct

from posthouse.rewriting.symbols import in_octets

# Replies that name an address: before the text of any other, test mode does not print what it is about.
_NAMING = frozenset({"250", "252", "450", "550", "553"})
_SHOWN_ENDS = 100  # characters of a long text: its beginning and its end


class Complaint(Struct, frozen=True):
    """One message as sendmail words it: reply code, enhanced status ("" when it has none), text.

    ``about`` is the text that was being scanned; "" when the message is not about one.
    """

    text: str
    code: str = "554"
    status: str = ""
    about: str = ""

    def __str__(self) -> str:
        """Return the message as address test mode prints it: in seven bits, up to the first that are all zero."""
        about = self.about
        if len(about) > 2 * _SHOWN_ENDS + 3:
            about = f"{about[:_SHOWN_ENDS]}...{about[-_SHOWN_ENDS:]}"
        shown = in_octets(f"{about}... {self.text}" if self.about and self.code in _NAMING else self.text)
        seven_bits = "".join(chr(ord(octet) & 0x7F) if "\x7f" < octet < "\u0100" else octet for octet in shown)
        return seven_bits.partition("\0")[0]
