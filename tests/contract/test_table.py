"""What every table promises, whatever its technology."""

import asyncio
import os
import pwd

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.table_dbm import DbmTable, build_dbm, database_path
from posthouse.adapters.table_file import FileTable
from posthouse.adapters.table_inline import InlineTable
from posthouse.adapters.table_logins import MachineLoginTable, login_table
from posthouse.adapters.table_regexp import RegexpFileTable
from posthouse.adapters.table_sources import build_databases, open_tables, table_problems
from posthouse.mail.lookup import NOT_FOUND, Origin
from posthouse.site.problems import SiteError
from posthouse.site.toml import read_site

ENTRIES = (("ann", "/home/ann"), ("bob", "/home/bob"))


class Subject:
    """One kind of table, with its entries, and how to change and to break its source."""

    def __init__(self, kind, directory):
        self.kind, self.path, self.clock = kind, directory / "source", ManualClock()
        self.write(ENTRIES)
        make = {"file": FileTable, "regexp": RegexpFileTable, "dbm": DbmTable}.get(kind)
        if kind == "passwd":
            self.table = login_table(self.path, self.clock)
        elif make:
            self.table = make("users", self.path, self.clock)
        else:
            self.table = InlineTable(
                "users", [(key, (value,), Origin("site.toml", n)) for n, (key, value) in enumerate(ENTRIES, start=1)]
            )

    def write(self, entries):
        line = "{}:x:5001:5000:A Person:{}:/bin/sh\n" if self.kind == "passwd" else "{}  {}\n"
        self.path.write_text("".join(line.format(key, value) for key, value in entries))
        if self.kind == "dbm":
            build_dbm(self.path, database_path(self.path))

    def remove(self):
        (database_path(self.path) if self.kind == "dbm" else self.path).unlink()

    def ask(self, key):
        return asyncio.run(self.table.lookup(key))


@pytest.fixture(params=["file", "regexp", "dbm", "inline", "passwd"])
def subject(request, tmp_path):
    return Subject(request.param, tmp_path)


@pytest.fixture(params=["file", "regexp", "dbm", "passwd"])
def watched(request, tmp_path):
    """All but inline: entries in the site file change only with it."""
    return Subject(request.param, tmp_path)


def test_a_key_that_is_there_is_answered_with_its_line(subject):
    answer = subject.ask("bob")

    assert answer.values == ("/home/bob",)
    assert answer.origin.line == 2
    assert answer.origin.file


def test_keys_compare_without_case(subject):
    assert subject.ask("ANN").values == ("/home/ann",)


@pytest.mark.parametrize("key", ["", "carla", "ann ", "ann\n", "a\0", "\ud800", "k" * 10_000, "%", "' OR 1=1"])
def test_a_key_that_is_not_there_is_not_found(subject, key):
    answer = subject.ask(key)

    assert not answer.found
    assert not answer.unavailable


def test_entries_lists_everything(subject):
    listed = [(key, answer.values) for key, answer in subject.table.entries()]

    assert listed == [("ann", ("/home/ann",)), ("bob", ("/home/bob",))]


def test_version_stays_while_nothing_changes(subject):
    before = subject.table.version
    subject.clock.advance(60)

    assert subject.table.version == before
    assert subject.table.problems() == ()


def test_a_change_is_seen_within_a_second(watched):
    before = watched.table.version
    watched.write((*ENTRIES, ("carla", "/home/carla")))

    watched.clock.advance(1)

    assert watched.table.version != before
    assert watched.ask("carla").values == ("/home/carla",)


def test_the_source_is_looked_at_once_a_second_at_most(watched):
    watched.ask("ann")
    watched.write((*ENTRIES, ("carla", "/home/carla")))

    watched.clock.advance(0.5)

    assert not watched.ask("carla").found


def test_a_source_that_vanishes_is_unavailable_and_not_empty(watched):
    watched.ask("ann")
    before = watched.table.version
    watched.remove()
    watched.clock.advance(1)

    answer = watched.ask("ann")

    assert "source" in answer.unavailable
    assert not answer.found
    assert watched.table.version != before
    assert watched.table.problems()


def test_a_source_that_comes_back_answers_again(watched):
    watched.remove()
    assert watched.ask("ann").unavailable
    watched.write(ENTRIES)
    watched.clock.advance(1)

    assert watched.ask("ann").values == ("/home/ann",)


