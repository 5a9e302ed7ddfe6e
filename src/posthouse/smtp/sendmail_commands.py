"""The arguments of commands as sendmail reads them: addresses as people type them, and its words for what is wrong.

An address need not be in angle brackets, and may be no mailbox of RFC 5321 at all: what it is, the rule sets say.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from posthouse.mail.address import NULL_PATH, Path, WrittenAddress
from posthouse.mail.envelope import Body, Notify, Return
from posthouse.mail.errors import MalformedError
from posthouse.mail.reply import Reply, reply
from posthouse.mail.status import Status
from posthouse.smtp.commands import RefusedCommandError
from posthouse.smtp.grammar import read_forward_path
from posthouse.smtp.parameters import MailParameters, RcptParameters

NEED_MAIL: Final = reply(503, "5.0.0", "Need MAIL before RCPT")
NEED_MAIL_FOR_TEXT: Final = reply(503, "5.0.0", "Need MAIL command")
NEED_RECIPIENT: Final = reply(503, "5.0.0", "Need RCPT (recipient)")
SENDER_TWICE: Final = reply(503, "5.5.0", "Sender already specified")
POLITE_PEOPLE: Final = reply(503, "5.0.0", "Polite people say HELO first")
INTRODUCE_YOURSELF: Final = reply(503, "5.0.0", "I demand that you introduce yourself first")
ARGUMENT_REQUIRED: Final = reply(501, "5.5.2", "Argument required")
INVALID_NAME: Final = reply(501, "5.0.0", "Invalid domain name")
TOO_MANY_RECIPIENTS: Final = reply(452, "4.5.3", "Too many recipients")
NOT_ALLOWED: Final = reply(502, "5.7.0", "Sorry, we do not allow this operation")
RESET: Final = reply(250, "2.0.0", "Reset state")
OK: Final = reply(250, "2.0.0", "OK")
SEND_TEXT: Final = Reply(354, ("End data with <CR><LF>.<CR><LF>",))

_MOST_SHOWN: Final = 203  # characters of what is quoted back
_CLIENT_NAME: Final = re.compile(rb"[A-Za-z0-9\[\]._#:-]{1,255}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NOTIFY: Final = {"success": Notify.SUCCESS, "failure": Notify.FAILURE, "delay": Notify.DELAY}

Written = tuple[str, str]  # an address as typed, and what follows it


def unrecognized(line: bytes) -> Reply:
    """Return the answer to a command that there is not."""
    return reply(500, "5.5.1", f'Command unrecognized: "{shown(line)}"')


def not_implemented(line: bytes) -> Reply:
    """Return the answer to a command that is known, and not obeyed."""
    return reply(502, "5.5.1", f'Command not implemented: "{shown(line)}"')


def softened(answer: Reply) -> Reply:
    """Return a refusal as one for the time being; other replies as they are."""
    if answer.code < 500:
        return answer
    status = Status(4, answer.status.subject, answer.status.detail) if answer.status is not None else None
    return Reply(answer.code - 100, answer.lines, status)


def shown(octets: bytes) -> str:
    """Return what a client sent, fit to be quoted back."""
    text = _CONTROL.sub("?", in_seven_bits(octets))
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN // 2]}...{text[-_MOST_SHOWN // 2 :]}"


def in_seven_bits(octets: bytes) -> str:
    """Return octets as they look without their eighth bits: a reply has none."""
    return bytes(octet & 0x7F for octet in octets).decode("ascii")


def read_client_name(verb: str, argument: bytes, *, any_name: bool) -> str:
    """Read the name behind HELO or EHLO; ``any_name`` is the option AllowBogusHELO.  Raises RefusedCommandError."""
    if not argument and not any_name:
        raise RefusedCommandError(reply(501, "5.0.0", f"{verb} requires domain address"))
    if _CLIENT_NAME.fullmatch(argument):
        return argument.decode("ascii")
    if any_name:
        return shown(argument)
    raise RefusedCommandError(INVALID_NAME)


def read_mail(argument: bytes, *, has_dsn: bool = True) -> tuple[str, Path, MailParameters]:
    """Read what follows MAIL: the address as typed, the path, and the parameters.  Raises RefusedCommandError.

    Without ``has_dsn`` the parameters of DSN are refused: the site gives no receipts.
    """
    written, rest = _address(argument, "FROM")
    parameters = MailParameters(**_parameters(rest, _OF_MAIL, has_dsn=has_dsn))  # type: ignore[arg-type] # by the readers' types
    return written, NULL_PATH if written == "<>" else _path(written), parameters


def read_rcpt(argument: bytes, *, has_dsn: bool = True) -> tuple[str, Path, RcptParameters]:
    """Read what follows RCPT, likewise."""
    written, rest = _address(argument, "TO")
    parameters = RcptParameters(**_parameters(rest, _OF_RCPT, has_dsn=has_dsn))  # type: ignore[arg-type] # likewise
    return written, _path(written), parameters


def _path(written: str) -> Path:
    """Return the path: a mailbox if it is one, else what was typed."""
    inner = written[1:-1] if len(written) > 2 and written.startswith("<") and written.endswith(">") else written
    bracketed = f"<{inner}>"
    try:
        path, end = read_forward_path(bracketed)
    except MalformedError:
        return Path(WrittenAddress(inner, typed=written))
    if end == len(bracketed) and not path.route and str(path.address) == inner:
        return path
    return Path(WrittenAddress(inner, typed=written))


def _address(argument: bytes, keyword: str) -> Written:
    text = argument.decode("utf-8", "replace")
    if _CONTROL.search(text):
        raise RefusedCommandError(_scanning(_CONTROL.sub("?", text)))
    first, colon, rest = text.partition(":")
    word = first.rstrip(" \t")
    rest = rest.strip(" \t")
    if not colon or " " in word or not rest or word.upper() != keyword:
        raise RefusedCommandError(_scanning(word.partition(" ")[0]))
    end = _end_of_address(rest)
    return rest[:end], rest[end:].strip(" \t")


def _scanning(text: str) -> Reply:
    return reply(501, "5.5.2", f'Syntax error in parameters scanning "{text[:_MOST_SHOWN]}"')


def _end_of_address(text: str) -> int:
    """Return where the first blank outside quotes, comments and angle brackets is, or the end.

    What is never closed reaches to the first blank all the same: the rest may be parameters.
    """
    is_quoted = False
    depth = at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif character == '"':
            is_quoted = not is_quoted
        elif not is_quoted and character in "<(":
            depth += 1
        elif not is_quoted and character in ">)":
            depth -= depth > 0
        elif character in " \t" and not is_quoted and not depth:
            return at
        at += 1
    if not is_quoted and not depth:
        return len(text)
    blank = text.find(" ")
    return blank if blank >= 0 else len(text)


def _parameters(text: str, readers: "Mapping[str, _Reader]", *, has_dsn: bool) -> dict[str, object]:
    values: dict[str, object] = {}
    for word in text.split():
        keyword, equals, value = word.partition("=")
        reader = readers.get(keyword.upper())
        if reader is None:
            raise RefusedCommandError(reply(555, "5.5.4", f"{keyword[:_MOST_SHOWN]} parameter unrecognized"))
        if not has_dsn and keyword.upper() in _OF_DSN:
            words = f"Sorry, {keyword.upper()} not supported, we do not allow DSN"
            raise RefusedCommandError(reply(504, "5.7.0", words))
        if not equals:
            raise RefusedCommandError(reply(501, "5.5.2", f"{keyword.upper()} requires a value"))
        if keyword.lower() in values and keyword.upper() in _GIVEN_ONCE:
            raise RefusedCommandError(reply(501, "5.5.0", f"Duplicate {keyword.upper()} parameter"))
        values |= reader(value)
    return values


_Reader = Callable[[str], dict[str, object]]


def _size(value: str) -> dict[str, object]:
    if value.startswith("-") and value[1:2].isdecimal():
        raise RefusedCommandError(reply(552, "5.2.3", "Message size invalid"))
    digits = re.match(r"[0-9]{0,18}", value)
    return {"size": int(digits[0]) if digits and digits[0] else None}


def _body(value: str) -> dict[str, object]:
    try:
        return {"body": Body(value.upper())}
    except ValueError as error:
        raise RefusedCommandError(reply(501, "5.5.4", f"Unknown BODY type {value[:_MOST_SHOWN]}")) from error


def _ret(value: str) -> dict[str, object]:
    try:
        return {"ret": Return(value.upper())}
    except ValueError as error:
        raise RefusedCommandError(reply(501, "5.5.2", f'Bad argument "{value[:_MOST_SHOWN]}" to RET')) from error


def _envid(value: str) -> dict[str, object]:
    return {"envid": value[:100]}


def _nothing(_: str) -> dict[str, object]:
    """AUTH and BY are taken, and change nothing here."""
    return {}


def _notify(value: str) -> dict[str, object]:
    words = value.split(",")
    if value.lower() == "never":
        return {"notify": Notify.NEVER}
    notify = Notify.NEVER
    for word in words:
        if word.lower() not in _NOTIFY:
            raise RefusedCommandError(reply(501, "5.5.4", f'Bad argument "{word[:_MOST_SHOWN]}"  to NOTIFY'))
        notify |= _NOTIFY[word.lower()]
    return {"notify": notify}


def _orcpt(value: str) -> dict[str, object]:
    if ";" not in value:
        raise RefusedCommandError(reply(501, "5.5.4", "Syntax error in ORCPT parameter value"))
    return {"orcpt": value[:500]}


_OF_MAIL: Final[Mapping[str, _Reader]] = {
    "SIZE": _size,
    "BODY": _body,
    "RET": _ret,
    "ENVID": _envid,
    "AUTH": _nothing,
    "BY": _nothing,
}
_OF_DSN: Final = frozenset({"RET", "ENVID", "NOTIFY", "ORCPT"})
_GIVEN_ONCE: Final = frozenset({"RET", "ENVID", "ORCPT"})
_OF_RCPT: Final[Mapping[str, _Reader]] = {"NOTIFY": _notify, "ORCPT": _orcpt}
