"""What submit says to the peer.  The rule: bland; causes go to the log.  Statuses by RFC 3463."""

from posthouse.mail.queued import QueueId
from posthouse.mail.reply import Reply, reply
from posthouse.mail.status import Status

SENDER_ACCEPTED = reply(250, "2.1.0", "sender accepted")
RECIPIENT_ACCEPTED = reply(250, "2.1.5", "recipient accepted")
SEND_TEXT = Reply(354, ("send the text, end with CRLF.CRLF",))
CANNOT_VERIFY = reply(252, "2.5.0", "cannot verify, but will take a message and try to deliver it")

NO_SENDER = reply(503, "5.5.1", "MAIL first")
NO_RECIPIENTS = reply(554, "5.5.1", "no valid recipients")
NO_TEXT = reply(503, "5.5.1", "no text was begun")
NOT_ASCII = reply(553, "5.6.7", "a non-ASCII address needs SMTPUTF8")
NOT_AN_ADDRESS = reply(501, "5.1.3", "not an address")
NO_RELAYING = reply(550, "5.7.1", "relaying is not allowed")
NO_EXPANSION = reply(550, "5.7.1", "this is not a list that may be shown")
TOO_MANY_RECIPIENTS = reply(452, "4.5.3", "too many recipients; send the others in another transaction")
TOO_LARGE = reply(552, "5.3.4", "the message is larger than this host takes")
HEADER_TOO_LARGE = reply(552, "5.3.4", "the header is larger than this host takes")
TOO_MANY_FIELDS = reply(554, "5.6.0", "the header has more fields than this host takes from a local program")
TOO_MANY_HOPS = reply(554, "5.4.6", "too many hops: this message is in a loop")
SPOOL_TROUBLE = reply(451, "4.3.0", "cannot keep the message now; try again later")
SPOOL_FULL = reply(452, "4.3.1", "no room to keep the message now; try again later")

_OK = Status(2, 0, 0)


def accepted(queue_id: QueueId) -> Reply:
    """Return the promise.  Made only after the commit returned."""
    return Reply(250, (f"{queue_id} accepted",), _OK)


def queue_not_started(node: str) -> Reply:
    """Return the answer to ETRN where nobody starts the queue, or it cannot be started now.  RFC 1985 section 5.3."""
    return reply(458, "4.5.0", f"Unable to queue messages for node {node}")
