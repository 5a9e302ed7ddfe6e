"""Names of clients, with the proof that they lead back: from the hosts file, and from a name server of our own."""

import asyncio
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from posthouse.adapters.client_names import LookedUpNames
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.dns_questions import DnsClient
from posthouse.adapters.map_host import HostsFile
from posthouse.submit.sendmail.driver import ClientName
from support.channel_dns import SERVFAIL, DnsServer
from support.waiting import LONG

ZONE = {
    "1.2.0.192.in-addr.arpa": {"PTR": ["Good.Example."]},
    "good.example": {"A": ["192.0.2.200", "192.0.2.1"]},
    "2.2.0.192.in-addr.arpa": {"PTR": ["bank.example."]},
    "bank.example": {"A": ["192.0.2.200"]},
    "3.2.0.192.in-addr.arpa": SERVFAIL,
    "4.2.0.192.in-addr.arpa": {"PTR": ["away.example."]},
    "away.example": SERVFAIL,
    "5.2.0.192.in-addr.arpa": {"PTR": ["gone.example."]},
    "6.2.0.192.in-addr.arpa": {"PTR": ["x\\032\\(y\\).example."]},
    str(IPv6Address("2001:db8::1").reverse_pointer): {"PTR": ["six.example."]},
    "six.example": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
}
HOSTS = "192.0.2.1 file.example short\n192.0.2.2 elsewhere.example\n192.0.2.200 bank.example  # ours\n"


@pytest.fixture(scope="module")
def server():
    with DnsServer(ZONE) as running:
        yield running


def names(folder: Path, *services: str, server: DnsServer | None = None) -> LookedUpNames:
    (folder / "hosts").write_text(HOSTS)
    records = None if server is None else DnsClient([server.address], LONG)
    return LookedUpNames(services, HostsFile(folder / "hosts", SystemClock()), records)


@pytest.mark.parametrize(
    ("address", "name", "ruling"),
    [
        pytest.param("192.0.2.1", "good.example", "OK", id="the address is among those of the name"),
        pytest.param("2001:db8::1", "six.example", "OK", id="IPv6 leads back by AAAA"),
        pytest.param("192.0.2.2", "bank.example", "FORGED", id="a name of somebody else"),
        pytest.param("192.0.2.5", "gone.example", "FORGED", id="a name that is not there"),
        pytest.param("192.0.2.9", "", "FAIL", id="no name"),
        pytest.param("192.0.2.6", "", "FAIL", id="no name that a host could have"),
        pytest.param("192.0.2.3", "", "TEMP", id="nobody can say now"),
        pytest.param("192.0.2.4", "away.example", "TEMP", id="nobody can say now where the name leads"),
    ],
)
def test_a_name_counts_when_it_leads_back(tmp_path, server, address, name, ruling):
    assert asyncio.run(names(tmp_path, "dns", server=server).name_of(address)) == ClientName(name, ruling)


def test_the_first_service_that_knows_a_name_says_where_it_leads(tmp_path, server):
    asked = names(tmp_path, "files", "dns", server=server)

    assert asyncio.run(asked.name_of("192.0.2.1")) == ClientName("file.example", "OK")
    # The hosts file has no name for this address; the name that DNS has is the hosts file's.
    (tmp_path / "hosts").write_text("192.0.2.7 good.example\n")
    asked = LookedUpNames(
        ("files", "dns"), HostsFile(tmp_path / "hosts", SystemClock()), DnsClient([server.address], LONG)
    )
    assert asyncio.run(asked.name_of("192.0.2.1")) == ClientName("good.example", "FORGED")


def test_without_dns_the_hosts_file_alone_is_asked(tmp_path):
    assert asyncio.run(names(tmp_path, "files").name_of("192.0.2.1")) == ClientName("file.example", "OK")
    assert asyncio.run(names(tmp_path, "files").name_of("192.0.2.99")) == ClientName("", "FAIL")
