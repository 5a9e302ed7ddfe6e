"""docs/tailor.md says what the code does."""

from pathlib import Path

from posthouse.site.tailor.keywords import KEYWORDS
from posthouse.site.tailor.reference import tailor_reference

PAGE = Path(__file__).parent.parent.parent / "docs" / "tailor.md"


def test_the_page_is_what_the_code_makes():
    assert PAGE.read_text() == tailor_reference()


def test_every_keyword_has_a_row():
    rows = [line for line in tailor_reference().splitlines() if line.startswith("| `")]

    assert len(rows) == len(KEYWORDS)
