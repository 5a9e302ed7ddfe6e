"""The questions that engines ask, the answers they are sent, and the trace that both make.

An engine that needs a table yields a Lookup and is sent an Answer.  It also
yields Decisions, which need no answer.  The list of all three, in order, is
what ``posthouse explain`` prints.

One address makes dozens of these; none can be part of a cycle, and ``gc=False`` spares the collector the walk.
"""

from enum import Enum

from msgspec import Struct


class Origin(Struct, frozen=True, gc=False):
    """The place in a configuration that decided: file and line (1-based; 0 when the whole file or a built-in)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


BUILTIN = Origin("(built in)")


class Lookup(Struct, frozen=True, gc=False):
    """A question: what does this table say of this key?"""

    table: str
    key: str


class Answer(Struct, frozen=True, gc=False):
    """What the table said.  ``values`` is empty when the key is not there.

    ``unavailable`` is the reason when the table could not answer: then nothing
    may be concluded, and the recipient is deferred.
    """

    values: tuple[str, ...] = ()
    origin: Origin = BUILTIN
    unavailable: str = ""

    @property
    def found(self) -> bool:
        """Is the key in the table?"""
        return bool(self.values)


NOT_FOUND = Answer()


class MapQuestion(Struct, frozen=True):
    """A question to a map of a sendmail configuration: its name, a key, the arguments after ``$@``.

    All are octet text: one character below U+0100 for each octet.
    """

    map: str
    key: str
    arguments: tuple[str, ...] = ()


class MapStatus(Enum):
    """How a map answered."""

    FOUND = "found"
    NOT_FOUND = "not found"
    TEMPORARY = "temporary"  # it cannot answer now: the address is deferred, never "not found"
    BROKEN = "broken"  # it can never answer as it is configured: missing file, wrong arguments


class MapAnswer(Struct, frozen=True):
    """What a map said.  ``value`` is None unless the status is FOUND; "" is a value.

    One exception: a map with the flag ``-T`` has a value for what it could not answer (TEMPORARY), for rules to see.

    ``reason`` says for people why the map could not answer; ``code`` is the exit status of a program that did not;
    ``notice`` is what sendmail says, once, when it cannot open the map.
    """

    status: MapStatus
    value: str | None = None
    reason: str = ""
    origin: Origin = BUILTIN
    code: int = 0
    notice: str = ""


class Decision(Struct, frozen=True, gc=False):
    """What an engine concluded, and which line of the configuration made it."""

    text: str  # a clause for people: "domain example.org is local"
    origin: Origin = BUILTIN


class Asked(Struct, frozen=True, gc=False):
    """One question with its answer, as kept in a trace."""

    lookup: Lookup
    answer: Answer


Trace = tuple[Decision | Asked, ...]
