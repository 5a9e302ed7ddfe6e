"""Lists, channel tables, the authorization log and the listeners of an MMDF site."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path as FilePath

import pytest

from posthouse.adapters.authorization_log_file import AuthorizationLogFile
from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.resolver_channel_table import ChannelTableResolver
from posthouse.adapters.resolver_memory import MemoryResolver
from posthouse.adapters.table_inline import InlineTable
from posthouse.channels.program import ProgramChannel
from posthouse.channels.resubmit import Lists, ResubmitChannel
from posthouse.channels.table_program import TableProgramChannel
from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Recipient
from posthouse.mail.lookup import BUILTIN, Answer
from posthouse.mail.outcome import Disposition, delivered
from posthouse.mail.queued import Batch, Hop, Lane, LeasedRecipient, MessageInfo
from posthouse.mail.route import Route
from posthouse.queueing.texts import WholeText
from posthouse.site.tailor.reader import parse_tailor
from posthouse.site.tailor.site import sendprog, site_of
from posthouse.submit.eager import run
from posthouse.submit.mmdf_lists import ListOwners

WHEN = datetime(2026, 11, 22, tzinfo=UTC)


class Submitted:
    """Port Resubmission that remembers."""

    def __init__(self):
        self.taken = []

    async def resubmit(self, message, sender, recipient, text):  # noqa: ARG002 - the port's signature
        self.taken.append((str(sender), str(recipient)))
        return delivered("submitted again")


def batch(sender, *recipients):
    message = MessageInfo("0" * 13, WHEN, sender, Body.SEVEN_BIT, False, None, "", 1)
    leased = tuple(
        LeasedRecipient(number, Recipient(address, Route("list", "", address), address), 0, False)
        for number, address in enumerate(recipients)
    )
    return Batch(message, Hop("list", ""), Lane.SINGLE, 1, leased)


def attempt(channel, *of):
    return asyncio.run(channel.attempt(batch(*of), WholeText(b"\r\n"))).outcomes


JOE = Path(Address("joe", "river.arpa"))
CLUB, CREW = Address("club", "list.arpa"), Address("crew", "list.arpa")


def test_a_list_is_submitted_for_its_name_here_with_its_owner_as_sender():
    async def owner(name):
        return Path(Address(f"{name}-request", "river.arpa"))

    submitted = Submitted()

    outcomes = attempt(ResubmitChannel(submitted, Lists("river.arpa", owner)), JOE, CLUB, CREW)

    assert [one.disposition for one in outcomes] == [Disposition.DELIVERED] * 2
    assert submitted.taken == [
        ("club-request@river.arpa", "club@river.arpa"),
        ("crew-request@river.arpa", "crew@river.arpa"),
    ]


def test_a_bounce_to_a_list_stays_one():
    submitted = Submitted()

    attempt(ResubmitChannel(submitted, Lists("river.arpa", None)), NULL_PATH, CLUB)

    assert submitted.taken == [("", "club@river.arpa")]


def test_a_list_waits_while_nobody_can_say_who_owns_it():
    async def owner(name):
        return None

    (outcome,) = attempt(ResubmitChannel(Submitted(), Lists("river.arpa", owner)), JOE, CLUB)

    assert outcome.disposition is Disposition.DEFERRED


def test_a_delayed_message_comes_in_as_it_was():
    submitted = Submitted()

    attempt(ResubmitChannel(submitted), JOE, CLUB)

    assert submitted.taken == [("joe@river.arpa", "club@list.arpa")]


class NoAnswer:
    """A table that cannot answer."""

    name = "aliases"

    async def lookup(self, key):  # noqa: ARG002 - the port's signature
        return Answer(unavailable="gone")


def test_the_owner_of_a_list_is_its_request_address_or_support():
    text = "MLNAME river\nMLDOMAIN arpa\nMSUPPORT help\nMTBL aliases\nALIAS table=aliases\n"
    configuration = parse_tailor(text, FilePath("/x/mmdftailor"))
    aliases = InlineTable("aliases", [("club-request", ("ann",), BUILTIN)])

    owners = ListOwners(configuration, {"aliases": aliases})

    assert str(run(owners.owner("club"))) == "club-request@river.arpa"
    assert str(run(owners.owner("crew"))) == "help@river.arpa"
    assert run(ListOwners(configuration, {"aliases": NoAnswer()}).owner("club")) is None


def found(*values, hosts=None):
    entries = [("bank.arpa", values, BUILTIN)] if values else []
    resolver = ChannelTableResolver(InlineTable("hosts", entries), hosts or MemoryResolver())
    return asyncio.run(resolver.mail_hosts("bank.arpa"))


def test_a_host_is_at_the_addresses_of_its_entries_in_their_order():
    hosts = found("192.0.2.2 192.0.2.1", "2001:db8::1").hosts

    assert [host.addresses for host in hosts] == [("192.0.2.2",), ("192.0.2.1",), ("2001:db8::1",)]
    assert [host.preference for host in hosts] == [0, 1, 2]


def test_a_host_that_left_the_table_waits():
    failure = found().failure

    assert failure.disposition is Disposition.DEFERRED
    assert "bank.arpa has no address in the table of its channel, hosts" in failure.diagnostic


def test_a_table_that_cannot_answer_makes_mail_wait():
    failure = asyncio.run(ChannelTableResolver(NoAnswer(), MemoryResolver()).addresses("bank.arpa")).failure

    assert failure.disposition is Disposition.DEFERRED


def programs(table, log=None):
    """The channel whose programs stand in its table."""
    tailor = parse_tailor("MCHN gate, pgm=sendprog\n", FilePath("/x/mmdftailor"))

    def program(command):
        return ProgramChannel(sendprog(tailor.channels[0], command), MemoryEventLog(), most_output_octets=1000)

    return TableProgramChannel(table, program, log or MemoryEventLog())


def test_a_channel_of_programs_takes_the_command_of_each_host_from_its_table(tmp_path):
    (tmp_path / "take").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/taken\n')
    (tmp_path / "take").chmod(0o700)
    channel = programs(InlineTable("gate", [("", (f"{tmp_path}/take -f $(from) $(to.user)",), BUILTIN)]))

    outcomes = attempt(channel, JOE, CLUB, CREW)

    assert [one.disposition for one in outcomes] == [Disposition.DELIVERED] * 2
    assert (tmp_path / "taken").read_text() == "-f joe@river.arpa club\n-f joe@river.arpa crew\n"


@pytest.mark.parametrize(
    ("table", "status"),
    [
        (NoAnswer(), "4.4.3"),
        (InlineTable("gate", []), "4.4.4"),
        (InlineTable("gate", [("", ("cat",), BUILTIN)]), "4.3.5"),
    ],
)
def test_mail_waits_where_the_table_has_no_command(table, status):
    log = MemoryEventLog()

    outcomes = attempt(programs(table, log), JOE, CLUB, CREW)

    assert [(one.disposition, str(one.status)) for one in outcomes] == [(Disposition.DEFERRED, status)] * 2
    assert bool(log.named("trouble")) == (status == "4.3.5")


def test_the_authorization_log_has_a_line_for_each_entry_and_nothing_breaks_a_line(tmp_path):
    log = MemoryEventLog()
    notes = AuthorizationLogFile(tmp_path / "auth.log", ManualClock(WHEN), log)

    notes.write("1ABC", ("i='a'\no='b'", "END size='1', sender='x'"))

    lines = (tmp_path / "auth.log").read_text().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(":  1ABC: i='a'\\012o='b'")
    assert [event["entry"] for event in log.named("authorized")] == ["i='a'\no='b'", "END size='1', sender='x'"]


def test_a_log_that_cannot_be_written_is_trouble_once_and_mail_goes_on(tmp_path):
    log = MemoryEventLog()
    notes = AuthorizationLogFile(tmp_path / "no" / "auth.log", ManualClock(WHEN), log)

    notes.write("1ABC", ("x",))
    notes.write("1ABD", ("x",))

    assert len(log.named("trouble")) == 1


def site(tmp_path, *records):
    text = "\n".join(("MLNAME river", "MLDOMAIN arpa", 'MQUEDIR "queue"', *records, ""))
    return site_of(parse_tailor(text, tmp_path / "mmdftailor"))


def listening(of):
    return [(one.address, [str(network) for network in one.relay_from]) for one in of.listeners]


def test_a_classic_tailor_file_listens_at_port_25_and_relays_for_this_machine(tmp_path):
    assert listening(site(tmp_path)) == [
        ("0.0.0.0:25", ["127.0.0.0/8", "::1/128"]),
        (f"unix:{tmp_path}/queue/posthouse/run/submit.sock", []),
    ]


def test_listen_and_relayfrom_say_otherwise(tmp_path):
    made = site(tmp_path, 'LISTEN "127.0.0.1:2525" "[::1]:2525"', 'RELAYFROM "192.0.2.0/24"')

    assert listening(made)[:2] == [("127.0.0.1:2525", ["192.0.2.0/24"]), ("[::1]:2525", ["192.0.2.0/24"])]
    assert not made.complaints


def test_a_network_may_be_about_one_listener_alone(tmp_path):
    made = site(
        tmp_path,
        'LISTEN "127.0.0.1:25" "127.0.0.1:2525" "127.0.0.1:2526"',
        'RELAYFROM "192.0.2.0/24" "198.51.100.0/24@127.0.0.1:2525" "203.0.113.0/24@127.0.0.1:2525" "@127.0.0.1:2526"',
    )

    assert listening(made)[:3] == [
        ("127.0.0.1:25", ["192.0.2.0/24"]),
        ("127.0.0.1:2525", ["198.51.100.0/24", "203.0.113.0/24"]),
        ("127.0.0.1:2526", []),
    ]
    assert not made.complaints


@pytest.mark.parametrize(
    "record",
    [
        'LISTEN "nowhere"',
        'RELAYFROM "192.0.2.1/24"',
        'RELAYFROM "x"',
        'RELAYFROM "192.0.2.0/24@nowhere"',
        'RELAYFROM "192.0.2.0/24@127.0.0.9:25"',
    ],
)
def test_what_is_no_address_and_no_network_is_left_out_with_a_complaint(tmp_path, record):
    made = site(tmp_path, record)

    assert [problem.origin.line for problem in made.complaints] == [4]
    assert all("0/0" not in network for _, networks in listening(made) for network in networks)
