"""A world for the way out in virtual time: no event loop, no waiting, every run the same.

Coroutines run until they wait; when all of them wait, the clock jumps to the
first time that one of them waits for.
"""

import heapq
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.spool_memory import MemorySpool
from posthouse.deliver.loop import Deliverer, World
from posthouse.deliver.settings import Settings
from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Envelope, Notify, Recipient, Return
from posthouse.mail.errors import SpoolError
from posthouse.mail.outcome import Outcome, delivered
from posthouse.mail.queued import Batch, MessageInfo, QueueFilter, QueueId, QueueRow, Settlement, WarningMark
from posthouse.mail.route import Route
from posthouse.ports import AttemptReport, Channel, Letter, StoredText

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
TEXT = b"From: alice@example.com\r\nMessage-ID: <m1@example.com>\r\nSubject: hello\r\n\r\nGood morning\r\n"
_MOST_STEPS = 200_000


class _Pause:
    """What a coroutine yields to wait until a time or until it is woken."""

    def __init__(self, until: datetime | None) -> None:
        self.until = until
        self.is_over = False

    def __await__(self) -> Generator["_Pause", None, None]:
        yield self


class Kernel:
    """Runs coroutines beside each other: ports Waiter and Spawner."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self._ready: deque[Coroutine[object, object, None]] = deque()
        self._timers: list[tuple[datetime, int, _Pause]] = []
        self._waiting: dict[_Pause, Coroutine[object, object, None]] = {}
        self._listeners: list[_Pause] = []
        self._notified = False
        self._numbers = count()

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        self._ready.append(coroutine)

    def notify(self) -> None:
        self._notified = True
        for pause in self._listeners:
            self._wake(pause)
        self._listeners.clear()

    async def wait(self, until: datetime | None) -> None:
        if not self._notified:
            pause = self._pause(until)
            self._listeners.append(pause)
            await pause
        self._notified = False

    async def sleep(self, until: datetime) -> None:
        await self._pause(until)

    def found(self, work: bool) -> None:
        pass

    def run(self, span: timedelta) -> None:
        """Let this much time pass."""
        end = self.clock.now() + span
        for _ in range(_MOST_STEPS):
            if self._ready:
                self._step()
            elif self._timers and self._timers[0][0] <= end:
                when, _, pause = heapq.heappop(self._timers)
                if not pause.is_over:
                    self.clock.advance(max(when - self.clock.now(), timedelta(0)))
                    self._wake(pause)
            else:
                self.clock.advance(max(end - self.clock.now(), timedelta(0)))
                return
        raise AssertionError("the loop is busy without end")

    def finish(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run until this one is over."""
        over: list[bool] = []

        async def wrapped() -> None:
            await coroutine
            over.append(True)

        self.spawn(wrapped())
        for _ in range(1000):
            self.run(timedelta(seconds=1))
            if over:
                return
        raise AssertionError("never over")

    def close(self) -> None:
        """Stop everything where it stands, as a power cut does."""
        for coroutine in [*self._waiting.values(), *self._ready]:
            coroutine.close()
        self._waiting.clear()
        self._ready.clear()
        self._timers.clear()
        self._listeners.clear()

    def _pause(self, until: datetime | None) -> _Pause:
        pause = _Pause(until)
        if until is not None:
            heapq.heappush(self._timers, (until, next(self._numbers), pause))
        return pause

    def _wake(self, pause: _Pause) -> None:
        if not pause.is_over and pause in self._waiting:
            pause.is_over = True
            self._ready.append(self._waiting.pop(pause))

    def _step(self) -> None:
        coroutine = self._ready.popleft()
        try:
            pause = coroutine.send(None)
        except StopIteration:
            return
        assert isinstance(pause, _Pause)
        self._waiting[pause] = coroutine


class CountingMeter:
    """Keeps the last gauge and the sum of counts."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.most: dict[str, float] = {}

    def count(self, metric: str, amount: float = 1, /, **_labels: str) -> None:
        self.values[metric] = self.values.get(metric, 0) + amount

    def gauge(self, metric: str, value: float, /, **_labels: str) -> None:
        self.values[metric] = value
        self.most[metric] = max(value, self.most.get(metric, value))

    def observe(self, metric: str, value: float, /, **_labels: str) -> None:
        self.values[metric] = value


Script = Callable[[Batch], AttemptReport]


def say(*outcomes: Outcome, reached: bool = True) -> Script:
    """Answer attempts with these outcomes in turn, the last one again and again."""
    left = list(outcomes)

    def answer(batch: Batch) -> AttemptReport:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        return AttemptReport((outcome,) * len(batch.recipients), reached)

    return answer


class ScriptedChannel:
    """Answers by a script, after a time that the script's ``lasts`` gives."""

    def __init__(self, kernel: Kernel, answer: Script | None = None) -> None:
        self._kernel = kernel
        self.answer = answer or say(delivered("taken"))
        self.lasts: Callable[[Batch], timedelta] = lambda _batch: timedelta(seconds=1)
        self.attempts: list[tuple[datetime, Batch]] = []
        self.texts: list[bytes] = []
        self.running: dict[str, int] = {}
        self.most_running: dict[str, int] = {}
        self.is_closed = False

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        host = batch.hop.host
        self.attempts.append((self._kernel.clock.now(), batch))
        self.texts.append(b"".join([chunk async for chunk in text.chunks()]))
        self.running[host] = self.running.get(host, 0) + 1
        self.most_running[host] = max(self.running[host], self.most_running.get(host, 0))
        await self._kernel.sleep(self._kernel.clock.now() + self.lasts(batch))
        self.running[host] -= 1
        return self.answer(batch)

    async def close(self) -> None:
        self.is_closed = True

    def times(self) -> list[timedelta]:
        return [when - START for when, _ in self.attempts]


