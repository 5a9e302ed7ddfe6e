"""From what pathalias(1) printed to MMDF's domain and channel tables, as process-uucp(8) makes them.

A line of pathalias is a host or a domain and the path to it: ``ukma  uunet!ukma!%s``.  A name without a dot is
a host of the domain uucp; a domain may begin with its dot.  Names are written in small letters.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

TOP = "top"  # the domain table of what belongs to no domain that was named
UUCP = "uucp"  # the channel table of what no host that was named leads to
_NO_PATH = "NO-PATH-GIVEN!%s"  # a path that no host can be mistaken for: the entry is kept, and seen


class TableLine(Struct, frozen=True):
    """One line, and the table that it belongs to."""

    is_domain: bool
    table: str  # the domain, TOP; or the first host of the path, UUCP
    text: str


def table_lines(
    lines: Iterable[str], *, domains: Sequence[str] = (), hosts: Sequence[str] = (), relay: str = ""
) -> Iterator[TableLine]:
    """Yield the lines of the tables.  ``relay`` is the host through which everybody but itself reaches UUCP."""
    for line in lines:
        words = line.split()
        if not words or not words[0].strip("."):
            continue
        name = words[0].lower()
        name = name.removeprefix(".") if "." in name else f"{name}.uucp"
        path = words[1] if len(words) > 1 else _NO_PATH
        domain = next((domain for domain in domains if name.endswith(f".{domain.lower()}")), "")
        key = name[: -len(domain) - 1] if domain else name
        value = f"{name}, {relay.lower()}" if relay else name
        yield TableLine(True, domain or TOP, f"{key}:\t{value}")
        first = path.partition("!")[0] if "!" in path else ""
        yield TableLine(False, first if first in hosts else UUCP, f"{name}:\t{path}")
