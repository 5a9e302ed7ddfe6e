"""Answers of the real sendmail in address test mode, and our own to the same questions.

The answers are in tests/data/sendmail/rewrite.jsonl.  The configuration is made by m4 from Debian's package
sendmail-cf, as an administrator would; ``@CORPUS@`` in every file is the folder that they are copied to.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from posthouse.cli.rewriting.batch import answer_line
from posthouse.cli.rewriting.rewriter import Rewriter, Rewriters, Surroundings

DATA = Path(__file__).parent.parent / "data" / "sendmail"
PLACE = "@CORPUS@"
CF_FOLDER = Path("/usr/share/sendmail/cf")
LEVELS = (0, 1, 2, 4, 5, 6, 7, 8, 9, 10)  # of configurations

Case = dict[str, Any]


def make_corpus(folder: Path, m4: str) -> Path:
    """Copy the corpus, make the configuration, and return its path."""
    corpus = folder / "corpus"
    shutil.copytree(DATA, corpus)
    for path in corpus.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(PLACE.encode(), str(corpus).encode()))
    _make_cf(corpus / "public.mc", m4)
    return corpus / "public.cf"


def make_more(corpus: Path, m4: str) -> Path:
    """Make the further configurations of a corpus; return their folder.

    ``old.cf`` becomes one of each level: ``old-5.cf`` begins with ``V5``.
    """
    folder = corpus / "more"
    for source in folder.glob("*.mc"):
        _make_cf(source, m4)
    old = (folder / "old.cf").read_bytes()
    for level in LEVELS:
        (folder / f"old-{level}.cf").write_bytes(f"V{level}\n".encode() + old)
    return folder


def _make_cf(source: Path, m4: str) -> None:
    made = subprocess.run(
        [m4, f"-D_CF_DIR_={CF_FOLDER}/", str(CF_FOLDER / "m4/cf.m4"), str(source)], capture_output=True, check=True
    )
    source.with_suffix(".cf").write_bytes(made.stdout)


def read_cases(path: Path) -> Iterator[Case]:
    """Return the recorded cases."""
    for line in path.read_text("utf-8").splitlines():
        yield json.loads(line)


def octets(text: str) -> str:
    """Return text of a case as octet text."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


class TestMode:
    """One folder of configurations, asked as by ``posthouse rewrite --batch``."""

    __test__ = False

    def __init__(self, cf: Path) -> None:
        self._cf = cf
        self._corpus = cf.parent
        self.rewriters = Rewriters(Surroundings(host_name="mx1", users=self._corpus / "maps/passwd"))

    @property
    def rewriter(self) -> Rewriter:
        """The configuration itself."""
        return self.rewriters.open(self._cf)

    def close(self) -> None:
        """Let the maps go."""
        self.rewriters.close()

    def run(self, case: Case) -> Case:
        """Answer one case, in the form of the recorded ones."""
        asked = {field: value for field, value in case.items() if field in question_fields(case)}
        line = json.dumps(asked).replace(PLACE, str(self._corpus))
        answered = answer_line(self.rewriters, self._corpus, line.encode())
        found: Case = json.loads(json.dumps(answered).replace(str(self._corpus), PLACE))
        return found


def question_fields(case: Case) -> set[str]:
    """Return the fields of a case that ask; parse answers with what other operations ask with."""
    answers = {"mailer", "rulesets"} if case["op"] == "parse" else set[str]()
    return {"cf", "op", "in", "setup", "rulesets", "flags", "mailer", "map"} - answers


def differences(case: Case, ours: Case) -> list[str]:
    """Return one line for each field that differs; the first step alone of a trace."""
    lines = []
    for field in sorted(set(case) | set(ours)):
        wanted, got = case.get(field), ours.get(field)
        if field == "trace" and isinstance(wanted, list) and isinstance(got, list):
            pairs = [(one, other) for one, other in zip(wanted, got, strict=False) if one != other]
            wanted, got = pairs[0] if pairs else (len(wanted), len(got))
        if wanted != got:
            lines.append(f"  {field}: recorded {wanted!r}\n  {' ' * len(field)}  ours     {got!r}")
    return lines


@cache
def public_cases() -> tuple[Case, ...]:
    """Return the recorded cases of the public corpus."""
    return tuple(read_cases(DATA / "rewrite.jsonl"))
