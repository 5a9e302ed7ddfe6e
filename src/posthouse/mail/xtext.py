"""xtext: how a parameter of SMTP carries octets that may not stand in one.  RFC 3461 section 4.

Every printable character but ``+`` and ``=`` stands for itself, every other octet is ``+`` with two upper-case
hexadecimal digits.  What the octets say is not judged here: that is for whoever writes them somewhere.
"""

import re

from posthouse.mail.errors import MalformedError

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")
_NEEDS_HEXCHAR = re.compile(rb"[^!-*,-<>-~]")


def is_xtext(text: str) -> bool:
    """Is this xtext?"""
    return _XTEXT.fullmatch(text) is not None


def encode_xtext(text: str) -> str:
    """Return the text as xtext, UTF-8 where it is not ASCII."""
    return _NEEDS_HEXCHAR.sub(lambda match: b"+%02X" % match[0][0], text.encode()).decode("ascii")


def decode_xtext(xtext: str) -> bytes:
    """Return the octets of an xtext.  Raises MalformedError."""
    if not is_xtext(xtext):
        raise MalformedError(f"{xtext[:100]!r} is not xtext (RFC 3461 section 4)")
    return _HEXCHAR.sub(lambda match: bytes((int(match[1], 16),)), xtext.encode("ascii"))
