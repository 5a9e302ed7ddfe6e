"""The database of an MMDF site: what it answers, and that it is replaced whole."""

import asyncio

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.mmdf_database import MAX_EDITS_OCTETS, DatabaseEntry, MmdfDatabase, database_entries, edits_path
from posthouse.adapters.mmdf_database_changes import (
    TooManyEditsError,
    add_entry,
    build_database,
    change_entries,
    delete_entries,
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

    add_entry(path, DatabaseEntry("hosts", "a", "new"))
    clock.advance(2)

    assert ask(database, "hosts", "a").values == ("old", "new")
    assert database.version != version


def test_a_build_that_fails_leaves_the_old_database_and_no_other_file(tmp_path):
    path, _ = built(tmp_path, hosts="a: 1\n")
    before = path.read_bytes()

    with pytest.raises(IsADirectoryError):
        build_database(path, [("hosts", tmp_path / "hosts"), ("folder", tmp_path)], is_new=True)

    assert path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hosts", "mmdfdbm"]


def test_a_reader_never_leaves_the_database_when_an_entry_is_edited(tmp_path):
    path, _ = built(tmp_path, hosts="a: 1\nb: 2\nB: 3\nd: 4\n")
    clock = ManualClock()
    database = MmdfDatabase(path, clock)
    before = path.stat()

    assert ask(database, "hosts", "b").values == ("2", "3")
    assert change_entries(path, DatabaseEntry("hosts", "B", "new"), "3") == 1
    assert add_entry(path, DatabaseEntry("hosts", "C", "9")) == 1
    assert delete_entries(path, "A", None, None) == 1
    assert delete_entries(path, "a", None, None) == 0
    clock.advance(2)

    assert ask(database, "hosts", "b").values == ("2", "new")
    assert ask(database, "hosts", "c").origin.file == str(edits_path(path))
    assert not ask(database, "hosts", "a").found
    assert [(key, answer.values) for key, answer in database.table("hosts").entries()] == [
        ("b", ("2",)),
        ("B", ("new",)),
        ("C", ("9",)),
        ("d", ("4",)),
    ]
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_build_of_one_table_keeps_what_was_edited_in_the_others(tmp_path):
    path, _ = built(tmp_path, one="a: 1\n", two="b: 2\n")
    add_entry(path, DatabaseEntry("one", "a", "edited"))
    add_entry(path, DatabaseEntry("two", "x", "edited"))

    build_database(path, [("two", tmp_path / "two")], is_new=False)

    assert [(entry.key, entry.value) for entry in database_entries(path)] == [("a", "1"), ("a", "edited"), ("b", "2")]
    assert not edits_path(path).exists()


def test_edits_of_another_build_count_for_nothing(tmp_path):
    path, _ = built(tmp_path, hosts="a: 1\n")
    add_entry(path, DatabaseEntry("hosts", "a", "edited"))
    edits = edits_path(path).read_bytes()
    built(tmp_path, hosts="a: 1\n")
    edits_path(path).write_bytes(edits)  # as if the power had failed before it was removed

    assert ask(MmdfDatabase(path, ManualClock()), "hosts", "a").values == ("1",)


def test_half_a_line_of_an_edit_that_was_stopped_is_no_edit_and_is_cut_off(tmp_path):
    path, _ = built(tmp_path, hosts="a: 1\n")
    add_entry(path, DatabaseEntry("hosts", "b", "2"))
    with edits_path(path).open("ab") as stream:
        stream.write(b'{"build":')

    assert ask(MmdfDatabase(path, ManualClock()), "hosts", "b").values == ("2",)
    add_entry(path, DatabaseEntry("hosts", "c", "3"))
    assert ask(MmdfDatabase(path, ManualClock()), "hosts", "c").values == ("3",)


def test_edits_that_nobody_can_read_make_answers_unavailable(tmp_path):
    path, _ = built(tmp_path, hosts="a: 1\n")
    edits_path(path).write_text("nonsense\n")

    assert "nonsense" not in ask(MmdfDatabase(path, ManualClock()), "hosts", "a").values
    assert ask(MmdfDatabase(path, ManualClock()), "hosts", "a").unavailable


def test_edits_end_at_their_size(tmp_path):
    path, _ = built(tmp_path, hosts="a: 1\n")
    add_entry(path, DatabaseEntry("hosts", "b", "x" * (MAX_EDITS_OCTETS - 400)))

    with pytest.raises(TooManyEditsError):
        add_entry(path, DatabaseEntry("hosts", "c", "y" * 400))

    assert ask(MmdfDatabase(path, ManualClock()), "hosts", "b").found
    assert not ask(MmdfDatabase(path, ManualClock()), "hosts", "c").found


def test_a_table_that_was_never_built_is_unavailable_and_not_empty(tmp_path):
    path, _ = built(tmp_path, hosts="a: 1\n")

    assert "dbmbuild" in ask(MmdfDatabase(path, ManualClock()), "other", "a").unavailable
