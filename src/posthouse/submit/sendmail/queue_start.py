"""ETRN: a client asks that what is queued for its host be tried now.  RFC 1985, and the rule set check_etrn.

A name means the recipients with ``@name`` in them; with ``@`` before it those that hold the name anywhere.  Queue
groups (``#``) there are none.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING, Final

from posthouse.mail.errors import SpoolError
from posthouse.mail.queued import QueueFilter, Verb
from posthouse.mail.reply import Reply, reply
from posthouse.submit.replies import queue_not_started

if TYPE_CHECKING:
    from posthouse.ports import Clock, SpoolQueue, Wakeup
    from posthouse.submit.client import Client
    from posthouse.submit.sendmail.router import SendmailRouter

_GROUP: Final = "#"


def wanted_recipients(node: str) -> str:
    """Return the text that the recipients hold whose mail is to be tried."""
    return node.removeprefix("@") if node.startswith("@") else f"@{node}"


def started(node: str) -> Reply:
    """Return the promise."""
    return reply(250, "2.0.0", f"Queuing for node {node} started")


class QueueStarts:
    """Makes mail due for whoever asks."""

    def __init__(self, router: SendmailRouter, queue: SpoolQueue, clock: Clock, wakeup: Wakeup) -> None:
        self._router = router
        self._queue = queue
        self._clock = clock
        self._wakeup = wakeup

    async def start(self, node: str, client: Client) -> Reply:
        """Answer ETRN."""
        refusal = await refuse_start(self._router, node, client)
        if refusal is not None:
            return refusal
        pattern = "".join(f"[{one}]" if one in "*?[" else one for one in wanted_recipients(node))
        query = QueueFilter(recipient=f"*{pattern}*")
        try:
            await self._queue.act(query, Verb.RETRY, self._clock.now(), dry_run=False, note="ETRN")
        except SpoolError:
            return queue_not_started(node)
        self._wakeup.notify()
        return started(node)


async def refuse_start(router: SendmailRouter, node: str, client: Client) -> Reply | None:
    """Return why a client may not start the queue for a node."""
    refusal = await router.refuse_queue_start(node, client)
    if refusal is None and node.startswith(_GROUP):
        return reply(459, "4.5.4", f"Queue {node.removeprefix(_GROUP)} unknown")
    return refusal
