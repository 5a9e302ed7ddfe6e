"""What every map of a sendmail configuration promises, whatever its class."""

import asyncio
import fcntl
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.dns_questions import DnsClient
from posthouse.adapters.logins_passwd import FileLogins
from posthouse.adapters.map_answers import MapAnswers, MapAnswersNow
from posthouse.adapters.map_implicit import AliasSource, write_alias_index
from posthouse.adapters.map_program import ProgramSource
from posthouse.adapters.map_sources import Surroundings, open_map, open_maps
from posthouse.adapters.resolver_dns import DnsResolver
from posthouse.mail.lookup import MapQuestion, MapStatus
from posthouse.mail.map_arguments import MapArguments, read_map_arguments
from posthouse.programs.identity import Identity
from posthouse.rewriting.program import MapDeclaration
from posthouse.tables.aliases import AliasName, index_aliases
from posthouse.tables.syntax import MAX_LINE_OCTETS
from support.channel_dns import SERVFAIL, DnsServer
from support.makemap import RECORDED
from support.other_user import needs_root
from support.processes import has_ended
from support.socketmap import SocketmapServer, netstring
from support.waiting import LONG, until

PASSWD = "ann:x:2001:100:Ann Example:/home/ann:/bin/sh\n"
HOSTS = "127.0.0.1 localhost\n192.0.2.20 www.example.org www\n"
ZONE = {
    "example.org": {"MX": ["10 mx1.example.org.", "20 mx2.example.org."]},
    "mx1.example.org": {"A": ["192.0.2.1"]},
    "mx2.example.org": {"A": ["192.0.2.2"]},
    "alias.example.org": {"CNAME": ["www.example.org."]},
    "www.example.org": {"A": ["192.0.2.20"], "AAAA": ["2001:db8::20"], "TXT": ['"first" "second"']},
    "20.2.0.192.in-addr.arpa": {"PTR": ["www.example.org."]},
    "broken.example": SERVFAIL,
}


class World:
    """A folder, and what maps are opened with."""

    def __init__(self, folder: Path, nameserver: str = "127.0.0.1:9"):
        self.folder, self.clock = folder, ManualClock()
        (folder / "passwd").write_text(PASSWD)
        (folder / "hosts").write_text(HOSTS)
        self.nameserver = nameserver

    def open(self, kind, arguments="", *, host_services=("files",)):
        opened, self.complaints = open_map(MapDeclaration("m", kind, arguments), self.surroundings(host_services))
        return opened

    def surroundings(self, host_services=("files",)):
        clock = self.clock
        return Surroundings(
            clock=clock,
            logins=FileLogins(self.folder / "passwd", clock),
            resolver=DnsResolver(
                [self.nameserver], clock, timeout=timedelta(seconds=LONG), hosts_file=Path("/nonexistent")
            ),
            records=DnsClient([self.nameserver], LONG),
            hosts_file=self.folder / "hosts",
            host_services=host_services,
            domain="example.org",
            folder=self.folder,
            stab={"Ann": "ann@example.org"},
        )

    def ask(self, opened, key, *arguments):
        return asyncio.run(asked(opened, key, arguments))


async def asked(opened, key, arguments=()):
    try:
        return await opened.lookup(key, arguments)
    finally:
        opened.close()
        await asyncio.sleep(0)


def index_of(text):
    steps, answer = index_aliases(text.splitlines(keepends=True)), None
    try:
        while True:
            name = steps.send(answer).text.strip()
            answer = AliasName(name, name, is_aliasable=True)
    except StopIteration as end:
        return end.value


