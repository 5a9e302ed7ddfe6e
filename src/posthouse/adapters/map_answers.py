"""Drive rewriting against real maps: each question it asks is answered, for a while from memory.

Remembered are found and not found, as long as the map's source says (a second for files, so that a
change is seen within it; not at all for programs); never that a map could not answer.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import asyncio
from collections import OrderedDict
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeVar

from posthouse.mail.lookup import MapAnswer, MapQuestion, MapStatus
from posthouse.mail.map_arguments import fold_octets
from posthouse.rewriting.drive import drive

if TYPE_CHECKING:
    from posthouse.ports import Clock, Map

    class KeptMap(Map, Protocol):
        """A map that says how long its answers may be remembered; 0: not at all."""

        kept_seconds: float

        def close(self) -> None: ...


T = TypeVar("T")
Asking = Generator[MapQuestion, MapAnswer, T]


class MapAnswers:
    """The maps of a configuration, and their last answers: at most ``size``, about a quarter of a kilobyte each."""

    def __init__(
        self, maps: Mapping[str, KeptMap], clock: Clock, size: int = 20_000, *, also: Sequence[KeptMap] = ()
    ) -> None:
        """``also`` are further maps, which others ask and ``close`` closes, too."""
        self._maps = maps
        self._also = also
        self._clock = clock
        self._size = size
        self._known: OrderedDict[MapQuestion, tuple[float, MapAnswer]] = OrderedDict()

    def remembered(self, question: MapQuestion) -> MapAnswer | None:
        """Return an answer that still holds."""
        until, answer = self._known.get(question, (0.0, None))
        return answer if answer is not None and self._clock.monotonic() < until else None

    async def ask(self, question: MapQuestion) -> MapAnswer:
        """Answer one question.  A map that nobody has declared is BROKEN."""
        known = self.remembered(question)
        if known is not None:
            return known
        asked = self._maps.get(fold_octets(question.map))
        if asked is None:
            return MapAnswer(MapStatus.BROKEN, reason=f"there is no map {question.map}")
        answer = await asked.lookup(question.key, question.arguments)
        if asked.kept_seconds > 0 and answer.status in (MapStatus.FOUND, MapStatus.NOT_FOUND):
            self._keep(question, answer, asked.kept_seconds)
        return answer

    async def answer_all(self, steps: Asking[T]) -> T:
        """Drive a generator to its end, and return what it returns."""
        try:
            question = next(steps)
            while True:
                question = steps.send(await self.ask(question))
        except StopIteration as end:
            result: T = end.value
            return result

    async def close(self) -> None:
        """Let go of every connection."""
        for one in (*self._maps.values(), *self._also):
            one.close()
        await asyncio.sleep(0)  # a transport ends in the loop's next turn

    def _keep(self, question: MapQuestion, answer: MapAnswer, seconds: float) -> None:
        self._known[question] = (self._clock.monotonic() + seconds, answer)
        self._known.move_to_end(question)
        while len(self._known) > self._size:
            self._known.popitem(last=False)


class MapAnswersNow:
    """The same for commands that have no event loop of their own: a context manager, with a loop inside."""

    def __init__(self, answers: MapAnswers) -> None:
        self._answers = answers
        self._runner = asyncio.Runner()

    def __enter__(self) -> MapAnswersNow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._runner.run(self._answers.close())
        self._runner.close()

    def ask(self, question: MapQuestion) -> MapAnswer:
        """Answer one question."""
        known = self._answers.remembered(question)
        return self._runner.run(self._answers.ask(question)) if known is None else known

    def answer_all(self, steps: Asking[T]) -> T:
        """Drive a generator to its end, and return what it returns."""
        return drive(steps, self.ask)
