"""What is wrong with a configuration file, collected while it is read.

Nothing that stands in a file raises an exception: each mistake becomes a complaint with
its place, and reading goes on, as sendmail itself does.
"""

from enum import Enum

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem

MAX_COMPLAINTS = 200  # a file with more mistakes than this is no configuration file at all


class Severity(Enum):
    """How much a complaint matters."""

    ERROR = "error"  # the file cannot be used
    WARNING = "warning"  # it can, but perhaps not as was meant


class Complaint(Struct, frozen=True):
    """One mistake: what sort, and where, what is wrong, what would be right."""

    severity: Severity
    problem: Problem

    @property
    def is_error(self) -> bool:
        """Does it keep the file from being used?"""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        """Return one line for people."""
        return str(self.problem) if self.is_error else f"{self.problem} (warning)"


class Complaints:
    """The complaints so far, in order; bounded."""

    def __init__(self) -> None:
        self.found: list[Complaint] = []
        self.origin = Origin("")  # of the line that is being read

    def error(self, wrong: str, right: str, origin: Origin | None = None) -> None:
        """Note what keeps the file from being used."""
        self._note(Severity.ERROR, wrong, right, origin)

    def warning(self, wrong: str, right: str, origin: Origin | None = None) -> None:
        """Note what may not be meant."""
        self._note(Severity.WARNING, wrong, right, origin)

    @property
    def too_many(self) -> bool:
        """Is it useless to read on?"""
        return len(self.found) >= MAX_COMPLAINTS

    def _note(self, severity: Severity, wrong: str, right: str, origin: Origin | None) -> None:
        if not self.too_many:
            self.found.append(Complaint(severity, Problem(origin or self.origin, printable(wrong), printable(right))))


def printable(text: str) -> str:
    """Return text fit for a terminal: control characters and metasymbols escaped, and not endless."""
    shown = "".join(char if char.isprintable() else _escaped(char) for char in text[:400])
    return shown if len(text) <= 400 else f"{shown}..."


def _escaped(char: str) -> str:
    from posthouse.site.cf.dollars import as_written

    return as_written(char) if char >= "\ue000" else {"\n": "\\n", "\t": "\\t"}.get(char, f"\\x{ord(char):02x}")