class Subject:
    """One class of maps in which ``ann`` has a value, and a way to break its source."""

    def __init__(self, kind, world):
        self.world, self.file, self.flags = world, world.folder / "source", ""
        self.kind, self.value, self.key = kind.partition(" ")[0], "ann@example.org", "ann"
        getattr(self, "_" + kind.replace(" ", "_"))()

    def open(self, flags="", file=None):
        return self.world.open(self.kind, f"{flags} {self.flags} {self.arguments if file is None else file}")

    @property
    def arguments(self):
        return str(self.file)

    def _hash(self):
        shutil.copy(RECORDED / "small.hash.db", self.world.folder / "source.db")
        self.key, self.broken = "alice", self.world.folder / "source.db"

    def _btree(self):
        self._hash()
        shutil.copy(RECORDED / "small.btree.db", self.world.folder / "source.db")

    def _dbm(self):
        self._hash()

    def _hash_text(self):
        self.file.write_text("# makemap\nann\tann@example.org\nbob\tb\n")
        self.broken = self.file

    def _text(self):
        self._hash_text()
        self.flags = "-v1"

    def _implicit(self):
        self.file.write_text("# aliases\nAnn: ann@example.org\n")
        write_alias_index(self.file, index_of(self.file.read_bytes()))
        self.broken = None

    def _implicit_text(self):
        self.file.write_text("Ann: ann@example.org\n")
        self.broken = self.file

    def _user(self):
        self.flags, self.file, self.value = "-v dir", "", "/home/ann"
        self.broken = self.world.folder / "passwd"

    def _program(self):
        self.file.write_text('#!/bin/sh\n[ "$1" = ann ] && echo ann@example.org\n')
        self.file.chmod(0o755)
        self.broken = self.file

    def _stab(self):
        self.broken = None


CLASSES = ["hash", "btree", "dbm", "hash text", "text", "implicit", "implicit text", "user", "program", "stab"]
BREAKABLE = ["hash", "btree", "hash text", "text", "implicit text", "user", "program"]


@pytest.fixture(params=CLASSES)
def subject(request, tmp_path):
    return Subject(request.param, World(tmp_path))


@pytest.fixture(params=BREAKABLE)
def breakable(request, tmp_path):
    return Subject(request.param, World(tmp_path))


def test_a_key_that_is_there_has_its_value(subject):
    answer = subject.world.ask(subject.open(), subject.key)

    assert (answer.status, answer.value) == (MapStatus.FOUND, subject.value)


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind != "program"])
def test_keys_compare_without_case(kind, tmp_path):
    subject = Subject(kind, World(tmp_path))

    assert subject.world.ask(subject.open(), subject.key.upper()).value == subject.value


@pytest.mark.parametrize(
    "key", ["nosuch", "", "ann ", "an", "a\0", "\n", "\ue000\ue00a", "k" * 10_000, "%0", "\xff\xe9", "../ann", "-x"]
)
def test_a_key_that_is_not_there_is_not_found(subject, key):
    answer = subject.world.ask(subject.open(), key)

    assert (answer.status, answer.value) == (MapStatus.NOT_FOUND, None)


def test_a_suffix_is_appended(subject):
    assert subject.world.ask(subject.open("-a.x"), subject.key).value == subject.value + ".x"


def test_a_map_that_only_matches_returns_the_key(subject):
    assert subject.world.ask(subject.open("-m -a."), subject.key).value == subject.key + "."


def test_a_source_that_breaks_is_temporary_and_never_not_found(breakable):
    opened = breakable.open()
    breakable.world.ask(opened, breakable.key)
    breakable.broken.unlink()
    breakable.world.clock.advance(1)

    answer = breakable.world.ask(opened, breakable.key)

    assert answer.status is MapStatus.TEMPORARY
    assert answer.value is None
    assert answer.reason.startswith("map m: ")


def test_a_source_that_breaks_is_marked_where_the_map_says_so(breakable):
    breakable.broken.unlink()

    answer = breakable.world.ask(breakable.open("-T<TMPF>"), "some.key")

    assert (answer.status, answer.value) == (MapStatus.TEMPORARY, "some.key<TMPF>")


@pytest.mark.parametrize("kind", ["hash", "btree", "dbm", "text", "implicit"])
def test_an_optional_file_that_is_not_there_is_empty(kind, tmp_path):
    world = World(tmp_path)

    answer = world.ask(world.open(kind, f"-o {tmp_path}/none"), "ann")

    assert answer.status is MapStatus.NOT_FOUND
    assert "not open" in answer.reason


@pytest.mark.parametrize(
    ("kind", "said"),
    [("hash", "missing map file {}/none.db: No such file or directory"), ("text", "unsafe map file {}/none")],
)
def test_sendmails_words_are_there_for_a_file_that_is_missing(kind, said, tmp_path):
    world = World(tmp_path)

    answer = world.ask(world.open(kind, f"{tmp_path}/none"), "ann")

    assert answer.status is MapStatus.TEMPORARY
    assert answer.notice == f'{kind} map "m": {said.format(tmp_path)}'


