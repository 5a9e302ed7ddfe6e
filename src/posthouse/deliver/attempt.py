"""One attempt: the text, the channel, the outcomes.

The one place of the way out that catches everything.  Whatever goes wrong
beyond the outcomes a channel reports is a deferral with a traceback in the
log, never a failure: a bug must not bounce mail.
"""

from collections.abc import Iterator, Sequence
from traceback import format_exc

from msgspec.structs import replace

from posthouse.deliver.ages import WatchedAges
from posthouse.deliver.record import Recorder
from posthouse.deliver.settings import Settings
from posthouse.deliver.verdict import Verdict, judge
from posthouse.deliver.world import World
from posthouse.mail import events
from posthouse.mail.errors import DialectUnavailableError
from posthouse.mail.outcome import Outcome, deferred
from posthouse.mail.queued import Batch
from posthouse.ports import AttemptReport, Channel, Dialect, StoredText
from posthouse.scheduling.retry import next_attempt

_BROKEN = deferred("this system had an internal error while delivering", status="4.3.0")


class Attempts:
    """Runs attempts on the site's channels."""

    def __init__(self, world: World, settings: Settings, recorder: Recorder, ages: WatchedAges) -> None:
        self._world = world
        self._settings = settings
        self._recorder = recorder
        self._ages = ages

    async def run(self, batch: Batch) -> AttemptReport | None:
        """Try a batch and record its outcomes.  Returns what it says of the hop; None if it says nothing."""
        channel = self._world.channels.get(batch.hop.channel)
        if channel is None:
            await self._record(batch, (_unknown_channel(batch.hop.channel),) * len(batch.recipients))
            return None
        report: AttemptReport | None = None
        for part in _parts(batch, self._settings.limits_of(batch.hop.channel).recipients_per_attempt):
            if report is not None and not report.reached:
                outcomes: Sequence[Outcome] = report.outcomes[:1] * len(part.recipients)
            else:
                report = await self._attempt(channel, part)
                outcomes = report.outcomes if report else (_BROKEN,) * len(part.recipients)
            await self._record(part, outcomes)
        return report

    async def _attempt(self, channel: Channel, batch: Batch) -> AttemptReport | None:
        hop, queue_id = batch.hop, batch.message.queue_id
        self._world.log.event(
            events.ATTEMPTED,
            queue_id=queue_id,
            channel=hop.channel,
            next_hop=hop.host or None,
            recipients=len(batch.recipients),
        )
        self._world.meter.count("attempts_total", channel=hop.channel)
        try:
            text = await self._world.queue.read_text(queue_id)
            if self._world.dialect is None:
                report = await channel.attempt(batch, text)
            else:
                report = await _attempt_in(self._world.dialect, channel, batch, text)
            if len(report.outcomes) != len(batch.recipients):
                raise ValueError(f"{len(report.outcomes)} outcomes for {len(batch.recipients)} recipients")
        except Exception as error:  # noqa: BLE001  the one wide catch around an attempt: log and defer
            self._world.log.event(
                events.TROUBLE,
                queue_id=queue_id,
                channel=hop.channel,
                next_hop=hop.host or None,
                error=f"{type(error).__name__}: {error}",
                traceback=format_exc(),
            )
            return None
        return report

    async def _record(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        accepted, now = self._ages.accepted(batch.message.accepted), self._world.clock.now()
        # One lot for the batch: its recipients stay together, so that they fit one transaction again.
        jitter = self._world.jitter()
        verdicts: list[Verdict] = []
        for leased, outcome in zip(batch.recipients, outcomes, strict=True):
            due = next_attempt(self._settings.retry, accepted, now, leased.attempts + 1, jitter)
            verdicts.append(judge(batch, leased, outcome, due, now))
        await self._recorder.record_surely(verdicts)


async def _attempt_in(dialect: Dialect, channel: Channel, batch: Batch, text: StoredText) -> AttemptReport:
    """Try a batch in the form that its channel wants; it waits while nobody can say what that is."""
    try:
        batch, text = await dialect.render(batch, text)
    except DialectUnavailableError as error:
        outcome = deferred(f"the header cannot be made ready for this channel now: {error}", status="4.3.0")
        return AttemptReport((outcome,) * len(batch.recipients))
    return await channel.attempt(batch, text)


def _parts(batch: Batch, most: int) -> Iterator[Batch]:
    """Cut a batch to what its channel takes at once."""
    if len(batch.recipients) <= most:
        yield batch
        return
    for start in range(0, len(batch.recipients), most):
        yield replace(batch, recipients=batch.recipients[start : start + most])


def _unknown_channel(name: str) -> Outcome:
    return deferred(
        f"this system has no channel named {name!r} any more; its postmaster must restore or reroute it",
        status="4.3.5",
    )
