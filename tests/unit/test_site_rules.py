"""The notation of rules in a site.toml, and what a part [rewriting] is read as."""

from pathlib import Path

import pytest

from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.problems import SiteError
from posthouse.site.rules.convert import toml_text
from posthouse.site.rules.elements import MAX_LINES
from posthouse.site.rules.notation import NotationError, read_rule, read_template
from posthouse.site.rules.wildcards import wildcard_names
from posthouse.site.rules.writing import write_left, write_right, write_template
from posthouse.site.toml import read_site
from support.rules import left, symbols

SITE = """\
[site]
name = "mx1.example.org"

[rewriting.classes]
w = {{ words = ["localhost", "{{$j}}"] }}

[[rewriting.ruleset]]
name = "canonify"
number = 3
rules = '''
# what has no domain stays
{{user+}} @ {{host+}}   -> {{return}} {{user}} < @ {{host}} >
'''

[[rewriting.ruleset]]
name = "parse"
number = 0
rules = '''
{rules}
'''

[[rewriting.mailer]]
name = "local"
program = "/bin/true"
flags = "ls"
arguments = "true {{$u}}"
"""

ROWS = [
    pytest.param("$* < @ $=w . > $*", "$#local $: $1", id="a triple without a host"),
    pytest.param("$+ < @ $+ >", "$#smtp $@ $2 $: $1 < @ $2 >", id="a triple"),
    pytest.param("$@", "$@ <@>", id="nothing on the left"),
    pytest.param("$- . $~{VirtHost}", "$: $>canonify $1 $2", id="a call and a class with a long name"),
    pytest.param("<$+> $- $- $-", "$: $(access $4:$1 $@ a $: ? $) $[ $1 $: none $]", id="look-ups"),
    pytest.param("$* $| $#$*", "$: $&{client_addr} $| $1", id="a macro looked up late, and the separator"),
    pytest.param("$* { x }", "$@ {$1}", id="braces that are meant literally"),
    pytest.param("$- -> # $*", '$@ "a -> b" # $2', id="what looks like an arrow or a comment"),
    pytest.param('$* " $*', '$@ $1 " \\" $2', id="a quote that nothing closes"),
    pytest.param("$*", '$#error $@ 5.7.1 $: "550 no " $&f " from $&{client_name} here"', id="quotes with a macro"),
    pytest.param("caf\xc3\xa9 $* \xff", "$>$1 x", id="octets"),
    pytest.param("$*", "$: ${opMode} $?x a $| b $.", id="macros that are expanded when a rule is read"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), ROWS)
def test_a_rule_that_is_written_is_read_as_the_same(one, other):
    before = (symbols(one), symbols(other))
    names = [f"name{number}" for number in range(9)]

    line = f"{write_left(before[0], names)} -> {write_right(before[1], names)}  # said besides"
    rule = read_rule(line)

    assert ("".join(rule.left.split()), "".join(rule.right.split())) == tuple("".join(side.split()) for side in before)


def test_wildcards_are_named_by_what_stands_beside_them():
    tokens = tuple(left("$+ + $* < @ $=w . $+ > $*").replace("$", "").split())

    assert wildcard_names(tokens) == ["user", "detail", "ours", "domain", "rest"]


def test_no_two_wildcards_have_one_name():
    assert wildcard_names(tuple(left("$* $* $* @ $+ @ $+").split())) == ["a", "b", "user", "host", "host2"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("{user+} < @ {host+} >", "a rule without an arrow"),
        ("-> {return}", "nothing stands before the arrow"),
        ("{a*} ->", "nothing stands behind the arrow"),
        ("{a*} -> {b}", "{b} is no wildcard of the left side"),
        ("{a*} {a+} -> {a}", "two wildcards are called a"),
        ("{return*} -> x", "{return} has a meaning of its own"),
        ("{a*} -> {lookup access} {a}", "a look-up without an end"),
        ("{a*} -> {a} {end}", "{end} without a {lookup} or {canonical}"),
        ("{a* -> {a}", "a single {"),
        ("{a*} -> {;}", "{;} means nothing"),
        ("{a*} -> {$}", "{$} means nothing"),
    ],
)
def test_a_line_that_is_no_rule_says_what_is_wrong(line, wrong):
    with pytest.raises(NotationError) as raised:
        read_rule(line)

    assert raised.value.wrong == wrong
    assert raised.value.right