@pytest.mark.parametrize("kind", ["hash", "text", "implicit"])
def test_a_file_that_is_no_file_is_temporary(kind, tmp_path):
    world = World(tmp_path)
    (tmp_path / "folder").mkdir()

    assert world.ask(world.open(kind, f"-o {tmp_path}/folder"), "ann").status is MapStatus.TEMPORARY


# Databases.


def test_a_text_that_is_newer_than_its_database_answers(tmp_path):
    subject = Subject("hash", World(tmp_path))
    opened = subject.open()
    assert subject.world.ask(opened, "carla").status is MapStatus.NOT_FOUND
    subject.file.write_text("carla c@example.org\n")
    make_newer(subject.file, than=subject.broken)
    subject.world.clock.advance(1)

    assert subject.world.ask(opened, "carla").value == "c@example.org"
    assert subject.world.ask(opened, "alice").status is MapStatus.NOT_FOUND


def make_newer(path, *, than):
    """What is written within one tick of the file system's clock has the same time."""
    second = 1_000_000_000
    later = than.stat().st_mtime_ns + second
    os.utime(path, ns=(later, later))


def test_a_damaged_database_is_temporary(tmp_path):
    subject = Subject("hash", World(tmp_path))
    subject.broken.write_bytes(b"x" * 5000)

    answer = subject.world.ask(subject.open(), "alice")

    assert answer.status is MapStatus.TEMPORARY
    assert "neither a hash nor a btree" in answer.reason


def test_a_database_rewritten_in_place_is_read_afresh(tmp_path):
    subject = Subject("hash", World(tmp_path))
    opened = subject.open()
    assert subject.world.ask(opened, "list").status is MapStatus.NOT_FOUND
    with subject.broken.open("r+b") as file:
        file.truncate()
        file.write((RECORDED / "dups.hash.db").read_bytes())
    make_newer(subject.broken, than=subject.broken)

    assert subject.world.ask(opened, "list").value == "member00@example.org"


def test_a_lookup_waits_while_makemap_writes(tmp_path):
    subject = Subject("hash", World(tmp_path))

    async def ask_while_locked(opened, writer):
        fcntl.flock(writer, fcntl.LOCK_EX)
        asking = asyncio.ensure_future(opened.lookup("alice", ()))
        for _ in range(3):
            await asyncio.sleep(0)
        has_waited = not asking.done()
        fcntl.flock(writer, fcntl.LOCK_UN)
        return has_waited, await asking

    with subject.broken.open("rb") as writer:
        has_waited, answer = asyncio.run(ask_while_locked(subject.open(), writer))

    assert has_waited
    assert answer.value == subject.value


def test_keys_with_nulls_are_found_unless_the_map_says_otherwise(tmp_path):
    world = World(tmp_path)
    shutil.copy(RECORDED / "nulls.hash.db", tmp_path / "n.db")

    assert world.ask(world.open("hash", f"{tmp_path}/n"), "alice").value == "ann@example.org"
    assert world.ask(world.open("hash", f"-N {tmp_path}/n"), "alice").value == "ann@example.org"
    assert world.ask(world.open("hash", f"-O {tmp_path}/n"), "alice").status is MapStatus.NOT_FOUND


def test_values_take_arguments(tmp_path):
    world = World(tmp_path)
    shutil.copy(RECORDED / "small.hash.db", tmp_path / "m.db")

    opened = world.open("hash", f"{tmp_path}/m")

    assert world.ask(opened, "@virtual.example", "hello").value == "hello+rest@catch.example"
    assert world.ask(opened, "@virtual.example").value == "+rest@catch.example"


# Aliases.


def test_aliases_that_are_newer_than_their_index_count_and_newaliases_is_asked_for(tmp_path):
    clock = ManualClock()
    text = tmp_path / "aliases"
    text.write_text("ann: old\n")
    write_alias_index(text, index_of(text.read_bytes()))
    source = AliasSource(text, MapArguments(), clock)
    assert asyncio.run(source.find("ann", ())).value == "old"
    assert source.warning == ""
    text.write_text("ann: new,\n  bob\n")
    os.utime(text, ns=(2**62, 2**62))
    clock.advance(1)

    answer = asyncio.run(source.find("ANN", ()))

    assert (answer.value, answer.origin.line) == ("new,  bob", 2)
    assert source.warning == f"WARNING: cannot open alias database {text}; reading text version"


