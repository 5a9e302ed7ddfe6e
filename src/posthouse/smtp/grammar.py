"""Mailboxes and paths, read by hand from text.  RFC 5321 section 4.1.2, RFC 6531 section 3.3.

One rule: every character is accounted for; what the grammar does not name is
refused with a MalformedError that says what is wrong.
"""

from posthouse.mail.address import Address


def parse_address(text: str) -> Address:
    """Read a mailbox as people write it: no angle brackets, the domain optional.  Raises MalformedError."""
    raise NotImplementedError
