"""The Site that is made of a tailor file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.mmdf_fields import quote_field
from posthouse.site.model import ChannelKind, DomainKind, MailboxFormat, TableKind
from posthouse.site.problems import SiteError
from posthouse.site.tailor.reader import parse_tailor
from posthouse.site.tailor.site import site_of, tailor_of

NAMES = 'MLNAME grove\nMLDOMAIN "Wood.Example"\n'


def make(text):
    return site_of(parse_tailor(NAMES + text, Path("/site/mmdftailor")))


def test_the_names_of_the_site_are_local_domains():
    site = make("MLOCMACHINE m1")

    assert site.name == "m1.grove.wood.example"
    assert set(site.domains) == {"grove.wood.example", "m1.grove.wood.example", "grove"}
    assert all(domain.kind is DomainKind.LOCAL and domain.login_names for domain in site.domains.values())


@pytest.mark.parametrize("text", ["", "MLDOMAIN x", 'MLNAME "no name"', 'MLNAME ""'])
def test_a_site_must_say_who_it_is(text):
    with pytest.raises(SiteError, match="MLNAME"):
        site_of(parse_tailor(text, Path("/site/mmdftailor")))


def test_smtp_and_local_channels_are_declared():
    site = make('MDLVRDIR /var/mail\nMMBXNAME ""\nMCHN local\nMCHN smtp, host=oak.example, confstr="helo.example"')

    assert site.channels["local"].kind is ChannelKind.LOCAL
    assert site.channels["local"].mailbox == "/var/mail/{user}"
    assert site.channels["local"].mailbox_format is MailboxFormat.MBOX
    assert (site.channels["smtp"].relay, site.channels["smtp"].helo) == ("oak.example", "helo.example")


def test_the_program_of_sendprog_gets_its_words_without_a_shell():
    site = make('MCHN gate, pgm=sendprog, confstr="/bin/gate -f $(from) -u $(to.user) $(to)"')

    assert site.channels["gate"].argv == ("/bin/gate", "-f", "{sender}", "-u", "{user}", "{recipient}")


@pytest.mark.parametrize("channel", ["x, pgm=phone", "x, pgm=sendprog, confstr=cat", 'x, pgm=smtp, host="not a host"'])
def test_a_channel_that_cannot_be_had_is_a_complaint_and_its_mail_waits(channel):
    site = make(f"MCHN {channel}")

    assert site.channels == {}
    assert "channel x" in site.complaints[0].wrong


def test_tables_and_aliases_are_declared_the_first_of_each_name():
    site = make(
        "MTBLDIR /t\nMTBL a, file=one\nMTBL A, file=two\nMTBL d, flags=dbm\nMTBL n, flags=ns\nALIAS table=a, public"
    )

    assert set(site.tables) == {"a", "d"}
    assert (site.tables["a"].path, site.tables["a"].kind) == (Path("/t/one"), TableKind.FILE)
    assert (site.tables["d"].path, site.tables["d"].member) == (Path("/t/mmdfdbm"), "d")
    assert site.aliases[0].public


def test_times_are_those_of_the_tailor_file():
    site = make("MWARNTIME 24\nMFAILTIME 72\nMMAXHOPS 8\nMCHN a, ttl=20\nMCHN b")

    assert (site.retry.warn_after, site.retry.expire_after) == (timedelta(hours=24), timedelta(hours=72))
    assert site.retry.dead_host == timedelta(minutes=20)
    assert site.limits.hops == 8


def test_a_fail_time_below_the_warn_time_returns_mail_at_the_warn_time():
    site = make("MWARNTIME 48\nMFAILTIME 24")

    assert (site.retry.warn_after, site.retry.expire_after) == (None, timedelta(hours=48))


def test_times_beyond_all_calendars_are_a_hundred_years():
    site = make("MFAILTIME 2147483647\nMWARNTIME 1\nMCHN a, ttl=2147483647")

    assert datetime(2026, 1, 1, tzinfo=UTC) + site.retry.expire_after + site.retry.dead_host < datetime.max.replace(
        tzinfo=UTC
    )


def test_folders_are_absolute():
    site = make('MQUEDIR q\nMLOGDIR log\nMMSGLOG "m.log"\nDEADLETTER "lost"')

    assert (site.spool, site.log.path) == (Path("/site/q/posthouse"), Path("/site/log/m.log"))
    assert site.dead_letters == Path("/site/lost")


def test_a_site_carries_its_tailor_file():
    assert tailor_of(make("MSLEEP 5")).limits.sleep_seconds == 5


octets = st.text(st.characters(max_codepoint=255), max_size=20)


@given(octets, octets, octets)
def test_any_values_make_a_site_or_say_why_not(host, words, folder):
    quoted = tuple(map(quote_field, (host, words, folder)))
    text = (
        "MQUEDIR {2}\nMDLVRDIR {2}\nMCHN smtp, host={0}, confstr={1}\nMCHN g, pgm=sendprog, confstr={1}\nMLNAME {0}\n"
    )

    try:
        site = make(text.format(*quoted))
    except SiteError:
        return
    assert site.name
