"""What went wrong with the addresses of a message, in the order in which it was found.

Texts are those of sendmail, for people and programs have learnt to read them.
"""

from typing import Final

from msgspec import Struct

from posthouse.mail.reply import Reply
from posthouse.mail.status import Status
from posthouse.rewriting.complaint import Complaint

USAGE: Final = 64  # sysexits(3): what a command ends with when nothing worse is known
NO_USER: Final = 67
MISCONFIGURED: Final = 70
# Replies that name the address that they are about.
_NAMING: Final = frozenset({"450", "550", "553"})


class AddressComplaint(Struct, frozen=True):
    """One complaint; ``place`` is the file and line of a list that the address stood in, "" for none.

    ``exit_status`` is what a command that meets it first ends with; 0 leaves that open.
    """

    complaint: Complaint
    place: str = ""
    exit_status: int = 0

    def __str__(self) -> str:
        """Return the line that a command prints."""
        return f"{self.place}: {self.complaint}" if self.place else str(self.complaint)

    @property
    def reply(self) -> Reply:
        """The same as a reply of SMTP."""
        complaint = self.complaint
        named = f"{complaint.about}... " if complaint.about and complaint.code in _NAMING else ""
        place = f"{self.place}: " if self.place else ""
        return make_reply(complaint.code, complaint.status, f"{place}{named}{complaint.text}")


def make_reply(code: str, status: str, text: str) -> Reply:
    """Return a reply; a code or a status that is none becomes the most general one.

    The two are said as the rules have them, even where they contradict each other.
    """
    number = int(code) if len(code) == 3 and code.isdecimal() and code[0] in "245" else 554
    said = Status.leading(status) or Status(number // 100, 0, 0)
    shown = text.encode("latin-1", "replace").decode("utf-8", "replace")
    return Reply(number, (shown or "refused",), said)
