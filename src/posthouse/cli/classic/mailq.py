"""``mailq``: the queue in sendmail's format, streamed.

::

                /var/spool/posthouse (2 requests)
    -----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------
    0SA7RRTYWR9R6       512 Sun Nov 22 07:42 <sender@example.org>
                     (connection refused)
                                             <recipient@example.net>
                Total requests: 2
"""

from collections.abc import AsyncIterator
from pathlib import Path

from posthouse.cli.formats import printable
from posthouse.cli.queue.rows import row_reason
from posthouse.mail.dates import DAYS, MONTHS
from posthouse.mail.queued import QueueFilter, QueueRow
from posthouse.ports import SpoolQueue
from posthouse.submit.eager import run

HEADER_LINE = "-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------"
_REASON_MOST = 60


def message_line(row: QueueRow) -> str:
    """Return the line that a message begins with; ``*`` when a delivery has it now."""
    message = row.message
    mark = "*" if row.state.value == "leased" else " "
    accepted = message.accepted.astimezone()
    # Not strftime: the names must not follow the user's language, programs read this.
    when = f"{DAYS[accepted.weekday()]} {MONTHS[accepted.month - 1]} {accepted.day:2} {accepted:%H:%M}"
    return f"{message.queue_id:<13}{mark} {message.octets:>8} {when} <{printable(str(message.reverse_path))}>"


def recipient_lines(row: QueueRow) -> list[str]:
    """Return a recipient's reason, if there is one, and the recipient."""
    reason = "held" if row.state.value == "held" else row_reason(row)
    lines = [f"                 ({printable(reason)[:_REASON_MOST]})"] if reason else []
    return [*lines, f"\t\t\t\t\t <{printable(str(row.recipient.address))}>"]


async def listing(rows: AsyncIterator[QueueRow], spool: Path, requests: int) -> AsyncIterator[str]:
    """Yield the lines of the whole listing."""
    if not requests:
        yield f"{spool} is empty"
        yield "\t\tTotal requests: 0"
        return
    yield f"\t\t{spool} ({requests} request{'s' if requests != 1 else ''})"
    yield HEADER_LINE
    current = ""
    async for row in rows:
        if row.message.queue_id != current:
            current = row.message.queue_id
            yield message_line(row)
        for line in recipient_lines(row):
            yield line
    yield f"\t\tTotal requests: {requests}"


async def count_messages(queue: SpoolQueue) -> int:
    """Return how many messages are queued."""
    return (await queue.totals()).messages


def print_queue(site_file: Path, *, count_only: bool = False) -> int:
    """Print the queue; ``count_only`` (-bP) prints the number of messages."""
    from posthouse.cli.site_access import open_queue

    async def show() -> None:
        async with open_queue(site_file) as (site, queue):
            requests = await count_messages(queue)
            if count_only:
                print(requests)
                return
            async for line in listing(await queue.find(QueueFilter()), site.spool, requests):
                print(line)

    run(show())
    return 0
