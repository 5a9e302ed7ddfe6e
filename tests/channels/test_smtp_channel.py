"""The SMTP channel against a scripted peer: one outcome per recipient, whatever the peer does."""

import asyncio
import ssl
import threading
from datetime import timedelta
from random import Random

import pytest
import trustme
import uvloop

from posthouse.adapters.resolver_memory import MemoryResolver
from posthouse.channels.mail_exchangers import Ourselves
from posthouse.channels.smtp import SmtpChannel
from posthouse.channels.smtp_dialer import DialSettings
from posthouse.mail.limits import Timeouts
from posthouse.mail.outcome import Disposition
from posthouse.ports import MxHost
from posthouse.site.model import TlsUse
from support.channel_mail import NULL_SENDER, TEXT, BrokenText, MemoryText, batch, declare
from support.channel_peer import Script, ScriptedPeer
from support.deliver_world import CountingMeter
from support.ports import free_port
from support.waiting import LONG

SHORT = timedelta(seconds=0.2)


def open_channel(resolver=None, *, tls=TlsUse.NEVER, timeouts=None, ourselves=None, meter=None, **parameters):
    settings = DialSettings("us.example", timeouts or Timeouts(quit=SHORT), tls=tls)
    return SmtpChannel(
        declare(**parameters),
        settings,
        resolver or MemoryResolver(),
        Random(1),
        ourselves=ourselves or Ourselves(),
        meter=meter,
    )


def send(channel, *batches, text=None):
    """Attempt the batches one after the other over one channel, and close it; on the event loop of production."""

    async def run():
        reports = [await channel.attempt(one, text or MemoryText()) for one in batches]
        await channel.close()
        return reports

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def send_one(peer, *recipients, text=None, sender=None, **parameters):
    message = batch(*recipients, host=f"[127.0.0.1]:{peer.port}", **({"sender": sender} if sender else {}))
    (report,) = send(open_channel(**parameters), message, text=text)
    return report


def told(report):
    return [(outcome.disposition.name.lower(), str(outcome.status), outcome.code) for outcome in report.outcomes]


# One transaction.


@pytest.mark.parametrize(
    "extensions", [("PIPELINING", "8BITMIME"), ("8BITMIME",), ()], ids=["pipelining", "lock-step", "no extensions"]
)
def test_all_recipients_travel_in_one_transaction(extensions):
    with ScriptedPeer(Script(extensions=extensions)) as peer:
        report = send_one(peer, "bob@example.net", "eve@example.net")

    assert told(report) == [("delivered", "2.0.0", 250)] * 2
    assert peer.commands == [
        "EHLO us.example",
        "MAIL FROM:<sender@example.org>",
        "RCPT TO:<bob@example.net>",
        "RCPT TO:<eve@example.net>",
        "DATA",
        "QUIT",
    ]
    assert peer.heard[0].texts == [b"Subject: a test\r\n\r\nHello.\r\n..dotted\r\n.\r\n"]


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        pytest.param(b".first\r\n", b"..first\r\n.\r\n", id="a dot in the first line"),
        pytest.param(b"no end", b"no end\r\n.\r\n", id="without a final line end"),
        pytest.param(b"", b".\r\n", id="empty"),
    ],
)
@pytest.mark.parametrize("piece_octets", [1, 65536], ids=["octet by octet", "whole"])
def test_text_arrives_dot_stuffed_and_ended(text, wire, piece_octets):
    with ScriptedPeer() as peer:
        report = send_one(peer, text=MemoryText(text, piece_octets))
        peer.heard[0].ended.wait(LONG)

    assert told(report)[0][0] == "delivered"
    assert (peer.heard[0].texts or [b".\r\n"]) == [wire]


def test_null_reverse_path_is_sent_as_empty_brackets():
    with ScriptedPeer() as peer:
        send_one(peer, sender=NULL_SENDER)

    assert any(command.startswith("MAIL FROM:<> ") for command in peer.commands)


def test_size_is_declared_and_a_text_larger_than_the_peer_takes_is_not_sent():
    with ScriptedPeer(Script(extensions=("SIZE 20",))) as small, ScriptedPeer(Script(extensions=("SIZE 2000",))) as big:
        refused, accepted = send_one(small), send_one(big)

    assert refused.outcomes[0].disposition is Disposition.FAILED
    assert str(refused.outcomes[0].status) == "5.3.4"
    assert not any(command.startswith("MAIL") for command in small.commands)
    assert f"MAIL FROM:<sender@example.org> SIZE={len(TEXT)}" in big.commands
    assert accepted.outcomes[0].disposition is Disposition.DELIVERED


