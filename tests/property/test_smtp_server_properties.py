"""Invariants of the server session, its text and its grammar."""

import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st

from posthouse.mail.address import Address
from posthouse.mail.errors import MalformedError
from posthouse.mail.limits import Limits
from posthouse.mail.xtext import decode_xtext, encode_xtext
from posthouse.smtp.grammar import read_forward_path
from posthouse.smtp.server import SessionEnded, TextChunk, TextEnded
from posthouse.smtp.transparency import Flaw, TextDecoder, TextEncoder
from support.smtp_dialogs import MemoryWire

LIMITS = Limits(text_octets=65_536, text_line_octets=1000, command_octets=512, errors=50)
LINES = [
    b"EHLO client\r\n",
    b"HELO client\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"MAIL FROM:<> SIZE=10 BODY=8BITMIME SMTPUTF8\r\n",
    b"RCPT TO:<alice@example.net>\r\n",
    b"RCPT TO:<nobody@example.net>\r\n",
    b"DATA\r\n",
    b".\r\n",
    b"..\r\n",
    b"\r\n.\r\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r",
    b"\n",
    b".",
    b"text\r\n",
    b"x" * 600,
    b"RSET\r\n",
    b"VRFY alice\r\n",
    b"NOOP\r\n",
]
WIRES = st.lists(st.sampled_from(LINES) | st.binary(max_size=20), max_size=30).map(b"".join)
SESSIONS = st.just(b"") | st.just(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n")


def pieces(wire, cuts):
    """Cut the wire at these places."""
    places = [0, *sorted({cut % (len(wire) + 1) for cut in cuts}), len(wire)]
    return [wire[start:end] for start, end in itertools.pairwise(places)]


def told(wire):
    """Everything that the session told the driver, the cut of the text into chunks apart."""
    events = [
        TextEnded(event.octets) if isinstance(event, TextEnded) else event
        for event in wire.events
        if not isinstance(event, TextChunk)
    ]
    return events, wire.texts, wire.read_rest()


@settings(deadline=None)  # a loaded machine is no failure
@given(SESSIONS, WIRES, st.lists(st.integers(0, 10_000), max_size=12))
@example(b"", b"MAIL FROM:<\xff>\r\n", [])
def test_the_split_never_changes_what_the_session_says(start, wire, cuts):
    """Any bytes in any split give the same events and replies, no exception, and bounded memory."""
    whole, split = MemoryWire(LIMITS), MemoryWire(LIMITS)

    whole.send(start + wire)
    for piece in pieces(start + wire, cuts):
        split.send(piece)
        assert split.session.buffered_octets <= LIMITS.command_octets

    assert told(whole) == told(split)


@settings(deadline=None)  # a loaded machine is no failure
@given(SESSIONS, WIRES)
def test_every_line_gets_at_most_one_reply(start, wire):
    """There are never more replies than CRLFs and bad lines, and none after the end."""
    session = MemoryWire(LIMITS)
    session.read_rest()

    session.send(start + wire)

    replies = [line for line in session.read_rest().split(b"\r\n") if line[3:4] == b" "]
    assert len(replies) <= (start + wire).count(b"\n") + 2
    assert sum(isinstance(event, SessionEnded) for event in session.events) <= 1
    assert all(line.isascii() and len(line) <= 510 for line in replies)


TEXTS = st.lists(st.sampled_from([b"\r\n", b".", b"..", b"a", b"x" * 50]) | st.binary(max_size=9), max_size=40).map(
    lambda parts: b"".join(parts).replace(b"\r\n", b"\n").replace(b"\r", b"").replace(b"\n", b"\r\n")
)


@settings(deadline=None)  # a loaded machine is no failure
@given(TEXTS, st.lists(st.integers(0, 10_000), max_size=8), st.lists(st.integers(0, 10_000), max_size=8), st.binary())
def test_a_text_comes_out_of_the_wire_as_it_went_in(text, cuts, wire_cuts, rest):
    """decode(encode(text) + rest) is the text, with the final CRLF it lacked, and rest, in any split."""
    encoder, decoder = TextEncoder(), TextDecoder(10**6, 10**6)
    wire = b"".join(encoder.encode(piece) for piece in pieces(text, cuts)) + encoder.end()
    decoded, left = b"", None
    for piece in pieces(wire + rest, wire_cuts):
        if left is not None:
            left += piece
            continue
        chunk, left = decoder.decode(piece)
        decoded += chunk

    assert decoded == (text if text.endswith(b"\r\n") or not text else text + b"\r\n")
    assert left == rest
    assert decoder.flaw is None


@settings(deadline=None)  # a loaded machine is no failure
@given(st.binary(), st.lists(st.integers(0, 10_000), max_size=8))
def test_whatever_is_sent_ends_at_its_end(text, cuts):
    """Any bytes, encoded, are a text without flaw that ends exactly at its final dot."""
    encoder, decoder = TextEncoder(), TextDecoder(10**6, 10**6)
    wire = b"".join(encoder.encode(piece) for piece in pieces(text, cuts)) + encoder.end()

    assert decoder.decode(wire)[1] == b""
    assert decoder.flaw is None


LINE_ENDS = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\x00", b"\x0b", b"\x85"]), max_size=12).map(
    b"".join
)


