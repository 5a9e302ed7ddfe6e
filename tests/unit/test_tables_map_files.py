"""The text files behind maps: makemap's source, columns, hosts, the service switch, passwd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.adapters.map_dns import record_value
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapStatus
from posthouse.tables.berkeley_db import BerkeleyDatabase
from posthouse.tables.makemap_text import parse_makemap_text
from posthouse.tables.passwd import parse_passwd, shells_in
from posthouse.tables.service_switch import parse_service_switch, services_for
from posthouse.tables.socketmap import MAX_ANSWER_OCTETS, question, read_answer, read_length
from posthouse.tables.syntax import MAX_LINE_OCTETS, MAX_PROBLEMS
from posthouse.tables.text_columns import canonical_name, column
from support.makemap import makemap, makemap_program

octet_lines = st.text(st.characters(max_codepoint=255), max_size=120)


def test_a_value_is_the_rest_of_its_line():
    parsed = parse_makemap_text(b"Key  a value \n# c\n\nother\tv\n", "f")

    assert dict(parsed.entries) == {b"key": (b"a value ", 1), b"other": (b"v", 4)}
    assert parsed.problems == ()


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (b" key value", "the line begins with a blank"),
        (b"key", "no value for the key key"),
        (b"key \t", "no value for the key key"),
        (b"first x", "the key first a second time"),
        (b"FIRST x", "the key FIRST a second time"),
    ],
)
def test_a_line_that_makemap_refuses_is_left_out(line, wrong):
    parsed = parse_makemap_text(b"first 1\n" + line, "f")

    assert dict(parsed.entries) == {b"first": (b"1", 1)}
    assert [problem.wrong for problem in parsed.problems] == [wrong]
    assert parsed.problems[0].origin.line == 2


@pytest.mark.parametrize(("octets", "count"), [(MAX_LINE_OCTETS, 1), (MAX_LINE_OCTETS + 1, 0)])
def test_a_line_has_a_bound(octets, count):
    assert len(parse_makemap_text(b"key " + b"v" * (octets - 4), "f").entries) == count


def test_problems_have_a_bound():
    assert len(parse_makemap_text(b" x\n" * (MAX_PROBLEMS + 1), "f").problems) == MAX_PROBLEMS


def test_makemap_reads_the_same_text_alike(tmp_path):
    program = makemap_program()
    text = b'One  two three \nTWO\tx\n#no\n\n bad\nalone\nq"x\\y "v"\none again\nlast\x0bvt\nhigh\xe9 \xff\nend e'
    makemap(program, "hash", tmp_path / "m", text)
    content = (tmp_path / "m.db").read_bytes()
    database = BerkeleyDatabase(lambda offset, octets: content[offset : offset + octets])

    parsed = parse_makemap_text(text, "f")

    assert {key: database.get(key) for key in parsed.entries} == {
        key: value for key, (value, _) in parsed.entries.items()
    }
    assert [database.get(key) for key in (b"bad", b"alone", b"#no", b"")] == [None] * 4


@pytest.mark.parametrize(
    ("line", "number", "delimiter", "value"),
    [
        ("  one two", 0, "", "one"),
        ("one  two", 1, "", "two"),
        ("one", 1, "", None),
        ("", 0, "", None),
        ("a::c", 1, ":", ""),
        (":b", 0, ":", None),
        ("a:b c:d", 1, ":", "b c"),
    ],
)
def test_columns_stand_between_delimiters(line, number, delimiter, value):
    assert column(line, number, delimiter) == value


@given(octet_lines, st.integers(0, 9), st.sampled_from(["", ":", "\t"]))
def test_any_line_has_columns_that_are_part_of_it(line, number, delimiter):
    found = column(line, number, delimiter)

    assert found is None or found in line


HOSTS = [
    "192.0.2.1 short",
    "192.0.2.2 plain Dotted.example plain2",
    "# 192.0.2.3 no",
    "192.0.2.4 ftp.example.org ftp # x",
]


@pytest.mark.parametrize(
    ("name", "domain", "canonical"),
    [
        pytest.param("short", "example.org", "short.example.org", id="a short name is completed"),
        pytest.param("short", "", None, id="a short name without a domain is no canonical name"),
        pytest.param("plain2", "example.org", "Dotted.example", id="the first name with a dot"),
        pytest.param("ftp.example.org", "example.org", "ftp.example.org", id="itself"),
        pytest.param("ftp.example", "example.org", "ftp.example.org", id="the beginning of the domain"),
        pytest.param("ftp.other.org", "example.org", None, id="another domain"),
        pytest.param("short.example.org", "example.org", "short.example.org", id="found by its short name"),
        pytest.param("x", "example.org", None, id="what stands in a comment"),
    ],
)
def test_the_hosts_file_knows_a_canonical_name(name, domain, canonical):
    assert canonical_name(HOSTS, name, domain) == canonical


def test_the_service_switch_gives_an_order():
    switch = parse_service_switch("# c\nhosts\tdns files # x\naliases\n hosts nis\n")

    assert services_for(switch, "hosts") == ("dns", "files")
    assert services_for(switch, "aliases") == ("files",)
    assert services_for(switch, "printers") == ()


@given(octet_lines)
def test_any_text_is_a_service_switch_and_a_list_of_shells(text):
    parse_service_switch(text)
    assert all(shell.startswith("/") for shell in shells_in(text))


@given(st.lists(octet_lines, max_size=5))
def test_any_lines_give_accounts_with_numbers(lines):
    assert all(0 <= account.uid < 2**32 for account in parse_passwd(lines))


def test_a_question_is_a_netstring():
    assert question("access", b"a\xff b") == b"11:access a\xff b,"
    assert read_length(b"%d" % MAX_ANSWER_OCTETS) == MAX_ANSWER_OCTETS


@given(st.binary(max_size=60))
def test_any_answer_of_a_server_is_understood_or_refused(content):
    try:
        answer = read_answer(content)
    except MalformedError:
        return

    assert (answer.value is None) == (answer.status is not MapStatus.FOUND)


@given(st.binary(max_size=12))
def test_any_length_is_bounded_or_refused(digits):
    try:
        length = read_length(digits)
    except MalformedError:
        return

    assert 0 <= length <= MAX_ANSWER_OCTETS


@pytest.mark.parametrize(
    ("kind", "record", "value"),
    [
        ("MX", "10 mx.example.org.", "mx.example.org"),
        ("SRV", "1 2 25 mail.example.org.", "mail.example.org"),
        ("TXT", '"a \\"b\\" \\195\\188" "rest"', 'a "b" XX'),
        ("TXT", '""', ""),
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:db8::1", "IPv6:2001:db8:0:0:0:0:0:1"),
    ],
)
def test_a_record_has_one_value(kind, record, value):
    assert record_value(kind, record) == value