def test_a_database_that_another_newaliases_left_answers(tmp_path):
    shutil.copy(RECORDED / "nulls.hash.db", tmp_path / "aliases.db")
    world = World(tmp_path)

    assert world.ask(world.open("implicit", f"{tmp_path}/aliases"), "Alice").value == "ann@example.org"


# Text.


@pytest.mark.parametrize(
    ("flags", "line", "key", "value"),
    [
        pytest.param("", "Key one two", "key", "Key", id="the key is the value"),
        pytest.param("-v1", "key one two", "key", "one", id="a value is one word"),
        pytest.param("-k 2 -v 0", "one two key", "key", "one", id="other columns"),
        pytest.param("-z: -v 4", "ann:x:1:2:Ann E:/home", "ann", "Ann E", id="a delimiter"),
        pytest.param("-v1 -z\\t", "a key\ta value ", "a key", "a value ", id="tabs"),
        pytest.param("-v1", "Key One", "kEY", "One", id="case of the file does not matter"),
        pytest.param("-v 3", "key one", "key", None, id="no such column"),
        pytest.param("", "#key one", "#key", None, id="a comment"),
        pytest.param("-v1", "key first\nkey second", "key", "first", id="the first line counts"),
    ],
)
def test_a_text_map_has_columns(flags, line, key, value, tmp_path):
    world = World(tmp_path)
    (tmp_path / "t").write_text(line + "\n")

    assert world.ask(world.open("text", f"{flags} {tmp_path}/t"), key).value == value


@pytest.mark.parametrize(
    ("octets", "status"), [(MAX_LINE_OCTETS, MapStatus.FOUND), (MAX_LINE_OCTETS + 1, MapStatus.TEMPORARY)]
)
def test_a_line_of_a_text_map_has_a_bound(octets, status, tmp_path):
    world = World(tmp_path)
    (tmp_path / "t").write_text("key " + "v" * (octets - 4) + "\n")

    assert world.ask(world.open("text", f"{tmp_path}/t"), "key").status is status


@pytest.mark.parametrize(("kind", "flags"), [("text", "-k name /f"), ("user", "-v 4"), ("user", "-v home")])
def test_what_needs_a_column_that_there_is_not_waits(kind, flags, tmp_path):
    world = World(tmp_path)

    opened = world.open(kind, flags)

    assert world.complaints
    assert world.ask(opened, "k").status is MapStatus.TEMPORARY
    assert world.ask(world.open(kind, f"-o {flags}"), "k").status is MapStatus.NOT_FOUND


# Accounts.


@pytest.mark.parametrize(
    ("flags", "value"),
    [
        ("", "ann"),
        ("-v name", "ann"),
        ("-v uid", "2001"),
        ("-v gid", "100"),
        ("-v gecos", "Ann Example"),
        ("-v shell", "/bin/sh"),
    ],
)
def test_a_user_map_has_fields(flags, value, tmp_path):
    world = World(tmp_path)

    assert world.ask(world.open("user", flags), "ann").value == value


# Programs.


@pytest.mark.parametrize(
    ("script", "status", "value"),
    [
        pytest.param("echo one; echo two", MapStatus.FOUND, "one", id="the first line"),
        pytest.param("echo one; exit 1", MapStatus.NOT_FOUND, None, id="it fails"),
        pytest.param("exit 75", MapStatus.TEMPORARY, None, id="it cannot say now"),
        pytest.param("kill -9 $$", MapStatus.TEMPORARY, None, id="it is killed"),
        pytest.param("exit 0", MapStatus.NOT_FOUND, None, id="it says nothing"),
        pytest.param("echo; echo two", MapStatus.FOUND, "", id="an empty line is a value"),
        pytest.param("head -c 3000 /dev/zero | tr '\\0' x", MapStatus.TEMPORARY, None, id="a line too long"),
        pytest.param("cat /dev/zero", MapStatus.TEMPORARY, None, id="output without end"),
        pytest.param('echo "$#:$1:$2:$3"', MapStatus.FOUND, "3:a:b:k e y", id="the key is one argument, the last"),
    ],
)
def test_a_program_map_is_judged_by_its_exit_status(script, status, value, tmp_path):
    world = World(tmp_path)
    (tmp_path / "p").write_text("#!/bin/sh\n" + script + "\n")
    (tmp_path / "p").chmod(0o755)

    answer = world.ask(world.open("program", f"{tmp_path}/p a  b"), "k e y")

    assert (answer.status, answer.value) == (status, value)


