"""A message of a sendmail site while it is taken in: who sends it, its header, its envelope, and who gets it.

What the command line hands in and what comes by SMTP on standard input are taken alike.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import itertools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from posthouse.cli.classic.cf_message import BodyFile
from posthouse.cli.classic.cf_recipients import note_complaints, ways_of
from posthouse.cli.classic.cf_site import CfSite
from posthouse.cli.submission.people import account_name, login_name
from posthouse.deliver.cf_delivery import Delivery
from posthouse.deliver.cf_envelope import CfEnvelope, Standing, Way
from posthouse.deliver.cf_load import load_limits_of
from posthouse.deliver.mailer_text import Opened
from posthouse.mail.envelope import Notify, Return
from posthouse.mailers.exits import TOLD_POSTMASTER, Ending
from posthouse.mailers.fields import Field
from posthouse.mailers.header import Binding, BoundHeader, NoRecipient, bind_header, quoted_name
from posthouse.mailers.names import OF_COMMAND, message_name, time_macros
from posthouse.mailers.priority import factors_of
from posthouse.mailers.stored import Circumstances, StoredHeader
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.recipients import ERROR, Purpose, Resolved
from posthouse.rewriting.tokens import fold
from posthouse.routing.sendmail.addressee import by_owner
from posthouse.routing.sendmail.complaints import AddressComplaint
from posthouse.routing.sendmail.expansion import Expansion
from posthouse.site.cf.personality import privacy_words

if TYPE_CHECKING:
    from posthouse.site.cf.declared import CfConfiguration

# Macros that a message keeps: who brought it and how, its names and dates.
_BROUGHT: Final = frozenset({*"_rsxiatu", "daemon_flags"})


class Names:
    """The ids of the messages that one process makes."""

    def __init__(self, world: CfSite) -> None:
        self._world = world
        self._numbers = itertools.count()

    def draw(self) -> str:
        """Return the next one."""
        return message_name(self._world.clock.now(), os.getpid(), next(self._numbers))


class Given(Struct, frozen=True):
    """What the command line says of one message."""

    addresses: tuple[str, ...] = ()
    from_header: bool = False  # -t
    sender: str | None = None  # -f
    full_name: str = ""  # -F
    ignore_dots: bool = False
    verbose: bool = False
    no_aliases: bool = False
    notify: Notify | None = None
    ret: Return | None = None
    envid: str = ""
    body: str = ""  # -B
    hops: int = 0  # -h
    protocol: str = ""  # -p: protocol, or protocol:host


class Sender(Struct, frozen=True):
    """Who sends: the address as given, its triple, and the person's name."""

    written: str
    mailer: str = ""
    user: str = ""
    is_local: bool = False
    address_type: str = ""
    full_name: str = ""
    domain: tuple[str, ...] = ()
    host: str | None = None


