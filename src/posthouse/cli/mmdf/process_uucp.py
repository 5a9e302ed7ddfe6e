"""``process-uucp``: domain and channel tables from what pathalias printed, as files in this folder.

``wrkchn.uucp-uucp`` and ``wrkchn.uucp-HOST`` are channel tables, ``wrkdmn.uucp-top`` and ``wrkdmn.uucp-DOMAIN`` domain
tables.  Each run writes them anew.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from posthouse.cli.errors import CommandError
from posthouse.tables.pathalias import TOP, UUCP, table_lines

USAGE: Final = "usage: process-uucp [-r relay] [-c host ...] [-d domain ...] file ..."
_MOST_FILES: Final = 500  # open at a time


def run(arguments: Sequence[str]) -> int:
    """Write the tables; return the exit code."""
    given = _options(arguments)
    if not given[""] or len(given["c"]) + len(given["d"]) > _MOST_FILES or len(given["r"]) > 1:
        raise CommandError(USAGE, os.EX_USAGE)
    if any("/" in name for name in (*given["c"], *given["d"])):
        raise CommandError("a host or domain with a / would be a file elsewhere", os.EX_USAGE)
    with contextlib.ExitStack() as stack:
        names = [f"wrkchn.uucp-{host}" for host in (UUCP, *given["c"])]
        names += [f"wrkdmn.uucp-{domain}" for domain in (TOP, *given["d"])]
        files: dict[str, TextIO] = {
            name: stack.enter_context(Path(name).open("w", encoding="latin-1")) for name in names
        }
        lines = _lines([Path(name) for name in given[""]])
        relay = next(iter(given["r"]), "")
        for line in table_lines(lines, domains=given["d"], hosts=given["c"], relay=relay):
            files[f"{'wrkdmn' if line.is_domain else 'wrkchn'}.uucp-{line.table}"].write(f"{line.text}\n")
    return os.EX_OK


def _options(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Each option takes one word and may come again; the rest, under "", are the files."""
    given: dict[str, list[str]] = {"r": [], "c": [], "d": [], "": []}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            given[""].append(word)
        elif word[1:2] not in given or not word[1:2]:
            raise CommandError(f"unknown option {word}\n{USAGE}", os.EX_USAGE)
        elif word[2:] or rest:
            given[word[1]].append(word[2:] or rest.pop(0))
        else:
            raise CommandError(f"{word} needs a value\n{USAGE}", os.EX_USAGE)
    return given


def _lines(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        try:
            with path.open(encoding="latin-1") as text:
                yield from text
        except OSError as error:
            raise CommandError(f"can't read {path}: {error.strerror}", os.EX_NOINPUT) from error
