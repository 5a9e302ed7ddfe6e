"""Where the keys of a TOML document stand."""

import random
import tomllib
from contextlib import suppress

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


KEYS = ("a", "b-1", "c.d", "", " ", "é", '"', "\\", "'", "[x]", "#", "=")
SCALARS = ('"]"', "'#'", '"""\n[a]\n"""', "'''\n'''''", "1", "1.5e3", "true", "2026-01-01 10:00:00", '"\\""', "''")
SPACE = ("", " ", "\n", " # [x] = 1\n")


def written_key(key):
    if key and key.isascii() and key.replace("-", "").isalnum():
        return key
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def some_keys(chance):
    return chance.sample(KEYS, chance.randint(0, 3))


def written_value(chance, depth):
    """Return a value in one of the ways that TOML has."""
    form = chance.choice(("scalar", "array", "table")) if depth else "scalar"
    if form == "scalar":
        return chance.choice(SCALARS)
    if form == "table":
        return "{" + ", ".join(written_pair(chance, key, depth) for key in some_keys(chance)) + "}"
    elements = (
        chance.choice(SPACE) + written_value(chance, depth - 1) + chance.choice(SPACE)
        for _ in range(chance.randint(0, 3))
    )
    return "[" + ",".join(elements) + "]"


def written_pair(chance, key, depth):
    return f"{written_key(key)} = {written_value(chance, depth - 1)}"


def document(chance):
    """Return a document of tables and arrays of tables, some of them below others."""
    lines = []
    for name in some_keys(chance):
        times = chance.choice((0, 1, 2))
        for _ in range(times or 1):
            header = f" {written_key(name)}" + (f" . {written_key('x y')}" if times == 1 else "")
            lines.append((f"[[{header}]]" if times else f"[{header}]") + chance.choice(("", " # end")))
            lines += [chance.choice(("", "  ")) + written_pair(chance, key, 3) for key in some_keys(chance)]
    return "\n".join(lines)


def paths(value, above=()):
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield (*above, key), below
        yield from paths(below, (*above, key))


@given(st.integers(0, 2**32))
def test_each_key_s_position_is_that_of_its_text(seed):
    """Every path of a generated document has a place, and a key's place is where its own text begins."""
    text = document(random.Random(seed))
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
    """Any text, TOML or not, is scanned to its end, or refused as the parser would refuse it."""
    with suppress(tomllib.TOMLDecodeError):
        Positions(text)
