"""The addresses of a header in the dialect of a channel."""

import pytest

from posthouse.mail.lookup import Answer, Lookup
from posthouse.routing.mmdf.compiled import TableUnavailableError
from posthouse.routing.mmdf.headers import HeaderDialect
from posthouse.submit.eager import run
from posthouse.submit.mmdf import answer_steps
from support.mmdf import mmdf_site

TAILOR = """\
MLNAME river
MLDOMAIN arpa
MTBL dom, file=dom
MTBL root, file=root
MTBL known, file=known
MDMN arpa, dmn=arpa, table=dom
MDMN "", table=root
MTBL hosts, file=hosts
MCHN local, tbl=hosts, ap=822
MCHN same, tbl=hosts, ap=same
MCHN short, tbl=hosts, ap=same, ap=nodots
MCHN percent, tbl=hosts, ap=733
MCHN jnt, tbl=hosts, ap=jnt
MCHN routeless, tbl=hosts, ap=822, ap=nosrcrt
MCHN known, tbl=hosts, ap=822, known=known
MCHN hidden, tbl=hosts, ap=822, lname=front, ldomain=arpa
MCHN try, tbl=hosts, ap=822, ap=try
"""
TABLES = {
    "dom": "river: river.arpa\nbank: bank.arpa\nferry: ferry.arpa bank.arpa\n",
    "root": "bank: bank.arpa\nferry: ferry.arpa bank.arpa\nriver: river.arpa\n",
    "hosts": "river.arpa: x\nbank.arpa: 127.0.0.1\n",
    "known": "river.arpa: x\nbank.arpa: x\n",
}
WARNING = "MMDF-Warning:  Parse error in original version of preceding line at river.arpa\n"


@pytest.fixture
def edited(tmp_path):
    site = mmdf_site(tmp_path, TAILOR, TABLES)

    def edit(header, channel="local"):
        dialect = HeaderDialect(site.routing, site.routing.channel(channel))
        return run(answer_steps(dialect.header(header), site.tables))[0]

    return edit


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param("To: a@bank\n", "To: a@bank.arpa\n", id="official name"),
        pytest.param("To: a@elsewhere.zz\n", "To: a@elsewhere.zz\n", id="unknown names stay"),
        pytest.param("to: a (Ann)\n", "to: Ann <a@river.arpa>\n", id="a comment becomes the name"),
        pytest.param("To: a@bank (Ann B.)\n", 'To: "Ann B." <a@bank.arpa>\n', id="a dot in a name is quoted"),
        pytest.param("To: Ann <a@bank> (work)\n", "To: Ann <a@bank.arpa>\n", id="a comment behind a name goes"),
        pytest.param("To: (Ann) a@bank\n", "To: a@bank.arpa\n", id="a comment in front is no name"),
        pytest.param("To: u@ferry@bank\n", "To: u <@bank.arpa:u@ferry.arpa>\n", id="an old route"),
        pytest.param('To: "u@ferry"\n', "To: u@ferry.arpa\n", id="a host inside quotes"),
        pytest.param("Cc: None: ;\n", "Cc: None: ;\n", id="empty group"),
        pytest.param("To: P: a@bank, b;\n", "To: P: a@bank.arpa;, b@river.arpa\n", id="a group ends too early"),
        pytest.param("To: J\xe9 <a@bank>\n", "To: J\xe9 <a@bank.arpa>\n", id="octets above 127 in a name"),
        pytest.param("To: , a@bank,,\n", "To: a@bank.arpa\n", id="nothing between commas"),
        pytest.param("To:\n a@bank\n", "To: a@bank.arpa\n", id="empty first line"),
        pytest.param("To:\t a@bank\n", "To:\t a@bank.arpa\n", id="blanks before the first address stay"),
        pytest.param("To : a@bank\n", "To : a@bank.arpa\n", id="a blank before the colon"),
        pytest.param("To: a@bank\r\n", "To: a@bank.arpa\r\n", id="lines may end in CRLF"),
        pytest.param("X-To: a@bank\n\tb@ferry\n", "X-To: a@bank\n\tb@ferry\n", id="other fields are not touched"),
        pytest.param("Redistributed-By: a@bank\n", "Redistributed-By: a@bank.arpa\n", id="as long as names get"),
        pytest.param("\nTo: a@bank\n", "\nTo: a@bank\n", id="the body is not touched"),
        pytest.param("no field\nTo: a@bank\n", "no field\nTo: a@bank\n", id="the header ends where no field is"),
        pytest.param(" To: a@bank\n", " To: a@bank\n", id="a header can't begin with a continuation"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_field_is_rewritten(edited, field, expected):
    assert edited(field) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("<@bank:u@ferry>", "@bank.arpa:u@ferry.arpa", id="brackets without a name"),
        pytest.param("<a@bank>, b@ferry", "a@bank.arpa, b@ferry.arpa", id="what follows a mistake"),
        pytest.param("b@ferry, c d <", "b@ferry.arpa, c d <>", id="nothing in brackets"),
        pytest.param("joe>", "joe", id="a word that is no mailbox yet"),
        pytest.param("joe;", "joe@river.arpa", id="a group that was never begun"),
        pytest.param("a@, b@bank", "a@river.arpa, b@bank.arpa", id="no domain"),
        pytest.param("staff:", "staff: ;", id="a group without an end"),
    ],
)
def test_what_does_not_parse_is_kept_as_far_as_it_goes_with_a_warning(edited, body, expected):
    assert edited(f"To: {body}\nSubject: s\n") == f"To: {expected}\n{WARNING}Subject: s\n"


