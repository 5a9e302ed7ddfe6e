"""Tables that a name server answers, by our own server on loopback."""

import asyncio

import pytest

from posthouse.submit.mmdf import answer_steps
from support.channel_dns import SERVFAIL, DnsServer
from support.mmdf import mmdf_site
from support.waiting import LONG

TAILOR = """
MLNAME "here"
MLDOMAIN "example"
MTBL locals, file="locals"
MTBL static, file="static", flags=partial
MTBL world, flags=ns, flags=domain
MTBL mail, flags=ns, flags=channel
MDMN example, dmn=example, table=static
MDMN "", dmn="", table=world
MCHN local, tbl=locals, ap=822
MCHN smtp, tbl=mail, ap=822
"""
TABLES = {"locals": "here: here\nhere.example: here\n", "static": "here: here.example\n"}
ZONE = {
    "far.test": {"MX": ["20 b.far.test", "10 a.far.test"]},
    "a.far.test": {"A": ["192.0.2.1"]},
    "b.far.test": {"A": ["192.0.2.3"]},
    "plain.test": {"A": ["192.0.2.4"]},
    "alias.test": {"CNAME": ["far.test"]},
    "ours.test": {"MX": ["10 here.example", "5 a.far.test", "20 b.far.test"]},
    "self.test": {"MX": ["10 here.example", "20 b.far.test"], "A": ["192.0.2.5"]},
    "empty.test": {"TXT": ['"nothing"']},
    "machine.test": {"MX": ["10 m1.here.example", "5 a.far.test", "20 b.far.test"]},
    "m1.here.example": {"TXT": ['"a machine"']},
    "wide.test": {"A": [f"192.0.2.{n}" for n in range(1, 9)]},
    "very-wide.test": {"MX": [f"10 w{n}.test" for n in range(8)]},
    **{f"w{n}.test": {"A": [f"198.51.100.{10 * n + at}" for at in range(7)]} for n in range(8)},
    "sick.test": SERVFAIL,
}


@pytest.fixture
def server():
    with DnsServer(ZONE) as running:
        yield running


@pytest.fixture
def resolve(tmp_path, server):
    def go(address, tailor=""):
        site = mmdf_site(tmp_path, TAILOR + tailor, TABLES, nameservers=[server.address], seconds=LONG)

        async def checked():
            message = site.message()
            found, trace = await answer_steps(message.check(address), site.tables)
            answers = [
                step.answer.values for step in trace if getattr(getattr(step, "lookup", None), "table", "") == "mail"
            ]
            return found, answers

        return asyncio.run(checked())

    return go


@pytest.mark.parametrize(
    ("domain", "official", "addresses"),
    [
        ("far.test", "far.test", ("192.0.2.1", "192.0.2.3")),
        pytest.param("plain.test", "plain.test", ("192.0.2.4",), id="no MX: the host itself"),
        pytest.param("alias.test", "far.test", ("192.0.2.1", "192.0.2.3"), id="an official name"),
        pytest.param("ours.test", "ours.test", ("192.0.2.1",), id="only what is better than ourselves"),
        pytest.param("self.test", "self.test", ("192.0.2.5",), id="we are the best: its own address"),
    ],
)
def test_a_host_is_reached_through_its_mail_exchangers_in_order(resolve, domain, official, addresses):
    found, answers = resolve(f"u@{domain}")

    assert [(one.channel, one.host, one.address) for one in found.queued] == [("smtp", official, f"u@{official}")]
    assert answers[-1] == addresses


@pytest.mark.parametrize("machine", ["", "MLOCMACHINE m1\n"])
def test_ourselves_among_the_exchangers_are_known_by_each_of_our_full_names(resolve, machine):
    assert resolve("u@ours.test", machine)[1][-1] == ("192.0.2.1",)
    assert resolve("u@machine.test", machine)[1][-1] == (("192.0.2.1",) if machine else ("192.0.2.1", "192.0.2.3"))


def test_a_host_has_six_addresses_of_each_exchanger_and_thirty_in_all(resolve):
    assert len(resolve("u@wide.test")[1][-1]) == 6
    assert len(resolve("u@very-wide.test")[1][-1]) == 30


def test_a_host_of_which_we_are_the_best_exchanger_can_be_unknown(resolve):
    assert "(BHST)" in resolve("u@self.test", "MXSELF strict\n")[0].replies[0].text


@pytest.mark.parametrize("domain", ["gone.test", "empty.test", "a b.test"])
def test_what_dns_does_not_know_is_an_unknown_host(resolve, domain):
    assert "(BHST)" in resolve(f'u@"{domain}"')[0].replies[0].text


def test_a_server_that_fails_defers_the_address(resolve):
    found, _ = resolve("u@sick.test")

    assert [(reply.code.octal, reply.text) for reply in found.replies] == [
        ("225", '(NS) Nameserver Timeout in "u@sick.test"')
    ]


def test_a_static_table_is_asked_before_the_world_and_spares_it(resolve, server):
    resolve("donald@here.example")

    assert server.questions == []


def test_with_abort_a_failure_ends_the_search(resolve, tmp_path):
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "later").write_text("sick.test: far.test\n")
    more = 'MTBL later, file="later"\nMDMN later, dmn="", table=later\n'
    stops = f'MTBL impatient, flags=ns, flags=domain, flags=abort\nMDMN impatient, dmn="", table=impatient\n{more}'

    went_on, _ = resolve("u@sick.test", more)
    stopped, _ = resolve("u@sick.test", stops)

    assert went_on.is_accepted
    assert stopped.replies[0].code.name == "NS"


def test_the_delay_channel_takes_what_the_name_server_left_open(resolve):
    found, _ = resolve("u@sick.test", 'MTBL delays, file="delays"\nMCHN delay, tbl=delays, host=here.example\n')

    assert [(one.channel, one.host, one.address) for one in found.queued] == [
        ("delay", "local&here.example", "u@sick.test")
    ]
    assert found.replies[0].code.name == "DOK"
