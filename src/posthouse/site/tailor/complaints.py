"""What is said of a tailor file while it is read.

MMDF warns and goes on, and so do we: a complaint never stops the reading, and nothing that is
left out is left out without one.
"""

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.mail.mmdf_fields import Field
from posthouse.mail.problem import Problem
from posthouse.site.tailor.records import Record

MAX_COMPLAINTS = 1000
MAX_SHOWN = 80  # characters of a value in a complaint


class Complaints:
    """All complaints about one file, in the order in which they were found."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.wrong: list[Problem] = []
        self.idle: list[Problem] = []  # what has no effect, and why

    def note(self, problem: Problem) -> None:
        """Keep a complaint, unless there are far too many."""
        if len(self.wrong) < MAX_COMPLAINTS:
            self.wrong.append(problem)

    def note_idle(self, origin: Origin, keyword: str, reason: str) -> None:
        """Keep what has no effect."""
        if len(self.idle) < MAX_COMPLAINTS:
            self.idle.append(Problem(origin, f"{keyword} has no effect", reason))


class Entry(Struct):
    """One record being read: its keyword, its parameters, and the complaints about it."""

    keyword: str  # in capitals
    record: Record
    fields: tuple[Field, ...]  # without the keyword
    complaints: Complaints
    origin: Origin

    def complain(self, field: Field | None, wrong: str, right: str) -> None:
        """Complain about a field, or the whole record."""
        if len(self.complaints.wrong) >= MAX_COMPLAINTS:
            return
        origin = self.origin if field is None else self.record.place(field.offset, self.complaints.file)
        self.complaints.note(Problem(origin, wrong, right))

    def values(self) -> tuple[Field, ...]:
        """Return the positional parameters."""
        return tuple(field for field in self.fields if field.key is None)


def shown(text: str) -> str:
    """Return a value for a complaint: in quotes, printable, of bounded length."""
    cut = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 2] + ".."
    return '"' + "".join(c if " " <= c <= "~" else f"\\{ord(c):03o}" for c in cut) + '"'


def one_of(words: tuple[str, ...]) -> str:
    """Return ``write one of a, b, c``."""
    return f"write one of {', '.join(words)}"
