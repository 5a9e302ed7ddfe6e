"""Addresses as tokens: quotes, comments, brackets, what is repaired, and the limits."""

import pytest

from posthouse.rewriting.scanning import BUFFER, LONGEST_TOKEN, MOST_TOKENS
from posthouse.rewriting.tokens import Syntax, Table

SYNTAX = Syntax(".:%@!^/[]+")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("joe.user@a-b.test", "joe|.|user|@|a-b|.|test", id="operators are tokens, a hyphen is none"),
        pytest.param("a b\tc", "a|b|c", id="blanks part atoms and vanish"),
        pytest.param('"joe user"@a', '"joe user"|@|a', id="a quoted string with its quotes is a token"),
        pytest.param('"a"b a"b"', '"a"|b|a|"b"', id="quotes part tokens"),
        pytest.param(r"joe\@x@a", r"joe\@x|@|a", id="a backslash keeps the next character in the atom"),
        pytest.param(r"a\!b", "a|!|b", id="but not the bang"),
        pytest.param(r"joe\ ", "joe\\ ", id="an escaped blank stays"),
        pytest.param("joe\\", "joe", id="a backslash at the end is lost"),
        pytest.param("joe (a (b) c) @x", "joe|@|x", id="comments nest and vanish"),
        pytest.param("a(c)b", "a|b", id="a comment parts atoms"),
        pytest.param(r"a(\))b", "a|b", id="an escaped parenthesis closes no comment"),
        pytest.param("<@a,@b:c@d>", "<|@|a|,|@|b|:|c|@|d|>", id="a route in angle brackets"),
        pytest.param("a\0b", "a", id="nothing counts behind a NUL"),
    ],
)
def test_an_address_is_cut_into_tokens(text: str, tokens: str) -> None:
    scanned = SYNTAX.scan(text)

    assert "|".join(scanned.tokens or ()) == tokens
    assert scanned.complaints == ()


@pytest.mark.parametrize(
    ("text", "tokens", "complaint"),
    [
        pytest.param("<joe", "<|joe|>", "<joe... Unbalanced '<'", id="an angle bracket is closed"),
        pytest.param("joe>", "joe", "joe>... Unbalanced '>'", id="one that closes nothing is dropped"),
        pytest.param('"joe', '"joe"', "\"joe... Unbalanced '\"'", id="quotes are closed"),
        pytest.param("joe(x", "joe", "joe(x... Unbalanced '('", id="a comment is closed"),
        pytest.param("joe)x", "joex", "joe)x... Unbalanced ')'", id="a parenthesis that closes nothing is dropped"),
    ],
)
def test_what_is_unbalanced_is_mended_with_a_message(text: str, tokens: str, complaint: str) -> None:
    scanned = SYNTAX.scan(text)

    assert "|".join(scanned.tokens or ()) == tokens
    assert [str(one) for one in scanned.complaints] == [complaint]


def test_the_scan_stops_at_the_delimiter_outside_brackets_and_quotes() -> None:
    text = '"a,b" <@x,@y:c@d>, next'

    scanned = SYNTAX.scan(text, delimiter=",")

    assert text[scanned.end :] == ", next"
    assert SYNTAX.scan("<joe, ann", delimiter=",").tokens == ("<", "joe", ">")


def test_parentheses_are_tokens_where_comments_are_kept() -> None:
    assert SYNTAX.scan("joe (x)", Table.VERBATIM).tokens == ("joe", "(", "x", ")")


def test_a_text_without_tokens_is_no_address() -> None:
    assert SYNTAX.scan(" (only a comment) ").tokens is None
    assert SYNTAX.scan("").tokens is None


def test_two_atoms_are_joined_by_the_blank_substitute_and_nothing_else_is() -> None:
    joined = Syntax(".@", ".")

    assert joined.join(("joe", "at", "a", ".", "b", '"q"', "c")) == 'joe.at.a.b"q"c'


def test_limits_hold_at_their_bounds() -> None:
    assert len(SYNTAX.scan("." * MOST_TOKENS, lenient=True).tokens or ()) == MOST_TOKENS
    assert str(SYNTAX.scan("." * (MOST_TOKENS + 1), lenient=True).complaints[0]).endswith("prescan: too many tokens")
    assert SYNTAX.scan("." * (BUFFER // 2)).tokens is not None
    assert str(SYNTAX.scan("." * (BUFFER // 2 + 1)).complaints[0]).endswith("Address too long")
    assert SYNTAX.scan("a" * LONGEST_TOKEN).tokens is not None
    assert str(SYNTAX.scan("a" * (LONGEST_TOKEN + 1)).complaints[0]).endswith("prescan: token too long")
    assert SYNTAX.scan(("a" * 99 + ".") * (BUFFER // 102)).tokens is not None
    assert str(SYNTAX.scan(("a" * 99 + ".") * (BUFFER // 90)).complaints[0]).endswith("Address too long")
