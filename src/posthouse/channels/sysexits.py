"""What the exit status of a program says about a delivery.

The names and numbers are those of sysexits.h; each is given the status of
RFC 3463 that comes nearest.  What the table does not know is a failure, so
that a wrong program is noticed by the sender and not hidden in the queue.
"""

import os

from posthouse.mail.outcome import Disposition, Outcome
from posthouse.mail.status import Status

# number -> (name, enhanced status).  The status's class is the disposition.
SYSEXITS: dict[int, tuple[str, str]] = {
    os.EX_OK: ("EX_OK", "2.0.0"),
    os.EX_USAGE: ("EX_USAGE", "5.3.5"),  # called wrongly: system incorrectly configured
    os.EX_DATAERR: ("EX_DATAERR", "5.6.0"),
    os.EX_NOINPUT: ("EX_NOINPUT", "5.3.0"),
    os.EX_NOUSER: ("EX_NOUSER", "5.1.1"),
    os.EX_NOHOST: ("EX_NOHOST", "5.1.2"),
    os.EX_UNAVAILABLE: ("EX_UNAVAILABLE", "5.3.0"),
    os.EX_SOFTWARE: ("EX_SOFTWARE", "5.3.0"),
    os.EX_OSERR: ("EX_OSERR", "4.3.0"),  # cannot fork and the like: passes
    os.EX_OSFILE: ("EX_OSFILE", "5.3.5"),
    os.EX_CANTCREAT: ("EX_CANTCREAT", "5.2.0"),
    os.EX_IOERR: ("EX_IOERR", "4.3.0"),
    os.EX_TEMPFAIL: ("EX_TEMPFAIL", "4.3.0"),
    os.EX_PROTOCOL: ("EX_PROTOCOL", "5.5.0"),
    os.EX_NOPERM: ("EX_NOPERM", "5.7.1"),
    os.EX_CONFIG: ("EX_CONFIG", "5.3.5"),
}
_UNKNOWN = ("unknown status", "5.3.0")


def judge_exit(exit_status: int, output: str) -> Outcome:
    """Return the outcome of a program that ended by itself; ``output`` is already fit for a diagnostic.

    Output that begins with an enhanced status of the same class is taken at
    its word ("4.2.2 mailbox full"), because the program knows more than its number says.
    """
    name, guess = SYSEXITS.get(exit_status, _UNKNOWN)
    status = Status.parse(guess)
    said = Status.leading(output)
    if said is not None and said.class_ == status.class_:
        status = said
    verdict = "program delivered" if exit_status == os.EX_OK else f"program exited with {exit_status} ({name})"
    diagnostic = f"{verdict}: {output}" if output else verdict
    return Outcome(Disposition(status.class_), status, diagnostic)
