"""Regexp tables: what matches, and which patterns are refused because they might never end."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.tables.regexp import MAX_KEY_LENGTH, MAX_PATTERN_LENGTH, RegexpTable, parse_regexp_table


def parse(text: str) -> RegexpTable:
    return parse_regexp_table(text.encode().split(b"\n"), "t")


@pytest.mark.parametrize(
    ("table", "key", "expected"),
    [
        pytest.param(r"ann  bob", "ann", "bob", id="literal"),
        pytest.param(r"ann  bob", "anna", None, id="the whole key must match"),
        pytest.param(r"ann  bob", "ann\n", None, id="a final newline is part of the key"),
        pytest.param(r"ANN  bob", "Ann", "bob", id="without case"),
        pytest.param(r"(.+)-request  owner-\1@x", "biglist-request", "owner-biglist@x", id="group"),
        pytest.param(r"(.+)@a  \1@b", "x@evil.example,ann@a", None, id="a quoted list does not get into the value"),
        pytest.param(r".+-(.+)@a  \1@b", '"x-y@evil.example,z"@a', None, id="nor a part of it"),
        pytest.param(r"(.+)@a  \1@b", "x,ann@a", None, id="nor a comma"),
        pytest.param(r"(.+)@a  \1@b", "<ann>@a", None, id="nor a bracket"),
        pytest.param(r"(.+)@a  \1@b", "ann ann@a", None, id="nor a blank"),
        pytest.param(r"(.+)@a  \1@b", "|ann@a", None, id="nor a program"),
        pytest.param(r"x(.+)@a  \1@b", "x/ann@a", None, id="nor a file"),
        pytest.param(r"(.+)@a  ann@b", "x@evil.example,ann@a", "ann@b", id="a value of its own has no such danger"),
        pytest.param(r"(.+)  \1.b", "ann@a", "ann@a.b", id="a whole address is one piece"),
        pytest.param(r"(a)|b  <\1>", "b", "<>", id="a group that took no part is empty"),
        pytest.param(r"(?:a|b):c  x", "a:c", "x", id="a colon does not end the pattern"),
        pytest.param("a.*  first\nab  second", "ab", "first", id="the first that matches answers"),
        pytest.param(r"a\.b  \\1", "a.b", "\\1", id="a backslash in the value"),
        pytest.param(r"a  x   y", "a", "x y", id="runs of blanks become one"),
        pytest.param(r".*  x", "k" * MAX_KEY_LENGTH, "x", id="longest key"),
        pytest.param(r".*  x", "k" * (MAX_KEY_LENGTH + 1), None, id="one longer than an address"),
        pytest.param(r"[a-z.]+@[a-z.]+  x", "a.b@c.d", "x", id="repetitions side by side"),
        pytest.param(r"(?:ab)+  x", "abab", "x", id="a simple group may be repeated"),
        pytest.param(r"[*+(|]a+  x", "(a", "x", id="a set's characters are not operators"),
        pytest.param("|".join(f"name{n}" for n in range(99)) + "  x", "name7", "x", id="many names"),
        pytest.param(r"[a-z]{3}[0-9]{8}  x", "abc12345678", "x", id="fixed lengths"),
    ],
)
def test_match(table, key, expected):
    parsed = parse(table)

    found = parsed.match(key)

    assert not parsed.problems
    assert (found[1] if found else None) == expected


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        pytest.param("(a+)+b", "repeats a group", id="repetition in a repetition"),
        pytest.param("((a+)b)*", "repeats a group", id="further in"),
        pytest.param("(a|aa)+b", "repeats a group", id="alternatives in a repetition"),
        pytest.param("(a+){9}", "repeats a group", id="counted repetition of a repetition"),
        pytest.param("a*b*c*d*", "too many ways", id="four repetitions"),
        pytest.param("a?" * 28 + "a", "too many ways", id="many optional characters"),
        pytest.param("a{0,9}" * 9, "too many ways", id="many counted repetitions"),
        pytest.param("(a|b)" * 28, "too many ways", id="many alternatives in turn"),
        pytest.param("(?x)a", "sets flags", id="flags"),
        pytest.param("(?s:a)", "sets flags", id="flags of a group"),
        pytest.param("a" * (MAX_PATTERN_LENGTH + 1), "has 1025 characters", id="one too long"),
        pytest.param("(a", "not a regular expression", id="unbalanced"),
        pytest.param("a  \\1", "the value uses \\1", id="no such group"),
        pytest.param("[[a]b]", "not a regular expression", id="a set that may be read in two ways"),
    ],
)
def test_a_bad_pattern_is_a_problem_and_the_others_are_used(pattern, wrong):
    parsed = parse(f"{pattern}\ngood  x")

    assert len(parsed.problems) == 1
    assert wrong in parsed.problems[0].wrong
    assert parsed.match("good")[1] == "x"


@pytest.mark.parametrize(
    ("pattern", "most"),
    [
        pytest.param("a*b*c*", 24, id="three repetitions"),
        pytest.param("a*.*", 2621, id="two repetitions"),
        pytest.param("a.*", 10_000, id="one: as many as there may be lines"),
    ],
)
def test_the_patterns_of_a_table_are_bounded_together(pattern, most):
    table = parse(f"{pattern}  x\n" * most + "good  y\n")
    assert [problem.wrong for problem in table.problems] == (["too many patterns"] if most == 10_000 else [])

    table = parse(f"{pattern}  x\n" * (most + 1))
    assert len(table.rules) == most
    assert [problem.origin.line for problem in table.problems] == [most + 1]


def test_a_key_that_no_pattern_of_a_full_table_matches_takes_seconds_at_most():
    table = parse(".*a.*a.*b  x\n" * 100)
    assert table.problems

    start = time.process_time()
    assert table.match("a" * MAX_KEY_LENGTH) is None

    assert time.process_time() - start < 60  # some seconds at most; what is not bounded takes hours


@given(st.binary(max_size=200))
def test_any_bytes_give_patterns_or_problems(wire):
    """Any bytes give patterns and problems, never an exception."""
    parse_regexp_table(wire.split(b"\n"), "t")


@given(st.text(alphabet="ab().*+?{2,}|[]^", max_size=24), st.text(alphabet="ab", max_size=40))
def test_no_accepted_pattern_takes_long(pattern, key):
    """No pattern that is accepted takes more than seconds on the longest key of its own letters."""
    parsed = parse(pattern)

    start = time.process_time()
    parsed.match((key * MAX_KEY_LENGTH)[:MAX_KEY_LENGTH])

    assert time.process_time() - start < 60  # some seconds at most; what is not bounded takes hours
