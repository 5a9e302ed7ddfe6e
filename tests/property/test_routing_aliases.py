"""Generated alias graphs against a slow, obvious model."""

from hypothesis import given, settings
from hypothesis import strategies as st

from posthouse.mail.lookup import Answer
from posthouse.routing.resolution import Deferred, Refused, Resolved
from support.routing_sites import limits, make_routing, places, resolve_with

NAMES = [f"n{number}" for number in range(8)]
OUTSIDE = [f"x{number}@far.example" for number in range(3)]
DEPTH, WIDTH = 5, 7

graphs = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES + OUTSIDE), min_size=1, max_size=5), max_size=8
)
users = st.sets(st.sampled_from(NAMES))


def reachable(graph, start):
    """Return every name that can be reached from start in one step or more, with its least distance."""
    distance, frontier, steps = {}, {start}, 0
    while frontier:
        steps += 1
        frontier = {target for name in frontier for target in graph.get(name, ())} - set(distance)
        distance.update(dict.fromkeys(frontier, steps))
    return distance


def model(graph, known, start):
    """Return the set of places, or None for a refusal."""
    distance = reachable(graph, start)
    distance[start] = 0
    if any(steps > DEPTH for steps in distance.values()) or len(distance) > WIDTH + 1:
        return None
    found = set()
    for name in distance:
        if "@" in name:
            found.add(f"smtp far.example {name}")
        elif name in known and (name not in graph or name in reachable(graph, name)):
            found.add(f"local {name}@example.org")
    return found or None


@settings(max_examples=300, deadline=None)
@given(graph=graphs, known=users)
def test_any_alias_graph_ends_bounded_without_duplicates_where_the_model_says(graph, known):
    """For any graph: the walk ends, asks about each name a bounded number of times, repeats no recipient, equals the model."""  # noqa: E501
    entries = {
        "aliases": {name: ", ".join(targets) for name, targets in graph.items()},
        "users": dict.fromkeys(known, ""),
    }
    routing = make_routing(limits=limits(alias_depth=DEPTH, alias_width=WIDTH))

    resolution, trace = resolve_with(routing, "n0@example.org", entries)

    assert len(trace) < 20 * (WIDTH + 2)
    if isinstance(resolution, Resolved):
        assert len(set(places(resolution))) == len(resolution.recipients)
        assert set(places(resolution)) == model(graph, known, "n0")
    else:
        assert isinstance(resolution, Refused)
        assert model(graph, known, "n0") is None


@settings(max_examples=100, deadline=None)
@given(graph=graphs, known=users, broken=st.sampled_from(NAMES))
def test_a_table_that_cannot_answer_never_makes_a_refusal_of_what_it_might_know(graph, known, broken):
    """If the walk asked a table that could not answer, the result is a deferral, whatever else was found."""
    aliases = {name: ", ".join(targets) for name, targets in graph.items()}
    entries = {"aliases": {**aliases, broken: Answer(unavailable="gone")}, "users": dict.fromkeys(known, "")}

    resolution, trace = resolve_with(make_routing(), "n0@example.org", entries)

    asked_in_vain = any(getattr(getattr(step, "answer", None), "unavailable", "") for step in trace)
    assert isinstance(resolution, Deferred) == asked_in_vain


@settings(max_examples=50, deadline=None)
@given(depth=st.integers(1, 40), width=st.integers(1, 40))
def test_deep_and_wide_graphs_end_at_the_bounds(depth, width):
    """A chain longer than alias_depth or a list wider than alias_width is refused, everything within is resolved."""
    chain = {f"c{n}": f"c{n + 1}" for n in range(depth)}
    chain[f"c{depth}"] = ", ".join(f"m{n}@far.example" for n in range(width))
    routing = make_routing(limits=limits(alias_depth=20, alias_width=60))

    resolution, _ = resolve_with(routing, "c0@example.org", {"aliases": chain})

    assert isinstance(resolution, Resolved) == (depth + 1 <= 20 and depth + width <= 60)
