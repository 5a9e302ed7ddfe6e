"""How values are written into a spool's columns, and read back.

Plain text and integers, nothing that takes time to import: the ``sendmail``
command goes through here.  What is read back equals what was written.
"""

import re
from datetime import UTC, datetime, timedelta

import msgspec

from posthouse.mail.address import Address, Path
from posthouse.mail.envelope import MailerUser, Notify
from posthouse.mail.errors import MalformedError
from posthouse.mail.outcome import Disposition, Outcome
from posthouse.mail.queued import Hop
from posthouse.mail.route import Route
from posthouse.mail.status import Status

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DISPOSITIONS = {disposition.value: disposition for disposition in Disposition}
_CODE = re.compile(r"[0-9]{1,3}")
_SEPARATOR = "\x1f"  # no address, host or reply line holds a control character


def to_microseconds(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return the time of to_microseconds."""
    return _EPOCH + timedelta(microseconds=microseconds)


def write_address(address: Address) -> str:
    """Write local-part and domain as they are; the last ``@`` parts them, even when there is no domain."""
    if "@" in address.domain:
        raise MalformedError(f"a domain cannot hold an @: {address.domain!r}")
    return f"{address.local_part}@{address.domain}"


def read_address(text: str) -> Address:
    """Read what write_address wrote.  Raises MalformedError."""
    local_part, at, domain = text.rpartition("@")
    if not at or not local_part:
        raise MalformedError(f"{text!r} is not an address of the spool")
    return Address(local_part, domain)


def write_mailer_user(user: MailerUser) -> str:
    """Write what a mailer is told, as JSON."""
    return msgspec.json.encode(user).decode()


def read_mailer_user(text: str) -> MailerUser:
    """Read what write_mailer_user wrote.  Raises MalformedError."""
    try:
        return msgspec.json.decode(text, type=MailerUser)
    except msgspec.DecodeError as error:
        raise MalformedError(f"not a user of a mailer: {error}") from error


def write_path(path: Path) -> str:
    """Write a reverse-path with its source route; "" for the null reverse-path."""
    if path.address is None:
        return ""
    return _SEPARATOR.join((write_address(path.address), *path.route))


def read_path(text: str) -> Path:
    """Read what write_path wrote."""
    if not text:
        return Path(None)
    address, *route = text.split(_SEPARATOR)
    return Path(read_address(address), tuple(route))


def write_notify(notify: Notify | None) -> int | None:
    """Write a NOTIFY parameter; None when it was not given."""
    return None if notify is None else notify.value


def read_notify(value: int | None) -> Notify | None:
    """Read what write_notify wrote."""
    return None if value is None else Notify(value)


def write_outcome(outcome: Outcome | None) -> str | None:
    """Write an outcome as one line of fields; the diagnostic comes last and may hold anything."""
    if outcome is None:
        return None
    flags = ("r" if outcome.relayed else "") + ("t" if outcome.tried else "")
    fields = (str(outcome.status), str(outcome.code), flags, outcome.remote.replace(_SEPARATOR, "?"))
    return _SEPARATOR.join((*fields, outcome.diagnostic))


def read_outcome(text: str | None) -> Outcome | None:
    """Read what write_outcome wrote.  Raises MalformedError."""
    if text is None:
        return None
    fields = text.split(_SEPARATOR, 4)
    if len(fields) != 5 or not _CODE.fullmatch(fields[1]):
        raise MalformedError(f"{text!r} is not an outcome of the spool")
    status = Status.parse(fields[0])
    disposition = _DISPOSITIONS[status.class_]
    flags = fields[2]
    return Outcome(disposition, status, fields[4], fields[3], int(fields[1]), "r" in flags, "t" in flags)


def hop_of(route: Route) -> Hop:
    """Return the hop under which a route's recipients wait: hosts compare without case."""
    return Hop(route.channel, route.host.lower())