@pytest.mark.parametrize(
    ("extensions", "relayed"), [(("DSN",), False), ((), True)], ids=["peer does DSN", "peer does not"]
)
def test_delivered_says_whether_the_peer_takes_over_reporting(extensions, relayed):
    with ScriptedPeer(Script(extensions=extensions)) as peer:
        report = send_one(peer)

    assert report.outcomes[0].relayed is relayed


# Refusals.


def test_each_recipient_has_its_own_outcome():
    replies = {"RCPT TO:<no@": b"550-5.1.1 no such\r\n550 5.1.1 user here\r\n", "RCPT TO:<late@": b"451 later\r\n"}
    with ScriptedPeer(Script(replies=replies)) as peer:
        report = send_one(peer, "yes@example.net", "no@example.net", "late@example.net")

    assert told(report) == [("delivered", "2.0.0", 250), ("failed", "5.1.1", 550), ("deferred", "4.0.0", 451)]
    assert "no such user here" in report.outcomes[1].diagnostic
    assert report.outcomes[1].remote == "127.0.0.1"
    assert report.reached


@pytest.mark.parametrize("code", [4, 5], ids=["4yz", "5yz"])
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelining", "lock-step"])
def test_first_digit_decides_at_each_command(command, code, extensions):
    answer = f"{code}59 odd code\r\n".encode()
    script = Script(extensions=extensions)
    if command == ".":
        script.text_replies = (answer,)
    else:
        script.replies[command] = answer
    with ScriptedPeer(script) as peer:
        report = send_one(peer)

    expected = "deferred" if code == 4 else "failed"
    assert told(report) == [(expected, f"{code}.0.0", int(f"{code}59"))]


def test_all_recipients_refused_with_pipelined_data_sends_no_text():
    script = Script(replies={"RCPT": b"550 no\r\n", "DATA": [b"354 all the same\r\n"]})
    with ScriptedPeer(script) as peer:
        report = send_one(peer)

    assert told(report) == [("failed", "5.0.0", 550)]
    assert all(b"Hello" not in text for text in peer.heard[0].texts)


@pytest.mark.parametrize(
    ("script", "disposition", "reached"),
    [
        pytest.param(Script(greeting=b"421 busy\r\n"), Disposition.DEFERRED, False, id="greeting 421"),
        pytest.param(Script(greeting=b"554 no service\r\n"), Disposition.DEFERRED, False, id="greeting 554"),
        pytest.param(Script(greeting=b"+OK POP3\r\n"), Disposition.DEFERRED, False, id="another protocol"),
        pytest.param(Script(replies={"EHLO": b"421 busy\r\n"}), Disposition.DEFERRED, False, id="EHLO 421"),
        pytest.param(
            Script(replies={"EHLO": b"500 no\r\n", "HELO": b"550 no\r\n"}), Disposition.FAILED, True, id="HELO 550"
        ),
        pytest.param(Script(drop_at="EHLO"), Disposition.DEFERRED, False, id="gone at EHLO"),
    ],
)
def test_a_peer_that_does_not_serve_us(script, disposition, reached):
    with ScriptedPeer(script) as peer:
        report = send_one(peer, "a@example.net", "b@example.net")

    assert [outcome.disposition for outcome in report.outcomes] == [disposition] * 2
    assert report.reached is reached


def test_a_server_that_only_knows_helo_is_served():
    with ScriptedPeer(Script(replies={"EHLO": b"502 what?\r\n"})) as peer:
        report = send_one(peer)

    assert told(report)[0][0] == "delivered"


def test_nobody_listening_is_a_deferral_that_reached_nobody():
    (report,) = send(open_channel(), batch(host=f"[127.0.0.1]:{free_port()}"))

    assert told(report) == [("deferred", "4.4.1", 0)]
    assert report.reached is False


# The connection goes away.


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelining", "lock-step"])
def test_connection_lost_is_a_deferral(command, extensions):
    with ScriptedPeer(Script(extensions=extensions, drop_at=command)) as peer:
        report = send_one(peer, "a@example.net", "b@example.net")

    assert [one[:2] for one in told(report)] == [("deferred", "4.4.2")] * 2


def test_connection_lost_after_the_final_dot_says_that_it_may_have_been_delivered():
    with ScriptedPeer(Script(drop_at=".")) as peer:
        report = send_one(peer)

    assert told(report) == [("deferred", "4.4.2", 0)]
    assert "may have been delivered" in report.outcomes[0].diagnostic
    assert len(peer.heard) == 1  # a second try now would be a second copy for sure


