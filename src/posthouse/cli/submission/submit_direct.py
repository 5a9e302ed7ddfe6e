"""Hand a message in without the daemon: the same intake, in this process, over the spool itself.

The one rule: when this returns, the message is committed; it goes out when the daemon is up.
"""

import os
import pwd
from pathlib import Path

from posthouse.cli.driving import Drive, driver
from posthouse.cli.errors import CommandError
from posthouse.cli.submission.handover import (
    Handover,
    HandoverError,
    Letter,
    Refused,
    raise_if_all_refused,
    raise_unless_positive,
)
from posthouse.mail import address
from posthouse.mail.errors import SpoolError
from posthouse.mail.reply import Reply
from posthouse.site.model import Site
from posthouse.submit.client import Client
from posthouse.submit.intake import Intake
from posthouse.submit.transaction import Transaction


def local_client(site: Site) -> Client:
    """Return ourselves as submit sees us: a local user, who may send anywhere, and is whom the kernel says."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return Client(name=site.name, user=user, may_relay=True, local_submission=True)


def open_intake(site: Site) -> Intake:
    """Build the intake of this process: into the spool, or for a user who may not write that, into its drop.

    Raises CommandError when neither can be.
    """
    from posthouse.wiring.accepting import direct_intake

    try:
        return drop_intake(site) or direct_intake(site)
    except (PermissionError, SpoolError) as error:
        raise CommandError(not_accepted(site.spool, error), os.EX_TEMPFAIL) from error


def drop_intake(site: Site) -> Intake | None:
    """Return the way into the drop; None for a user who may write the spool, or where there is no drop."""
    if os.access(site.spool, os.R_OK | os.W_OK | os.X_OK):
        return None
    from posthouse.adapters.spool_drop import DropSpool, has_drop
    from posthouse.adapters.wakeup_unix import WakeupSender
    from posthouse.wiring.accepting import light_intake
    from posthouse.wiring.site_file import PICKUP_SOCKET

    if not has_drop(site.spool):
        return None
    drop = DropSpool(site.spool, site.limits)
    # A table that this user may not read is no reason to lose his mail: who picks it up asks again.
    return light_intake(site, drop, WakeupSender(site.run / PICKUP_SOCKET), resolves_later=True)


def not_accepted(spool: Path, error: Exception) -> str:
    """Say that a message is not kept, and why."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"the daemon does not run, and the spool {spool} cannot be written ({reason}): the message was NOT accepted"


def submit(site: Site, letter: Letter) -> Handover:
    """Hand one message in.  Raises HandoverError when it was not taken."""
    transaction = open_intake(site).begin(local_client(site))
    with driver(site) as drive:
        try:
            return _submit(drive, transaction, letter)
        except SpoolError as error:
            raise HandoverError(not_accepted(site.spool, error), os.EX_TEMPFAIL) from error
        finally:
            drive(transaction.abandon())


def _submit(drive: Drive, transaction: Transaction, letter: Letter) -> Handover:
    raise_unless_positive(drive(transaction.sender(letter.reverse_path, letter.mail)))
    refused: list[Refused] = []
    for recipient in letter.recipients:
        reply: Reply = drive(transaction.recipient(address.Path(recipient), letter.rcpt))
        if not reply.is_positive:
            refused.append(Refused(recipient, reply))
    raise_if_all_refused(letter, tuple(refused))
    raise_unless_positive(drive(transaction.start_text()))
    for chunk in letter.text:
        drive(transaction.write(chunk))
    reply = drive(transaction.finish())
    raise_unless_positive(reply)
    return Handover(reply, tuple(refused))
