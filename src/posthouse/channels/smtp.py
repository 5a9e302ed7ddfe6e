"""The channel to other hosts by SMTP, and to a delivery agent by LMTP.

A batch goes in one transaction, with one outcome per recipient.  The rule
kept: only the peer's 2yz to the text is a delivery; only a 5yz, or DNS saying
that there is no such place, is a failure; everything else is tried again.

Hosts are tried in turn until one takes the transaction up.  A host that
cannot be reached, does not greet, answers MAIL with 4yz or goes away before the text is
followed by the next one; what a host said to single recipients is final for this attempt.
"""

from random import Random

from msgspec import Struct

from posthouse.channels.mail_exchangers import Ourselves, Target, in_turn, without_ourselves
from posthouse.channels.next_hop import HopKind, NextHop, choose_hop
from posthouse.channels.smtp_connection import Connection
from posthouse.channels.smtp_dialer import Dialer, DialSettings
from posthouse.channels.smtp_outcome import outcomes_of_loss, outcomes_of_results
from posthouse.channels.smtp_pool import IdleConnections
from posthouse.mail.errors import MalformedError
from posthouse.mail.outcome import Disposition, Outcome, deferred
from posthouse.mail.queued import Batch
from posthouse.ports import AttemptReport, Meter, Resolver, StoredText
from posthouse.site.model import ChannelDeclaration
from posthouse.smtp.client import (
    Awaiting,
    Closed,
    ConnectionLost,
    Dialect,
    RecipientCommand,
    TextWanted,
    Transaction,
    TransactionEnded,
)


class _Conversation(Struct, frozen=True):
    """What one connection made of the batch.  ``go_on``: another connection or host may still do better."""

    outcomes: tuple[Outcome, ...]
    go_on: bool = False


