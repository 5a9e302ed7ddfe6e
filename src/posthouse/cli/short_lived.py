"""A process that is over in a moment: the garbage collector hardly ever looks.

What a command imports lives until it ends.  Python would look through all of it for
garbage after every few hundred objects, and once more at the end: a tenth of the time of a hand-over.
docs/decisions/0005-start-up.md has the numbers.
"""

import gc
import sys
from collections.abc import Callable
from typing import NoReturn

# More than what the largest command imports; a listing of a million rows still has its garbage collected.
_OBJECTS = 100_000


def collect_rarely() -> None:
    """Look for garbage after many objects only.  Not for the daemon."""
    gc.set_threshold(_OBJECTS)


def run_and_leave(command: Callable[[], int]) -> NoReturn:
    """Run a short command and end the process with its exit code."""
    collect_rarely()
    code = command()
    gc.freeze()  # the last look finds nothing to look through
    sys.exit(code)
