"""What every kind of table that an mmdftailor may name promises: an answer, "not there", or the reason for neither."""

import asyncio
import sqlite3
import stat
import sys

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.mmdf_database_changes import build_database
from posthouse.adapters.table_mmdf import open_mmdf_tables
from posthouse.site.tailor.reader import parse_tailor
from support.channel_dns import SERVFAIL, DnsServer
from support.ldap_peer import BUSY, LdapPeer
from support.waiting import LONG

ZONE = {
    "2.0.0.127.list.test": {"A": ["127.0.0.2"]},
    "3.0.0.127.list.test": {"A": ["192.0.2.1"]},
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.list.test": {"A": ["127.0.0.4"]},
    "4.0.0.127.list.test": SERVFAIL,
    "group.here.example": {"MG": ["ann.here.example.", r"louie\.b.far.test."]},
    "old.here.example": {"MR": ["new.far.test."]},
    "moved.here.example": {"MB": ["host.far.test."]},
    "ann.here.example": {"MB": ["here.example."]},
    "sick.here.example": SERVFAIL,
}


def opened(tmp_path, record, *, nameservers=(), seconds=LONG):
    """Return the table of one MTBL record."""
    tailor = f'MLNAME "here"\nMLDOMAIN "example"\nMTBLDIR "{tmp_path}"\nMTBL t, {record}\n'
    configuration = parse_tailor(tailor, tmp_path / "mmdftailor")
    assert configuration.complaints == ()
    return open_mmdf_tables(configuration, ManualClock(), nameservers=nameservers, seconds=seconds)["t"]


def ask(table, *keys):
    async def all_of_them():
        return [await table.lookup(key) for key in keys]

    return asyncio.run(all_of_them())


class Kind:
    """One kind of table with the entry ann, and how to make it unable to answer."""

    def __init__(self, name, tmp_path):
        self.name, self.folder = name, tmp_path
        self.record = {
            "file": "file=source",
            "dbm": "file=source, flags=dbm",
            "regexp": "file=source, type=regexp, addprefix=1, addsuffix=1",
            "sql": 'file=source, type=sql, query="SELECT value FROM entry WHERE key = lower(:key)"',
            "nis": f'file=source, type=nis, command="{tmp_path}/match %s people"',
        }[name]
        self.source = tmp_path / {"nis": "match", "dbm": "mmdfdbm"}.get(name, "source")
        (tmp_path / "source").write_text("ann: home of ann\n")
        if name == "dbm":
            build_database(tmp_path / "mmdfdbm", [("t", tmp_path / "source")], is_new=True)
        elif name == "sql":
            self.source.unlink()
            database = sqlite3.connect(self.source)
            database.execute("CREATE TABLE entry (key, value)")
            database.execute("INSERT INTO entry VALUES ('ann', 'home of ann')")
            database.commit()
            database.close()
        elif name == "nis":
            self.source.write_text('#!/bin/sh\n[ "$1 $2" = "ann people" ] && echo "home of ann"\n')
            self.source.chmod(0o755)


KINDS = ("file", "dbm", "regexp", "sql", "nis")


@pytest.fixture(params=KINDS)
def kind(request, tmp_path):
    return Kind(request.param, tmp_path)


def test_a_key_that_is_there_has_its_value_and_its_place(kind):
    (found,) = ask(opened(kind.folder, kind.record), "ann")

    assert found.values == ("home of ann",)
    assert found.origin.file


def test_a_key_that_is_not_there_is_no_trouble(kind):
    for answer in ask(opened(kind.folder, kind.record), "bob", "", "-x", "a" * 5000, "\udcff", "ann; rm", "a'--"):
        assert not answer.found
        assert not answer.unavailable


def test_a_source_that_vanishes_makes_answers_unavailable(kind):
    kind.source.unlink()
    if kind.name == "dbm":
        (kind.folder / "source").unlink()

    (answer,) = ask(opened(kind.folder, kind.record), "ann")

    assert answer.unavailable


