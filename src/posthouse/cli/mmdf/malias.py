"""``malias``: what is an alias?

Aliases of tables without ``public`` are shown to root and to MLOGIN only.  The exit code is 1 when a name is no
alias, 75 when a table could not answer.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Final

from posthouse.cli.errors import CommandError
from posthouse.cli.formats import printable
from posthouse.cli.mmdf.opened import OpenedSite, open_site, split_long_options
from posthouse.cli.mmdf.programs import choose_tailor_file, split_options
from posthouse.cli.submission.people import login_name
from posthouse.routing.mmdf.alias_text import describe_alias
from posthouse.routing.mmdf.compiled import TableUnavailableError
from posthouse.submit.mmdf import answer_steps

USAGE: Final = "usage: malias [-t tailorfile] [--users file] [--tables folder] name ..."


def run(arguments: Sequence[str]) -> int:
    """Describe each name; return the exit code."""
    files, rest = split_long_options(arguments, ("users", "tables"), USAGE)
    options, names = split_options(rest, "", "t", USAGE)
    if not names:
        raise CommandError(USAGE, os.EX_USAGE)
    site = open_site(choose_tailor_file(options.get("t")), users=files.get("users"), folder=files.get("tables"))
    return asyncio.run(_describe(site, names))


async def _describe(site: OpenedSite, names: Sequence[str]) -> int:
    is_privileged = os.geteuid() == 0 or login_name() == site.configuration.people.login
    code = os.EX_OK
    for name in names:
        try:
            lines, _ = await answer_steps(describe_alias(site.routing, name, is_privileged=is_privileged), site.tables)
        except TableUnavailableError as error:
            raise CommandError(str(error), os.EX_TEMPFAIL) from error
        print("\n".join(printable(line) for line in lines))
        if lines[0].startswith("no aliases"):
            code = 1
    return code
