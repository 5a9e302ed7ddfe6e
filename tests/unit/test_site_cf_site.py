"""A sendmail.cf as a Site, and the frozen form of what was read."""

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from posthouse.adapters import cf_world
from posthouse.adapters.cf_surroundings import run_program, surroundings_of
from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.frozen_cf import read_cf_frozen
from posthouse.adapters.table_sources import open_tables
from posthouse.channels import mailer_runs
from posthouse.cli.main import posthouse
from posthouse.site.cf import read_site
from posthouse.site.cf.blame import HEEDED, WITHOUT_EFFECT
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.frozen import freeze, thaw
from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.options.table import OPTIONS
from posthouse.site.cf.reader import read_cf
from posthouse.site.model import ChannelKind, DomainKind
from posthouse.site.problems import SiteError

MX1 = Surroundings(Machine("mx1", "mx1.example.org", ("mx1",), ("192.0.2.10",)))
MAILERS = (
    "Mlocal, P=/bin/mail, F=lsDFMAw5:/|@q, D=$z:/tmp, A=mail -f $g -d $u\n"
    "Mesmtp, P=[IPC], F=mDFMuXa, E=\\r\\n, r=40, A=TCP $h\n"
    "Msubmit, P=[IPC], F=mDFMuXa, A=TCP relay.example.net 587\n"
    "Mcyrus, P=[IPC], F=lsz, A=FILE /run/lmtp\n"
    "Muucp, P=/usr/bin/uux, F=DFMU, A=uux - -a$g $h!rmail ($u)\n"
    "Mpipe, P=/usr/bin/pipesmtp, F=m, A=pipesmtp $h\n"
)


@pytest.fixture
def write(tmp_path):
    def _write(text: str) -> Path:
        path = tmp_path / "sendmail.cf"
        path.write_text(f"V10/Berkeley\nDjmx1.example.org\n{text}\n{MAILERS}")
        return path

    return _write


@pytest.fixture
def site_of(write):
    return lambda text="": read_site(write(text), MX1)


def test_mailers_become_channels_as_far_as_they_can(site_of):
    site = site_of("O HeloName=out.example.org\nO ConnectionCacheSize=3\nO ConnectionCacheTimeout=1m")
    channels = site.channels

    assert list(channels) == ["prog", "*file*", "local", "esmtp", "submit", "cyrus", "uucp", "pipe"]
    assert channels["local"].argv == ("/bin/mail", "-f", "{sender}", "-d", "{user}")
    assert channels["local"].directory == Path("/tmp")
    assert channels["uucp"].argv == ("/usr/bin/uux", "-", "-a{sender}", "{domain}!rmail", "({recipient})")
    assert (channels["esmtp"].kind, channels["esmtp"].relay) == (ChannelKind.SMTP, "")
    assert (channels["esmtp"].helo, channels["esmtp"].recipients_per_attempt) == ("out.example.org", 40)
    assert (channels["esmtp"].keep_connections, channels["esmtp"].idle) == (3, timedelta(minutes=1))
    assert channels["submit"].relay == "relay.example.net:587"
    assert (channels["cyrus"].kind, channels["cyrus"].relay) == (ChannelKind.LMTP, "unix:/run/lmtp")
    assert site.complaints == ()
    assert [(route.pattern, route.channel) for route in site.routes] == [("*", "esmtp")]


def test_class_w_is_local(site_of):
    domains = site_of("Cwexample.org").domains

    assert set(domains) == {"mx1", "mx1.example.org", "example.org", "[192.0.2.10]"}
    assert {domain.kind for domain in domains.values()} == {DomainKind.LOCAL}


@pytest.mark.parametrize(
    ("options", "addresses"),
    [
        ("", ["0.0.0.0:25"]),
        ("O DaemonPortOptions=Name=MTA\nO DaemonPortOptions=Port=587, Name=MSA, M=E", ["0.0.0.0:25", "0.0.0.0:587"]),
        ("O DaemonPortOptions=Addr=127.0.0.1, Port=smtps", ["127.0.0.1:465"]),
        ("O DaemonPortOptions=Family=inet6, Port=2525", ["[::]:2525"]),
        ("O DaemonPortOptions=Family=local, Addr=/run/smtp", ["unix:/run/smtp"]),
        ("O DaemonPortOptions=Addr=nonsense", []),
        ("O DaemonPortOptions=Port=nonsense", []),
    ],
)  # fmt: skip
def test_daemons_are_listeners(site_of, options, addresses):
    site = site_of(options)

    listeners = [listener.address for listener in site.listeners if not listener.address.endswith("/submit.sock")]
    assert listeners == addresses
    assert len(site.complaints) == (1 if "nonsense" in options else 0)