def test_a_reply_that_comes_together_with_the_end_counts():
    with ScriptedPeer(Script(close_with_reply=True)) as peer:
        report = send_one(peer)

    assert told(report) == [("delivered", "2.0.0", 250)]


@pytest.mark.parametrize(
    ("silent_at", "timeouts"),
    [
        pytest.param("greeting", Timeouts(greeting=SHORT), id="greeting"),
        pytest.param("EHLO", Timeouts(greeting=SHORT), id="EHLO"),
        pytest.param("MAIL", Timeouts(mail=SHORT, rcpt=SHORT, data_command=SHORT), id="MAIL"),
        pytest.param("RCPT", Timeouts(rcpt=SHORT, data_command=SHORT), id="RCPT"),
        pytest.param("DATA", Timeouts(data_command=SHORT), id="DATA"),
        pytest.param(".", Timeouts(data_end=SHORT), id="end of text"),
    ],
)
def test_each_wait_has_its_own_timeout(silent_at, timeouts):
    with ScriptedPeer(Script(extensions=(), silent_at=silent_at)) as peer:
        report = send_one(peer, timeouts=timeouts)

    assert told(report)[0][:2] == ("deferred", "4.4.2")
    assert "within 0.2 seconds" in report.outcomes[0].diagnostic


def test_a_peer_that_stops_reading_is_given_up():
    hold = threading.Event()
    text = MemoryText(b"x" * 78 + b"\r\n" * 1 + (b"y" * 78 + b"\r\n") * 200_000)
    with ScriptedPeer(Script(hold_reading=hold, extensions=())) as peer:
        report = send_one(peer, text=text, timeouts=Timeouts(data_block=SHORT, quit=SHORT))
        hold.set()

    assert "took no text" in report.outcomes[0].diagnostic
    assert told(report)[0][:2] == ("deferred", "4.4.2")


def test_a_slow_reader_gets_the_whole_large_text():
    text = (b"y" * 78 + b"\r\n") * 100_000
    with ScriptedPeer(Script(extensions=("PIPELINING",))) as peer:
        report = send_one(peer, text=MemoryText(text))

    assert told(report)[0][0] == "delivered"
    assert peer.heard[0].texts[0] == text + b".\r\n"


def test_a_peer_that_breaks_off_in_mid_text_is_believed():
    script = Script(text_reply_in_mid_text=b"552 5.2.2 full\r\n")
    with ScriptedPeer(script) as peer:
        report = send_one(peer, text=MemoryText((b"y" * 78 + b"\r\n") * 200_000))

    assert report.outcomes[0].disposition in (Disposition.FAILED, Disposition.DEFERRED)
    assert not peer.heard[0].texts


def test_a_text_that_cannot_be_read_never_looks_finished():
    with ScriptedPeer() as peer:
        channel = open_channel()
        with pytest.raises(OSError, match="input/output"):
            send(channel, batch(host=f"[127.0.0.1]:{peer.port}"), text=BrokenText())
        assert peer.heard[0].ended.wait(LONG)

    assert peer.heard[0].texts == []


# Connections are used again.


def test_the_standard_event_loop_will_do_too():
    with ScriptedPeer() as peer:

        async def run():
            channel = open_channel()
            report = await channel.attempt(batch(host=f"[127.0.0.1]:{peer.port}"), MemoryText())
            await channel.close()
            return report

        report = asyncio.run(run())

    assert told(report)[0][0] == "delivered"


def test_messages_to_one_hop_share_a_connection():
    with ScriptedPeer() as peer:
        reports = send(open_channel(), *[batch(host=f"[127.0.0.1]:{peer.port}")] * 3)

    assert [told(report)[0][0] for report in reports] == ["delivered"] * 3
    assert len(peer.heard) == 1
    assert peer.commands.count("QUIT") == 1


def test_connections_opened_and_used_again_are_counted():
    meter = CountingMeter()
    with ScriptedPeer() as peer:
        send(open_channel(meter=meter), *[batch(host=f"[127.0.0.1]:{peer.port}")] * 3)

    assert (meter.values["connections_opened_total"], meter.values["connections_reused_total"]) == (1, 2)
    assert (meter.most["connections_idle"], meter.values["connections_idle"]) == (1, 0)


def test_a_connection_carries_no_more_messages_than_allowed():
    with ScriptedPeer() as peer:
        send(open_channel(messages_per_connection=2), *[batch(host=f"[127.0.0.1]:{peer.port}")] * 3)

    assert [heard.commands.count("DATA") for heard in peer.heard] == [2, 1]


