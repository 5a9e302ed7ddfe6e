"""A report as a message: multipart/report with words, fields, and what is returned.

RFC 6522 (the container), RFC 3464 (the fields), RFC 6533 (the same with UTF-8
addresses), RFC 3461 section 6 (who gets it and how).  The rule: whatever
strangers have put into addresses and diagnostics, the report has the parts and
fields that are made here and no others, and nothing of the message is
re-serialised.  A message that comes back whole may be large: it never comes here, its report is what goes before
and behind it.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

from posthouse.dsn.fields import (
    address_field,
    escape_non_ascii,
    field,
    one_line,
    original_recipient,
    readable_xtext,
)
from posthouse.dsn.report import Action, RecipientReport, Report, Whole
from posthouse.dsn.survey import LONG_LINE, MOST_LINE, boundary
from posthouse.dsn.words import SUBJECTS, human_text, leading_action
from posthouse.mail.dates import format_date

_MESSAGE_ID = re.compile(
    rb"^message-id:(?:[ \t]|\r\n[ \t])*(<[!-;=?-~]{1,200}>)(?:[ \t])*\r$", re.IGNORECASE | re.MULTILINE
)


class Composed(Struct, frozen=True):
    """A report as message text with CRLF line ends; with ``has_whole`` all of the message stands between the two."""

    before: bytes
    after: bytes
    has_whole: bool
    is_ascii: bool  # the message, too


def compose(report: Report) -> Composed:
    """Compose the report."""
    whole = _whole(report)
    words, statuses = human_text(report).encode(), _statuses(report).encode()
    header = b"" if whole else _header_that_may_travel(report.header)
    mark = _boundary(report.token, whole.boundaries if whole else 0, (words, statuses, header))
    is_ascii = all(piece.isascii() for piece in (words, statuses, header)) and (whole is None or whole.is_ascii)
    returned = _returned_head(mark, report, whole) if whole else _header_head(mark, report, header)
    pieces = [
        _header(report, mark, is_ascii=is_ascii),
        _part_head(mark, "text/plain; charset=utf-8", "Notification", is_ascii=words.isascii()),
        words,
        _part_head(mark, _status_type(report), "Delivery report", is_ascii=statuses.isascii()),
        statuses,
        returned,
        header,
    ]
    before = b"".join(pieces)
    return Composed(before, f"\r\n--{mark}--\r\n".encode(), whole is not None, is_ascii and before.isascii())


def _whole(report: Report) -> Whole | None:
    """Return what is known of the whole message, if its lines can travel in a report."""
    whole = report.whole
    return None if whole is None or (whole.has_long_line and not report.is_kept) else whole


def _header_that_may_travel(returned: bytes) -> bytes:
    header = returned.partition(b"\r\n\r\n")[0]
    header = header if header.endswith(b"\r\n") else header + b"\r\n"
    return LONG_LINE.sub(lambda match: match[0][:MOST_LINE], header)


def _header(report: Report, mark: str, *, is_ascii: bool) -> bytes:
    name = one_line(report.reporting_mta)
    is_global = "global-" if _is_global(report) else ""
    recipient = one_line(report.recipient)
    lines = [
        field("From", f"Mail Delivery System <MAILER-DAEMON@{name}>"),
        field("To", f"<{recipient}>" if recipient else "undisclosed-recipients:;"),
        field("Subject", SUBJECTS[leading_action(report)]),
        field("Date", format_date(report.date)),
        field("Message-ID", f"<{report.token}.{report.queue_id}@{name}>"),
        *_references(report.header),
        # RFC 3834 section 3.1.7: so that vacation programs and lists leave it alone.
        field("Auto-Submitted", "auto-replied"),
        field("MIME-Version", "1.0"),
        # RFC 6522 section 3: the report-type is the subtype of the second part.
        f'Content-Type: multipart/report; report-type={is_global}delivery-status;\r\n boundary="{mark}"\r\n',
        field("Content-Transfer-Encoding", _encoding(is_ascii=is_ascii)),
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


def _part_head(mark: str, content_type: str, description: str, *, is_ascii: bool) -> bytes:
    # The line end before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1).
    return (
        f"\r\n--{mark}\r\n"
        + field("Content-Description", description)
        + field("Content-Type", content_type)
        + field("Content-Transfer-Encoding", _encoding(is_ascii=is_ascii))
        + "\r\n"
    ).encode()


def _encoding(*, is_ascii: bool) -> str:
    return "7bit" if is_ascii else "8bit"


def _boundary(token: str, number: int, contents: Sequence[bytes]) -> str:
    """Return the first boundary from this number on that the content does not hold."""
    while any(boundary(token, number).encode() in content for content in contents):
        number += 1
    return boundary(token, number)


def _is_global(report: Report) -> bool:
    """UTF-8 in the fields only towards a sender whose own system speaks SMTPUTF8.  RFC 6533 section 3."""
    return report.smtputf8 or not report.recipient.isascii()


def _status_type(report: Report) -> str:
    return "message/global-delivery-status" if _is_global(report) else "message/delivery-status"


def _returned_head(mark: str, report: Report, whole: Whole) -> bytes:
    content_type = "message/global" if _is_global(report) else "message/rfc822"
    return _part_head(mark, content_type, "Message", is_ascii=whole.is_ascii)


def _header_head(mark: str, report: Report, header: bytes) -> bytes:
    content_type = "message/global-headers" if _is_global(report) else "text/rfc822-headers"
    return _part_head(mark, content_type, "Message header", is_ascii=header.isascii())


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
