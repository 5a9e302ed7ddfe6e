"""A report of a sendmail site as a message: its header, and a text that is read while it is sent."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from posthouse.deliver.cf_envelope import CfEnvelope, Standing, Way
from posthouse.deliver.mailer_text import Opened, Renderer
from posthouse.dsn.sendmail import Fate, Report, Reported, content_type, report_subject, report_text
from posthouse.mail.dates import format_arpa_date
from posthouse.mail.envelope import DEFAULT_NOTIFY, Notify, Return
from posthouse.mail.xtext import decode_xtext, is_xtext
from posthouse.mailers.exits import reason_in_words
from posthouse.mailers.fields import Field
from posthouse.mailers.header import Binding, bind_header
from posthouse.mailers.names import OF_COMMAND, time_macros
from posthouse.mailers.stored import Circumstances, StoredHeader
from posthouse.mailers.text import TextWriter, form_of
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.macros import expand
from posthouse.rewriting.symbols import MACRO
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import MailerDeclaration
from posthouse.site.cf.machine import read_plain_file

FULL_NAME = "Mail Delivery Subsystem"
_MOST_INTRODUCTION = 16 * 1024  # octets
_FILE = "*file*"  # reports show a message as it would be written to a file
_TRIES = {True: "delivered (to mailbox)", False: "relayed (to non-DSN-aware mailer)"}
_REMARKS = {True: "successfully delivered to mailbox", False: "relayed to non-DSN-aware mailer"}


class ReportBody:
    """The text of a report, port StoredText: ours, and the body of the message that it returns."""

    def __init__(self, before: str, returned: Opened | None, mailer: MailerDeclaration, behind: str) -> None:
        self._before = _wire(before)
        self._returned = returned
        self._mailer = mailer
        self._behind = _wire(behind)
        self.octets = len(self._before) + len(self._behind) + (0 if returned is None else returned.text.octets)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Stream it, with CRLF."""
        yield self._before
        if self._returned is not None:
            writer = TextWriter(form_of(self._mailer, is_smtp=True))
            async for chunk in self._returned.body():
                yield writer.feed(chunk)
            yield writer.finish()
        yield self._behind

    async def header(self, _most: int) -> bytes:
        """Its header stands apart."""
        return b""


def wants(way: Way) -> Notify:
    """Return when this recipient's sender is told."""
    return DEFAULT_NOTIFY if way.notify is None else way.notify


def reportable(envelope: CfEnvelope) -> list[Way]:
    """Return the recipients whose sender is to be told now."""
    return [
        way
        for way in envelope.ways
        if (way.standing is Standing.BAD and Notify.FAILURE in wants(way))
        or (way.standing is Standing.SENT and Notify.SUCCESS in wants(way) and not way.is_passed_on)
    ]


