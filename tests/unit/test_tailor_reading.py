"""What a tailor file says, keyword by keyword, and what is said of a tailor file that is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.site.problems import SiteError
from posthouse.site.tailor.entries import (
    FREE,
    REG,
    SOME,
    AddressForm,
    AddressStyle,
    Auth,
    Lines,
    LogStatus,
    Mode,
    NameserverUse,
)
from posthouse.site.tailor.keywords import KEYWORDS
from posthouse.site.tailor.model import Compatibility, MailboxLock, MxSelf
from posthouse.site.tailor.reader import MAX_OCTETS, parse_tailor, read_tailor_file


def read(text):
    return parse_tailor(text, Path("/site/mmdftailor"))


def complaints(text):
    """The complaints about a file, each as ``line: what is wrong``."""
    return [f"{problem.origin.line}: {problem.wrong}" for problem in read(text).complaints]


# Names.


def test_our_names_are_made_of_three_words():
    names = read('MLNAME huey\nMLDOMAIN "cs.duck.edu"\nMLOCMACHINE vax').names

    assert names.full == "huey.cs.duck.edu"
    assert names.full_machine == "vax.huey.cs.duck.edu"
    assert all(map(names.are_us, ("HUEY", "huey.cs.duck.edu", "Vax", "vax.huey.cs.duck.edu")))
    assert not names.are_us("cs.duck.edu")
    assert not names.are_us("")


def test_without_a_machine_its_full_name_is_the_full_name():
    assert read('MLNAME a\nMLDOMAIN b\nMLOCMACHINE ""').names.full_machine == "a.b"


# One value.


@pytest.mark.parametrize(
    ("line", "group", "field", "value"),
    [
        ("mwarntime 24", "limits", "warn_hours", 24),
        ("MFAILTIME 72", "limits", "fail_hours", 72),
        ("MMAXHOPS 8", "limits", "most_hops", 8),
        ("MLISTSIZE 6", "limits", "list_size", 6),
        ("MMBXPROT 600", "mailboxes", "mode", 0o600),
        (r'MMBXPREF "\001\n"', "mailboxes", "before", "\x01\n"),
        ('MMBXNAME ""', "mailboxes", "name", ""),
        ("MLCKTYPE advisory, v7", "mailboxes", "locks", MailboxLock.ADVISORY | MailboxLock.V7),
        ('MLCKTYPE "xenix"', "mailboxes", "locks", MailboxLock.XENIX),
        ('TAGCHARS "=+-"', "mailboxes", "tag_characters", "=+-"),
        ("MMAXMBSZ 10K 2M", "mailboxes", "hard_quota", 2 * 1024 * 1024),
        ("MMAXMBSZ 10K 2M", "mailboxes", "soft_quota", 10 * 1024),
        ('DEADLETTER ""', "people", "dead_letter", ""),
        ('ORPHANAGE "nobody@site"', "people", "orphanage", "nobody@site"),
        ("MADDID 1", "switches", "add_message_id", True),
        ("MMAILID 0", "switches", "mail_ids", False),
        ("MXSELF Strict", "switches", "mx_self", MxSelf.STRICT),
        ('MVALIDCHN "smtp,local"', "switches", "valid_channels", ("smtp", "local")),
        ("MTEMPT other/", "folders", "building", "other/"),
        ("MTMPT other/", "folders", "building", "other/"),
        ("MLOCHOST name", "names", "local", "name"),
        ("UUXSTR \"uux - -r\"", "switches", "uux", "uux - -r"),
        ("MTBLDIR /etc/mmdf/table", "folders", "tables", "/etc/mmdf/table"),
    ],
)  # fmt: skip
def test_a_keyword_sets_its_value(line, group, field, value):
    configuration = read(line)

    assert getattr(getattr(configuration, group), field) == value
    assert configuration.complaints == ()


def test_every_keyword_of_the_table_goes_somewhere_or_says_why_not():
    for keyword in KEYWORDS.values():
        value = {"MLCKTYPE": "all", "MXSELF": "addr", "COMPAT": "2.44", "MMAXMBSZ": "1 2"}.get(keyword.name, "1")
        value = "table=x" if keyword.name == "ALIAS" else value
        configuration = read(f"{keyword.name} {value}")

        assert configuration.complaints == (), keyword.name
        assert keyword.name in configuration.origins
        assert bool(configuration.without_effect) == bool(keyword.idle)
        assert keyword.target or keyword.idle or keyword.name in {"ALIAS", "MCHN", "MDMN", "MTBL", "MMAXMBSZ"}


def test_a_keyword_without_effect_is_listed_with_the_reason():
    (idle,) = read('D_LINE "net", "/dev/tty2e", 1200').without_effect

    assert str(idle) == "/site/mmdftailor:1:1: D_LINE has no effect; there are no phone lines any more"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("NOSUCH 5", '1: "NOSUCH" is no keyword; it is left out'),
        ("MSUPPORT", "1: MSUPPORT without a value"),
        ("MWARNTIME soon", '1: MWARNTIME: "soon" is not a number'),
        ("MWARNTIME -5", '1: MWARNTIME: "-5" is negative'),
        ("MMBXPROT 0999", '1: MMBXPROT: "0999" is not an octal mode'),
        ("MLCKTYPE v8", '1: MLCKTYPE: "v8" is no lock'),
        ("MSIG Mail System", '1: MSIG takes one value; "System" is left out'),
        ("show=x", '1: "show=" is no keyword; it is left out'),
        ("MLOGDIR \xe9 ; here\n MCHN x", "2: this line belongs to the comment above it, and is left out"),
        ("; comment\n MCHN x", "2: this line belongs to the comment above it, and is left out"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line, wrong):
    assert complaints(line)[0] == wrong


def test_a_number_with_something_behind_it_is_the_number_and_a_complaint():
    configuration = read("MWARNTIME 24h")

    assert configuration.limits.warn_hours == 24
    assert len(configuration.complaints) == 1


def test_a_wrong_value_leaves_what_stood_before():
    assert read("MWARNTIME 5\nMWARNTIME x").limits.warn_hours == 5


def test_prose_below_a_comment_is_no_complaint():
    assert complaints("; Channels:\n  all of them\nMSLEEP 5") == []


# Tables.


def test_the_first_word_of_a_table_names_it_its_file_and_its_text():
    (table,) = read("MTBL aliases").tables

    assert (table.name, table.file, table.show) == ("aliases", "aliases", "aliases")
    assert table.lines is Lines.FILE


def test_flags_of_a_table_add_up():
    (table,) = read(
        "MTBL d, file=d.tbl, show=D, flags=ns, flags=domain, flags=abort, flags=route, flags=PARTIAL"
    ).tables

    assert (table.lines, table.use) == (Lines.NS, NameserverUse.DOMAIN)
    assert table.abort
    assert table.route
    assert table.partial


def test_a_regexp_table_has_keys_of_its_own():
    (table,) = read("MTBL r, type=regexp, addprefix=1, cflag=icase, cflag=extended, eflag=notbol").tables

    assert table.lines is Lines.REGEXP
    assert table.regexp.add_prefix
    assert not table.regexp.add_suffix
    assert table.regexp.compile_flags == ("icase", "extended")


def test_a_block_list_names_its_zone_and_its_page():
    (table,) = read('MTBL bl, type=rbl, domain="bl.example", link="https://bl.example/", flags=reject').tables

    assert (table.zone, table.link, table.reject) == ("bl.example", "https://bl.example/", True)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("MTBL a, flags=nosuch", '1: a table has no flag "nosuch"'),
        ("MTBL a, type=nosuch", '1: type="nosuch" is unknown'),
        ("MTBL a, nosuch=b", '1: a table has no key "nosuch"'),
        ("MTBL a, b", '1: "b" stands alone in a table'),
        ("MTBL file=b", "1: a table without a name"),
        ("MTBL a, flags=root, flags=ns", "1: flags=root is obsolete"),
        ("MTBL a, flags=channel", "1: flags=channel in a table without flags=ns"),
        ("MTBL a, flags=ns", "1: a nameserver table that asks for nothing"),
        ("MTBL a\nMTBL A", '2: the table "A" is defined twice'),
    ],
)
def test_a_mistake_in_a_table_is_said(line, wrong):
    assert complaints(line) == [wrong]


def test_old_nameserver_tables_say_in_their_file_what_is_asked_for():
    (table,) = read("MTBL smtp, file=channel, flags=ns").tables

    assert table.use is NameserverUse.CHANNEL


def test_of_two_tables_of_a_name_the_first_is_found():
    configuration = read("MTBL a, file=one\nMTBL A, file=two")

    assert [table.file for table in configuration.tables] == ["one", "two"]
    assert configuration.table("a").file == "one"


# Domains and aliases.


def test_the_root_domain_has_an_empty_name():
    first, second = read('MDMN "", table=top\nMDMN Top, name="", dmn="", table=top').domains

    assert (first.dmn, first.table) == ("", "top")
    assert (second.name, second.dmn) == ("", "")


def test_a_domain_makes_the_table_that_it_misses():
    configuration = read('MDMN edu, show="Education"')

    assert configuration.domains[0].table == "edu"
    assert configuration.tables[0].implicit
    assert (configuration.tables[0].file, configuration.tables[0].show) == ("edu", "Education")


def test_domains_keep_their_order_and_may_share_a_table():
    configuration = read("MDMN a, table=T\nMDMN b, dmn=AC.UK, table=t")

    assert [domain.dmn for domain in configuration.domains] == ["a", "AC.UK"]
    assert {domain.table for domain in configuration.domains} == {"T"}


def test_tbl_is_taken_for_table_with_a_complaint():
    assert read("MDMN a, tbl=t").domains[0].table == "t"
    assert complaints("MDMN a, tbl=t, lname=x") == ["1: a domain has no key tbl", '1: a domain has no key "lname"']


def test_an_alias_source_has_flags():
    first, second = read("ALIAS table=a, trusted, public\nALIAS nobypass table=b").aliases

    assert (first.table, first.trusted, first.public, first.nobypass) == ("a", True, True, False)
    assert (second.table, second.nobypass) == ("b", True)
    assert complaints("ALIAS table=a, secret") == ['1: ALIAS has no flag "secret"']


# Channels.


def test_a_channel_is_named_after_its_first_word():
    (channel,) = read("MLNAME a\nMLDOMAIN b.c\nMCHN smtp").channels

    assert (channel.name, channel.show, channel.que, channel.tbl, channel.pgm) == ("smtp",) * 5
    assert (channel.full_name, channel.poll, channel.ttl) == ("a.b.c", 8, 120)
    assert (channel.mod, channel.auth) == (REG, FREE)
    assert channel.ap.leaves_alone


def test_a_channel_has_the_names_that_stand_above_it():
    configuration = read("MCHN early\nMLNAME a\nMCHN late, ldomain=arpa")

    assert [channel.full_name for channel in configuration.channels] == ["", "a.arpa"]


def test_the_keys_of_a_channel():
    (channel,) = read(
        'MTBL t\nMCHN relay, show="All via one", que=q, tbl=t, pgm=smtp, host="dewey.duck.edu", mod=imm, mod=host,\n'
        '\tap=733, ap=big, auth=inlog, auth=free, auth=hau, insrc=T, known=t, ttl=20, poll=0, user=u, warntime=5,\n'
        '\tconfstr="a, b=c", log="x.log", level=BTR'
    ).channels  # fmt: skip

    assert (channel.show, channel.que, channel.host, channel.user) == ("All via one", "q", "dewey.duck.edu", "u")
    assert channel.mod == Mode.IMM | Mode.HOST
    assert channel.ap == AddressStyle(AddressForm.RFC733, big=True)
    assert channel.auth == Auth.INLOG | Auth.HAU
    assert (channel.insrc, channel.known, channel.outdest) == ("t", "t", "")
    assert (channel.ttl, channel.poll, channel.warntime, channel.failtime) == (20, 0, 5, None)
    assert channel.confstr == "a, b=c"
    assert (channel.log.file, channel.log.level) == ("x.log", 50)


def test_what_the_uucp_channel_is_told_has_no_effect_and_is_listed():
    found = parse_tailor('MLNAME a\nMCHN u, pgm=UUCP, confstr="rewrite=822"\nMCHN v, pgm=uucp\n', Path("/x/mmdftailor"))

    assert [(idle.origin.line, idle.wrong) for idle in found.without_effect] == [
        (2, "confstr= of the channel u has no effect")
    ]


@pytest.mark.parametrize(
    ("ap", "style"),
    [
        ("ap=822, ap=733", AddressStyle(AddressForm.RFC733)),
        ("ap=jnt", AddressStyle(AddressForm.RFC733, big=True)),
        ("ap=822, ap=try, ap=nodots", AddressStyle(AddressForm.RFC822, try_=True, nodots=True)),
        ("ap=822, ap=same", AddressStyle()),
        ("ap=822, ap=nosrcrt", AddressStyle(AddressForm.RFC822, nosrcrt=True)),
    ],
)
def test_of_the_forms_of_addresses_the_last_holds_and_the_rest_adds_up(ap, style):
    assert read(f"MCHN a, {ap}").channels[0].ap == style


def test_a_second_channel_of_a_name_takes_the_place_of_the_first():
    configuration = read("MCHN a, pgm=one\nMCHN b\nMCHN A, pgm=two")

    assert [(channel.name, channel.pgm) for channel in configuration.channels] == [("A", "two"), ("b", "b")]
    assert complaints("MCHN a\nMCHN a") == ['2: the channel "a" is defined twice']


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("MCHN a, mod=nosuch", 'mod: "nosuch" is unknown'),
        ("MCHN a, ap=nosuch", 'ap="nosuch" is unknown'),
        ("MCHN a, auth=nosuch", 'auth: "nosuch" is unknown'),
        ("MCHN a, nosuch=1", 'a channel has no key "nosuch"'),
        ("MCHN a, b", '"b" stands alone in a channel'),
        ("MCHN a, known=late\nMTBL late", 'known: there is no table "late" so far'),
        ("MCHN a, ttl=x", 'ttl: "x" is not a number'),
        ("MCHN a, level=LOUD", 'level: "LOUD" is no level'),
        ("MCHN pgm=x", "a channel without a name"),
        ("MCHN a, pgm = x", '"pgm" and its value do not touch the =, or the value has one of its own'),
        ("MCHN a, confstr=b=c", '"confstr" and its value do not touch the =, or the value has one of its own'),
    ],
)
def test_a_mistake_in_a_channel_is_said_and_the_rest_counts(line, wrong):
    assert complaints(line) == [f"1: {wrong}"]


# Logs, programs.


def test_a_log_has_a_file_a_level_a_size_and_a_status():
    log = read('MMSGLOG "/tmp/msg.log", level=BTR, size=400, stat=cycle, hdr=X').logs.message

    assert (log.file, log.level, log.size, log.header) == ("/tmp/msg.log", 50, 400, "X")
    assert log.status == SOME | LogStatus.CYCLE


def test_a_path_needs_no_quotes():
    log = read("MCHANLOG /tmp/mmdfchan.log, level=FST").logs.channel

    assert (log.file, log.level) == ("/tmp/mmdfchan.log", 25)


def test_a_log_keeps_what_a_later_record_does_not_say():
    log = read("AUTHLOG a.log, size=7\nAUTHLOG level=-1, stat=timed, timer=10").logs.auth

    assert (log.file, log.size, log.level, log.status, log.timer) == ("a.log", 7, -1, LogStatus.TIMED, 10)


def test_the_status_of_a_log_may_be_an_octal_number():
    assert read("MMSGLOG stat=03").logs.message.status == LogStatus.CLOSE | LogStatus.CYCLE
    assert read("MMSGLOG stat=014").logs.message.status == LogStatus.TIMED


def test_a_channel_says_at_least_what_mchanlog_asks_for():
    first, second = read("MCHANLOG level=FST\nMCHN a, level=FAT\nMCHN b, level=FTR").channels

    assert (first.log.level, second.log.level) == (25, 55)
    assert first.log.file == "chan.log"


def test_the_last_bare_word_is_both_name_and_path_of_a_program():
    programs = read('MV6MAIL mmdfmail "/bin/v6mail"\nMSUBMIT name=s, path="/bin/submit"').programs

    assert (programs.v6mail.name, programs.v6mail.path) == ("/bin/v6mail", "/bin/v6mail")
    assert (programs.submit.name, programs.submit.path) == ("s", "/bin/submit")


# The 2.44 behaviour.


def test_compat_changes_how_the_rest_of_the_file_is_split():
    configuration = read('MLOGDIR /a/b\nCOMPAT "2.44"\nMTBLDIR /a/b\nMQUEDIR "/a/b"')

    assert configuration.compatibility is Compatibility.SNAPSHOT
    assert configuration.folders.logs == "/a/b"
    assert configuration.folders.tables == "a"
    assert configuration.folders.queue == "/a/b"


# Files.


def test_files_are_found_from_the_folders():
    configuration = read("MTBLDIR /t\nMTBL aliases\nMTBL two, file=/other/two\nMCHN local, que=l")

    assert [str(configuration.table_path(table)) for table in configuration.tables[:2]] == ["/t/aliases", "/other/two"]
    assert str(configuration.database_path) == "/t/mmdfdbm"
    assert list(configuration.queue_folders()) == ["q.l"]


def test_a_folder_that_is_relative_is_meant_from_the_tailor_file():
    assert str(read("MTBLDIR tables").database_path) == "/site/tables/mmdfdbm"


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"", "empty"),
        (b"\n\n", "blank"),
        (bytes(range(256)) * 40, "binary"),
        (b"\0" * 1000, "zeros"),
        (b"MCHN " + b"a," * 100_000, "one huge record"),
        (b"MCHN a,\n" + b" mod=imm,\n" * 50_000, "one record of many lines"),
        (b'MSIG "' + b"\\777" * 100_000, "an open quote"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_any_file_is_read(tmp_path, octets, what):
    path = tmp_path / "mmdftailor"
    path.write_bytes(octets)

    configuration = read_tailor_file(path)

    assert len(configuration.complaints) <= 1000


@pytest.mark.parametrize(("more", "fits"), [(-1, True), (0, True), (1, False)], ids=["below", "at", "above"])
def test_a_file_has_a_bound(tmp_path, more, fits):
    path = tmp_path / "mmdftailor"
    path.write_bytes(b";" * (MAX_OCTETS + more))

    if fits:
        assert read_tailor_file(path).tables == ()
    else:
        with pytest.raises(SiteError, match="larger than"):
            read_tailor_file(path)


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(SiteError, match="can't be read"):
        read_tailor_file(tmp_path / "missing")
    with pytest.raises(SiteError, match="directory"):
        read_tailor_file(tmp_path)


def test_ten_thousand_channels_are_read():
    text = "".join(f"MTBL t{n}, file=f{n}\nMCHN c{n}, tbl=t{n}, pgm=smtp, mod=imm\n" for n in range(10_000))

    assert len(read(text).channels) == 10_000


words = st.sampled_from(
    [*KEYWORDS, "a", "=", "table=", "name=", "flags=ns", '"', "\\", ",", "\n", "\n ", ";", "9", "\xff"]
)


@given(st.lists(words, max_size=30).map(" ".join))
def test_any_text_makes_a_configuration_and_every_complaint_has_a_line(text):
    configuration = read(text)

    lines = text.count("\n") + 1
    assert all(1 <= problem.origin.line <= lines for problem in configuration.complaints)
    assert {domain.table for domain in configuration.domains} <= {table.name for table in configuration.tables}
    assert {channel.tbl for channel in configuration.channels} <= {table.name for table in configuration.tables}
