"""Whatever aliases say of each other, expansion ends, is bounded, and sends to nobody twice."""

from hypothesis import given, settings
from hypothesis import strategies as st

from posthouse.rewriting.environment import Environment
from posthouse.routing.sendmail.expansion import Expansion
from support.sendmail_world import World, routing_from

NAMES = ["a", "b", "c", "ann", "bob", "x@far.example", r"\ann", "a+b", "|p", "/f", ":include:/l", "<", '"', "b,", "c;"]
LISTS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=5).map(", ".join)
ROUTING = routing_from()


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c", "ann", "bob", "a+b"]), LISTS), st.lists(LISTS, max_size=3))
def test_any_aliases_come_to_an_end(aliases, recipients):
    world = World(aliases)
    expansion = Expansion(ROUTING, Environment(ROUTING.configuration.program.macros), most_addresses=500)

    for text in recipients:
        world.drive(expansion.add(text))

    assert len(expansion.queue) <= 500 * max(len(recipients), 1)
    assert len(world.asked) <= 20_000
    places = [
        (one.mailer, one.host, one.user) for one in expansion.queue if one.state.is_sendable and not one.is_primary
    ]
    assert len(places) == len(set(places))


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_text_is_a_list_of_addresses_or_a_complaint(text):
    expansion = Expansion(ROUTING, Environment(ROUTING.configuration.program.macros), most_addresses=100)

    World().drive(expansion.add(text))

    assert all(200 <= one.reply.code < 600 for one in expansion.complaints)