class ReportWriter:
    """Writes the reports of one configuration."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._configuration = renderer.configuration
        self._macros = renderer.configuration.program.macros

    async def report(
        self,
        envelope: CfEnvelope,
        boundary: str,
        now: datetime,
        *,
        to_postmaster: bool,
        returns_body: bool,
        delayed_for: str = "",
    ) -> tuple[Report, ReportBody]:
        """Compose a report about what is reportable of an envelope.  Raises DialectUnavailableError."""
        mailer = self._configuration.mailers[_FILE]
        environment = Environment(
            {**self._macros, **envelope.opened.macros, "g": envelope.sender, "f": envelope.sender, "u": "", "h": ""}
        )
        stored = envelope.opened.stored
        lines = await self._renderer.lines(stored.header, mailer, environment, stored.circumstances.sender_domain)
        reported = envelope.ways if delayed_for else reportable(envelope)
        has_failed = any(way.standing is Standing.BAD for way in reported)
        returns_body = returns_body and has_failed and envelope.ret is not Return.HEADERS
        report = Report(
            host=self._host,
            boundary=boundary,
            arrived=format_arpa_date(envelope.accepted),
            came_from=envelope.came_from,
            recipients=tuple(self._reported(way, now) for way in reported),
            transcript=tuple(envelope.transcript),
            returned=tuple(line for one in lines for line in one.split("\n")),
            returns_body=returns_body,
            envelope_id=_readable(envelope.envid),
            message_name=envelope.name if to_postmaster else "",
            introduction=self._introduction(environment.macros),
            delayed_for=delayed_for,
            has_eight_bits=stored.circumstances.has_eight_bits,
        )
        before, behind = report_text(report)
        return report, ReportBody(before, envelope.opened if returns_body else None, mailer, behind)

    def open(
        self, report: Report, body: ReportBody, recipients: Sequence[str], name: str, at: datetime, *, pm: bool
    ) -> Opened:
        """Give a report the header of a message of this site.  ``pm``: it is the postmaster's."""
        subject, submitted = report_subject(report, to_postmaster=pm)
        own = [Field("To", f" {recipient}") for recipient in recipients]
        own += [
            Field("MIME-Version", " 1.0"),
            Field("Content-Type", f" {content_type(report)}"),
            *([Field("Content-Transfer-Encoding", " 8bit")] if report.has_eight_bits else []),
            Field("Subject", f" {subject}"),
            Field("Auto-Submitted", f" {submitted}"),
        ]
        daemon = self._macros.get("n") or "MAILER-DAEMON"
        brought = {"_": "localhost", "s": "localhost", "r": "", "x": FULL_NAME, "i": name, "u": "", "h": ""}
        brought["daemon_flags"] = OF_COMMAND
        brought |= {key: value for key, value in time_macros(at).items() if key in "at"}
        macros: Mapping[str, str] = {**self._macros, **time_macros(at), **brought, "f": daemon, "g": daemon}
        header = bind_header(
            self._configuration.headers, own, Binding({**macros, "addr_type": ""}, syntax=self._renderer.syntax)
        )
        stored = StoredHeader(header, Circumstances(brought, daemon, is_report=True))
        return Opened(stored, body, 0, {**time_macros(at), **brought, "f": daemon})

    @property
    def _host(self) -> str:
        return self._macros.get("j", "localhost")

    def _introduction(self, macros: Mapping[str, str]) -> tuple[str, ...]:
        """Return what ErrorHeader says: a text, or the file that it names, whose absence keeps no report back."""
        given = self._configuration.text("ErrorHeader")
        if not given.startswith("/"):
            return (expand(given, macros),) if given else ()
        try:
            octets = read_plain_file(given, _MOST_INTRODUCTION)
        except (OSError, ValueError):
            return ()
        text = octets[:_MOST_INTRODUCTION].decode("latin-1").replace("$", MACRO)
        return tuple(expand(line, macros) for line in text.removesuffix("\n").split("\n"))

    def _reported(self, way: Way, now: datetime) -> Reported:
        mailer = self._configuration.mailers.get(fold(way.addressee.mailer))
        if way.standing is Standing.QUEUED:
            return self._delayed(way, now)
        has_failed = way.standing is Standing.BAD
        is_local = mailer is not None and mailer.is_local
        ending = way.ending
        diagnostic = ending.diagnostic if ending is not None else ""
        kind = (mailer.diagnostic_type if mailer else "") or "smtp"
        status = ending.status if ending is not None else "5.0.0" if has_failed else "2.0.0"
        return Reported(
            address=way.who.written,
            fate=Fate.FAILED if has_failed else Fate.SUCCEEDED,
            final=way.final,
            action="failed" if has_failed else _TRIES[is_local],
            status=status if has_failed else "2.1.5" if is_local else "2.0.0",
            last_attempt=format_arpa_date(way.attempted or now),
            actual=self._actual(way, mailer),
            original=way.original,
            reason=reason_in_words(diagnostic) if has_failed else "",
            expanded_from=way.who.alias,
            remark="" if has_failed else _REMARKS[is_local],
            remote=f"{(mailer.mta_type if mailer else '') or 'dns'}; {way.remote}" if way.remote else "",
            diagnostic=f"{kind}; {diagnostic}" if diagnostic else "",
        )

    def _delayed(self, way: Way, now: datetime) -> Reported:
        return Reported(
            address=way.who.written,
            fate=Fate.DELAYED,
            final=way.final,
            action="delayed",
            status=way.ending.status if way.ending is not None else "4.0.0",
            last_attempt=format_arpa_date(way.attempted or now),
            original=way.original,
            reason=reason_in_words(way.ending.diagnostic) if way.ending is not None else "",
        )

    def _actual(self, way: Way, mailer: MailerDeclaration | None) -> str:
        if "noactualrecipient" in self._configuration.words("PrivacyOptions"):
            return ""
        user = way.who.user
        kind = (mailer.address_type if mailer else "") or "rfc822"
        if not user:
            return ""
        if fold(kind) == "rfc822" and "@" not in user:
            return f"rfc822; {user}@{self._host}"
        return f"{'rfc822' if fold(kind) == 'rfc822' else kind}; {user}"


def final_recipient(sender_type: str, user: str, written: str, host: str) -> str:
    """Return who the sender gave, with the type of the sender's mailer, as Final-Recipient shows it."""
    kind = sender_type or "rfc822"
    if fold(kind) != "rfc822" or "@" in user:
        return f"{kind}; {user}"
    if "@" in written:
        bare = written[1:-1] if written.startswith("<") and written.endswith(">") else written
        return f"{kind}; {bare}"
    return f"{kind}; {user}@{host}"


def _readable(envid: str) -> str:
    """Return an ENVID= as it was before it became xtext."""
    return decode_xtext(envid).decode("iso8859-1") if is_xtext(envid) else envid


def _wire(text: str) -> bytes:
    return text.encode("iso8859-1", "replace").replace(b"\n", b"\r\n")
