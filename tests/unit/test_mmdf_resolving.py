"""Hops, channels, local parts and aliases, by sites of a few lines."""

import os

import pytest

from posthouse.adapters.mmdf_database_changes import build_database
from posthouse.mail.lookup import Decision
from posthouse.routing.mmdf.authorization import Submitter
from posthouse.site.tailor.model import Compatibility
from support.mmdf import mmdf_site

TAILOR = """
MLNAME "here"
MLDOMAIN "arpa"
MLOCMACHINE "m1"
MSUPPORT "help@here.arpa"
MTBL aliases, file="aliases"
MTBL more, file="more"
ALIAS table=aliases, trusted
ALIAS table=more, nobypass
MTBL top, file="top", flags=route
MDMN "", dmn="", table=top
MTBL locals, file="locals"
MTBL hosts, file="hosts"
MCHN local, tbl=locals, ap=822
MCHN smtp, tbl=hosts, ap=822
"""
TABLES = {
    "aliases": "",
    "more": "",
    "top": "here.arpa: here.arpa\nm1.here.arpa: here.arpa\nfar.arpa: far.arpa\nvia.arpa: via.arpa far.arpa\n",
    "locals": "here: here\nhere.arpa: here\n",
    "hosts": "far.arpa: 10.0.0.1\n",
}


@pytest.fixture
def site(tmp_path):
    def build(tailor="", **tables):
        compatibility = tables.pop("compatibility", None)
        return mmdf_site(tmp_path, TAILOR + tailor, TABLES | tables, compatibility=compatibility)

    return build


def queued(checked):
    return [(one.channel, one.host, one.address) for one in checked.queued]


@pytest.mark.parametrize("name", ["here", "HERE", "here.arpa", "m1", "m1.here.arpa"])
def test_every_name_of_ours_is_this_machine(site, name):
    assert queued(site().check(f"donald@{name}")) == [("local", "", "donald")]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("u%far.arpa@here", "u@far.arpa", id="percent"),
        pytest.param("far.arpa!u@here", "u@far.arpa", id="bang"),
        pytest.param("a!b!u%far.arpa@here", "a!b!u@far.arpa", id="percent before bang"),
        pytest.param('"u@far.arpa"@here', "u@far.arpa", id="an at-sign in quotes before both"),
        pytest.param("u@far.arpa@here", "u@far.arpa", id="a route of RFC 733"),
        pytest.param("@here,@far.arpa:u@x", "@far.arpa:u@x", id="a route of RFC 822"),
        pytest.param("u@via.arpa", "@far.arpa:u@via.arpa", id="a route of the table"),
        pytest.param("@via.arpa:u@x", "@far.arpa,@via.arpa:u@x", id="in front of the one of the address"),
    ],
)
def test_an_address_is_taken_apart_in_the_order_of_the_manual(site, address, expected):
    assert queued(site().check(address)) == [("smtp", "far.arpa", expected)]


def test_more_hosts_in_a_local_part_than_anyone_needs_are_refused(site):
    assert "(BHST)" in site().check("u" + "%here" * 500).replies[0].text


@pytest.mark.parametrize(
    ("style", "address", "expected"),
    [
        ("822", "@via.arpa:u@x", "@far.arpa,@via.arpa:u@x"),
        ("733", "@via.arpa:u@x", "u%x%via.arpa@far.arpa"),
        ("same", "u@via.arpa", "u%via.arpa@far.arpa"),
        pytest.param("jnt", "u@via.arpa", "u%arpa.via@arpa.far", id="JNT: big-endian"),
        pytest.param("big, ap=822", "u@x%far.arpa", "@arpa.far:u@x", id="what no table knows is not turned round"),
        pytest.param("nodots, ap=822", "u@via.arpa", "@far:u@via.arpa", id="nodots: the next hop only"),
        pytest.param("nosrcrt, ap=822", "u@via.arpa", "u@via.arpa", id="nosrcrt: without the route"),
    ],
)
def test_a_channel_has_addresses_in_its_style(site, style, address, expected):
    found = site(f"MCHN smtp, tbl=hosts, ap={style}\n").check(address.replace("u@x%far", "u@x@far"))

    assert [one.address for one in found.queued] == [expected]


def test_a_channel_that_refuses_routes_refuses_them(site):
    found = site("MCHN smtp, tbl=hosts, ap=822, ap=rejsrcrt\n")

    assert not found.check("u@via.arpa").is_accepted
    assert found.check("u@far.arpa").is_accepted


