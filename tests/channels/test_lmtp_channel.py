"""LMTP over the same machinery: one reply to the text per recipient.  RFC 2033."""

import asyncio
from random import Random

import pytest

from posthouse.adapters.resolver_memory import MemoryResolver
from posthouse.channels.smtp import SmtpChannel
from posthouse.channels.smtp_dialer import DialSettings
from posthouse.mail.limits import Timeouts
from posthouse.ports import MxHost
from posthouse.site.model import ChannelKind
from posthouse.smtp.client import Dialect
from support.channel_mail import MemoryText, batch, declare
from support.channel_peer import Script, ScriptedPeer

EACH_ITS_OWN = (b"250 2.1.5 kept\r\n", b"452 4.2.2 full\r\n", b"550 5.7.1 no\r\n")
RECIPIENTS = ("bob@example.net", "eve@example.net", "ann@example.net")


def deliver(host, *recipients, resolver=None, relay=""):
    settings = DialSettings("us.example", Timeouts(), dialect=Dialect.LMTP)
    declaration = declare(ChannelKind.LMTP, relay=relay)
    channel = SmtpChannel(declaration, settings, resolver or MemoryResolver(), Random(1))

    async def run():
        report = await channel.attempt(batch(*recipients, host=host), MemoryText())
        await channel.close()
        return report

    return asyncio.run(run())


def told(report):
    return [(outcome.disposition.name.lower(), str(outcome.status)) for outcome in report.outcomes]


@pytest.mark.parametrize("over", ["tcp", "unix"])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelining", "lock-step"])
def test_each_recipient_has_its_own_reply_to_the_text(tmp_path, over, extensions):
    path = str(tmp_path / "lmtp") if over == "unix" else ""
    with ScriptedPeer(Script(extensions=extensions, text_replies=EACH_ITS_OWN, unix_path=path)) as peer:
        report = deliver(f"unix:{path}" if path else f"[127.0.0.1]:{peer.port}", *RECIPIENTS)

    assert told(report) == [("delivered", "2.1.5"), ("deferred", "4.2.2"), ("failed", "5.7.1")]
    assert peer.commands[0] == "LHLO us.example"
    assert not any(outcome.relayed for outcome in report.outcomes)  # LMTP delivers, it does not relay


def test_connection_lost_between_the_replies_keeps_what_was_said():
    with ScriptedPeer(Script(text_replies=EACH_ITS_OWN[:1], close_with_reply=True)) as peer:
        report = deliver(f"[127.0.0.1]:{peer.port}", *RECIPIENTS)

    assert told(report) == [("delivered", "2.1.5"), ("deferred", "4.4.2"), ("deferred", "4.4.2")]


def test_a_socket_that_is_not_there_is_a_deferral(tmp_path):
    report = deliver(f"unix:{tmp_path}/gone", *RECIPIENTS)

    assert told(report) == [("deferred", "4.4.1")] * 3
    assert report.reached is False


def test_lmtp_never_asks_for_mx():
    with ScriptedPeer() as peer:
        resolver = MemoryResolver(
            {"store.example": (MxHost("mx.example", 1, ("192.0.2.1",)),)}, {"store.example": ("127.0.0.1",)}
        )
        report = deliver("example.net", RECIPIENTS[0], resolver=resolver, relay=f"store.example:{peer.port}")

    assert told(report) == [("delivered", "2.0.0")]
