"""Tables of makemap(8): its databases, and the text that they are made of."""

import asyncio
import shutil

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.table_makemap import MakemapTable
from support.makemap import RECORDED

TEXT = "info@shop.example\tann@example.org\n@shop.example  %1@example.org\n# nothing\nÜnal\tx\n"


def ask(table, key):
    return asyncio.run(table.lookup(key))


@pytest.fixture
def table(tmp_path):
    (tmp_path / "virtual").write_text(TEXT)
    return MakemapTable("virtual", tmp_path / "virtual", ManualClock())


def test_a_text_answers_with_its_lines(table):
    answer = ask(table, "INFO@shop.example")

    assert (answer.values, answer.origin.line) == (("ann@example.org",), 1)
    assert ask(table, "@shop.example").values == ("%1@example.org",)
    assert not ask(table, "nobody@shop.example").found


@pytest.mark.parametrize("key", ["", "\ud800", "k" * 10_000, "a\0", "a\n"])
def test_any_key_is_asked_for_without_harm(table, key):
    answer = ask(table, key)

    assert not answer.found
    assert not answer.unavailable


def test_a_change_is_a_new_version(tmp_path):
    path, clock = tmp_path / "virtual", ManualClock()
    path.write_text("a\tb\n")
    table = MakemapTable("virtual", path, clock)
    before = table.version
    path.write_text("a\tanother\n")
    clock.advance(1)

    assert table.version != before
    assert ask(table, "a").values == ("another",)


def test_a_file_that_is_not_there_is_unavailable_and_not_empty(tmp_path):
    table = MakemapTable("virtual", tmp_path / "virtual", ManualClock())

    assert "virtual" in ask(table, "a").unavailable
    assert table.problems()


def test_entries_and_problems_are_those_of_the_text(tmp_path):
    (tmp_path / "t").write_text("a\tb\nalone\n")
    table = MakemapTable("t", tmp_path / "t", ManualClock())

    assert [(key, answer.values) for key, answer in table.entries()] == [("a", ("b",))]
    assert [problem.origin.line for problem in table.problems()] == [2]


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_a_database_answers_without_its_text(tmp_path, kind):
    shutil.copy(RECORDED / f"small.{kind}.db", tmp_path / "small.db")
    table = MakemapTable("small", tmp_path / "small", ManualClock())

    answer = ask(table, "alice")

    assert answer.values == ("ann@example.org",)
    assert answer.origin.file.endswith("small.db")
    assert table.problems() == ()