class Intake:
    """Takes one message in.  ``name`` is its id."""

    def __init__(self, world: CfSite, given: Given, names: Names, name: str = "") -> None:
        self._world = world
        self._given = given
        self._configuration: CfConfiguration = world.configuration
        self._names = names
        self.name = name or names.draw()
        self._refused: tuple[AddressComplaint, ...] = ()  # what is wrong with the sender given
        self._brought: dict[str, str] = {}  # the macros that the message keeps, once its header is complete

    def environment(self) -> Environment:
        """Return the macros with which the message begins."""
        given = self._given
        protocol, _, host = given.protocol.partition(":")
        brought = {"_": f"{login_name()}@localhost", "i": self.name, "daemon_flags": OF_COMMAND}
        macros = {**self._configuration.program.macros, **brought}
        if protocol:
            macros["r"] = protocol
        if host:
            macros["s"] = host
        return self._world.environment(macros)

    async def sender(self, environment: Environment, written: str) -> Sender:
        """Find out who sends."""
        resolved = await self._world.routing_world.answer_all(
            self._world.routing.resolver.resolve(environment, written, Purpose(is_sender=True))
        )
        environment.define("addr_type", None)
        if not isinstance(resolved, Resolved) or resolved.mailer == ERROR:
            return Sender(written, user=written, full_name=self._given.full_name)
        mailer = self._configuration.mailers[fold(resolved.mailer)]
        account = self._world.logins.find(resolved.user) if mailer.is_local else None
        name = self._given.full_name or (account.full_name if account is not None else "")
        scanned = self._world.routing.program.syntax.scan(written)
        tokens = scanned.tokens or ()
        domain = tokens[tokens.index("@") :] if mailer.has("C") and "@" in tokens else ()
        return Sender(
            written, mailer.name, resolved.user, mailer.is_local, mailer.address_type, name, domain, resolved.host
        )

    def warned(self, own: Sequence[Field], *, over_pipe: bool = False) -> list[Field]:
        """Put before a header what authwarnings asks for: that who handed it in is not trusted to say who sends."""
        user, given = account_name(), self._given.sender  # nobody is trusted for what their environment says
        is_trusted = fold(user) in self._configuration.trusted_users
        if is_trusted or "authwarnings" not in privacy_words(self._configuration):
            return list(own)
        words = []
        if over_pipe:
            words.append(f"{user} owned process doing -bs")
        elif given is not None:
            words.append(f"{user} set sender to {given} using -f")
        host = self._configuration.program.macros.get("j", "localhost")
        return [*(Field("X-Authentication-Warning", f" {host}: {text}") for text in words), *own]

    @property
    def refused_status(self) -> int:
        """What the rules said of the sender that was given, as an exit status; 0 when they took it."""
        return next((one.exit_status for one in self._refused if one.exit_status), 0)

    async def sender_or_login(self, environment: Environment, written: str) -> Sender:
        """Find out who sends; who hands the message in, where the rules make nothing of the address."""
        sender = await self.sender(environment, written)
        if sender.mailer:
            return sender
        refused = Expansion(self._world.routing, environment)
        await self._world.routing_world.answer_all(refused.add(written))
        environment.define("addr_type", None)
        self._refused = tuple(refused.complaints)
        return await self.sender(environment, login_name())

    async def errors_to(self, environment: Environment, own: Sequence[Field]) -> list[str]:
        """Return who else is told of failures: Errors-To, where the site heeds it."""
        if not self._configuration.flag("UseErrorsTo"):
            return []
        found = [field.value.strip() for field in own if fold(field.name) == "errors-to" and field.value.strip()]
        kind = environment.macros.get("addr_type")
        for address in found:  # $h stays as the last address that was looked at has left it
            await self._world.routing_world.answer_all(Expansion(self._world.routing, environment).add(address))
        environment.define("addr_type", kind)
        return found

    def bind(
        self,
        expansion: Expansion,
        environment: Environment,
        sender: Sender,
        own: Sequence[Field],
        *,
        is_named: bool,
    ) -> BoundHeader:
        """Complete the header."""
        must_quote = self._world.renderer.syntax.must_quote
        is_single = len(self._given.addresses) == 1 and not self._given.from_header and is_named
        values = {
            **environment.macros,
            **time_macros(self._world.clock.now()),
            "f": sender.written,
            "g": sender.written,
            "u": self._given.addresses[0] if is_single else "",
        }
        if sender.full_name:
            values["x"] = quoted_name(sender.full_name, must_quote)
        self._brought = {key: value for key, value in values.items() if key in _BROUGHT}
        forms = frozenset({sender.written, sender.user}) if sender.is_local else frozenset()
        binding = Binding(
            values,
            forms,
            [one.written for one in expansion.queue if one.alias is None][::-1],
            is_old_style=self._configuration.flag("OldStyleHeaders"),
            no_recipient=NoRecipient(self._configuration.text("NoRecipientAction") or "none"),
            syntax=self._world.renderer.syntax,
        )
        return bind_header(self._configuration.headers, own, binding)

    def envelope(
        self,
        expansion: Expansion,
        environment: Environment,
        sender: Sender,
        bound: BoundHeader,
        body: BodyFile,
        octets: int,
    ) -> CfEnvelope:
        """Return the message with everybody who gets it."""
        now = self._world.clock.now()
        circumstances = Circumstances(
            self._brought,
            sender.written,
            sender_domain=sender.domain,
            octets=octets,
            has_eight_bits=not body.is_ascii
            or any(not (one.is_template or one.value.isascii()) for one in bound.fields),
        )
        ways = ways_of(expansion, sender.address_type, self._world.routing.host_name, self._notify(bound))
        macros = {
            **time_macros(now),
            **self._brought,
            "f": sender.written,
            "c": str(self._given.hops + bound.hops),
            "nrcpts": str(len(ways)),
            "msg_size": str(octets),
            "deliveryMode": self._configuration.text("DeliveryMode")[:1],
            "ntries": "0",
            "opMode": environment.macros.get("opMode") or "m",
        }
        opened = Opened(StoredHeader(bound, circumstances), body, 0, macros)
        priorities = self._configuration.priorities
        precedence = (bound.value("precedence") or "").strip()
        envelope = CfEnvelope(
            name=self.name,
            sender=sender.written,
            sender_is_local=sender.is_local,
            sender_type=sender.address_type,
            opened=opened,
            octets=octets,
            accepted=now,
            came_from=environment.macros.get("_", "localhost"),
            ways=ways,
            ret=self._given.ret,
            envid=self._given.envid,
            parameters=self._parameters(body),
            precedence=priorities.get(precedence.lower(), 0),
            author=sender.written if "@" in sender.written else f"{sender.written}@{self._world.routing.host_name}",
            hops=self._given.hops,
        )
        note_complaints(envelope, self._refused)
        if self.refused_status in TOLD_POSTMASTER:
            envelope.errors_to = [*envelope.errors_to, "postmaster"]
        note_complaints(envelope, expansion.complaints, expansion.notes)
        self._count_hops(envelope, bound)
        return envelope

    def _parameters(self, body: BodyFile) -> tuple[tuple[str, str], ...]:
        words = []
        if self._given.body:
            words.append(("8BITMIME", "BODY=7BIT" if body.is_ascii else f"BODY={self._given.body}"))
        if self._given.envid:
            words.append(("DSN", f"ENVID={self._given.envid}"))
        if self._given.ret is not None:
            words.append(("DSN", f"RET={self._given.ret.value}"))
        return tuple(words)

    def too_many_hops(self, bound: BoundHeader, sender: str, recipients: Sequence[str]) -> str:
        """Say that a message has been through too many hosts; "" when it has not."""
        hops, most = self._given.hops + bound.hops - 1, self._configuration.number("MaxHopCount")
        host = self._brought.get("s") or "localhost"
        words = f"Too many hops {hops} ({most} max): from {sender} via {host}, to {','.join(recipients)}"
        return words if hops > most else ""

    def _count_hops(self, envelope: CfEnvelope, bound: BoundHeader) -> None:
        words = self.too_many_hops(bound, envelope.sender, [way.who.written for way in envelope.ways])
        if not words:
            return
        envelope.transcript.append(f"554 5.4.6 {words}")
        envelope.exit_status = os.EX_UNAVAILABLE
        for way in envelope.standing(Standing.WAITING):
            way.standing = Standing.BAD
            way.ending = Ending(os.EX_UNAVAILABLE, "554 5.4.6 Too many hops", "5.4.6", "554 5.4.6 Too many hops")

    async def by_owner(self, envelope: CfEnvelope, expansion: Expansion, environment: Environment) -> list[CfEnvelope]:
        """Part a message whose recipients are of lists with owners: their failures go to these."""
        ways = {way.addressee.number: way for way in envelope.ways}
        numbers = {id(one): number for number, one in enumerate(expansion.queue)}
        parts: dict[str, list[Way]] = {}
        for owner, addresses in by_owner(expansion.queue, envelope.sender).items():
            of_owner = [ways[numbers[id(one)]] for one in addresses if numbers[id(one)] in ways]
            if of_owner:
                parts[owner] = of_owner
        if set(parts) <= {""}:
            return [envelope]
        return [
            await self._part(envelope, owner, part, environment, is_first=number == 0)
            for number, (owner, part) in enumerate(parts.items())
        ]

    async def _part(
        self, envelope: CfEnvelope, owner: str, ways: list[Way], environment: Environment, *, is_first: bool
    ) -> CfEnvelope:
        part = replace(envelope, ways=ways, transcript=list(envelope.transcript))
        if not owner:
            return part
        sender = await self.sender(environment, owner)
        opened = envelope.opened
        circumstances = replace(opened.stored.circumstances, sender=owner, sender_domain=sender.domain)
        stored = StoredHeader(opened.stored.header, circumstances)
        part.opened = replace(opened, stored=stored, macros={**opened.macros, "f": owner})
        part.sender, part.sender_is_local, part.sender_type = owner, sender.is_local, sender.address_type
        if not is_first:  # what the sender wants to be told is not asked of those who tell the owner
            part.name = self._names.draw()
            part.ret = None
            part.parameters = tuple(one for one in envelope.parameters if not one[1].startswith("RET="))
            for way in ways:
                way.notify = None
        return part

    def _notify(self, bound: BoundHeader) -> Notify | None:
        """Return what was asked for: -N, or a field that asks for a receipt where RrtImpliesDsn heeds it."""
        is_asked_for = self._configuration.flag("RrtImpliesDsn") and bool(bound.value("return-receipt-to"))
        if self._given.notify is None and is_asked_for:
            return Notify.SUCCESS | Notify.FAILURE | Notify.DELAY
        return self._given.notify

    async def deliver(self, delivery: Delivery, envelope: CfEnvelope, *, at_once: bool = False) -> None:
        """Deliver, or put into the queue, as DeliveryMode and the load of the machine have it.

        ``at_once``: somebody watches, and is not told that the mail will be tried later.
        """
        waiting_modes = ("d",) if at_once else ("q", "d")
        if self._configuration.text("DeliveryMode")[:1] in waiting_modes or self._is_too_busy_for(envelope):
            # What is wrong with an address is told at once, whenever the others are tried.
            self._hold_back(envelope)
        await delivery.run(envelope)

    def _is_too_busy_for(self, envelope: CfEnvelope) -> bool:
        limits = load_limits_of(self._configuration, os.cpu_count() or 1)
        factors = factors_of(self._configuration)
        priority = factors.priority(envelope.octets, recipients=len(envelope.ways), precedence=envelope.precedence)
        return limits.queues(self._world.load.now(), priority)

    async def keep(self, envelope: CfEnvelope) -> None:
        """Put it into the queue for everybody who waits."""
        self._hold_back(envelope)
        await self._world.keep(envelope)

    def _hold_back(self, envelope: CfEnvelope) -> None:
        envelope.is_split = True
        for way in envelope.standing(Standing.WAITING):
            way.standing = Standing.QUEUED
