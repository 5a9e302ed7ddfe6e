"""The commands that only ask: check, explain, table, -bv.  Real processes on a small site."""

import json

import pytest

from support.cli_site import SITE, command, write_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return write_site(tmp_path_factory.mktemp("site"))


def lines(result):
    assert result.stderr == b""
    return result.stdout.decode().splitlines()


# check


def test_check_says_what_is_configured(site):
    result = command("posthouse", "check", site=site)

    assert result.returncode == 0
    shown = dict(line.split(":", 1) for line in lines(result))
    assert shown["site"].strip() == f"mail.example.org ({site})"
    assert shown["local"].strip() == "example.org"
    assert shown["aliases"].strip() == "names"


def test_every_problem_is_printed_with_its_place(tmp_path):
    broken = SITE.replace('kind = "local"', 'kind = "lokal"').replace("postmaster", "postmister")
    site = write_site(tmp_path, broken)

    result = command("posthouse", "check", site=site)

    assert result.returncode == 78
    problems = result.stderr.decode().splitlines()
    assert len(problems) >= 3
    assert all(problem.startswith(f"{site}:") for problem in problems)
    assert b"Traceback" not in result.stderr


def test_problems_as_json(tmp_path):
    site = write_site(tmp_path, SITE + "\n[sight]\n")

    result = command("posthouse", "check", "--json", site=site)

    assert result.returncode == 78
    shown = json.loads(result.stdout)
    assert shown["problems"][0]["line"] == SITE.count("\n") + 2
    assert shown["summary"] is None


def test_site_that_is_no_toml_is_a_problem_in_words(tmp_path):
    result = command("posthouse", "check", site=write_site(tmp_path, "[site\n"))

    assert result.returncode == 78
    assert result.stderr.startswith(str(tmp_path / "site.toml").encode())
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words", [["check"], ["explain", "joe"], ["queue", "list"], ["status"], ["send", "--to", "joe"]]
)
def test_missing_site_file_is_said_with_its_name(tmp_path, words):
    result = command("posthouse", *words, site=tmp_path / "nowhere.toml")

    assert result.returncode == 78
    assert b"nowhere.toml" in result.stderr
    assert b"Traceback" not in result.stderr


def test_schema_is_json(site):
    result = command("posthouse", "schema", site=site)

    assert result.returncode == 0
    assert "properties" in json.loads(result.stdout)


# explain


def test_every_step_to_a_local_user_is_explained(site):
    result = command("posthouse", "explain", "info@example.org", site=site)

    assert lines(result) == [
        "info@example.org",
        "  1. example.org is a local domain (site.toml:11)",
        "  2. names[info@example.org]: not found",
        "  3. names[info]: joe (site.toml:21)",
        "  4. alias info@example.org stands for joe (site.toml:21)",
        "  5. example.org is a local domain (site.toml:11)",
        "  6. names[joe@example.org]: not found",
        "  7. names[joe]: not found",
        "  8. people[joe@example.org]: not found",
        "  9. people[joe]: Joe (site.toml:17)",
        " 10. joe is a user of example.org, on channel local (site.toml:11)",
        "  => channel local, address joe@example.org",
        "  Any client is told: 250 2.1.5 recipient accepted",
    ]


def test_what_a_stranger_and_a_friend_are_told(site):
    shown = lines(command("posthouse", "explain", "--no-dns", "someone@example.net", site=site))

    assert shown[-3:] == [
        "  => channel smtp, host example.net, address someone@example.net",
        "  An outside client is told: 550 5.7.1 relaying is not allowed",
        "  A client that may relay:   250 2.1.5 recipient accepted",
    ]


def test_unknown_user_is_explained_as_refused(site):
    shown = "\n".join(lines(command("posthouse", "explain", "nobody@example.org", site=site)))

    assert "=> refused: " in shown
    assert "Any client is told: 550 5.1.1" in shown


def test_explain_fits_80_columns(site):
    long = f"{'x' * 40}@{'y' * 40}.{'z' * 30}.example.net"

    shown = lines(command("posthouse", "explain", "--no-dns", "all", long, site=site))

    # A word that is longer than a line, such as this address, is not cut: it could not be copied.
    assert all(len(line) <= 80 for line in shown if "xxx" not in line and "yyy" not in line)


def test_explain_as_json_has_one_object_for_each_address(site):
    result = command("posthouse", "explain", "--json", "--no-dns", "all@example.org", "nobody@example.org", site=site)

    first, second = map(json.loads, result.stdout.splitlines())
    assert [route["address"] for route in first["routes"]] == ["joe@example.org", "ann@example.org"]
    assert first["steps"][0] == {
        "step": "decision",
        "text": "example.org is a local domain",
        "file": str(site),
        "line": 11,
    }
    assert second["result"] == "refused"
    assert second["replies"]["outside"].startswith("550 5.1.1")


@pytest.mark.parametrize("words", [[], ["joe", "--id", "x"], ["a@@b"], ["joe", "--from", "a b c"]])
def test_explaining_nothing_or_nonsense_is_wrong_usage(site, words):
    result = command("posthouse", "explain", *words, site=site)

    assert result.returncode == 64
    assert b"Traceback" not in result.stderr


# sendmail -bv, newaliases, table


def test_bv_says_who_is_deliverable(site):
    result = command("sendmail", "-bv", "info", "nobody@example.org", "someone@example.net", site=site)

    assert result.returncode == 67
    first, second, third = lines(result)
    assert first == "joe@example.org... deliverable: mailer local, user joe"
    assert second.startswith("nobody@example.org... ")
    assert third == "someone@example.net... deliverable: mailer smtp, host example.net, user someone@example.net"


def test_newaliases_counts_aliases(site):
    result = command("newaliases", site=site)

    assert result.returncode == 0
    # Keys of 11 octets in all, values "joe", "joe, ann", "joe@example.net".
    assert lines(result) == [f"{site} [tables.names]: 3 aliases, longest 15 bytes, 37 bytes total"]


def test_newaliases_builds_databases_and_names_bad_aliases(tmp_path):
    (tmp_path / "aliases").write_text("good: joe\nbad: joe@@example.org\n")
    site = write_site(
        tmp_path,
        SITE.replace('tables = ["names"]', 'tables = ["file"]') + '\n[tables.file]\nkind = "dbm"\nfile = "aliases"\n',
    )

    result = command("newaliases", site=site)

    assert result.returncode == 65
    assert (tmp_path / "aliases.dbm").exists()
    assert result.stderr.decode().startswith(f"{tmp_path / 'aliases'}:2:1: alias bad: ")


def test_check_reads_what_aliases_stand_for(tmp_path):
    site = write_site(tmp_path, SITE.replace('info = "joe"', 'info = "joe@@example.org"'))

    result = command("posthouse", "check", site=site)

    assert result.returncode == 78
    assert result.stderr.decode().startswith(f"{site}:21:")
    assert "alias info: " in result.stderr.decode()
    assert result.stdout == b""


def test_table_get_answers_as_routing_is_answered(site):
    result = command("posthouse", "table", "get", "names", "ALL", "nix", "--json", site=site)

    assert result.returncode == 1
    first, second = map(json.loads, result.stdout.splitlines())
    assert first == {"key": "ALL", "values": ["joe", "ann"], "origin": f"{site}:21", "unavailable": None}
    assert second["values"] == []


def test_table_list_streams_entries(site):
    shown = lines(command("posthouse", "table", "list", "people", site=site))

    assert shown == [f"joe: Joe  ({site}:17)", f"ann: Ann  ({site}:17)"]
