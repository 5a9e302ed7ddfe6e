"""A report as a message: multipart/report with words, fields, and what is returned.

RFC 6522 (the container), RFC 3464 (the fields), RFC 6533 (the same with UTF-8
addresses), RFC 3461 section 6 (who gets it and how).  The rule: whatever
strangers have put into addresses and diagnostics, the report has the parts and
fields that are made here and no others, and nothing of the message is
re-serialised.
"""

import re
from collections.abc import Sequence

from posthouse.dsn.fields import (
    address_field,
    escape_non_ascii,
    field,
    one_line,
    original_recipient,
    readable_xtext,
)
from posthouse.dsn.report import Action, RecipientReport, Report
from posthouse.dsn.words import SUBJECTS, human_text, leading_action
from posthouse.mail.dates import format_date

_MOST_LINE = 998  # RFC 5322 section 2.1.1
_MESSAGE_ID = re.compile(
    rb"^message-id:(?:[ \t]|\r\n[ \t])*(<[!-;=?-~]{1,200}>)(?:[ \t])*\r$", re.IGNORECASE | re.MULTILINE
)
# Only where a line begins: tried at each octet, lines just short of it would be read a thousand times.
_LONG_LINE = re.compile(rb"(?<![^\r\n])[^\r\n]{%d,}" % (_MOST_LINE + 1))


def compose(report: Report) -> bytes:
    """Return the report as message text with CRLF line ends.  What is returned may be large: it is copied once."""
    returned, is_full = _returned(report)
    words, statuses = human_text(report).encode(), _statuses(report).encode()
    boundary = _boundary(report.token, (words, statuses, returned))
    pieces = [
        *_part(boundary, "text/plain; charset=utf-8", "Notification", words),
        *_part(boundary, _status_type(report), "Delivery report", statuses),
        *_part(boundary, _returned_type(report, is_full), "Message" if is_full else "Message header", returned),
        f"--{boundary}--\r\n".encode(),
    ]
    return b"".join([_header(report, boundary, pieces), b"\r\n", *pieces])


def _header(report: Report, boundary: str, body: Sequence[bytes]) -> bytes:
    name = one_line(report.reporting_mta)
    is_global = "global-" if _is_global(report) else ""
    recipient = one_line(report.recipient)
    lines = [
        field("From", f"Mail Delivery System <MAILER-DAEMON@{name}>"),
        field("To", f"<{recipient}>" if recipient else "undisclosed-recipients:;"),
        field("Subject", SUBJECTS[leading_action(report)]),
        field("Date", format_date(report.date)),
        field("Message-ID", f"<{report.token}.{report.queue_id}@{name}>"),
        *_references(report.returned),
        # RFC 3834 section 3.1.7: so that vacation programs and lists leave it alone.
        field("Auto-Submitted", "auto-replied"),
        field("MIME-Version", "1.0"),
        # RFC 6522 section 3: the report-type is the subtype of the second part.
        f'Content-Type: multipart/report; report-type={is_global}delivery-status;\r\n boundary="{boundary}"\r\n',
        field("Content-Transfer-Encoding", _encoding(*body)),
    ]
    return "".join(lines).encode()


def _references(returned: bytes) -> list[str]:
    end = returned.find(b"\r\n\r\n")
    header = (returned if end < 0 else returned[:end]) + b"\r\n"
    match = _MESSAGE_ID.search(header)
    if match is None:
        return []
    message_id = match[1].decode("ascii")
    return [field("In-Reply-To", message_id), field("References", message_id)]


def _part(boundary: str, content_type: str, description: str, body: bytes) -> tuple[bytes, ...]:
    header = (
        f"--{boundary}\r\n"
        + field("Content-Description", description)
        + field("Content-Type", content_type)
        + field("Content-Transfer-Encoding", _encoding(body))
    )
    # The line end before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1).
    return header.encode(), b"\r\n", body, b"\r\n"


def _encoding(*pieces: bytes) -> str:
    return "7bit" if all(piece.isascii() for piece in pieces) else "8bit"


def _boundary(token: str, contents: Sequence[bytes]) -> str:
    """Return a boundary that the content does not hold; the "=_" keeps clear of quoted-printable and base64."""
    number = 0
    while any((boundary := f"=_{token}_{number}").encode() in content for content in contents):
        number += 1
    return boundary


def _is_global(report: Report) -> bool:
    """UTF-8 in the fields only towards a sender whose own system speaks SMTPUTF8.  RFC 6533 section 3."""
    return report.smtputf8 or not report.recipient.isascii()


def _status_type(report: Report) -> str:
    return "message/global-delivery-status" if _is_global(report) else "message/delivery-status"


def _returned_type(report: Report, is_full: bool) -> str:
    if _is_global(report):
        return "message/global" if is_full else "message/global-headers"
    return "message/rfc822" if is_full else "text/rfc822-headers"


def _returned(report: Report) -> tuple[bytes, bool]:
    """Return what is brought back: the whole message only if its lines can travel in a report."""
    if report.is_full and (report.is_kept or not _LONG_LINE.search(report.returned)):
        return report.returned, True
    header = report.returned.partition(b"\r\n\r\n")[0]
    header = header if header.endswith(b"\r\n") else header + b"\r\n"
    return _LONG_LINE.sub(lambda match: match[0][:_MOST_LINE], header), False


def _statuses(report: Report) -> str:
    groups = [_message_fields(report)]
    groups += [_recipient_fields(recipient, unicode=_is_global(report)) for recipient in report.recipients]
    return "\r\n".join(groups)


def _message_fields(report: Report) -> str:
    lines = [field("Reporting-MTA", f"dns; {report.reporting_mta}")]
    if report.envid:
        envid = readable_xtext(report.envid)
        lines.insert(0, field("Original-Envelope-Id", envid if _is_global(report) else escape_non_ascii(envid)))
    lines.append(field("Arrival-Date", format_date(report.arrival)))
    lines.append(field("X-Posthouse-Queue-ID", report.queue_id))
    return "".join(lines)


def _recipient_fields(recipient: RecipientReport, *, unicode: bool) -> str:
    lines = []
    if original := original_recipient(recipient.orcpt, recipient.given, unicode=unicode):
        lines.append(field("Original-Recipient", original))
    lines.append(field("Final-Recipient", address_field("rfc822", str(recipient.final), unicode=unicode)))
    lines.append(field("Action", recipient.action.value))
    lines.append(field("Status", str(recipient.status)))
    if recipient.remote:
        lines.append(field("Remote-MTA", f"dns; {escape_non_ascii(one_line(recipient.remote))}"))
    lines.append(field("Diagnostic-Code", _diagnostic(recipient, unicode=unicode)))
    if recipient.last_attempt is not None:
        lines.append(field("Last-Attempt-Date", format_date(recipient.last_attempt)))
    if recipient.action is Action.DELAYED and recipient.retry_until is not None:
        lines.append(field("Will-Retry-Until", format_date(recipient.retry_until)))
    return "".join(lines)


def _diagnostic(recipient: RecipientReport, *, unicode: bool) -> str:
    """Return the words with their kind: a reply of SMTP, or our own.  RFC 3464 section 2.3.6."""
    text = one_line(recipient.diagnostic)
    text = text if unicode else escape_non_ascii(text)
    if not recipient.code:
        return f"X-Posthouse; {text}"
    code = str(recipient.code)
    return f"smtp; {text}" if text.startswith(f"{code} ") else f"smtp; {code} {text}"
