"""An mmdftailor as the part [mmdf] of a site.toml: it says the same, and routes alike."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.site.problems import SiteError
from posthouse.site.tailor.convert import write_part
from posthouse.site.tailor.model import Compatibility
from posthouse.site.tailor.part import read_part
from posthouse.site.tailor.reader import parse_tailor
from posthouse.site.toml import read_site
from support.mmdf import as_site_toml, mmdf_site, recorded, recorded_site

EVERYTHING = r"""
MLNAME "grove"
MLDOMAIN "wood.example"
COMPAT documents
MMBXPREF "\001\001 \"x\" \177\n"
MMBXPROT 0640
MMAXMBSZ 10M 20M
MLCKTYPE v7, xenix
MVALIDCHN "smtp, local"
MXSELF strict
MMSGLOG "msg.log", level=FTR, size=7, stat=timed, hdr="a: b"
MSUBMIT name=sub, path="/bin/sub"
ORPHANAGE ""
MMAILID 1
MWARNTIME 10
MTBL aliases, file="a/b", show="The \"aliases\"", flags=dbm
MTBL ns, flags=ns, flags=channel, flags=abort, flags=partial
MTBL re, type=regexp, addprefix=1, cflag=icase, cflag=extended, eflag=notbol, flags=route
MTBL bad, type=rbl, domain=list.test, link="https://list.test/", flags=reject
MTBL people, type=ldap, server_host=h, filter="(uid=%s)", attrib=mail
MTBL "blank name", file="x;y#z"
ALIAS table=aliases, trusted, nobypass
ALIAS table=implicit, public
MDMN "", dmn="", show="Root", table=ns
MDMN "wood.example", table=re
MCHN local, tbl=aliases, ap=822, ap=nodots, ap=try, mod=imm, mod=host, auth=inlog, auth=hau, poll=0, ttl=5
MCHN smtp, tbl=ns, known=re, insrc=aliases, confstr="a b;c", host="h.example", lname=other, ldomain="", warntime=3,
    level=FTR, log="own.log", ap=jnt
"""


def bare(configuration):
    """What a configuration says, without where it stands."""
    text = repr(configuration).partition("origins=")[0].partition("names=")[2]
    return re.sub(r"origin=Origin\([^)]*\)", "", text).replace("implicit=True", "implicit=False")


def test_everything_that_a_tailor_file_can_say_is_said_again(tmp_path):
    configuration = parse_tailor(EVERYTHING, tmp_path / "mmdftailor")

    assert configuration.complaints == ()
    assert bare(as_site_toml(configuration, tmp_path)) == bare(configuration)


@given(st.text(st.characters(max_codepoint=255), min_size=1, max_size=20))
def test_any_text_is_kept(text):
    tailor = 'MLNAME "a"\nMTBL t\nMCHN c'
    plain = parse_tailor(tailor, Path("/site/mmdftailor"))
    table = type(plain.tables[0])(text, text, text)
    configuration = type(plain)(plain.file, names=type(plain.names)(local=text), tables=(table,))

    document = tomllib.loads(write_part(configuration))
    lines = iter(range(1, 100))
    found = read_part(document["mmdf"], plain.file, lambda _: next(lines), lambda *_: None)

    assert found.names.local == text
    assert [(each.name, each.file, each.show) for each in found.tables] == [(text, text, text)]


@pytest.mark.parametrize("compatibility", list(Compatibility), ids=lambda one: one.value)
def test_a_converted_site_routes_every_recorded_address_alike(tmp_path, compatibility):
    count = 0
    for name in ("alpha", "delta"):
        tailor = recorded_site(name, tmp_path / name, compatibility=compatibility)
        converted = recorded_site(name, tmp_path / name, compatibility=compatibility, converted=True)
        for case in recorded("addresses"):
            if case["site"] == name:
                ours, theirs = converted.check(case["address"]), tailor.check(case["address"])
                assert (ours.replies, ours.queued, ours.said) == (theirs.replies, theirs.queued, theirs.said)
                count += 1
    assert count > 500


def test_a_decision_names_the_line_of_the_site_file(tmp_path):
    tailor = 'MLNAME "here"\nMLDOMAIN "example"\nMCHN local\nMCHN badhosts, tbl=local, host=smart.example\n'
    site = mmdf_site(tmp_path, tailor, {"local": "here.example: here\n"}, converted=True)

    origins = [str(step.origin) for step in site.trace("ann@far.test") if "badhosts" in getattr(step, "text", "")]

    lines = (tmp_path / "table" / "site.toml").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, start=1) if text == 'name = "badhosts"') - 1
    assert origins == [f"{tmp_path}/table/site.toml:{line}"]


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("nonsense = 1", '"nonsense" is no keyword of MMDF'),
        ("mchn = 1", '"mchn" is no keyword of MMDF'),
        ("channel = 1", "channel is no list of tables"),
        ("domain = [1]", "domain is no list of tables"),
    ],
)
def test_what_is_no_record_is_a_mistake_with_its_line(tmp_path, part, wrong):
    (tmp_path / "site.toml").write_text(f'[site]\nname = "a.example"\n[mmdf]\nmlname = "a"\n{part}\n')

    with pytest.raises(SiteError) as caught:
        read_site(tmp_path / "site.toml")

    (problem,) = caught.value.problems
    assert problem.wrong.startswith(wrong)
    assert problem.origin.line == 5


def test_the_rest_of_the_file_counts_besides(tmp_path):
    (tmp_path / "more").write_text("")
    (tmp_path / "site.toml").write_text(
        '[site]\nname = "a.example"\n[[listener]]\naddress = "127.0.0.1:2525"\n[retry]\nexpire-after = "9d"\n'
        '[tables.more]\nkind = "file"\nfile = "more"\n[mmdf]\nmlname = "a"\nmldomain = "example"\nmfailtime = 24\n'
    )

    site = read_site(tmp_path / "site.toml")

    assert "127.0.0.1:2525" in [listener.address for listener in site.listeners]
    assert site.retry.expire_after.days == 9
    assert "more" in site.tables
    assert site.mmdf is not None
