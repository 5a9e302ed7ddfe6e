"""How much is queued, counted from indexes: no row of a recipient or message is read, whatever the backlog."""

import sqlite3

from posthouse.adapters.spool_sqlite.schema import QUEUED
from posthouse.mail.queued import REPORT_CHANNEL, QueueTotals, RecipientState
from posthouse.queueing.queue_id import accepted_at

# A held recipient is filed under destination 0 and a reporting one under REPORT_CHANNEL.
_COUNTS = f"""
    SELECT (SELECT count(*) FROM recipient),
        (SELECT count(*) FROM recipient WHERE destination_id = 0),
        (SELECT count(*) FROM recipient WHERE destination_id IN (SELECT id FROM destination WHERE channel = ?)),
        (SELECT count(*) FROM recipient WHERE owner IS NOT NULL AND state = {QUEUED}),
        (SELECT count(*) FROM message),
        (SELECT min(id) FROM message)
"""  # noqa: S608 - put together from a constant


def count(connection: sqlite3.Connection) -> QueueTotals:
    """Count everything, all at one instant."""
    everyone, held, reporting, leased, messages, oldest = connection.execute(_COUNTS, (REPORT_CHANNEL,)).fetchone()
    recipients = {
        RecipientState.QUEUED: everyone - held - reporting - leased,
        RecipientState.LEASED: leased,
        RecipientState.HELD: held,
        RecipientState.REPORTING: reporting,
    }
    return QueueTotals(recipients, messages, None if oldest is None else accepted_at(oldest))
