"""A queued message as a control file of sendmail's queue, version 8.

Sendmail Installation and Operation Guide, appendix B.  A message of a site with a sendmail.cf says what sendmail
would have written; of any other one only what the spool knows.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from posthouse.mail.envelope import MailerUser, Notify, Return
from posthouse.mail.octet_text import octets
from posthouse.mail.queued import QueueRow
from posthouse.mail.xtext import encode_xtext
from posthouse.mailers.fields import Field, Nature, split_fields
from posthouse.mailers.priority import Factors
from posthouse.mailers.stored import Circumstances, StoredHeader, final_recipient_of
from posthouse.queueing.sendmail_qf import MACRO_OCTET, ControlField, ControlFile, ControlRecipient
from posthouse.rewriting.macros import braced_name
from posthouse.rewriting.symbols import MACRO

DAEMON: Final = "MAILER-DAEMON"
_MACROS: Final = (("_", "_"), ("r", "r"), ("s", "s"), ("daemon_flags", "{daemon_flags}"))
_ANSWER: Final = re.compile(r"Deferred: [45][0-9]{2}[ -]")  # a server of the network has said it of this recipient
_NOTIFIED: Final = ((Notify.SUCCESS, "S"), (Notify.FAILURE, "F"), (Notify.DELAY, "D"))
_COMMANDS: Final = ("|", "/")  # what begins so is a program or a file


class OfSite(Struct, frozen=True):
    """What a site says of all its messages."""

    host: str  # behind a name without one
    factors: Factors = Factors()  # what a priority is made of
    default_user: int = 1  # who controls what nobody controls


def control_of(rows: Sequence[QueueRow], header: StoredHeader | bytes, site: OfSite, *, is_ascii: bool) -> ControlFile:
    """Return the control file of the recipients of one message, of which there is at least one.

    ``header`` are the octets of a message that no sendmail site has taken in; ``is_ascii`` is about its body.
    """
    stored = header if isinstance(header, StoredHeader) else None
    message = rows[0].message
    circumstances = stored.circumstances if stored is not None else Circumstances()
    attempts = max(circumstances.attempts, *(row.attempts for row in rows), 0)
    return ControlFile(
        created=_seconds(message.accepted),
        sender=circumstances.sender or octets(str(message.reverse_path)) or DAEMON,
        recipients=tuple(_recipient(row, circumstances, site) for row in rows),
        fields=_fields(header) if isinstance(header, StoredHeader) else tuple(map(_plain, split_fields(header))),
        last_attempt=_last_attempt(rows, attempts),
        attempts=attempts,
        priority=site.factors.priority(
            circumstances.octets or message.octets,
            recipients=circumstances.recipients or message.recipients,
            precedence=circumstances.precedence,
            attempts=attempts - circumstances.attempts,
        ),
        body=_body(rows, is_ascii=is_ascii),
        message=_message(rows, circumstances),
        flags=_flags(rows, stored, is_ascii=is_ascii),
        macros=_macros(circumstances.macros),
        envelope_id=message.envid,
        authenticated=encode_xtext(circumstances.author),
    )


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _last_attempt(rows: Sequence[QueueRow], attempts: int) -> int:
    if not attempts:
        return 0
    return max(_seconds(row.attempted or row.message.accepted) for row in rows)


def _message(rows: Sequence[QueueRow], circumstances: Circumstances) -> str:
    """Return what was said last: of the message when it was queued, unless somebody was tried since."""
    later = [row for row in rows if row.outcome is not None and row.attempts > circumstances.attempts]
    if circumstances.message and not later:
        return circumstances.message
    last = [row.outcome for row in later or rows if row.outcome is not None][-1:]
    return octets(last[0].diagnostic) if last else ""


def _body(rows: Sequence[QueueRow], *, is_ascii: bool) -> str:
    """Return BODY=, when there was one: eight bits are only said of a text that has some."""
    if rows[0].message.body.value == "7BIT":
        return ""
    return "7BIT" if is_ascii else rows[0].message.body.value


def _flags(rows: Sequence[QueueRow], stored: StoredHeader | None, *, is_ascii: bool) -> str:
    message = rows[0].message
    circumstances = stored.circumstances if stored is not None else Circumstances(is_split=True)
    known = (
        ("r", message.reverse_path.is_null),
        ("8", not is_ascii),
        ("b", stored is not None and stored.header.drops_blind and not circumstances.is_report),
        ("d", message.ret is not None),
        ("n", message.ret is Return.HEADERS or circumstances.precedence < 0),
        ("s", circumstances.is_split),
    )
    return "".join(flag for flag, holds in known if holds)


def _macros(macros: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((written, macros[name]) for name, written in _MACROS if name in macros)


def _fields(stored: StoredHeader) -> tuple[ControlField, ...]:
    fields = []
    for field in stored.header.fields:
        if Nature.RESENT in field.nature and not stored.header.is_resent:
            continue
        fields.append(ControlField(field.name, field.value.replace(MACRO, MACRO_OCTET), _condition(field)))
    return tuple(fields)


def _condition(field: Field) -> str:
    if not (field.is_conditional or Nature.CHECKED in field.nature):
        return ""
    macro = f"${braced_name(field.macro)}" if field.macro else ""
    return macro + "".join(sorted(set(field.flags)))


def _plain(field: Field) -> ControlField:
    return ControlField(field.name, field.value)


def _recipient(row: QueueRow, circumstances: Circumstances, site: OfSite) -> ControlRecipient:
    recipient = row.recipient
    who = recipient.mailer or MailerUser("", octets(str(recipient.address)), queue_flags="P")
    said = octets(row.outcome.diagnostic) if row.outcome is not None else ""
    return ControlRecipient(
        who.written,
        flags=_recipient_flags(who, recipient.notify, is_report=circumstances.is_report),
        controller=_controller(who, site),
        original=recipient.orcpt,
        final=final_recipient_of(recipient, circumstances, site.host),
        message=said if _ANSWER.match(said) else "",
    )


def _recipient_flags(who: MailerUser, notify: Notify | None, *, is_report: bool) -> str:
    """Return P, then N with what was asked for, or what is done when nobody asked; A at last."""
    usual = Notify.FAILURE if is_report else Notify.FAILURE | Notify.DELAY
    wants = usual if notify is None else notify
    words = "".join(letter for flag, letter in _NOTIFIED if flag in wants)
    return (
        ("P" if "P" in who.queue_flags else "")
        + ("" if notify is None else "N")
        + words
        + ("A" if "A" in who.queue_flags else "")
    )


def _controller(who: MailerUser, site: OfSite) -> str:
    if not who.alias:
        return ""
    if who.controller and who.uid:
        return f"{who.controller}:{who.uid}:{who.gid}:{who.alias}"
    if who.written.lstrip('"').startswith(_COMMANDS):
        return f"{who.alias}:{site.default_user}:0:{who.alias}"
    return f":{who.alias}"
