"""``amp``: rewrite the header of a message for a channel, from standard input to standard output."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from posthouse.cli.errors import CommandError
from posthouse.cli.mmdf.programs import choose_tailor_file, split_options

if TYPE_CHECKING:
    from posthouse.site.tailor.entries import TailorChannel
    from posthouse.site.tailor.model import TailorConfiguration

USAGE: Final = "usage: amp [-t tailorfile] [channel|-] [style ...]"
_MOST_HEADER_OCTETS: Final = 16 * 1024 * 1024
_PIECE: Final = 256 * 1024


def run(arguments: Sequence[str]) -> int:
    """Filter one message.  Without a channel the style is 822, and the names are our own; styles are words of ap=."""
    import asyncio  # name servers make us wait

    from posthouse.adapters.table_mmdf import open_mmdf_tables
    from posthouse.routing.mmdf.compiled import TableUnavailableError, compile_mmdf
    from posthouse.routing.mmdf.headers import HeaderDialect
    from posthouse.site.tailor.reader import read_tailor_file
    from posthouse.submit.mmdf import answer_steps
    from posthouse.wiring.machine import system_clock

    options, rest = split_options(arguments, "", "t", USAGE)
    configuration = read_tailor_file(choose_tailor_file(options.get("t")))
    name, *words = rest or ["-"]
    channel = _with_style(_channel(configuration, name), words)
    tables = open_mmdf_tables(configuration, system_clock())
    header = _read_header()
    dialect = HeaderDialect(compile_mmdf(configuration), channel)
    try:
        edited, _ = asyncio.run(answer_steps(dialect.header(header.decode("latin-1")), tables))
    except TableUnavailableError as error:
        raise CommandError(f"nothing was changed: {error}", os.EX_TEMPFAIL) from error
    sys.stdout.buffer.write(edited.encode("latin-1"))
    for piece in iter(lambda: sys.stdin.buffer.read(_PIECE), b""):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return os.EX_OK


def _channel(configuration: "TailorConfiguration", name: str) -> "TailorChannel":
    """Return a channel of the site; "-" is none of them."""
    from posthouse.site.tailor.entries import AddressForm, AddressStyle, TailorChannel

    if name == "-":
        names, style = configuration.names, AddressStyle(AddressForm.RFC822)
        return TailorChannel("", "", "", "", "", ap=style, lname=names.local, ldomain=names.domain)
    channel = configuration.channel(name)
    if channel is None:
        there = ", ".join(one.name for one in configuration.channels)
        raise CommandError(f"{configuration.file} has no channel {name!r}; there are: {there}", os.EX_USAGE)
    return channel


def _with_style(channel: "TailorChannel", words: Sequence[str]) -> "TailorChannel":
    """Return the channel with another style, if one is given."""
    from posthouse.site.tailor.channel import STYLE_WORDS, styled
    from posthouse.site.tailor.entries import AddressStyle

    if not words:
        return channel
    style = AddressStyle()
    for word in words:
        found = styled(style, word)
        if found is None:
            raise CommandError(f"{word!r} is no style; there are: {', '.join(STYLE_WORDS)}\n{USAGE}", os.EX_USAGE)
        style = found
    return replace(channel, ap=style)


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
