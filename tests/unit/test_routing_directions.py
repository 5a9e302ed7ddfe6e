"""Virtual users and tables of next hops of a native site, as tables of facts about mail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.lookup import Answer, Origin
from posthouse.routing.directions import Direction, host_keys, read_direction, refusal
from posthouse.routing.resolution import Deferred, Destination, Refused
from posthouse.site.model import AliasSource, VirtualUsers
from support.routing_sites import address, make_routing, places, resolve_with

VIRTUAL = {
    "info@shop.example": "joe",
    "far@shop.example": "someone@remote.example",
    "all+*@shop.example": "%1-%2@remote.example",
    "old@shop.example": "error:5.1.1:550 moved away",
    "busy@shop.example": "error:4.2.1:450 come back",
    "loop@shop.example": "loop@shop.example",
    "two@shop.example": "joe, someone@remote.example",
    "prog@shop.example": "|/bin/cat",
    "@tail.example": "%1%3@remote.example",
    "sue@example.org": "ann@remote.example",
    "x@elsewhere.example": "joe",
}
HOPS = {
    "via.example": "esmtp:[gateway.example.net]",
    ".dept.example": "smtp:%1.gw.example.net",
    "plain.example": "mx.example.net",
    "port.example": "[mx.example.net]:2525",
    "here.example": "local:",
    "mine.example": "local:joe",
    "odd.example": "nothing:there",
    "gone.example": "error:nohost closed for good",
    "later.example": "error:4.4.1:451 try later",
    "relay.example": "program:",
}
ENTRIES = {"virtual": VIRTUAL, "hops": HOPS, "users": {"joe": ""}, "aliases": {}}
ROUTING = make_routing(
    virtual=VirtualUsers(("virtual",), ("shop.example", "tail.example"), Origin("site.toml", 30)),
    mailertables=("hops",),
    aliases=(AliasSource("aliases"),),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("info@shop.example", ["local joe@example.org"], id="a local user"),
        pytest.param("Info@SHOP.example", ["local joe@example.org"], id="without case"),
        pytest.param("far@shop.example", ["smtp remote.example someone@remote.example"], id="elsewhere"),
        pytest.param("info+x@shop.example", ["local joe@example.org"], id="with a detail that no key names"),
        pytest.param("all+x@shop.example", ["smtp remote.example all-x@remote.example"], id="any detail"),
        pytest.param("joe@tail.example", ["smtp remote.example joe@remote.example"], id="everybody else"),
        pytest.param("joe+x@tail.example", ["smtp remote.example joe+x@remote.example"], id="with the detail"),
        pytest.param("two@shop.example", ["local joe@example.org", "smtp remote.example someone@remote.example"],
                     id="several addresses"),
        pytest.param("old@shop.example", ["550 5.1.1"], id="refused in the table's words"),
        pytest.param("busy@shop.example", ["450 4.2.1"], id="deferred in the table's words"),
        pytest.param("loop@shop.example", ["554 5.4.6"], id="an address that stands for itself"),
        pytest.param("prog@shop.example", ["550 5.3.5"], id="a program is no recipient"),
        pytest.param("nobody@shop.example", ["smtp shop.example nobody@shop.example"], id="unknown"),
        pytest.param("sue@example.org", ["smtp remote.example ann@remote.example"], id="local domains are asked for"),
        pytest.param("x@elsewhere.example", ["smtp elsewhere.example x@elsewhere.example"], id="other domains are not"),
        pytest.param("a@b@tail.example", ['smtp tail.example "a@b"@tail.example'], id="a quoted @ is no other address"),
    ],
)  # fmt: skip
def test_a_virtual_user_is_who_the_table_says(text, expected):
    resolution, _ = resolve_with(ROUTING, text, ENTRIES)

    assert places(resolution) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a@via.example", ["smtp [gateway.example.net] a@via.example"], id="a host in brackets"),
        pytest.param("a@x.y.dept.example", ["smtp x.y.gw.example.net a@x.y.dept.example"], id="what stands before"),
        pytest.param("a@dept.example", ["smtp dept.example a@dept.example"], id="the parent itself is another key"),
        pytest.param("a@plain.example", ["smtp mx.example.net a@plain.example"], id="a host alone"),
        pytest.param("a@port.example", ["smtp [mx.example.net]:2525 a@port.example"], id="a host with its port"),
        pytest.param("joe@here.example", ["local joe@example.org"], id="kept here"),
        pytest.param("a@mine.example", ["local joe@example.org"], id="kept here for one user"),
        pytest.param("a@odd.example", ["550 5.4.4"], id="there is no such channel"),
        pytest.param("a@gone.example", ["550 5.1.2"], id="refused"),
        pytest.param("a@later.example", ["451 4.4.1"], id="deferred"),
        pytest.param("a@relay.example", ["program relay.example a@relay.example"], id="a channel of ours"),
        pytest.param("a@other.example", ["smtp other.example a@other.example"], id="not in the table: the routes"),
    ],
)  # fmt: skip
def test_a_table_of_next_hops_says_where_a_host_is_reached(text, expected):
    resolution, _ = resolve_with(ROUTING, text, ENTRIES)

    assert places(resolution) == expected


def test_virtual_domains_are_accepted_from_anyone_and_next_hops_are_not():
    assert ROUTING.destination_of(address("a@shop.example")) is Destination.RELAY
    assert ROUTING.destination_of(address("a@via.example")) is Destination.EXTERNAL


@pytest.mark.parametrize("table", ["virtual", "hops"])
def test_a_table_that_cannot_answer_defers(table):
    broken = {"info@shop.example": Answer(unavailable="no"), "via.example": Answer(unavailable="no")}
    text = "info@shop.example" if table == "virtual" else "a@via.example"

    resolution, _ = resolve_with(ROUTING, text, {**ENTRIES, table: broken})

    assert isinstance(resolution, Deferred)
    assert resolution.reply.code == 451


def test_a_site_without_these_tables_asks_nothing_more():
    _, trace = resolve_with(make_routing(), "x@other.example", ENTRIES)

    assert not any("hops" in str(step) or "virtual" in str(step) for step in trace)


def test_the_last_key_of_a_host_is_the_dot():
    assert list(host_keys("a.b")) == [("a.b", ""), (".b", "a"), (".", "a.b")]
    assert list(host_keys("[192.0.2.1]")) == [("[192.0.2.1]", ""), (".", "[192.0.2.1]")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("smtp:[h]", Direction("smtp", "[h]")),
        ("h.example", Direction("smtp", "h.example")),
        ("h.example:25", Direction("smtp", "h.example:25")),
        ("LOCAL:joe", Direction("local", "joe")),
    ],
)
def test_a_direction_is_a_channel_and_a_host(value, expected):
    assert read_direction(value) == expected


@given(st.text(max_size=60))
def test_whatever_a_table_refuses_with_is_a_reply_on_one_line(text):
    reply = refusal(f"error:{text}")

    assert reply is not None
    assert 400 <= reply.code <= 599
    assert str(reply).isprintable()
    assert isinstance(Refused(Destination.LOCAL, reply, "x"), Refused)
