"""``checkaddr``: is an address good here?  ``-w`` shows on the way what submit would say.

Nothing is sent, not even the notices about bad aliases.  The exit code is 1 when an address is bad, 75 when a table
could not answer.
"""

import asyncio
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from posthouse.cli.formats import printable
from posthouse.cli.mmdf.opened import OpenedSite, open_site, split_long_options
from posthouse.cli.mmdf.programs import choose_tailor_file, split_options

USAGE: Final = "usage: checkaddr [-w] [-t tailorfile] [--users file] [--tables folder] [address ...]"
_MOST_OCTETS: Final = 1024 * 1024  # of a line of standard input


def run(arguments: Sequence[str]) -> int:
    """Check the addresses given, or those on standard input, one a line; return the exit code."""
    files, rest = split_long_options(arguments, ("users", "tables"), USAGE)
    options, addresses = split_options(rest, "w", "t", USAGE)
    site = open_site(choose_tailor_file(options.get("t")), users=files.get("users"), folder=files.get("tables"))
    return asyncio.run(_check(site, addresses or _lines(), is_watched="w" in options))


def _lines() -> Iterable[str]:
    for line in iter(lambda: sys.stdin.buffer.readline(_MOST_OCTETS), b""):
        text = line.decode("latin-1").strip()
        if text:
            yield text


async def _check(site: OpenedSite, addresses: Iterable[str], *, is_watched: bool) -> int:
    code = os.EX_OK
    for address in addresses:
        checked = await site.check(address)
        ending = ["OK"] if checked.is_accepted else [reply.text for reply in checked.replies] or ["no address"]
        lines = [*(checked.said if is_watched else ()), *ending]
        print("\n".join(printable(line) for line in (f"{address}: {lines[0]}", *lines[1:])), flush=True)
        if any(reply.code.is_deferred for reply in checked.replies):
            code = os.EX_TEMPFAIL
        elif not checked.is_accepted and code == os.EX_OK:
            code = 1
    return code