@settings(deadline=None)  # a loaded machine is no failure
@given(LINE_ENDS, st.lists(st.integers(0, 10_000), max_size=4))
def test_a_text_is_refused_for_its_line_ends_exactly_when_one_is_bare(text, cuts):
    """The decoder sees every CR without its LF and every LF without its CR, in any split, and nothing else."""
    decoder = TextDecoder(10**6, 10**6)
    for piece in pieces(text + b"\r\n.\r\n", cuts):
        decoder.decode(piece)

    rest = (text + b"\r\n").replace(b"\r\n", b"")
    assert (decoder.flaw is Flaw.BARE_LINE_END) == (b"\r" in rest or b"\n" in rest)


@settings(deadline=None)  # a loaded machine is no failure
@given(TEXTS, st.lists(st.integers(0, 10_000), max_size=8), st.integers(2, 60), st.integers(0, 200))
def test_the_split_never_changes_the_judgement(text, cuts, most_line, most):
    """Size, lines and flaws are the same in any split, and the lines are measured right."""
    wire = b"".join([(encoder := TextEncoder()).encode(text), encoder.end()])
    whole, split = TextDecoder(most, most_line), TextDecoder(most, most_line)
    plain, _ = TextDecoder(10**6, 10**6).decode(wire)

    whole.decode(wire)
    for piece in pieces(wire, cuts):
        split.decode(piece)

    assert (whole.flaw, whole.octets) == (split.flaw, split.octets)
    longest = max(len(line) + 2 for line in plain.split(b"\r\n"))
    assert (whole.flaw is not None) == (len(plain) > most or (plain != b"" and longest > most_line))


CHARACTERS = st.characters(min_codepoint=32, exclude_characters="\x7f\u2028\u2029", exclude_categories=("Cs",)).filter(
    lambda character: not "\x7f" <= character <= "\x9f"
)
# In a Quoted-string RFC 5321 allows any of these; of 32 no path grows over 256 octets.
LOCAL_PARTS = st.text(CHARACTERS, min_size=1, max_size=32)
LABELS = st.from_regex(r"[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,5})?", fullmatch=True)
DOMAINS = st.lists(LABELS, min_size=1, max_size=5).map(".".join) | st.sampled_from(
    ["[192.0.2.1]", "[IPv6:2001:db8::1]", "bücher.example", "xn--bcher-kva.example"]
)


@settings(deadline=None)  # a loaded machine is no failure
@given(LOCAL_PARTS, DOMAINS)
def test_an_address_survives_the_wire(local_part, domain):
    """What is read from <address> is the address, for any local-part that has no control character."""
    address = Address(local_part, domain)

    path, at = read_forward_path(f"<{address}> X")
    assert path.address == address
    assert at == len(str(address)) + 2


@settings(deadline=None)  # a loaded machine is no failure
@given(st.text(max_size=40) | st.text(alphabet='a.@"\\<>[]: ', max_size=20))
def test_any_text_is_an_address_or_malformed(text):
    """Any path gives an Address that can be written and read again, or MalformedError."""
    try:
        address = read_forward_path(f"<{text}>")[0].address
    except MalformedError:
        return
    assert read_forward_path(f"<{address}>")[0].address == address


@settings(deadline=None)  # a loaded machine is no failure
@given(st.text(CHARACTERS))
def test_xtext_survives(text):
    """decode(encode(text)) is the text, and the xtext is plain ASCII without space, + or =."""
    xtext = encode_xtext(text)

    assert decode_xtext(xtext).decode() == text
    assert all("!" <= character <= "~" and character != "=" for character in xtext)
