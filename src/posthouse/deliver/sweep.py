"""What time alone brings about: expiry and delay warnings, and the totals for the metrics.

The rule: each sweep asks the spool anew what is older than a limit, so that it
makes no difference how long any process has been up.
"""

from datetime import datetime, timedelta

from posthouse.deliver.ages import WatchedAges
from posthouse.deliver.letters import Letters
from posthouse.deliver.record import Recorder
from posthouse.deliver.settings import Settings
from posthouse.deliver.verdict import expire
from posthouse.deliver.world import World
from posthouse.mail import events
from posthouse.mail.errors import SpoolError
from posthouse.mail.queued import Batch, LeaseRequest, QueueId, WarningMark
from posthouse.scheduling.retry import sweep_interval

_AT_ONCE = 50  # batches asked for at a time
_ROUNDS = 20  # of them in one sweep: then mail that can be delivered has its turn again
_MEASURE_EVERY = timedelta(minutes=1)
_FIRST_MEASURE = timedelta(seconds=1)  # after the start; the pauses double up to the above
_NO_WAY_BACK = "This warning is for the postmaster. It could not be sent to {sender}."


class Sweeper:
    """Expires, warns, measures."""

    def __init__(self, world: World, settings: Settings, recorder: Recorder, ages: WatchedAges) -> None:
        self._world = world
        self._settings = settings
        self._recorder = recorder
        self._ages = ages
        self._letters = Letters(world, settings)
        self._interval = sweep_interval(settings.retry)
        self._next = world.clock.now()
        self._next_measure = world.clock.now()
        self._pause = _FIRST_MEASURE
        self._warn_behind: QueueId = ""  # where the last sweep left off; "" at the end

    @property
    def next(self) -> datetime:
        """When there is something to do again."""
        return min(self._next, self._next_measure)

    @property
    def is_due(self) -> bool:
        """Is it time?"""
        return self._must_sweep(self._world.clock.now()) or self._must_measure(self._world.clock.now())

    async def sweep(self) -> None:
        """Do all that is due.  Raises SpoolError; the next sweep does what this one did not."""
        now = self._world.clock.now()
        measures = self._must_measure(now)
        if measures:
            self._next_measure = now + self._pause
            self._pause = min(2 * self._pause, _MEASURE_EVERY)
        if self._must_sweep(now):
            self._next = now + self._interval
            await self._expire(now)
            await self._warn(now)
        if measures:
            await self._measure(now)

    # A clock set back must stop neither until it has caught up.

    def _must_sweep(self, now: datetime) -> bool:
        return not now < self._next <= now + self._interval

    def _must_measure(self, now: datetime) -> bool:
        return not now < self._next_measure <= now + _MEASURE_EVERY

    async def _expire(self, now: datetime) -> None:
        # The schedule makes the last attempt at expiry; what is older by a sweep had no chance of one.
        before = self._ages.accepted_by(now - self._settings.retry.expire_after - self._interval)
        request = LeaseRequest(
            owner=self._settings.owner,
            now=now,
            until=now + self._settings.lease,
            batches=_AT_ONCE,
            default_spare=_AT_ONCE,
            recipients_per_batch=self._settings.concurrency.recipients_per_attempt,
        )
        for _ in range(_ROUNDS):
            batches = await self._world.queue.overdue(request, before)
            if batches:
                await self._recorder.record(
                    [
                        expire(batch, leased, leased.outcome, now, tried=False)
                        for batch in batches
                        for leased in batch.recipients
                    ]
                )
            if len(batches) < _AT_ONCE:
                return

    async def _warn(self, now: datetime) -> None:
        warn_after = self._settings.retry.warn_after
        if warn_after is None:
            return
        before = self._ages.accepted_by(now - warn_after)
        for _ in range(_ROUNDS):
            batches = await self._world.queue.unwarned(before, _AT_ONCE, self._warn_behind)
            for batch in batches:
                await self._try_to_warn(batch)
            # Those who can't be told just now have their next turn when all behind them have had one.
            self._warn_behind = batches[-1].message.queue_id if len(batches) == _AT_ONCE else ""
            if not self._warn_behind:
                return

    async def _try_to_warn(self, batch: Batch) -> None:
        try:
            await self._warn_sender(batch)
        except SpoolError as error:
            queue_id = batch.message.queue_id
            self._world.log.event(events.TROUBLE, where="warn", queue_id=queue_id, error=str(error))

    async def _warn_sender(self, batch: Batch) -> None:
        """Warn the sender, or else the postmaster, of the delay; mark it in the same commit."""
        message, sender = batch.message, str(batch.message.reverse_path)
        numbers = tuple(leased.number for leased in batch.recipients)
        marks = (WarningMark(message.queue_id, numbers),)
        for to in (sender, self._settings.postmaster_address):
            note = "" if to == sender else _NO_WAY_BACK.format(sender=f"<{sender}>")
            letter = await self._letters.delay(message, batch.recipients, to, note)
            report_id = await self._world.submission.submit_report(letter, to, about=message, warnings=marks)
            if report_id is not None:
                self._world.meter.count("reports_total", kind=events.WARNED)
                return self._world.log.event(
                    events.WARNED, queue_id=message.queue_id, recipients=len(numbers), report_id=report_id, sender=to
                )
        await self._world.queue.forgo_warnings(marks)
        return self._world.log.event(
            events.TROUBLE, where="warn", queue_id=message.queue_id, error=f"no way to <{sender}> or the postmaster"
        )

    async def _measure(self, now: datetime) -> None:
        totals, meter = await self._world.queue.totals(), self._world.meter
        for state, recipients in totals.recipients.items():
            meter.gauge("queue_recipients", recipients, state=state.value)
        meter.gauge("queue_messages", totals.messages)
        meter.gauge("queue_oldest_seconds", max(0.0, (now - (totals.oldest or now)).total_seconds()))
