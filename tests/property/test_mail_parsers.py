"""Any bytes through the parsers of headers and address lists."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail import header
from posthouse.mail.address import Address
from posthouse.mail.address_list import parse_address_list, recipients_of
from posthouse.mail.received import ReceivedField, compose_received, count_hops
from posthouse.submit.local import LineEnds

pieces = st.sampled_from(
    [b"A:", b"Bcc: x", b"received", b":", b" ", b"\t", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\x00"]
)
texts = st.lists(st.one_of(pieces, st.binary(max_size=5)), max_size=30).map(b"".join)
words = st.text(alphabet='ab @<>()",;:.\\[]\r\n|\u00fc', max_size=40)


@given(text=texts)
def test_fields_never_overlap_and_cover_only_the_header(text):
    """Any bytes: fields stand in order, apart from each other, and each slice begins with the field's name."""
    head, body = header.split(text)
    end = 0

    assert head + body == text
    for field in header.fields(head):
        assert end <= field.start < field.end <= len(head)
        assert head[field.start : field.end].startswith(field.name)
        end = field.end


@given(text=texts)
def test_removing_leaves_no_such_field_and_everything_else(text):
    """Any bytes: what remains after a cut plus what was cut is what there was, and a second cut finds nothing."""
    cut = b"".join(text[f.start : f.end] for f in header.fields(text) if f.key == b"bcc")
    remaining = header.remove(text, [b"bcc"])

    assert len(remaining) + len(cut) == len(text)
    assert sorted(remaining + cut) == sorted(text)


@given(text=texts, cuts=st.lists(st.integers(0, 60), max_size=5))
def test_the_end_of_the_header_does_not_depend_on_how_it_arrives(text, cuts):
    """Any bytes, any cuts: searching on from what was searched finds the same end as searching at once."""
    searched, found = 0, -1
    for cut in [*sorted(cuts), len(text)]:
        if found < 0:
            found = header.header_end(text[:cut], searched)
            searched = min(cut, len(text))

    assert found == header.header_end(text)


@given(text=words)
def test_any_text_gives_addresses_or_problems_and_addresses_read_back(text):
    """Any text: no exception; every address that comes out is written in a form that reads back as itself."""
    parsed = parse_address_list(text)

    for address in parsed.addresses:
        assert parse_address_list(str(address)).addresses == (address,)


@given(
    local_part=st.text(alphabet='ab@<>()",;:.\\[] |\u00fc', min_size=1),
    domain=st.sampled_from(["", "b.example", "[192.0.2.1]"]),
)
def test_every_address_reads_back_from_a_list(local_part, domain):
    """Any address: written into a list among others it is read back exactly."""
    address = Address(local_part, domain)

    assert parse_address_list(f"x, Name <{address}>, {address}").addresses == (Address("x"), address, address)


@given(text=texts)
def test_recipients_of_any_bytes(text):
    """Any bytes as a header: recipients or problems, never an exception."""
    recipients_of(text)


@given(helo=st.text(max_size=40), user=st.text(max_size=10), recipient=st.text(max_size=30))
def test_nothing_gets_out_of_the_received_field(helo, user, recipient):
    """Any names: the result is exactly one field, and counts as exactly one hop."""
    text = compose_received(
        ReceivedField(
            "mx.example.org", "id", datetime(2026, 1, 1, tzinfo=UTC), helo, "192.0.2.1", "ESMTP", user, recipient
        )
    )

    assert [field.name for field in header.fields(text)] == [b"Received"]
    assert count_hops(text) == 1
    assert b"\r\n\r\n" not in text


@given(text=st.text(alphabet="a\r\n", max_size=30).map(str.encode), cuts=st.lists(st.integers(0, 30), max_size=6))
def test_line_ends_do_not_depend_on_the_cuts(text, cuts):
    """Any text, any cuts: the result is the same, has only CRLF, and changes nothing that has only CRLF already."""
    whole, parts = LineEnds(), LineEnds()
    once = whole.convert(text) + whole.finish()
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    piecewise = b"".join(parts.convert(text[a:b]) for a, b in pairwise(edges)) + parts.finish()

    assert piecewise == once
    assert once.replace(b"\r\n", b"").count(b"\r") == once.replace(b"\r\n", b"").count(b"\n") == 0
    again = LineEnds()
    assert again.convert(once) + again.finish() == once
