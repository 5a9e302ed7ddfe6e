"""Control files of sendmail's queue: what is written is read again, and any octets give a file or a complaint."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from posthouse.mail.errors import MalformedError
from posthouse.queueing.sendmail_qf import (
    MAX_OCTETS,
    ControlField,
    ControlFile,
    ControlRecipient,
    control_lines,
    field_lines,
    read_control,
)

RECORDED = Path(__file__).parent.parent / "data/sendmail/mail.jsonl"
GOOD = b"V8\nT1700000000\nK0\nN0\nP30161\nFbs\n$_root@localhost\nSann\nRPFD:joe\nH??Subject: x\n\tfolded\n.\n"

WORDS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), min_size=1, max_size=20
)
NUMBERS = st.integers(0, 2**40)
RECIPIENTS = st.builds(
    ControlRecipient,
    address=WORDS,
    flags=st.sampled_from(("", "PFD", "PN", "NSFDA")),
    controller=st.sampled_from(("", "bob:1:1:list", "ann:2:2:list", "::include:/list")),
    original=st.sampled_from(("", "rfc822;joe@example.org")),
    final=st.sampled_from(("", "rfc822; joe@example.org")),
    message=st.sampled_from(("", "Deferred: try later")),
)
FIELDS = st.builds(
    ControlField,
    name=st.sampled_from(("Subject", "X-Long", "Received")),
    value=st.sampled_from((" x", "", " a\n\tb\n c", " \x81g")),
    condition=st.sampled_from(("", "P", "D", "${x}")),
)
FILES = st.builds(
    ControlFile,
    created=NUMBERS,
    sender=WORDS,
    recipients=st.lists(RECIPIENTS, max_size=4).map(tuple),
    fields=st.lists(FIELDS, max_size=4).map(tuple),
    last_attempt=NUMBERS,
    attempts=NUMBERS,
    priority=NUMBERS,
    inode=st.sampled_from(("", "8/1/22")),
    body=st.sampled_from(("", "8BITMIME")),
    quarantine=st.sampled_from(("", "suspicious")),
    message=st.sampled_from(("", "Deferred")),
    flags=st.sampled_from(("", "bs8")),
    macros=st.lists(
        st.tuples(st.sampled_from(("_", "r", "{daemon_flags}")), st.sampled_from(("", "c u"))), max_size=3
    ).map(tuple),
    envelope_id=st.sampled_from(("", "id1")),
    authenticated=st.sampled_from(("", "ann@example.org")),
    error_addresses=st.lists(WORDS, max_size=2).map(tuple),
    deliver_by=st.sampled_from(("", "3600;R")),
)


def written(control: ControlFile) -> bytes:
    return "".join(f"{line}\n" for line in control_lines(control)).encode("latin-1")


@given(FILES)
def test_what_is_written_is_read_again(control: ControlFile) -> None:
    assert read_control(written(control)) == control


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=60).map(lambda octets: GOOD[:40] + octets)))
def test_any_octets_give_a_control_file_or_a_complaint(octets: bytes) -> None:
    try:
        control = read_control(octets)
    except MalformedError:
        return
    assert read_control(written(control)) == control


@given(cut=st.integers(0, len(GOOD) - 1))
def test_a_control_file_that_was_not_written_to_its_end_is_never_taken(cut: int) -> None:
    with pytest.raises(MalformedError):
        read_control(GOOD[:cut])


@given(place=st.integers(0, len(GOOD) - 1), octet=st.integers(0, 255))
@example(place=0, octet=0)
def test_a_changed_octet_is_never_worse_than_a_complaint(place: int, octet: int) -> None:
    damaged = GOOD[:place] + bytes([octet]) + GOOD[place + 1 :]
    try:
        read_control(damaged)
    except MalformedError:
        return


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"V9\n.\n", "version"),
        (b"T1\n.\n", "begins with its version"),
        (b"V8\nT1\nSa\n.\nRjoe\n", "follows"),
        (b"V8\nTx\nSa\n.\n", "T must be a number"),
        (b"V8\nT1\n.\n", "no sender"),
        (b"V8\nT1\nSa\nQrfc822;x\n.\n", "not there"),
        (b"V8\nT1\nSa\nHno field\n.\n", "line 4: no header field"),
        (b"V8\nT1\nSa\nXwhat\n.\n", "no known kind"),
        (b"V8\nT1\nSa\nR:\n.\n", "without an address"),
        (b"V8\nT1\nSa\0\n.\n", "NUL"),
        (b"V8\n" + b"x" * MAX_OCTETS, "larger"),
    ],
)
def test_what_is_wrong_is_told(octets: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        read_control(octets)


def test_a_header_loses_what_is_for_mailers_alone_and_its_macros_are_filled_in() -> None:
    fields = (
        ControlField("Return-Path", " <\x81g>", "P"),
        ControlField("Received", " from \x81s (\x81_)\n\tby here \x81{none}"),
        ControlField("Return-Path", " <given>"),
        ControlField("Date", " today", "D"),
    )
    control = ControlFile(0, "ann", macros=(("s", "there"), ("_", "root@localhost")), fields=fields)

    assert field_lines(control) == [
        "Received: from there (root@localhost)",
        "\tby here ",
        "Return-Path: <given>",
        "Date: today",
    ]


def test_control_files_of_the_real_program_are_written_as_it_wrote_them() -> None:
    files = list(recorded_files())

    assert len(files) >= 11
    for lines in files:
        octets = "".join(f"{line}\n" for line in lines).encode("latin-1")
        assert control_lines(read_control(octets)) == lines


def recorded_files() -> Iterator[list[str]]:
    """Yield the control files of the recorded answers; times, which are placeholders there, as numbers."""

    def lines_of(step: dict[str, Any]) -> Iterator[list[str]]:
        for file in step.get("queue", ()):
            yield [line.replace("<TIME>", "1700000000") for line in file["control"]]

    for line in RECORDED.read_text("utf-8").splitlines():
        case = json.loads(line)
        for step in (case, *case.get("steps", ())):
            yield from lines_of(step)
