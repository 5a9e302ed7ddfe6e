"""MMDF's channel to UUCP: paths, arguments and the From line, with a real program in uux's place."""

import asyncio
import sys
from datetime import UTC, datetime

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.table_inline import InlineTable
from posthouse.channels.program import ProgramChannel
from posthouse.channels.uucp import ARGUMENTS, UucpChannel, sender_path, user_path
from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Recipient
from posthouse.mail.lookup import BUILTIN
from posthouse.mail.outcome import Disposition
from posthouse.mail.queued import Batch, Hop, Lane, LeasedRecipient, MessageInfo
from posthouse.mail.route import Route
from posthouse.queueing.texts import WholeText
from posthouse.site.model import ChannelDeclaration, ChannelKind

WHEN = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)
RECORDER = "import sys; open(sys.argv[1], 'ab').write(repr(sys.argv[2:]).encode() + b'\\n' + sys.stdin.buffer.read())"


@pytest.mark.parametrize(
    ("address", "host", "expected"),
    [
        (Address("x", "hub.uucp"), "hub.uucp", "x"),
        (Address("x", "HUB.uucp"), "hub.uucp", "x"),
        (Address("x%mid", "hub.uucp"), "hub.uucp", "mid!x"),
        (Address("x%far%mid", "hub.uucp"), "hub.uucp", "mid!far!x"),
        (Address("x", "far.uucp"), "hub.uucp", "far.uucp!x"),
        (Address("mid!x", "hub.uucp"), "hub.uucp", "mid!x"),
    ],
)
def test_the_user_of_a_path_has_the_hops_behind_the_host(address, host, expected):
    assert user_path(address, host) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (Path(Address("joe", "river.arpa")), "joe"),
        (Path(Address("joe", "bank.arpa")), "bank.arpa!joe"),
        (Path(Address("joe%b", "c")), "c!b!joe"),
        (Path(Address("joe", "away"), ("bank", "ferry")), "bank!ferry!away!joe"),
        (Path(Address("joe%bank", "river.arpa")), "bank!joe"),
        (NULL_PATH, "MAILER-DAEMON"),
    ],
)
def test_senders_become_paths_without_our_own_name(path, expected):
    assert sender_path(path, "river.arpa") == expected


def attempt(tmp_path, value, *recipients):
    script = tmp_path / "uux.py"
    script.write_text(RECORDER)
    argv = (sys.executable, str(script), str(tmp_path / "seen"), *ARGUMENTS)
    declaration = ChannelDeclaration("uucp", ChannelKind.PROGRAM, argv=argv)
    table = InlineTable("hosts", [("hub.uucp", (value,), BUILTIN)] if value else [])
    log = MemoryEventLog()
    channel = UucpChannel(
        ProgramChannel(declaration, log, most_output_octets=1000),
        table,
        ManualClock(WHEN),
        our_name="river.arpa",
        uucp_name="river",
    )
    message = MessageInfo("0" * 13, WHEN, Path(Address("joe", "river.arpa")), Body.SEVEN_BIT, False, None, "", 1)
    leased = tuple(
        LeasedRecipient(number, Recipient(address, Route("uucp", "hub.uucp", address), address), 0, False)
        for number, address in enumerate(recipients)
    )
    batch = Batch(message, Hop("uucp", "hub.uucp"), Lane.SINGLE, 1, leased)
    text = WholeText(b"Subject: s\r\n\r\nbody\r\n")
    outcomes = asyncio.run(channel.attempt(batch, text)).outcomes
    seen = tmp_path / "seen"
    return [one.disposition for one in outcomes], seen.read_text() if seen.exists() else ""


def test_each_recipient_is_a_job_of_its_own_with_a_from_line(tmp_path):
    outcomes, seen = attempt(tmp_path, "seismo!hub!%s", Address("x", "hub.uucp"), Address("y%mid", "hub.uucp"))

    assert outcomes == [Disposition.DELIVERED] * 2
    text = "From joe Sun Nov 22 08:00:00 2026 remote from river\nSubject: s\n\nbody\n"
    assert seen == f"['seismo!rmail', '(hub!x)']\n{text}['seismo!rmail', '(hub!mid!y)']\n{text}"


def test_no_address_is_an_option_or_a_place_holder(tmp_path):
    outcomes, seen = attempt(tmp_path, "-seismo!%s", Address("x", "hub.uucp"))
    assert (outcomes, seen) == ([Disposition.FAILED], "")

    _, seen = attempt(tmp_path, "seismo!%s", Address("{sender}", "hub.uucp"))
    assert "['seismo!rmail', '({sender})']" in seen


@pytest.mark.parametrize(
    ("value", "expected"), [("", Disposition.DEFERRED), ("%s", Disposition.FAILED), ("seismo!", Disposition.FAILED)]
)
def test_what_is_no_path_goes_nowhere(tmp_path, value, expected):
    assert attempt(tmp_path, value, Address("x", "hub.uucp")) == ([expected], "")
