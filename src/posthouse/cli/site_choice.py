"""Which site file a command works on: the one rule that all commands share.

``--site`` (sendmail: ``-C``) wins; then ``$POSTHOUSE_SITE``; then the system's file; then
the site that ``make run`` sets up beside the virtual environment the command was started from.
Imports next to nothing: sendmail starts with it.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

SYSTEM_SITE = Path("/etc/posthouse/site.toml")
VARIABLE = "POSTHOUSE_SITE"


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
