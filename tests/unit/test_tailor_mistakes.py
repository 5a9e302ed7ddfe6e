"""What is wrong between the parts of a tailor file and in its tables, and what checkup says of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.lookup import Origin
from posthouse.site.tailor.checkup import PathStatus, check_up, write_list
from posthouse.site.tailor.mistakes import TableEntry, find_mistakes
from posthouse.site.tailor.reader import parse_tailor

SOUND = """\
MLNAME grove
MLDOMAIN wood.example
ALIAS table=aliases
MDMN wood, dmn=wood.example, table=dom
MDMN root, name="", dmn="", table=top
MCHN local, tbl=names
MCHN smtp, tbl=hosts
"""
TABLES = {
    "aliases": {"postmaster": "ann"},
    "dom": {"grove": "grove.wood.example", "oak": "oak.wood.example"},
    "top": {"elm.example": "elm.example oak.wood.example"},
    "names": {"grove.wood.example": "grove", "grove": "grove"},
    "hosts": {"oak.wood.example": "192.0.2.1"},
}


def reader(tables):
    def read(table):
        if table.name not in tables:
            raise FileNotFoundError(2, "No such file or directory", table.file)
        for line, (key, value) in enumerate(tables[table.name].items(), 1):
            yield TableEntry(key, value, Origin(table.name, line, 1))

    return read


def mistakes(text=SOUND, **tables):
    configuration = parse_tailor(text, Path("/site/mmdftailor"))
    return [problem.wrong for problem in find_mistakes(configuration, reader({**TABLES, **tables}))]


def test_a_sound_site_has_no_mistakes():
    assert mistakes() == []


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("MCHN badhosts, tbl=hosts", "the channel badhosts has no host="),
        ("MCHN badusers, tbl=hosts", "the channel badusers has no host="),
        ("MCHN list, tbl=hosts, host=elsewhere", 'host="elsewhere" of the channel list is not this host'),
        (
            "MCHN other, tbl=names, que=smtp",
            "the channels smtp and other share the queue smtp, not the table",
        ),
        ("MTBL aliases2, file=aliases", 'nothing uses the table "aliases2"'),
        ("MTBL missing\nMCHN x, tbl=missing", "the table missing: missing: No such file or directory"),
        ("MTBL l, type=test", 'the table "l": tables of type test answer nothing'),
        ("MDFLCHAN here", 'there is no channel "here", which means this machine'),
        ('MVALIDCHN "smtp,nosuch"', 'MVALIDCHN names "nosuch", which is no channel'),
        (
            "MCHN k, tbl=hosts, known=hosts",
            "the known table of the channel k does not have our name grove.wood.example",
        ),
    ],
)
def test_parts_that_do_not_fit_are_said(more, wrong):
    assert wrong in mistakes(SOUND + more, aliases2={})


@pytest.mark.parametrize(
    "served", ["type=ldap", "type=sql", "type=nis", "type=regexp", "type=rbl, flags=reject", "flags=ns, flags=alias"]
)
def test_every_other_kind_of_table_is_served(served):
    assert mistakes(f"{SOUND}MTBL other, {served}\nALIAS table=other\n") == []


def test_a_table_of_peers_is_used_by_the_smtp_server():
    assert mistakes(f"{SOUND}MTBL evil, flags=reject\n", evil={}) == []


@pytest.mark.parametrize(
    ("aliases", "wrong"),
    [
        ({"ann": ""}, ['the alias "ann" stands for nobody']),
        (
            {"save": "ann|/bin/x", "keep": "ann/box@grove"},
            [
                'the alias "save" names a file or a program, and its table aliases is not trusted',
                'the alias "keep" names a file or a program, and its table aliases is not trusted',
            ],
        ),
        ({"list": "< /etc/list", "more": ":include:/etc/more, ann", "u": "a/b!c@far"}, None),
        ({"a": "b", "b": "c", "c": "a", "d": "a"}, ["the aliases lead in a circle: a to b to c to a"]),
        ({"ann": "Ann", "bea": "ann", "carl": "carl, bea", "dot": "e", "e": "f@far"}, []),
    ],
)
def test_what_aliases_lead_to_is_looked_at(aliases, wrong):
    found = mistakes(aliases=aliases)

    assert found == wrong if wrong is not None else len(found) == 1


def test_of_two_sources_the_first_counts():
    text = f"{SOUND}MTBL second, file=second\nALIAS table=second\n"

    assert mistakes(text, aliases={"a": "b"}, second={"a": "c", "b": "a"}) == [
        "the aliases lead in a circle: a to b to a"
    ]
    assert mistakes(text, aliases={"a": "b", "b": "ann"}, second={"b": "a"}) == []


def test_a_trusted_alias_may_name_a_program():
    assert mistakes(SOUND.replace("ALIAS table=aliases", "ALIAS table=aliases, trusted"), aliases={"x": "a|b"}) == []


def test_rights_on_what_is_no_channel_are_said():
    found = mistakes(f"{SOUND}MTBL auth\n", auth={"ann": "both smtp nosuch", "bea": "gone"})

    assert found == ['"ann" has rights on "nosuch", which is no channel']


def test_a_site_without_names_or_aliases_is_told():
    assert mistakes("MCHN local, tbl=names")[:2] == ["nothing says who we are", "there are no aliases"]


def test_our_name_must_be_in_the_table_of_the_local_channel():
    found = mistakes(names={"grove": "grove"})

    assert "the table of the channel local does not have our name grove.wood.example" in found


def test_nothing_is_concluded_from_a_table_that_cannot_be_read():
    found = mistakes(SOUND.replace("tbl=names", "tbl=gone"))

    assert found == ["the table gone: gone: No such file or directory"]


def test_a_host_that_no_channel_has_is_said_once():
    assert mistakes(dom={"a": "nowhere.example", "b": "nowhere.example"}) == [
        'no channel has the host "nowhere.example"'
    ]


def test_a_host_may_lead_on_to_another_domain():
    top = {"elm.example": "elm.example", "far.example": "far.example elm.example"}

    assert mistakes(top={**top, "elm.example": "elm.example oak.wood.example"}) == []


def test_domain_tables_that_lead_in_a_circle_are_said():
    (wrong,) = mistakes(top={"a.example": "b.example", "b.example": "a.example"})

    assert wrong == "the domain tables lead in a circle: b.example to a.example to b.example"


def test_an_entry_of_a_domain_table_needs_a_host():
    assert mistakes(dom={"a": ""}) == ['"a" has no host']


names = st.sampled_from(["a", "b", "c", "a.b", "grove.wood.example", "oak.wood.example", ""])


@given(st.dictionaries(names, names), st.dictionaries(names, names), st.dictionaries(names, names))
def test_any_tables_are_looked_through_to_the_end(dom, top, hosts):
    assert len(mistakes(dom=dom, top=top, hosts=hosts)) <= 1000


# checkup.


class Machine:
    """A machine on which every folder is there, and the account mmdf."""

    def __init__(self, missing="", mode=0o755):
        self.missing, self.mode = missing, mode

    def status(self, path):
        if self.missing and self.missing in str(path):
            return PathStatus("No such file or directory")
        return PathStatus(mode=self.mode, is_folder=True)

    def account(self, login):
        return (8, 12) if login == "mmdf" else None

    def group(self, name):
        return 12 if name == "mmdf" else None

    def is_alias(self, name):
        return name.lower() == "postmaster"


def listed(text=SOUND, *, only_problems=False, machine=None):
    configuration = parse_tailor(text, Path("/site/mmdftailor"))
    found = find_mistakes(configuration, reader(TABLES))
    return list(write_list(check_up(configuration, found, machine or Machine()), only_problems=only_problems))


def test_the_list_of_checkup_has_the_words_of_the_original():
    lines = listed()

    assert lines[:4] == [
        "",
        "**  Asterisks indicate potentially serious anomolies.",
        "",
        "Tailor file             : /site/mmdftailor",
    ]
    at = lines.index("MMDF login mmdf         : uid (8), gid (12)")
    assert lines[at + 1] == "**    No mail alias     : for address 'mmdf'"
    at = lines.index("Channel name tables & associated system entries:")
    assert lines[at + 1 : at + 7] == [
        "    local               : local",
        "    Queue name          : local",
        "      Local host name   : grove",
        "      Local domain name : wood.example",
        "    Channel table       : names",
        "",
    ]
    at = lines.index("Domain tables           : ")
    assert lines[at + 1 : at + 5] == [
        "    wood.example        : wood",
        "                        : dom",
        "    (root)              : root",
        "                        : top",
    ]
    assert lines[-2:] == ["    local               : q.local", "    smtp                : q.smtp"]


def test_problems_alone_are_shown_with_what_they_are_about():
    lines = listed(only_problems=True, machine=Machine(missing="/log/phase"))

    at = lines.index("    Phase (timestamps)  : /usr/mmdf/log/phase")
    assert lines[at - 1] == ""
    assert lines[at + 1] == "**    unable to stat    : No such file or directory"
    assert not any("Logging directory" in line or "Domain tables" in line for line in lines)


def test_a_folder_open_to_all_is_a_problem():
    lines = listed(machine=Machine(mode=0o777))

    assert (
        lines[lines.index("    Logging directory   : /usr/mmdf/log") + 1]
        == "**    Wrong mode        : (0707) for '/usr/mmdf/log'; should be (0501 to 0705)"
    )


def test_complaints_stand_below_the_tailor_file_with_their_lines():
    lines = listed(SOUND + "NOSUCH 1\nPHLOG ph.log\n")

    at = lines.index("Tailor file             : /site/mmdftailor")
    assert lines[at + 1].startswith('**    /site/mmdftailor:8:1: "NOSUCH" is no keyword')
    assert lines[at + 2] == "\t[ /site/mmdftailor:9: PHLOG has no effect; there are no phone lines any more ]"
