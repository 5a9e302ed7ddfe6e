"""The parameters of MAIL and RCPT, read and written.  RFC 1870, 3461, 6152, 6531.

One rule: what is kept is what the sender wrote (ENVID and ORCPT stay xtext), so
that it can be passed on unchanged.  Reading is smtp/commands.py's work.
"""

from msgspec import Struct

from posthouse.mail.address import Address, Path
from posthouse.mail.envelope import Body, Notify, Return

_NOTIFY_WORDS = ((Notify.SUCCESS, "SUCCESS"), (Notify.FAILURE, "FAILURE"), (Notify.DELAY, "DELAY"))


class MailParameters(Struct, frozen=True):
    """What came with MAIL FROM.  ``size`` is the declared SIZE in octets, None when not given."""

    size: int | None = None
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: Return | None = None
    envid: str = ""  # xtext, as given; "" when not given


class RcptParameters(Struct, frozen=True):
    """What came with RCPT TO.  ``notify`` is None when NOTIFY was not given."""

    notify: Notify | None = None
    orcpt: str = ""  # "rfc822;" and xtext, as given; "" when not given


NO_MAIL_PARAMETERS = MailParameters()
NO_RCPT_PARAMETERS = RcptParameters()


def format_mail(path: Path, parameters: MailParameters, *, sends_route: bool = False) -> bytes:
    """Return the MAIL command with CRLF; every parameter that is set is written.

    A source route is not passed on by itself (RFC 5321 appendix C).
    """
    route = ",".join(f"@{hop}" for hop in path.route) + ":" if sends_route and path.route else ""
    words = [f"MAIL FROM:<{route}{path}>"]
    if parameters.size is not None:
        words.append(f"SIZE={parameters.size}")
    if parameters.body is not Body.SEVEN_BIT:
        words.append(f"BODY={parameters.body.value}")
    if parameters.smtputf8:
        words.append("SMTPUTF8")
    if parameters.ret is not None:
        words.append(f"RET={parameters.ret.value}")
    if parameters.envid:
        words.append(f"ENVID={parameters.envid}")
    return (" ".join(words) + "\r\n").encode()


def format_rcpt(address: Address | str, parameters: RcptParameters) -> bytes:
    """Return the RCPT command with CRLF; every parameter that is set is written.  A str is a path as it is."""
    words = [f"RCPT TO:<{address}>"]
    if parameters.notify is not None:
        words.append(f"NOTIFY={format_notify(parameters.notify)}")
    if parameters.orcpt:
        words.append(f"ORCPT={parameters.orcpt}")
    return (" ".join(words) + "\r\n").encode()


def format_notify(notify: Notify) -> str:
    """Return the value of NOTIFY: ``NEVER``, or the words with commas."""
    return ",".join(word for flag, word in _NOTIFY_WORDS if flag in notify) or "NEVER"
