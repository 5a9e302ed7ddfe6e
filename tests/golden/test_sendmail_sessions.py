"""Sessions of address test mode with many configurations, as the real sendmail 8.17 answered them.

They were recorded by tools/record-sendmail: m4-made configurations with other features, a configuration of each
level, every class of maps that needs no server.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthouse.cli.rewriting.address_test import BANNER, AddressTest
from posthouse.cli.rewriting.rewriter import Rewriters, Surroundings
from support.peers import program
from support.sendmail_corpus import CF_FOLDER, DATA, PLACE, make_corpus, make_more, octets

SESSIONS = [json.loads(line) for line in (DATA / "more/sessions.jsonl").read_text("utf-8").splitlines()]
SHOWN = 5  # sessions that differ


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Rewriters]]:
    m4 = program("m4", "m4")
    program(str(CF_FOLDER / "sh" / "makeinfo.sh"), "sendmail-cf")
    corpus = make_corpus(tmp_path_factory.mktemp("sendmail"), m4).parent
    rewriters = Rewriters(Surroundings(host_name="mx1", users=corpus / "maps/passwd"))
    yield make_more(corpus, m4), rewriters
    rewriters.close()


@pytest.mark.parametrize("cf", sorted({session["cf"] for session in SESSIONS}))
def test_every_recorded_session_is_ours(cf: str, more: tuple[Path, Rewriters]) -> None:
    folder, rewriters = more
    wrong = []
    for session in SESSIONS:
        if session["cf"] == cf:
            answered = _answers(folder, rewriters, session)
            if answered != session["out"]:
                pairs = zip(session["out"], answered, strict=False)
                recorded, ours = next((pair for pair in pairs if pair[0] != pair[1]), ("", "(one is longer)"))
                wrong.append(f"{session['lines']}\n  recorded {recorded!r}\n  ours     {ours!r}")

    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:SHOWN])


def _answers(folder: Path, rewriters: Rewriters, session: dict[str, object]) -> list[str]:
    """Type the lines of a session, and return what is printed behind the banner."""
    corpus = str(folder.parent)
    lines = session["lines"]
    assert isinstance(lines, list)
    written: list[str] = []
    test = AddressTest(rewriters.open(folder / str(session["cf"])), written.append)
    test.serve(octets(line.replace(PLACE, corpus)) + "\n" for line in lines)
    said = "".join(written).removeprefix(BANNER).encode("latin-1").decode("utf-8", "surrogateescape")
    return said.replace(corpus, PLACE).split("\n")
