"""Replies on the wire: written by the server, read by the client.

One rule: nothing but printable ASCII and spaces leaves in a reply, and no line
is longer than RFC 5321 section 4.5.3.1.5 allows.
"""

from posthouse.mail.errors import PosthouseError


class ProtocolError(PosthouseError):
    """The peer does not speak SMTP.  The channel closes the connection and defers."""
