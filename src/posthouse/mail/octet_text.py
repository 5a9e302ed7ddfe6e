"""Octet text: one character below U+0100 for each octet, as the old configurations and tables are read."""

from posthouse.mail.errors import MalformedError


def octets(text: str) -> str:
    """Return text as octet text of its UTF-8."""
    return text.encode().decode("latin-1")


def characters(text: str) -> str:
    """Return octet text as what it says in UTF-8.  Raises MalformedError."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError as error:
        raise MalformedError(f"not UTF-8: {text!r}") from error