@needs_root
def test_a_program_runs_as_somebody_without_rights(tmp_path):
    source = ProgramSource(read_map_arguments("program", "/bin/sh -c id"), Identity(65534, 65534))

    value = asyncio.run(source.find("x", ())).value

    assert value.startswith("uid=65534")
    assert "root" not in value


def test_a_program_that_never_ends_is_ended_with_its_children(tmp_path):
    marker = tmp_path / "child"
    script = tmp_path / "p"
    script.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {marker}.begun\nmv {marker}.begun {marker}\nwait\n")
    script.chmod(0o755)
    for limit in (1, 10, 100):  # a program that is only begun when its time is over has no children yet
        source = ProgramSource(read_map_arguments("program", str(script)), None, time_limit_seconds=limit)

        answer = asyncio.run(source.find("x", ()))

        assert answer.status is MapStatus.TEMPORARY
        assert "longer than" in answer.reason
        if marker.exists():
            break
    until(lambda: has_ended(int(marker.read_text())), "the child to end")


# Servers.


@pytest.mark.parametrize(
    ("said", "status", "value"),
    [
        pytest.param(netstring(b"OK one two"), MapStatus.FOUND, "one two", id="found"),
        pytest.param(netstring(b"OK "), MapStatus.FOUND, "", id="found empty"),
        pytest.param(netstring(b"NOTFOUND "), MapStatus.NOT_FOUND, None, id="not found"),
        pytest.param(netstring(b"TEMP later"), MapStatus.TEMPORARY, None, id="later"),
        pytest.param(netstring(b"TIMEOUT"), MapStatus.TEMPORARY, None, id="it waited in vain"),
        pytest.param(netstring(b"PERM never"), MapStatus.BROKEN, None, id="never"),
        pytest.param(netstring(b"WHAT"), MapStatus.TEMPORARY, None, id="no word of the protocol"),
        pytest.param(b"4:OK a;", MapStatus.TEMPORARY, None, id="no comma"),
        pytest.param(b"nonsense", MapStatus.TEMPORARY, None, id="no length"),
        pytest.param(b"100001:", MapStatus.TEMPORARY, None, id="too long"),
        pytest.param(netstring(b"OK " + b"v" * 99_997), MapStatus.FOUND, "v" * 99_997, id="as long as may be"),
    ],
)
def test_a_socket_map_believes_its_server(said, status, value, tmp_path):
    world = World(tmp_path)
    with SocketmapServer(tmp_path / "s", lambda _: said) as server:
        answer = world.ask(world.open("socket", f"-d 100 local:{tmp_path}/s"), "Key")

    assert (answer.status, answer.value) == (status, value)
    assert server.questions == [b"5:m key,"]


def test_a_server_that_says_nothing_is_given_up(tmp_path):
    world = World(tmp_path)
    with SocketmapServer(tmp_path / "s", lambda _: None):
        answer = world.ask(world.open("socket", f"-d 1s local:{tmp_path}/s"), "key")

    assert answer.status is MapStatus.TEMPORARY
    assert "within" in answer.reason


def test_a_connection_is_kept_and_made_again_when_the_server_has_closed_it(tmp_path):
    world = World(tmp_path)

    async def ask_three_times(opened, server):
        answers = [await opened.lookup("one", ()), await opened.lookup("two", ())]
        server.closes_after_answer = True
        return [*answers, await opened.lookup("three", ()), await asked(opened, "four")]

    with SocketmapServer(tmp_path / "s", lambda _: netstring(b"OK v")) as server:
        answers = asyncio.run(ask_three_times(world.open("socket", f"local:{tmp_path}/s"), server))

    assert [answer.value for answer in answers] == ["v", "v", "v", "v"]
    assert server.connections == 2


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("", MapStatus.BROKEN),
        *((place, MapStatus.TEMPORARY) for place in ("x:y", "inet:25", "inet:0@localhost", "local:relative")),
    ],
)
def test_a_socket_that_makes_no_sense_is_complained_of(place, status, tmp_path):
    world = World(tmp_path)

    assert world.ask(world.open("socket", place), "key").status is status
    assert world.complaints


