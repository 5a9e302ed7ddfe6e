"""Which site file a command works on."""

from pathlib import Path

from posthouse.cli.site_choice import SYSTEM_SITE, choose_site, site_candidates


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
