"""Addresses and paths, as the wire and people write them."""

import pytest

from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.errors import MalformedError
from posthouse.smtp.grammar import read_forward_path, read_reverse_path

LONG_LABEL = "a" * 63
DOMAIN_255 = ".".join([LONG_LABEL, LONG_LABEL, LONG_LABEL, "a" * 61, "x"])

ADDRESSES = [
    pytest.param("a@b.example", Address("a", "b.example"), id="plain"),
    pytest.param("a@localhost", Address("a", "localhost"), id="one label"),
    pytest.param("A.b+c@B.Example", Address("A.b+c", "B.Example"), id="kept as written"),
    pytest.param("!#$%&'*+-/=?^_`{|}~@b.example", Address("!#$%&'*+-/=?^_`{|}~", "b.example"), id="all of atext"),
    pytest.param('"a b"@b.example', Address("a b", "b.example"), id="quoted space"),
    pytest.param('"a@b"@c.example', Address("a@b", "c.example"), id="quoted at-sign"),
    pytest.param('"a\\"\\\\b"@c.example', Address('a"\\b', "c.example"), id="quoted pairs"),
    pytest.param('"a>b"@c.example', Address("a>b", "c.example"), id="quoted bracket"),
    pytest.param('".a."@c.example', Address(".a.", "c.example"), id="quoted dots"),
    pytest.param("a@[192.0.2.1]", Address("a", "[192.0.2.1]"), id="IPv4 literal"),
    pytest.param("a@[IPv6:2001:db8::1]", Address("a", "[IPv6:2001:db8::1]"), id="IPv6 literal"),
    pytest.param("a@[x-tag:what!ever]", Address("a", "[x-tag:what!ever]"), id="general literal"),
    pytest.param("dörte@bücher.example", Address("dörte", "bücher.example"), id="UTF-8"),
    pytest.param("a@BÜCHER.example", Address("a", "BÜCHER.example"), id="upper-case U-label"),
    pytest.param("a@xn--bcher-kva.example", Address("a", "xn--bcher-kva.example"), id="A-label"),
    pytest.param("a@1.2.example", Address("a", "1.2.example"), id="labels of digits"),
    pytest.param("a" * 64 + "@b.example", Address("a" * 64, "b.example"), id="local-part of 64"),
    pytest.param("a" * 65 + "@b.example", Address("a" * 65, "b.example"), id="local-part of 65"),
    pytest.param("a" * 244 + "@b.example", Address("a" * 244, "b.example"), id="path of 256"),
    pytest.param('"' + "a" * 242 + '"@b.example', Address("a" * 242, "b.example"), id="quoted path of 256"),
    pytest.param(
        "ä" * 122 + "@b.example", Address("ä" * 122, "b.example"), id="path of 256 octets in fewer characters"
    ),
    pytest.param(
        "SRS0=hhhh=tt=far.example=" + "bounces+list=subscriber.with.a.long.name=elsewhere.example@b.example",
        Address("SRS0=hhhh=tt=far.example=bounces+list=subscriber.with.a.long.name=elsewhere.example", "b.example"),
        id="SRS of VERP",
    ),
    pytest.param(f"a@{LONG_LABEL}.example", Address("a", f"{LONG_LABEL}.example"), id="label of 63"),
    pytest.param("a@my_host.example", Address("a", "my_host.example"), id="underscore"),
    pytest.param("a@_dmarc.b_.example", Address("a", "_dmarc.b_.example"), id="underscores at the edges"),
]