# Hosts and DNS.


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("www", "www.example.org."),
        ("WWW.Example.Org", "www.example.org."),
        ("www.example", "www.example.org."),
        ("www.example.org.", "www.example.org."),
        ("localhost", "localhost.example.org."),
        ("[192.0.2.20]", "www.example.org."),
        ("nosuch", None),
        ("[192.0.2.99]", None),
        ("[192.0.2.20", None),
        ("[nonsense]", None),
    ],
)
def test_the_hosts_file_knows_canonical_names(key, value, tmp_path):
    world = World(tmp_path)

    assert world.ask(world.open("host", "-a."), key).value == value


@pytest.fixture
def dns_world(tmp_path):
    with DnsServer(ZONE) as server:
        yield World(tmp_path, server.address)


@pytest.mark.parametrize(
    ("key", "status", "value"),
    [
        ("alias.example.org", MapStatus.FOUND, "www.example.org"),
        ("alias", MapStatus.FOUND, "www.example.org"),
        ("example.org", MapStatus.FOUND, "example.org"),
        ("[192.0.2.20]", MapStatus.FOUND, "www.example.org"),
        ("nosuch.example.org", MapStatus.NOT_FOUND, None),
        ("broken.example", MapStatus.TEMPORARY, None),
        ("", MapStatus.NOT_FOUND, None),
    ],
)
def test_dns_knows_canonical_names(key, status, value, dns_world):
    answer = dns_world.ask(dns_world.open("host", host_services=("nis", "dns")), key)

    assert (answer.status, answer.value) == (status, value)


def test_a_service_that_cannot_answer_lets_the_next_one_speak(dns_world):
    (dns_world.folder / "hosts").write_text("192.0.2.7 broken.example\n")

    answer = dns_world.ask(dns_world.open("host", host_services=("dns", "files")), "broken.example")

    assert answer.value == "broken.example"


@pytest.mark.parametrize(
    ("arguments", "key", "status", "value"),
    [
        ("-R MX", "example.org", MapStatus.FOUND, "mx1.example.org"),
        ("-R MX -z,", "example.org", MapStatus.FOUND, "mx1.example.org,mx2.example.org"),
        ("-R MX -z, -Z 1", "example.org", MapStatus.FOUND, "mx1.example.org"),
        ("-R A", "www.example.org", MapStatus.FOUND, "192.0.2.20"),
        ("-R AAAA", "www.example.org", MapStatus.FOUND, "IPv6:2001:db8:0:0:0:0:0:20"),
        ("-R TXT -B example.org", "www", MapStatus.FOUND, "first"),
        ("-R CNAME", "alias.example.org", MapStatus.FOUND, "www.example.org"),
        ("-R A", "nosuch.example.org", MapStatus.NOT_FOUND, None),
        ("-R A", "broken.example", MapStatus.TEMPORARY, None),
        ("-R NONSENSE", "example.org", MapStatus.BROKEN, None),
        ("", "example.org", MapStatus.BROKEN, None),
    ],
)
def test_a_dns_map_asks_for_one_type(arguments, key, status, value, dns_world):
    answer = dns_world.ask(dns_world.open("dns", arguments), key)

    assert (answer.status, answer.value) == (status, value)


@pytest.mark.parametrize(
    ("arguments", "key", "status", "value"),
    [
        ("", "example.org", MapStatus.FOUND, "mx1.example.org."),
        ("-z:", "example.org", MapStatus.FOUND, "mx1.example.org.:mx2.example.org."),
        ("", "www.example.org", MapStatus.FOUND, "www.example.org"),
        ("", "nosuch.example.org", MapStatus.NOT_FOUND, None),
        ("", "broken.example", MapStatus.TEMPORARY, None),
    ],
)
def test_bestmx_says_where_mail_goes_first(arguments, key, status, value, dns_world):
    answer = dns_world.ask(dns_world.open("bestmx", arguments), key)

    assert (answer.status, answer.value) == (status, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("192.0.2.1", "1.2.0.192"),
        ("IPv6:2001:db8::1", "1.0.0.0." + "0.0.0.0." * 5 + "8.b.d.0.1.0.0.2"),
        ("2001:db8::1", None),
        ("IPv6:192.0.2.1", None),
        ("www", None),
    ],
)
def test_arpa_turns_addresses_round(key, value, tmp_path):
    world = World(tmp_path)

    assert world.ask(world.open("arpa"), key).value == value


