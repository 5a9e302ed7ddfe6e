"""The arguments of commands, read off the wire: values, or the reply that refuses them.

One rule: each refusal carries the reply code that its RFC names: 501 for bad
syntax, 555 for a parameter that we do not know, 553 for an address that needs SMTPUTF8.
"""

import re
from collections.abc import Callable

from posthouse.mail.address import Path
from posthouse.mail.envelope import Body, Notify, Return
from posthouse.mail.errors import MalformedError
from posthouse.mail.reply import Reply, reply
from posthouse.mail.xtext import decode_xtext
from posthouse.smtp.grammar import read_forward_path, read_reverse_path
from posthouse.smtp.parameters import (
    NO_MAIL_PARAMETERS,
    NO_RCPT_PARAMETERS,
    MailParameters,
    RcptParameters,
)

_Readers = dict[str, tuple[str, Callable[[str | None], object]]]  # by keyword: the field, and what reads it

_MAX_ENVID = 100  # RFC 3461 section 4.4
_MAX_ORCPT = 500  # RFC 3461 section 4.2

_SIZE = re.compile(r"[0-9]{1,20}")  # RFC 1870 section 4
# Of other alphabets no C1 control and no line separator: some readers of logs and reports break lines there.
_PARAMETER = re.compile(r" +([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\x00-\x20=\x7f-\x9f\u2028\u2029]*))?(?= |\Z)")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PLAIN_SIZE = re.compile(r" SIZE=([0-9]{1,20})")  # the parameter that nearly every client sends alone
_NOTIFY_WORDS = {"SUCCESS": Notify.SUCCESS, "FAILURE": Notify.FAILURE, "DELAY": Notify.DELAY}

