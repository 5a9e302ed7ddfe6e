"""The check rule sets: what check_mail, check_rcpt and their kind say of a command or a header field."""

from collections.abc import Generator
from enum import Enum, auto

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer, MapQuestion
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.engine import TEMPORARY_FAILURE, rewrite
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.symbols import ELSE
from posthouse.rewriting.tokens import Table
from posthouse.rewriting.triples import Refusal, read_refusal, read_triple


class Ruling(Enum):
    """What shall be done."""

    ACCEPT = auto()
    REFUSE = auto()  # $#error
    DISCARD = auto()  # $#discard: accept the message and drop it
    QUARANTINE = auto()  # $#error $@ quarantine


class Verdict(Struct, frozen=True):
    """What a check rule set said.  ``refusal`` is there for REFUSE, ``reason`` for QUARANTINE.

    ``is_deferred``: a map could not answer.  ``tokens`` is the result, for rule sets that answer with a text.
    """

    ruling: Ruling = Ruling.ACCEPT
    refusal: Refusal | None = None
    reason: str = ""
    tokens: tuple[str, ...] = ()
    is_deferred: bool = False
    complaints: tuple[Complaint, ...] = ()


def check(
    program: CompiledProgram,
    environment: Environment,
    name: str,
    text: str,
    other: str | None = None,
    *,
    without_comments: bool = True,
) -> Generator[MapQuestion, MapAnswer, Verdict]:
    """Ask a check rule set about a text, or about two: ``text $| other``.  One that is not there accepts."""
    number = program.number_of(name)
    if number is None:
        return Verdict()
    whole = text if other is None else f"{text}{ELSE}{other}"
    table = Table.INTERNAL if without_comments else Table.VERBATIM
    scanned = program.syntax.scan(whole, table, lenient=not without_comments)
    if scanned.tokens is None:
        return Verdict()
    done = yield from rewrite(program, environment, number, scanned.tokens)
    deferred = done.status == TEMPORARY_FAILURE
    triple = read_triple(done.tokens)
    if triple is None or triple.mailer not in ("error", "discard"):
        return Verdict(tokens=done.tokens, is_deferred=deferred, complaints=done.complaints)
    if triple.mailer == "discard":
        return Verdict(Ruling.DISCARD, tokens=done.tokens, complaints=done.complaints)
    if triple.host and triple.host[0] == "quarantine":
        reason = program.syntax.join(triple.user, " ") if triple.user else name
        return Verdict(Ruling.QUARANTINE, reason=reason, tokens=done.tokens, complaints=done.complaints)
    refusal = read_refusal(triple, program.syntax)
    return Verdict(Ruling.REFUSE, refusal, tokens=done.tokens, is_deferred=deferred, complaints=done.complaints)
