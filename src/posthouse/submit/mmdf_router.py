"""The Router of an MMDF site: aliases, domains and channels of a tailor file, and who may send where.

The rules.  Who comes by SMTP belongs to the first channel whose table has the name that he says, with his
address in the entry; nobody is believed a name without that.  A stranger may send where the mail
stays with us, where an alias of ours leads, and where a channel's authorization (``inblock``, ``outblock``) lets him; a
classic MMDF without authorization relayed for everybody.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING

from msgspec.structs import replace

from posthouse.mail import events
from posthouse.mail.address import Address, Path, WrittenAddress
from posthouse.mail.envelope import MailerUser
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import Asked
from posthouse.mail.mmdf_fields import value_fields
from posthouse.mail.octet_text import characters, octets
from posthouse.mail.received import ReceivedField, compose_received
from posthouse.mail.reply import Reply, reply
from posthouse.mail.route import Route
from posthouse.rewriting.mmdf.address import MmdfAddress, parse_address, read_addresses
from posthouse.rewriting.mmdf.text import Part, as_822, canonical, quoted
from posthouse.routing.mmdf.authorization import Submitter
from posthouse.routing.mmdf.compiled import BAD_USERS, DELAY, MAIL_IDS, MmdfRouting
from posthouse.routing.mmdf.resolve import AddressCheck
from posthouse.routing.mmdf.verdict import Checked, Code, QueuedAddress
from posthouse.routing.resolution import Deferred, Destination, Refused, Resolution, Resolved, Routed
from posthouse.routing.trace import as_via
from posthouse.site.tailor.entries import Auth, TailorChannel
from posthouse.submit import replies
from posthouse.submit.client import OWN_REPORTS, SENT_AGAIN, Client
from posthouse.submit.mmdf import answer_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthouse.mail.envelope import Envelope
    from posthouse.mail.notice import Notice
    from posthouse.mail.queued import QueueId
    from posthouse.ports import AuthorizationLog, EventLog, Table
    from posthouse.smtp.parameters import MailParameters, RcptParameters

_SMTP = "smtp"
_OURS = frozenset({"local", "list"})  # programs of channels on which mail stays with us
_STATUS = {"USER": "5.1.1", "BHST": "5.1.2", "NAUTH": "5.7.1"}
_MEMBERS_SHOWN = 100
_OURSELVES = Client(protocol=OWN_REPORTS, may_relay=True)


class MmdfRouter:
    """Port-like ``Router`` over a tailor file and its tables."""

    def __init__(
        self, routing: MmdfRouting, tables: Mapping[str, Table], log: AuthorizationLog, event_log: EventLog
    ) -> None:
        self.routing = routing
        self.tables = tables
        self.log = log
        self.event_log = event_log
        # What this site sends by itself asks for no authorization: else a bounce could be refused by its own site.
        self.unasked = replace(routing, asks_authorization=False)
        listed = routing.configuration.switches.valid_channels
        channels = [routing.channel(name) for name in listed] if listed else [one for one, _ in routing.channels]
        self.incoming = [one for one in channels if one is not None and (listed or one.program == _SMTP)]

        self.rejecting = [table for table in routing.configuration.tables if table.reject]

    @property
    def signature(self) -> str:
        """What From says in notices: our name and MSIG, with MLOGIN's address."""
        people, name = self.routing.configuration.people, self.routing.configuration.names.full
        return f"{quoted(f'{name} {people.signature}', Part.NAME)} <{people.login}@{name}>"

    def begin(self, client: Client) -> MmdfMessage:
        """Begin a message."""
        return MmdfMessage(self, client)

    async def close(self) -> None:
        """Nothing is held open."""

    async def verify(self, argument: str, client: Client) -> Reply:  # noqa: ARG002 - all clients are told the same
        """VRFY, in the words of MMDF."""
        checked, _ = await answer_steps(
            AddressCheck(self.unasked, Submitter("root", may_name_files=False)).check(octets(argument)), self.tables
        )
        if not checked.replies:
            return replies.NOT_AN_ADDRESS
        return reply(250, "2.1.5", _shown(checked)) if checked.is_accepted else _refusal(checked)

    async def expand(self, argument: str, client: Client) -> Reply:  # noqa: ARG002 - all clients are told the same
        """EXPN: the aliases of public sources only."""
        try:
            name = parse_address(octets(argument)).local
        except MalformedError:
            return replies.NOT_AN_ADDRESS
        for source, table in self.routing.aliases:
            answer = await self.tables[table.name].lookup(name)
            if answer.unavailable:
                return reply(451, "4.3.0", "table unavailable, try again later")
            if answer.found and source.public:
                members = [canonical(one) for one in read_addresses(answer.values[0]) if isinstance(one, MmdfAddress)]
                if members:
                    return Reply(250, tuple(f"<{one}>" for one in members[:_MEMBERS_SHOWN]))
            if answer.found:
                break
        return replies.NO_EXPANSION

    async def explain(self, address: Address, sender: Path) -> Resolution:
        """Resolve an address afresh for a trusted sender, with its trace."""
        message = MmdfMessage(self, Client(may_relay=True))
        message.path = sender
        return await message.resolve(address)


