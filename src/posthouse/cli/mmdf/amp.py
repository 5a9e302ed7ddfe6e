"""``amp``: rewrite the header of a message for a channel, from standard input to standard output."""

import os
import sys
from collections.abc import Sequence
from typing import Final

from posthouse.cli.errors import CommandError
from posthouse.cli.mmdf.programs import choose_tailor_file, split_options

USAGE: Final = "usage: amp [-t tailorfile] [-c channel]"
_MOST_HEADER_OCTETS: Final = 16 * 1024 * 1024
_PIECE: Final = 256 * 1024


def run(arguments: Sequence[str]) -> int:
    """Filter one message.  Without -c the style is 822, and the names are our own."""
    from posthouse.adapters.table_mmdf import open_mmdf_tables
    from posthouse.routing.mmdf.compiled import TableUnavailableError, compile_mmdf
    from posthouse.routing.mmdf.headers import HeaderDialect
    from posthouse.site.tailor.entries import AddressForm, AddressStyle, TailorChannel
    from posthouse.site.tailor.reader import read_tailor_file
    from posthouse.submit.eager import run as drive
    from posthouse.submit.mmdf import answer_steps
    from posthouse.wiring import system_clock

    options, rest = split_options(arguments, "", "tc", USAGE)
    if rest:
        raise CommandError(f"a message comes on standard input\n{USAGE}", os.EX_USAGE)
    configuration = read_tailor_file(choose_tailor_file(options.get("t")))
    routing = compile_mmdf(configuration)
    if "c" in options:
        channel = routing.channel(options["c"])
        if channel is None:
            there = ", ".join(one.name for one in configuration.channels)
            raise CommandError(f"{configuration.file} has no channel {options['c']!r}; there are: {there}", os.EX_USAGE)
    else:
        names = configuration.names
        style = AddressStyle(AddressForm.RFC822)
        channel = TailorChannel("", "", "", "", "", ap=style, lname=names.local, ldomain=names.domain)
    tables = open_mmdf_tables(configuration, system_clock())
    header = _read_header()
    try:
        edited, _ = drive(answer_steps(HeaderDialect(routing, channel).header(header.decode("latin-1")), tables))
    except TableUnavailableError as error:
        raise CommandError(f"nothing was changed: {error}", os.EX_TEMPFAIL) from error
    sys.stdout.buffer.write(edited.encode("latin-1"))
    for piece in iter(lambda: sys.stdin.buffer.read(_PIECE), b""):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return os.EX_OK


def _read_header() -> bytes:
    """Read up to the empty line.  Raises CommandError for a header without a reasonable end."""
    lines, octets = list[bytes](), 0
    while line := sys.stdin.buffer.readline(_MOST_HEADER_OCTETS):
        lines.append(line)
        octets += len(line)
        if line in {b"\n", b"\r\n"}:
            break
        if octets >= _MOST_HEADER_OCTETS:
            raise CommandError(f"the header is longer than {_MOST_HEADER_OCTETS} octets", os.EX_DATAERR)
    return b"".join(lines)
