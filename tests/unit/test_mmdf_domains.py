"""The search for a domain: the worked examples of MMDF's tables(5), and what stops a search."""

import pytest

from posthouse.site.tailor.model import Compatibility
from support.mmdf import mmdf_site

TAILOR = """
MLNAME "here"
MLDOMAIN "arpa"
MTBL arpa, file="arpa", flags=route, flags=partial
MTBL top, file="top", flags=route
MDMN ARPA, dmn=ARPA, table=arpa
MDMN "", dmn="", table=top
MTBL locals, file="locals"
MTBL hosts, file="hosts"
MCHN local, tbl=locals, ap=822
MCHN smtp, tbl=hosts, ap=822
"""
TABLES = {
    "arpa": (
        "# Sample ARPA domain table\n"
        "isi.usc:a.isi.usc.arpa\n"
        "b.isi.usc:b.isi.usc.arpa\n"
        "foobar.isi.usc:b.isi.usc.arpa\n"
        "graphics.isi.usc:graphics.isi.usc.arpa z.mit.arpa\n"
        "here:here.arpa\n"
    ),
    "top": (
        "# Odd host\n"
        "basservax.australia:basservax.australia scunthorpe.ac.uk\n"
        "# UUCP Gateway\n"
        "uucp:seismo.arpa\n"
        "# Mailnet Gateway\n"
        "mailnet:educom.mailnet mit-multics.arpa\n"
    ),
    "locals": "here:here\nhere.arpa:here.arpa\n",
    "hosts": "".join(
        f"{host}:10.0.0.1\n"
        for host in (
            "a.isi.usc.arpa",
            "b.isi.usc.arpa",
            "z.mit.arpa",
            "seismo.arpa",
            "mit-multics.arpa",
            "scunthorpe.ac.uk",
        )
    ),
}


@pytest.mark.parametrize(
    ("domain", "host", "address"),
    [
        ("isi.usc.arpa", "a.isi.usc.arpa", "u@a.isi.usc.arpa"),
        pytest.param("isi.usc", "a.isi.usc.arpa", "u@a.isi.usc.arpa", id="short for the same"),
        ("foobar.isi.usc", "b.isi.usc.arpa", "u@b.isi.usc.arpa"),
        pytest.param("graphics.isi.usc.arpa", "z.mit.arpa", "@z.mit.arpa:u@graphics.isi.usc.arpa", id="by way of"),
        pytest.param("xy.isi.usc.arpa", "a.isi.usc.arpa", "@a.isi.usc.arpa:u@xy.isi.usc.ARPA", id="below an entry"),
        pytest.param("xy.isi.usc", "a.isi.usc.arpa", "@a.isi.usc.arpa:u@xy.a.isi.usc.arpa", id="short, and below"),
        ("basservax.australia", "scunthorpe.ac.uk", "@scunthorpe.ac.uk:u@basservax.australia"),
        ("foo.uucp", "seismo.arpa", "@seismo.arpa:u@foo.uucp"),
        ("x.mailnet", "mit-multics.arpa", "@mit-multics.arpa,@educom.mailnet:u@x.mailnet"),
    ],
)
def test_the_examples_of_the_manual(tmp_path, domain, host, address):
    found = mmdf_site(tmp_path, TAILOR, TABLES).check(f"u@{domain}")

    assert [(one.channel, one.host, one.address) for one in found.queued] == [("smtp", host, address)]


@pytest.mark.parametrize("domain", ["nowhere.arpa", "nowhere", "", ".", "x." * 60 + "uucp"])
def test_what_is_in_no_table_is_an_unknown_host(tmp_path, domain):
    found = mmdf_site(tmp_path, TAILOR, TABLES).check(f'u@"{domain}"')

    assert found.replies[0].code.name == "USER"


def test_without_the_flag_a_table_does_not_know_short_names(tmp_path):
    tailor = TAILOR.replace(", flags=partial", "")

    assert not mmdf_site(tmp_path, tailor, TABLES).check("u@isi.usc").is_accepted
    assert mmdf_site(tmp_path, tailor, TABLES, compatibility=Compatibility.SNAPSHOT).check("u@isi.usc").is_accepted


def test_without_the_flag_an_entry_does_not_stand_for_what_is_below_it(tmp_path):
    tailor = TAILOR.replace("flags=route", "flags=partial")

    assert not mmdf_site(tmp_path, tailor, TABLES).check("u@xy.isi.usc.arpa").is_accepted


def test_an_exact_entry_of_the_root_beats_a_wildcard_of_a_longer_domain(tmp_path):
    tables = TABLES | {"top": "mail.isi.usc.arpa: mail.isi.usc.arpa b.isi.usc.arpa\n"}

    documents = mmdf_site(tmp_path, TAILOR, tables).check("u@mail.isi.usc.arpa")
    snapshot = mmdf_site(tmp_path, TAILOR, tables, compatibility=Compatibility.SNAPSHOT).check("u@mail.isi.usc.arpa")

    assert [one.host for one in (*documents.queued, *snapshot.queued)] == ["b.isi.usc.arpa", "a.isi.usc.arpa"]


def test_two_tables_of_one_domain_are_searched_in_their_order(tmp_path):
    tailor = TAILOR + 'MTBL more, file="more", flags=partial\nMDMN more, dmn=arpa, table=more\n'
    tables = TABLES | {"more": "isi.usc: z.mit.arpa\nz.mit: z.mit.arpa\n"}
    site = mmdf_site(tmp_path, tailor, tables)

    assert [site.check(f"u@{one}.arpa").queued[0].host for one in ("isi.usc", "z.mit")] == [
        "a.isi.usc.arpa",
        "z.mit.arpa",
    ]


def test_domains_that_name_each_other_end_as_an_unknown_host(tmp_path):
    tables = TABLES | {"top": "a: a b\nb: b c\nc: c a\n"}

    found = mmdf_site(tmp_path, TAILOR, tables).check("u@a")

    assert "(BHST)" in found.replies[0].text
    assert len(found.trace) < 500


def test_the_trace_names_the_line_of_each_entry(tmp_path):
    trace = mmdf_site(tmp_path, TAILOR, TABLES).trace("u@foo.uucp")

    said = [f"{step.text} ({step.origin})" for step in trace if hasattr(step, "text")]
    assert any(one.startswith("foo.uucp is reached through seismo.arpa") and "top:4)" in one for one in said)
    assert any(one.startswith("host seismo.arpa is on channel smtp") and "hosts:4)" in one for one in said)
