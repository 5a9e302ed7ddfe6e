"""Whatever strangers wrote into it, a report says what it was made to say."""

import email
import email.policy
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from posthouse.dsn.compose import compose
from posthouse.dsn.parse import parse
from posthouse.dsn.report import Action, RecipientReport, Report
from posthouse.mail.address import Address
from posthouse.mail.errors import MalformedError
from posthouse.mail.status import Status

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
    returned=TEXTS,
    token=st.just("00c0ffee00"),
    is_full=st.booleans(),
    envid=HOSTILE,
    smtputf8=st.booleans(),
    note=st.just(""),
)


@given(report=REPORTS)
def test_a_composed_report_has_the_parts_and_groups_it_was_made_with(report: Report):
    """Three parts, one group per recipient with its action and status, lines within 998 octets and CRLF only."""
    text = compose(report)

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
    if report.is_full:
        assert parsed.returned == report.returned


@given(text=st.one_of(st.binary(max_size=500), REPORTS.map(compose)), cut=st.integers(0, 2000))
def test_any_text_gives_a_report_or_malformed(text: bytes, cut: int):
    """Any bytes give a ParsedReport or MalformedError, never anything else."""
    for piece in (text, text[:cut], text[cut:]):
        try:
            parse(piece)
        except MalformedError:
            continue
