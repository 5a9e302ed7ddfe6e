"""Which site file a command works on."""

import os
from pathlib import Path

import pytest

from posthouse.cli.site_choice import MAX_OCTETS, SYSTEM_SITE, choose_site, has_rule_sets, site_candidates


def test_variable_is_the_only_candidate_when_set():
    assert site_candidates({"POSTHOUSE_SITE": "/x/site.toml"}, "/v/.venv") == [Path("/x/site.toml")]


def test_system_comes_before_the_checkout_of_the_environment():
    assert site_candidates({}, "/v/.venv") == [SYSTEM_SITE, Path("/v/var/site.toml")]


def test_option_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("POSTHOUSE_SITE", "/x/site.toml")
    monkeypatch.chdir(tmp_path)

    assert choose_site("mine.toml") == tmp_path / "mine.toml"


def test_missing_file_is_named_by_the_variable(monkeypatch):
    monkeypatch.setenv("POSTHOUSE_SITE", "/nowhere/site.toml")

    assert choose_site(None) == Path("/nowhere/site.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'[site]\nname = "x"\n[rewriting.macros]\n', True),
        (b"[[rewriting.mailer]]\n", True),
        (b'[site]\nname = "rewriting"\n', False),
        (b"#" * MAX_OCTETS + b"\n[rewriting]\n", False),
    ],
    ids=["a table", "an array of tables", "a word", "behind more than is read"],
)
def test_a_site_file_is_looked_at_for_rule_sets_up_to_the_size_that_is_read(tmp_path, text, expected):
    path = tmp_path / "site.toml"
    path.write_bytes(text)

    assert has_rule_sets(path) is expected


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "site.toml")

    assert not has_rule_sets(tmp_path / "site.toml")
    assert has_rule_sets(tmp_path / "sendmail.cf")
