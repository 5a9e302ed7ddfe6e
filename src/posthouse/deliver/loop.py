"""The way out's loop: lease what is due, run attempts beside each other, sweep, drain.

Its rule: nothing that another process would need is kept here.  Whoever kills
this process loses open connections, never a decision.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from traceback import format_exc

from posthouse.deliver.ages import WatchedAges
from posthouse.deliver.attempt import Attempts
from posthouse.deliver.bounce import Reporter
from posthouse.deliver.record import FIRST_PAUSE, Recorder, longer
from posthouse.deliver.settings import Settings
from posthouse.deliver.sweep import Sweeper
from posthouse.deliver.world import World
from posthouse.mail import events
from posthouse.mail.errors import SpoolError
from posthouse.mail.queued import REPORT_CHANNEL, Batch, Ending, Hop, LeaseRequest, Settlement
from posthouse.ports import AttemptReport
from posthouse.scheduling.ages import CORRECTION
from posthouse.scheduling.backlog import make_backlog
from posthouse.scheduling.retry import longest_wait

# How soon to look again when due work is held up by full windows, whose ends also wake the loop.
_HELD_UP = timedelta(seconds=1)
_SOONEST = timedelta(milliseconds=1)  # less may be nothing once it is rounded
_ASK_AGAIN = timedelta(seconds=0.25)  # the spool what comes next: not at the end of each of many short attempts
_DRAIN_POLL = timedelta(milliseconds=50)
_ALIVE = timedelta(seconds=1)  # "until" this long ago ends a postponement

__all__ = ["Deliverer", "Settings", "World"]


@dataclass(slots=True)
class _Running:
    batch: Batch
    until: datetime  # the lease


class Deliverer:
    """One deliver process: ``await run()`` until ``await drain()`` has come back."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings
        self._recorder = Recorder(world)
        self._ages = WatchedAges(world.clock)
        self._attempts = Attempts(world, settings, self._recorder, self._ages)
        self._reporter = Reporter(world, settings, self._recorder)
        self._sweeper = Sweeper(world, settings, self._recorder, self._ages)
        concurrency = settings.concurrency
        self._backlog = make_backlog(
            settings.retry,
            concurrency.attempts,
            concurrency.per_host_initial,
            lambda channel: min(concurrency.per_host, settings.limits_of(channel).concurrency),
        )
        self._running: dict[int, _Running] = {}  # by a number of our own: one token may be in two batches' parts
        self._started = 0
        self._is_sweeping = False
        self._seen = world.clock.now()  # the latest time of a turn
        self._asked = self._seen - _ASK_AGAIN  # when the spool was last asked what comes next
        self._draining = False
        self._leave_by = world.clock.now()  # set by drain
        self._is_over = True

    @property
    def in_flight(self) -> int:
        """Attempts running now."""
        return len(self._running)

    async def run(self) -> None:
        """Deliver until drained.  Never ends because of a SpoolError."""
        self._is_over = False
        pause = FIRST_PAUSE
        is_fresh = True
        while not self._draining:
            try:
                if is_fresh:
                    await self._release_stale()
                    is_fresh = False
                until = await self._turn()
                pause = FIRST_PAUSE
            except SpoolError as error:
                self._world.log.event(events.TROUBLE, where="lease", error=str(error), pause=pause.total_seconds())
                await self._wait_out(pause)
                pause = longer(pause)
            else:
                await self._world.waiter.wait(until)
        await self._wind_up()
        self._is_over = True

    async def drain(self, within: timedelta | None = None) -> None:
        """Lease nothing more, await running attempts up to the deadline, give leases back, close channels.

        ``run`` does it; this returns when it is done.  Without ``within`` it is the settings'
        drain time; a second call may shorten what a first one allowed.
        """
        self._leave_by = self._world.clock.now() + (self._settings.drain if within is None else within)
        self._draining = True
        self._backlog.drain()
        self._world.waiter.notify()
        while not self._is_over:
            await self._world.waiter.sleep(self._world.clock.now() + _DRAIN_POLL)

    # -- one turn

    async def _release_stale(self) -> None:
        """Give back what dead processes held: nobody works on it, and its leases may last for minutes."""
        for owner in (self._settings.owner, *self._settings.gone):
            await self._world.queue.release_owner(owner)
        await self._mend_times(self._world.clock.now())

    async def _watch_clock(self) -> None:
        """Notice that the clock was set.  What got its time from one that was ahead would wait until then."""
        ahead = self._ages.new_jumps_ahead()
        if ahead:
            error = f"the clock was set ahead by {ahead}; mail that waits is not taken to be older for it"
            self._world.log.event(events.TROUBLE, where="clock", error=error)
        now = self._world.clock.now()
        if now < self._seen - CORRECTION:
            count = await self._mend_times(now)
            error = f"the clock was set back by {self._seen - now}; {count} recipients that waited for it are due"
            self._world.log.event(events.TROUBLE, where="clock", error=error)
        self._seen = now

    async def _mend_times(self, now: datetime) -> int:
        return await self._world.queue.clock_set_back(now, now + longest_wait(self._settings.retry))

    async def _turn(self) -> datetime | None:
        """Do what is due and return when to look again."""
        await self._watch_clock()
        await self._renew()
        if self._sweeper.is_due and not self._is_sweeping:
            self._is_sweeping = True
            self._world.spawner.spawn(self._sweep())
        self._world.waiter.found(await self._lease())
        return await self._next_turn()

    async def _lease(self) -> bool:
        """Take what is due and begin it; True when there was something."""
        if self._world.rests is not None and self._world.rests():
            return False  # what is due is looked at again, as what full windows hold up
        before = self._started
        while wanted := self._backlog.wanted:
            batches = await self._world.queue.lease(self._request(wanted))
            for batch in batches:
                self._start(batch)
            if len(batches) < wanted:
                break
        self._world.meter.gauge("attempts_in_flight", self._backlog.in_use)
        return self._started > before

    def _request(self, wanted: int) -> LeaseRequest:
        now = self._world.clock.now()
        return LeaseRequest(
            owner=self._settings.owner,
            now=now,
            until=now + self._settings.lease,
            batches=wanted,
            default_spare=self._backlog.default_spare(tuple(self._world.channels)),
            spare=self._backlog.spare(),
            recipients_per_batch=self._settings.concurrency.recipients_per_attempt,
            bulk_batches=self._backlog.bulk_wanted(self._world.clock.monotonic()),
            bulk_recipients=self._backlog.bulk_recipients,
        )

    async def _next_turn(self) -> datetime | None:
        """Return the next time at which there is something to do; what ends or arrives earlier notifies."""
        now = self._world.clock.now()
        times = [self._renewal(running) for running in self._running.values()]
        if not self._is_sweeping:
            times.append(self._sweeper.next)
        pause = self._backlog.bulk_pause(self._world.clock.monotonic())
        if pause:
            times.append(now + max(_SOONEST, timedelta(seconds=pause)))
        if self._running and timedelta(0) <= now - self._asked < _ASK_AGAIN:
            times.append(self._asked + _ASK_AGAIN)
        elif self._backlog.free:
            self._asked = now
            due = await self._world.queue.next_due()
            if due is not None:
                times.append(due if due > now else now + _HELD_UP)
        return min(times, default=None)

    async def _sweep(self) -> None:
        """Sweep beside the attempts: a thousand warnings must not hold up mail that can be delivered."""
        try:
            await self._sweeper.sweep()
            self._show_gauges()
        except SpoolError as error:
            self._world.log.event(events.TROUBLE, where="sweep", error=str(error))
        except Exception as error:  # noqa: BLE001  a bug in a warning must not end the sweeps
            self._log_bug(error)
        finally:
            self._is_sweeping = False
            self._world.waiter.notify()

    # -- attempts

    def _start(self, batch: Batch) -> None:
        self._started += 1
        self._running[self._started] = _Running(batch, self._world.clock.now() + self._settings.lease)
        now = self._world.clock.monotonic()
        self._backlog.start(batch.hop, batch.lane, now)
        self._world.spawner.spawn(self._work(self._started, batch, now))

    async def _work(self, number: int, batch: Batch, started: float) -> None:
        """Run one batch to its end.  What goes wrong here leaves the lease to lapse: nothing is lost."""
        try:
            if batch.hop.channel == REPORT_CHANNEL:
                await self._report(batch)
            else:
                await self._learn(batch.hop, await self._attempts.run(batch))
        except Exception as error:  # noqa: BLE001  a bug in settling: the lease lapses, and the work is done again
            self._log_bug(error, batch)
        finally:
            del self._running[number]
            self._backlog.finish(batch.hop, batch.lane, started)
            self._world.waiter.notify()

    async def _report(self, batch: Batch) -> None:
        """Send what a batch owes.  While the spool can't take it, it stays owed and is tried again."""
        try:
            await self._reporter.report(batch)
        except SpoolError as error:
            self._world.log.event(events.TROUBLE, where="report", queue_id=batch.message.queue_id, error=str(error))
        except Exception as error:  # noqa: BLE001  a report that can't be made is tried again, never dropped
            self._log_bug(error, batch)
        else:
            self._backlog.reached(batch.hop)
            return
        due = self._world.clock.now() + min(self._settings.retry.first_delay, timedelta(minutes=1))
        # What was settled before the trouble came is refused here, which is right; so is silence about it.
        with suppress(SpoolError):
            await self._world.queue.settle(
                [
                    Settlement(batch.message.queue_id, leased.number, batch.token, Ending.RETRY, due=due)
                    for leased in batch.recipients
                ]
            )

    def _log_bug(self, error: Exception, batch: Batch | None = None) -> None:
        self._world.log.event(
            events.TROUBLE,
            queue_id=batch.message.queue_id if batch else None,
            channel=batch.hop.channel if batch else None,
            error=f"{type(error).__name__}: {error}",
            traceback=format_exc(),
        )

    async def _learn(self, hop: Hop, report: AttemptReport | None) -> None:
        """Remember what an attempt said of its hop, after its outcomes are recorded."""
        if report is None:
            return
        now = self._world.clock.now()
        names = {"channel": hop.channel, "next_hop": hop.host or None}
        if report.reached:
            if self._backlog.reached(hop):
                self._world.log.event(events.HOST_ALIVE, **names)
                await self._postpone(hop, now - _ALIVE, "")
            return
        until = self._backlog.unreachable(hop, now)
        if until is not None:
            reason = report.outcomes[0].diagnostic
            self._world.log.event(events.HOST_DEAD, **names, due=until, diagnostic=reason)
            await self._postpone(hop, until, reason)

    async def _postpone(self, hop: Hop, until: datetime, reason: str) -> None:
        try:
            await self._world.queue.postpone(hop, until, reason)
        except SpoolError as error:  # only a hint: its messages keep their own times
            self._world.log.event(events.TROUBLE, where="postpone", next_hop=hop.host, error=str(error))

    # -- leases

    def _renewal(self, running: _Running) -> datetime:
        return running.until - self._settings.lease / 2

    async def _renew(self) -> None:
        """Prolong the leases of long attempts at half their time."""
        now = self._world.clock.now()
        aged = [running for running in self._running.values() if self._renewal(running) <= now]
        if not aged:
            return
        until = now + self._settings.lease
        await self._world.queue.renew([running.batch for running in aged], until)
        for running in aged:
            running.until = until

    # -- the end

    async def _wait_out(self, pause: timedelta) -> None:
        """Wait in spite of hints: each of them would run into the same trouble."""
        begun = self._world.clock.now()
        # A clock that was set back ends the pause, too: it must not last until the clock has caught up.
        while not self._draining and begun <= self._world.clock.now() < begun + pause:
            await self._world.waiter.wait(begun + pause)

    async def _wind_up(self) -> None:
        while (self._running or self._is_sweeping) and self._world.clock.now() < self._leave_by:
            try:
                await self._renew()
            except SpoolError as error:
                self._world.log.event(events.TROUBLE, where="drain", error=str(error))
            renewal = min(map(self._renewal, self._running.values()), default=self._leave_by)
            # Not at once again when the renewal has just failed.
            await self._world.waiter.wait(min(self._leave_by, max(renewal, self._world.clock.now() + _HELD_UP)))
        if self._running:
            self._world.log.event(events.STOPPING, unfinished=len(self._running))
        try:
            await self._world.queue.release_owner(self._settings.owner)
        except SpoolError as error:  # they lapse by themselves
            self._world.log.event(events.TROUBLE, where="drain", error=str(error))
        for channel in self._world.channels.values():
            await channel.close()

    def _show_gauges(self) -> None:
        meter, backlog = self._world.meter, self._backlog
        meter.gauge("attempts_limit", backlog.slots)
        meter.gauge("attempts_in_flight_bulk", backlog.bulk_in_use)
        meter.gauge("hops_known", backlog.hops)
        meter.gauge("hops_dead", backlog.dead_hops)
        meter.gauge("window_widest", backlog.widest)