def test_long_lists_are_folded_below_the_first_address(edited):
    listed = ", ".join(f"reader{number}@bank" for number in range(8))

    assert edited(f"Resent-To: {listed}\r\n") == (
        "Resent-To: reader0@bank.arpa, reader1@bank.arpa, reader2@bank.arpa, \r\n"
        "           reader3@bank.arpa, reader4@bank.arpa, reader5@bank.arpa, \r\n"
        "           reader6@bank.arpa, reader7@bank.arpa\r\n"
    )


def test_a_mailbox_without_host_gets_that_of_the_first_sender_who_has_one(edited):
    header = "To: early\nFrom: boss@bank\nSender: clerk@ferry\nCc: ann\nResent-From: eve\nResent-To: bob\n"

    assert edited(header) == (
        "To: early@river.arpa\nFrom: boss@bank.arpa\nSender: clerk@ferry.arpa\n"
        "Cc: ann@bank.arpa\nResent-From: eve@bank.arpa\nResent-To: bob@bank.arpa\n"
    )


def test_who_sent_it_again_is_the_next_default(edited):
    header = "From: boss@bank\nResent-From: eve@ferry\nResent-Cc: bob\n"

    assert edited(header).endswith("Resent-Cc: bob@ferry.arpa\n")


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("same", "To: u@ferry@bank, a, b@elsewhere.zz\n"),
        ("short", "To: u <u%ferry.arpa@bank>, a@river, b@elsewhere.zz\n"),
        ("percent", "To: u <u%ferry.arpa@bank.arpa>, a@river.arpa, b@elsewhere.zz\n"),
        ("jnt", "To: u <u%arpa.ferry@arpa.bank>, a@arpa.river, b@elsewhere.zz\n"),
        ("routeless", "To: u <u@ferry.arpa>, a@river.arpa, b@elsewhere.zz\n"),
        ("hidden", "To: u <@bank.arpa:u@ferry.arpa>, a@front.arpa, b@elsewhere.zz\n"),
    ],
)
def test_each_channel_has_its_style(edited, channel, expected):
    assert edited("To: u@ferry@bank, a, b@elsewhere.zz\n", channel) == expected


def test_hosts_that_the_channel_does_not_know_are_reached_through_us(edited):
    assert edited("To: a@ferry, @ferry:b@x, c@bank, d@elsewhere.zz\n", "known") == (
        "To: a%ferry.arpa@river.arpa, @river.arpa,@ferry.arpa:b@x, c@bank.arpa, \n    d@elsewhere.zz\n"
    )


def test_the_sender_is_written_as_the_header_is(tmp_path):
    site = mmdf_site(tmp_path, TAILOR, TABLES)

    def sender(channel, *path):
        steps = HeaderDialect(site.routing, site.routing.channel(channel)).sender(*path)
        return run(answer_steps(steps, site.tables))[0]

    assert sender("hidden", "joe", "river.arpa", ()) == "joe@front.arpa"
    assert sender("hidden", "joe", "", ()) == "joe@front.arpa"
    assert sender("same", "joe", "place.zz", ("bank",)) == "joe%place.zz@bank.arpa"


def unanswered(steps):
    """Drive steps while every table is out of order."""
    answer = None
    while True:
        try:
            answer = Answer(unavailable="no answer") if isinstance(steps.send(answer), Lookup) else None
        except StopIteration as end:
            return end.value


def test_without_an_answer_the_message_waits(tmp_path):
    site = mmdf_site(tmp_path, TAILOR, TABLES)

    with pytest.raises(TableUnavailableError):
        unanswered(HeaderDialect(site.routing, site.routing.channel("local")).header("To: a@bank\n"))


def test_without_an_answer_a_channel_that_tries_keeps_the_address_and_says_so(tmp_path):
    site = mmdf_site(tmp_path, TAILOR, TABLES)

    found = unanswered(HeaderDialect(site.routing, site.routing.channel("try")).header("To: Ann <a@bank>\n"))

    assert found == ("To: Ann <a@bank>\nMMDF-Warning:  Unable to confirm address in preceding line at river.arpa\n")
