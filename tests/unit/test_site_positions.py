"""Where the keys of a TOML document stand."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.site.toml.positions import Positions

DOCUMENT = '''\
top = 1
[a]
b.c = 2 # [no]
"d.e" = """
[not.a.table]
x = 1 """""
'f' = \'\'\'
g = 1\'\'\'
[[ list ]]
h = [1, 2.5, [ "x,]", # ]
  '}' ],
  1979-05-27 07:32:00, {i = 1, j.k = "}"}]
[[list]]
h = []
  [list.sub]
  l = { }
[a."m\\u00e4"]
n = {o = [{p = 1}]}
'''


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(("top",), (1, 1), id="first key"),
        pytest.param(("a",), (2, 2), id="table"),
        pytest.param(("a", "b", "c"), (3, 3), id="dotted key"),
        pytest.param(("a", "d.e"), (4, 1), id="quoted key before a multi-line text"),
        pytest.param(("a", "f"), (7, 1), id="after a text that ends in five quotes"),
        pytest.param(("list",), (9, 4), id="array of tables"),
        pytest.param(("list", 0), (9, 4), id="its first element"),
        pytest.param(("list", 0, "h", 1), (10, 9), id="element of an array"),
        pytest.param(("list", 0, "h", 2, 1), (11, 3), id="array in an array, over lines, with a comment"),
        pytest.param(("list", 0, "h", 3), (12, 3), id="a date with a blank in it"),
        pytest.param(("list", 0, "h", 4, "j", "k"), (12, 34), id="inline table in an array"),
        pytest.param(("list", 1, "h"), (14, 1), id="second element"),
        pytest.param(("list", 1, "sub", "l"), (16, 3), id="table below the last element"),
        pytest.param(("a", "mä"), (17, 4), id="escape in a key"),
        pytest.param(("a", "mä", "n", "o", 0, "p"), (18, 12), id="deep"),
        pytest.param(("a", "nothing"), (2, 2), id="what is not there: where it should be"),
        pytest.param(("nothing",), (0, 0), id="the document"),
    ],
)
def test_positions(path, expected):
    assert Positions(DOCUMENT).find(path) == expected


KEYS = st.text("ab1-. \"'#=[]\\é", max_size=4)
SCALARS = st.sampled_from(
    ['"]"', "'#'", '"""\n[a]\n"""', "'''\n'''''", "1", "1.5e3", "true", "2026-01-01 10:00:00", '"\\""']
)
SPACE = st.sampled_from(["", " ", "\n", " # [x] = 1\n"])


def written_key(key):
    if key and key.isascii() and key.replace("-", "").isalnum():
        return key
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def values(draw, depth=1):
    """Return a value as it is written, in one of the ways that TOML has."""
    form = draw(st.sampled_from(["scalar", "array", "table"] if depth else ["scalar"]))
    if form == "scalar":
        return draw(SCALARS)
    if form == "table":
        pairs = draw(st.dictionaries(KEYS, values(depth=depth - 1), max_size=3))
        return "{" + ", ".join(f"{written_key(key)} = {value}" for key, value in pairs.items()) + "}"
    elements = draw(st.lists(st.tuples(SPACE, values(depth=depth - 1), SPACE), max_size=3))
    return "[" + ",".join(before + value + after for before, value, after in elements) + "]"


@st.composite
def documents(draw):
    """Return a document of tables and arrays of tables."""
    lines = []
    for name, bodies in draw(
        st.dictionaries(KEYS, st.lists(st.dictionaries(KEYS, values(), max_size=3)), max_size=3)
    ).items():
        form = "[[{}]]" if len(bodies) > 1 else "[{}]"
        for body in bodies:
            lines.append(form.format(f" {written_key(name)}") + draw(st.sampled_from(["", " # end"])))
            lines += [f"{draw(st.sampled_from(['', '  ']))}{written_key(k)} = {v}" for k, v in body.items()]
    return "\n".join(lines)


def paths(value, above=()):
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield (*above, key), below
        yield from paths(below, (*above, key))


@given(documents())
def test_each_key_s_position_is_that_of_its_text(text):
    """Every path of a generated document has a place, and a key's place is where its own text begins."""
    positions = Positions(text)
    lines = text.split("\n")

    expected = dict(paths(tomllib.loads(text)))

    assert set(positions) == set(expected)
    for path in expected:
        line, column = positions.find(path)
        here = lines[line - 1][column - 1 :]
        if isinstance(path[-1], str):
            assert here.startswith(written_key(path[-1]))


@given(st.text(alphabet="[]{}=.,\"'#\\\n ab1"))
def test_no_text_stops_the_scanner(text):
    """Any text, TOML or not, is scanned to its end without an exception."""
    Positions(text)
