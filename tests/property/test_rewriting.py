"""Rewriting meets anything: every text gives tokens or a complaint, every rule set an end, every matcher one answer."""

from collections.abc import Callable, Iterator

from hypothesis import example, given, settings
from hypothesis import strategies as st

from posthouse.mail.lookup import MapAnswer, MapQuestion, MapStatus
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.drive import drive
from posthouse.rewriting.engine import CONFIGURATION_ERROR, DATA_ERROR, OK, TEMPORARY_FAILURE, Rewritten, rewrite
from posthouse.rewriting.environment import Environment, Event
from posthouse.rewriting.patterns import END, Pattern, elements_of
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.scanning import BUFFER, LONGEST_TOKEN, MOST_TOKENS, scan_slowly
from posthouse.rewriting.tokens import Syntax, Table
from support.rules import left, program_of, run, symbols

SYNTAX = Syntax(".:%@!^/[]+")
OCTETS = st.text(st.characters(max_codepoint=0xFF), max_size=300)
ADDRESSES = st.text(st.sampled_from('ab@.<>()",:;!\\% \t[]'), max_size=40)

WORDS = ("a", "b", "a.b", "x y", "b@a")
CLASSES = {"w": frozenset(WORDS), "p": frozenset(("a", "a.b", "b@a", "a.b.x", ".")), "e": frozenset[str]()}
JOINED_BY_DOTS = Syntax(".:%@!^/[]+", ".")
MACROS = {"m": "a.b", "n": ""}
ELEMENTS = (
    "$*",
    "$+",
    "$-",
    "$@",
    "$=w",
    "$~w",
    "$=p",
    "$~p",
    "$=e",
    "$~e",
    "$&m",
    "$&n",
    "a",
    "b",
    "@",
    ".",
    "<",
    ">",
)
TOKENS = ("a", "b", "x", "y", "@", ".", "<", ">", '"q"')


@given(text=st.one_of(OCTETS, ADDRESSES), table=st.sampled_from(Table), delimiter=st.sampled_from(["", ",", " ", "\t"]))
@example(text="a" * LONGEST_TOKEN, table=Table.EXTERNAL, delimiter="")
@example(text="a" * (LONGEST_TOKEN + 1), table=Table.EXTERNAL, delimiter="")
@example(text="." * (MOST_TOKENS + 1), table=Table.EXTERNAL, delimiter="")
def test_any_octets_give_bounded_tokens_and_the_quick_scan_gives_the_same_as_the_slow_one(
    text: str, table: Table, delimiter: str
) -> None:
    for lenient in (False, True):
        quick = SYNTAX.scan(text, table, delimiter, lenient=lenient)
        slow = scan_slowly(SYNTAX, text, table, delimiter, lenient=lenient)

        assert (quick.tokens, quick.complaints) == (slow.tokens, slow.complaints)
        assert lenient or all(complaint.text for complaint in quick.complaints)
        tokens = quick.tokens or ()
        assert len(tokens) <= MOST_TOKENS
        assert all(0 < len(token) <= LONGEST_TOKEN and END not in token for token in tokens)
        assert sum(map(len, tokens)) <= BUFFER


@given(ADDRESSES)
def test_what_was_joined_is_cut_into_the_same_tokens_again(text: str) -> None:
    tokens = SYNTAX.scan(text).tokens
    if tokens is None or any(token.endswith("\\") for token in tokens):
        return
    again = SYNTAX.scan(SYNTAX.join(tokens))

    assert again.tokens == tokens
    assert again.complaints == ()


def obvious_matches(
    pattern: tuple[str, ...], tokens: tuple[str, ...], syntax: Syntax
) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Return every match in sendmail's order: for each wildcard the shorter sequence first."""
    if not pattern:
        if not tokens:
            yield ()
        return
    first, rest = pattern[0], pattern[1:]
    if first == "$@":
        yield from obvious_matches(rest, tokens, syntax)
    elif first.startswith("$&"):
        taken = length_of_macro(MACROS[first[2:]], tokens)
        if taken is not None:
            yield from obvious_matches(rest, tokens[taken:], syntax)
    elif first.startswith("$"):
        for length in lengths(first, tokens, syntax):
            for further in obvious_matches(rest, tokens[length:], syntax):
                yield (tokens[:length], *further)
    elif tokens and tokens[0].lower() == first.lower():
        yield from obvious_matches(rest, tokens[1:], syntax)


def length_of_macro(value: str, tokens: tuple[str, ...]) -> int | None:
    """Return how many tokens make up the value; None when they do not, or when there are none at all."""
    taken = next((length for length in range(len(tokens) + 1) if "".join(tokens[:length]) == value), None)
    return taken if tokens else None


def lengths(wildcard: str, tokens: tuple[str, ...], syntax: Syntax) -> list[int]:
    """Return how many tokens a wildcard may take here."""
    if wildcard in ("$*", "$+"):
        return list(range(0 if wildcard == "$*" else 1, len(tokens) + 1))
    if not tokens:
        return []
    if wildcard == "$-":
        return [1]
    words = CLASSES[wildcard[2:]]
    if wildcard.startswith("$~"):
        return [] if tokens[0].lower() in words else [1]
    return [length for length in range(1, len(tokens) + 1) if syntax.join(tokens[:length]).lower() in words]


