"""Every bound of the way in on the wire: one below, at, and one above it; the session goes on unless it says 421."""

import asyncio

import pytest

from posthouse.mail.limits import Limits
from posthouse.mail.lookup import BUILTIN
from posthouse.site.model import AliasSource, TableKind, TableSource
from support.reception import reception

EHLO = b"EHLO client.example\r\n"
MAIL = b"MAIL FROM:<ann@client.example>\r\n"
RCPT = b"RCPT TO:<joe@example.org>\r\n"
DATA = b"DATA\r\n"
OPENING = EHLO + MAIL + RCPT + DATA
ONE_MESSAGE = MAIL + RCPT + DATA + b"\r\n.\r\n"
WIDE = ",".join(f"u{number}@elsewhere.example" for number in range(10))
TABLES = {
    "people": TableSource("people", TableKind.INLINE, entries=(("joe", ("",), BUILTIN),)),
    "names": TableSource(
        "names",
        TableKind.INLINE,
        entries=(
            *((f"deep{depth}", (f"deep{depth - 1}",), BUILTIN) for depth in range(2, 7)),
            ("deep1", ("joe",), BUILTIN),
            ("wide9", (WIDE.rpartition(",")[0],), BUILTIN),
            ("wide10", (WIDE,), BUILTIN),
            ("wide11", (WIDE + ",joe",), BUILTIN),
        ),
    ),
}


def text(octets):
    """A header and a body of so many octets in all."""
    return OPENING + b"\r\n" + (b"x" * 998 + b"\r\n") * 100 + b"y" * (octets - 100_004) + b"\r\n.\r\n"


def to(recipient):
    return EHLO + MAIL + b"RCPT TO:<%s@example.org>\r\n" % recipient.encode()


CASES = [
    ("text_octets", 110_000, text, b"552 5.3.4"),
    ("text_line_octets", 1000, lambda n: OPENING + b"\r\n" + b"x" * (n - 2) + b"\r\n.\r\n", b"554 5.6.0"),
    ("header_octets", 1200, lambda n: OPENING + b"X: " + b"x" * (n - 7) + b"\r\n\r\n.\r\n", b"552 5.3.4"),
    ("command_octets", 512, lambda n: EHLO + b"NOOP " + b"x" * (n - 7) + b"\r\n", b"500 5.5.2"),
    ("recipients", 100, lambda n: EHLO + MAIL + RCPT * n, b"452 4.5.3"),
    ("errors", 5, lambda n: EHLO + b"WIZ\r\n" * n + b"NOOP\r\n", b"421 4.7.0"),
    ("hops", 7, lambda n: OPENING + b"Received: x\r\n" * (n - 1) + b"\r\n.\r\n", b"554 5.4.6"),
    ("messages_per_session", 3, lambda n: EHLO + ONE_MESSAGE * (n - 1) + MAIL, b"421 4.7.0"),
    ("alias_depth", 5, lambda n: to(f"deep{n}"), b"554 5.4.6"),
    ("alias_width", 10, lambda n: to(f"wide{n}"), b"550 5.2.4"),
]


@pytest.mark.parametrize("over", [-1, 0, 1], ids=["one below", "at the bound", "one above"])
@pytest.mark.parametrize(("name", "bound", "wire", "refusal"), CASES, ids=[case[0] for case in CASES])
def test_a_bound_holds_on_the_wire(tmp_path, name, bound, wire, refusal, over):
    async def story():
        site = {"tables": TABLES, "aliases": (AliasSource("names"),)}
        async with reception(tmp_path, limits=Limits(**{name: bound}), **site) as door:
            client = await door.connect()
            client.send(wire(bound + over) + b"HELP\r\nQUIT\r\n")
            client.writer.write_eof()
            replies = (await client.rest()).split(b"\r\n")
            last = replies[-2] if b"421" in refusal and over > 0 else replies[-5]
            assert last[:9] == refusal if over > 0 else last[:4] == b"250 "
            assert door.log.named("trouble") == []
            await door.gone()

    asyncio.run(story())
