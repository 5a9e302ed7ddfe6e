"""Who may send what where.

The rule: a destination that is not ours is for those alone whom the listener trusts.  The header,
HELO and reverse DNS are never asked.  An alias of ours may lead anywhere: that is the
site's own decision, so the decision here is on the domain that the client named.  A sender
is not looked up: its syntax was the grammar's to judge.
"""

from posthouse.mail.address import Address
from posthouse.mail.reply import Reply
from posthouse.routing.resolution import Destination
from posthouse.submit import replies
from posthouse.submit.client import Client


def refuse_size(octets: int | None, text_octets: int) -> Reply | None:
    """Return why a declared SIZE is refused before the text is sent.  RFC 1870 section 6.1."""
    return replies.TOO_LARGE if octets is not None and octets > text_octets else None


def refuse_destination(client: Client, destination: Destination) -> Reply | None:
    """Return why the client may not send there; None when it may."""
    if destination is Destination.EXTERNAL and not client.may_relay:
        return replies.NO_RELAYING
    return None


def refuse_unannounced(address: Address, client: Client, *, smtputf8: bool) -> Reply | None:
    """Return why a non-ASCII address is refused: SMTPUTF8 was not given (RFC 6531 section 3.5)."""
    if smtputf8 or client.local_submission or address.is_ascii:
        return None
    return replies.NOT_ASCII
