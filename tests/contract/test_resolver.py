"""The contract of the port Resolver, on every adapter.  DNS itself is our own server on loopback."""

import asyncio
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.resolver_dns import DnsResolver
from posthouse.adapters.resolver_memory import MemoryResolver
from posthouse.mail.outcome import Disposition, deferred, failed
from posthouse.ports import MailHosts, MxHost
from support.channel_dns import SERVFAIL, SILENT, DnsServer
from support.waiting import LONG

ZONE = {
    "example.org": {"MX": ["20 mx2.example.org", "10 mx1.example.org"], "A": ["192.0.2.99"]},
    "mx1.example.org": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "mx2.example.org": {"A": ["192.0.2.2"]},
    "no-mx.example": {"A": ["192.0.2.3"]},
    "null-mx.example": {"MX": ["0 ."], "A": ["192.0.2.4"]},
    "silent.example": SILENT,
}


class MemoryWorld:
    """The same facts, told to the memory resolver."""

    def __init__(self):
        self.resolver = MemoryResolver(
            mail={
                "example.org": (
                    MxHost("mx1.example.org", 10, ("2001:db8::1", "192.0.2.1")),
                    MxHost("mx2.example.org", 20, ("192.0.2.2",)),
                ),
                "null-mx.example": MailHosts(failure=failed("takes no mail", status="5.1.10")),
            },
            hosts={"no-mx.example": ("192.0.2.3",), "mx2.example.org": ("192.0.2.2",)},
            silent=frozenset({"silent.example"}),
        )


def dns_resolver(server, clock=None, *, timeout=timedelta(seconds=LONG), hosts_file=Path("/nonexistent")):
    return DnsResolver([server.address], clock or ManualClock(), timeout=timeout, hosts_file=hosts_file)


@contextmanager
def open_resolver(kind, seconds=LONG):
    if kind == "memory":
        yield MemoryWorld().resolver
    else:
        with DnsServer(ZONE) as server:
            yield dns_resolver(server, timeout=timedelta(seconds=seconds))


@pytest.fixture(params=["memory", "dns"])
def resolver(request):
    with open_resolver(request.param) as opened:
        yield opened


def mail_hosts(resolver, domain):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the loop of production
        return runner.run(resolver.mail_hosts(domain))


@pytest.mark.parametrize("domain", ["example.org", "EXAMPLE.org", "example.org."], ids=["plain", "case", "final dot"])
def test_mail_hosts_come_by_preference_with_all_their_addresses(resolver, domain):
    found = mail_hosts(resolver, domain)

    assert found.failure is None
    assert [(host.name, host.preference, set(host.addresses)) for host in found.hosts] == [
        ("mx1.example.org", 10, {"192.0.2.1", "2001:db8::1"}),
        ("mx2.example.org", 20, {"192.0.2.2"}),
    ]
    assert [step.split()[:3] for step in found.steps] == [
        ["MX", "10", "mx1.example.org"],
        ["MX", "20", "mx2.example.org"],
    ]


def test_a_domain_without_mx_is_its_own_mail_host(resolver):
    assert mail_hosts(resolver, "no-mx.example").hosts == (MxHost("no-mx.example", 0, ("192.0.2.3",)),)


@pytest.mark.parametrize(
    ("domain", "disposition", "status"),
    [
        pytest.param("null-mx.example", Disposition.FAILED, "5.1.10", id="null MX: RFC 7505"),
        pytest.param("nowhere.example", Disposition.FAILED, "5.1.2", id="does not exist"),
    ],
)
def test_dns_without_hosts_is_an_outcome(resolver, domain, disposition, status):
    found = mail_hosts(resolver, domain)

    assert found.hosts == ()
    assert (found.failure.disposition, str(found.failure.status)) == (disposition, status)


@pytest.mark.parametrize("kind", ["memory", "dns"])
def test_no_answer_is_not_no_such_domain(kind):
    with open_resolver(kind, seconds=0.4) as resolver:
        found = mail_hosts(resolver, "silent.example")

    assert found.hosts == ()
    assert (found.failure.disposition, str(found.failure.status)) == (Disposition.DEFERRED, "4.4.3")


def test_a_host_is_resolved_without_mx(resolver):
    found = asyncio.run(resolver.addresses("mx2.example.org"))

    assert found.hosts == (MxHost("mx2.example.org", 0, ("192.0.2.2",)),)


# What only DNS has.


@pytest.mark.parametrize(
    ("zone", "status"),
    [
        pytest.param({"d.example": SERVFAIL}, "4.4.3", id="SERVFAIL"),
        pytest.param({"d.example": {"TXT": ['"x"']}}, "5.1.2", id="neither MX nor address"),
        pytest.param({"d.example": {"MX": ["5 gone.example"]}}, "5.4.4", id="MX host without address"),
        pytest.param({"d.example": {"MX": ["5 m.example"]}, "m.example": SERVFAIL}, "4.4.3", id="MX host in doubt"),
        pytest.param(
            {"d.example": {"MX": ["5 m.example", "9 gone.example"]}, "m.example": SERVFAIL},
            "4.4.3",
            id="one in doubt, one gone: wait",
        ),
        pytest.param({"d.example": {"CNAME": ["gone.example"]}}, "5.1.2", id="CNAME to nothing"),
    ],
)
def test_dns_trouble_has_the_status_of_its_kind(zone, status):
    with DnsServer(zone) as server:
        found = mail_hosts(dns_resolver(server), "d.example")

    assert str(found.failure.status) == status


