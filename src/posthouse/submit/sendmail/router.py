"""The Router of a site whose language is that of sendmail.

The rule: what a client is told is what the rules say; what they cannot say now, because a map cannot answer, is
never concluded: the client is asked to try again.

A client is received before it is greeted: its name, check_relay.  Whoever hands mail in without that is at MAIL.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING

from posthouse.mail.address import Address, Path, in_brackets
from posthouse.mail.envelope import Envelope
from posthouse.mail.lookup import Asked, Decision
from posthouse.mail.reply import Reply, reply
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.environment import Environment, Event, RuleApplied
from posthouse.rewriting.recipients import ERROR, Purpose
from posthouse.rewriting.recipients import Resolved as Parsed
from posthouse.routing.replies import try_later
from posthouse.routing.resolution import Deferred, Destination, Refused, Resolution, Resolved
from posthouse.routing.sendmail.addressee import Addressee, State
from posthouse.routing.sendmail.complaints import AddressComplaint, make_reply
from posthouse.routing.sendmail.envelopes import Given, envelopes_of, routed_of
from posthouse.routing.sendmail.expansion import Expansion, is_local
from posthouse.routing.sendmail.verification import shown_addresses
from posthouse.routing.trace import as_via
from posthouse.site.cf.listeners import daemons_of
from posthouse.site.cf.printing import visible
from posthouse.submit import replies
from posthouse.submit.client import OWN_REPORTS, SENT_AGAIN, Welcome
from posthouse.submit.sendmail.clients import arrival_of, describe_hello, welcome_client
from posthouse.submit.sendmail.policy import Policy
from posthouse.submit.sendmail.trace import trace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from posthouse.mail.notice import Notice
    from posthouse.mail.queued import QueueId
    from posthouse.mail.received import ReceivedField
    from posthouse.routing.sendmail.compiled import SendmailRouting
    from posthouse.smtp.parameters import MailParameters, RcptParameters
    from posthouse.submit.client import Client
    from posthouse.submit.sendmail.driver import World

_NOT_ALLOWED = reply(502, "5.7.0", "Sorry, we do not allow this operation")
_ENVELOPE_SENDER = Purpose(is_sender=True)
_NOBODY = ("|", "/", ":include:")  # beginnings of what is a program, a file or a list, and sends no mail


def octets_of(text: str) -> str:
    """Return text of the wire as octet text."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


class SendmailRouter:
    """One configuration and its world.  ``switch`` is what the service switch says, for maps of the class switch."""

    def __init__(self, routing: SendmailRouting, world: World, switch: Mapping[str, tuple[str, ...]]) -> None:
        self.routing = routing
        self.world = world
        self._switch = switch
        self._daemons = daemons_of(routing.configuration)

    async def welcome(self, client: Client) -> Welcome:
        """Receive a client that has connected: find out who it is, and what check_relay says."""
        return await welcome_client(self.routing, self.world, self.environment(), client, self._daemons)

    async def close(self) -> None:
        """Close the maps."""
        await self.world.maps.close()

    def begin(self, client: Client) -> SendmailMessage:
        """Begin a message."""
        return SendmailMessage(self.routing, self.world, self.environment(), client)

    def environment(self, listener: Callable[[Event], None] | None = None) -> Environment:
        """Return the macros with which a message begins."""
        macros = self.routing.configuration.program.macros
        return Environment(macros, switch=dict(self._switch), listener=listener)

    async def verify(self, argument: str, client: Client) -> Reply:
        """VRFY: the address itself, not what it stands for; the option PrivacyOptions may forbid it."""
        if {"novrfy", "goaway"} & self._privacy:
            return reply(252, "2.5.2", "Cannot VRFY user; try RCPT to attempt delivery (or try finger)")
        return await self._inquire(argument, client, "check_vrfy", verifies_only=True)

    async def expand(self, argument: str, client: Client) -> Reply:
        """EXPN: everybody that mail to this address goes to."""
        if {"noexpn", "goaway"} & self._privacy:
            return _NOT_ALLOWED
        return await self._inquire(argument, client, "check_expn", verifies_only=False)

    async def refuse_queue_start(self, node: str, client: Client) -> Reply | None:
        """ETRN: ask check_etrn."""
        environment = self.environment()
        describe_hello(environment, client)
        return await Policy(self.routing, self.world, environment).ask("check_etrn", octets_of(node))

    @property
    def _privacy(self) -> set[str]:
        return {word.lower() for text in self.routing.configuration.words("PrivacyOptions") for word in text.split(",")}

    async def _inquire(self, argument: str, client: Client, check: str, *, verifies_only: bool) -> Reply:
        environment = self.environment()
        _define_all(environment, client.welcome)
        describe_hello(environment, client)
        text = octets_of(argument)
        refusal = await Policy(self.routing, self.world, environment).ask(check, text)
        if refusal is not None:
            return refusal
        expansion = Expansion(self.routing, environment, verifies_only=verifies_only)
        await self.world.answer_all(expansion.add(text))
        if expansion.complaints and verifies_only:
            return expansion.complaints[0].reply
        return shown_addresses(expansion) or (
            expansion.complaints[0].reply if expansion.complaints else replies.NOT_AN_ADDRESS
        )

    async def explain(self, address: Address, sender: Path) -> Resolution:
        """Resolve an address afresh, with every rule that was applied and every map that was asked."""
        trace: list[Decision | Asked] = []

        def note(event: Event) -> None:
            if isinstance(event, RuleApplied):
                made = " ".join(visible(token) for token in event.tokens)
                trace.append(Decision(f"rule {event.number} of {event.rule_set} makes it: {made}", event.origin))

        environment = self.environment(note)
        environment.define("f", octets_of(str(sender)) or "<>")
        expansion = Expansion(self.routing, environment)
        await self.world.answer_all(expansion.add(octets_of(str(address))), trace)
        return resolution_of(expansion, 0, tuple(trace))


