"""Macro expansion: values, their values, conditionals, and the limits of both."""

import pytest

from posthouse.rewriting.macros import DEEPEST_EXPANSION, LONGEST_EXPANSION, expand
from posthouse.rewriting.symbols import ELSE, END_IF, IF, MACRO, MACRO_NOW

A, B, LONG = f"{MACRO}a", f"{MACRO}b", f"{MACRO}{{Long}}"


@pytest.mark.parametrize(
    ("text", "macros", "expected"),
    [
        pytest.param(f"x{A}y", {"a": "1"}, "x1y", id="a macro is its value"),
        pytest.param(f"x{A}y", {}, "xy", id="an undefined macro is nothing"),
        pytest.param(LONG, {"Long": "v"}, "v", id="a long name stands in braces"),
        pytest.param(f"{MACRO}{{a}}", {"a": "v"}, "v", id="one character in braces is the same name"),
        pytest.param(A, {"a": B, "b": "deep"}, "deep", id="a value's macros are expanded too"),
        pytest.param(f"{IF}aA{ELSE}B{END_IF}", {"a": "x"}, "A", id="defined"),
        pytest.param(f"{IF}aA{ELSE}B{END_IF}", {"a": ""}, "B", id="empty counts as undefined"),
        pytest.param(f"{IF}aA{END_IF}.", {}, ".", id="no other part"),
        pytest.param(
            f"{IF}a1{IF}b2{ELSE}3{END_IF}4{ELSE}5{IF}b6{END_IF}{END_IF}7", {"b": "x"}, "567", id="skipped parts nest"
        ),
        pytest.param(f"{IF}a1{IF}b2{ELSE}3{END_IF}4{ELSE}5{END_IF}", {"a": "x"}, "134", id="taken parts nest"),
        pytest.param(f"a {ELSE} b", {}, f"a {ELSE} b", id="$| outside a conditional is a token"),
        pytest.param(f"{MACRO_NOW}a", {"a": "1"}, f"{MACRO_NOW}a", id="$&x waits for the rule to fire"),
    ],
)
def test_expansion(text: str, macros: dict[str, str], expected: str) -> None:
    assert expand(text, macros) == expected


def test_a_function_may_answer_for_the_macros() -> None:
    assert expand(f"{A}{B}", lambda name: name.upper() if name == "a" else None) == "A"


def test_ten_rounds_are_expanded_and_the_eleventh_is_a_complaint() -> None:
    chain = {chr(ord("a") + n): f"{MACRO}{chr(ord('a') + n + 1)}" for n in range(DEEPEST_EXPANSION)}
    chain[chr(ord("a") + DEEPEST_EXPANSION)] = "end"
    complaints: list[str] = []

    assert expand(A, chain, complaints.append) == "end"
    assert complaints == []

    assert expand(A, {"a": f"{A}x"}, complaints.append).endswith("x")
    assert complaints == ["expand: recursion too deep (10 max)"]


def test_a_definition_that_doubles_itself_stays_bounded() -> None:
    assert len(expand(A, {"a": f"{A}{A}" * 100})) <= LONGEST_EXPANSION
