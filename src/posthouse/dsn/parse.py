"""Reading a report back: which recipients it is about, and what it says of each.

Tolerant of what other mailers write, strict about what it concludes: a report
without a recipient, an action or a status that RFC 3464 knows is malformed.
Bounded: at most ``MOST_RECIPIENTS`` groups are read.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from posthouse.dsn.report import Action
from posthouse.mail.errors import MalformedError
from posthouse.mail.status import Status

MOST_RECIPIENTS = 10_000

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_STATUS = re.compile(r"\s*([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s.*)?", re.DOTALL)

Fields = Mapping[str, str]  # names in lower case; the first of each name counts


class ParsedRecipient(Struct, frozen=True):
    """One recipient's group.  Addresses without their type; "" where the field is missing."""

    final: str
    action: Action
    status: Status
    original: str
    remote: str
    diagnostic: str
    fields: Fields


class ParsedReport(Struct, frozen=True):
    """A report as read: the message's fields, the recipients', and the returned part."""

    envid: str
    reporting_mta: str
    recipients: tuple[ParsedRecipient, ...]
    returned: bytes
    fields: Fields


def parse(text: bytes) -> ParsedReport:
    """Read a multipart/report with CRLF line ends.  Raises MalformedError."""
    parts = _parts(text)
    index = next((i for i, (kind, _) in enumerate(parts) if kind in _STATUS_TYPES), None)
    if index is None:
        raise MalformedError("no part is a delivery status")
    groups = _groups(parts[index][1])
    if len(groups) < 2:
        raise MalformedError("the delivery status names no recipient")
    message = groups[0]
    return ParsedReport(
        envid=message.get("original-envelope-id", ""),
        reporting_mta=_after_type(message.get("reporting-mta", "")),
        recipients=tuple(_recipient(group) for group in groups[1:]),
        returned=parts[index + 1][1] if index + 1 < len(parts) else b"",
        fields=message,
    )


def _parts(text: bytes) -> list[tuple[str, bytes]]:
    """Return type and body of each part of the outermost multipart/report."""
    header, _, body = text.partition(b"\r\n\r\n")
    content_type = _fields(header).get("content-type", "")
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/report") or boundary is None:
        raise MalformedError("not a multipart/report with a boundary")
    delimiter = f"\r\n--{boundary[1] or boundary[2]}".encode("utf-8", "replace")
    pieces = (b"\r\n" + body).split(delimiter, 20)[1:]
    parts = []
    for piece in pieces:
        if piece.startswith(b"--"):
            break
        part_header, _, part_body = _after_line(piece).partition(b"\r\n\r\n")
        kind = _fields(part_header).get("content-type", "text/plain").partition(";")[0].strip().lower()
        parts.append((kind, part_body))
    return parts


def _after_line(piece: bytes) -> bytes:
    """Drop the rest of the delimiter's line; keep its line end so that a part may have no header."""
    _, end, rest = piece.partition(b"\r\n")
    return b"\r\n" + rest if end and rest.startswith(b"\r\n") else rest


def _groups(body: bytes) -> list[Fields]:
    groups = [_fields(group) for group in re.split(rb"(?:\r\n){2,}", body.strip(b"\r\n"), maxsplit=MOST_RECIPIENTS + 1)]
    return [group for group in groups[: MOST_RECIPIENTS + 1] if group]


def _fields(block: bytes) -> Fields:
    unfolded = re.sub(rb"\r\n[ \t]+", b" ", block).decode("utf-8", "replace")
    fields: dict[str, str] = {}
    for line in unfolded.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def _recipient(group: Fields) -> ParsedRecipient:
    try:
        action = Action(group.get("action", "").partition(" ")[0].lower())
    except ValueError as error:
        raise MalformedError(f"{group.get('action', '')!r} is not an action of RFC 3464") from error
    status = _STATUS.fullmatch(group.get("status", ""))
    if status is None or "final-recipient" not in group:
        raise MalformedError("a recipient without address or status")
    return ParsedRecipient(
        final=_after_type(group["final-recipient"]),
        action=action,
        status=Status.parse(status[1]),
        original=_after_type(group.get("original-recipient", "")),
        remote=_after_type(group.get("remote-mta", "")),
        diagnostic=_after_type(group.get("diagnostic-code", "")),
        fields=group,
    )


def _after_type(value: str) -> str:
    """Return what follows the type: ``user@example`` of ``rfc822; user@example``."""
    _, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon else value
