"""Reports in sendmail's words: what happened, the transcript, the machine-readable part, the message.

RFC 3464 as sendmail 8 writes it.  Lines end with LF; the header stands apart, since it is edited for each mailer.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

_LONGEST: Final = 800  # characters of a value


class Fate(Enum):
    """What became of a recipient: the line under which it stands."""

    FAILED = "The following addresses had permanent fatal errors"
    DELAYED = "The following addresses had transient non-fatal errors"
    SUCCEEDED = "The following addresses had successful delivery notifications"


class Reported(Struct, frozen=True):
    """One recipient of a report.

    ``final`` and ``actual`` have their type before them (``rfc822; user@host``); ``reason`` is for people;
    ``diagnostic`` has its type before it; ``expanded_from`` is the alias; ``remark`` stands behind the address.
    """

    address: str
    fate: Fate
    final: str
    action: str
    status: str
    last_attempt: str
    actual: str = ""
    original: str = ""
    reason: str = ""
    expanded_from: str = ""
    remark: str = ""
    remote: str = ""
    diagnostic: str = ""
    retry_until: str = ""


class Report(Struct, frozen=True):
    """A report.  Dates are written out.  ``returned`` are the header lines of the message it is about."""

    host: str  # ours
    boundary: str
    arrived: str
    came_from: str
    recipients: tuple[Reported, ...]
    transcript: tuple[str, ...]
    returned: tuple[str, ...]
    returns_body: bool
    received_from: str = ""  # with its type
    envelope_id: str = ""
    message_name: str = ""  # told the postmaster
    introduction: tuple[str, ...] = ()  # lines of the site's own: the option ErrorHeader
    delayed_for: str = ""  # of a warning: how long, in words
    has_eight_bits: bool = False  # the message has


def report_subject(report: Report, *, to_postmaster: bool) -> tuple[str, str]:
    """Return the values of Subject and Auto-Submitted."""
    fates = {one.fate for one in report.recipients}
    if to_postmaster:
        subject, kind = "Postmaster notify: see transcript for details", "postmaster-notification"
    elif Fate.FAILED in fates:
        subject, kind = "Returned mail: see transcript for details", "failure"
    elif Fate.DELAYED in fates:
        subject, kind = f"Warning: could not send message for past {report.delayed_for}", "warning-timeout"
    else:
        subject, kind = "Return receipt", "return-receipt"
    return subject, f"auto-generated ({kind})"


def content_type(report: Report) -> str:
    """Return the value of Content-Type, folded."""
    return f'multipart/report; report-type=delivery-status;\n\tboundary="{report.boundary}"'


def report_text(report: Report) -> tuple[str, str]:
    """Return what stands before the returned body, and what stands behind it."""
    lines = ["This is a MIME-encapsulated message", "", f"--{report.boundary}", ""]
    lines += _for_people(report)
    lines += ["", f"--{report.boundary}", "Content-Type: message/delivery-status", ""]
    lines += _for_machines(report)
    kind = "message/rfc822" if report.returns_body else "text/rfc822-headers"
    lines += ["", f"--{report.boundary}", f"Content-Type: {kind}"]
    if report.has_eight_bits:
        lines.append("Content-Transfer-Encoding: 8bit")
    lines += ["", *report.returned]
    if report.returns_body:
        lines.append("")
    return _joined(lines), _joined(["", f"--{report.boundary}--", ""])


def _for_people(report: Report) -> list[str]:
    lines = []
    if report.delayed_for:
        lines += _WARNING
    lines += [f"The original message was received at {report.arrived}", f"from {report.came_from}"]
    if report.message_name:
        lines.append(f"with id {report.message_name}")
    if report.introduction:
        lines += ["", *report.introduction]
    for fate in Fate:
        those = [one for one in report.recipients if one.fate is fate]
        if those:
            lines += ["", f"   ----- {fate.value} -----"]
            for one in those:
                lines += _person(one)
    if report.transcript:
        lines += ["", "   ----- Transcript of session follows -----", *report.transcript]
    return lines


_WARNING: Final = [
    "    **********************************************",
    "    **      THIS IS A WARNING MESSAGE ONLY      **",
    "    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **",
    "    **********************************************",
    "",
]


def _person(one: Reported) -> Sequence[str]:
    lines = [f"{one.address}  ({one.remark})" if one.remark else one.address]
    if one.reason:
        lines.append(f"    (reason: {one.reason})")
    if one.expanded_from:
        lines.append(f"    (expanded from: {one.expanded_from})")
    return lines


def _for_machines(report: Report) -> list[str]:
    lines = [f"Original-Envelope-Id: {report.envelope_id}"] if report.envelope_id else []
    lines.append(f"Reporting-MTA: dns; {report.host}")
    if report.received_from:
        lines.append(f"Received-From-MTA: {report.received_from}")
    lines.append(f"Arrival-Date: {report.arrived}")
    for one in report.recipients:
        lines += ["", *_fields(one)]
    return lines


def _fields(one: Reported) -> list[str]:
    fields = (
        ("Original-Recipient", one.original),
        ("Final-Recipient", one.final),
        ("X-Actual-Recipient", one.actual if one.actual != one.final else ""),
        ("Action", one.action),
        ("Status", one.status),
        ("Remote-MTA", one.remote),
        ("Diagnostic-Code", one.diagnostic),
        ("Last-Attempt-Date", one.last_attempt),
        ("Will-Retry-Until", one.retry_until),
    )
    return [f"{name}: {value[:_LONGEST]}" for name, value in fields if value]


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
