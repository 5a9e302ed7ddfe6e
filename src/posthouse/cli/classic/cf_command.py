"""From the command line of ``sendmail`` to a submission at a site that has a sendmail.cf."""

import asyncio
import os
from pathlib import Path

from posthouse.cli.classic.cf_intake import Given
from posthouse.cli.classic.cf_submission import submit
from posthouse.cli.classic.command_line import Options
from posthouse.cli.errors import CommandError
from posthouse.cli.submission.deliver_stdin import read_notify
from posthouse.mail.envelope import Return
from posthouse.mail.errors import MalformedError


def deliver_by_rules(site_file: Path, options: Options) -> int:
    """Take the message on standard input and return the exit status."""
    if options.quarantine is not None:
        return os.EX_OK  # -Q is about what is queued: no message is taken with it
    given = Given(
        addresses=tuple(_octets(address) for address in options.addresses),
        from_header=options.from_header,
        sender=None if options.sender is None else _octets(options.sender),
        full_name=_octets(options.full_name),
        ignore_dots=options.ignore_dots,
        verbose=options.verbose,
        no_aliases=options.no_aliases,
        notify=read_notify(options.notify),
        ret=Return(options.ret) if options.ret else None,
        envid=options.envid,
        body=options.body,
        hops=int(options.hops) if options.hops.isascii() and options.hops.isdigit() else 0,
        protocol=_octets(options.protocol),
    )
    users = Path(options.users) if options.users else None
    try:
        return asyncio.run(submit(site_file, given, options.settings, users))
    except MalformedError as error:
        raise CommandError(f"{error}: the message was NOT accepted", os.EX_DATAERR) from error


def _octets(text: str) -> str:
    """Return an argument as octet text."""
    return os.fsencode(text).decode("iso8859-1")
