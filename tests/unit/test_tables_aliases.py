"""The classic aliases file, and its index."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.tables.aliases import (
    MAX_ALIAS_OCTETS,
    AliasLine,
    AliasName,
    AliasTrouble,
    index_aliases,
    plain_key,
    read_aliases,
)


def read(text):
    return list(read_aliases(text.encode("latin-1").splitlines(keepends=True)))


def index(text):
    """Index a file whose names are aliasable unless they hold an at-sign or a bar; ``?`` cannot be understood."""
    steps, answer = index_aliases(text.encode("latin-1").splitlines(keepends=True)), None
    try:
        while True:
            name = steps.send(answer).text.strip().replace('"', "")
            answer = None if name == "?" else AliasName(name, name, is_aliasable=not set(name) & {"@", "|"})
    except StopIteration as end:
        return end.value


def test_a_line_is_a_name_and_addresses():
    assert read("postmaster: root, bob \n") == [
        AliasLine("postmaster", "root, bob ", 1, "postmaster: root, bob "),
    ]


@pytest.mark.parametrize(
    ("text", "value", "line"),
    [
        pytest.param("a: b,\n\tc\n  d\n", "b,\tc  d", 3, id="continuation lines stay as they are"),
        pytest.param("a: b, \\\nc\n", "b, c", 2, id="a backslash joins"),
        pytest.param("a: b", "b", 1, id="no end of line"),
        pytest.param("a: :include:/list\n", ":include:/list", 1, id="colons in the value"),
        pytest.param('a: "|/bin/x: y"\n', '"|/bin/x: y"', 1, id="a program"),
        pytest.param("a:b\r\n", "b\r", 1, id="nothing is taken off the end"),
    ],
)
def test_values_are_the_rest_of_the_line_with_its_continuations(text, value, line):
    (found,) = read(text)

    assert (found.name, found.value, found.line) == ("a", value, line)


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        pytest.param("nonsense\n", AliasTrouble(1, "missing colon"), id="no colon"),
        pytest.param("nonsense\n  more\n", AliasTrouble(2, "missing colon"), id="the last of its lines is named"),
        pytest.param("\n b: c\n", AliasTrouble(2, "Non-continuation line starts with space"), id="nothing to continue"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, trouble):
    assert read(text) == [trouble]


def test_comments_and_empty_lines_are_skipped():
    assert [line.name for line in read("# c\n\na: b\n#d: e\nf: g\n")] == ["a", "f"]


@pytest.mark.parametrize(("octets", "count"), [(MAX_ALIAS_OCTETS, 1), (MAX_ALIAS_OCTETS + 1, 0)])
def test_an_alias_has_a_bound(octets, count):
    found = read("a: " + "b" * (octets - 3) + "\nc: d\n")

    assert sum(isinstance(line, AliasLine) for line in found) == count + 1
    assert [line.text for line in found if isinstance(line, AliasTrouble)] == ["alias too long"] * (1 - count)


def test_an_alias_without_end_is_not_kept():
    (trouble,) = read_aliases(b" " * 60_000 if n else b"a: b" for n in range(50))

    assert trouble == AliasTrouble(50, "alias too long")


def test_the_report_of_newaliases():
    report = index(
        "good: alice\nempty:\nbad line without colon\n  continuation at odd place\ngood: bob\n"
        "bad name@host.example: carol\nsyntax: <unbalanced\n|prog: alice\nok: alice,\n\tbob\n"
    )

    assert [(trouble.line, trouble.text) for trouble in report.troubles] == [
        (2, "empty:... missing value for alias"),
        (4, "missing colon"),
        (5, "good... Warning: duplicate alias name good"),
        (6, "bad name@host.example... cannot alias non-local names"),
        (8, "|prog... cannot alias non-local names"),
    ]
    assert report.summary("F") == "F: 4 aliases, longest 11 bytes, 45 bytes total"
    assert report.has_errors


def test_a_duplicate_alone_is_no_error_and_the_first_counts():
    report = index("Ann: one\nann: two\n")

    assert not report.has_errors
    assert [(entry.key, entry.value) for entry in report.entries] == [("ann", "one")]


def test_a_name_that_cannot_be_understood_is_said_with_the_beginning_of_its_line():
    report = index("?: " + "x" * 60 + "\n")

    assert report.troubles[0].text == "?: " + "x" * 37 + "... illegal alias name"


def test_keys_lose_quotes_blanks_and_capitals():
    assert plain_key('\t"Ann B" ') == "ann b"


lines = st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b"a: b\n", b" c\n", b"# x\n", b"d\\\n", b"\n"])))


@given(lines)
def test_any_octets_give_lines_or_troubles_in_order(chunks):
    found = list(read_aliases(b"".join(chunks).splitlines(keepends=True)))

    numbers = [one.line for one in found]
    assert numbers == sorted(numbers)
    assert not any(os.linesep in one.value for one in found if isinstance(one, AliasLine))


@given(lines)
def test_any_octets_give_a_report(chunks):
    report = index(b"".join(chunks).decode("latin-1"))

    assert report.aliases >= len(report.entries)
    assert report.longest <= report.total


def test_what_continues_a_comment_is_none_of_an_alias() -> None:
    assert list(read_aliases([b"# x\n", b" b: c\n", b"d: e\n"])) == [AliasLine("d", "e", 3, "d: e")]