def test_options_do_what_the_table_says(site_of):
    site = site_of(
        "O QueueDirectory=/q\nO AliasFile=/etc/aliases,hash:-o more\nO DeadLetterDrop=/dead\nO RunAsUser=mail:mail\n"
        "O MaxMessageSize=1000000\nO MaxHopCount=17\nO MaxRecipientsPerMessage=200\nO MaxDaemonChildren=12\n"
        "O MinFreeBlocks=4\nO MaxAliasRecursion=5\nO MaxHeadersLength=40000\n"
        "O Timeout.mail=7m\nO Timeout.datablock=8m\nO Timeout.queuereturn=2d\nO Timeout.queuewarn=0\n"
        "O Timeout.hoststatus=9m\nO MinQueueAge=3m\nO MaxQueueAge=30m\n"
        "O DoubleBounceAddress=root\nO PrivacyOptions=goaway"
    )

    assert (site.spool, site.user, site.dead_letters, site.postmaster) == (
        Path("/q/posthouse"), "mail", Path("/dead"), "root",
    )  # fmt: skip
    assert [str(table.path) for table in site.tables.values()] == ["/etc/aliases", str(site.home / "more")]
    assert (site.limits.text_octets, site.limits.hops, site.limits.recipients) == (1_000_000, 17, 200)
    assert (site.limits.connections, site.limits.spool_free_octets, site.limits.alias_depth) == (12, 4096, 5)
    assert site.limits.header_octets == 40_000
    assert (site.timeouts.mail, site.timeouts.data_block) == (timedelta(minutes=7), timedelta(minutes=8))
    assert (site.retry.expire_after, site.retry.warn_after) == (timedelta(days=2), None)
    assert (site.retry.dead_host, site.retry.first_delay, site.retry.max_delay) == (
        timedelta(minutes=9), timedelta(minutes=3), timedelta(minutes=30),
    )  # fmt: skip
    assert not site.vrfy
    assert site_of("").vrfy


def test_what_has_no_effect_is_listed_once_with_its_line(site_of):
    site = site_of(
        "O StatusFile=/x\nO Timeout.queuewarn=4h\nO Timeout.queuewarn.urgent=1h\nHX-A: b\nXf, S=local:/f\nQq, P=/q"
    )

    assert [(problem.origin.line, problem.wrong) for problem in site.without_effect] == [
        (3, "the option StatusFile has no effect"),
        (5, "the option Timeout.queuewarn.urgent has no effect"),
        (7, "the filter f is not asked"),
        (8, "the queue group q has no effect"),
    ]


def test_words_of_dont_blame_sendmail_without_effect_are_listed_by_name(site_of):
    site = site_of(
        "O DontBlameSendmail=Safe,forwardfileinunsafedirpath filedeliverytosymlink\n"
        "O DontBlameSendmail=MapInUnsafeDirPath"
    )

    assert [(problem.origin.line, problem.wrong, problem.right) for problem in site.without_effect] == [
        (
            3,
            "DontBlameSendmail: FileDeliveryToSymLink has no effect",
            "mail is never written through a symbolic link",
        ),
        (4, "DontBlameSendmail: MapInUnsafeDirPath has no effect", "maps are read whatever their rights"),
    ]


def test_every_word_of_dont_blame_sendmail_has_an_effect_or_a_reason():
    known = set(OPTIONS["DontBlameSendmail"].kind.choices)
    idle = [word.lower() for words in WITHOUT_EFFECT.values() for word in words.split()]

    assert sorted(idle) == sorted(known - {word.lower() for word in HEEDED} - {"safe"})


def test_the_words_of_dont_blame_sendmail_that_the_code_asks_for_are_those_with_an_effect():
    code = "".join(Path(module.__file__).read_text() for module in (cf_world, mailer_runs))

    asked_for = {word for word in OPTIONS["DontBlameSendmail"].kind.choices if f'"{word}"' in code}

    assert asked_for == {word.lower() for word in HEEDED}


@pytest.mark.parametrize("word", sorted(HEEDED))
def test_a_word_of_dont_blame_sendmail_with_an_effect_is_not_listed(site_of, word):
    assert site_of(f"O DontBlameSendmail={word}").without_effect == ()


def test_a_site_carries_its_whole_configuration(site_of):
    site = site_of("S3\nR$+\t$1")

    assert isinstance(site.cf, CfConfiguration)
    assert len(site.cf.program.rule_sets[3].rules) == 1


def test_errors_of_a_file_are_all_raised_at_once(write):
    with pytest.raises(SiteError) as caught:
        read_site(write("Zx\nS1\nRx y"), MX1)

    assert [problem.origin.line for problem in caught.value.problems] == [3, 5]


