"""The database of an MMDF site: what it answers, and that it is replaced whole."""

import asyncio

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.mmdf_database import (
    DatabaseEntry,
    MmdfDatabase,
    add_entry,
    build_database,
    database_entries,
    edit_database,
)


def built(tmp_path, **tables):
    """A database of these tables, by name and text."""
    for name, text in tables.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode("latin-1"))
    problems = build_database(tmp_path / "mmdfdbm", [(name, tmp_path / name) for name in tables], is_new=True)
    return tmp_path / "mmdfdbm", problems


def ask(database, table, key):
    return asyncio.run(database.table(table).lookup(key))


def test_keys_and_tables_have_no_case_but_their_spelling_is_kept(tmp_path):
    path, problems = built(tmp_path, Hosts="Seismo.UUCP: ut-sally!seismo\n")

    assert problems == []
    assert ask(MmdfDatabase(path, ManualClock()), "hosts", "SEISMO.uucp").values == ("ut-sally!seismo",)
    assert [entry.key for entry in database_entries(path)] == ["Seismo.UUCP"]


def test_an_answer_names_the_line_of_the_text(tmp_path):
    path, _ = built(tmp_path, hosts="# comment\na: 1\nA: 2\n")

    answer = ask(MmdfDatabase(path, ManualClock()), "hosts", "a")

    assert answer.values == ("1", "2")
    assert str(answer.origin) == f"{tmp_path}/hosts:2"


def test_tables_do_not_see_each_other(tmp_path):
    path, _ = built(tmp_path, one="a: 1\n", two="b: 2\n")
    database = MmdfDatabase(path, ManualClock())

    assert not ask(database, "two", "a").found
    assert [key for key, _ in database.table("two").entries()] == ["b"]


def test_a_record_has_no_bound(tmp_path):
    value = ", ".join(f"user{n}@example.org" for n in range(10_000))
    path, _ = built(tmp_path, aliases=f"all: {value}\n")

    assert ask(MmdfDatabase(path, ManualClock()), "aliases", "all").values == (value,)


def test_octets_are_kept(tmp_path):
    path, _ = built(tmp_path, aliases=b"caf\xe9: \xff\n")

    assert ask(MmdfDatabase(path, ManualClock()), "aliases", "CAF\xc9").values == ("\xff",)


def test_a_missing_or_foreign_database_is_unavailable(tmp_path):
    missing = MmdfDatabase(tmp_path / "missing", ManualClock())
    (tmp_path / "text").write_text("not a database\n" * 100)
    foreign = MmdfDatabase(tmp_path / "text", ManualClock())

    for database in (missing, foreign):
        assert ask(database, "t", "a").unavailable
        assert database.table("t").problems()
        assert list(database.table("t").entries()) == []


def test_a_reader_sees_the_new_database_after_it_was_replaced(tmp_path):
    path, _ = built(tmp_path, hosts="a: old\n")
    clock = ManualClock()
    database = MmdfDatabase(path, clock)
    assert ask(database, "hosts", "a").values == ("old",)
    version = database.version

    edit_database(path, lambda connection: add_entry(connection, DatabaseEntry("hosts", "a", "new")))
    clock.advance(2)

    assert ask(database, "hosts", "a").values == ("old", "new")
    assert database.version != version


def test_a_build_that_fails_leaves_the_old_database_and_no_other_file(tmp_path):
    path, _ = built(tmp_path, hosts="a: 1\n")
    before = path.read_bytes()

    with pytest.raises(FileNotFoundError):
        build_database(path, [("hosts", tmp_path / "hosts"), ("gone", tmp_path / "gone")], is_new=True)

    assert path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hosts", "mmdfdbm"]
