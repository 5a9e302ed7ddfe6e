"""Address lists as people write them."""

import pytest

from posthouse.mail.address_list import parse_address_list, recipients_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("joe", ["joe"], id="bare"),
        pytest.param("joe@example.org, ann", ["joe@example.org", "ann"], id="two"),
        pytest.param(" joe@example.org\r\n\t,ann ", ["joe@example.org", "ann"], id="folded"),
        pytest.param("Joe Q. Public <joe@example.org>", ["joe@example.org"], id="name with a dot"),
        pytest.param('"Public, Joe" <joe@example.org>', ["joe@example.org"], id="comma in a quoted name"),
        pytest.param("=?utf-8?B?w7w=?= <joe@example.org>", ["joe@example.org"], id="encoded name"),
        pytest.param('"a b"@example.org', ['"a b"@example.org'], id="quoted local-part"),
        pytest.param(r'"a\"b"@example.org', [r'"a\"b"@example.org'], id="quoted pair"),
        pytest.param('joe."q.p"@example.org', ["joe.q.p@example.org"], id="mixed words"),
        pytest.param("joe (a (nested) comment, with comma) @ example.org", ["joe@example.org"], id="comments"),
        pytest.param(r"joe (\( ) @example.org", ["joe@example.org"], id="quoted pair in a comment"),
        pytest.param("joe@[192.0.2.1]", ["joe@[192.0.2.1]"], id="literal"),
        pytest.param("<@a.example,@b.example:joe@example.org>", ["joe@example.org"], id="source route"),
        pytest.param(
            "Friends: joe, Ann <ann@example.org>;, x@y.example", ["joe", "ann@example.org", "x@y.example"], id="group"
        ),
        pytest.param("undisclosed-recipients:;", [], id="empty group"),
        pytest.param(",, joe,,", ["joe"], id="empty members"),
        pytest.param("", [], id="nothing"),
        pytest.param("m\u00fcller@b\u00fccher.example", ["m\u00fcller@b\u00fccher.example"], id="UTF-8"),
        pytest.param("joe+tag/x=y@example.org", ["joe+tag/x=y@example.org"], id="signs"),
    ],
)
def test_lists_that_are_understood(text, expected):
    parsed = parse_address_list(text)

    assert [str(address) for address in parsed.addresses] == expected
    assert parsed.problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("joe ann", "is a comma missing?", id="no comma"),
        pytest.param("joe@", "the domain is missing", id="no domain"),
        pytest.param("@example.org", "the local-part is missing", id="no local-part"),
        pytest.param("joe@@example.org", "does not belong into the domain", id="two at-signs"),
        pytest.param("joe.@example.org", "the local-part ends with a dot", id="dot at the end"),
        pytest.param("joe..q@example.org", "does not belong into the local-part", id="two dots"),
        pytest.param("<joe@example.org", "is not closed", id="open bracket"),
        pytest.param("<joe@example.org> x", "something follows", id="text behind"),
        pytest.param("<>", "nothing between", id="null path is no recipient"),
        pytest.param("<@a.example>", "a source route without", id="route alone"),
        pytest.param('"joe@example.org', "quotation mark is not closed", id="open quote"),
        pytest.param("joe (comment", "a comment is not closed", id="open comment"),
        pytest.param("joe)@example.org", "does not belong there", id="stray bracket"),
        pytest.param("jo\x00e@example.org", "does not belong there", id="NUL"),
        pytest.param('"jo\x01e"@example.org', "control character", id="control character in quotes"),
        pytest.param("joe\ufffd@example.org", "not UTF-8", id="undecodable"),
    ],
)
def test_a_member_that_is_not_understood_is_a_problem_and_the_others_stand(text, problem):
    parsed = parse_address_list(f"first@example.org, {text}")

    assert [str(address) for address in parsed.addresses] == ["first@example.org"]
    assert len(parsed.problems) == 1
    assert problem in parsed.problems[0]


@pytest.mark.parametrize(("count", "problems"), [(9, 0), (10, 0), (11, 1)])
def test_lists_are_bounded(count, problems):
    parsed = parse_address_list(",".join(f"x{number}" for number in range(count)), most=10)

    assert len(parsed.addresses) == min(count, 10)
    assert len(parsed.problems) == problems


def test_problems_are_bounded():
    assert len(parse_address_list("a b," * 5000).problems) == 101


@pytest.mark.parametrize("text", ['"\\"' * 50_000, "(" * 100_000, "<" * 100_000, "[" * 100_000, "a." * 50_000])
def test_hostile_lists_cost_time_in_proportion_to_their_length(text):
    assert parse_address_list(text).problems  # quadratic work would run into the time limit


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(b"To: a\r\nCc: b,\r\n c\r\nBcc: d\r\nReply-To: e\r\n\r\n", ["a", "b", "c", "d"], id="all fields"),
        pytest.param(b"To: a\r\nResent-To: b\r\nResent-Bcc: c\r\n\r\n", ["b", "c"], id="resent: those alone"),
        pytest.param(b"TO: a\r\nto: b\r\n\r\n", ["a", "b"], id="given twice"),
        pytest.param(b"Subject: x\r\n\r\n", [], id="none"),
    ],
)
def test_recipients_of_a_header(header, expected):
    assert [str(address) for address in recipients_of(header).addresses] == expected


def test_problems_name_their_field():
    assert recipients_of(b"Cc: a b\r\n\r\n").problems[0].startswith("Cc: 'a b' is not an address")
    assert recipients_of(b"To: \xff@x\r\n\r\n").problems[0].endswith("it is not UTF-8")
