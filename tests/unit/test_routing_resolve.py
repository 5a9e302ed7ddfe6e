"""Where addresses go, as a table of facts about mail."""

import pytest
from msgspec.structs import replace

from posthouse.mail.lookup import Answer, Decision, Origin
from posthouse.routing.resolution import Deferred, Destination, Refused, Resolved
from posthouse.site.model import LOGIN_NAMES, Listener, RouteRule
from support.routing_sites import (
    LOCAL,
    RELAY,
    limits,
    make_routing,
    places,
    resolve_with,
)

USERS = {"joe": "", "ann": "", "only@sub.example": "", "postmaster@sub.example": ""}
ALIASES = {
    "staff": "joe, ann",
    "joe": "joe, joe@elsewhere.example",
    "ann@sub.example": "joe@elsewhere.example",
    "away": "someone@remote.example",
    "chain": "away",
    "ring": "gnir",
    "gnir": "ring",
    "half": "half, away",
    "broken": "joe joe",
    "partly": "away, nobody-here",
    "twice": "away, AWAY, someone@REMOTE.example",
    "prog": "|/bin/cat",
    "prog2": "away, |/bin/cat",
    "quoted": '"|/bin/cat -a, b"',
    "file": "/var/mail/x",
    "include": ":include:/etc/list",
    "empty": "",
    "team": "ann2, joe2",
    "ann2": "team",
    "joe2": "team",
}
ENTRIES = {"aliases": ALIASES, "users": {**USERS, "ann2": "", "joe2": ""}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("ann@example.org", ["local ann@example.org"], id="local user"),
        pytest.param("Ann@EXAMPLE.Org", ["local ann@example.org"], id="users and domains have no case"),
        pytest.param("ann@example.org.", ["local ann@example.org"], id="dot of the root"),
        pytest.param("ann", ["local ann@example.org"], id="bare local-part"),
        pytest.param("ann@[192.0.2.1]", ["local ann@example.org"], id="our own address literal"),
        pytest.param("ann@[IPv6:2001:DB8::1]", ["local ann@example.org"], id="our own IPv6 literal"),
        pytest.param("ann@[IPv6:2001:db8:0:0::0:1]", ["local ann@example.org"], id="in another spelling"),
        pytest.param("ann@[192.0.2.9]", ["smtp [192.0.2.9] ann@[192.0.2.9]"], id="somebody else's literal"),
        pytest.param("gone@example.org", ["550 5.1.1"], id="unknown user"),
        pytest.param("gone@[192.0.2.1]", ["550 5.1.1"], id="unknown user at our literal"),
        pytest.param(
            "joe@deep.sub.example",
            ["local joe@example.org", "smtp elsewhere.example joe@elsewhere.example"],
            id="subdomain",
        ),
        pytest.param("only@sub.example", ["local only@sub.example"], id="user of one domain"),
        pytest.param("only@example.org", ["550 5.1.1"], id="user of another domain"),
        pytest.param("only@sub.example@example.org", ["550 5.1.1"], id="a quoted local-part is no user elsewhere"),
        pytest.param("ann@sub.example@example.org", ["550 5.1.1"], id="a quoted local-part is no alias elsewhere"),
        pytest.param(
            "x@under.relay.example", ["smtp under.relay.example x@under.relay.example"], id="no subdomains unless said"
        ),
        pytest.param(
            "any@Relay.Example", ["smtp relay.example any@Relay.Example"], id="relay domain takes any local-part"
        ),
        pytest.param(
            "Some.One@Remote.example", ["smtp remote.example Some.One@Remote.example"], id="external keeps its case"
        ),
        pytest.param("away@example.org", ["smtp remote.example someone@remote.example"], id="alias leads out"),
        pytest.param("AWAY@example.org", ["smtp remote.example someone@remote.example"], id="alias has no case"),
        pytest.param("chain@example.org", ["smtp remote.example someone@remote.example"], id="alias of an alias"),
        pytest.param(
            "ann@sub.example", ["smtp elsewhere.example joe@elsewhere.example"], id="full key before bare key"
        ),
        pytest.param(
            "joe@example.org",
            ["local joe@example.org", "smtp elsewhere.example joe@elsewhere.example"],
            id="self reference",
        ),
        pytest.param(
            "staff@example.org",
            ["local joe@example.org", "local ann@example.org", "smtp elsewhere.example joe@elsewhere.example"],
            id="list in its order",
        ),
        pytest.param("twice@example.org", ["smtp remote.example someone@REMOTE.example"], id="each address once"),
        pytest.param("ring@example.org", ["554 5.4.6"], id="only a cycle"),
        pytest.param("half@example.org", ["smtp remote.example someone@remote.example"], id="a cycle and a way out"),
        pytest.param(
            "team@example.org",
            ["local ann2@example.org", "local joe2@example.org"],
            id="users whose list leads back to them",
        ),
        pytest.param(
            "ann2@example.org", ["local ann2@example.org", "local joe2@example.org"], id="the same, entered elsewhere"
        ),
        pytest.param(
            "partly@example.org", ["smtp remote.example someone@remote.example"], id="a member that is nobody"
        ),
        pytest.param("broken@example.org", ["550 5.3.5"], id="alias that is not an address"),
        pytest.param("prog@example.org", ["550 5.3.5"], id="program"),
        pytest.param("prog2@example.org", ["550 5.3.5"], id="program among addresses is not dropped in silence"),
        pytest.param("quoted@example.org", ["550 5.3.5"], id="quoted program"),
        pytest.param("file@example.org", ["550 5.3.5"], id="file"),
        pytest.param("include@example.org", ["550 5.3.5"], id="include"),
        pytest.param("empty@example.org", ["550 5.3.5"], id="alias for nobody"),
    ],
)
def test_where_an_address_goes(text, expected):
    resolution, _ = resolve_with(make_routing(), text, ENTRIES)

    assert places(resolution) == expected


