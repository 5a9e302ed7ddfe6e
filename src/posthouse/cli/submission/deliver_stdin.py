"""The everyday ``sendmail``: a message on standard input, to these addresses.

Daemon up: over its socket.  Daemon down: the same intake in this process.  Recipients
that are refused are told on standard error, and the exit code says so.
"""

import os
import sys
from itertools import chain
from pathlib import Path

from posthouse.cli.classic.command_line import Options
from posthouse.cli.classic.message_input import MessageInput
from posthouse.cli.errors import CommandError
from posthouse.cli.formats import printable
from posthouse.cli.site_access import read_site_file
from posthouse.cli.submission.handover import Handover, HandoverError, Letter, Refused, refusal_code
from posthouse.cli.submission.people import login_address, qualified, read_reverse_path
from posthouse.mail.address import Address, quote_local_part
from posthouse.mail.address import Path as MailPath
from posthouse.mail.address_list import AddressList, parse_address_list, recipients_of
from posthouse.mail.envelope import Body, Notify, Return
from posthouse.mail.errors import MalformedError
from posthouse.mail.header import missing, remove
from posthouse.site.model import Site
from posthouse.smtp.parameters import MailParameters, RcptParameters
from posthouse.wiring.site_file import SUBMIT_SOCKET

_PHRASE_SPECIALS = frozenset('()<>[]:;@\\,."')


def deliver(site_file: Path, options: Options) -> int:
    """Take the message on standard input and return the exit code."""
    if not options.addresses and not options.from_header:
        raise CommandError("Recipient names must be specified", os.EX_USAGE)
    site = read_site_file(site_file)
    message = MessageInput(sys.stdin.buffer, site.limits, ignore_dots=options.ignore_dots)
    try:
        header = message.read_header()
        wanted = wanted_recipients(site, options, header)
        letter = compose(site, options, header, message, wanted.addresses)
        handover = hand_over(site, letter, verbose=options.verbose)
    except MalformedError as error:
        raise CommandError(f"{error}: the message was NOT accepted", os.EX_DATAERR) from error
    except HandoverError as error:
        report_refused(error.refused, quiet=options.error_mode == "q")
        raise
    if options.verbose:
        print(f"Sent: {handover.reply}")
    return _code(wanted.problems, handover.refused, quiet=options.error_mode == "q")


def wanted_recipients(site: Site, options: Options, header: bytes) -> AddressList:
    """Return whom the message is for: the arguments and, with -t, those of the header.  Raises CommandError."""
    lists = [parse_address_list(argument) for argument in options.addresses]
    if options.from_header:
        lists.append(recipients_of(header))
    problems = tuple(problem for each in lists for problem in each.problems)
    unique = {address.key: address for each in lists for address in (qualified(site, a) for a in each.addresses)}
    if not unique:
        for problem in problems:
            print(f"sendmail: {printable(problem)}", file=sys.stderr)
        if options.from_header:
            raise CommandError("No recipient addresses found in header", os.EX_DATAERR if problems else os.EX_USAGE)
        raise CommandError("Recipient names must be specified", os.EX_DATAERR if problems else os.EX_USAGE)
    if len(unique) > site.limits.recipients:
        limit = site.limits.recipients
        raise CommandError(f"{len(unique)} recipients, but one message may have {limit}: NOT accepted", os.EX_DATAERR)
    return AddressList(tuple(unique.values()), problems)


def compose(
    site: Site, options: Options, header: bytes, message: MessageInput, recipients: tuple[Address, ...]
) -> Letter:
    """Put together what is handed in."""
    reverse_path = read_reverse_path(site, options.sender)
    body = message.body_chunks()
    first = next(body, b"")
    if options.full_name and missing(header, (b"From",)):
        author = reverse_path.address or login_address(site)
        header = f"From: {phrase(options.full_name)} <{author}>\r\n".encode() + header
    # Bcc names people who must not be seen by the others; RFC 5322 section 3.6.3.
    header = remove(header, (b"Bcc", b"Resent-Bcc"))
    return Letter(
        reverse_path=reverse_path,
        recipients=recipients,
        text=chain((header + b"\r\n" + first,), body),
        mail=mail_parameters(options, reverse_path, recipients, is_ascii=header.isascii() and first.isascii()),
        rcpt=RcptParameters(notify=read_notify(options.notify)),
    )


def mail_parameters(
    options: Options, reverse_path: MailPath, recipients: tuple[Address, ...], *, is_ascii: bool
) -> MailParameters:
    """Return the parameters of MAIL.  Without -B the beginning of the text decides between 7BIT and 8BITMIME."""
    sender = reverse_path.address
    body = Body(options.body) if options.body else Body.SEVEN_BIT if is_ascii else Body.EIGHT_BIT_MIME
    return MailParameters(
        body=body,
        # RFC 6531 section 3.4: only an address outside ASCII needs it.
        smtputf8=not all(address.is_ascii for address in (*recipients, *([sender] if sender else []))),
        ret={"FULL": Return.FULL, "HDRS": Return.HEADERS}.get(options.ret),
        envid=options.envid,
    )


def read_notify(words: str) -> Notify | None:
    """Return what -N asks for; None without it."""
    if not words:
        return None
    notify = Notify.NEVER
    for word in words.split(","):
        notify |= Notify[word]
    return notify


def phrase(name: str) -> str:
    """Return a full name as a display name: quoted where RFC 5322 section 3.2.5 wants it, encoded outside ASCII."""
    name = " ".join(name.split())
    if not name.isascii():
        from email.header import Header

        return Header(name, "utf-8", maxlinelen=998).encode()
    if _PHRASE_SPECIALS.isdisjoint(name):
        return name
    quoted = quote_local_part(f" {name}")  # the blank makes sure that it is quoted
    return '"' + quoted[2:]


def hand_over(site: Site, letter: Letter, *, verbose: bool = False) -> Handover:
    """Give a letter to the daemon, or to the spool when the daemon is down."""
    from posthouse.cli.submission.submit_socket import DaemonDownError, SubmitConnection

    try:
        connection = SubmitConnection(submit_socket(site), _Screen() if verbose else None)
    except DaemonDownError:
        from posthouse.cli.submission.submit_direct import submit

        return submit(site, letter)
    return connection.submit(letter)


def submit_socket(site: Site) -> Path:
    """Return the socket on which the daemon takes mail from this machine's programs."""
    return site.run / SUBMIT_SOCKET


def report_refused(refused: tuple[Refused, ...], *, quiet: bool) -> None:
    """Tell which recipients were not taken."""
    for one in refused if not quiet else ():
        print(f"{one.recipient}... {printable(str(one.reply))}", file=sys.stderr)


def _code(problems: tuple[str, ...], refused: tuple[Refused, ...], *, quiet: bool) -> int:
    """Return the exit code of a message that was taken for some of its recipients at least."""
    report_refused(refused, quiet=quiet)
    for problem in problems if not quiet else ():
        print(f"sendmail: {printable(problem)}; the others were sent", file=sys.stderr)
    if refused:
        # Never EX_TEMPFAIL: who tries again would send a second copy to those that were taken.
        code = refusal_code(refused)
        return os.EX_UNAVAILABLE if code == os.EX_TEMPFAIL else code
    return os.EX_DATAERR if problems else os.EX_OK


class _Screen:
    """The dialogue, for -v."""

    def sent(self, line: bytes) -> None:
        print(f">>> {printable(line.decode('utf-8', 'replace'))}")

    def received(self, line: bytes) -> None:
        print(printable(line.decode("utf-8", "replace")))
