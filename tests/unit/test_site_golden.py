"""Wrong site files, each with all of its problems as people see them.

Each tests/golden/site/NAME.toml has its expected output beside it as NAME.err.  ``make golden``
writes them anew; review reads the difference.
"""

import os
import re
from pathlib import Path

import pytest

from posthouse.site.toml import SiteError, read_site

GOLDEN = Path(__file__).parent.parent / "golden" / "site"
FILES = sorted(GOLDEN.glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_wrong_site_file_says_everything_that_is_wrong(file):
    with pytest.raises(SiteError) as caught:
        read_site(file)

    said = str(caught.value).replace(f"{GOLDEN}/", "") + "\n"
    expected = file.with_suffix(".err")
    if os.environ.get("POSTHOUSE_GOLDEN") == "rewrite":
        expected.write_text(said)
    assert said == expected.read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_problem_has_place_wrong_and_right(file):
    for line in file.with_suffix(".err").read_text().splitlines():
        assert re.fullmatch(rf"{re.escape(file.name)}(:[1-9][0-9]*:[1-9][0-9]*)?: [^;]+.*; .+", line)