@settings(max_examples=400)
@given(
    pattern=st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=7),
    tokens=st.lists(st.sampled_from(TOKENS), max_size=9).map(tuple),
    syntax=st.sampled_from((SYNTAX, JOINED_BY_DOTS)),
)
def test_the_compiled_matcher_agrees_with_an_obvious_one(
    pattern: list[str], tokens: tuple[str, ...], syntax: Syntax
) -> None:
    scanned = syntax.scan(left(" ".join(pattern)), Table.VERBATIM, lenient=True).tokens
    assert scanned is not None
    compiled = Pattern(elements_of(scanned, CLASSES), syntax)
    workspace = "".join(token + END for token in tokens)

    spans = compiled.match(workspace.lower(), MACROS.get)

    found = next(obvious_matches(tuple(pattern), tokens, syntax), None)
    assert (spans is None) == (found is None)
    if compiled.quick is not None:
        quick = compiled.quick(workspace.lower())
        assert (quick.regs[1:] if quick else None) == spans
    if spans is not None:
        assert tuple(tuple(workspace[start:end].split(END)[:-1]) for start, end in spans) == found
        assert all(needle in workspace.lower() for needle in compiled.needles)


RIGHT = ("$:", "$@", "$1", "$2", "$3", "a", "@", ".", "$>one", "$>two", "$>none", "$#", "$&m", "$(", "$)", "$[", "$]")
RULE = st.builds(
    lambda one, other: f"{' '.join(one)} => {' '.join(other)}",
    st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=4),
    st.lists(st.sampled_from((*RIGHT, "map", "arith", "dequote")), min_size=1, max_size=6),
)


@settings(max_examples=150, deadline=None)
@given(
    one=st.lists(RULE, min_size=1, max_size=4),
    two=st.lists(RULE, min_size=1, max_size=3),
    tokens=st.lists(st.sampled_from(TOKENS), max_size=6),
)
@example(one=["$* => $1 a $2", "$* => $>one $1"], two=["$* => $@ $1"], tokens=["a"])
@example(one=["$* => $>one $>one $1"], two=["$* => $@ $1"], tokens=["a"])
def test_any_rule_set_comes_to_an_end_with_a_defined_status(one: list[str], two: list[str], tokens: list[str]) -> None:
    program = program_of(
        {"one": one, "two": two},
        classes={name: set(words) for name, words in CLASSES.items()},
        macros=MACROS,
        maps={"arith": ("arith", ""), "dequote": ("dequote", ""), "map": ("hash", "/nowhere")},
    )

    done = run(program, "one", " ".join(tokens))

    assert done.status in (OK, DATA_ERROR, TEMPORARY_FAILURE, CONFIGURATION_ERROR)
    assert len(done.tokens) <= MOST_TOKENS


@given(ADDRESSES)
def test_stripped_text_has_no_quotes_that_were_not_escaped(text: str) -> None:
    stripped = strip_quotes(text)

    assert len(stripped) <= len(text)
    assert '"' not in stripped or "\\" in text


PLANNED = (
    *RIGHT,
    "$1 @ $2",
    "$( map $1 $: $2 $)",
    "$( map $1 . $2 $@ $1 $: $1 none $)",
    "$( later $1 $)",
    "$[ $1 $: no $2 $]",
    "$>two $1",
    "$>two $( map $1 $: $2 $)",
    "$>one $2 $1",
    "$0",
    "$&c",
)
PLANNED_RULE = st.builds(
    lambda one, then, other: f"{' '.join(one)} => {then} {' '.join(other)}",
    st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=4),
    st.sampled_from(("", "$:", "$@")),
    st.lists(st.sampled_from(PLANNED), min_size=1, max_size=4),
)
ANSWERS = {"a": "b", "b": "x.y <(c)> z", "a.b": "", "x": '"a b"', "@": "a(", "y": "B@c"}


@settings(max_examples=400, deadline=None)
@given(
    one=st.lists(PLANNED_RULE, min_size=1, max_size=4),
    two=st.lists(PLANNED_RULE, min_size=1, max_size=3),
    tokens=st.lists(st.sampled_from((*TOKENS, "A", "$(", "$:", "$>")), max_size=6),
)
@example(one=["$* => $( map $1"], two=["a => b"], tokens=["a"])
@example(one=["$* => $[ $1 $) $: x"], two=["a => b"], tokens=["a"])
@example(one=["$* => $@ x $>two $1"], two=["$* => $@ $( later $1 $)"], tokens=["a"])
@example(one=["$+ => $1 $1"], two=["a => b"], tokens=["a"] * 6)
def test_rules_give_the_same_whether_somebody_listens_or_not(one: list[str], two: list[str], tokens: list[str]) -> None:
    """What is done at once must be what is done step by step."""
    program = program_of(
        {"one": one, "two": two},
        classes={name: set(words) for name, words in CLASSES.items()},
        macros={**MACROS, "c": symbols("$>")},
        maps={"map": ("hash", "/nowhere"), "later": ("hash", "-T<later> /nowhere")},
    )
    heard, unheard = (work(program, tuple(map(symbols, tokens)), listener) for listener in (lambda _: None, None))

    assert heard == unheard


def work(
    program: CompiledProgram, tokens: tuple[str, ...], listener: Callable[[Event], None] | None
) -> tuple[Rewritten, list[MapQuestion]]:
    """Return what rule set one makes of the tokens, and what it asks on the way."""
    asked: list[MapQuestion] = []

    def answer(question: MapQuestion) -> MapAnswer:
        asked.append(question)
        if question.map == "later":
            return MapAnswer(MapStatus.TEMPORARY, None if "b" in question.key else question.key + "<later>")
        value = ANSWERS.get(question.key)
        return MapAnswer(MapStatus.NOT_FOUND) if value is None else MapAnswer(MapStatus.FOUND, value)

    number = program.number_of("one")
    assert number is not None
    environment = Environment(program.program.macros, listener=listener)
    return drive(rewrite(program, environment, number, tokens), answer), asked
