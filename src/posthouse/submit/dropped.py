"""The first line of a dropped message: its envelope, as JSON over the words of SMTP.

    {"drop":1,"mail":"FROM:<ann@example.org> BODY=8BITMIME","rcpt":["TO:<joe@example.org> NOTIFY=NEVER"]}

The rule: whoever can write a file can write anything into it, so the line is read as
the wire is: bounded, and by the same parser.

Known limits: a recipient who was given by name and is also in an alias that was given before is
written as that alias alone, so that a change of the alias until the message is picked up concerns him, too.
"""

import msgspec
from msgspec import Struct

from posthouse.mail.address import Path
from posthouse.mail.envelope import Envelope, Recipient
from posthouse.mail.errors import MalformedError
from posthouse.mail.limits import Limits
from posthouse.smtp.commands import read_mail, read_rcpt
from posthouse.smtp.parameters import MailParameters, RcptParameters, format_mail, format_rcpt

_VERSION = 1


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    """The line's JSON.  Another version may have other fields: it is asked for first."""

    drop: int
    mail: str
    rcpt: tuple[str, ...]


class _AnyVersion(Struct, frozen=True):
    drop: int


class DroppedEnvelope(Struct, frozen=True):
    """What MAIL and RCPT would have said."""

    reverse_path: Path
    mail: MailParameters
    recipients: tuple[tuple[Path, RcptParameters], ...]


def longest_line(limits: Limits) -> int:
    """Return how long the line may be: each of its parts is bounded as a command is."""
    return limits.command_octets * (limits.recipients + 1)


def write_envelope(envelope: Envelope) -> bytes:
    """Return the line, with its end.

    It has the recipients as they were given and not what they expand to: who picks the
    message up resolves them again.
    """
    given: dict[tuple[str, str], Recipient] = {}
    for recipient in envelope.recipients:
        given.setdefault(recipient.original.key, recipient)
    sender = envelope.reverse_path.address
    addresses = [recipient.original for recipient in given.values()] + ([sender] if sender else [])
    mail = MailParameters(
        body=envelope.body,
        # A local submission need not have announced it; the reader insists.
        smtputf8=envelope.smtputf8 or not all(address.is_ascii for address in addresses),
        ret=envelope.ret,
        envid=envelope.envid,
    )
    line = _Line(
        drop=_VERSION,
        mail=_argument(format_mail(envelope.reverse_path, mail), "MAIL "),
        rcpt=tuple(
            _argument(format_rcpt(recipient.original, RcptParameters(recipient.notify, recipient.orcpt)), "RCPT ")
            for recipient in given.values()
        ),
    )
    return msgspec.json.encode(line) + b"\n"


def read_envelope(line: bytes, limits: Limits) -> DroppedEnvelope:
    """Read the line.  Raises MalformedError."""
    if not line.endswith(b"\n"):
        raise MalformedError("the first line is not an envelope: it is too long, or has no end")
    try:
        version = msgspec.json.decode(line, type=_AnyVersion).drop
        if version != _VERSION:
            raise MalformedError(f"the envelope has version {version}; this Posthouse knows {_VERSION}")
        written = msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"the first line is not an envelope: {error}") from error
    if not 0 < len(written.rcpt) <= limits.recipients:
        raise MalformedError(f"{len(written.rcpt)} recipients; one message has 1 to {limits.recipients}")
    path, mail = read_mail(_bounded(written.mail, limits))
    recipients = (read_rcpt(_bounded(text, limits), smtputf8=mail.smtputf8) for text in written.rcpt)
    return DroppedEnvelope(path, mail, tuple(recipients))


def _bounded(text: str, limits: Limits) -> bytes:
    octets = text.encode()
    if len(octets) > limits.command_octets:
        raise MalformedError(f"an address with its parameters is longer than {limits.command_octets} octets")
    return octets


def _argument(command: bytes, verb: str) -> str:
    return command.decode().removeprefix(verb).removesuffix("\r\n")
