"""How many messages a second the embedded spool takes in and gives out, in this process alone.

    python bench/spool.py [FOLDER] [--busy]

``--busy`` keeps the event loop at work meanwhile, as a loaded smtpd does.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from posthouse.adapters.spool_sqlite.spool import SqliteSpool
from posthouse.mail.address import Address
from posthouse.mail.address import Path as MailPath
from posthouse.mail.envelope import Envelope, Recipient
from posthouse.mail.queued import Ending, LeaseRequest, Settlement
from posthouse.mail.route import Route

TEXT = b"Subject: bench\r\n\r\n" + b"x" * 70 + b"\r\n"
TEXT += (b"y" * 62 + b"\r\n") * ((4096 - len(TEXT)) // 64)
MESSAGES = 6000
COMMITTERS = 20
HOSTS = 10


def letter(number: int) -> Envelope:
    """Make the envelope of one message."""
    mailbox = Address("user", f"host{number % HOSTS}.example")
    return Envelope(
        MailPath(Address("s", "home.example")),
        (Recipient(mailbox, Route("smtp", mailbox.domain, mailbox), mailbox),),
    )


async def accept(spool: SqliteSpool, numbers: Iterator[int]) -> None:
    """Commit messages until the numbers are used up."""
    for number in numbers:
        draft = spool.begin()
        await draft.write(TEXT)
        await draft.commit(letter(number), datetime.now(UTC))


async def work_off(spool: SqliteSpool, total: int) -> None:
    """Lease and settle everything, one settlement a call, as attempts end one by one."""
    settling: set[asyncio.Task] = set()
    done = 0
    while done < total:
        now = datetime.now(UTC)
        batches = await spool.lease(LeaseRequest("bench", now, now + timedelta(minutes=5), 50, 20))
        for batch in batches:
            await spool.read_text(batch.message.queue_id)
            settling.add(
                asyncio.create_task(spool.settle([Settlement(batch.message.queue_id, 0, batch.token, Ending.GONE)]))
            )
            done += 1
        if len(settling) >= 100 or not batches:
            _, settling = await asyncio.wait(settling, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*settling)


async def keep_busy() -> None:
    """Use the interpreter as a parser would."""
    while True:
        sum(range(2000))
        await asyncio.sleep(0)


async def main(folder: Path, *, busy: bool) -> None:
    """Measure both faces."""
    spool = SqliteSpool(folder)
    await spool.next_due()
    other = asyncio.create_task(keep_busy()) if busy else None
    numbers = iter(range(MESSAGES))
    for name, work in (
        ("accepted", lambda: asyncio.gather(*(accept(spool, numbers) for _ in range(COMMITTERS)))),
        ("leased, settled", lambda: work_off(spool, MESSAGES)),
    ):
        start = time.perf_counter()
        await work()
        print(f"{MESSAGES / (time.perf_counter() - start):8.0f}/s {name}")
    if other:
        other.cancel()
    await spool.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the embedded spool.")
    parser.add_argument("folder", nargs="?", type=Path, help="a directory on the disk to measure")
    parser.add_argument("--busy", action="store_true", help="keep the event loop at work meanwhile")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as temporary:
        asyncio.run(main(Path(temporary) / "spool", busy=chosen.busy))
