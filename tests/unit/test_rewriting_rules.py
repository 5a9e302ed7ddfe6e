"""Rules at work: matching, substitution, maps, calls, and everything that ends them."""

import pytest

from posthouse.mail.lookup import MapAnswer, MapQuestion, MapStatus
from posthouse.rewriting.engine import (
    CONFIGURATION_ERROR,
    DATA_ERROR,
    MOST_CALLS,
    MOST_ROUNDS,
    OK,
    TEMPORARY_FAILURE,
)
from posthouse.rewriting.environment import Environment, Event, RuleApplied, RuleSetEntered, RuleSetLeft
from support.rules import answers, program_of, result, run


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        pytest.param("$* @ $* => $: $1 | $2", "a@b@c", "a | b @ c", id="the leftmost, shortest match is taken"),
        pytest.param("$+ @ $+ => $: $2", "@b@c", "c", id="$+ takes one token at least"),
        pytest.param("$- => $: one", "a.b", "a . b", id="$- takes exactly one"),
        pytest.param("$@ => $: empty", "", "empty", id="$@ matches when nothing is there"),
        pytest.param("JOE => $: found", "joe", "found", id="letters compare without case"),
        pytest.param("$* < $=w > $* => $: in $2", "x<a.b.c>", "in a . b . c", id="a class word of five tokens"),
        pytest.param("$* $=w => $: $1 | $2", "x.a.b.c", "x . | a . b . c", id="the wildcard before a class grows"),
        pytest.param("$~w => $: out", "a", "out", id="$~ matches a token that is not in the class"),
        pytest.param("$~w => $: out", "b", "b", id="$~ fails on a word of the class"),
        pytest.param("$&m $* => $: rest $1", "a.b.c", "rest . c", id="$&m takes the tokens of its value"),
        pytest.param("$&u $+ => $: all $1", "a", "all a", id="an undefined macro takes nothing"),
        pytest.param("$+ => $: $1 @ $&m", "x", "x @ a . b", id="a macro on the right side is cut into tokens"),
        pytest.param('"joe" => $: bare', "joe", "joe", id="quotes are part of a literal"),
    ],
)
def test_one_rule(rule: str, text: str, expected: str) -> None:
    program = program_of({"s": [rule]}, classes={"w": {"a.b.c", "b"}}, macros={"m": "a.b"})

    assert result(program, "s", text) == expected


def test_a_rule_is_applied_again_until_it_fails() -> None:
    assert result(program_of({"s": ["$* . $* => $1 / $2"]}), "s", "a.b.c") == "a / b / c"


def test_a_leading_dollar_colon_goes_on_and_a_leading_dollar_at_returns() -> None:
    program = program_of({"s": ["$* a $* => $: $1 b $2", "$* b $* => $@ $1 c $2", "$* => never"]})

    assert result(program, "s", "x a a") == "x c a"


def test_a_resolved_address_is_not_touched_again() -> None:
    program = program_of({"s": ["$* => $# local $: $1", "$* => never"]})

    assert run(program, "s", "joe").tokens[1:] == ("local", "\ue008", "joe")


def test_calls_are_made_from_right_to_left_each_with_all_that_follows() -> None:
    seen: list[Event] = []
    program = program_of({"s": ["$+ => $@ x $>one y $>two $1"], "one": ["$* => $@ < $1 >"], "two": ["$* => $@ [ $1 ]"]})

    assert result(program, "s", "joe", environment=Environment(listener=seen.append)) == "x < y [ joe ] >"
    calls = [event.name for event in seen if isinstance(event, RuleSetEntered)]
    assert calls == ["s", "two", "one"]


def test_a_call_of_an_empty_rule_set_is_left_out() -> None:
    assert result(program_of({"s": ["$+ => $@ $>none $1"], "none": []}), "s", "joe") == "joe"


def test_an_unknown_rule_set_is_a_configuration_error() -> None:
    done = run(program_of({"s": ["$+ => $@ $>nowhere $1"]}), "s", "joe")

    assert done.status == CONFIGURATION_ERROR
    assert [complaint.text for complaint in done.complaints] == ["Unknown ruleset nowhere"]


def test_fifteen_calls_in_a_rule_are_made_and_a_sixteenth_is_refused() -> None:
    one = ["$* => $@ $1"]

    assert run(program_of({"s": ["$+ => $@ " + "$>one " * MOST_CALLS + "$1"], "one": one}), "s", "a").status == OK
    done = run(program_of({"s": ["$+ => $@ " + "$>one " * (MOST_CALLS + 1) + "$1"], "one": one}), "s", "a")
    assert done.complaints[0].text == "Too many subroutine calls (16 max)"


