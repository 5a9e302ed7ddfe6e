"""Every declared kind of channel is opened from the site and works; smtp against Debian's own sink."""

import asyncio
import signal
import subprocess
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.resolver_dns import DnsResolver
from posthouse.adapters.resolver_memory import MemoryResolver
from posthouse.channels.open import open_channels, our_identity
from posthouse.mail.outcome import Disposition
from posthouse.site.model import ChannelKind, Listener, Site
from support.channel_dns import DnsServer
from support.channel_mail import MemoryText, batch, declare
from support.peers import program
from support.ports import free_port, is_listening
from support.waiting import LONG, until


def a_site(tmp_path, *declarations, **parameters):
    return Site(
        name="Us.example",
        home=tmp_path,
        file=tmp_path / "site.toml",
        spool=tmp_path / "spool",
        run=tmp_path / "run",
        domains={},
        channels={declaration.name: declaration for declaration in declarations},
        **parameters,
    )


def attempt(site, name, message, resolver=None, times=1):
    async def run():
        channels = open_channels(site, resolver or MemoryResolver(), SystemClock(), MemoryEventLog(), Random(1))
        reports = await asyncio.gather(*(channels[name].attempt(message, MemoryText()) for _ in range(times)))
        for channel in channels.values():
            await channel.close()
        return reports

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        pytest.param(ChannelKind.DISCARD, {}, id="discard"),
        pytest.param(ChannelKind.PROGRAM, {"argv": ("/bin/true",)}, id="program"),
        pytest.param(ChannelKind.LOCAL, {"mailbox": "{user}"}, id="local"),
    ],
)
def test_a_channel_without_hosts_delivers(tmp_path, kind, parameters):
    if kind is ChannelKind.LOCAL:
        parameters = {"mailbox": str(tmp_path / "{user}")}
    site = a_site(tmp_path, declare(kind, **parameters))

    (report,) = attempt(site, "out", batch("a@example.net", "b@example.net"))

    assert [outcome.disposition for outcome in report.outcomes] == [Disposition.DELIVERED] * 2


def test_all_kinds_are_opened_and_closed(tmp_path):
    site = a_site(tmp_path, *(replace(declare(kind), name=kind.value) for kind in ChannelKind))

    channels = open_channels(site, MemoryResolver(), SystemClock(), MemoryEventLog(), Random(1))

    assert set(channels) == {kind.value for kind in ChannelKind}


def test_we_are_our_names_and_what_we_listen_on(tmp_path):
    listeners = tuple(Listener(address) for address in ("0.0.0.0:25", "[::1]:2525", "unix:/run/smtp"))
    ourselves = our_identity(a_site(tmp_path, listeners=listeners), declare(helo="Out.us.example"))

    assert ourselves.names == {"us.example", "out.us.example"}
    assert ourselves.endpoints == {("0.0.0.0", 25), ("::1", 2525)}


@pytest.fixture
def sink(tmp_path):
    """Debian's smtp-sink, writing each message to a file; yields its port and directory."""
    path = program("smtp-sink", "postfix")
    port = free_port()
    directory = tmp_path / "sunk"
    directory.mkdir(mode=0o777)
    running = subprocess.Popen(
        [path, "-u", "root", "-R", str(directory), "-d", "%M.", f"127.0.0.1:{port}", "100"],
        stderr=subprocess.DEVNULL,
    )

    try:
        until(lambda: is_listening(port), "smtp-sink to listen")
        yield port, directory
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait(LONG)


def test_smtp_sink_gets_the_message_by_mx(tmp_path, sink):
    port, directory = sink
    zone = {"example.net": {"MX": ["10 mx.example.net"]}, "mx.example.net": {"A": ["127.0.0.1"]}}
    with DnsServer(zone) as server:
        resolver = DnsResolver(
            [server.address], SystemClock(), timeout=timedelta(seconds=5), hosts_file=Path("/nonexistent")
        )
        site = a_site(tmp_path, declare(port=port))
        reports = attempt(site, "out", batch("a@example.net", "b@example.net", host="example.net"), resolver, times=3)

    assert {outcome.disposition for report in reports for outcome in report.outcomes} == {Disposition.DELIVERED}
    sunk = [path.read_text() for path in directory.iterdir() if path.is_file()]
    assert len(sunk) == 3
    assert all("Hello.\n.dotted\n" in text for text in sunk)