class SmtpChannel:
    """Port Channel over SMTP or LMTP connections that are kept for the next message."""

    def __init__(
        self,
        declaration: ChannelDeclaration,
        settings: DialSettings,
        resolver: Resolver,
        chance: Random,
        *,
        ourselves: Ourselves = Ourselves(),  # noqa: B008 - a frozen value
        meter: Meter | None = None,
    ) -> None:
        self._declaration = declaration
        self._dialect = settings.dialect
        self._resolver = resolver
        self._chance = chance
        self._ourselves = ourselves
        self._meter = meter
        self._idle = IdleConnections(declaration.keep_connections, declaration.idle, self._show_idle)
        self._dialer = Dialer(settings, self._idle.dismiss)

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        """Send the batch over an idle connection, or over a new one to the first host that serves us."""
        try:
            hop = self._next_hop(batch.hop.host)
        except MalformedError as error:
            return _all(batch, deferred(f"next hop: {error}", status="4.3.5"))
        transaction = _transaction(batch, text, sends_paths=self._declaration.sends_paths)
        connection = self._idle.take(hop)
        if connection is not None:
            self._count("connections_reused_total")
            conversation = await self._converse(hop, connection, transaction, text)
            if not conversation.go_on:
                return AttemptReport(conversation.outcomes, remote=connection.target.host)
        return await self._attempt_anew(batch, hop, transaction, text)

    async def close(self) -> None:
        """End idle connections; running attempts go on."""
        await self._idle.close()

    def _count(self, metric: str) -> None:
        if self._meter is not None:
            self._meter.count(metric, channel=self._declaration.name)

    def _show_idle(self, count: int) -> None:
        if self._meter is not None:
            self._meter.gauge("connections_idle", count, channel=self._declaration.name)

    def _next_hop(self, host: str) -> NextHop:
        by_mx = self._dialect is Dialect.SMTP  # RFC 2033 section 5: LMTP never
        return choose_hop(host, self._declaration.relay, self._declaration.port, by_mx=by_mx)

    async def _attempt_anew(
        self, batch: Batch, hop: NextHop, transaction: Transaction, text: StoredText
    ) -> AttemptReport:
        targets = await self._targets(hop)
        if isinstance(targets, Outcome):
            return _all(batch, targets, reached=targets.disposition is Disposition.FAILED)
        report = _all(batch, deferred("no host to try", status="4.4.1"), reached=False)
        reached = False
        for target in targets:
            opened = await self._dialer.open(target)
            if isinstance(opened, Outcome):
                reached = reached or opened.disposition is Disposition.FAILED
                report = _all(batch, opened, reached=reached)
                continue
            reached = True
            self._count("connections_opened_total")
            conversation = await self._converse(hop, opened, transaction, text)
            report = AttemptReport(conversation.outcomes, remote=target.host)
            if not conversation.go_on:
                break
        return report

    async def _targets(self, hop: NextHop) -> tuple[Target, ...] | Outcome:
        if hop.kind in (HopKind.ADDRESS, HopKind.UNIX):
            return (Target(hop.name, hop.name, hop.port),)
        if hop.kind is HopKind.HOST:
            found = await self._resolver.addresses(hop.name)
            if found.failure is not None:
                # A relay that DNS does not know is our own configuration's mistake: mail waits for its mending.
                return deferred(f"relay host: {found.failure.diagnostic}", status="4.4.4")
            return in_turn(found.hosts, hop.port, self._chance)
        found = without_ourselves(hop.name, await self._resolver.mail_hosts(hop.name), self._ourselves, hop.port)
        return found.failure or in_turn(found.hosts, hop.port, self._chance)

    async def _converse(
        self, hop: NextHop, connection: Connection, transaction: Transaction, text: StoredText
    ) -> _Conversation:
        connection.transactions += 1
        try:
            event = await _run(connection, transaction, text)
        except BaseException:
            connection.abort()  # otherwise a text that broke off could be taken for a whole one
            raise
        remote = connection.target.host
        relayed = self._dialect is Dialect.SMTP and not connection.session.supports_dsn
        if isinstance(event, ConnectionLost):
            undecided = not event.text_ended and not any(event.results)
            outcomes = outcomes_of_loss(event, len(transaction.recipients), remote, connection.trouble, relayed=relayed)
            return _Conversation(outcomes, go_on=undecided)
        self._give_back(hop, connection)
        outcomes = outcomes_of_results(event.results, remote, relayed=relayed)
        return _Conversation(outcomes, go_on=_nothing_taken_up(event))

    def _give_back(self, hop: NextHop, connection: Connection) -> None:
        if connection.is_usable and connection.transactions < self._declaration.messages_per_connection:
            self._idle.put(hop, connection)
        else:
            self._idle.dismiss(connection)


async def _run(connection: Connection, transaction: Transaction, text: StoredText) -> TransactionEnded | ConnectionLost:
    connection.session.begin(transaction)
    while True:
        match await connection.event():
            case TextWanted():
                await connection.send_text(text)
            case TransactionEnded() | ConnectionLost() as end:
                return end
            case Closed():
                connection.abort()  # ConnectionLost follows, with what is decided


def _nothing_taken_up(event: TransactionEnded) -> bool:
    """Was MAIL itself (or the RSET before it) answered 4yz?  Then the host, not the recipients, is the trouble."""
    start = (Awaiting.RSET, Awaiting.MAIL)
    return all(result.command in start and result.reply.is_transient for result in event.results)


def _transaction(batch: Batch, text: StoredText, *, sends_paths: bool) -> Transaction:
    message = batch.message
    recipients = (leased.recipient for leased in batch.recipients)
    return Transaction(
        reverse_path=message.reverse_path,
        recipients=tuple(
            RecipientCommand(
                one.address, one.notify, one.orcpt, one.mailer.user if sends_paths and one.mailer is not None else ""
            )
            for one in recipients
        ),
        octets=text.octets,
        body=message.body,
        smtputf8=message.smtputf8,
        ret=message.ret,
        envid=message.envid,
        sends_route=sends_paths,
    )


def _all(batch: Batch, outcome: Outcome, *, reached: bool = True) -> AttemptReport:
    return AttemptReport((outcome,) * len(batch.recipients), reached, outcome.remote)