class SpoolSubmission:
    """Port Submission straight into the spool; domains in ``nowhere`` have no route."""

    def __init__(self, spool: MemorySpool, clock: ManualClock) -> None:
        self._spool = spool
        self._clock = clock
        self.nowhere: set[str] = set()
        self.in_trouble: set[str] = set()  # domains whose table can't answer
        self.reports: list[tuple[str, bytes]] = []
        self.channel = "smtp"

    async def submit_report(
        self,
        letter: Letter,
        recipient: str,
        *,
        about: MessageInfo,
        settlements: Sequence[Settlement] = (),
        warnings: Sequence[WarningMark] = (),
    ) -> QueueId | None:
        assert about.queue_id
        local_part, _, domain = recipient.rpartition("@")
        if domain in self.in_trouble:
            raise SpoolError(f"{recipient} cannot be resolved now")
        if domain in self.nowhere:
            return None
        text = await whole(letter)
        draft = self._spool.begin()
        await draft.write(text)
        address = Address(local_part.strip('"'), domain)
        envelope = Envelope(NULL_PATH, (Recipient(address, Route(self.channel, domain, address), address),))
        queue_id = await draft.commit(envelope, self._clock.now(), settlements, warnings)
        self.reports.append((recipient, text))
        return queue_id


class MemoryDeadLetters:
    def __init__(self) -> None:
        self.letters: list[tuple[bytes, str]] = []
        self.trouble: SpoolError | None = None

    async def store(self, letter: Letter, reason: str) -> None:
        if self.trouble:
            raise self.trouble
        self.letters.append((await whole(letter), reason))


async def whole(letter: Letter) -> bytes:
    text = b"".join([chunk async for chunk in letter.chunks()])
    assert len(text) == letter.octets
    assert text.isascii() == letter.is_ascii
    return text


@dataclass
class Post:
    """One deliver process with everything around it."""

    settings: Settings = field(default_factory=lambda: Settings(name="mx.example.org", owner="d1"))
    channels: dict[str, Channel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = ManualClock(START)
        self.kernel = Kernel(self.clock)
        self.spool = MemorySpool(now=self.clock.now)
        self.log = MemoryEventLog()
        self.meter = CountingMeter()
        self.submission = SpoolSubmission(self.spool, self.clock)
        self.dead_letters = MemoryDeadLetters()
        self.smtp = ScriptedChannel(self.kernel)
        self.channels = {"smtp": self.smtp, **self.channels}
        self.deliverer = self.another(self.settings)

    is_resting = False  # the machine is too busy for deliveries

    def another(self, settings: Settings) -> Deliverer:
        """Make another process on the same spool."""
        world = World(
            queue=self.spool,
            channels=self.channels,
            submission=self.submission,
            dead_letters=self.dead_letters,
            clock=self.clock,
            log=self.log,
            meter=self.meter,
            waiter=self.kernel,
            spawner=self.kernel,
            jitter=lambda: 0.0,
            rests=lambda: self.is_resting,
        )
        return Deliverer(world, settings)

    def start(self) -> None:
        self.kernel.spawn(self.deliverer.run())

    def run(self, span: timedelta) -> None:
        self.kernel.run(span)

    def drain(self) -> None:
        self.kernel.finish(self.deliverer.drain())

    def send(
        self,
        *recipients: Recipient,
        sender: str = "alice@example.com",
        text: bytes = TEXT,
        ret: Return | None = None,
        envid: str = "",
    ) -> QueueId:
        return take(self._send(recipients, sender, text, ret, envid))

    async def _send(
        self, recipients: Iterable[Recipient], sender: str, text: bytes, ret: Return | None, envid: str
    ) -> QueueId:
        draft = self.spool.begin()
        await draft.write(text)
        path = Path(address(sender)) if sender else NULL_PATH
        queue_id = await draft.commit(Envelope(path, tuple(recipients), ret=ret, envid=envid), self.clock.now())
        self.kernel.notify()
        return queue_id

    def queued(self) -> list[QueueRow]:
        return take(_all(self.spool))

    def named(self, event: str) -> list[dict[str, object]]:
        return self.log.named(event)


async def _all(spool: MemorySpool) -> list[QueueRow]:
    rows: AsyncIterator[QueueRow] = await spool.find(QueueFilter())
    return [row async for row in rows]


def take(coroutine: Coroutine[object, object, object]) -> object:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


def address(text: str) -> Address:
    local_part, _, domain = text.rpartition("@")
    return Address(local_part, domain)


def to(
    text: str, *, channel: str = "smtp", notify: Notify | None = None, orcpt: str = "", original: str = ""
) -> Recipient:
    """Make a recipient that goes to its domain's host."""
    final = address(text)
    host = final.domain if channel == "smtp" else ""
    return Recipient(final, Route(channel, host, final), address(original or text), orcpt, notify)
