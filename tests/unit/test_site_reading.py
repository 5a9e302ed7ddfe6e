"""What a site file says, and what is there without being said."""

import os
import time
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posthouse.mail.lookup import BUILTIN
from posthouse.mail.queued import REPORT_CHANNEL
from posthouse.site.model import ChannelKind, DomainKind, MailboxFormat, Site, TableKind, TlsUse
from posthouse.site.toml import SiteError, read_site
from posthouse.site.toml.channels import RESERVED
from posthouse.wiring.delivering import Owner, deliver_settings

NAME = '[site]\nname = "mail.example.org"\n'


@pytest.fixture
def site(tmp_path):
    """Return a function that reads a site file of this text."""

    def read(text, head=NAME):
        (tmp_path / "site.toml").write_text(head + text)
        return read_site(tmp_path / "site.toml")

    return read


def test_a_name_is_all_that_a_site_needs(site, tmp_path):
    read = site("")

    assert (read.name, read.home, read.file) == ("mail.example.org", tmp_path, tmp_path / "site.toml")
    assert (read.spool, read.run) == (tmp_path / "spool", tmp_path / "run")
    assert {name: channel.kind for name, channel in read.channels.items()} == {
        "smtp": ChannelKind.SMTP,
        "local": ChannelKind.LOCAL,
    }
    assert read.channels["local"].mailbox == f"{tmp_path}/mail/{{user}}/"
    assert [(rule.pattern, rule.channel, rule.origin) for rule in read.routes] == [("*", "smtp", BUILTIN)]
    assert [listener.address for listener in read.listeners] == [f"unix:{tmp_path}/run/submit.sock"]


def test_everything_has_its_line(site):
    read = site(
        '[domains."example.org"]\n[channels.smtp]\n[[route]]\nhost = "*"\nchannel = "smtp"\n'
        '[tables.t]\nentries.ann = "x"\n[[aliases]]\ntable = "t"\n[[listener]]\naddress = "127.0.0.1:0"\n'
    )

    parts = [*read.domains.values(), read.channels["smtp"], *read.routes, *read.tables.values()]
    parts += [*read.aliases, read.listeners[0]]
    assert [part.origin.line for part in parts] == [3, 4, 5, 8, 10, 12]
    assert read.tables["t"].entries[0][2].line == 9
    assert str(parts[0].origin).endswith("site.toml:3")


def test_domains(site):
    read = site(
        '[domains."Example.ORG."]\nusers = ["t", "login-names"]\nsubdomains = true\n'
        '[domains."example.net"]\nkind = "relay"\nrecipients = ["t"]\n[tables.t]\nentries = {}\n'
    )

    local, relay = read.domains["example.org"], read.domains["example.net"]
    assert (local.kind, local.users, local.login_names, local.subdomains) == (DomainKind.LOCAL, ("t",), True, True)
    assert (relay.kind, relay.recipients, relay.login_names) == (DomainKind.RELAY, ("t",), False)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        pytest.param('[retry]\nwarn-after = "never"', "retry.warn_after", None, id="no delay warnings"),
        pytest.param('[retry]\nmax-delay = "1h30m"', "retry.max_delay", timedelta(minutes=90), id="two units"),
        pytest.param('[timeouts]\nquit = "500ms"', "timeouts.quit", timedelta(seconds=0.5), id="milliseconds"),
        pytest.param('[limits]\ntext-octets = "64K"', "limits.text_octets", 65536, id="size at its least"),
        pytest.param("[limits]\ntext-octets = 65537", "limits.text_octets", 65537, id="size in octets"),
        pytest.param("[limits]\nrecipients = 100", "limits.recipients", 100, id="number at its least"),
        pytest.param('[dns]\nservers = ["::1", "[::1]:53"]', "nameservers", ("::1", "[::1]:53"), id="name servers"),
        pytest.param('[metrics]\nlisten = "127.0.0.1:9125"', "metrics", "127.0.0.1:9125", id="metrics"),
        pytest.param("[concurrency]\nattempts = 7", "concurrency.attempts", 7, id="concurrency"),
    ],
)
def test_values(site, text, path, expected):
    value = site(text)
    for name in path.split("."):
        value = getattr(value, name)

    assert value == expected


def test_channels(site, tmp_path):
    read = site(
        '[channels.smtp]\nrelay = "[IPv6:2001:DB8::1]:587"\ntls = "must"\n[channels.local]\nformat = "mbox"\n'
        '[channels.store]\nkind = "lmtp"\nrelay = "unix:lmtp.sock"\n[timeouts]\nprogram = "7s"\n'
        '[channels.filter]\nkind = "program"\nargv = ["bin/filter", "{user}"]\n'
    )

    assert (read.channels["smtp"].relay, read.channels["smtp"].tls) == ("[2001:db8::1]:587", TlsUse.MUST)
    assert read.channels["local"].mailbox_format is MailboxFormat.MBOX
    assert read.channels["local"].mailbox == f"{tmp_path}/mail/{{user}}"
    assert read.channels["store"].relay == f"unix:{tmp_path}/lmtp.sock"
    assert read.channels["filter"].argv == (f"{tmp_path}/bin/filter", "{user}")
    assert read.channels["filter"].time_limit == timedelta(seconds=7)


