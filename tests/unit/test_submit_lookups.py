"""What is remembered of resolutions, and when it is forgotten."""

import asyncio

import pytest

from posthouse.adapters.table_inline import InlineTable
from posthouse.mail.lookup import NOT_FOUND, Answer, Asked, Origin
from posthouse.routing.resolve import resolve
from posthouse.submit.eager import run
from posthouse.submit.lookups import Lookups, answer_all
from support.routing_sites import address, make_routing, make_tables, places


class CountingTable:
    """A table whose content, version and pace the test sets."""

    name = "users"

    def __init__(self, answer=NOT_FOUND):
        self.answer, self.version, self.asked, self.gate = answer, 0, 0, None

    async def lookup(self, _key):
        self.asked += 1
        answer = self.answer
        if self.gate is not None:
            await self.gate.wait()
        return answer

    def entries(self):
        return iter(())


KNOWN = Answer(("",), Origin("users", 1))


def looked_up(table):
    tables = {**make_tables({}), "users": table}
    return Lookups(make_routing(), tables)


def test_answer_all_returns_the_resolution_with_its_trace():
    tables = make_tables({"aliases": {"joe": "x@far.example"}})

    resolution = run(answer_all(resolve(make_routing(), address("joe")), tables))

    assert places(resolution) == ["smtp far.example x@far.example"]
    assert [step.lookup.key for step in resolution.trace if isinstance(step, Asked)] == ["joe@example.org", "joe"]
    assert "aliases[joe] (aliases:1)" in resolution.via


def test_a_table_that_does_not_exist_defers():
    resolution = run(answer_all(resolve(make_routing(), address("joe")), {}))

    assert places(resolution) == ["451 4.3.0"]


def test_a_second_question_asks_no_table():
    table = CountingTable(KNOWN)
    lookups = looked_up(table)

    first = run(lookups.resolve(address("joe@example.org")))
    second = run(lookups.resolve(address("joe@EXAMPLE.ORG")))

    assert first is second
    assert table.asked == 1


def test_refusals_are_remembered_too():
    table = CountingTable()
    lookups = looked_up(table)

    run(lookups.resolve(address("gone")))
    run(lookups.resolve(address("gone")))

    assert table.asked == 2  # full key and bare key, once


def test_everything_is_forgotten_when_a_table_changes():
    table = CountingTable()
    lookups = looked_up(table)
    before = places(run(lookups.resolve(address("joe"))))

    table.answer, table.version = KNOWN, 1
    lookups.refresh()

    assert before == ["550 5.1.1"]
    assert places(run(lookups.resolve(address("joe")))) == ["local joe@example.org"]


def test_an_answer_that_was_under_way_when_a_table_changed_is_not_remembered():
    async def story():
        table = CountingTable()
        table.gate = asyncio.Event()
        lookups = looked_up(table)
        late = asyncio.create_task(lookups.resolve(address("joe")))
        await asyncio.sleep(0)
        table.answer, table.version = KNOWN, 1
        lookups.refresh()
        table.gate.set()
        await late
        return places(await lookups.resolve(address("joe")))

    assert asyncio.run(story()) == ["local joe@example.org"]


def test_deferrals_are_never_remembered():
    table = CountingTable(Answer(unavailable="gone"))
    lookups = looked_up(table)
    run(lookups.resolve(address("joe")))

    table.answer = KNOWN

    assert places(run(lookups.resolve(address("joe")))) == ["local joe@example.org"]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_only_so_many_are_remembered_the_least_used_goes_first(count):
    lookups = Lookups(make_routing(), make_tables({}), size=3)
    addresses = [address(f"x{number}@far.example") for number in range(count)]

    for one in addresses:
        run(lookups.resolve(one))
        lookups.cached(addresses[0])

    assert [one for one in addresses if lookups.cached(one)] == (
        addresses if count < 4 else [addresses[0], *addresses[2:]]
    )


@pytest.mark.parametrize(
    ("width", "kept"),
    [
        pytest.param(8, [True, True, True], id="room for all"),
        pytest.param(9, [False, True, True], id="the oldest makes room"),
        pytest.param(10, [False, False, True], id="all others make room"),
        pytest.param(11, [True, True, False], id="wider than all that is remembered"),
    ],
)
def test_what_is_remembered_is_bounded_by_its_recipients(width, kept):
    wide = ", ".join(f"x{number}@far.example" for number in range(width))
    aliases = InlineTable("aliases", [("list", (wide,), Origin("a"))])
    lookups = Lookups(make_routing(), {**make_tables({}), "aliases": aliases}, size=10)
    addresses = [address("a@far.example"), address("b@far.example"), address("list@example.org")]

    for one in addresses:
        run(lookups.resolve(one))

    assert [lookups.cached(one) is not None for one in addresses] == kept
