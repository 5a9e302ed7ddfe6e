"""What the rules of a sendmail site are told of a client, and what becomes of the maps that they ask."""

import asyncio
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from msgspec.structs import replace

from posthouse.adapters.cf_world import open_world
from posthouse.adapters.client_names import LookedUpNames
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.dns_questions import DnsClient
from posthouse.adapters.logins_passwd import FileLogins
from posthouse.adapters.map_host import HostsFile
from posthouse.rewriting.environment import Environment
from posthouse.routing.sendmail.compiled import compile_sendmail
from posthouse.site.cf.listeners import daemons_of
from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.reader import read_cf
from posthouse.submit.client import OWN_REPORTS, SENT_AGAIN, Client, Welcome
from posthouse.submit.sendmail.clients import MOST_KEPT, MOST_KEPT_OCTETS, arrival_of
from posthouse.submit.sendmail.router import SendmailRouter
from support.channel_dns import SERVFAIL, DnsServer
from support.sendmail_world import CF
from support.waiting import LONG

RULES = """
O HostsFile={home}/hosts
O ServiceSwitchFile={home}/switch
O AliasFile={home}/aliases
O DaemonPortOptions=Name=MSA, Addr=192.0.2.250, Port=587, M=Ea
O DaemonPortOptions=Family=inet6, Port=25
Kseen macro
Kasked socket local:{home}/map.sock
Scheck_relay
R$* $| 192.0.2.9	$: $(seen {{verdict}} $@ known $) $| 192.0.2.9
R$* $| 192.0.2.19	$#error $@ quarantine $: no name
R$* $| 192.0.2.8	$: $(asked key $)
R$*	$: $&{{client_resolve}}
RFORGED	$#error $@ 4.7.1 $: "450 whose name is that, " $&{{client_ptr}}
"""
ZONE = {
    "1.2.0.192.in-addr.arpa": {"PTR": ["good.example."]},
    "good.example": {"A": ["192.0.2.1"]},
    "2.2.0.192.in-addr.arpa": {"PTR": ["bank.example."]},
    "bank.example": {"A": ["192.0.2.200"]},
    "3.2.0.192.in-addr.arpa": SERVFAIL,
    str(IPv6Address("2001:db8::1").reverse_pointer): {"PTR": ["six.example."]},
    "six.example": {"AAAA": ["2001:db8::1"]},
}


@pytest.fixture(scope="module")
def server():
    with DnsServer(ZONE) as running:
        yield running


@pytest.fixture
def router(tmp_path: Path, server: DnsServer) -> SendmailRouter:
    for name, text in (("hosts", "192.0.2.250 mx.home.example\n"), ("switch", "hosts files\n"), ("aliases", "")):
        (tmp_path / name).write_text(text)
    (tmp_path / "passwd").write_text("ann:x:1:1:::/bin/sh\n")
    (tmp_path / "x.cf").write_text(CF.replace("Mlocal", f"{RULES.format(home=tmp_path)}Mlocal", 1))
    configuration = read_cf(tmp_path / "x.cf", Surroundings(Machine("mx.home.example")))
    assert not configuration.errors
    clock = SystemClock()
    world, _ = open_world(configuration, clock, FileLogins(tmp_path / "passwd", clock))
    records = DnsClient([server.address], LONG)
    names = LookedUpNames(("files", "dns"), HostsFile(tmp_path / "hosts", clock), records)
    return SendmailRouter(compile_sendmail(configuration), replace(world, names=names), {})


def welcomed(router: SendmailRouter, address: str, listener: str = "192.0.2.250:587") -> Welcome:
    client = Client(address=address, port=4711, reached=("192.0.2.250", 587), listener=listener)
    return asyncio.run(router.welcome(client))


