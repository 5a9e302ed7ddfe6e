"""VRFY and EXPN tell only what the site has declared public."""

import pytest

from support.routing_rig import STRANGER, Rig, run

ENTRIES = {
    "users": {"ann": ""},
    "aliases": {"private": "ann, x@far.example", "hidden": "ann"},
    "lists": {"public": "ann, Joe Q <x@far.example>", "hidden": "ann", "prog": "|/bin/x"},
}


@pytest.mark.parametrize(
    ("vrfy", "argument", "expected"),
    [
        pytest.param(False, "ann", "252 2.5.0", id="not told"),
        pytest.param(False, "gone", "252 2.5.0", id="nor that there is nobody"),
        pytest.param(True, "ann", "250 2.1.5 <ann@example.org>", id="user"),
        pytest.param(True, "<ann@example.org>", "250 2.1.5 <ann@example.org>", id="in brackets"),
        pytest.param(True, "gone", "550 5.1.1", id="unknown"),
        pytest.param(True, "x@far.example", "252 2.5.0", id="not ours to say"),
        pytest.param(True, "a b c", "501 5.1.3", id="not an address"),
        pytest.param(True, "", "501 5.1.3", id="nothing"),
    ],
)
def test_vrfy(vrfy, argument, expected):
    reply = run(Rig({"vrfy": vrfy}, ENTRIES).intake.verify(argument, STRANGER))

    assert str(reply).startswith(expected)


@pytest.mark.parametrize(
    ("argument", "code", "lines"),
    [
        pytest.param("public", 250, ("<ann@example.org>", "<x@far.example>"), id="public list"),
        pytest.param("public@example.org", 250, ("<ann@example.org>", "<x@far.example>"), id="with its domain"),
        pytest.param("private", 550, None, id="private alias"),
        pytest.param("hidden", 550, None, id="a private table before the public one decides"),
        pytest.param("ann", 550, None, id="user"),
        pytest.param("gone", 550, None, id="nobody: the same answer"),
        pytest.param("x@far.example", 550, None, id="not ours"),
        pytest.param("prog", 550, None, id="nothing to show"),
        pytest.param("a b", 501, None, id="not an address"),
    ],
)
def test_expn(argument, code, lines):
    reply = run(Rig(entries=ENTRIES).intake.expand(argument, STRANGER))

    assert reply.code == code
    assert lines in (None, reply.lines)


def test_expn_when_the_table_is_unavailable_is_451():
    rig = Rig(entries=ENTRIES)
    del rig.tables["aliases"]

    assert run(rig.intake.expand("public", STRANGER)).code == 451
