"""MMDF's programs as the shell starts them, and ``posthouse mmdf NAME``.

The one rule: a program is imported when it is run.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from posthouse.cli.errors import CommandError, guarded
from posthouse.cli.short_lived import run_and_leave
from posthouse.cli.site_choice import VARIABLE

PROGRAMS: Final = {
    "checkaddr": "posthouse.cli.mmdf.checkaddr",
    "amp": "posthouse.cli.mmdf.amp",
    "checkup": "posthouse.cli.mmdf.checkup",
    "dbmbuild": "posthouse.cli.mmdf.dbmbuild",
    "dbmedit": "posthouse.cli.mmdf.dbmedit",
    "dbmlist": "posthouse.cli.mmdf.dbmlist",
    "malias": "posthouse.cli.mmdf.malias",
    "nictable": "posthouse.cli.mmdf.nictable",
    "process-uucp": "posthouse.cli.mmdf.process_uucp",
    "tablelist": "posthouse.cli.mmdf.tablelist",
}
TAILOR_FILES: Final = (Path("/etc/posthouse/mmdftailor"), Path("/usr/mmdf/mmdftailor"), Path("/etc/mmdf/mmdftailor"))


def main() -> None:
    """Enter from the shell, under the name of the program."""
    run_and_leave(lambda: run_program(Path(sys.argv[0]).name, sys.argv[1:]))


def run_program(name: str, arguments: Sequence[str]) -> int:
    """Run a program; return its exit code."""

    def command() -> int:
        if name not in PROGRAMS:
            raise CommandError(f"no program {name!r}; there are: {', '.join(PROGRAMS)}", os.EX_USAGE)
        run: Callable[[Sequence[str]], int] = import_module(PROGRAMS[name]).run
        return run(arguments)

    return guarded(name, command)


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("name", type=click.Choice(list(PROGRAMS)))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def mmdf(name: str, arguments: tuple[str, ...]) -> int:
    """Run one of MMDF's programs, with its own options.

    The tailor file is what -t names, else $POSTHOUSE_SITE, else mmdftailor in /etc/posthouse, /usr/mmdf or /etc/mmdf.
    """
    return run_program(name, arguments)


def choose_tailor_file(option: str | None) -> Path:
    """Return the tailor file to use, as an absolute path."""
    named = option or os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute()
    return next((path for path in TAILOR_FILES if path.exists()), TAILOR_FILES[0])


def split_options(arguments: Sequence[str], flags: str, valued: str, usage: str) -> tuple[dict[str, str], list[str]]:
    """Read classic options, in clusters or alone, values attached or following; raise CommandError with the usage.

    ``flags`` are the letters without, ``valued`` those with a value; a flag's value is "".
    """
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        cluster = rest.pop(0)[1:]
        if cluster == "-":
            break
        while cluster:
            letter, cluster = cluster[0], cluster[1:]
            if letter in valued:
                if not cluster and not rest:
                    raise CommandError(f"-{letter} needs a value\n{usage}", os.EX_USAGE)
                options[letter], cluster = cluster or rest.pop(0), ""
            elif letter in flags:
                options[letter] = ""
            else:
                raise CommandError(f"unknown option -{letter}\n{usage}", os.EX_USAGE)
    return options, rest
