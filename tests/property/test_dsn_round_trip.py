"""Whatever strangers wrote into it, a report says what it was made to say."""

import email
import email.policy
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from posthouse.dsn.parse import parse
from posthouse.dsn.report import Action, RecipientReport, Report
from posthouse.mail.address import Address
from posthouse.mail.errors import MalformedError
from posthouse.mail.status import Status
from support.reports import compose, returning

WHEN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
ANYTHING = st.text(max_size=300)
HOSTILE = st.one_of(ANYTHING, st.text(alphabet="\r\n: -=_Aab<>\x00\x85\u2028+;", max_size=100), st.just("x" * 3000))
LOCAL_PARTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40).filter(
    lambda text: not re.search(r"[\x00-\x1f\x7f]", text)
)
ADDRESSES = st.builds(Address, LOCAL_PARTS, st.from_regex(r"[a-zäöü][a-z0-9-]{0,20}\.example", fullmatch=True))
RECIPIENTS = st.builds(
    RecipientReport,
    final=ADDRESSES,
    given=ADDRESSES,
    action=st.sampled_from(Action),
    status=st.builds(Status, st.sampled_from([2, 4, 5]), st.integers(0, 9), st.integers(0, 9)),
    diagnostic=HOSTILE,
    remote=HOSTILE,
    code=st.sampled_from([0, 250, 451, 550]),
    orcpt=st.one_of(HOSTILE, HOSTILE.map(lambda text: f"rfc822;{text}")),
)
TEXTS = st.lists(st.binary(max_size=40).map(lambda line: re.sub(rb"[\r\n]", b"", line)), max_size=8).map(
    lambda lines: b"\r\n".join([*lines, b""])
)
REPORTS = st.builds(
    Report,
    reporting_mta=st.just("mx.example.org"),
    recipient=ADDRESSES.map(str),
    queue_id=st.just("3AB2T9ZC4D6EF"),
    arrival=st.just(WHEN),
    date=st.just(WHEN),
    recipients=st.lists(RECIPIENTS, min_size=1, max_size=4).map(tuple),
    header=TEXTS,
    token=st.just("00c0ffee00"),
    envid=HOSTILE,
    smtputf8=st.booleans(),
    note=st.just(""),
)


@given(report=REPORTS, returned=st.one_of(st.none(), TEXTS))
def test_a_composed_report_has_the_parts_and_groups_it_was_made_with(report: Report, returned: bytes | None):
    """Three parts, one group per recipient with its action and status, lines within 998 octets and CRLF only."""
    text = compose(report if returned is None else returning(returned, report))

    parsed = parse(text)
    assert [about.action for about in parsed.recipients] == [about.action for about in report.recipients]
    assert [about.status for about in parsed.recipients] == [about.status for about in report.recipients]
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", text)
    assert all(len(line) <= 998 for line in text.split(b"\r\n"))
    witness = email.message_from_bytes(text, policy=email.policy.compat32)
    parts = witness.get_payload()
    assert isinstance(parts, list)
    assert len(parts) == 3
    assert witness.get_all("Auto-Submitted") == ["auto-replied"]
    if returned is not None:
        assert parsed.returned == returned


MARKS = st.sampled_from(
    [b"--=_00c0ffee00_0", b"=_00c0ffee00_7", b"=_00c0ffee00_", b"\r\n", b"x" * 998, b"x" * 400, b"\xe4", b"\r", b"y\n"]
)


@given(lines=st.lists(MARKS, max_size=12), cuts=st.lists(st.integers(0, 5000), max_size=6), report=REPORTS)
def test_what_is_found_in_a_message_does_not_depend_on_its_pieces(lines: list[bytes], cuts: list[int], report: Report):
    """However a message is cut, the same is known of it: its long lines, and a boundary that it does not hold."""
    text = b"".join(lines)

    returned = returning(text, report, cuts)

    assert returned.whole == returning(text, report).whole
    assert returned.whole is not None
    assert returned.whole.has_long_line == any(len(line) > 998 for line in re.split(rb"[\r\n]", text))
    assert f"=_00c0ffee00_{returned.whole.boundaries}".encode() not in text


@given(text=st.one_of(st.binary(max_size=500), REPORTS.map(compose)), cut=st.integers(0, 2000))
def test_any_text_gives_a_report_or_malformed(text: bytes, cut: int):
    """Any bytes give a ParsedReport or MalformedError, never anything else."""
    for piece in (text, text[:cut], text[cut:]):
        try:
            parse(piece)
        except MalformedError:
            continue
