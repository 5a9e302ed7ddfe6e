"""Which messages of a sendmail site ``-qI``, ``-qR``, ``-qS`` and ``-qQ`` mean.

A text is looked for anywhere in the message's name, in any of its recipients or in its sender, without case;
``!`` before it takes the messages that have it not.  sendmail(8).
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING

from posthouse.cli.classic.cf_mailq import recipient_shown, shown_message
from posthouse.cli.classic.command_line import QueueRun
from posthouse.mail.queued import QueueFilter, QueueRow, RecipientState

if TYPE_CHECKING:
    from posthouse.ports import SpoolQueue


async def selected_messages(spool: SpoolQueue, wanted: QueueRun) -> tuple[str, ...]:
    """Return the queue ids, in the order of acceptance.  Quarantined messages are meant by ``-qQ`` alone."""
    held = frozenset({RecipientState.HELD})
    states = held if wanted.selector == "Q" else frozenset(RecipientState) - held
    messages: dict[str, list[QueueRow]] = {}
    async for row in await spool.find(QueueFilter(states=states)):
        messages.setdefault(row.message.queue_id, []).append(row)
    return tuple([queue_id for queue_id, rows in messages.items() if await _is_meant(spool, wanted, rows)])


async def _is_meant(spool: SpoolQueue, wanted: QueueRun, rows: list[QueueRow]) -> bool:
    if wanted.selector not in ("I", "R", "S"):
        return True
    if wanted.selector == "R":
        texts = [recipient_shown(row) for row in rows]
    else:
        shown = await shown_message(spool, rows[0])
        texts = [shown.name, rows[0].message.queue_id] if wanted.selector == "I" else [shown.sender]
    text = wanted.text.lower()
    return any(text in one.lower() for one in texts) is not wanted.is_negated