# Classes that only log, or cannot be asked.


def test_a_syslog_map_finds_nothing_but_the_empty_value(tmp_path):
    world = World(tmp_path)

    assert world.ask(world.open("syslog", "-L notice"), "key").value == ""
    assert world.ask(world.open("syslog", "-L nonsense"), "key").status is MapStatus.BROKEN


@pytest.mark.parametrize("kind", ["nis", "nisplus", "ph", "hesiod", "netinfo", "userdb", "nosuch"])
def test_a_class_that_nobody_can_ask_defers_and_says_what_to_do(kind, tmp_path):
    world = World(tmp_path)

    answer = world.ask(world.open(kind, "somewhere"), "key")

    assert answer.status is MapStatus.TEMPORARY
    assert answer.reason
    assert world.complaints


# All maps of a configuration, and who asks them.


def _declared(*lines):
    return {name.lower(): MapDeclaration(name, kind, arguments) for name, kind, arguments in lines}


def test_a_configuration_has_a_host_map_of_its_own(tmp_path):
    opened = open_maps(_declared(("arith", "arith", "")), World(tmp_path).surroundings())

    assert set(opened.maps) == {"host"}
    with MapAnswersNow(MapAnswers(opened.maps, ManualClock())) as maps:
        assert maps.ask(MapQuestion("host", "www")).value == "www.example.org."


def test_complaints_name_the_map(tmp_path):
    opened = open_maps(
        _declared(("Odd", "hash", "-y /f"), ("Gone", "nis", "mail.aliases")), World(tmp_path).surroundings()
    )

    assert [problem.wrong.partition(":")[0] for problem in opened.problems] == ["map Odd", "map Gone"]


def _two_questions():
    first = yield MapQuestion("Hash", "ann")
    second = yield MapQuestion("nosuch", "ann")
    return first.value, second.status


def test_a_generator_is_driven_to_its_end_with_and_without_a_loop(tmp_path):
    (tmp_path / "f").write_text("ann a@example.org\n")
    world = World(tmp_path)
    answers = MapAnswers(open_maps(_declared(("hash", "hash", "f")), world.surroundings()).maps, world.clock)

    with MapAnswersNow(answers) as now:
        assert now.answer_all(_two_questions()) == ("a@example.org", MapStatus.BROKEN)
    assert asyncio.run(answers.answer_all(_two_questions())) == ("a@example.org", MapStatus.BROKEN)


def test_answers_are_remembered_for_a_second_and_no_longer(tmp_path):
    (tmp_path / "f").write_text("ann old\n")
    world = World(tmp_path)
    maps = open_maps(_declared(("hash", "hash", "f")), world.surroundings()).maps
    answers, question = MapAnswers(maps, world.clock), MapQuestion("hash", "ann")

    assert asyncio.run(answers.ask(question)).value == "old"
    (tmp_path / "f").write_text("ann newer\n")
    assert answers.remembered(question) is not None
    world.clock.advance(1)
    assert answers.remembered(question) is None
    assert asyncio.run(answers.ask(question)).value == "newer"


def test_memory_of_answers_is_bounded(tmp_path):
    (tmp_path / "f").write_text("ann old\n")
    world = World(tmp_path)
    answers = MapAnswers(open_maps(_declared(("hash", "hash", "f")), world.surroundings()).maps, world.clock, size=3)

    for number in range(4):
        asyncio.run(answers.ask(MapQuestion("hash", f"key{number}")))

    assert [answers.remembered(MapQuestion("hash", f"key{number}")) is not None for number in range(4)] == [
        False,
        True,
        True,
        True,
    ]


def test_what_could_not_be_answered_is_asked_again(tmp_path):
    world = World(tmp_path)
    answers = MapAnswers(open_maps(_declared(("hash", "hash", "f")), world.surroundings()).maps, world.clock)

    asyncio.run(answers.ask(MapQuestion("hash", "ann")))

    assert answers.remembered(MapQuestion("hash", "ann")) is None
