"""How MMDF splits a line into fields: mmdftailor(5), and str2arg as it was seen to work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.mmdf_fields import DOCUMENTS, SNAPSHOT, Field, quote_field, split_fields

octets = st.text(st.characters(max_codepoint=255))
telling = st.text(st.sampled_from(' \t,;:#=/|"\\n0179ab\x01\xff'), max_size=40)


def flat(line, lexing=DOCUMENTS):
    return split_fields(line, lexing).flat()


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        pytest.param(
            r"chan a,, arpa\040net\ foo=bar",
            ["chan", "a", "", "=", "arpa net foo", "bar"],
            id="escapes in a key",
        ),
        pytest.param(
            'chan b backup blat="gelp,blat=boop"',
            ["chan", "b", "backup", "=", "blat", "gelp,blat=boop"],
            id="quotes hide separators",
        ),
        pytest.param(
            'MDMN "", show="Root Domain", table=rootdomain',
            ["MDMN", "", "=", "show", "Root Domain", "=", "table", "rootdomain"],
            id="two quotes are an empty field",
        ),
        pytest.param(
            'MTBL local     file="vax1.names"', ["MTBL", "local", "=", "file", "vax1.names"], id="many blanks"
        ),
        pytest.param("AUTHLOG auth.log ,level=FST", ["AUTHLOG", "auth.log", "=", "level", "FST"], id="blank, comma"),
        pytest.param(
            r'MMBXPREF "\001\001\001\001\n"', ["MMBXPREF", "\x01\x01\x01\x01\n"], id="octal and control characters"
        ),
        pytest.param("#; Aliases", [], id="comment"),
        pytest.param("  ; indented", [], id="indented comment"),
        pytest.param("MSLEEP 300 ; text", ["MSLEEP", "300"], id="comment where a field would begin"),
        pytest.param("MSLEEP 300;text", ["MSLEEP", "300", "text"], id="a semicolon that touches separates"),
        pytest.param("a,;b", ["a"], id="comment after a comma"),
        pytest.param("a; ", ["a"], id="blanks behind a semicolon are no field"),
        pytest.param("a , b", ["a", "b"], id="blank comma blank"),
        pytest.param("a ,b", ["a", "b"], id="blank comma"),
        pytest.param("a  b", ["a", "b"], id="two blanks"),
        pytest.param("a,, b", ["a", "", "b"], id="an empty field between commas"),
        pytest.param("a, ", ["a", ""], id="a blank after the last comma is an empty field"),
        pytest.param("a,", ["a"], id="a comma at the end is none"),
        pytest.param('"quoted"tail', ["quotedtail"], id="quotes anywhere in a field"),
        pytest.param('a "open, to the end', ["a", "open, to the end"], id="an open quote ends with the line"),
        pytest.param("", [], id="nothing"),
        pytest.param("host.a:b", ["host.a", "b"], id="a colon separates, a dot does not"),
        pytest.param(r"\t\q\,\"", ['tq,"'], id="other backslashes are dropped"),
        pytest.param(r"\1018 \777", ["A8", "\xff"], id="octal digits end at another character, eight bits count"),
        pytest.param("a\\", ["a"], id="a backslash at the end"),
        pytest.param('MLOCMACHINE "" ; none', ["MLOCMACHINE", ""], id="comment after an empty value"),
        pytest.param('x=""', ["=", "x", ""], id="a pair with an empty value"),
        pytest.param("x= 1", ["=", "x", "1"], id="blank after the equals sign"),
        pytest.param("x=;no value", ["=", "x", ""], id="a comment in the place of a value"),
        pytest.param("x=,y", ["=", "x", "", "y"], id="no value"),
    ],
)
def test_a_line_has_these_fields(line, fields):
    assert flat(line) == fields
    assert flat(line, SNAPSHOT) == fields


@pytest.mark.parametrize(
    ("line", "documents", "snapshot"),
    [
        pytest.param(
            "MQUEDIR /usr/spool/mmdf",
            ["MQUEDIR", "/usr/spool/mmdf"],
            ["MQUEDIR", "usr", "spool", "mmdf"],
            id="an unquoted path",
        ),
        pytest.param("a|b", ["a|b"], ["a", "b"], id="a bar"),
        pytest.param("x =1", ["=", "x", "1"], ["x", "=", "", "1"], id="blank before the equals sign"),
        pytest.param("x = 1", ["=", "x", "1"], ["x", "=", "", "1"], id="blanks around the equals sign"),
        pytest.param("a=b=c", ["=", "a", "b=c"], ["=", "a", "=", "b", "c"], id="a second equals sign"),
    ],
)
def test_the_documents_and_the_snapshot_differ(line, documents, snapshot):
    assert flat(line) == documents
    assert flat(line, SNAPSHOT) == snapshot


def test_what_the_snapshot_would_read_otherwise_is_marked():
    assert [field.is_odd for field in split_fields("a=1, b = 2, c=d=e, f= 3").fields] == [False, True, True, True]


def test_fields_know_where_they_begin():
    fields = split_fields('MCHN  smtp, show="SMTP", que=a  ; b')

    assert fields.fields == (
        Field("MCHN", offset=0),
        Field("smtp", offset=6),
        Field("SMTP", "show", 12),
        Field("a", "que", 25),
    )
    assert fields.comment == 32


@given(st.one_of(octets, telling))
def test_any_line_has_fields_in_either_way(line):
    for lexing in (DOCUMENTS, SNAPSHOT):
        fields = split_fields(line, lexing)

        assert all(0 <= field.offset <= len(line) for field in fields.fields)
        assert sum(len(field.text) + len(field.key or "") for field in fields.fields) <= len(line) + len(fields.fields)


@given(st.lists(octets, max_size=6))
def test_what_is_quoted_is_read_back(values):
    line = " ".join(map(quote_field, values))

    assert flat(line) == values
    assert flat(line, SNAPSHOT) == values
