"""``posthouse queue import --from sendmail``: take over the queue that a real sendmail left.

A message is taken whole or not at all.  Its files are set aside only when the spool has it for good: whatever
happens, it is in one of the two places, and after a crash perhaps in both.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import Struct

from posthouse.cli.errors import CommandError
from posthouse.cli.formats import plural, printable
from posthouse.cli.options import print_json
from posthouse.cli.queue.sendmail_directory import FoundMessage, LeftMessage, find_messages, set_aside, text_of
from posthouse.cli.site_access import read_site_file, require_operator
from posthouse.cli.submission.people import read_address
from posthouse.cli.submission.submit_direct import local_client, open_intake
from posthouse.mail.address import NULL_PATH, Address
from posthouse.mail.address import Path as MailPath
from posthouse.mail.envelope import Body, Notify, Return
from posthouse.mail.errors import PosthouseError
from posthouse.mail.reply import Reply
from posthouse.mail.xtext import is_xtext
from posthouse.queueing.sendmail_qf import ControlFile, ControlRecipient
from posthouse.site.model import Site
from posthouse.smtp.parameters import MailParameters, RcptParameters
from posthouse.submit.eager import run
from posthouse.submit.intake import Intake

_NULL_SENDERS = frozenset({"", "<>"})
_OTHER_THAN_MAILBOXES = {"|": "a program", "/": "a file", ":": "a list in a file"}


class Fate(Struct, frozen=True):
    """What became of one message: taken (``reply`` names it), or left, and why."""

    file: str
    taken: bool
    reply: str
    recipients: int = 0


class _LeftError(PosthouseError):
    """A message cannot be taken; caught where its fate is told."""


def import_queue(site_file: Path, directory: Path, *, dry_run: bool, as_json: bool) -> int:
    """Take over a directory; print what became of each message; return 65 when any is left."""
    site = read_site_file(site_file)
    require_operator(site)
    fates: list[Fate] = []
    try:
        for fate in _import_all(site, directory, dry_run=dry_run):
            fates.append(fate)
            _tell(fate, as_json=as_json)
    except OSError as error:
        raise CommandError(f"{error.filename or directory}: {error.strerror}", os.EX_NOINPUT) from error
    taken = sum(fate.taken for fate in fates)
    if not as_json:
        verb = "would be imported" if dry_run else "imported"
        click.echo(f"{plural(taken, 'message')} {verb}, {len(fates) - taken} left in {directory}")
    return os.EX_OK if taken == len(fates) else os.EX_DATAERR


def _tell(fate: Fate, *, as_json: bool) -> None:
    if as_json:
        print_json(fate)
    else:
        click.echo(f"{fate.file}: {'' if fate.taken else 'left: '}{printable(fate.reply)}")


def _import_all(site: Site, directory: Path, *, dry_run: bool) -> Iterator[Fate]:
    intake = None
    for message in find_messages(directory):
        name = str(message.path.relative_to(directory))
        if isinstance(message, LeftMessage):
            yield Fate(name, taken=False, reply=message.reason)
            continue
        intake = intake or open_intake(site)
        try:
            reply = _import_one(site, intake, message, dry_run=dry_run)
        except PosthouseError as error:
            yield Fate(name, taken=False, reply=str(error))
        else:
            yield Fate(name, taken=True, reply=reply, recipients=len(message.control.recipients))


def _import_one(site: Site, intake: Intake, message: FoundMessage, *, dry_run: bool) -> str:
    transaction = intake.begin(local_client(site))
    try:
        _insist(run(transaction.sender(_reverse_path(site, message.control), _mail_parameters(message.control))))
        for recipient in message.control.recipients:
            path = MailPath(_address(site, recipient))
            _insist(run(transaction.recipient(path, _rcpt_parameters(recipient))), recipient.address)
        if dry_run:
            return f"would be imported, {plural(len(message.control.recipients), 'recipient')}"
        _insist(run(transaction.start_text()))
        for chunk in text_of(message):
            run(transaction.write(chunk))
        reply = run(transaction.finish())
        _insist(reply)
    finally:
        run(transaction.abandon())
    set_aside(message)
    return reply.text


def _insist(reply: Reply, about: str = "") -> None:
    if not reply.is_positive:
        raise _LeftError(f"{about}: {reply}" if about else str(reply))


def _reverse_path(site: Site, control: ControlFile) -> MailPath:
    # A report's sender is MAILER-DAEMON in the file and nobody on the wire.
    if control.sender in _NULL_SENDERS or "r" in control.flags:
        return NULL_PATH
    try:
        return MailPath(read_address(site, control.sender, "sender"))
    except CommandError as error:
        raise _LeftError(str(error)) from error


def _address(site: Site, recipient: ControlRecipient) -> Address:
    what = _OTHER_THAN_MAILBOXES.get(recipient.address.lstrip('"')[:1])
    if what is not None:
        raise _LeftError(f"{recipient.address}: {what} can be a recipient only by an alias of this site")
    try:
        return read_address(site, recipient.address, "recipient")
    except CommandError as error:
        raise _LeftError(str(error)) from error


def _mail_parameters(control: ControlFile) -> MailParameters:
    ret = None
    if "d" in control.flags:
        ret = Return.HEADERS if "n" in control.flags else Return.FULL
    is_eight_bit = "8" in control.flags or control.body.upper() == Body.EIGHT_BIT_MIME.value
    envid = control.envelope_id if is_xtext(control.envelope_id) else ""
    return MailParameters(body=Body.EIGHT_BIT_MIME if is_eight_bit else Body.SEVEN_BIT, ret=ret, envid=envid)


def _rcpt_parameters(recipient: ControlRecipient) -> RcptParameters:
    if "N" not in recipient.flags:
        return RcptParameters(orcpt=recipient.original)
    notify = Notify.NEVER
    for letter, one in (("S", Notify.SUCCESS), ("F", Notify.FAILURE), ("D", Notify.DELAY)):
        if letter in recipient.flags:
            notify |= one
    return RcptParameters(notify, recipient.original)
