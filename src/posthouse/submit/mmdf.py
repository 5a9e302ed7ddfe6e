"""Drive the engine that resolves by an mmdftailor against real tables."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from posthouse.mail.lookup import Answer, Asked, Decision, Lookup, Trace

if TYPE_CHECKING:
    from posthouse.ports import Table
    from posthouse.routing.mmdf.compiled import Steps

T = TypeVar("T")


async def answer_steps(steps: Steps[T], tables: Mapping[str, Table]) -> tuple[T, Trace]:
    """Drive a generator to its end; return what it says, and every question, answer and decision in order."""
    trace: list[Decision | Asked] = []
    answer: Answer | None = None
    advance, keep = steps.send, trace.append
    while True:
        try:
            step = advance(answer)
        except StopIteration as end:
            result: T = end.value
            return result, tuple(trace)
        if isinstance(step, Lookup):
            table = tables.get(step.table)
            answer = _missing(step) if table is None else await table.lookup(step.key)
            keep(Asked(step, answer))
        else:
            answer = None
            keep(step)


async def ask(lookup: Lookup, tables: Mapping[str, Table]) -> Answer:
    """Answer one question."""
    table = tables.get(lookup.table)
    return _missing(lookup) if table is None else await table.lookup(lookup.key)


def _missing(lookup: Lookup) -> Answer:
    return Answer(unavailable=f"there is no table {lookup.table}")
