"""What the way in writes to the log: accepted, resolved, refused.

The rule: the log has the cause that the reply does not have, and no message
writes more than a bounded number of lines, however many recipients it has.
"""

from collections.abc import Iterable, Iterator, Sequence

from posthouse.mail import events
from posthouse.mail.address import Address
from posthouse.mail.envelope import FailedRecipient
from posthouse.mail.queued import QueueId
from posthouse.mail.reply import Reply
from posthouse.routing.resolution import Resolved
from posthouse.submit.client import Client
from posthouse.submit.parts import Parts

RESOLVED_EVENTS = 100  # per message; the rest is summed up in one


class Journal:
    """The log and the counters, as one client's transaction uses them."""

    __slots__ = ("_client", "_log", "_meter")

    def __init__(self, parts: Parts, client: Client) -> None:
        self._log = parts.log
        self._meter = parts.meter
        self._client = client

    def accepted(self, queue_id: QueueId, sender: str, recipients: int, octets: int, received_id: str) -> None:
        """Log that the spool has the message.  ``received_id`` ties it to our Received field."""
        client = self._client
        protocol = client.protocol or "local"
        self._log.event(
            events.ACCEPTED,
            queue_id=queue_id,
            sender=sender,
            recipients=recipients,
            octets=octets,
            client=client.address or client.user or None,
            helo=client.name or None,
            protocol=protocol,
            received_id=received_id or None,
        )
        self._meter.count("messages_accepted_total", protocol=protocol)

    def discarded(self, sender: str, recipients: int, octets: int, received_id: str) -> None:
        """Log that a message was promised and dropped, because the site's rules say so."""
        self._log.event(
            events.DISCARDED,
            sender=sender,
            recipients=recipients,
            octets=octets,
            client=self._client.address or self._client.user or None,
            received_id=received_id or None,
        )

    def held(self, queue_id: QueueId, reason: str) -> None:
        """Log that a message waits for an operator, as the site's rules say."""
        self._log.event(events.HELD, queue_id=queue_id, reason=reason)

    def resolved(self, queue_id: QueueId, resolved: Iterable[tuple[Address, Resolved]]) -> None:
        """Log where the message goes: one event for each place and for each problem, up to a bound."""
        left_out = 0
        for count, fields in enumerate(_places(resolved)):
            if count < RESOLVED_EVENTS:
                self._log.event(events.RESOLVED, queue_id=queue_id, **fields)
            else:
                left_out += 1
        if left_out:
            self._log.event(events.RESOLVED, queue_id=queue_id, more=left_out)

    def failed(self, queue_id: QueueId, failed: Sequence[FailedRecipient]) -> None:
        """Log who was found to be wrong when it was too late to refuse, up to a bound."""
        for one in failed[:RESOLVED_EVENTS]:
            self._log.event(
                events.FAILED,
                queue_id=queue_id,
                recipient=str(one.recipient.original),
                status=str(one.outcome.status),
                diagnostic=one.outcome.diagnostic,
            )
        if len(failed) > RESOLVED_EVENTS:
            self._log.event(events.FAILED, queue_id=queue_id, more=len(failed) - RESOLVED_EVENTS)

    def refused(self, command: str, reply: Reply, **fields: object) -> Reply:
        """Log a refusal with all that is known of it, and return the reply."""
        client = self._client
        known = {name: value for name, value in fields.items() if value != ""}
        self._log.event(
            events.REFUSED,
            client=client.address or client.user or None,
            helo=client.name or None,
            command=command,
            reply=str(reply),
            **known,
        )
        self._meter.count("refused_total", command=command, code=str(reply.code))
        return reply


def _places(resolved: Iterable[tuple[Address, Resolved]]) -> Iterator[dict[str, object]]:
    for original, resolution in resolved:
        recipient, via = str(original), resolution.via or None
        for problem in resolution.problems:
            yield {"recipient": recipient, "problem": problem, "via": via}
        for routed in resolution.recipients:
            route = routed.route
            yield {
                "recipient": recipient,
                "channel": route.channel,
                "host": route.host or None,
                "address": recipient if routed.address is original else str(routed.address),
                "via": via,
            }
