"""How the host of a hop is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.channels.next_hop import HopKind, NextHop, parse_next_hop
from posthouse.mail.errors import MalformedError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("example.org", NextHop(HopKind.DOMAIN, "example.org", 25), id="a mail domain"),
        pytest.param("Example.ORG.", NextHop(HopKind.DOMAIN, "example.org", 25), id="case and final dot"),
        pytest.param("[relay.example]", NextHop(HopKind.HOST, "relay.example", 25), id="brackets: no MX"),
        pytest.param("[relay.example]:587", NextHop(HopKind.HOST, "relay.example", 587), id="brackets and port"),
        pytest.param("relay.example:587", NextHop(HopKind.HOST, "relay.example", 587), id="port: no MX"),
        pytest.param("[192.0.2.1]", NextHop(HopKind.ADDRESS, "192.0.2.1", 25), id="address literal"),
        pytest.param("192.0.2.1", NextHop(HopKind.ADDRESS, "192.0.2.1", 25), id="bare address"),
        pytest.param("192.0.2.1:26", NextHop(HopKind.ADDRESS, "192.0.2.1", 26), id="bare address and port"),
        pytest.param("[IPv6:2001:db8::1]", NextHop(HopKind.ADDRESS, "2001:db8::1", 25), id="IPv6 literal"),
        pytest.param("[2001:db8::1]:26", NextHop(HopKind.ADDRESS, "2001:db8::1", 26), id="IPv6 and port"),
        pytest.param("unix:/run/Lmtp", NextHop(HopKind.UNIX, "/run/Lmtp"), id="socket"),
    ],
)
def test_next_hop(text, expected):
    assert parse_next_hop(text, 25) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "[]",
        "[a",
        "a]",
        "a:",
        "a:0",
        "a:65536",
        "a:+5",
        "a:\u0661",
        "a b",
        "unix:run",
        "[a:b:c]",
        "[x]y",
        "a:25\n",
    ],
)
def test_what_is_no_next_hop_is_refused(text):
    with pytest.raises(MalformedError):
        parse_next_hop(text, 25)


@given(st.text())
def test_any_text_is_a_next_hop_or_malformed(text):
    """Any text gives a next hop with a port that exists, or MalformedError; and what it prints reads back the same."""
    try:
        hop = parse_next_hop(text, 25)
    except MalformedError:
        return
    assert hop.kind is HopKind.UNIX or 1 <= hop.port <= 65535
    assert parse_next_hop(str(hop), 25) == hop
