"""Fill a spool fast, to see how a large queue behaves: written directly, in large transactions.

    python bench/fill.py SPOOL --recipients 1000000 --messages 200000 --hosts 10000 --due 6h

``--due 0`` makes everything due now.  The daemon should not run meanwhile.  Recipients of one message go to
hosts that follow each other, as those of a list do; ``--one-host`` sends all of them to the same.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from posthouse.adapters.spool_sqlite.commit import GroupCommitter, Reader, no_step
from posthouse.adapters.spool_sqlite.intake import InlineRunner
from posthouse.adapters.spool_sqlite.rows import Prepared, prepare_message
from posthouse.adapters.spool_sqlite.store import Store
from posthouse.mail.address import Address
from posthouse.mail.address import Path as MailPath
from posthouse.mail.envelope import Envelope, Recipient
from posthouse.mail.route import Route
from posthouse.queueing.formats import to_microseconds

TRANSACTION = 2000  # messages
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> timedelta:
    """Read 0, 90s, 30m, 6h or 2d."""
    number, unit = (text[:-1], text[-1]) if text[-1] in _UNITS else (text, "s")
    return timedelta(seconds=float(number) * _UNITS[unit])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("spool", type=Path)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--host-name", default="h{}.example", help="with {} for the number")
    parser.add_argument(
        "--hop", default="", help="next hop, as in [127.1.{high}.{low}]:2525; the host's name without it"
    )
    parser.add_argument("--channel", default="smtp")
    parser.add_argument("--one-host", action="store_true", help="all recipients of a message at one host")
    parser.add_argument("--sender", default="s@home.example")
    parser.add_argument("--due", type=duration, default=duration("6h"), metavar="DURATION", help="from now; 0 is now")
    parser.add_argument("--age", type=duration, default=duration("0"), metavar="DURATION", help="accepted so long ago")
    parser.add_argument("--octets", type=int, default=1024, help="of each text")
    return parser.parse_args()


def letters(given: argparse.Namespace) -> Iterator[Prepared]:
    """Make the messages, accepted one after the other in the milliseconds before ``--age``."""
    now = datetime.now(UTC)
    due_us = to_microseconds(now + given.due)
    text = b"Subject: fill\r\n\r\n" + b"x" * 70 + b"\r\n"
    text += (b"y" * 62 + b"\r\n") * ((given.octets - len(text)) // 64)
    sender = MailPath(Address(*given.sender.split("@")))
    each, rest = divmod(given.recipients, given.messages)
    total = 0
    for number in range(given.messages):
        count = each + (number < rest)
        people = [
            recipient(given, total + n, (number if given.one_host else total + n) % given.hosts) for n in range(count)
        ]
        total += count
        accepted = now - given.age - timedelta(milliseconds=given.messages - number)
        prepared = prepare_message(
            Envelope(sender, tuple(people)), accepted, octets=len(text), text=text, text_file=None
        )
        yield replace(prepared, accepted_us=due_us)  # which is when its recipients are due


def recipient(given: argparse.Namespace, number: int, host: int) -> Recipient:
    """Make one recipient."""
    mailbox = Address(f"u{number}", given.host_name.format(host))
    hop = given.hop.format(high=host // 250, low=host % 250 + 1) or mailbox.domain
    return Recipient(mailbox, Route(given.channel, hop, mailbox), mailbox)


async def fill(given: argparse.Namespace) -> None:
    """Write them all."""
    runner = InlineRunner(GroupCommitter(given.spool, 0, no_step), Reader(given.spool))
    waiting: list[Prepared] = []

    def write(store: Store) -> None:
        for prepared in waiting:
            store.insert(prepared)

    for prepared in letters(given):
        waiting.append(prepared)
        if len(waiting) == TRANSACTION:
            await runner.write(write)
            waiting.clear()
    await runner.write(write)
    await runner.close()


if __name__ == "__main__":
    start = time.monotonic()
    asyncio.run(fill(arguments()))
    sys.stdout.write(f"filled in {time.monotonic() - start:.1f} s\n")
