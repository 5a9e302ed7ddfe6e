"""The syntax of table files: what counts as an entry, and what is a problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.problem import Problem
from posthouse.tables.syntax import MAX_KEY_LENGTH, MAX_LINE_OCTETS, Entry, fold_key, parse_lines


class Parsed:
    """A whole table: what could be read, in order, and what could not."""

    def __init__(self, text: bytes | str) -> None:
        wire = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        elements = list(parse_lines(wire.split(b"\n"), "t"))
        self.entries = [element for element in elements if isinstance(element, Entry)]
        self.problems = [element for element in elements if isinstance(element, Problem)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("ann: ann@example.org\n", [("ann", "ann@example.org")], id="colon"),
        pytest.param("ann ann@example.org\n", [("ann", "ann@example.org")], id="blank, no colon"),
        pytest.param("ann\tann@example.org", [("ann", "ann@example.org")], id="tab, no final newline"),
        pytest.param("ann : bob", [("ann", "bob")], id="a colon that stands alone separates too"),
        pytest.param("ann:bob", [("ann", "bob")], id="colon without a blank"),
        pytest.param("list :include:/etc/list", [("list", ":include:/etc/list")], id="a colon of the value is kept"),
        pytest.param("list: :include:/etc/list", [("list", ":include:/etc/list")], id="value that begins with a colon"),
        pytest.param("local:\n", [("local", "")], id="colon and no value"),
        pytest.param("local\n", [("local", "")], id="key alone"),
        pytest.param("Ann.Smith: bob", [("ann.smith", "bob")], id="keys without case"),
        pytest.param("ann: Bob", [("ann", "Bob")], id="values with case"),
        pytest.param("ann:  a,   b\t\tc  ", [("ann", "a, b c")], id="runs of blanks become one"),
        pytest.param("a\\:b: c", [("a:b", "c")], id="backslash quotes a colon in a key"),
        pytest.param("a\\ b c", [("a b", "c")], id="backslash quotes a blank in a key"),
        pytest.param("a: b\\ \\ c", [("a", "b  c")], id="quoted blanks do not collapse"),
        pytest.param("a: b\\\\", [("a", "b\\")], id="quoted backslash at the end"),
        pytest.param("a: 1\r\nb: 2\r\n", [("a", "1"), ("b", "2")], id="CRLF"),
        pytest.param("a: 1\na: 2", [("a", "1"), ("a", "2")], id="duplicates keep their order"),
        pytest.param("# no\n\n  # no\n; no\n \t\n", [], id="comments and empty lines"),
        pytest.param("a: b # c", [("a", "b # c")], id="no comment within a line"),
        pytest.param("jürgen: x", [("jürgen", "x")], id="UTF-8"),
    ],
)
def test_entries(text, expected):
    parsed = Parsed(text.encode())

    assert [(entry.key, entry.value) for entry in parsed.entries] == expected
    assert not parsed.problems


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        pytest.param(b"a: 1\n  b: 2", "t:2:1: the line begins with a blank", id="no continuation lines"),
        pytest.param(b": x", "t:1:1: an entry without a key", id="no key"),
        pytest.param(b"a: x\x00y", "t:1:5: a control character", id="NUL"),
        pytest.param(b"a: x\ry", "t:1:5: a control character", id="bare CR"),
        pytest.param(b"a: x\x7f", "t:1:5: a control character", id="DEL"),
        pytest.param(b"a: \xff", "t:1:4: the line is not UTF-8", id="Latin-1"),
        pytest.param(b"a: b\\", "t:1:5: a backslash at the end", id="backslash ends the value"),
        pytest.param(b"a\\", "t:1:2: a backslash at the end", id="backslash ends the key"),
        pytest.param(b"k" * (MAX_KEY_LENGTH + 1), "t:1:1: a key of 1025", id="key one too long"),
        pytest.param(b"k: " + b"v" * (MAX_LINE_OCTETS - 2), "t:1:1: a line of 1048577", id="line one too long"),
    ],
)
def test_a_bad_line_is_a_problem_and_the_others_are_read(wire, expected):
    parsed = Parsed(wire + b"\ngood: x")

    assert [str(problem)[: len(expected)] for problem in parsed.problems] == [expected]
    assert parsed.entries[-1].key == "good"


def test_longest_key_and_longest_line_are_read():
    wire = b"k" * MAX_KEY_LENGTH + b"\nk: " + b"v" * (MAX_LINE_OCTETS - 3)

    parsed = Parsed(wire)

    assert not parsed.problems
    assert [entry.line for entry in parsed.entries] == [1, 2]


def test_a_comment_in_another_charset_is_no_problem():
    assert not Parsed(b"# J\xfcrgen\na: b").problems


@given(st.binary() | st.text(alphabet=st.characters(codec=None)))
def test_any_text_gives_entries_or_problems(text):
    """Any text gives entries and problems, never an exception; each is of its own line, in order."""
    parsed = Parsed(text)

    lines = [entry.line for entry in parsed.entries]
    assert lines == sorted(set(lines))
    assert not set(lines) & {problem.origin.line for problem in parsed.problems}
    assert all(entry.key and "\n" not in entry.key + entry.value for entry in parsed.entries)


WORDS = st.text(alphabet="ab:\\ \t#;,@Z", min_size=1)


@given(WORDS, WORDS)
def test_what_is_quoted_comes_back(key, value):
    """Every key and value can be written with backslashes and is read back as it was, the key folded."""
    quoted = ["".join("\\" + character for character in text) for text in (key, value)]
    if value[-1] in " \t" or "\t" in key + value:  # a tab is a separator even for editors; ends are trimmed first
        return

    parsed = Parsed(": ".join(quoted))

    assert parsed.entries == [Entry(fold_key(key), value, 1)]