def test_a_directory_in_place_of_the_source_is_unavailable(watched):
    watched.remove()
    (database_path(watched.path) if watched.kind == "dbm" else watched.path).mkdir()

    assert watched.ask("ann").unavailable


def test_several_values_come_in_their_order(tmp_path):
    source = tmp_path / "t"
    source.write_text("a: 2\nb: x\nA: 1\n")
    build_dbm(source, database_path(source))
    tables = [FileTable("t", source, ManualClock()), DbmTable("t", source, ManualClock())]

    answers = [asyncio.run(table.lookup("a")) for table in tables]

    assert [answer.values for answer in answers] == [("2", "1")] * 2
    assert [answer.origin.line for answer in answers] == [1, 1]


def test_a_pipe_in_place_of_a_file_does_not_stop_the_server(tmp_path):
    os.mkfifo(tmp_path / "t")

    answer = asyncio.run(FileTable("t", tmp_path / "t", ManualClock()).lookup("a"))

    assert not answer.found


def test_bad_lines_are_problems_and_the_good_ones_answer(tmp_path):
    (tmp_path / "t").write_bytes(b"a: 1\nb: \xff\n")
    table = FileTable("t", tmp_path / "t", ManualClock())

    assert asyncio.run(table.lookup("a")).found
    assert [problem.origin.line for problem in table.problems()] == [2]


def test_a_database_is_not_replaced_by_one_from_a_bad_source(tmp_path):
    source = tmp_path / "t"
    source.write_text("a: 1\n")
    assert build_dbm(source, database_path(source)) == 1
    source.write_text("a: 2\n b: 3\n: 4\n")

    with pytest.raises(SiteError) as caught:
        build_dbm(source, database_path(source))

    assert [problem.origin.line for problem in caught.value.problems] == [2, 3]
    assert asyncio.run(DbmTable("t", source, ManualClock()).lookup("a")).values == ("1",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t", "t.dbm"]


def test_a_database_is_as_readable_as_its_text(tmp_path):
    source = tmp_path / "t"
    source.write_text("a: 1\n")
    source.chmod(0o640)

    build_dbm(source, database_path(source))

    assert database_path(source).stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"x" * 1000])
def test_a_damaged_database_is_unavailable(tmp_path, content):
    (tmp_path / "t.dbm").write_bytes(content)

    assert asyncio.run(DbmTable("t", tmp_path / "t", ManualClock()).lookup("a")).unavailable


def test_a_database_is_read_while_it_is_replaced(tmp_path):
    source, clock = tmp_path / "t", ManualClock()
    source.write_text("".join(f"key{n}: old\n" for n in range(2000)))
    build_dbm(source, database_path(source))
    table = DbmTable("t", source, clock)
    listing = table.entries()
    first = next(listing)
    source.write_text("".join(f"key{n}: new\n" for n in range(2000)))

    build_dbm(source, database_path(source))

    assert {answer.values for _, answer in [first, *listing]} == {("old",)}
    clock.advance(1)
    assert asyncio.run(table.lookup("key7")).values == ("new",)


def test_login_names_are_those_of_the_machine():
    own = pwd.getpwuid(os.getuid())
    table = MachineLoginTable(ManualClock())

    assert asyncio.run(table.lookup(own.pw_name)).values == (own.pw_dir,)
    assert asyncio.run(table.lookup(own.pw_name.upper())).values == (own.pw_dir,)
    assert asyncio.run(table.lookup("no such login")) == NOT_FOUND
    assert own.pw_name in [login for login, _ in table.entries()]


def test_the_site_s_tables_are_opened_and_login_names_are_one_of_them(tmp_path):
    (tmp_path / "users").write_text("ann: x\n b\n")
    (tmp_path / "many").write_text("ann: x\n")
    (tmp_path / "site.toml").write_text(
        '[site]\nname = "a.example"\n[tables]\nusers.file = "users"\n'
        'more = { kind = "regexp", file = "users" }\nhere.entries.ann = "x"\nmany = { kind = "dbm", file = "many" }\n'
    )
    site = read_site(tmp_path / "site.toml")

    tables = open_tables(site, ManualClock())

    assert sorted(tables) == ["here", "login-names", "many", "more", "users"]
    assert all(name == table.name for name, table in tables.items())
    assert asyncio.run(tables["many"].lookup("ann")).unavailable
    assert list(build_databases(site.tables.values())) == [(site.tables["many"], tmp_path / "many.dbm", 1)]
    assert {problem.origin.line for problem in table_problems(site, ManualClock())} == {2}