@pytest.mark.parametrize(
    ("address", "name", "resolve", "shown"),
    [
        ("192.0.2.1", "good.example", "OK", "good.example [192.0.2.1]"),
        ("192.0.2.2", "[192.0.2.2]", "FORGED", "bank.example [192.0.2.2] (may be forged)"),
        ("192.0.2.3", "[192.0.2.3]", "TEMP", "[192.0.2.3]"),
        ("192.0.2.4", "[192.0.2.4]", "FAIL", "[192.0.2.4]"),
        ("2001:db8::1", "six.example", "OK", "six.example [IPv6:2001:db8::1]"),
        ("::ffff:192.0.2.1", "good.example", "OK", "good.example [192.0.2.1]"),
        ("fe80::1%lo", "[IPv6:fe80::1]", "FAIL", "[IPv6:fe80::1]"),
    ],
)
def test_only_a_name_that_leads_back_is_the_clients(router, address, name, resolve, shown):
    welcome = welcomed(router, address)

    assert (welcome.macros["client_name"], welcome.macros["client_resolve"]) == (name, resolve)
    assert welcome.macros["_"] == welcome.shown == shown
    assert welcome.macros["client_addr"] == shown.partition("[")[2].partition("]")[0]
    assert welcome.macros["client_port"] == "4711"


def test_rules_see_the_name_that_is_not_believed(router):
    refusal = welcomed(router, "192.0.2.2").refusal

    assert str(refusal) == "450 4.7.1 whose name is that, bank.example"


def test_what_check_relay_says_of_quarantine_and_of_macros_is_kept_for_every_message(router):
    assert welcomed(router, "192.0.2.19").quarantine == "no name"
    welcome = welcomed(router, "192.0.2.9")
    assert (welcome.refusal, welcome.macros["verdict"]) == (None, "known")


def test_a_client_sees_the_daemon_that_it_came_to(router):
    macros = welcomed(router, "192.0.2.1").macros

    assert {name: value for name, value in macros.items() if name.startswith(("daemon", "if_"))} == {
        "daemon_name": "MSA",
        "daemon_addr": "192.0.2.250",
        "daemon_port": "587",
        "daemon_family": "inet",
        "daemon_flags": "EE a",
        "daemon_info": "SMTP",
        "if_name": "mx.home.example",
        "if_addr": "192.0.2.250",
        "if_family": "inet",
    }


def test_a_daemon_without_a_name_has_its_number(router):
    daemons = daemons_of(router.routing.configuration)

    assert list(daemons) == ["192.0.2.250:587", "[::]:25"]
    assert (daemons["[::]:25"].name, daemons["[::]:25"].family) == ("Daemon1", "inet6")
    assert daemons["[::]:25"].address == "IPv6:::"


def test_closing_the_router_closes_the_connections_of_its_maps(router, tmp_path):
    async def ask_and_close() -> None:
        closed = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(1024):
                writer.write(b"8:NOTFOUND,")
            writer.close()
            closed.set()

        serving = await asyncio.start_unix_server(answer, tmp_path / "map.sock")
        async with serving:
            await router.welcome(Client(address="192.0.2.8"))
            assert not closed.is_set()
            await router.close()
            await asyncio.wait_for(closed.wait(), LONG)

    asyncio.run(ask_and_close())


def test_what_is_kept_of_a_client_is_bounded_and_holds_no_control_characters():
    client = Client("mx.far.example", "192.0.2.1", "ESMTP")
    macros = {f"client_{number}": "x" * 600 for number in range(30)}
    environment = Environment({**macros, "_": "a\nX-Forged: b\x7f", "s": "\udcff", "j": "mx.home.example"})

    kept = dict(arrival_of(environment, client))

    assert len(kept) == MOST_KEPT
    assert (kept["_"], kept["s"]) == ("a?X-Forged: b?", "?")
    assert {len(value) for name, value in kept.items() if name.startswith("client_")} == {MOST_KEPT_OCTETS}
    assert "j" not in kept


@pytest.mark.parametrize("protocol", [OWN_REPORTS, SENT_AGAIN])
def test_nothing_is_kept_with_what_this_site_sends_by_itself(protocol):
    environment = Environment({"_": "localhost", "s": "localhost"})

    assert arrival_of(environment, Client(protocol=protocol)) == ()
