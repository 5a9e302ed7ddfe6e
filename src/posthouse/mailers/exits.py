"""What the end of a mailer means: sysexits(3) in the words and codes of a sendmail site.

Sendmail Installation and Operation Guide, section 5.4: 71, 74 and 75 are tried again, everything else is final.
"""

import os
import re
from typing import Final

from msgspec import Struct

SENT: Final = "250 2.0.0 Sent"
_TEXTS: Final = {
    os.EX_USAGE: ("500 5.0.0 Command line usage error", "5.5.4"),
    os.EX_DATAERR: ("501 5.6.0 Data format error", "5.5.2"),
    os.EX_NOINPUT: ("550 5.3.0 Cannot open input", "5.3.0"),
    os.EX_NOUSER: ("550 5.1.1 User unknown", "5.1.1"),
    os.EX_NOHOST: ("550 5.1.2 Host unknown", "5.1.2"),
    os.EX_UNAVAILABLE: ("554 5.0.0 Service unavailable", "5.5.0"),
    os.EX_SOFTWARE: ("554 5.3.0 Internal error", "5.5.0"),
    os.EX_OSERR: ("451 4.0.0 Operating system error", "4.5.0"),
    os.EX_OSFILE: ("554 5.3.5 System file missing", "5.5.0"),
    os.EX_CANTCREAT: ("550 5.0.0 Can't create output", "5.3.0"),
    os.EX_IOERR: ("451 4.0.0 I/O error", "4.5.0"),
    os.EX_TEMPFAIL: ("250 2.0.0 Deferred", "4.2.0"),
    os.EX_PROTOCOL: ("554 5.5.0 Remote protocol error", "5.5.0"),
    os.EX_NOPERM: ("550 5.0.0 Insufficient permission", "5.3.0"),
    os.EX_CONFIG: ("554 5.3.5 Local configuration error", "5.5.0"),
}
TRIED_AGAIN: Final = frozenset({os.EX_OSERR, os.EX_IOERR, os.EX_TEMPFAIL})
TOLD_POSTMASTER: Final = frozenset({os.EX_SOFTWARE, os.EX_CONFIG})
_REPLY: Final = re.compile(r"[0-9]{3} ([245]\.[0-9]{1,3}\.[0-9]{1,3} )?")


class Ending(Struct, frozen=True):
    """How a delivery to a recipient ended.

    ``reply`` is a code, an enhanced status and a text, as in SMTP; ``status`` is the enhanced status for reports;
    ``diagnostic`` what the other side answered, "" if it was never asked.  A deferral says why behind ``Deferred: ``.
    """

    exit_status: int
    reply: str
    status: str
    diagnostic: str = ""

    @property
    def is_success(self) -> bool:
        """Was it delivered?"""
        return self.exit_status == os.EX_OK

    @property
    def is_temporary(self) -> bool:
        """Will it be tried again?"""
        return self.exit_status in TRIED_AGAIN

    @property
    def message(self) -> str:
        """The text alone, without its codes: what the queue's listing and ``-v`` show."""
        return without_codes(self.reply)


def without_codes(reply: str) -> str:
    """Return the text of a reply."""
    found = _REPLY.match(reply)
    return reply[found.end() :] if found else reply


def ending_of_exit(exit_status: int, *, is_unix: bool = True, reason: str = "") -> Ending:
    """Return what an exit status means.

    ``is_unix``: the mailer's diagnostics are exit statuses (T=//X-Unix).  ``reason`` says why it was put off.
    """
    if exit_status == os.EX_OK:
        return Ending(os.EX_OK, SENT, "2.0.0")
    diagnostic = str(exit_status) if is_unix else ""
    known = _TEXTS.get(exit_status)
    if known is None:
        text = f"554 5.3.0 unknown mailer error {exit_status}"
        return Ending(os.EX_UNAVAILABLE, text, "5.0.0", diagnostic)
    reply = f"{known[0]}: {reason}" if reason and exit_status == os.EX_TEMPFAIL else known[0]
    return Ending(exit_status, reply, known[1], diagnostic)


def reason_in_words(diagnostic: str) -> str:
    """Return a diagnostic for people: an exit status in words, anything else as it is."""
    if diagnostic.isascii() and diagnostic.isdigit() and int(diagnostic[:9]) in _TEXTS:
        return without_codes(_TEXTS[int(diagnostic)][0])
    return diagnostic


def transcript_line(reply: str, recipient: str) -> str:
    """Return how a reply stands in a transcript: with the recipient, unless the code is about something else."""
    found = _REPLY.match(reply)
    if found is None or not recipient or reply[:3] in ("500", "551", "552", "554"):
        return reply
    return f"{reply[: found.end()]}{recipient}... {reply[found.end() :]}"