def test_the_first_channel_with_the_host_wins_and_explicit_ones_are_taken_at_their_word(site):
    at_work = site("MTBL slow, file=slow\nMCHN slow, tbl=slow, ap=822\n", slow="far.arpa: x\nonly: x\n")

    assert queued(at_work.check("u@far.arpa"))[0][0] == "smtp"
    assert queued(at_work.check("u%far.arpa@here"))[0][0] == "smtp"
    assert queued(at_work.check("u@far.arpa@slow#")) == [("slow", "far.arpa", "u@far.arpa")]
    assert queued(at_work.check("u@only@slow")) == [("slow", "only", "u@only")]
    assert "(BHST)" in at_work.check("u@nowhere@slow#").replies[0].text


def test_the_snapshot_wants_the_sharp_behind_the_name_of_a_channel(site):
    at_work = site(compatibility=Compatibility.SNAPSHOT)

    assert not at_work.check("u@far.arpa@smtp").is_accepted
    assert at_work.check("u@far.arpa@smtp#").is_accepted


def test_a_name_below_ours_is_a_host_of_its_own_or_a_mistake(site):
    at_work = site(
        top=TABLES["top"] + "sub.here.arpa: sub.here.arpa here.arpa\nbad.here.arpa: bad.here.arpa here.arpa\n",
        hosts="sub.here.arpa: 10.0.0.2\n",
    )

    assert queued(at_work.check("u@sub.here.arpa")) == [("smtp", "sub.here.arpa", "u@sub.here.arpa")]
    assert "(BHST)" in at_work.check("u@bad.here.arpa").replies[0].text


# Aliases.


def test_an_alias_leads_to_users_programs_files_and_other_hosts(site):
    at_work = site(aliases="all: donald, daisy|/bin/sort -u, june/box, u@far.arpa\n")

    assert queued(at_work.check("ALL")) == [
        ("local", "", "daisy|/bin/sort -u"),
        ("local", "", "donald"),
        ("local", "", "june/box"),
        ("smtp", "far.arpa", "u@far.arpa"),
    ]


def test_only_a_trusted_alias_leads_to_programs_and_files(site):
    found = site(more="all: donald, daisy|/bin/sort\n").check("all")

    assert queued(found) == [("local", "", "donald")]
    assert "(Authorization problem" in found.notices[0].text
    assert "daisy|/bin/sort" in found.notices[0].text


def test_an_alias_of_itself_is_the_user_and_a_circle_ends(site):
    at_work = site(aliases="donald: donald, u@far.arpa\na: b\nb: c\nc: a\n")

    assert queued(at_work.check("donald")) == [("local", "", "donald"), ("smtp", "far.arpa", "u@far.arpa")]
    assert at_work.check("a").queued == ()


def test_aliases_nested_without_end_are_refused_and_told_to_support(site):
    found = site(aliases="".join(f"a{number}: a{number + 1}\n" for number in range(2000))).check("a0")

    assert found.replies[0].code.is_bad
    assert found.notices[-1].to == ("help@here.arpa",)


def test_a_tilde_passes_over_the_aliases_that_may_be_passed_over(site):
    at_work = site(aliases="donald: u@far.arpa\n", more="daisy: u@far.arpa\n")

    assert queued(at_work.check("~donald")) == [("local", "", "donald")]
    assert queued(at_work.check("~daisy")) == [("smtp", "far.arpa", "u@far.arpa")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("daisy", [("local", "", "daisy=box")]),
        ("u@far.arpa", [("smtp", "far.arpa", "u=box@far.arpa")]),
        pytest.param("daisy, june", [], id="a list cannot have a tag"),
    ],
)
def test_a_tag_goes_with_the_alias(site, value, expected):
    assert queued(site(aliases=f"d: {value}\n").check("d=box")) == expected


def test_tag_characters_are_the_sites(site):
    assert queued(site('TAGCHARS "=+"\n').check("donald+box")) == [("local", "", "donald+box")]


def test_the_first_value_of_a_key_on_several_lines_counts(site):
    assert queued(site(aliases="d: daisy\nd: june\n").check("d")) == [("local", "", "daisy")]


def test_bad_addresses_of_a_list_are_told_to_support_and_the_others_used(site):
    found = site(aliases="all: donald, nobody-here, u@nowhere\n").check("all")

    assert found.is_accepted
    assert queued(found) == [("local", "", "donald")]
    assert [(notice.to, notice.subject) for notice in found.notices] == [(("help@here.arpa",), "Bad address in alias")]
    assert "There were problems with:\nnobody-here\nu@nowhere\n" in found.notices[0].text


def test_a_file_of_addresses_is_read_and_never_trusted(site, tmp_path):
    listed = tmp_path / "listed"
    listed.write_text("donald, daisy\njune|/bin/sort\n(nobody)\n")
    found = site(aliases=f"list: < {listed}\nalso: :include:{listed}@here\n").check("list")

    assert queued(found) == [("local", "", "daisy"), ("local", "", "donald")]
    assert [notice.subject for notice in found.notices] == ["Bad address in file"]


def test_a_file_of_another_host_is_for_that_host_to_open(site):
    assert queued(site(aliases="list: :include:/etc/list@far.arpa\n").check("list")) == [
        ("smtp", "far.arpa", ":Include:/etc/list@far.arpa")
    ]