def test_listeners_and_networks(site):
    read = site('[[listener]]\naddress = "[::1]:25"\nrelay-from = ["10.0.0.0/8", "::1", "2001:db8::/32"]')

    assert read.listeners[0].address == "[::1]:25"
    assert read.listeners[0].relay_from == tuple(map(ip_network, ("10.0.0.0/8", "::1", "2001:db8::/32")))


def test_aliases_in_their_short_form_keep_their_order(site):
    read = site('[aliases]\ntables = ["b", "a"]\npublic = true\n[tables]\na.entries = {}\nb.entries = {}\n')

    assert [(alias.table, alias.public, alias.origin.column) for alias in read.aliases] == [
        ("b", True, 11),
        ("a", True, 16),
    ]


def test_a_dbm_table_may_have_its_text_its_database_or_both(site, tmp_path):
    (tmp_path / "text").touch()
    (tmp_path / "built.dbm").touch()

    read = site('[tables]\na = { kind = "dbm", file = "text" }\nb = { kind = "dbm", file = "built" }\n')

    assert {table.kind for table in read.tables.values()} == {TableKind.DBM}
    assert read.files == (tmp_path / "site.toml", tmp_path / "text", tmp_path / "built")


def test_a_byte_order_mark_and_crlf_are_no_mistake(tmp_path):
    (tmp_path / "s").write_bytes(b'\xef\xbb\xbf[site]\r\nname = "a.example"\r\n')

    assert read_site(tmp_path / "s").name == "a.example"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "s: there is no table [site]; add [site]", id="empty"),
        pytest.param(b"# \xff", "s:1:3: the file is not UTF-8; save it as UTF-8", id="Latin-1"),
        pytest.param(
            b"[site]\nx = '\xe9'", "s:2:6: the file is not UTF-8; save it as UTF-8", id="Latin-1 further down"
        ),
        pytest.param(b"a = " + b"[" * 20_000, "s: the file nests arrays or tables too deeply", id="deep"),
        pytest.param(b"a = " + b"9" * 5000, "s: the file is not TOML: Exceeds the limit", id="a huge number"),
        pytest.param(b"#" * (10 * 1024 * 1024 + 1), "s: the file is larger than 10485760 octets", id="one too large"),
    ],
)
def test_a_file_that_is_no_site_file(tmp_path, content, expected):
    (tmp_path / "s").write_bytes(content)

    with pytest.raises(SiteError) as caught:
        read_site(tmp_path / "s")

    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(expected)


def test_a_site_file_that_is_a_directory_or_missing_or_closed(tmp_path):
    (tmp_path / "closed").write_text(NAME)
    (tmp_path / "closed").chmod(0)
    said = {}
    for name in (".", "missing", "closed"):
        try:
            read_site(tmp_path / name)
        except SiteError as error:
            said[name] = str(error)

    assert "this is a directory" in said["."]
    assert "No such file" in said["missing"]
    assert os.geteuid() == 0 or "Permission denied" in said["closed"]


def test_two_hundred_domains_are_read_at_once(site):
    text = "".join(
        f'[domains."d{n}.example"]\nusers = ["login-names"]\n[channels.c{n}]\nkind = "smtp"\nrelay = "[192.0.2.1]:25"\n'
        f'[[route]]\nhost = "*.d{n}.example"\nchannel = "c{n}"\n'
        for n in range(200)
    )

    start = time.process_time()
    read = site(text)

    assert time.process_time() - start < 10  # a two-hundredth of that on an idle machine
    assert (len(read.domains), len(read.channels), len(read.routes)) == (200, 202, 201)


def test_the_reserved_channel_is_the_one_of_the_queue():
    assert RESERVED == REPORT_CHANNEL


EXAMPLE = (Path(__file__).parents[2] / "examples" / "site.toml").read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=100) | st.tuples(st.integers(0, len(EXAMPLE)), st.integers(0, 9), st.binary(max_size=9)))
def test_any_octets_give_a_site_or_a_site_error(tmp_path, content):
    """Any octets, also a good file with something cut out and put in, give a Site or a SiteError."""
    if isinstance(content, tuple):
        at, length, put = content
        content = EXAMPLE[:at] + put + EXAMPLE[at + length :]
    (tmp_path / "site.toml").write_bytes(content)

    problems = problems_of(tmp_path / "site.toml")

    assert all(problem.wrong and problem.right for problem in problems)
    assert len(str(SiteError(problems)).splitlines()) == len(problems)


def problems_of(file):
    """Return what is wrong with a site file; nothing when it is good."""
    try:
        assert isinstance(read_site(file), Site)
    except SiteError as error:
        return error.problems
    return ()


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        pytest.param("", 10, id="nothing said"),
        pytest.param('[concurrency]\nlease = "2m"\n', 2, id="said"),
        pytest.param('[concurrency]\nlease = "1d"\n', 24 * 60, id="the longest"),
    ],
)
def test_the_site_says_how_long_a_lease_holds(site, text, minutes):
    assert deliver_settings(site(text), Owner("deliver-0")).lease == timedelta(minutes=minutes)
