"""A message as a mailer is to send it: its stored header edited, its body streamed in the mailer's form.

A text of the spool that has no header of a sendmail site (a native bounce, mail from before the site had a cf) gets
the defaults of the H lines here, but for Received: the one that it begins with takes its place among them.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from posthouse.mail.errors import DialectUnavailableError, MalformedError
from posthouse.mail.queued import LeasedRecipient, MessageInfo
from posthouse.mailers.arguments import from_line
from posthouse.mailers.conversion import Conversion, SevenBitPlan, conversion_of
from posthouse.mailers.fields import Field, split_fields
from posthouse.mailers.header import Binding, BoundHeader, bind_header
from posthouse.mailers.names import time_macros
from posthouse.mailers.rendering import Rendering, render_header
from posthouse.mailers.stored import Circumstances, StoredHeader, is_stored, read_stored
from posthouse.mailers.text import TextForm, TextWriter, form_of
from posthouse.mailers.to_eight_bits import EightBitBody
from posthouse.mailers.to_seven_bits import SevenBitBody
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.engine import TEMPORARY_FAILURE
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.recipients import Purpose
from posthouse.rewriting.remote_names import HeaderSyntax, remote_name
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import CfConfiguration, MailerDeclaration

if TYPE_CHECKING:
    from posthouse.mail.lookup import MapAnswer, MapQuestion
    from posthouse.ports import Clock, StoredText

T = TypeVar("T")

MOST_HEADER_OCTETS: Final = 1024 * 1024
_DAEMON: Final = "MAILER-DAEMON"
_TRACE: Final = "received"


class Answers(Protocol):
    """Who answers the questions of rewriting: adapters/map_answers.py."""

    async def answer_all(self, steps: Generator[MapQuestion, MapAnswer, T]) -> T:
        """Drive a generator to its end, and return what it returns."""


class Opened(Struct, frozen=True):
    """A message that was opened: its header, where its body begins, and its macros."""

    stored: StoredHeader
    text: StoredText
    body_at: int  # octets
    macros: Mapping[str, str]

    async def body(self) -> AsyncIterator[bytes]:
        """Stream the body."""
        skip = self.body_at
        async for chunk in self.text.chunks():
            if skip < len(chunk):
                yield chunk[skip:]
            skip = max(skip - len(chunk), 0)

    async def is_ascii(self) -> bool:
        """Has the body no octets of eight bits?"""
        async for chunk in self.body():
            if not chunk.isascii():
                return False
        return True


class OutgoingText(Struct, frozen=True):
    """The text for one delivery.  ``first`` is the From_ line, if there is one."""

    opened: Opened
    first: str | None
    lines: tuple[str, ...]
    form: TextForm
    conversion: Conversion = Conversion()

    async def chunks(self, *, takes_eight_bits: bool = True) -> AsyncIterator[bytes]:
        """Stream it in the form of the mailer; ``takes_eight_bits``: does the peer say 8BITMIME?"""
        if self.conversion.may_be_needed(takes_eight_bits=takes_eight_bits):
            is_ascii = await self.opened.is_ascii()
            body, lines = self.conversion.begin(self.lines, is_ascii=is_ascii, takes_eight_bits=takes_eight_bits)
            if body is not None:
                converter = await self._surveyed(body) if isinstance(body, SevenBitPlan) else body
                async for written in self._converted(converter, lines):
                    yield written
                return
        else:
            lines = self.lines
        async for written in self._plain(lines):
            yield written

    async def _surveyed(self, plan: SevenBitPlan) -> SevenBitBody:
        survey = plan.survey()
        async for chunk in self.opened.body():
            survey.feed(chunk)
        survey.finish()
        return plan.conversion(survey)

    async def _converted(self, body: SevenBitBody | EightBitBody, lines: tuple[str, ...]) -> AsyncIterator[bytes]:
        """Stream it with its body converted, whose conversion writes the end of the header."""
        writer = TextWriter(self.form)
        head = b"" if self.first is None else writer.line(self.first)
        yield head + writer.fields(lines)
        async for chunk in self.opened.body():
            yield writer.feed(body.feed(chunk))
        yield writer.feed(body.finish())
        yield writer.finish()

    async def _plain(self, lines: tuple[str, ...]) -> AsyncIterator[bytes]:
        writer = TextWriter(self.form)
        head = b"" if self.first is None else writer.line(self.first)
        yield head + writer.header(lines)
        async for chunk in self.opened.body():
            written = writer.feed(chunk)
            if written:
                yield written
        rest = writer.finish()
        if rest:
            yield rest


class Renderer:
    """Edits messages for the mailers of one configuration."""

    def __init__(
        self, configuration: CfConfiguration, program: CompiledProgram, answers: Answers, clock: Clock
    ) -> None:
        self.configuration = configuration
        self._program = program
        self._answers = answers
        self._clock = clock
        self.syntax = HeaderSyntax(
            configuration.text("MustQuoteChars") + "@,;:\\()[]", configuration.flag("ColonOkInAddr")
        )

    async def open(self, message: MessageInfo, text: StoredText, recipients: Sequence[LeasedRecipient] = ()) -> Opened:
        """Read a message's header; what is known of the client that brought it stands with any of its recipients."""
        octets = await text.header(MOST_HEADER_OCTETS)
        header = octets.removesuffix(b"\r\n")
        users = (one.recipient.mailer for one in recipients)
        arrival = dict(next((user.arrival for user in users if user is not None), ()))
        stored = self._read(message, header, arrival)
        macros = {**stored.circumstances.macros, **_now(self._clock)}
        macros["f"] = stored.circumstances.sender
        return Opened(stored, text, len(octets), macros)

    def _read(self, message: MessageInfo, header: bytes, arrival: Mapping[str, str]) -> StoredHeader:
        if is_stored(header):
            try:
                return read_stored(header)
            except MalformedError:
                pass  # a text of somebody else that begins so
        sender = str(message.reverse_path) or _DAEMON
        brought = {**arrival, "i": message.queue_id}
        macros = {**self.configuration.program.macros, **time_macros(message.accepted), **brought}
        binding = Binding({**macros, "f": sender, "g": sender}, syntax=self.syntax)
        bound = self._bound(tuple(split_fields(header)), binding)
        return StoredHeader(bound, Circumstances(brought, sender, is_report=message.reverse_path.is_null))

    def _bound(self, own: Sequence[Field], binding: Binding) -> BoundHeader:
        """Complete a header that begins with the Received field of this host, which goes where the H lines have it."""
        declared = self.configuration.headers
        place = next((at for at, one in enumerate(declared) if fold(one.name) == _TRACE and not one.rule_set), None)
        if place is None or not own or fold(own[0].name) != _TRACE:
            return bind_header([one for one in declared if fold(one.name) != _TRACE], own, binding)
        bound = bind_header(declared, own[1:], binding)
        fields = list(bound.fields)
        at = next(at for at, field in enumerate(fields) if fold(field.name) == _TRACE)
        fields[at] = own[0]
        return replace(bound, fields=tuple(fields))

    async def sender_for(self, opened: Opened, mailer: MailerDeclaration) -> str:
        """Return the sender in the mailer's words: ``$g``.  Raises DialectUnavailableError."""
        environment = self._environment(opened, {})
        steps = remote_name(
            self._program,
            environment,
            opened.stored.circumstances.sender,
            mailer.traits,
            Purpose(is_sender=True),
            is_canonical=True,
            syntax=self.syntax,
        )
        named = await self._answers.answer_all(steps)
        if named.status == TEMPORARY_FAILURE:
            raise DialectUnavailableError(f"a map could not answer for the sender {opened.stored.circumstances.sender}")
        return named.text

    async def write(
        self, opened: Opened, mailer: MailerDeclaration, macros: Mapping[str, str], *, is_smtp: bool
    ) -> OutgoingText:
        """Edit the header for one delivery, whose macros ($g, $h, $u ...) are given.

        Raises DialectUnavailableError.
        """
        environment = self._environment(opened, macros)
        lines = await self.lines(opened.stored.header, mailer, environment, opened.stored.circumstances.sender_domain)
        first = None if is_smtp else from_line(mailer, self._from_template(), environment.macros)
        note = f"by {self.configuration.program.macros.get('j', 'localhost')} id {opened.macros.get('i', '')}"
        conversion = conversion_of(mailer, self.configuration, note, is_smtp=is_smtp)
        return OutgoingText(opened, first, lines, form_of(mailer, is_smtp=is_smtp), conversion)

    async def lines(
        self,
        header: BoundHeader,
        mailer: MailerDeclaration,
        environment: Environment,
        sender_domain: tuple[str, ...] = (),
    ) -> tuple[str, ...]:
        """Return the fields that a mailer wants.  Raises DialectUnavailableError."""
        rendering = Rendering(
            self._program,
            environment,
            mailer,
            sender_domain,
            self.syntax,
            receipts_are_dropped=self.configuration.flag("RrtImpliesDsn"),
        )
        rendered = await self._answers.answer_all(render_header(header, rendering))
        if rendered.is_deferred:
            raise DialectUnavailableError("a map could not answer for an address in the header")
        return rendered.lines

    def _environment(self, opened: Opened, macros: Mapping[str, str]) -> Environment:
        return Environment({**self.configuration.program.macros, **opened.macros, **macros})

    def _from_template(self) -> str:
        return self.configuration.text("UnixFromLine")


def _now(clock: Clock) -> dict[str, str]:
    return {name: value for name, value in time_macros(clock.now()).items() if name in "bd"}