def test_a_member_that_is_nobody_is_a_problem_in_words():
    resolution, _ = resolve_with(make_routing(), "partly@example.org", ENTRIES)

    assert isinstance(resolution, Resolved)
    assert resolution.problems == ("nobody-here@example.org is neither an alias nor a user",)


def test_the_first_alias_table_that_knows_the_name_decides():
    entries = {"aliases": {"list": "a@one.example"}, "lists": {"list@example.org": "b@two.example"}}

    resolution, _ = resolve_with(make_routing(), "list@example.org", entries)

    assert places(resolution) == ["smtp one.example a@one.example"]


@pytest.mark.parametrize("table", ["aliases", "lists", "users"])
def test_a_table_that_is_unavailable_defers_the_recipient(table):
    entries = {**ENTRIES, table: {"who": Answer(unavailable="disk on fire")}}

    resolution, _ = resolve_with(make_routing(), "who@example.org", entries)

    assert isinstance(resolution, Deferred)
    assert places(resolution) == ["451 4.3.0"]
    assert "disk on fire" in resolution.reason
    assert "disk" not in resolution.reply.text


POSTMASTERS = [
    pytest.param("postmaster", {}, {}, ["local postmaster@example.org"], id="bare, nothing known of it"),
    pytest.param("POSTMASTER@sub.example", {}, {}, ["local postmaster@sub.example"], id="a user of that name"),
    pytest.param(
        "Postmaster@example.org", {"postmaster": "joe@x.example"}, {}, ["smtp x.example joe@x.example"], id="alias"
    ),
    pytest.param(
        "postmaster@example.org", {}, {"postmaster": "ann"}, ["local ann@example.org"], id="whom the site names"
    ),
    pytest.param(
        "postmaster@sub.example",
        {},
        {"postmaster": "pm@far.example"},
        ["smtp far.example pm@far.example"],
        id="the site's, outside",
    ),
    pytest.param("postmaster", {"postmaster": "gone"}, {}, ["local postmaster@example.org"], id="alias to nobody"),
    pytest.param(
        "postmaster", {"postmaster": "x", "x": "postmaster"}, {}, ["local postmaster@example.org"], id="alias loop"
    ),
    pytest.param(
        "postmaster", {"postmaster": "|/bin/x"}, {}, ["local postmaster@example.org"], id="alias to a program"
    ),
    pytest.param("postmaster", {}, {"postmaster": "gone"}, ["local postmaster@example.org"], id="the site's is nobody"),
    pytest.param("postmaster@[192.0.2.1]", {}, {}, ["local postmaster@example.org"], id="at our address literal"),
    pytest.param("postmaster", {}, {"domains": {}}, ["local postmaster@example.org"], id="a site without domains"),
    pytest.param(
        "postmaster",
        {},
        {"domains": {"example.org": replace(RELAY, name="example.org")}},
        ["local postmaster@localhost.example.org"],
        id="a site that only relays",
    ),
]