def test_idle_connections_are_bounded_in_all():
    with ScriptedPeer() as one, ScriptedPeer() as two:
        hops = [batch(host=f"[127.0.0.1]:{peer.port}") for peer in (one, two, one)]
        send(open_channel(keep_connections=1), *hops)

    assert (len(one.heard), len(two.heard)) == (2, 1)


def test_an_idle_connection_says_quit_after_its_time():
    with ScriptedPeer() as peer:

        async def run():
            channel = open_channel(idle=timedelta(seconds=0.05))
            await channel.attempt(batch(host=f"[127.0.0.1]:{peer.port}"), MemoryText())
            ended = await asyncio.to_thread(peer.heard[0].ended.wait, LONG)
            await channel.close()
            return ended

        assert asyncio.run(run())
    assert peer.commands[-1] == "QUIT"


def test_a_connection_closed_while_idle_is_silently_replaced():
    with ScriptedPeer() as peer:

        async def run():
            channel = open_channel()
            first = await channel.attempt(batch(host=f"[127.0.0.1]:{peer.port}"), MemoryText())
            await asyncio.to_thread(peer.close_connections)
            second = await channel.attempt(batch(host=f"[127.0.0.1]:{peer.port}"), MemoryText())
            await channel.close()
            return first, second

        reports = asyncio.run(run())
    assert [told(report)[0][0] for report in reports] == ["delivered"] * 2
    assert len(peer.heard) == 2


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(drop_at="MAIL", drop_from_transaction=2), id="gone at MAIL"),
        pytest.param(Script(replies={"MAIL": [b"250 ok\r\n", b"421 idle too long\r\n"]}), id="421 at MAIL"),
    ],
)
def test_a_used_connection_that_fails_at_once_is_replaced_once(script):
    with ScriptedPeer(script) as peer:
        reports = send(open_channel(), *[batch(host=f"[127.0.0.1]:{peer.port}")] * 2)

    assert [told(report)[0][0] for report in reports] == ["delivered"] * 2
    assert len(peer.heard) == 2


def test_a_failed_transaction_leaves_nothing_behind_for_the_next():
    script = Script(extensions=(), replies={"RCPT TO:<no@": b"550 no\r\n"})
    with ScriptedPeer(script) as peer:
        host = f"[127.0.0.1]:{peer.port}"
        reports = send(open_channel(), batch("no@example.net", host=host), batch("yes@example.net", host=host))

    assert [told(report)[0][0] for report in reports] == ["failed", "delivered"]
    assert len(peer.heard) == 1
    assert "RSET" in peer.commands


# Next hops.


def mx(*hosts):
    return MemoryResolver(
        {"example.net": tuple(MxHost(name, preference, (address,)) for name, preference, address in hosts)}
    )


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(None, id="not listening"),
        pytest.param(Script(greeting=b"421 busy\r\n"), id="greeting 421"),
        pytest.param(Script(greeting=b"554 go away\r\n"), id="greeting 554"),
        pytest.param(Script(replies={"MAIL": b"451 not now\r\n"}), id="MAIL 451"),
        pytest.param(Script(drop_at="MAIL"), id="gone at MAIL"),
    ],
)
def test_the_next_mx_is_tried_when_the_first_does_not_serve(first):
    with peer_at("127.0.0.1", free_port("127.0.0.1", "127.0.0.2")) as second:
        resolver = mx(("mx1.example.net", 10, "127.0.0.2"), ("mx2.example.net", 20, "127.0.0.1"))
        channel = open_channel(resolver, port=second.port)
        if first is None:
            (report,) = send(channel, batch(host="example.net"))
        else:
            with peer_at("127.0.0.2", second.port, first):
                (report,) = send(channel, batch(host="example.net"))

    assert told(report)[0][0] == "delivered"
    assert report.remote == "mx2.example.net"


def peer_at(address, port, script=None):
    return ScriptedPeer(script, address=address, port=port)


def test_what_a_host_said_to_recipients_is_not_asked_of_the_next():
    script = Script(replies={"RCPT TO:<late@": b"450 later\r\n"})
    port = free_port("127.0.0.1", "127.0.0.2")
    with peer_at("127.0.0.1", port) as second, peer_at("127.0.0.2", port, script):
        resolver = mx(("mx1.example.net", 10, "127.0.0.2"), ("mx2.example.net", 20, "127.0.0.1"))
        (report,) = send(
            open_channel(resolver, port=second.port), batch("late@example.net", "b@example.net", host="example.net")
        )

    assert [one[0] for one in told(report)] == ["deferred", "delivered"]
    assert second.heard == []


