"""Addresses as MMDF reads and writes them."""

import pytest

from posthouse.mail.errors import MalformedError
from posthouse.rewriting.mmdf.address import AddressMistake, MmdfAddress, parse_address, read_addresses
from posthouse.rewriting.mmdf.text import as_733, as_822, canonical


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("joe@b.arpa", "joe@b.arpa"),
        ("@a,@b:joe@c", "@a,@b:joe@c"),
        pytest.param("joe@c@b@a", "joe <@a,@b:joe@c>", id="a route of RFC 733 becomes one of RFC 822"),
        pytest.param("Joe <joe@c@b>", "Joe <@b:joe@c>", id="and needs no name when it has one"),
        pytest.param("joe blow@c", '"joe blow"@c', id="words are one local part"),
        pytest.param('"joe"@c', "joe@c", id="quotes that nothing needs"),
        pytest.param("joe@[10.0.0.1]", 'joe@"[10.0.0.1]"', id="a domain literal is a word"),
        pytest.param("joe (the plumber) @ c (here)", "joe@c", id="comments without a name are left out"),
        pytest.param("Joe (the plumber) <joe@c>", "Joe (the plumber) <joe@c>", id="and kept with one"),
        pytest.param("J. Blow <joe@c>", '"J. Blow" <joe@c>', id="a dot in a name is quoted"),
        pytest.param("joe (a (b) c)@d", "joe@d", id="a comment in a comment"),
        pytest.param("staff: joe@b, jim@c;", "staff: joe@b;", id="the first of a group"),
        pytest.param("joe at c", '"joe at c"', id="at is a word"),
        pytest.param('"a\\"b"@c', '"a\\"b"@c', id="a quote in quotes"),
        pytest.param("a\\@b", '"a\\\\"@b', id="a backslash outside quotes is a letter"),
    ],
)
def test_an_address_is_shown_as_it_was_understood(text, shown):
    first = next(read_addresses(text))

    assert isinstance(first, MmdfAddress)
    assert canonical(first) == shown


@pytest.mark.parametrize(
    "text",
    [
        "joe@",
        "@a",
        "joe@@b",
        "<>",
        "joe<",
        "joe>",
        "joe;",
        "joe:",
        '"joe',
        "(joe",
        "joe@b extra",
        "<joe@b>",
        "jo\xe9@b",
    ],
)
def test_what_cannot_be_parsed_is_a_mistake(text):
    assert isinstance(next(read_addresses(text)), AddressMistake)


@pytest.mark.parametrize("text", ["", " ", ",", "()", "@a.b:", "friends: ;"])
def test_what_holds_no_address_is_no_mistake(text):
    assert list(read_addresses(text)) == []


def test_a_list_goes_on_after_a_mistake():
    found = list(read_addresses("joe@, jim@c, staff: ann@d, bob;, <file, :include:/etc/list@e"))

    assert [AddressMistake if isinstance(one, AddressMistake) else one.local for one in found] == [
        AddressMistake, "jim", "ann", "bob", "file", "/etc/list",
    ]  # fmt: skip
    assert [one.is_include for one in found[1:]] == [False, False, False, True, True]


def test_an_inner_address_with_a_mistake_behind_it_is_none():
    with pytest.raises(MalformedError):
        parse_address("joe@a, jim@")


def test_both_orders_of_a_route():
    assert as_822("u", "c", ("a", "b")) == "@a,@b:u@c"
    assert as_733("u", "c", ("a", "b")) == "u%c%b@a"
    assert (as_822("u", ""), as_733("u", "")) == ("u", "u")


def test_a_file_that_another_host_is_to_open_is_not_quoted():
    assert as_822(":Include:/etc/list", "e") == ":Include:/etc/list@e"
