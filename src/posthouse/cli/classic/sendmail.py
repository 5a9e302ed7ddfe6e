"""``sendmail``, ``mailq`` and ``newaliases`` as the shell starts them.

The one rule: next to nothing is imported here, so that the interpreter is set up before it reads all the rest.
"""

import os
import sys
from collections.abc import Sequence

from posthouse.cli.errors import guarded
from posthouse.cli.short_lived import run_and_leave


def main() -> None:
    """Enter from the shell, under whatever name."""
    run_and_leave(lambda: run_classic(os.path.basename(sys.argv[0]), sys.argv[1:]))  # noqa: PTH119 - pathlib is slow


def run_classic(program: str, arguments: Sequence[str]) -> int:
    """Run under the name of one of the classic commands; return the exit code."""

    def command() -> int:
        from posthouse.cli.classic.command import run

        return run(program, arguments)

    return guarded(program, command)


if __name__ == "__main__":
    main()