class MmdfMessage:
    """One message.  Each address is checked for itself; what it had to say of authorization is kept for the log."""

    is_discarded = False
    hold_reason = ""
    checks_header = False
    follows_routes = True

    def __init__(self, router: MmdfRouter, client: Client) -> None:
        self._router = router
        self._client = client
        self._submitter: Submitter | None = None
        self._entries: list[str] = []
        self._notices: list[Notice] = []
        self._unverified: list[tuple[str, str]] = []  # addresses that wait on the channel delay, and why
        self.path = Path(None)

    @property
    def has_afterword(self) -> bool:
        """Is there anything to log or to send?"""
        return bool(self._entries or self._notices or self._unverified)

    def sender_now(self, path: Path, parameters: MailParameters) -> Reply | None:  # noqa: ARG002 - judged by the grammar
        """Accept any sender, unless there are tables of peers that are refused.

        Authorization is asked for with each recipient.
        """
        self.path = path
        is_judged = bool(self._router.rejecting) and self._client.address and not self._client.may_relay
        return None if is_judged else replies.SENDER_ACCEPTED

    async def sender(self, path: Path, parameters: MailParameters) -> Reply:
        """Refuse a peer whose address, or name, is in a table with ``flags=reject``.

        A table that does not answer stops nobody, unless it has ``flags=abort``.
        """
        accepted = self.sender_now(path, parameters)
        if accepted is not None:
            return accepted
        for table in self._router.rejecting:
            for key in filter(None, (self._client.address, self._client.name)):
                answer = await self._router.tables[table.name].lookup(key)
                if answer.unavailable and table.abort:
                    return reply(451, "4.7.1", "cannot judge your address now, try again later")
                if answer.found:
                    return reply(550, "5.7.1", f"mail from {key} is refused: {answer.values[0]}".rstrip(": "))
        return replies.SENDER_ACCEPTED

    def recipient_now(self, address: Address, parameters: RcptParameters) -> Resolution | None:  # noqa: ARG002
        """Tables must be asked."""
        return None

    async def recipient(self, address: Address, parameters: RcptParameters) -> Resolution:  # noqa: ARG002
        """Check the address; refuse a stranger what he may not."""
        return await self.resolve(address)

    async def resolve(self, address: Address) -> Resolution:
        """Check an address and say what becomes of it."""
        is_own = self._client.protocol in {OWN_REPORTS, SENT_AGAIN}
        routing = self._router.unasked if is_own else self._router.routing
        check = AddressCheck(routing, await self._known_submitter())
        checked, trace = await answer_steps(check.check(_line(address)), self._router.tables)
        checked = replace(checked, trace=trace)
        destination = self._destination(check, checked)
        resolution = self._judged(destination, checked, await self._logins(checked))
        if isinstance(resolution, Resolved):
            self._entries += checked.authlog
            self._notices += checked.notices
            waiting = [one.address for one in checked.queued if one.channel.lower() == DELAY]
            self._unverified += [(one, _trouble(checked)) for one in waiting]
        elif checked.authlog:
            self._router.log.write("(refused)", checked.authlog)
        return resolution

    async def _logins(self, checked: Checked) -> dict[str, str]:
        """Return the login name behind each Mail-ID to whose mailbox, program or file something goes."""
        logins: dict[str, str] = {}
        if self._router.routing.configuration.switches.mail_ids:
            for one in checked.queued:
                name, _ = self._cut(one.address)
                if _is_ours(one) and name not in logins:
                    answer = await self._router.tables[MAIL_IDS].lookup(name)
                    listed = value_fields(answer.values[0]) if answer.found else ()
                    logins[name] = listed[0] if listed else name
        return logins

    def _judged(self, destination: Destination, checked: Checked, logins: Mapping[str, str]) -> Resolution:
        trace, via = checked.trace, as_via(checked.trace)
        if not checked.is_accepted:
            refusal = _refusal(checked)
            made = Deferred if refusal.is_transient else Refused
            return made(destination, refusal, _trouble(checked) or _reason(checked), trace, via)
        if any(one.channel.lower() == DELAY for one in checked.queued) and not self._may_wait:
            unsure = reply(451, "4.4.3", "cannot verify this address now, try again later")
            return Deferred(destination, unsure, _trouble(checked) or _reason(checked), trace, via)
        if destination is Destination.EXTERNAL and not self._client.may_relay:
            return Refused(destination, replies.NO_RELAYING, "a stranger may not send there", trace, via)
        try:
            recipients = tuple(self._routed(one, logins) for one in checked.queued)
        except ValueError as error:  # MalformedError is one
            return Refused(
                destination, reply(553, "5.1.3", "not an address that can be sent to"), str(error), trace, via
            )
        if not recipients:
            nobody = reply(550, "5.1.1", "this address leads to nobody")
            return Refused(destination, nobody, "its aliases lead round in a circle, or to nobody", trace, via)
        return Resolved(destination, recipients, tuple(notice.subject for notice in checked.notices), trace, via)

    @property
    def _may_wait(self) -> bool:
        """May it go to the channel that verifies later?  Not again from there, and not for strangers."""
        return self._client.may_relay and self._client.protocol != SENT_AGAIN

    def _destination(self, check: AddressCheck, checked: Checked) -> Destination:
        """See whether the mail stays with us, or is let through by authorization."""
        if check.envelope.went_through_alias:
            return Destination.LOCAL
        for one in checked.queued:
            channel = self._router.routing.channel(one.channel)
            if channel is None or not (self._stays(one, channel) or self._is_blocked_otherwise(channel)):
                return Destination.EXTERNAL
        return Destination.LOCAL

    def _stays(self, one: QueuedAddress, channel: TailorChannel) -> bool:
        is_default = channel is self._router.routing.local_channel
        return is_default or _is_unknown_user(one) or channel.program in _OURS

    def _is_blocked_otherwise(self, channel: TailorChannel) -> bool:
        """Does authorization decide, so that what it lets through may go?"""
        submitter = self._submitter
        source = self._router.routing.channel(submitter.channel) if submitter and submitter.channel else None
        return bool(channel.auth & Auth.OUTBLOCK) or (source is not None and bool(source.auth & Auth.INBLOCK))

    async def _known_submitter(self) -> Submitter:
        if self._submitter is None:
            address = self.path.address
            sender = (
                "" if address is None else as_822(octets(address.local_part), octets(address.domain), self.path.route)
            )
            answers_to = "" if address is None else str(address)
            if self._client.address:
                channel, host = await self._incoming()
                self._submitter = Submitter(sender, channel, host, answers_to, may_name_files=False)
            else:
                self._submitter = Submitter(sender, "", "", answers_to, may_name_files=False)
        return self._submitter

    async def _incoming(self) -> tuple[str, str]:
        """Return the channel that the client comes in on, and its host: the name that the table confirms."""
        address, name = self._client.address, self._client.name
        for channel in self._router.incoming:
            table = self._router.tables.get(channel.tbl)
            answer = await table.lookup(name) if table is not None and name else None
            if answer is not None and any(address in value_fields(value) for value in answer.values):
                return channel.name, name
        last = self._router.incoming[-1].name if self._router.incoming else _SMTP
        return last, address

    def _cut(self, local: str) -> tuple[str, str]:
        """Cut a local part at its qualifier: a tag, a program, a file."""
        mark = self._router.routing.qualifier.search(local)
        end = mark.start() if mark else 0
        return (local[:end], local[end:]) if end else (local, "")

    def _routed(self, one: QueuedAddress, logins: Mapping[str, str]) -> Routed:
        """Return one line of an address file as a route.  Raises MalformedError, ValueError."""
        if not one.host or _is_unknown_user(one):
            name, qualifier = self._cut(one.address)
            user = logins.get(name, name)
            address = Address(characters(user), self._router.routing.configuration.names.full)
            used_by = user if qualifier[:1] in {"/", "|"} and _is_ours(one) else ""
            mailer = MailerUser(one.address, one.address, controller=used_by) if user != one.address else None
            return Routed(Route(one.channel, one.host, address), address, mailer)
        parsed = parse_address(one.address)
        domain = parsed.domain or (parsed.route[-1] if parsed.route else one.host)
        address = Address(characters(parsed.local), characters(domain))
        mailer = MailerUser(one.address, one.address) if parsed.route else None
        return Routed(Route(one.channel, one.host, address), address, mailer)

    def trace(self, said: ReceivedField) -> bytes:
        """Write the field of every site."""
        return compose_received(said)

    def text_now(self) -> Reply:
        """Ask for the text."""
        return replies.SEND_TEXT

    async def text(self) -> Reply:
        """Ask for the text."""
        return replies.SEND_TEXT

    async def header(self, header: bytes) -> Reply | None:  # noqa: ARG002 - never asked
        """Accept any header."""
        return None

    async def after_commit(self, queue_id: QueueId, octets: int) -> tuple[Notice, ...]:
        """Write the authorization log, note what is not verified yet, and send warnings and notices."""
        if self._entries:
            sender = "" if self._submitter is None else self._submitter.address
            self._router.log.write(queue_id, (*self._entries, f"END size='{octets}', sender='{sender}'"))
        for address, reason in self._unverified:
            self._router.event_log.event(events.UNVERIFIED, queue_id=queue_id, recipient=address, reason=reason)
        return tuple(
            notice if notice.sender else replace(notice, sender=self._router.signature) for notice in self._notices
        )

    def envelopes(self, collected: Envelope) -> tuple[Envelope, ...]:
        """Queue what was collected."""
        return (collected,)