def test_check_lists_errors_with_their_place_and_exits_78(write):
    result = CliRunner().invoke(posthouse, ["check", "--site", str(write("Zx"))], standalone_mode=False)

    assert result.return_value == os.EX_CONFIG
    assert 'sendmail.cf:3:1: unknown configuration line "Zx"' in result.output


def test_check_lists_what_has_no_effect(write):
    path = write("O DontProbeInterfaces=True\nO StatusFile=/x")

    result = CliRunner().invoke(posthouse, ["check", "--site", str(path)], standalone_mode=False)

    assert result.return_value == os.EX_OK
    assert "sendmail.cf:4:1: the option StatusFile has no effect; counts are in the metrics" in result.output


def test_a_frozen_configuration_is_the_same(write, tmp_path):
    path = write("Cwexample.org\nS3\nR$+ $=w\t$@ $1 $&x\nHX-A: $g\nO QueueLA=8\nEPATH\nKa hash /a\nQq, P=/q")
    read = read_cf(path, MX1)

    frozen = freeze(read, MX1.machine)

    assert frozen is not None
    assert thaw(frozen, path, MX1) == read


@pytest.mark.parametrize("change", ["file", "class", "appeared", "machine", "damaged", "cut", "empty"])
def test_a_frozen_configuration_dies_with_what_it_was_made_of(write, tmp_path, change):
    words, missing = tmp_path / "words", tmp_path / "missing"
    words.write_text("one\n")
    path = write(f"Fx{words}\nFy-o {missing}")
    frozen = freeze(read_cf(path, MX1), MX1.machine)
    surroundings = MX1
    assert frozen is not None
    assert thaw(frozen, path, surroundings) is not None

    match change:
        case "file":
            path.write_text(path.read_text() + "Dxy\n")
        case "class":
            words.write_text("two\n")
        case "appeared":
            missing.write_text("three\n")
        case "machine":
            surroundings = Surroundings(Machine("mx2"))
        case "damaged":
            frozen = frozen[:50] + bytes([frozen[50] ^ 0xFF]) + frozen[51:]
        case "cut":
            frozen = frozen[:-10]
        case "empty":
            frozen = b""

    assert thaw(frozen, path, surroundings) is None


def test_the_frozen_file_is_rebuilt_silently(write, tmp_path):
    path, folder = write("Cxone"), tmp_path / "frozen"
    assert read_cf_frozen(path, MX1, folder) == read_cf(path, MX1)  # no folder: nothing is kept
    folder.mkdir()

    first = read_cf_frozen(path, MX1, folder)
    (store,) = folder.iterdir()
    kept = store.read_bytes()
    store.write_bytes(kept[:100])
    again = read_cf_frozen(path, MX1, folder)

    assert first == again
    assert store.read_bytes() == kept
    assert stat.S_IMODE(store.stat().st_mode) == 0o600


def test_a_frozen_file_that_others_may_write_does_not_count(write, tmp_path):
    path = write("Cxone")
    read_cf_frozen(path, MX1, tmp_path)
    (store,) = tmp_path.glob("*.fc")
    foreign = freeze(read_cf(write("Cxtwo"), MX1), MX1.machine)
    assert foreign is not None
    store.write_bytes(foreign)
    store.chmod(0o622)

    assert read_cf_frozen(write("Cxthree"), MX1, tmp_path).program.classes["x"] == {"three"}


def test_a_program_that_takes_too_long_or_is_not_there_is_an_error():
    assert run_program(["/bin/echo", "a b"]) == b"a b\n"
    with pytest.raises(OSError, match=r"stopped after 0\.2 seconds"):
        run_program(["/bin/sleep", "60"], seconds=0.2)
    with pytest.raises(OSError, match="No such file"):
        run_program(["/nonexistent/program"])


def test_the_hosts_file_that_a_configuration_names_gives_the_names(write, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.77 there.example.net there\n")

    machine = surroundings_of(write(f"O HostsFile={hosts}"), "there").machine

    assert machine.official_name == "there.example.net"
    assert machine.interfaces == ()


def test_an_alias_file_may_continue_its_lines(write, tmp_path):
    aliases = tmp_path / "aliases"
    aliases.write_text("# people\nroot: alice,\n\tbob\nroot: second\nempty:\n")
    site = read_site(write(f"O AliasFile=hash:{aliases}"), MX1)

    table = open_tables(site, ManualClock())["aliases"]

    assert [(key, answer.values) for key, answer in table.entries()] == [("root", ("alice,\tbob",))]
    assert [problem.origin.line for problem in table.problems()] == [5]
