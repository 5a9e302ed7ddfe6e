"""A sendmail.cf that was converted to a site.toml gives the recorded answers of the real sendmail 8.17."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from posthouse.cli.rewriting.convert import convert_cf
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