def resolution_of(expansion: Expansion, start: int, trace: tuple[Decision | Asked, ...]) -> Resolution:
    """Return what became of the list that was added last; ``start`` is how much had been complained of before."""
    routing = expansion.routing
    complaints = expansion.complaints[start:]
    problems = tuple(map(str, complaints))
    reached = [one for one in dict.fromkeys(expansion.reached) if one.state.is_sendable]
    destination = Destination.EXTERNAL
    if not reached or any(is_local(routing, one.root) for one in reached):
        destination = Destination.LOCAL
    via = as_via(trace)
    waiting = next((one for one in reached if one.state is State.DEFERRED), None)
    if waiting is not None:
        return Deferred(destination, _deferral(waiting), waiting.reason or "a map cannot answer", trace, via)
    if reached:
        routed = tuple(routed_of(routing, one) for one in reached)
        return Resolved(destination, routed, problems, trace, via)
    refusal = complaints[0].reply if complaints else replies.NOT_AN_ADDRESS
    return Refused(destination, refusal, "; ".join(problems) or refusal.text, trace, via)


def _define_all(environment: Environment, welcome: Welcome | None) -> None:
    for name, value in (welcome.macros if welcome is not None else {}).items():
        environment.define(name, value)


def _unbalanced(complaints: Sequence[AddressComplaint]) -> Reply | None:
    """Return the refusal of an address that was mended before it could be read: a client is to send what it means."""
    return next((one.reply for one in complaints if one.complaint.text.startswith("Unbalanced")), None)


def _deferral(one: Addressee) -> Reply:
    code, _, rest = one.reason.partition(" ")
    if code.isdecimal() and code.startswith("4"):
        status, _, text = rest.partition(" ")
        return make_reply(code, status, text)
    return try_later()