@pytest.mark.parametrize("text", ["$?x$x <$g>$|$g$.", "from $s\n\tby $j", "  blanks   stay ", 'a"b\\c', "$&{x} {$z}"])
def test_a_template_that_is_written_is_read_as_the_same(text):
    octets = symbols(text)

    assert read_template(write_template(octets)) == octets


def configuration(tmp_path: Path, rules: str) -> CfConfiguration:
    file = tmp_path / "site.toml"
    file.write_text(SITE.format(rules=rules))
    found = read_site(file).cf
    assert isinstance(found, CfConfiguration)
    return found


def test_rules_know_the_lines_on_which_they_stand(tmp_path):
    program = configuration(
        tmp_path, "{user+} < @ {h=w} >\n    -> {mailer:} local {user:} {user}\n\n{*} -> {$j}"
    ).program

    assert [rule.origin.line for rule in program.rule_sets[3].rules] == [12]
    assert [rule.origin.line for rule in program.rule_sets[0].rules] == [19, 22]
    assert program.rule_sets[0].rules[1].right == "mx1.example.org"
    assert program.classes["w"] == {"localhost", "mx1.example.org"}


def test_every_mistake_is_told_with_its_line(tmp_path):
    with pytest.raises(SiteError) as raised:
        configuration(tmp_path, "{*} - > x\n{a*} -> {b}\n{*} -> {$9}")

    told = [(problem.origin.line, problem.wrong) for problem in raised.value.problems]
    assert told == [
        (19, "a rule without an arrow"),
        (20, "{b} is no wildcard of the left side"),
        (21, "replacement $9 out of bounds"),
    ]


def test_a_text_of_rules_has_so_many_lines_and_no_more(tmp_path):
    rules = "#\n" * (MAX_LINES - 2) + "{*} -> x"  # and an empty line behind it
    assert len(configuration(tmp_path, rules).program.rule_sets[0].rules) == 1

    with pytest.raises(SiteError) as raised:
        configuration(tmp_path, f"#\n{rules}")

    assert [problem.wrong for problem in raised.value.problems] == [f"rules has more than {MAX_LINES} lines"]


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("[rewriting]\nlevel = 'x'\n", "level is no number"),
        ("[rewriting]\nrules = 'x'\n", '"rules" means nothing here'),
        ("[[rewriting.ruleset]]\nrules = ''\n", "a rule set without a number"),
        ("[[rewriting.ruleset]]\nname = 'a b'\n", None),
        ("[rewriting.maps]\nx = { kind = 'nope' }\n", "map x: class nope not available"),
        ("[rewriting.options]\nNonsense = 'x'\n", None),
        ("[[rewriting.mailer]]\nname = 'x'\nprogram = '/bin/x'\n", "Mx: A= argument required"),
        ("[[rewriting.header]]\nname = 'a b'\n", None),
        ("[rewriting.classes]\nx = 'y'\n", "x is no table"),
        ("[rewriting]\nruleset = 'x'\n", "ruleset is no array of tables"),
        ("[rewriting]\nmacros = { x = 1 }\n", "x is no text"),
        ("rewriting = 3\n", "rewriting is no table"),
    ],
)
def test_what_cannot_stand_in_the_part_is_no_crash(tmp_path, more, wrong):
    file = tmp_path / "site.toml"
    site = '[site]\nname = "a.example"\n'
    file.write_text(f"{more}{site}" if more.startswith("rewriting") else f"{site}{more}")

    with pytest.raises(SiteError) as raised:
        read_site(file)

    assert wrong is None or wrong in [problem.wrong for problem in raised.value.problems]


@pytest.mark.parametrize("text", ["plain", 'a "quote"', "it's", "both ' and \"", "two\nlines", "'''\n", "ends in '\n'"])
def test_a_text_is_the_same_in_toml(text):
    import tomllib

    assert tomllib.loads(f"x = {toml_text(text)}")["x"] == text


def test_the_file_of_a_class_is_meant_from_the_folder_of_the_site(tmp_path):
    (tmp_path / "names").write_text("one.example\ntwo.example\n")
    (tmp_path / "more").write_text("three.example # said\n")
    file = tmp_path / "site.toml"
    text = SITE.format(rules="{*} -> x").replace(
        "[rewriting.classes]", '[rewriting.classes]\nF = { files = ["names", "-o nowhere", "-o more %[^#]"] }'
    )
    file.write_text(text)

    found = read_site(file).cf

    assert isinstance(found, CfConfiguration)
    assert found.program.classes["F"] == {"one.example", "two.example", "three.example"}
    assert [Path(read.path).name for read in found.files] == ["names", "nowhere", "more"]
