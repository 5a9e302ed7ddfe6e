"""Accounts of a passwd(5) file in the place of the machine's, in every language of a site."""

import asyncio

import pytest

from posthouse.adapters.cf_accounts import logins_of
from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.logins_passwd import FileLogins
from posthouse.adapters.table_mmdf import open_mmdf_tables
from posthouse.adapters.table_sources import open_tables, table_problems
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.tailor.site import read_site as read_tailor
from posthouse.site.tailor.site import tailor_of
from posthouse.site.toml import SiteError, read_site
from support.mmdf_site import make_mmdf_site

NAME = '[site]\nname = "mail.example.org"\n[accounts]\npasswd = "people"\n'
PEOPLE = "# who has mail here\n\nzoe:x:5001:5000:Zoë Zucker,,,:/srv/zoe:/bin/sh\nYan:x:5002:5000::/srv/yan:\n"
RULES = """
[[rewriting.mailer]]
name = "local"
program = "/bin/true"
arguments = "true"
"""


@pytest.fixture
def people(tmp_path):
    (tmp_path / "people").write_bytes(PEOPLE.encode("latin-1"))
    return tmp_path / "people"


def read(folder, text):
    (folder / "site.toml").write_text(text)
    return read_site(folder / "site.toml")


def ask(table, name):
    return asyncio.run(table.lookup(name))


def test_login_names_are_those_of_the_file_and_nobody_else_s(people):
    site = read(people.parent, NAME)

    table = open_tables(site, ManualClock())["login-names"]

    assert (site.passwd, site.files[-1]) == (people, people)
    assert [ask(table, name).values for name in ("zoe", "ZOE", "yan")] == [("/srv/zoe",), ("/srv/zoe",), ("/srv/yan",)]
    assert ask(table, "zoe").origin.line == 3
    assert not ask(table, "root").found
    assert not ask(table, "#").found


def test_a_file_that_cannot_be_read_says_of_nobody_that_he_is_not_there(people):
    site = read(people.parent, NAME)
    people.unlink()

    answer = ask(open_tables(site, ManualClock())["login-names"], "zoe")

    assert not answer.found
    assert str(people) in answer.unavailable
    assert [str(people) in problem.wrong for problem in table_problems(site, ManualClock())] == [True]


def test_a_file_that_is_not_there_is_a_mistake_at_its_key(tmp_path):
    with pytest.raises(SiteError) as raised:
        read(tmp_path, NAME)

    (problem,) = raised.value.problems
    assert (problem.origin.line, problem.wrong) == (4, f"there is no file {tmp_path}/people")


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        pytest.param("ann", "and this line has 1", id="a name alone"),
        pytest.param("ann:x:1:1:Ann:/srv/ann:/bin/sh:more", "and this line has 8", id="a field too many"),
        pytest.param(":x:1:1:Ann:/srv/ann:/bin/sh", "no login name", id="no name"),
        pytest.param("ann:x:one:1:Ann:/srv/ann:/bin/sh", "ann has no numbers", id="a uid of letters"),
        pytest.param("ann:x:4294967295:1:Ann:/srv/ann:/bin/sh", "ann has no numbers", id="a uid that means no change"),
        pytest.param("Zoe:x:1:1:::", "Zoe is in line 3 already", id="a name twice"),
    ],
)
def test_a_line_that_is_no_account_is_told_with_its_place_and_the_others_count(people, line, wrong):
    site = read(people.parent, NAME)
    people.write_bytes(f"{PEOPLE}{line}\n".encode("latin-1"))

    (problem,) = table_problems(site, ManualClock())

    assert (problem.origin.file, problem.origin.line) == (str(people), 5)
    assert wrong in problem.wrong
    assert ask(open_tables(site, ManualClock())["login-names"], "zoe").values == ("/srv/zoe",)


def test_beside_rule_sets_the_file_is_the_mailbox_database(people):
    site = read(people.parent, NAME + RULES)

    assert isinstance(site.cf, CfConfiguration)
    assert site.cf.text("MailboxDatabase") == f"pw:{people}"
    assert isinstance(logins_of(site.cf, ManualClock()), FileLogins)
    assert site.passwd == people


def test_a_tailor_file_names_it_with_passwd_relative_to_itself(people):
    configuration = tailor_of(read_tailor(make_mmdf_site(people.parent, 'PASSWD "people"\n')))

    table = open_mmdf_tables(configuration, ManualClock())["login-names"]

    assert ask(table, "zoe").values == ("/srv/zoe",)
    assert not ask(table, "root").found
    assert people in read_tailor(people.parent / "mmdftailor").files


@pytest.mark.parametrize(("before", "within"), [('[accounts]\npasswd = "people"\n', ""), ("", 'passwd = "people"\n')])
def test_a_part_mmdf_takes_it_from_either_place(people, before, within):
    part = f'[mmdf]\nmlname = "grove"\nmldomain = "wood.example"\n{within}'
    site = read(people.parent, f'[site]\nname = "grove.wood.example"\n{before}{part}')

    table = open_mmdf_tables(tailor_of(site), ManualClock())["login-names"]

    assert site.passwd == people
    assert ask(table, "zoe").values == ("/srv/zoe",)
