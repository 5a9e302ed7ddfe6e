"""A sendmail.cf that was converted to a site.toml gives the recorded answers of the real sendmail 8.17."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from posthouse.cli.rewriting.convert import convert_cf
from posthouse.site.problems import SiteError
from support.peers import program
from support.sendmail_corpus import CF_FOLDER, Case, TestMode, differences, make_corpus, public_cases

SHOWN = 10  # differences
# Which mailers an address is tried with, where the recorded ones are of another configuration.
MAILERS_OF_DELIVER = ("local", "multi", "uucp", "raw")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    m4 = program("m4", "m4")
    program(str(CF_FOLDER / "sh" / "makeinfo.sh"), "sendmail-cf")
    return make_corpus(tmp_path_factory.mktemp("sendmail"), m4)


def converted(cf: Path) -> Path:
    """Convert a configuration; the site.toml stands beside it."""
    site = cf.with_suffix(".toml")
    site.write_text(convert_cf(cf), "utf-8")
    return site


@pytest.fixture(scope="module")
def public(corpus: Path) -> Iterator[TestMode]:
    mode = TestMode(converted(corpus))
    yield mode
    mode.close()


def test_every_recorded_answer_is_that_of_the_converted_site(public: TestMode) -> None:
    wrong = []
    for case in public_cases():
        lines = differences(case, public.run(case | {"cf": "public.toml"}) | {"cf": case["cf"]})
        if lines:
            wrong.append("\n".join([f"{case['op']} {case.get('rulesets', '')} {case['in']!r}", *lines]))

    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:SHOWN])


def settings(site: Path) -> dict[str, Any]:
    """Return what a converted site says besides its rule sets."""
    document = tomllib.loads(site.read_text("utf-8"))
    return {name: table for name, table in document.items() if name != "rewriting"}


def test_what_m4_files_are_made_of_becomes_settings(public: TestMode, corpus: Path) -> None:
    maps = corpus.parent / "maps"
    tables = {name: {"kind": "hash", "file": str(maps / name)} for name in ("virtusertable", "mailertable")}
    tables |= {name: {"kind": "hash", "file": str(maps / name)} for name in ("genericstable", "access")}

    assert settings(corpus.with_suffix(".toml")) == {
        "site": {"name": "mx1.example.org"},
        "domains": {"localhost": {}},
        "tables": {"aliases": {"kind": "file", "file": str(maps / "aliases")}, **tables},
        "aliases": {"tables": ["aliases"]},
        "virtual": {"tables": ["virtusertable"], "domains": ["virtual.example"]},
        "mailertable": {"tables": ["mailertable"]},
        "generics": {"table": "genericstable", "domains": ["example.org"]},
        "masquerade": {"as": "example.org", "exposed": ["root"]},
        "access": {"table": "access"},
    }


def test_a_smart_host_and_relay_domains_become_settings(corpus: Path) -> None:
    text = corpus.read_text("latin-1").replace("\nDS\n", "\nDSsmart.example.net\nC{R}partner.example .odd\n")
    cf = corpus.with_name("smart.cf")
    cf.write_text(text, "latin-1")

    found = settings(converted(cf))

    assert found["route"] == [{"host": "*", "channel": "smtp", "relay": "smart.example.net"}]
    assert found["domains"]["partner.example"] == {"kind": "relay", "subdomains": True}


def test_what_rules_of_ones_own_use_stays_beside_them(corpus: Path) -> None:
    """One rule more in Parse1: what it makes of class w, the tables and the smart host is anybody's guess."""
    text = corpus.read_text("latin-1").replace("\nSParse1\n", "\nSParse1\nRx$+ < @ $=w . >\t$#local $: $1\n")
    cf = corpus.with_name("custom.cf")
    cf.write_text(text, "latin-1")

    site = converted(cf)

    assert set(settings(site)) == {"site", "tables", "generics", "masquerade", "access"}
    rewriting = tomllib.loads(site.read_text("utf-8"))["rewriting"]
    assert rewriting["classes"]["w"]["words"] == ["localhost"]
    assert set(rewriting["maps"]) >= {"virtuser", "mailertable"}


def test_a_file_with_mistakes_is_not_converted(tmp_path: Path) -> None:
    (tmp_path / "bad.cf").write_text("V10\nDjmx1.example.org\nSparse\nR$+ no tab\n")

    with pytest.raises(SiteError) as raised:
        convert_cf(tmp_path / "bad.cf")

    assert raised.value.problems[0].origin.line == 4


def questions_of_deliver(case: Case) -> Iterator[Case]:
    """Ask of the hand-written configuration what the recorded cases ask of m4's."""
    asked = {"in": case["in"], "setup": case.get("setup", [])}
    yield {"op": "parse", **asked}
    yield {"op": "rewrite", "rulesets": "3,0", **asked}
    for mailer in MAILERS_OF_DELIVER:
        for flags in ("HS", "HR", "ES", "ER"):
            yield {"op": "try", "mailer": mailer, "flags": flags, **asked}


def test_a_hand_written_configuration_rewrites_as_before(corpus: Path) -> None:
    mode = TestMode(corpus)
    converted(corpus.with_name("deliver.cf"))
    addresses = {case["in"]: case for case in public_cases() if case["op"] in ("parse", "rewrite", "try")}
    wrong = []
    for case in addresses.values():
        for question in questions_of_deliver(case):
            before, after = (mode.run(question | {"cf": f"deliver.{language}"}) for language in ("cf", "toml"))
            assert "error" not in before
            lines = differences(before, after | {"cf": before["cf"]})
            if lines:
                wrong.append("\n".join([f"{question}", *lines]))
    mode.close()

    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:SHOWN])
    assert len(addresses) > 100
