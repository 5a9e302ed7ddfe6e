"""The native tables of a site.toml are classes, maps and macros of its rule sets."""

import pytest

from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.problems import SiteError
from posthouse.site.toml import read_site

SETTINGS = """\
[site]
name = "mx1.example.org"

[domains."example.org"]

[domains."partner.example"]
kind = "relay"

[tables.aliases]
file = "aliases"

[aliases]
tables = ["aliases"]

[tables.virtual]
kind = "hash"
file = "virtual"

[tables.rest]
kind = "hash"
file = "/etc/mail/not-there"

[virtual]
tables = ["virtual"]
domains = ["shop.example"]

[mailertable]
tables = ["rest"]

[generics]
table = "rest"
domains = ["example.org"]

[access]
table = "rest"

[masquerade]
as = "example.org"
domains = ["old.example"]
except = ["lab.example.org"]
exposed = ["root", "daemon"]

[[route]]
host = "*"
channel = "smtp"
relay = "smart.example.net"
"""
RULES = """
[rewriting.classes]
w = { words = ["localhost"] }
R = { includes = ["VirtHost"] }

[[rewriting.ruleset]]
name = "asks"
rules = '''
{a*} -> {once} {lookup virtuser} {a} {end} {lookup mailertable} {a} {end} {lookup generics} {a} {end}
{a*} -> {once} {lookup access} {a} {end}
'''

[[rewriting.mailer]]
name = "local"
program = "/bin/true"
arguments = "true"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "aliases").write_text("")
    (tmp_path / "virtual").write_text("")
    return tmp_path


def read(folder, text):
    (folder / "site.toml").write_text(text)
    site = read_site(folder / "site.toml")
    assert isinstance(site.cf, CfConfiguration)
    return site


def test_every_setting_is_what_the_standard_rules_ask(folder):
    site = read(folder, SETTINGS + RULES)
    program = site.cf.program

    assert {
        name: words for name, words in program.classes.items() if name in ("R", "G", "M", "N", "E", "VirtHost")
    } == {
        "R": {"partner.example", "shop.example"},
        "VirtHost": {"shop.example"},
        "G": {"example.org"},
        "M": {"old.example"},
        "N": {"lab.example.org"},
        "E": {"root", "daemon"},
    }
    assert program.classes["w"] == {"localhost", "example.org", "mx1.example.org"}
    assert {name: program.macros[name] for name in "jMS"} == {
        "j": "mx1.example.org",
        "M": "example.org",
        "S": "smart.example.net",
    }
    assert {name: (map_.kind, map_.arguments) for name, map_ in program.maps.items()} == {
        "virtuser": ("hash", f"-o {folder}/virtual"),
        "mailertable": ("hash", "-o /etc/mail/not-there"),
        "generics": ("hash", "-o /etc/mail/not-there"),
        "access": ("hash", "-T<TMPF> -o /etc/mail/not-there"),
    }
    assert site.cf.words("AliasFile") == (f"{folder}/aliases",)
    assert site.domains["partner.example"].kind.value == "relay"


def test_files_of_rule_sets_need_not_be_there_to_start(folder):
    (folder / "aliases").unlink()
    (folder / "virtual").unlink()

    assert read(folder, SETTINGS + RULES).aliases


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (SETTINGS, "[generics] has an effect beside rule sets only"),
        (SETTINGS + RULES.replace("{lookup access}", "{lookup generics}"), "no rule asks the table of [access]"),
        (SETTINGS.replace('["virtual"]', '["virtual", "rest"]') + RULES, "rule sets ask one table of [virtual]"),
        (SETTINGS + "[channels.far]\nkind = 'smtp'\n" + RULES, "[channels] has no meaning beside rule sets"),
        (SETTINGS.replace('host = "*"', 'host = "far.example"') + RULES, "a part [rewriting] knows no routes but"),
        ('[mmdf]\nmlname = "x"\nmldomain = "y"\n' + SETTINGS + RULES, "[mmdf] and [rewriting] both say"),
    ],
)
def test_a_setting_that_nobody_would_heed_is_a_problem(folder, text, wrong):
    with pytest.raises(SiteError) as raised:
        read(folder, text)

    assert any(problem.wrong.startswith(wrong) for problem in raised.value.problems), raised.value