def test_a_cname_is_followed_to_the_mail_hosts():
    zone = {
        "alias.example": {"CNAME": ["real.example"]},
        "real.example": {"MX": ["5 m.example"]},
        "m.example": {"CNAME": ["n.example"]},
        "n.example": {"A": ["192.0.2.7"]},
    }
    with DnsServer(zone) as server:
        found = mail_hosts(dns_resolver(server), "alias.example")

    assert found.hosts == (MxHost("m.example", 5, ("192.0.2.7",)),)


def test_an_answer_too_large_for_udp_comes_by_tcp():
    many = [f"{number} mx{number}.with-a-rather-long-name.big.example" for number in range(60)]
    zone = {"big.example": {"MX": many}, "mx0.with-a-rather-long-name.big.example": {"A": ["192.0.2.1"]}}
    with DnsServer(zone) as server:
        found = mail_hosts(dns_resolver(server), "big.example")
        over_tcp = server.over_tcp

    assert over_tcp == 1
    assert [host.preference for host in found.hosts] == [0]


def test_a_null_mx_beside_others_is_ignored():
    zone = {"d.example": {"MX": ["0 .", "5 m.example"]}, "m.example": {"A": ["192.0.2.7"]}}
    with DnsServer(zone) as server:
        found = mail_hosts(dns_resolver(server), "d.example")

    assert [host.name for host in found.hosts] == ["m.example"]


def test_an_international_domain_is_asked_in_a_labels():
    zone = {"xn--bcher-kva.example": {"A": ["192.0.2.8"]}}
    with DnsServer(zone) as server:
        found = mail_hosts(dns_resolver(server), "Bücher.example")

    assert found.hosts[0].addresses == ("192.0.2.8",)


@pytest.mark.parametrize("domain", ["a..b", "x" * 64 + ".example", "a b.example", "-\u2603..example"])
def test_what_is_no_domain_name_fails_without_asking(domain):
    with DnsServer({}) as server:
        found = mail_hosts(dns_resolver(server), domain)
        questions = server.questions

    assert str(found.failure.status) == "5.1.2"
    assert questions == []


def test_answers_are_kept_for_their_time_to_live():
    clock = ManualClock()
    with DnsServer(ZONE, ttl=300) as server:
        resolver = dns_resolver(server, clock)

        async def ask():
            await asyncio.gather(*(resolver.mail_hosts("no-mx.example") for _ in range(5)))
            at_once = len(server.questions)
            clock.advance(299)
            await resolver.mail_hosts("no-mx.example")
            kept = len(server.questions)
            clock.advance(2)
            await resolver.mail_hosts("no-mx.example")
            return at_once, kept, len(server.questions)

        at_once, kept, expired = asyncio.run(ask())

    assert (at_once, kept, expired) == (3, 3, 6)  # MX, AAAA and A, once for all who ask at once


def test_localhost_needs_no_network():
    resolver = DnsResolver(["192.0.2.53"], ManualClock(), timeout=timedelta(seconds=5))

    assert asyncio.run(resolver.addresses("localhost")).hosts[0].addresses == ("127.0.0.1", "::1")


def test_a_host_that_dns_does_not_know_is_looked_up_in_the_hosts_file(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("# ours\n192.0.2.5 relay.lan relay  # the relay\nnonsense relay.lan\n")
    with DnsServer({}) as server:
        found = asyncio.run(dns_resolver(server, hosts_file=hosts).addresses("relay.lan"))

    assert found.hosts == (MxHost("relay.lan", 0, ("192.0.2.5",)),)


def test_deferred_answers_are_not_kept():
    zone = {"d.example": SERVFAIL}
    with DnsServer(zone) as server:
        resolver = dns_resolver(server)

        async def ask():
            first = await resolver.mail_hosts("d.example")
            server.zone["d.example"] = {"A": ["192.0.2.9"]}
            return first, await resolver.mail_hosts("d.example")

        first, second = asyncio.run(ask())

    assert first.failure.disposition is Disposition.DEFERRED
    assert second.hosts[0].addresses == ("192.0.2.9",)


def test_memory_resolver_gives_back_what_it_was_told():
    told = MailHosts(failure=deferred("later", status="4.4.3"))

    assert mail_hosts(MemoryResolver({"d.example": told}), "d.example") is told


def test_the_reason_names_the_name_server_and_what_it_said():
    with DnsServer({"d.example": SERVFAIL}) as server:
        found = mail_hosts(dns_resolver(server), "d.example")
        host, _, port = server.address.rpartition(":")

    assert found.failure.diagnostic == f"DNS cannot resolve d.example: name server {host}:{port} answers SERVFAIL"
