"""The maps that rewriting answers itself."""

import pytest

from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.drive import drive
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.lookups import ask_map
from posthouse.rewriting.posix_patterns import BadPatternError, compile_posix
from posthouse.rewriting.quotes import dequote, strip_quotes
from support.rules import answers, program_of, result, run


def ask(kind: str, flags: str, right: str, text: str = "joe") -> str:
    """Return what a rule with a lookup makes of a text; "none" is the default."""
    program = program_of({"s": [f"$* => $: {right}"]}, maps={"m": (kind, flags)})
    return result(program, "s", text)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("+ $@ 2 $@ 3", "5"),
        ("- $@ 2 $@ 3", "-1"),
        ("* $@ 0x10 $@ 010", "128"),
        ("/ $@ -7 $@ 2", "-3"),
        ("% $@ -7 $@ 2", "-1"),
        ("/ $@ 1 $@ 0", "none"),
        ("l $@ 1 $@ 2", "TRUE"),
        ("= $@ 1 $@ 2", "FALSE"),
        ("& $@ 6 $@ 3", "2"),
        ("| $@ 6 $@ 3", "7"),
        ("r $@ 4 $@ 9", "4"),
        ("? $@ 1 $@ 2", "none"),
        ("+ $@ 1", "none"),
        ("+ $@ word $@ 3", "3"),
        ("+ $@ 9223372036854775807 $@ 1", "-92233720368547"),
    ],
)
def test_arith_counts_as_a_long_of_c_does(operation: str, expected: str) -> None:
    assert ask("arith", "", f"$(m {operation} $: none $)") == expected


def test_macro_defines_and_takes_away() -> None:
    program = program_of({"s": ["$+ => $: $(m {x} $@ $1 $) $1", "$+ => $: $1 $&{x}"]}, maps={"m": ("macro", "")})
    environment = Environment()

    assert result(program, "s", "joe", environment=environment) == "joe joe"
    assert environment.macros == {"x": "joe"}

    program = program_of({"s": ["$+ => $: $(m {x} $)"]}, maps={"m": ("macro", "")})
    run(program, "s", "joe", environment=environment)
    assert environment.macros == {}


@pytest.mark.parametrize(
    ("text", "space", "expected"),
    [
        ('"joe"', "", "joe"),
        ("joe", "", None),
        ('"joe user"', "", None),
        ('"joe user"', ".", "joe.user"),
        ('"<joe"', "", None),
        ('"<joe>"', "", "<joe>"),
        ('"(joe"', "", None),
        ('"joe\\', "", None),
        ('"a\\"b"', "", 'a\\"b'),
        ('joe"', "", None),
    ],
)
def test_dequote_leaves_what_would_be_no_address(text: str, space: str, expected: str | None) -> None:
    assert dequote(text, space) == expected


def test_quotes_are_stripped_with_their_backslashes() -> None:
    assert strip_quotes(r'"a b"@c\@d') == "a b@c@d"


@pytest.mark.parametrize(
    ("flags", "key", "expected"),
    [
        pytest.param("-a@MATCH ^j.e$", "joe", "@ MATCH", id="a match is its suffix"),
        pytest.param("^x", "joe", "none", id="no match"),
        pytest.param("-n -a.no ^x", "joe", ". no", id="-n turns it round"),
        pytest.param("-m ^j", "joe", "joe", id="-m answers the key"),
        pytest.param("JOE", "joe", "", id="case does not matter"),
        pytest.param("-f JOE", "joe", "none", id="unless -f says so"),
        pytest.param("-s1,2 -d- (j)o(e)", "joe", "j-e", id="groups are joined"),
        pytest.param("-s -d- (j)o", "joe", "jo-j", id="-s alone is the whole match and every group"),
        pytest.param("-s0 a|ab|abc", "abcd", "abc", id="the longest alternative"),
        pytest.param("-s1 ([[:alpha:]]+)[0-9]", "ab12", "ab", id="POSIX classes"),
        pytest.param(r"-b -s1 \(jo\)e", "joe", "jo", id="basic expressions"),
    ],
)
def test_regex(flags: str, key: str, expected: str) -> None:
    assert ask("regex", flags, "$(m $1 $: none $)", key) == expected


def test_the_groups_of_a_regex_are_joined_in_one_token_unless_an_operator_parts_them() -> None:
    assert len(ask("regex", "-s1,2 (j)o(e)", "$(m $1 $)")) == len("j|e")
    assert ask("regex", "-s1,2 -d@ (j)o(e)", "$(m $1 $)") == "j @ e"


def test_a_sequence_has_no_member_that_is_declared_after_it() -> None:
    maps = {"m": ("sequence", "two"), "two": ("hash", "/nowhere")}
    program = program_of({"s": ["$+ => $: $(m $1 $: none $)"]}, maps=maps)

    assert result(program, "s", "joe", answer=answers({"joe": "found"})) == "none"


def test_a_bad_expression_says_what_is_wrong() -> None:
    with pytest.raises(BadPatternError, match=r"Unmatched \["):
        compile_posix("[a", basic=False, ignore_case=True)


def test_a_sequence_asks_its_maps_in_order_until_one_answers() -> None:
    maps = {"one": ("null", ""), "two": ("hash", "/nowhere"), "m": ("sequence", "one two")}
    program = program_of({"s": ["$+ => $: $(m $1 $: none $)"]}, maps=maps)

    assert result(program, "s", "joe", answer=answers({"joe": "found"})) == "found"


def test_a_switch_asks_the_methods_of_its_service() -> None:
    maps = {"m": ("switch", "mail"), "m.files": ("hash", "/nowhere")}
    program = program_of({"s": ["$+ => $: $(m $1 $: none $)"]}, maps=maps)
    environment = Environment(switch={"mail": ("nis", "files")})

    assert result(program, "s", "joe", environment=environment, answer=answers({"joe": "found"})) == "found"


def test_a_sequence_of_itself_finds_nothing() -> None:
    assert ask("sequence", "m m", "$(m $1 $: none $)") == "none"


def test_a_map_that_cannot_be_opened_is_told_of_once_in_a_session() -> None:
    missing = MapAnswer(
        MapStatus.TEMPORARY, notice='hash map "m": missing map file /none.db: No such file or directory'
    )
    told: list[str] = []
    environment = Environment(listener=lambda event: told.append(str(event)) if isinstance(event, Complaint) else None)
    program = program_of({}, maps={"m": ("hash", "/none")})

    for _ in range(2):
        assert drive(ask_map(program, environment, "m", "key"), lambda _: missing) == missing

    assert told == [missing.notice]