def _line(address: Address) -> str:
    """Return an address as submit is given it, with its source route."""
    if isinstance(address, WrittenAddress):
        return octets(address.local_part)
    return as_822(octets(address.local_part), octets(address.domain))


def _is_ours(one: QueuedAddress) -> bool:
    return not one.host and not _is_unknown_user(one)


def _is_unknown_user(one: QueuedAddress) -> bool:
    """Is this a name of ours that nobody has?  An address of another host may have come to that channel as its last."""
    return one.channel.lower() == BAD_USERS and "@" not in one.address


def _shown(checked: Checked) -> str:
    return " ".join(one.text for one in checked.replies)


def _trouble(checked: Checked) -> str:
    """Return for the log why the first table that did not answer did not: clients are not told."""
    asked = (step for step in checked.trace if isinstance(step, Asked) and step.answer.unavailable)
    return next((f"table {one.lookup.table}: {one.answer.unavailable}" for one in asked), "")


def _reason(checked: Checked) -> str:
    return _shown(checked) or "no address"


def _refusal(checked: Checked) -> Reply:
    """Return what a client is told of an address that was not accepted."""
    text = _reason(checked)
    worst = checked.replies[0].code if checked.replies else Code.USER
    if worst.is_deferred:
        return reply(451, "4.4.3", text)
    named = text.partition("(")[2].partition(")")[0]
    return reply(550, _STATUS.get(named, "5.1.3"), text)
