"""Which site file a command works on: the one rule that all commands share.

``--site`` (sendmail: ``-C``) wins; then ``$POSTHOUSE_SITE``; then the system's file; then
the site that ``make run`` sets up beside the virtual environment the command was started from.
Imports next to nothing: sendmail starts with it.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

_RULE_SETS = re.compile(rb"^[ \t]*\[\[?[ \t]*rewriting\b", re.MULTILINE)
SYSTEM_SITE = Path("/etc/posthouse/site.toml")
VARIABLE = "POSTHOUSE_SITE"
MAX_OCTETS = 10 * 1024 * 1024  # of a site.toml; its reader takes no more


def site_candidates(environment: Mapping[str, str], prefix: str) -> list[Path]:
    """Return the files that are tried, in order, when no option names one."""
    named = environment.get(VARIABLE)
    if named:
        return [Path(named)]
    return [SYSTEM_SITE, Path(prefix).parent / "var" / "site.toml"]


def choose_site(option: str | None = None) -> Path:
    """Return the site file to use, as an absolute path.

    When none of the candidates exists the first is returned, so that the reader's error names it.
    """
    if option:
        return Path(option).absolute()
    candidates = site_candidates(os.environ, sys.prefix)
    return next((path for path in candidates if path.exists()), candidates[0]).absolute()


def has_rule_sets(path: Path) -> bool:
    """Say whether addresses go by rule sets: a sendmail.cf, or a site.toml with a part [rewriting]."""
    if path.suffix == ".cf":
        return True
    try:
        return path.suffix == ".toml" and path.is_file() and _RULE_SETS.search(_beginning(path)) is not None
    except OSError:
        return False  # whoever reads the file says so


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_OCTETS)
