"""What an MMDF channel makes of a message on its way out."""

import asyncio
from datetime import UTC, datetime

import pytest

from posthouse.adapters.dialect_mmdf import MOST_HEADER_OCTETS, MmdfDialect
from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Recipient
from posthouse.mail.errors import DialectUnavailableError
from posthouse.mail.queued import Batch, Hop, Lane, LeasedRecipient, MessageInfo
from posthouse.mail.route import Route
from posthouse.queueing.texts import EditedText, WholeText
from support.mmdf import mmdf_site

TAILOR = """\
MLNAME river
MLDOMAIN arpa
MTBL dom, file=dom
MDMN arpa, dmn=arpa, table=dom
MTBL hosts, file=hosts
MCHN local, tbl=hosts, ap=822
MCHN same, tbl=hosts
MCHN percent, tbl=hosts, ap=733, lname=front, ldomain=arpa
"""
TABLES = {"dom": "river: river.arpa\nbank: bank.arpa\n", "hosts": "river.arpa: x\n"}


@pytest.fixture
def dialect(tmp_path):
    site = mmdf_site(tmp_path, TAILOR, TABLES)
    return MmdfDialect(site.routing, site.tables)


def batch(channel, path):
    message = MessageInfo("0" * 13, datetime(2026, 11, 22, tzinfo=UTC), path, Body.SEVEN_BIT, False, None, "", 1)
    address = Address("ann", "bank.arpa")
    recipient = LeasedRecipient(1, Recipient(address, Route(channel, "bank.arpa", address), address), 0, False)
    return Batch(message, Hop(channel, "bank.arpa"), Lane.SINGLE, 1, (recipient,))


async def whole(text):
    return b"".join([chunk async for chunk in text.chunks()])


def rendered(dialect, channel, path, text):
    async def render():
        given = WholeText(text)
        found, edited = await dialect.render(batch(channel, path), given)
        return found.message.reverse_path, edited is given, await whole(edited), edited.octets

    return asyncio.run(render())


JOE = Path(Address("joe", "river.arpa"))
LETTER = b"From: joe@river.arpa\r\nTo: ann@bank.arpa\r\n\r\nTo: ann@bank\r\n"


def test_the_header_and_the_sender_are_written_anew_and_the_body_is_not(dialect):
    path, _, text, octets = rendered(dialect, "percent", JOE, LETTER)

    assert str(path) == "joe@front.arpa"
    assert text == b"From: joe@front.arpa\r\nTo: ann@bank.arpa\r\n\r\nTo: ann@bank\r\n"
    assert octets == len(text)


def test_what_needs_no_change_is_the_same_text(dialect):
    assert rendered(dialect, "local", JOE, LETTER)[:2] == (JOE, True)
    assert rendered(dialect, "same", JOE, b"From: joe\r\n\r\n")[1]
    assert rendered(dialect, "no such channel", JOE, LETTER)[:2] == (JOE, True)


def test_nobody_stays_nobody(dialect):
    assert rendered(dialect, "percent", NULL_PATH, LETTER)[0] == NULL_PATH


def test_a_sender_with_a_route_is_written_in_the_style_of_the_channel(dialect):
    path = Path(Address("joe", "far.away"), ("bank.arpa",))

    assert rendered(dialect, "percent", path, LETTER)[0] == Path(Address("joe%far.away", "bank.arpa"))
    assert rendered(dialect, "local", path, LETTER)[0] == path


def test_a_sender_beyond_ascii_keeps_his_letters(dialect):
    path = Path(Address("jürgen", "far.away"))

    assert rendered(dialect, "local", path, LETTER)[0] == path


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_a_header_of_any_size_leaves_whole(dialect, extra):
    header = b"To: joe\r\nX-Long: " + b"x" * (MOST_HEADER_OCTETS + extra - 17 - 4) + b"\r\n\r\n"

    text = rendered(dialect, "local", JOE, header)[2]

    assert text.endswith(header[9:])
    assert text.startswith(b"To: joe@river.arpa\r\n" if extra <= 0 else b"To: joe\r\n")


def test_a_text_in_pieces_loses_its_old_header_alone():
    class Pieces:
        octets = 9

        async def chunks(self):
            for piece in (b"ab", b"cd", b"efg", b"hi"):
                yield piece

    for replaced in range(10):
        edited = EditedText(Pieces(), replaced, b"HEAD")
        assert asyncio.run(whole(edited)) == b"HEAD" + b"abcdefghi"[replaced:]
        assert edited.octets == 4 + 9 - replaced


def test_a_table_that_cannot_be_read_makes_the_batch_wait(tmp_path):
    site = mmdf_site(tmp_path, TAILOR, TABLES)
    (tmp_path / "table" / "dom").unlink()

    with pytest.raises(DialectUnavailableError, match="dom"):
        rendered(MmdfDialect(site.routing, site.tables), "local", JOE, LETTER)


def test_a_header_of_very_many_addresses_lets_others_have_their_turn(dialect):
    header = b"To: " + b",\r\n ".join(b"u@host%d.arpa" % number for number in range(3000)) + b"\r\n\r\n"
    turns = []

    async def others():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def story():
        beside = asyncio.ensure_future(others())
        await dialect.render(batch("local", JOE), WholeText(header))
        beside.cancel()

    asyncio.run(story())
    assert len(turns) >= 5
