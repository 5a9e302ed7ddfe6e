"""``nictable``: a channel table (-C), a domain table (-D), or a root table (-T) from hosts.txt on standard input."""

import os
import sys
from collections.abc import Sequence
from typing import Final

from posthouse.cli.errors import CommandError
from posthouse.cli.mmdf.programs import split_options
from posthouse.tables.hosts_txt import channel_lines, domain_lines, read_hosts, root_lines

USAGE: Final = "usage: nictable -C|-D|-T [-d domain] [-s service] [-t transport] < hosts.txt"


def run(arguments: Sequence[str]) -> int:
    """Print the table; return the exit code."""
    options, rest = split_options(arguments, "CDT", "dst", USAGE)
    chosen = [letter for letter in "CDT" if letter in options]
    domain = options.get("d", "").strip(".")
    if rest or len(chosen) != 1 or (chosen == ["D"] and not domain):
        raise CommandError(f"choose one of -C, -D and -T; -D needs -d\n{USAGE}", os.EX_USAGE)
    lines = (line.decode("latin-1") for line in sys.stdin.buffer)
    hosts = (host for host in read_hosts(lines) if host.offers(options.get("t", ""), options.get("s", "")))
    table = {"C": channel_lines, "D": domain_lines, "T": root_lines}[chosen[0]]
    for line in table(hosts, domain):
        print(line)
    return os.EX_OK
