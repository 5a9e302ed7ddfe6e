"""What of a refused line may be told to a log.

One rule: only words that we know, and arguments that hold no secret.  Everything else that
a client sends where a command should be may be a password.
"""

from posthouse.mail.reply import Reply
from posthouse.smtp.input import LineFlaw
from posthouse.smtp.server_events import CommandRefused

_MOST_QUOTED = 400  # octets; the longest path has 256
_WITH_ARGUMENT = frozenset({b"EHLO", b"HELO", b"MAIL", b"RCPT", b"VRFY", b"EXPN"})
_NAMED = frozenset({*_WITH_ARGUMENT, b"DATA", b"RSET", b"STARTTLS", b"AUTH", b"BDAT", b"ETRN"})


def command_refused(line: bytes | LineFlaw, answer: Reply) -> CommandRefused:
    """Return the event for a line that was answered so."""
    if isinstance(line, LineFlaw):
        return CommandRefused("(line)", "", answer)
    verb, _, argument = line.partition(b" ")
    verb = verb.upper()
    if verb not in _NAMED:
        return CommandRefused("(unknown)", "", answer)
    quoted = argument[:_MOST_QUOTED].decode("utf-8", "replace") if verb in _WITH_ARGUMENT else ""
    return CommandRefused(verb.decode("ascii"), quoted, answer)
