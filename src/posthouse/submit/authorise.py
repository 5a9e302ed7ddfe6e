"""Who may send what where.

The rule: a destination that is not ours is for those alone whom the listener trusts.  The header,
HELO and reverse DNS are never asked.  An alias of ours may lead anywhere: that is the
site's own decision, so the decision here is on the domain that the client named.
"""

from posthouse.mail.address import Address, Path
from posthouse.mail.reply import Reply
from posthouse.routing.resolution import Destination
from posthouse.submit import replies
from posthouse.submit.client import Client


def refuse_sender(path: Path, octets: int | None, text_octets: int) -> Reply | None:
    """Return why the transaction cannot begin; None when it can.  The sender's own existence is not asked."""
    if octets is not None and octets > text_octets:
        return replies.TOO_LARGE  # RFC 1870 section 6.1: said before the text is sent
    return None if path.address is None else refuse_domain(path.address)


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


def refuse_domain(address: Address) -> Reply | None:
    """Return why a domain cannot be one: an empty label.  The grammar of the wire has seen to the rest."""
    if address.domain and not address.is_literal and ".." in address.domain:
        return replies.NOT_AN_ADDRESS
    return None