def test_a_rule_that_never_fails_is_stopped_after_a_hundred_rounds() -> None:
    done = run(program_of({"s": ["$* => $1 x"]}), "s", "a")

    assert len(done.tokens) == 1 + MOST_ROUNDS
    assert done.complaints[0].text == "Infinite loop in ruleset s, rule 1"
    assert done.complaints[0].status == "5.3.5"


def test_recursion_ends_after_fifty_calls() -> None:
    seen: list[Event] = []
    done = run(program_of({"s": ["$* => $@ $>s $1"]}), "s", "joe", environment=Environment(listener=seen.append))

    assert done.status == CONFIGURATION_ERROR
    assert done.complaints[0].text == "rewrite: excessive recursion (max 50), ruleset s"
    assert sum(isinstance(event, RuleSetEntered) for event in seen) == 52
    assert sum(isinstance(event, RuleSetLeft) for event in seen) == 51


def test_rules_that_call_one_another_for_ever_are_stopped() -> None:
    done = run(program_of({"s": ["$* => $>t $1"], "t": ["$* => $>s $1"]}), "s", "joe")

    assert done.status == CONFIGURATION_ERROR
    assert "too many rules applied" in done.complaints[-1].text


def test_an_expansion_beyond_a_thousand_tokens_is_a_data_error() -> None:
    done = run(program_of({"s": ["$+ => $1 $1"]}), "s", "a")

    assert done.status == DATA_ERROR
    assert len(done.tokens) == 512
    assert done.complaints[0].text == "rewrite: expansion too long"


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        pytest.param("$: < $( m $1 $) >", "< found . it >", id="an answer is cut into tokens"),
        pytest.param("$: $( m none $: <default> $)", "< default >", id="a default"),
        pytest.param("$: $( m none $)", "none", id="the key stays"),
        pytest.param("$: x $( m empty $) y", "x y", id="an empty answer is nothing"),
        pytest.param('$: $( m "joe" $)', "found . it", id="quotes are taken off the key"),
        pytest.param("$: $[ joe $: other $]", "found . it", id="brackets ask the map host"),
        pytest.param("$: $( nomap joe $: other $)", "other", id="an unknown map finds nothing"),
    ],
)
def test_one_lookup(right: str, expected: str) -> None:
    program = program_of({"s": [f"$+ => {right}"]}, maps={"m": ("hash", "/nowhere")})

    assert result(program, "s", "joe", answer=answers({"joe": "found.it (comment)", "empty": ""})) == expected


def test_a_nested_lookup_ends_at_the_first_closing_token() -> None:
    asked: list[MapQuestion] = []
    program = program_of({"s": ["$+ => $: $( m $( m $1 $) $: NONE $)"]}, maps={"m": ("hash", "/nowhere")})

    def answer(question: MapQuestion) -> MapAnswer:
        asked.append(question)
        return MapAnswer(MapStatus.NOT_FOUND)

    done = run(program, "s", "joe", answer=answer)

    assert len(asked) == 1
    assert done.tokens[-3:] == ("\ue008", "NONE", "\ue00d")


def test_the_arguments_of_a_lookup_reach_the_map() -> None:
    asked: list[MapQuestion] = []
    program = program_of({"s": ["$+ => $: $( m $1 $@ a.b $@ c d $: none $)"]}, maps={"m": ("hash", "/nowhere")})

    def answer(question: MapQuestion) -> MapAnswer:
        asked.append(question)
        return MapAnswer(MapStatus.NOT_FOUND)

    run(program, "s", "joe", answer=answer)

    assert asked == [MapQuestion("m", "joe", ("a.b", "c d"))]


def test_a_map_that_cannot_answer_defers_the_address() -> None:
    program = program_of({"s": ["$+ => $: $( m $1 $: default $)"]}, maps={"m": ("hash", "/nowhere")})

    done = run(program, "s", "joe", answer=lambda _: MapAnswer(MapStatus.TEMPORARY, reason="no server"))

    assert done.status == TEMPORARY_FAILURE
    assert done.tokens == ("default",)


def test_a_deferring_session_does_not_ask_maps_that_say_so() -> None:
    program = program_of({"s": ["$+ => $: $( m $1 $)"]}, maps={"m": ("hash", "-D /nowhere")})

    done = run(program, "s", "joe", environment=Environment(is_deferring=True))

    assert done.status == TEMPORARY_FAILURE


def test_every_applied_rule_is_told_with_its_file_and_line() -> None:
    seen: list[Event] = []
    program = program_of({"s": ["x => y", "$* => $@ < $1 >"]})

    run(program, "s", "joe", environment=Environment(listener=seen.append))

    applied = [event for event in seen if isinstance(event, RuleApplied)]
    assert [(event.rule_set, event.number, str(event.origin)) for event in applied] == [("s", 2, "test.cf:2")]
