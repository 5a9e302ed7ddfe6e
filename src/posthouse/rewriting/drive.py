"""The engine for callers that can answer at once: tests, address test mode, batches."""

from collections.abc import Callable, Generator
from typing import TypeVar

from posthouse.mail.lookup import MapAnswer, MapQuestion

Result = TypeVar("Result")


def drive(steps: Generator[MapQuestion, MapAnswer, Result], answer: Callable[[MapQuestion], MapAnswer]) -> Result:
    """Run an engine to its end; each question is answered by the callable."""
    try:
        question = next(steps)
        while True:
            question = steps.send(answer(question))
    except StopIteration as end:
        result: Result = end.value
        return result