# Wider than RFC 5321's Domain, for the names that real clients give; nothing that would need quoting in Received:.
_CLIENT_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+./:=?\[\]^_`{|}~-]{1,255}")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")

_NEEDS_UTF8 = reply(553, "5.6.7", "that address needs SMTPUTF8")


class RefusedCommandError(MalformedError):
    """A command that cannot be taken.  The server session answers with ``reply``."""

    def __init__(self, refusal: Reply) -> None:
        super().__init__(str(refusal))
        self.reply = refusal


def read_mail(argument: bytes) -> tuple[Path, MailParameters]:
    """Read what follows ``MAIL``.  Raises RefusedCommandError."""
    text = _after_keyword(argument, b"FROM:", "MAIL FROM:<address>")
    try:
        path, at = read_reverse_path(text)
    except MalformedError as error:
        raise _refused(501, "5.1.7", str(error)) from error
    parameters = NO_MAIL_PARAMETERS if at == len(text) else _read_mail_parameters(text, at)
    if not parameters.smtputf8 and not text.isascii():
        raise RefusedCommandError(_NEEDS_UTF8)
    return path, parameters


def read_rcpt(argument: bytes, *, smtputf8: bool) -> tuple[Path, RcptParameters]:
    """Read what follows ``RCPT``; ``smtputf8`` says whether MAIL allowed UTF-8.  Raises RefusedCommandError."""
    text = _after_keyword(argument, b"TO:", "RCPT TO:<address>")
    try:
        path, at = read_forward_path(text)
    except MalformedError as error:
        raise _refused(501, "5.1.3", str(error)) from error
    if not smtputf8 and not text.isascii():
        raise RefusedCommandError(_NEEDS_UTF8)
    return path, NO_RCPT_PARAMETERS if at == len(text) else _read_rcpt_parameters(text, at)


def read_client_name(argument: bytes) -> str:
    """Read the name after ``EHLO`` or ``HELO``.  Raises RefusedCommandError."""
    if not _CLIENT_NAME.fullmatch(argument):
        raise _refused(501, "5.5.4", "give your host name")
    return argument.decode("ascii")


def read_name(argument: bytes) -> str:
    """Read what ``VRFY`` or ``EXPN`` asks for.  Raises RefusedCommandError."""
    # RFC 6531 section 3.7.4.2: the one parameter of VRFY and EXPN.
    smtputf8 = argument.upper().endswith(b" SMTPUTF8")
    if smtputf8:
        argument = argument[: -len(b" SMTPUTF8")].rstrip(b" ")
    elif not argument.isascii():
        raise RefusedCommandError(_NEEDS_UTF8)
    name = argument.decode("utf-8", "replace")
    if not _PRINTABLE.fullmatch(name):
        raise _refused(501, "5.5.4", "give a name to look up")
    return name


def _after_keyword(argument: bytes, keyword: bytes, usage: str) -> str:
    if argument[: len(keyword)].upper() != keyword:
        raise _refused(501, "5.5.4", f"write {usage}")
    try:
        # RFC 5321 section 4.1.1.2 has no space after the colon, but much software sends one.
        return argument[len(keyword) :].decode().strip(" \t")
    except UnicodeDecodeError as error:
        raise _refused(501, "5.5.2", "the command is not UTF-8") from error


def _refused(code: int, status: str, text: str) -> RefusedCommandError:
    return RefusedCommandError(reply(code, status, text))


def _split_parameters(text: str, at: int) -> dict[str, str | None]:
    """Return the parameters by upper-case keyword; the value is None where there is no ``=``."""
    found: dict[str, str | None] = {}
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            raise _refused(501, "5.5.4", "the parameters are malformed")
        keyword = match[1].upper()
        if keyword in found:
            raise _refused(501, "5.5.4", f"{keyword} is given twice")
        found[keyword] = match[2]
        at = match.end()
    return found


def _read_mail_parameters(text: str, at: int) -> MailParameters:
    plain = _PLAIN_SIZE.fullmatch(text, at)
    if plain is not None:
        return MailParameters(size=int(plain[1]))
    values = _read_values(text, at, _MAIL_READERS, "MAIL")
    return MailParameters(**values)  # type: ignore[arg-type]  # each reader returns its field's type


def _read_rcpt_parameters(text: str, at: int) -> RcptParameters:
    values = _read_values(text, at, _RCPT_READERS, "RCPT")
    return RcptParameters(**values)  # type: ignore[arg-type]  # likewise


def _read_values(text: str, at: int, readers: _Readers, command: str) -> dict[str, object]:
    """Return the values of the parameters, by the names of their fields."""
    values: dict[str, object] = {}
    for keyword, value in _split_parameters(text, at).items():
        reader = readers.get(keyword)
        if reader is None:
            raise _refused(555, "5.5.4", f"{keyword[:40]} is not a parameter of {command} here")
        field, read = reader
        values[field] = read(value)
    return values


def _read_size(value: str | None) -> int:
    if value is None or not _SIZE.fullmatch(value):
        raise _refused(501, "5.5.4", "SIZE is a number of octets")
    return int(value)


def _read_body(value: str | None) -> Body:
    try:
        return Body((value or "").upper())
    except ValueError as error:
        raise _refused(501, "5.5.4", "BODY is 7BIT or 8BITMIME") from error


def _read_smtputf8(value: str | None) -> bool:
    if value is not None:
        raise _refused(501, "5.5.4", "SMTPUTF8 has no value")
    return True


def _read_ret(value: str | None) -> Return:
    try:
        return Return((value or "").upper())
    except ValueError as error:
        raise _refused(501, "5.5.4", "RET is FULL or HDRS") from error


def _read_envid(value: str | None) -> str:
    if not value or len(value) > _MAX_ENVID:
        raise _refused(501, "5.5.4", f"ENVID has 1 to {_MAX_ENVID} characters")
    _check_xtext("ENVID", value)
    return value


def _read_notify(value: str | None) -> Notify:
    words = (value or "").upper()
    if words == "NEVER":
        return Notify.NEVER
    notify = Notify.NEVER
    for word in words.split(","):  # the words hold no comma, and each is looked up whole
        if word not in _NOTIFY_WORDS:
            raise _refused(501, "5.5.4", "NOTIFY is NEVER, or SUCCESS, FAILURE, DELAY with commas")
        notify |= _NOTIFY_WORDS[word]
    return notify


def _read_orcpt(value: str | None) -> str:
    if not value or len(value.encode()) > _MAX_ORCPT:
        raise _refused(501, "5.5.4", f"ORCPT has 1 to {_MAX_ORCPT} octets")
    address_type, semicolon, address = value.partition(";")
    if not semicolon or not address or not _ADDRESS_TYPE.fullmatch(address_type):
        raise _refused(501, "5.5.4", "ORCPT is an address type, a semicolon and an address")
    # RFC 6533 section 3: the type utf-8 has an encoding of its own, and under SMTPUTF8 plain UTF-8.
    if address_type.lower() != "utf-8":
        _check_xtext("ORCPT", address)
    return value


def _check_xtext(keyword: str, value: str) -> None:
    try:
        octets = decode_xtext(value)
    except MalformedError as error:
        raise _refused(501, "5.5.4", f"{keyword} is not xtext") from error
    # An encoded line end would reach the header fields of a DSN.
    if _CONTROL.search(octets):
        raise _refused(501, "5.5.4", f"{keyword} hides a control character")


_MAIL_READERS: _Readers = {
    "SIZE": ("size", _read_size),
    "BODY": ("body", _read_body),
    "SMTPUTF8": ("smtputf8", _read_smtputf8),
    "RET": ("ret", _read_ret),
    "ENVID": ("envid", _read_envid),
}
_RCPT_READERS: _Readers = {
    "NOTIFY": ("notify", _read_notify),
    "ORCPT": ("orcpt", _read_orcpt),
}