def test_every_address_of_a_host_is_tried():
    with peer_at("127.0.0.1", free_port("127.0.0.1", "127.0.0.2", "127.0.0.3")) as peer:
        resolver = MemoryResolver(hosts={"example.net": ("127.0.0.3", "127.0.0.2", "127.0.0.1")})
        (report,) = send(open_channel(resolver, port=peer.port), batch(host="example.net"))

    assert told(report)[0][0] == "delivered"


def test_a_domain_whose_best_mx_are_ourselves_loops():
    resolver = mx(("us.example", 10, "192.0.2.1"), ("backup.example", 20, "192.0.2.2"))
    channel = open_channel(resolver, ourselves=Ourselves(frozenset({"us.example"})))
    (report,) = send(channel, batch(host="example.net"))

    assert told(report) == [("failed", "5.4.6", 0)]
    assert "loops back to us" in report.outcomes[0].diagnostic
    assert report.reached


@pytest.mark.parametrize(
    ("host", "disposition", "status", "reached"),
    [
        pytest.param("nowhere.example", "failed", "5.1.2", True, id="no such domain"),
        pytest.param("silent.example", "deferred", "4.4.3", False, id="DNS cannot answer"),
        pytest.param("[nowhere.example]", "deferred", "4.4.4", False, id="a relay that does not exist is our mistake"),
        pytest.param("a b", "deferred", "4.3.5", True, id="a next hop that cannot be read"),
    ],
)
def test_dns_decides(host, disposition, status, reached):
    (report,) = send(open_channel(MemoryResolver(silent=frozenset({"silent.example"}))), batch(host=host))

    assert told(report) == [(disposition, status, 0)]
    assert report.reached is reached


def test_a_relay_by_name_is_reached_without_mx():
    with ScriptedPeer() as peer:
        resolver = MemoryResolver(
            {"relay.example": (MxHost("other.example", 1, ("192.0.2.1",)),)}, {"relay.example": ("127.0.0.1",)}
        )
        (report,) = send(open_channel(resolver), batch(host=f"relay.example:{peer.port}"))

    assert (told(report)[0][0], report.remote) == ("delivered", "relay.example")


def test_the_channels_relay_takes_what_has_no_host():
    with ScriptedPeer() as peer:
        (report,) = send(open_channel(relay=f"[127.0.0.1]:{peer.port}"), batch(host=""))

    assert told(report)[0][0] == "delivered"


# TLS.


@pytest.fixture(scope="module")
def certificate():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("peer.example").configure_cert(context)
    return context


@pytest.mark.parametrize("tls", [TlsUse.MAY, TlsUse.MUST])
def test_starttls_is_used_where_it_is_offered(certificate, tls):
    with ScriptedPeer(Script(tls=certificate)) as peer:
        report = send_one(peer, tls=tls)

    assert told(report)[0][0] == "delivered"
    assert peer.heard[0].encrypted
    assert [command for command in peer.commands if "EHLO" in command] == ["EHLO us.example"] * 2


def test_starttls_is_not_used_where_it_is_forbidden(certificate):
    with ScriptedPeer(Script(tls=certificate)) as peer:
        send_one(peer, tls=TlsUse.NEVER)

    assert not peer.heard[0].encrypted


@pytest.mark.parametrize(
    ("script", "status"),
    [
        pytest.param({}, "4.7.4", id="not offered"),
        pytest.param({"break_handshake": True, "extensions": ("STARTTLS",)}, "4.7.5", id="broken handshake"),
        pytest.param({"extensions": ("STARTTLS",), "replies": {"STARTTLS": b"454 no\r\n"}}, "4.7.4", id="refused"),
    ],
)
def test_mail_that_must_be_encrypted_waits_otherwise(script, status):
    with ScriptedPeer(Script(**script)) as peer:
        report = send_one(peer, tls=TlsUse.MUST)

    assert told(report) == [("deferred", status, 0)]
    assert not any(command.startswith("MAIL") for command in peer.commands)


@pytest.mark.parametrize(
    ("script", "connections"),
    [
        pytest.param({"break_handshake": True}, 2, id="broken handshake: once more without"),
        pytest.param({"replies": {"STARTTLS": b"454 no\r\n"}}, 1, id="refused: on without"),
    ],
)
def test_mail_that_may_be_encrypted_goes_anyhow(script, connections):
    with ScriptedPeer(Script(extensions=("STARTTLS",), **script)) as peer:
        report = send_one(peer, tls=TlsUse.MAY)

    assert told(report)[0][0] == "delivered"
    assert len(peer.heard) == connections
