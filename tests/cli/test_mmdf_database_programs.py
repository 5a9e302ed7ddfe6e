"""dbmbuild, dbmlist, dbmedit and tablelist, as people run them."""

import subprocess
import sys

import pytest

from support.mmdf_site import make_mmdf_site


@pytest.fixture
def tailor(tmp_path):
    return make_mmdf_site(tmp_path)


def run(*arguments, stdin=""):
    """Run one of MMDF's programs; return exit code, lines of output, lines of errors."""
    done = subprocess.run(
        [sys.executable, "-m", "posthouse", "mmdf", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def test_dbmbuild_says_what_it_builds_in_the_order_of_the_original(tailor):
    code, out, err = run("dbmbuild", "-nv", "-t", tailor)

    database = tailor.parent / "tables" / "mmdfdbm"
    assert (code, out) == (0, [])
    assert err == [
        f"Temporary database:  {database}$",
        "Wood (dom-wood)",
        "Root (dom-root)",
        "Local names (ch-local)",
        "SMTP hosts (ch-smtp)",
        "SMTP hosts (ch-smtp)",
        "Aliases (aliases)",
        "Wood (dom-wood)",
        "Root (dom-root)",
        "Local names (ch-local)",
        "SMTP hosts (ch-smtp)",
        f"Moving to database:  {database}",
    ]
    assert [path.name for path in database.parent.glob("*mmdfdbm*")] == ["mmdfdbm"]


def test_dbmlist_shows_keys_as_they_were_spelled_in_order(tailor):
    run("dbmbuild", "-t", tailor)

    code, out, _ = run("dbmlist", "-t", tailor)

    assert code == 0
    assert 'Oak dom-wood "oak.wood.example"' in out
    assert out.index("grove ch-local grove") < out.index("mmdf aliases ann")
    assert [line for line in out if line.startswith('"oak.wood.example"')] == [
        '"oak.wood.example" ch-smtp "192.0.2.1"',
        '"oak.wood.example" ch-smtp "192.0.2.2"',
    ]


def test_dbmlist_of_no_database_is_empty(tailor):
    assert run("dbmlist", "-t", tailor) == (0, [], [])


def test_dbmbuild_of_one_table_leaves_the_others(tailor):
    run("dbmbuild", "-t", tailor)
    tables = tailor.parent / "tables"
    (tables / "aliases").write_text("only: bea\n")
    (tables / "domain.root").write_text("unseen: unseen\n")

    assert run("dbmbuild", "-t", tailor, tables / "mmdfdbm", "aliases")[0] == 0

    lines = run("dbmlist", "-t", tailor)[1]
    assert [line for line in lines if " aliases " in line] == ["only aliases bea"]
    assert [line for line in lines if " dom-root " in line] == ['"elm.example" dom-root "elm.example oak.wood.example"']


def test_a_missing_file_stops_dbmbuild_unless_k_is_said(tailor):
    (tailor.parent / "tables" / "domain.root").unlink()

    code, _, err = run("dbmbuild", "-t", tailor)
    assert code == 66
    assert "domain.root" in err[-1]
    assert not (tailor.parent / "tables" / "mmdfdbm").exists()

    assert run("dbmbuild", "-k", "-t", tailor)[0] == 0


def test_a_line_that_is_no_entry_is_left_out_and_said(tailor):
    (tailor.parent / "tables" / "aliases").write_text("good: ann\n: bad\nbest: bea\n")

    code, _, err = run("dbmbuild", "-t", tailor)

    assert code == 65
    assert any("aliases:2" in line for line in err)
    assert "best aliases bea" in run("dbmlist", "-t", tailor)[1]


def test_an_unknown_table_is_a_mistake(tailor):
    code, _, err = run("dbmbuild", "-t", tailor, tailor.parent / "db", "nosuch")

    assert code == 64
    assert "nosuch" in err[-1]


def test_dbmedit_adds_prints_changes_and_deletes(tailor):
    run("dbmbuild", "-t", tailor)

    assert run("dbmedit", "-t", tailor, "add", "Cem", "aliases", "cem@oak.wood.example")[0] == 0
    assert run("dbmedit", "-t", tailor, "print", "cem")[1] == [
        'key "Cem": table "aliases": value "cem@oak.wood.example"'
    ]
    assert run("dbmedit", "-v", "-t", tailor, "change", "cem", "aliases", "dan")[2] == ["1 entry changed"]
    assert run("dbmedit", "-t", tailor, "print", "CEM", "aliases")[1] == ['key "Cem": table "aliases": value dan']
    assert run("dbmedit", "-t", tailor, "delete", "cem", "aliases")[0] == 0
    assert run("dbmedit", "-t", tailor, "print", "cem")[0] == 1


def test_dbmedit_has_a_dialogue_in_which_a_mistake_is_no_end(tailor):
    run("dbmbuild", "-t", tailor)

    code, out, err = run(
        "dbmedit", "-t", tailor, stdin='add "a b" aliases "x, y"\nnonsense\nprint "a b"\nquit\nprint mmdf\n'
    )

    assert code == 64
    assert out == ['key "a b": table "aliases": value "x, y"']
    assert len(err) == 1


def test_tablelist_names_each_file_once_whatever_is_asked(tailor):
    files = ["domain.wood", "domain.root", "channel.local", "channel.smtp", "aliases"]

    assert run("tablelist", "-t", tailor) == (0, files, [])
    assert run("tablelist", "-t", tailor, "aliases") == (0, files, [])


def test_unknown_options_and_missing_files_are_said(tailor):
    assert run("dbmbuild", "-x")[0] == 64
    assert run("dbmbuild", "-t")[0] == 64
    assert run("tablelist", "-t", tailor.parent / "missing")[0] == 78
    assert run("nosuch")[0] == 64