@pytest.mark.parametrize(("text", "aliases", "changes", "expected"), POSTMASTERS)
def test_postmaster_is_never_refused(text, aliases, changes, expected):
    entries = {"aliases": aliases, "users": USERS}

    resolution, _ = resolve_with(make_routing(**changes), text, entries)

    assert places(resolution) == expected


def test_login_names_are_users_where_the_domain_says_so():
    domain = replace(LOCAL, login_names=True, users=())
    routing = make_routing(domains={"example.org": domain})

    resolution, _ = resolve_with(routing, "Demo@example.org", {LOGIN_NAMES: {"demo": "Demo"}})

    assert places(resolution) == ["local Demo@example.org"]


def test_relay_recipients_are_checked_when_a_table_is_given():
    routing = make_routing(domains={"relay.example": replace(RELAY, recipients=("known",))})
    entries = {"known": {"yes": "", "full@relay.example": ""}}

    found = [
        places(resolve_with(routing, text, entries)[0])
        for text in ("yes@relay.example", "full@relay.example", "no@relay.example", "full@relay.example@relay.example")
    ]

    assert found == [
        ["smtp relay.example yes@relay.example"],
        ["smtp relay.example full@relay.example"],
        ["550 5.1.1"],
        ["550 5.1.1"],
    ]


def test_the_postmaster_of_a_relay_domain_needs_no_entry():
    routing = make_routing(domains={"relay.example": replace(RELAY, recipients=("known",))})

    resolution, _ = resolve_with(routing, "Postmaster@relay.example", {})

    assert places(resolution) == ["smtp relay.example Postmaster@relay.example"]


def test_a_destination_without_a_route_is_refused():
    resolution, _ = resolve_with(make_routing(routes=()), "x@far.example", {})

    assert places(resolution) == ["550 5.4.4"]


RULES = (
    RouteRule("*", "smtp"),
    RouteRule("*.example", "smarthost"),
    RouteRule(".dot.example", "smtp", relay="dot-relay.example:2525"),
    RouteRule("exact.dot.example", "smtp", relay="[192.0.2.7]"),
    RouteRule("exact.dot.example", "smtp", relay="never.example"),
    RouteRule("*.deep.dot.example", "program"),
    RouteRule("dot.example", "smtp", relay="self.example"),
    RouteRule("[192.0.2.8]", "smarthost"),
)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("elsewhere.test", "smtp elsewhere.test", id="the rule for the rest"),
        pytest.param("one.example", "smarthost [smart.example.net]", id="subdomain; the channel's relay"),
        pytest.param("two.one.example", "smarthost [smart.example.net]", id="subdomain of a subdomain"),
        pytest.param("example", "smtp example", id="*.domain is not the domain"),
        pytest.param("sub.dot.example", "smtp dot-relay.example:2525", id=".domain covers subdomains"),
        pytest.param("dot.example", "smtp [self.example]", id="exact before .domain"),
        pytest.param("EXACT.dot.example", "smtp [192.0.2.7]", id="among equals the first"),
        pytest.param("a.deep.dot.example", "program", id="longest suffix; no host on such a channel"),
        pytest.param("deep.dot.example", "smtp dot-relay.example:2525", id="not itself under its own *."),
        pytest.param("[192.0.2.8]", "smarthost [smart.example.net]", id="literal by name"),
        pytest.param("[192.0.2.9]", "smtp [192.0.2.9]", id="literal by the rest"),
    ],
)
def test_the_most_specific_route_wins(host, expected):
    resolution, _ = resolve_with(make_routing(routes=RULES), f"x@{host}", {})

    assert places(resolution) == [f"{expected} x@{host}"]


