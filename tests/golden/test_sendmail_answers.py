"""Every address is rewritten as the real sendmail 8.17 does it, with Debian's own rules."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthouse.cli.rewriting.address_test import AddressTest, read_lines
from support.peers import program
from support.sendmail_corpus import CF_FOLDER, DATA, TestMode, differences, make_corpus, octets, public_cases

SHOWN = 10  # differences


@pytest.fixture(scope="module")
def test_mode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestMode]:
    m4 = program("m4", "m4")
    program(str(CF_FOLDER / "sh" / "makeinfo.sh"), "sendmail-cf")
    mode = TestMode(make_corpus(tmp_path_factory.mktemp("sendmail"), m4))
    yield mode
    mode.close()


def test_every_recorded_answer_of_address_test_mode_is_ours(test_mode: TestMode) -> None:
    wrong = []
    operations: Counter[str] = Counter()
    for case in public_cases():
        operations[case["op"]] += 1
        lines = differences(case, test_mode.run(case))
        if lines:
            wrong.append("\n".join([f"{case['op']} {case.get('rulesets', '')} {case['in']!r}", *lines]))

    assert not wrong, f"{len(wrong)} of {sum(operations.values())} differ\n" + "\n".join(wrong[:SHOWN])
    assert operations == {
        "rewrite": 143, "parse": 97, "try": 90, "class": 9, "map": 8, "macro": 8, "canon": 5, "rules": 3, "mailers": 1
    }  # fmt: skip


def test_the_recorded_answers_stand_beside_this_test() -> None:
    assert (Path(__file__).parent.parent / "data/sendmail/rewrite.jsonl").is_file()


def test_rewriting_gives_the_same_when_nobody_listens(test_mode: TestMode) -> None:
    """Without a listener most right sides are done at once; the recorded answers hold for both ways."""
    rewriter = test_mode.rewriter
    for case in public_cases():
        if case["op"] == "rewrite" and "setup" not in case:
            text = octets(case["in"])
            heard, unheard = (
                list(rewriter.rule_sets(rewriter.environment(listener), text, case["rulesets"]))
                for listener in (lambda _: None, None)
            )

            assert heard == unheard


def test_a_session_of_address_test_mode_is_the_real_programs(test_mode: TestMode) -> None:
    """The session was recorded from sendmail 8.17.1.9 with this configuration, on a host named mx1.example.org."""
    written: list[str] = []
    lines = read_lines(io.BytesIO((DATA / "session.in").read_bytes()))

    AddressTest(test_mode.rewriter, written.append).serve(lines)

    assert "".join(written).splitlines() == (DATA / "session.out").read_bytes().decode("latin-1").splitlines()


def test_rule_sets_before_an_undefined_one_are_answered(test_mode: TestMode) -> None:
    answered = test_mode.run({"cf": "public.cf", "op": "rewrite", "rulesets": "3,nosuch", "in": "joe"})

    assert answered["out"] == [["canonify", "joe"]]
    assert answered["msgs"] == ["Undefined ruleset nosuch"]
    assert answered["error"] == "there is no rule set nosuch"
