"""Tables and progress for people: the only module that imports rich, and only when it prints."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from posthouse.cli.formats import printable, short_duration, short_size
from posthouse.mail.queued import QueueCount

_WORTH_A_BAR = 2000  # recipients; less is done before a bar could be read


def terminal_width() -> int:
    """Return how wide lines may be: the terminal's width, 80 when there is none."""
    return max(60, shutil.get_terminal_size((80, 24)).columns)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Print a table that fits the terminal; ``right`` are the columns of numbers."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(
            heading,
            justify="right" if number in right else "left",
            no_wrap=number in right,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(highlight=False).print(table)


def print_counts(counts: Sequence[QueueCount], by: str, now: datetime) -> None:
    """Print the groups of ``queue list --group-by``."""
    rows = [
        (
            count.key or "-",
            str(count.recipients),
            str(count.messages),
            short_size(count.octets),
            short_duration(now - count.oldest) if count.oldest else "-",
        )
        for count in counts
    ]
    print_table([by.upper(), "RECIPIENTS", "MESSAGES", "SIZE", "OLDEST"], rows, right=(1, 2, 3, 4))


@contextmanager
def progress(label: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar on long work when a person watches; yield the function that advances it."""
    import sys

    if quiet or total < _WORTH_A_BAR or not sys.stderr.isatty():
        yield lambda _amount: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda amount: bar.advance(task, amount)
