"""Messages that the way in itself sends: about a bad alias, to a sender who had no authorization.

The rule: they have the null reverse-path, so that nothing is ever returned for them; one that cannot be sent is
logged, and the message that was its cause is none the worse.
"""

from posthouse.mail import events
from posthouse.mail.address import NULL_PATH, Address
from posthouse.mail.address_list import parse_address_list
from posthouse.mail.dates import format_date
from posthouse.mail.envelope import Body, Envelope, Recipient
from posthouse.mail.errors import SpoolError
from posthouse.mail.notice import Notice
from posthouse.routing.resolution import Resolved
from posthouse.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS
from posthouse.submit.client import OWN_REPORTS, Client
from posthouse.submit.parts import Parts

_OURSELVES = Client(protocol=OWN_REPORTS, may_relay=True)
_TO_MOST = 20  # addresses of one notice


async def send_notices(parts: Parts, notices: tuple[Notice, ...]) -> None:
    """Send them, each for itself."""
    for number, notice in enumerate(notices, start=1):
        try:
            reason = await _send(parts, notice, number)
        except SpoolError as error:
            reason = str(error)
        if reason:
            parts.log.event(events.TROUBLE, where="notice", recipient=", ".join(notice.to), error=reason)


async def _send(parts: Parts, notice: Notice, number: int) -> str:
    """Send one; return why it could not be.  Raises SpoolError."""
    recipients: list[Recipient] = []
    reasons: list[str] = []
    for text in notice.to[:_TO_MOST]:
        for address in parse_address_list(text, _TO_MOST).addresses:
            message = parts.router.begin(_OURSELVES)
            await message.sender(NULL_PATH, NO_MAIL_PARAMETERS)
            resolution = await message.recipient(address, NO_RCPT_PARAMETERS)
            if isinstance(resolution, Resolved):
                recipients += [
                    Recipient(one.address, one.route, address, mailer=one.mailer) for one in resolution.recipients
                ]
            else:
                reasons.append(resolution.reason)
    if not recipients:
        return "; ".join(reasons) or "it is for nobody"
    draft = parts.spool.begin()
    try:
        await draft.write(_written(parts, notice, number))
        queue_id = await draft.commit(_envelope(recipients), parts.clock.now())
    except SpoolError:
        await draft.abandon()
        raise
    parts.log.event(events.ACCEPTED, queue_id=queue_id, sender="", recipients=len(recipients), protocol="notice")
    parts.wakeup.notify()
    return ""


def _envelope(recipients: list[Recipient]) -> Envelope:
    utf8 = not all(recipient.address.is_ascii for recipient in recipients)
    return Envelope(NULL_PATH, tuple(recipients), Body.EIGHT_BIT_MIME, smtputf8=utf8)


def _written(parts: Parts, notice: Notice, number: int) -> bytes:
    site, now = parts.site, parts.clock.now()
    author = notice.sender or f"Mail system <{Address('postmaster', site.default_local_domain)}>"
    fields = (
        ("Date", format_date(now)),
        ("From", author),
        ("To", ", ".join(notice.to)),
        ("Subject", notice.subject),
        ("Message-ID", f"<{now:%Y%m%d%H%M%S.%f}.notice{number}@{site.name}>"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834
    )
    header = "".join(f"{name}: {_on_one_line(value)}\r\n" for name, value in fields)
    body = "".join(f"{line}\r\n" for line in notice.text.splitlines())
    return f"{header}\r\n{body}".encode()


def _on_one_line(value: str) -> str:
    """Let no line end of a table's value begin a field of its own."""
    return " ".join(value.split())