def test_a_file_that_is_not_there_makes_its_alias_bad(site):
    found = site(aliases="list: < /nonexistent/list, donald\nonly: < /nonexistent/list\n")

    assert found.check("list").is_accepted
    assert "(USER)" in found.check("only").replies[0].text
    assert "(FOPN) Unable to open address file" in found.check("</nonexistent/list").replies[0].text


def test_a_pipe_given_as_a_file_holds_nobody_up(site, tmp_path):
    os.mkfifo(tmp_path / "pipe")

    assert not site().check(f"<{tmp_path / 'pipe'}").is_accepted


# Users.


def test_mail_ids_take_the_place_of_logins(site):
    at_work = site(
        "MMAILID 1\nMTBL mailids, file=mailids\nMTBL users, file=users\n",
        mailids="unix-wizards: daisy\n",
        users="daisy: unix-wizards\n",
    )

    assert queued(at_work.check("Unix-Wizards")) == [("local", "", "Unix-Wizards")]
    assert "(USER)" in at_work.check("daisy").replies[0].text


def test_unknown_users_and_hosts_go_to_the_channels_for_them(site):
    at_work = site('MCHN badusers, tbl=hosts, host="far.arpa", ap=822\nMCHN badhosts, tbl=hosts, host="far.arpa"\n')

    assert queued(at_work.check("~stranger=tag@here")) == [("badusers", "far.arpa", "stranger=tag")]
    assert queued(at_work.check("u@nowhere.zz")) == [("badhosts", "far.arpa", "u@nowhere.zz")]


# Tables that do not answer.


@pytest.mark.parametrize("table", ["aliases", "top", "hosts"])
def test_a_table_that_is_gone_defers_and_refuses_nobody(site, tmp_path, table):
    at_work = site()
    (tmp_path / "table" / table).unlink()

    found = at_work.check("stranger%far.arpa@here" if table != "aliases" else "stranger")

    assert [(reply.code.name, reply.code.is_deferred) for reply in found.replies] == [("FOPN", True)]
    assert any(isinstance(step, Decision) and "cannot read" in step.text for step in found.trace)


def test_a_list_of_which_one_address_cannot_be_verified_is_deferred_whole(site, tmp_path):
    at_work = site(aliases="all: donald, u@far.arpa\n")
    (tmp_path / "table" / "hosts").unlink()

    found = at_work.check("all")

    assert (found.replies[0].code.is_deferred, found.queued) == (True, ())


def test_a_hit_before_a_table_that_is_gone_is_still_a_hit(site, tmp_path):
    at_work = site(aliases="d: u@far.arpa\n")
    (tmp_path / "table" / "more").unlink()

    assert queued(at_work.check("d")) != []


def test_the_delay_channel_takes_what_cannot_be_verified(site, tmp_path):
    at_work = site("MTBL delays, file=delays\nMCHN delay, tbl=delays, host=here.arpa\n", delays="")
    (tmp_path / "table" / "hosts").unlink()

    found = at_work.check("u@far.arpa")
    relayed = at_work.go_on(at_work.message(Submitter("x@y", "smtp", "y")), "u@far.arpa")

    assert [(reply.code.octal, reply.text) for reply in found.replies] == [
        ("013", 'Possibly a nice address "u@far.arpa"')
    ]
    assert queued(found) == [("delay", "local&here.arpa", "u@far.arpa")]
    assert queued(relayed) == [("delay", "smtp&y", "u@far.arpa")]


def test_a_dbm_table_answers_from_the_database_once_it_is_built(tmp_path):
    tailor = TAILOR.replace('file="aliases"', 'file="aliases", flags=dbm')
    before = mmdf_site(tmp_path, tailor, TABLES | {"aliases": "D: donald\n"})
    assert queued(before.check("d")) == [("local", "", "donald")]
    texts = [("aliases", tmp_path / "table" / "aliases")]
    assert build_database(tmp_path / "table" / "mmdfdbm", texts, is_new=True) == []

    after = mmdf_site(tmp_path, tailor, TABLES | {"aliases": "D: daisy\n"})

    assert queued(after.check("d")) == [("local", "", "donald")]


def test_a_kind_of_table_that_is_not_served_defers(site):
    assert site("MTBL wide, type=test\nALIAS table=wide\n").check("donald").replies[0].code.is_deferred


def test_several_lines_of_one_message_queue_an_address_once(site):
    at_work = site()
    message = at_work.message()

    for address in ("donald", "DONALD", "u@far.arpa", "u@FAR.arpa"):
        at_work.go_on(message, address)

    assert [one.line for one in message.envelope.queued] == [
        "- m - local, , donald",
        '- m - smtp "far.arpa" "u@far.arpa"',
    ]