# Regular expressions, mmdf_regexp(5).


def matches(tmp_path, lines, key, more=""):
    (tmp_path / "patterns").write_text(lines)
    (answer,) = ask(opened(tmp_path, f"file=patterns, type=regexp{more}"), key)
    assert not answer.unavailable
    return answer.values[0] if answer.found else None


@pytest.mark.parametrize(
    ("lines", "more", "key", "value"),
    [
        pytest.param("b: 1\n", "", "abc", "1", id="anywhere"),
        pytest.param("b: 1\n", ", addprefix=1", "abc", None, id="addprefix"),
        pytest.param("b: 1\n", ", addsuffix=1", "abc", None, id="addsuffix"),
        pytest.param("x: 1\nb: 2\na: 3\n", "", "abc", "2", id="the first line"),
        pytest.param("!b: 1\n", "", "abc", None, id="turned round, and there"),
        pytest.param("!x: 1\n", "", "abc", "1", id="turned round"),
        pytest.param("a+: 1\n", "", "aa", None, id="basic: a plus is a plus"),
        pytest.param("^a+$: 1\n", ", cflag=extended", "aa", "1", id="extended"),
        pytest.param("A: 1\n", "", "abc", None, id="with case"),
        pytest.param("A: 1\n", ", cflag=icase", "abc", "1", id="without case"),
        pytest.param("^a: 1\n", ", eflag=notbol", "abc", None, id="notbol"),
        pytest.param("c$: 1\n", ", eflag=noteol", "abc", None, id="noteol"),
        pytest.param(r"x\:[[\:digit\:]]: 1" + "\n", "", "x:7", "1", id="a colon"),
        pytest.param(r"a\.b: 1" + "\n", "", "axb", None, id="a dot"),
    ],
)
def test_a_table_of_expressions(tmp_path, lines, more, key, value):
    assert matches(tmp_path, lines, key, more) == value


def test_expressions_that_are_none_or_would_take_for_ever_are_left_out_and_said(tmp_path):
    (tmp_path / "patterns").write_text("(a: 1\n(a*)*b: 2\nc: 3\n")
    table = opened(tmp_path, "file=patterns, type=regexp, cflag=extended")

    assert [answer.values for answer in ask(table, "a", "c")] == [(), ("3",)]
    assert [problem.origin.line for problem in table.problems()] == [1, 2]


# Lists of addresses in the DNS.


def test_who_is_listed_has_the_page_to_cite(tmp_path):
    with DnsServer(ZONE) as server:
        record = 'type=rbl, domain=list.test, link="https://list.test/why"'
        table = opened(tmp_path, record, nameservers=[server.address])
        listed, other, six, free, name, sick = ask(
            table, "127.0.0.2", "[127.0.0.3]", "2001:db8::1", "127.0.0.9", "host.test", "127.0.0.4"
        )

    assert listed.values == six.values == ("https://list.test/why",)
    assert not other.found  # not an address of the loopback network: the zone is mistaken
    assert not free.found
    assert not name.found
    assert sick.unavailable


# Mailboxes in the DNS.


def test_a_name_server_knows_aliases(tmp_path):
    with DnsServer(ZONE) as server:
        table = opened(tmp_path, "flags=ns, flags=alias", nameservers=[server.address])
        group, old, moved, ann, gone, sick = ask(table, "group", "old", "moved", "ann", "gone", "sick")

    assert group.values == ("ann@here.example, louie.b@far.test",)
    assert old.values == ("new@far.test",)
    assert moved.values == ("moved@host.far.test",)
    assert not ann.found  # her mailbox is on this host
    assert not gone.found
    assert sick.unavailable


# SQL.


def test_a_query_that_never_ends_is_stopped(tmp_path):
    sqlite3.connect(tmp_path / "db").close()
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n WHERE :key = :key"

    (answer,) = ask(opened(tmp_path, f'type=sql, database=db, query="{endless}"', seconds=0.2), "a")

    assert "interrupted" in answer.unavailable


