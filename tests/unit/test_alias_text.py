"""What an alias is, in a sentence: the kinds of values that the recorded answers do not have."""

import pytest

from support.mmdf import mmdf_site

TAILOR = """\
MLNAME "grove"
MLDOMAIN "wood.example"
ALIAS table=open, public, nobypass
ALIAS table=closed
MCHN local, tbl=ch-local, pgm=local
"""
TABLES = {
    "open": "notes:ann/notes\nspool:ann//tmp/spool\nold:~new\nhere:ann@alder\nnear:ann@grove\nlist:<{folder}/list\n"
    "gone:<{folder}/gone\n",
    "closed": "secret:ann\n",
    "ch-local": "grove.wood.example: grove\nalder: grove\n",
}


@pytest.mark.parametrize(
    ("name", "user", "said"),
    [
        ("notes", "bea", ["mail for notes is filed in notes as user ann"]),
        ("spool", "bea", ["mail for spool is filed in /tmp/spool as user ann"]),
        ("old", "bea", ["old is a non-recursive alias: ~new"]),
        ("here", "bea", ["here has alias ann@alder"]),
        ("near", "bea", ["near has alias ann@grove"]),
        ("list", "bea", ["list expands to contents of list file {folder}/list:", "ann", "bea@oak"]),
        ("gone", "bea", ["gone expands to contents of list file {folder}/gone:", "unable to open file {folder}/gone"]),
        ("secret", "bea", ["secret is a private alias"]),
        ("secret", "root", ["secret (bypassable) has alias ann"]),
        ("nosuch", "root", ["no aliases for 'nosuch'"]),
    ],
)
def test_an_alias_is_described(tmp_path, name, user, said):
    (tmp_path / "list").write_text("ann\nbea@oak\n")
    site = mmdf_site(tmp_path, TAILOR, {table: text.format(folder=tmp_path) for table, text in TABLES.items()})

    assert site.describe(name, user) == [line.format(folder=tmp_path) for line in said]
