"""A trace as people, programs and the log see it."""

from posthouse.mail.lookup import Answer, Asked, Decision, Lookup, Origin
from posthouse.routing.cycles import on_cycles
from posthouse.routing.trace import as_dicts, as_lines, as_via

TRACE = (
    Decision("joe is meant as joe@example.org"),
    Decision("example.org is a local domain", Origin("site.toml", 4)),
    Asked(Lookup("aliases", "joe@example.org"), Answer()),
    Asked(Lookup("aliases", "joe"), Answer(("a, b",), Origin("aliases", 7))),
    Asked(Lookup("users", "x"), Answer(unavailable="no such file")),
    Asked(Lookup("wide", "x"), Answer(tuple("abcdefg"), Origin("wide"))),
)


def test_every_step_is_one_line_with_the_line_that_decided():
    assert as_lines(TRACE) == [
        "joe is meant as joe@example.org",
        "example.org is a local domain (site.toml:4)",
        "aliases[joe@example.org]: not found",
        "aliases[joe]: a, b (aliases:7)",
        "users[x]: unavailable: no such file",
        "wide[x]: a, b, c, d, e and 2 more (wide)",
    ]


def test_every_step_is_a_value_for_json():
    assert as_dicts(TRACE)[1:5] == [
        {"step": "decision", "text": "example.org is a local domain", "file": "site.toml", "line": 4},
        {"step": "lookup", "table": "aliases", "key": "joe@example.org", "found": False, "values": []},
        {
            "step": "lookup",
            "table": "aliases",
            "key": "joe",
            "found": True,
            "values": ["a, b"],
            "file": "aliases",
            "line": 7,
        },
        {"step": "lookup", "table": "users", "key": "x", "unavailable": "no such file"},
    ]


def test_via_has_only_what_decided():
    assert as_via(TRACE) == "example.org is a local domain (site.toml:4) > aliases[joe] (aliases:7) > wide[x] (wide)"


def test_via_is_bounded():
    assert len(as_via(TRACE * 50)) <= 403


def test_cycles_are_found_and_what_lies_between_two_is_not_one():
    edges = {1: [1, 2], 2: [3], 3: [4], 4: [5], 5: [4], 6: [1]}

    assert on_cycles(edges) == {1, 4, 5}