def test_a_domain_beyond_ascii_is_compared_by_its_a_labels():
    routing = make_routing(routes=(RouteRule("b\u00fccher.example", "program"),), domains={})

    found = [
        places(resolve_with(routing, f"x@{host}", {})[0])[0].split()[0]
        for host in ("B\u00fccher.example", "xn--bcher-kva.example", "bucher.example")
    ]

    assert found == ["program", "program", "550"]


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        pytest.param(3, ["smtp end.example x@end.example"], id="one below"),
        pytest.param(4, ["smtp end.example x@end.example"], id="at the bound"),
        pytest.param(5, ["554 5.4.6"], id="one above"),
    ],
)
def test_alias_depth_is_bounded(depth, expected):
    aliases = {f"a{n}": f"a{n + 1}" for n in range(depth - 1)} | {f"a{depth - 1}": "x@end.example"}
    routing = make_routing(limits=limits(alias_depth=4))

    resolution, _ = resolve_with(routing, "a0@example.org", {"aliases": aliases})

    assert places(resolution) == expected


@pytest.mark.parametrize(
    ("width", "expected"),
    [pytest.param(9, 9, id="one below"), pytest.param(10, 10, id="at"), pytest.param(11, 0, id="one above")],
)
def test_alias_width_is_bounded(width, expected):
    aliases = {"list": ",".join(f"x{n}@far.example" for n in range(width))}
    routing = make_routing(limits=limits(alias_width=10))

    resolution, _ = resolve_with(routing, "list@example.org", {"aliases": aliases})

    assert (len(resolution.recipients) if isinstance(resolution, Resolved) else 0) == expected
    assert expected or places(resolution) == ["550 5.2.4"]


def test_refusals_are_bland_and_reasons_are_rich():
    resolution, _ = resolve_with(make_routing(), "prog@example.org", ENTRIES)

    assert isinstance(resolution, Refused)
    assert "/bin/cat" not in resolution.reply.text
    assert "aliases:1" in resolution.reason


def test_the_steps_are_the_trace_and_name_the_line_that_decided():
    _, trace = resolve_with(make_routing(), "x@far.example", {})

    assert trace == [
        Decision("far.example is not one of our domains"),
        Decision("route * sends far.example to channel smtp, host far.example", Origin("site.toml", 20)),
    ]


def test_the_built_in_route_says_that_no_line_of_the_site_decided():
    _, trace = resolve_with(make_routing(routes=(RouteRule("*", "smtp"),)), "x@far.example", {})

    assert trace[-1].text == (
        "no [[route]] is for it: the built-in route * sends far.example to channel smtp, host far.example"
    )


def test_a_destination_is_what_we_are_for_the_domain():
    routing = make_routing()

    found = [
        resolve_with(routing, text, ENTRIES)[0].destination
        for text in ("away@example.org", "away", "x@relay.example", "x@far.example")
    ]

    assert found == [Destination.LOCAL, Destination.LOCAL, Destination.RELAY, Destination.EXTERNAL]


def test_a_wildcard_listener_answers_for_loopback():
    routing = make_routing(listeners=(Listener("0.0.0.0:25"), Listener("[::]:25")))

    assert routing.own_literals == {"[127.0.0.1]", "[ipv6:::1]"}


def test_local_channel_is_the_domains_choice():
    routing = make_routing(domains={"example.org": replace(LOCAL, channel="program")})

    assert places(resolve_with(routing, "ann@example.org", ENTRIES)[0]) == ["program ann@example.org"]


def test_relay_domain_may_name_its_channel():
    routing = make_routing(domains={"relay.example": replace(RELAY, channel="smarthost")}, routes=())

    assert places(resolve_with(routing, "a@relay.example", {})[0]) == ["smarthost [smart.example.net] a@relay.example"]
