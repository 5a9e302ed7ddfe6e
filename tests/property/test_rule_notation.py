"""Any rule and any template survive being written in the notation of site.toml and read back; no text is a crash."""

from hypothesis import given
from hypothesis import strategies as st

from posthouse.rewriting import symbols
from posthouse.rewriting.tokens import Syntax, Table
from posthouse.site.problems import SiteError
from posthouse.site.rules.notation import NotationError, read_rule, read_template
from posthouse.site.rules.wildcards import wildcard_names
from posthouse.site.rules.writing import write_left, write_right, write_template
from posthouse.site.toml import read_site

SYNTAX = Syntax(".:%@!^/[]+")
LITERALS = st.text(st.sampled_from("ab.@<>-#{}\"\\ \t'%$|é\xff"), max_size=6)
MACRO_NAMES = st.sampled_from(["w", "_", "{VirtHost}", "{x_1}"])  # $. and its like are no macros
NAMES = st.sampled_from(["w", "{VirtHost}", "{x_1}", "."])
WILDCARDS = st.sampled_from([symbols.ZERO_OR_MORE, symbols.ONE_OR_MORE, symbols.EXACTLY_ONE, symbols.HOST])
CLASSES = st.builds("{}{}".format, st.sampled_from([symbols.IN_CLASS, symbols.NOT_IN_CLASS]), NAMES)
MACROS = st.builds("{}{}".format, st.sampled_from([symbols.MACRO_NOW, symbols.MACRO]), MACRO_NAMES)
LEFT = st.lists(st.one_of(LITERALS, WILDCARDS, CLASSES, MACROS), max_size=8).map("".join)
LOOKUPS = st.builds(
    "{}access {}{}{}{}".format,
    st.just(symbols.MAP_BEGIN),
    st.text("ab.@", max_size=3),
    st.sampled_from([symbols.USER, symbols.HOST]),
    st.text("ab.@", max_size=3),
    st.just(symbols.MAP_END),
)
SIGNS = st.sampled_from([symbols.MAILER, symbols.HOST, symbols.USER, symbols.CALL, symbols.ELSE, "\ue021", "\ue022"])
RIGHT = st.lists(st.one_of(LITERALS, SIGNS, MACROS, LOOKUPS), max_size=8).map("".join)
CONDITIONS = st.sampled_from([f"{symbols.IF}x", f"{symbols.IF}{{y1}}", symbols.ELSE, symbols.END_IF])
TEMPLATES = st.lists(st.one_of(LITERALS, MACROS, CONDITIONS, SIGNS), max_size=10).map("".join)


def tokens(side: str) -> tuple[str, ...] | None:
    return SYNTAX.scan(side, Table.VERBATIM, "\t", lenient=True).tokens


@given(LEFT, RIGHT)
def test_a_rule_that_is_written_is_read_as_the_same_tokens(left, right):
    left, right = (side.replace("\t", " ").strip() for side in (left, right))
    names = wildcard_names(tokens(left) or ())
    wildcards = sum(left.count(symbol) for symbol in "\ue000\ue001\ue002\ue004\ue005")
    if not tokens(left) or not tokens(right) or wildcards != len(names) or len(names) < 2 or len(names) > 9:
        return  # no rule; or wildcards within quotes, which are none

    line = f"{write_left(left, names)} -> {write_right(right, names)}"
    rule = read_rule(line)

    assert (tokens(rule.left), tokens(rule.right)) == (tokens(left), tokens(right)), line


@given(TEMPLATES)
def test_a_template_that_is_written_is_read_as_the_same(text):
    assert read_template(write_template(text)) == text


@given(st.text(max_size=200))
def test_any_line_is_a_rule_or_says_what_is_wrong(text):
    try:
        said = [str(read_rule(text))]
    except NotationError as error:
        said = [error.wrong, error.right]

    assert all(said)


TOML_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 5), st.text("a{}$->*# ", max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("aw-").map(str), inner, max_size=3)
    ),
    max_leaves=8,
)


def written(value: object) -> str:
    """Write a value in TOML."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{name} = {written(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case str():
            return f"'{value}'"
    return str(value)


KEYS = ["level", "macros", "classes", "maps", "options", "precedence", "environment", "header", "ruleset", "mailer"]


@given(st.dictionaries(st.sampled_from([*KEYS, "milter", "queue-group", "examples"]), TOML_VALUES, max_size=5))
def test_whatever_stands_in_the_part_is_a_site_or_a_list_of_mistakes(tmp_path_factory, part):
    file = tmp_path_factory.getbasetemp() / "generated.toml"
    lines = [f"{name} = {written(value)}" for name, value in part.items()]
    file.write_text("\n".join(['[site]\nname = "a.example"', "[rewriting]", *lines, ""]))

    try:
        found: tuple[object, ...] = (read_site(file),)
    except SiteError as error:
        found = error.problems

    assert found
