"""The header as one mailer sends it: conditions, late macros, and addresses in the mailer's words.

Maps are asked by ``yield``.  A line may hold line ends (LF): it is one field with its continuations.
"""

from collections.abc import Generator, Mapping
from typing import Final

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer, MapQuestion
from posthouse.mailers.fields import Field, Nature
from posthouse.mailers.header import BoundHeader
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.engine import TEMPORARY_FAILURE
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.macros import expand
from posthouse.rewriting.recipients import Purpose
from posthouse.rewriting.remote_names import USUAL_SYNTAX, HeaderSyntax, remote_name
from posthouse.rewriting.tokens import BLANKS
from posthouse.site.cf.declared import MailerDeclaration

WIDEST: Final = 78  # characters of a line of addresses
_INDENT: Final = "        "
_BETWEEN: Final = BLANKS + ","


class Rendering(Struct, frozen=True):
    """For whom a header is written.  ``sender_domain``: ``@`` and its domain when the sender's mailer has F=C."""

    program: CompiledProgram
    environment: Environment
    mailer: MailerDeclaration
    sender_domain: tuple[str, ...] = ()
    syntax: HeaderSyntax = USUAL_SYNTAX
    receipts_are_dropped: bool = False  # the option RrtImpliesDsn


class Rendered(Struct, frozen=True):
    """The lines.  ``is_deferred``: a map could not answer, so that nothing may be sent now."""

    lines: tuple[str, ...]
    is_deferred: bool = False


Asking = Generator[MapQuestion, MapAnswer, Rendered]


def render_header(header: BoundHeader, rendering: Rendering) -> Asking:
    """Write every field that this mailer wants."""
    lines: list[str] = []
    is_deferred = False
    macros = rendering.environment.macros
    for field in header.fields:
        if not _is_wanted(field, header, rendering, macros):
            continue
        value = expand(field.value, macros) if field.is_template else field.value
        if field.is_template and not value:
            continue
        if Nature.BLIND in field.nature:
            lines += [] if header.drops_blind else [f"{field.name}:"]
        elif field.nature & (Nature.SENDER | Nature.RECIPIENT):
            written = yield from _AddressList(field, value, header, rendering).write()
            lines += written.lines
            is_deferred = is_deferred or written.is_deferred
        else:
            lines.append(f"{field.name}:{value}")
    return Rendered(tuple(lines), is_deferred)


def _is_wanted(field: Field, header: BoundHeader, rendering: Rendering, macros: Mapping[str, str]) -> bool:
    if field.is_conditional or Nature.CHECKED in field.nature:
        by_flag = any(rendering.mailer.has(flag) for flag in field.flags)
        by_macro = bool(field.macro and expand(macros.get(field.macro, ""), macros))
        if not by_flag and not by_macro:
            return False
    if Nature.RESENT in field.nature and not header.is_resent:
        return False
    return not (Nature.RECEIPT in field.nature and rendering.receipts_are_dropped)


class _AddressList:
    """One field of addresses being written."""

    def __init__(self, field: Field, value: str, header: BoundHeader, rendering: Rendering) -> None:
        is_sender = Nature.SENDER in field.nature
        self._rendering = rendering
        self._traits = rendering.mailer.traits
        self._purpose = Purpose(is_header=True, is_sender=is_sender)
        self._delimiter = " " if header.is_old_style and not is_sender else ","
        start = len(value) - len(value.lstrip(BLANKS))
        self._rest = value[start:].replace("\n", " ")
        self._line = f"{field.name}:{value[:start]}"
        self._lines: list[str] = []
        limit = rendering.mailer.longest_line - 2
        self._widest = limit if 0 <= limit <= WIDEST else WIDEST
        self._is_first = True
        self._is_deferred = False

    def write(self) -> Asking:
        while self._rest:
            name = self._next_name()
            if not name:
                continue
            done = yield from remote_name(
                self._rendering.program,
                self._rendering.environment,
                name,
                self._traits,
                self._purpose,
                sender_domain=self._rendering.sender_domain,
                syntax=self._rendering.syntax,
            )
            self._is_deferred = self._is_deferred or done.status == TEMPORARY_FAILURE
            if done.text:
                self._add(" ".join(done.text.split("\n")))
        self._lines.append(self._line)
        return Rendered(("\n".join(self._lines),), self._is_deferred)

    def _next_name(self) -> str:
        """Take one address off the list.  Blanks separate in the old style, but not around ``@``."""
        text = self._rest.lstrip(_BETWEEN)
        end = 0
        while True:
            scanned = self._rendering.program.syntax.scan(text[end:], delimiter=self._delimiter)
            stopped = end + scanned.end
            following = stopped + len(text[stopped:]) - len(text[stopped:].lstrip(BLANKS))
            if not text.startswith("@", following):
                break
            end = following + 1
            end += len(text[end:]) - len(text[end:].lstrip(BLANKS))
        self._rest = text[stopped:].lstrip(_BETWEEN) if stopped or scanned.tokens else ""
        return text[:stopped].rstrip(_BETWEEN)

    def _add(self, name: str) -> None:
        if self._is_first:
            self._line += name
        elif len(self._line) + 2 + len(name) > self._widest:
            self._lines.append(f"{self._line},")
            self._line = _INDENT + name
        else:
            self._line += f", {name}"
        self._is_first = False