class SendmailMessage:
    """One message: its macros, its send queue, and what the rules about it have said."""

    has_afterword = False
    follows_routes = False

    def __init__(self, routing: SendmailRouting, world: World, environment: Environment, client: Client) -> None:
        self._routing = routing
        self._world = world
        self._environment = environment
        self._client = client
        self._policy = Policy(routing, world, environment)
        # What a person or program of this machine hands in is not asked about: who it is, the kernel has said.
        is_smtp = client.protocol not in ("", OWN_REPORTS, SENT_AGAIN)
        self._is_asked_about = bool(client.address) or (is_smtp and not client.local_submission)
        self.expansion = Expansion(routing, environment)
        self.given: dict[int, Given] = {}
        self.tried = 0  # recipients that were looked at, whatever came of it
        self.checks_header = self._policy.checks_header

    @property
    def is_discarded(self) -> bool:
        """Have the rules said ``$#discard``?"""
        return self._policy.discards

    def sender_now(self, path: Path, parameters: MailParameters) -> None:
        """Rules are asked always."""

    @property
    def exit_status(self) -> int:
        """What a command ends with whose message the rules have refused; 0 when they have refused nothing."""
        return self._policy.exit_status

    @property
    def hold_reason(self) -> str:
        """What the rules said with ``$#error $@ quarantine``."""
        return self._policy.quarantine

    async def sender(self, path: Path, parameters: MailParameters) -> Reply:
        """Ask check_relay, if nobody has yet, and check_mail."""
        environment, welcome = self._environment, self._client.welcome
        if welcome is None and self._client.address:
            welcome = await welcome_client(self._routing, self._world, environment, self._client, {})
        _define_all(environment, welcome)
        describe_hello(environment, self._client)
        written = octets_of(in_brackets(path.address) if path.address else "<>")
        environment.define("f", octets_of(str(path)) or "<>")
        if parameters.size is not None:
            environment.define("msg_size", str(parameters.size))
        refusal = None
        if welcome is not None and self._is_asked_about:
            self._policy.discards = welcome.discards
            self._policy.quarantine = welcome.quarantine
            refusal = welcome.refusal
        if self._client.protocol not in (OWN_REPORTS, SENT_AGAIN):
            refusal = refusal or await self._name_sender(written)
        if self._is_asked_about:
            refusal = refusal or await self._policy.ask("check_mail", written, about=written)
        if refusal is not None:
            return refusal
        return replies.SENDER_ACCEPTED

    async def _name_sender(self, written: str) -> Reply | None:
        """Define {mail_mailer}, {mail_host} and {mail_addr}; with MeToo off, keep the sender out of lists.

        Returns the refusal of a sender that the rules can make nothing of.
        """
        resolver = self._routing.resolver
        parsed = await self._world.answer_all(resolver.resolve(self._environment, written, _ENVELOPE_SENDER))
        complaints = tuple(map(AddressComplaint, parsed.complaints if isinstance(parsed, Parsed) else parsed))
        if not isinstance(parsed, Parsed) or parsed.mailer == ERROR:
            return complaints[-1].reply if complaints else None
        if parsed.user.startswith(_NOBODY) and self._routing.mailer(parsed.mailer).has("l"):
            return reply(553, "5.1.7", f"{written}... Invalid sender address")
        self._environment.define("mail_mailer", parsed.mailer)
        self._environment.define("mail_host", parsed.host)
        self._environment.define("mail_addr", parsed.user)
        if not self._routing.keeps_sender:
            self.expansion.unwanted = Addressee(parsed.mailer, parsed.host, parsed.user, written)
        return _unbalanced(complaints)

    def recipient_now(self, address: Address, parameters: RcptParameters) -> None:
        """Rules are asked always."""

    async def recipient(self, address: Address, parameters: RcptParameters) -> Resolution:
        """Ask check_rcpt, then find out where the address goes."""
        written = octets_of(in_brackets(address))
        if self._is_asked_about:
            self._environment.define("nrcpts", str(len(self.given)))
            refusal = await self._policy.ask("check_rcpt", written, about=written)
            if refusal is not None:
                kind = Deferred if refusal.is_transient else Refused
                return kind(Destination.EXTERNAL, refusal, "")
        expansion = self.expansion
        before, complaints = len(expansion.queue), len(expansion.complaints)
        roots = await self._world.answer_all(expansion.add(written))
        self.tried += len(roots)
        await self._ask_compatible()
        resolution = resolution_of(expansion, complaints, ())
        unbalanced = _unbalanced(expansion.complaints[complaints:])
        if unbalanced is not None:
            resolution = Refused(Destination.EXTERNAL, unbalanced, unbalanced.text)
        if isinstance(resolution, Resolved):
            given = Given(address, parameters.orcpt, parameters.notify)
            self.given.update({id(root.root): given for root in roots if id(root.root) not in self.given})
        else:
            expansion.queue.forget_after(before)
        return resolution

    async def _ask_compatible(self) -> None:
        """Ask check_compat about every new address; one that it refuses gets nothing."""
        if self._client.over_pipe or not self._policy.has("check_compat"):
            return  # who speaks SMTP on standard input delivers, and asks then
        sender = self._environment.macros.get("f", "")
        for one in self.expansion.reached:
            if one.state is State.OK:
                refusal = await self._policy.ask("check_compat", sender, one.written, about=one.written)
                if refusal is None:
                    continue
                if refusal.is_transient:
                    self.expansion.defer(one, str(refusal))
                else:
                    status = str(refusal.status or "")
                    self.expansion.refuse(one, Complaint(refusal.text, str(refusal.code), status))

    def trace(self, said: ReceivedField) -> bytes:
        """Return the Received field that the H lines declare; the one of every site when they declare none."""
        return trace_of(self._routing.configuration, self._environment.macros, said, self._client)

    def text_now(self) -> Reply | None:
        """Ask for the text at once, unless rules are to be asked."""
        return None if self._is_asked_about and self._policy.has("check_data") else replies.SEND_TEXT

    async def text(self) -> Reply:
        """Ask check_data."""
        return await self._policy.ask("check_data", str(len(self.given))) or replies.SEND_TEXT

    async def header(self, header: bytes) -> Reply | None:
        """Ask the checks of header fields, and check_eoh."""
        return await self._policy.header(header)

    async def after_commit(self, queue_id: QueueId, octets: int) -> tuple[Notice, ...]:  # noqa: ARG002 - never told
        """Nothing is sent because of a message."""
        return ()

    def envelopes(self, collected: Envelope) -> tuple[Envelope, ...]:
        """Return the envelopes in the order of sending, one for each sender: owners of lists get their failures."""
        arrival = arrival_of(self._environment, self._client)
        return envelopes_of(self._routing, self.expansion.queue, self.given, collected, arrival)