MALFORMED = [
    pytest.param("@b.example", id="no local-part"),
    pytest.param("a@", id="no domain"),
    pytest.param(".a@b.example", id="leading dot"),
    pytest.param("a.@b.example", id="trailing dot"),
    pytest.param("a..b@c.example", id="two dots"),
    pytest.param("a b@c.example", id="bare space"),
    pytest.param("a@b@c.example", id="two at-signs"),
    pytest.param('""@b.example', id="empty quoted string"),
    pytest.param('"a@b.example', id="quote not closed"),
    pytest.param('"a"b@c.example', id="text after the quote"),
    pytest.param("a@b..example", id="empty label"),
    pytest.param("a@.example", id="leading dot in the domain"),
    pytest.param("a@b.example.", id="trailing dot in the domain"),
    pytest.param("a@-b.example", id="leading hyphen"),
    pytest.param("a@b-.example", id="trailing hyphen"),
    pytest.param("a@192.0.2.1", id="address without brackets"),
    pytest.param("a@[192.0.2]", id="short IPv4"),
    pytest.param("a@[192.0.2.256]", id="IPv4 over 255"),
    pytest.param("a@[192.0.2.01]", id="IPv4 with a leading zero"),
    pytest.param("a@[192.0.2.1_0]", id="IPv4 with an underscore"),
    pytest.param("a@[192.0.2.\u0661]", id="digit of another script"),
    pytest.param("a@[2001:db8::1]", id="IPv6 without its tag"),
    pytest.param("a@[IPv6:2001:db8::x]", id="no IPv6"),
    pytest.param("a@[IPv6:fe80::1%eth0]", id="IPv6 with a zone"),
    pytest.param("a@[]", id="empty literal"),
    pytest.param("a@[192.0.2.1", id="literal not closed"),
    pytest.param("a@xn--.example", id="empty A-label"),
    pytest.param("a@xn--abc-.example", id="A-label without content"),
    pytest.param("a@b\u00fc\u2028.example", id="line separator in the domain"),
    pytest.param("a@b\u3002example", id="ideographic full stop"),
    pytest.param("a\u0085@b.example", id="C1 control"),
    pytest.param("a\r\n@b.example", id="line end"),
    pytest.param('"a\r\n"@b.example', id="quoted line end"),
    pytest.param("a\x00@b.example", id="NUL"),
    pytest.param("a@b.example\n", id="final newline"),
    pytest.param("a" * 245 + "@b.example", id="path of 257"),
    pytest.param('"' + "a" * 243 + '"@b.example', id="quoted path of 257"),
    pytest.param("ä" * 122 + "a@b.example", id="path of 257 octets in fewer characters"),
    pytest.param(f"a@{LONG_LABEL}a.example", id="label of 64"),
    pytest.param(f"a@{DOMAIN_255}x", id="domain of 256"),
]


@pytest.mark.parametrize(("text", "expected"), ADDRESSES)
def test_an_address_is_read_and_written_the_same(text, expected):
    assert read_reverse_path(f"<{text}>") == (Path(expected), len(text) + 2)
    assert read_forward_path(f"<{text}> X=1") == (Path(expected), len(text) + 2)
    assert read_forward_path(f"<{expected}>")[0].address == expected


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_address_is_refused(text):
    with pytest.raises(MalformedError):
        read_forward_path(f"<{text}>")
    with pytest.raises(MalformedError):
        read_reverse_path(f"<{text}>")


def test_the_null_reverse_path_is_a_value():
    assert read_reverse_path("<> SIZE=1") == (NULL_PATH, 2)


def test_postmaster_needs_no_domain_as_a_recipient_only():
    assert read_forward_path("<PostMaster>") == (Path(Address("PostMaster")), 12)
    with pytest.raises(MalformedError):
        read_reverse_path("<postmaster>")


@pytest.mark.parametrize("text", ["<>", "<alice>", "alice@b.example", "<a@b.example", "a@b.example>", "", "<", ">"])
def test_a_recipient_is_a_path_with_an_address(text):
    with pytest.raises(MalformedError):
        read_forward_path(text)


def test_a_source_route_is_kept():
    path, at = read_forward_path("<@a.example,@[192.0.2.1]:b@c.example>")

    assert path == Path(Address("b", "c.example"), ("a.example", "[192.0.2.1]"))
    assert at == 37


@pytest.mark.parametrize(
    "text", ["<@:b@c.example>", "<@a.example b@c.example>", "<@a.example,b@c.example>", "<@a.example,@:b@c.example>"]
)
def test_a_malformed_source_route_is_refused(text):
    with pytest.raises(MalformedError):
        read_forward_path(text)


@pytest.mark.parametrize(("octets", "taken"), [(255, True), (256, True), (257, False)])
def test_a_path_has_at_most_256_octets(octets, taken):
    domain = DOMAIN_255[-(octets - 4) :].lstrip(".")
    local_part = "a" * (octets - 3 - len(domain))
    text = f"<{local_part}@{domain}>"
    assert len(text) == octets

    if taken:
        assert read_forward_path(text)[1] == octets
    else:
        with pytest.raises(MalformedError, match="256"):
            read_forward_path(text)
