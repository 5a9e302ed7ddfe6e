"""``tablelist``: the files of the tables that dbmbuild reads, each once, for makefiles."""

import os
from collections.abc import Sequence
from typing import Final

from posthouse.cli.errors import CommandError
from posthouse.cli.mmdf.dbmbuild import hashed_tables
from posthouse.cli.mmdf.programs import choose_tailor_file, split_options

USAGE: Final = "usage: tablelist [-t tailorfile]"


def run(arguments: Sequence[str]) -> int:
    """Print the files as the tailor file names them.  Names of tables are taken and change nothing."""
    from posthouse.site.tailor.reader import read_tailor_file

    options, _ = split_options(arguments, "", "t", USAGE)
    configuration = read_tailor_file(choose_tailor_file(options.get("t")))
    files = list(dict.fromkeys(table.file for table in hashed_tables(configuration)))
    if not files:
        raise CommandError(f"{configuration.file} has no tables with files", os.EX_DATAERR)
    print("\n".join(files))
    return os.EX_OK
