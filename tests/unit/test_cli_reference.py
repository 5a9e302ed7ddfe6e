"""docs/cli.md says what the commands say."""

from pathlib import Path

from posthouse.cli.reference import cli_reference

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_cli_page_is_made_from_the_commands():
    assert PAGE.read_text() == cli_reference(), "run: python -m posthouse.cli.reference > docs/cli.md"
