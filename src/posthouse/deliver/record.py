"""Recording what happened: first durably in the spool, then in the log and the metrics.

The rule: the spool hears of an outcome before anything else happens, and a
spool that can't write just now is asked again, since the remote side will not
take its 250 back.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from posthouse.deliver.verdict import Verdict
from posthouse.deliver.world import World
from posthouse.mail import events
from posthouse.mail.errors import SpoolError
from posthouse.mail.outcome import Outcome
from posthouse.mail.queued import Ending, MessageInfo, QueueFilter, Settlement

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)


def longer(pause: timedelta) -> timedelta:
    """Return the pause after the next failure."""
    return min(pause * 2, LONGEST_PAUSE)


class Recorder:
    """Writes verdicts."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def record_surely(self, verdicts: Sequence[Verdict]) -> None:
        """Record an attempt's verdicts, however long the spool is in trouble: forgetting them would deliver twice."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self.record(verdicts)
            except SpoolError as error:
                self._world.log.event(events.TROUBLE, where="settle", error=str(error), pause=pause.total_seconds())
                await self._world.waiter.sleep(self._world.clock.now() + pause)
                pause = longer(pause)

    async def record(self, verdicts: Sequence[Verdict]) -> None:
        """Record verdicts in one transaction.  Raises SpoolError, and then nothing was recorded."""
        refused = await self._world.queue.settle([verdict.settlement for verdict in verdicts])
        lost = {_key(settlement) for settlement in refused}
        kept = [verdict for verdict in verdicts if _key(verdict.settlement) not in lost]
        for verdict in verdicts:
            self._log(verdict, lost=_key(verdict.settlement) in lost)
        await self._finish(verdict for verdict in kept if verdict.ending is Ending.GONE)

    async def _finish(self, gone: Iterable[Verdict]) -> None:
        counts: dict[str, int] = {}
        messages: dict[str, MessageInfo] = {}
        for verdict in gone:
            message = verdict.batch.message
            messages[message.queue_id] = message
            counts[message.queue_id] = counts.get(message.queue_id, 0) + 1
        for queue_id, message in messages.items():
            await self.note_finished(message, counts[queue_id])

    async def note_finished(self, message: MessageInfo, gone: int) -> None:
        """Log the end of a message if its last recipient is gone."""
        if gone < message.recipients and await self._is_queued(message):
            return
        self._world.log.event(events.FINISHED, queue_id=message.queue_id, delay=self._delay(message))

    async def _is_queued(self, message: MessageInfo) -> bool:
        try:
            rows = await self._world.queue.find(QueueFilter(queue_ids=(message.queue_id,)))
            row = await anext(rows, None)
        except SpoolError as error:
            self._world.log.event(events.TROUBLE, where="finish", queue_id=message.queue_id, error=str(error))
            return True
        close = getattr(rows, "aclose", None)
        if close is not None:  # a generator would keep its place in the spool open
            await close()
        return row is not None

    def _log(self, verdict: Verdict, *, lost: bool) -> None:
        batch, leased, outcome = verdict.batch, verdict.leased, verdict.outcome
        delay = self._delay(batch.message)
        self._world.log.event(
            events.LEASE_LOST if lost else verdict.event,
            queue_id=batch.message.queue_id,
            recipient=str(leased.recipient.address),
            channel=batch.hop.channel,
            next_hop=batch.hop.host or None,
            **_of(outcome),
            delay=delay,
            attempts=leased.attempts + outcome.tried,
            due=verdict.due,
            report=None if verdict.ending is not Ending.GONE or verdict.event == events.DELIVERED else "not wanted",
        )
        if lost:
            return
        meter, channel = self._world.meter, batch.hop.channel
        meter.count("outcomes_total", channel=channel, disposition=outcome.disposition.name.lower())
        if verdict.event == events.DELIVERED:
            meter.observe("delivery_delay_seconds", delay, channel=channel)

    def _delay(self, message: MessageInfo) -> float:
        # A clock that was set back since makes it less than nothing.
        return max(0.0, round((self._world.clock.now() - message.accepted).total_seconds(), 3))


def _of(outcome: Outcome) -> dict[str, object]:
    return {
        "remote": outcome.remote or None,
        "status": str(outcome.status),
        "code": outcome.code or None,
        "diagnostic": outcome.diagnostic,
    }


def _key(settlement: Settlement) -> tuple[str, int, int]:
    return (settlement.queue_id, settlement.number, settlement.token)