def test_a_query_cannot_write_and_a_wrong_one_is_no_answer(tmp_path):
    database = sqlite3.connect(tmp_path / "db")
    database.execute("CREATE TABLE t (a)")
    database.close()

    (writing,) = ask(opened(tmp_path, 'type=sql, database=db, query="INSERT INTO t VALUES (:key)"'), "a")
    (wrong,) = ask(opened(tmp_path, 'type=sql, database=db, query="SELECT nonsense"'), "a")
    (missing,) = ask(opened(tmp_path, "type=sql, database=db"), "a")

    assert "readonly" in writing.unavailable
    assert "nonsense" in wrong.unavailable
    assert "query=" in missing.unavailable


# NIS, and commands.


def test_a_command_that_cannot_say_or_takes_too_long_is_no_answer(tmp_path):
    for name, text in {"later": "exit 75", "slow": "sleep 30"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(stat.S_IRWXU)

    for name in ("later", "slow", "missing"):
        (answer,) = ask(opened(tmp_path, f'type=nis, command="{tmp_path}/{name}"', seconds=0.3), "a")
        assert answer.unavailable, name


# LDAP.


def directory(tmp_path, port, more=""):
    record = (
        f"type=ldap, server_host=127.0.0.1, server_port={port}, timeout=100, "
        f'search_base="o=example", filter="(uid=%s)", attrib=mail{more}'
    )
    return opened(tmp_path, record)


@pytest.mark.filterwarnings("ignore:(tagMap|typeMap) is deprecated:DeprecationWarning")  # ldap3's, of pyasn1
def test_a_directory_answers_with_every_value_of_the_attribute(tmp_path):
    with LdapPeer({"ann": ["ann@a.example", "ann@b.example"], "a)(b": ["x@c.example"]}) as peer:
        ann, odd, bob = ask(directory(tmp_path, peer.port), "ann", "a)(b", "bob")

    assert ann.values == ("ann@a.example", "ann@b.example")
    assert odd.values == ("x@c.example",)  # what is special in a filter is quoted
    assert not bob.found
    assert not bob.unavailable
    assert peer.keys == ["ann", "a)(b", "bob"]


@pytest.mark.filterwarnings("ignore:(tagMap|typeMap) is deprecated:DeprecationWarning")  # ldap3's, of pyasn1
def test_a_directory_may_want_a_name_and_a_password_which_stands_in_a_file(tmp_path):
    who = ', bind_dn="cn=mail,o=example", password_file=secret'
    with LdapPeer({"ann": ["ann@a.example"]}, password="open sesame") as peer:
        table = directory(tmp_path, peer.port, who)
        (missing,) = ask(table, "ann")
        (tmp_path / "secret").write_text("wrong\n")
        (wrong,) = ask(table, "ann")
        (tmp_path / "secret").write_text("open sesame\nmore\n")
        (right,) = ask(table, "ann")

    assert "secret" in missing.unavailable
    assert "invalidCredentials" in wrong.unavailable
    assert right.values == ("ann@a.example",)
    assert peer.names == ["cn=mail,o=example"] * 2


@pytest.mark.filterwarnings("ignore:(tagMap|typeMap) is deprecated:DeprecationWarning")  # ldap3's, of pyasn1
def test_a_directory_that_is_busy_or_gone_is_no_answer(tmp_path):
    with LdapPeer({}, result=BUSY) as peer:
        (busy,) = ask(directory(tmp_path, peer.port), "ann")
    (gone,) = ask(directory(tmp_path, peer.port), "ann")

    assert "busy" in busy.unavailable
    assert gone.unavailable


@pytest.mark.filterwarnings("ignore:(tagMap|typeMap) is deprecated:DeprecationWarning")  # ldap3's, of pyasn1
def test_without_the_library_a_directory_defers_and_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ldap3", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "ldap3.core.exceptions", raising=False)

    (answer,) = ask(directory(tmp_path, 1), "ann")

    assert "posthouse[ldap]" in answer.unavailable
