"""Line ends and mbox quoting, as the text streams by in pieces of any size."""

import itertools
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.line_ends import LineEnds
from posthouse.mail.mbox_format import FromQuoter, from_line

TEXTS = st.lists(st.sampled_from([b"From ", b">", b"\n", b"\r\n", b"\r", b"F", b"rom", b" ", b"x"])).map(b"".join)
CUTS = st.lists(st.integers(min_value=0, max_value=60))


def fed(converter, text, cuts):
    places = [0, *sorted(cuts), len(text)]
    pieces = [converter.feed(text[start:end]) for start, end in itertools.pairwise(places)]
    return b"".join(pieces) + converter.finish()


@given(TEXTS, CUTS)
def test_line_ends_do_not_depend_on_the_pieces(text, cuts):
    """However a text is cut, each CRLF becomes LF and nothing else changes."""
    assert fed(LineEnds(), text, cuts) == text.replace(b"\r\n", b"\n")


@given(TEXTS.map(lambda text: text.replace(b"\r", b"")), CUTS)
def test_quoting_does_not_depend_on_the_pieces_and_can_be_undone(text, cuts):
    """However a text is cut, no line begins with "From ", one ">" less gives it back, and an empty line ends it."""
    quoted = fed(FromQuoter(), text, cuts)

    ended = text if not text or text.endswith(b"\n") else text + b"\n"
    assert not re.search(rb"^From ", quoted, re.MULTILINE)
    assert re.sub(rb"^>(>*From )", rb"\1", quoted, flags=re.MULTILINE) == ended + b"\n"


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        pytest.param(Path(Address("bob", "example.org")), b"bob@example.org", id="plain"),
        pytest.param(NULL_PATH, b"MAILER-DAEMON", id="null reverse-path"),
        pytest.param(Path(Address("a b", "example.org")), b'"ab"@example.org', id="a blank would end it"),
    ],
)
def test_from_line(sender, expected):
    line = from_line(sender, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    assert line == b"From " + expected + b" Fri Jan  2 03:04:05 2026\n"
