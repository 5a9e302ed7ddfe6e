"""What the server says of its own accord, in words.

One rule: bland.  A reply names the trouble, never a path, a module or a setting.
"""

from functools import lru_cache

from posthouse.mail.reply import Reply, reply
from posthouse.smtp.input import LineFlaw
from posthouse.smtp.reply import format_reply
from posthouse.smtp.transparency import Flaw

OK = format_reply(reply(250, "2.0.0", "OK"))
HELP = format_reply(
    reply(214, "2.0.0", "EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY EXPN HELP", "RFC 5321 says the rest")
)
BAD_SEQUENCE = reply(503, "5.5.1", "bad sequence of commands")
HELLO_FIRST = reply(503, "5.5.1", "send EHLO or HELO first")
NO_RECIPIENTS = reply(554, "5.5.1", "no valid recipients")
NO_PARAMETERS = reply(501, "5.5.4", "that command takes no parameters")
UNKNOWN = reply(500, "5.5.2", "command not recognised")
UNIMPLEMENTED = reply(502, "5.5.1", "command not implemented")
TOO_LARGE = reply(552, "5.3.4", "the message is larger than this host takes")
TOO_MANY_RECIPIENTS = reply(452, "4.5.3", "too many recipients; send the rest in another transaction")
TOO_MANY_ERRORS = reply(421, "4.7.0", "too many errors")
TOO_MANY_MESSAGES = reply(421, "4.7.0", "too many messages in one session")
NOT_SMTP = reply(421, "4.7.0", "this is a mail server")
SHUTTING_DOWN = reply(421, "4.3.2", "shutting down, come again")
TIMED_OUT = reply(421, "4.4.2", "you were silent for too long")

LINE_REPLIES = {
    LineFlaw.TOO_LONG: reply(500, "5.5.2", "line too long"),
    LineFlaw.BARE_LINE_END: reply(500, "5.5.2", "a line ends with CR LF, and has neither within"),
}
TEXT_REPLIES = {
    Flaw.BARE_LINE_END: reply(550, "5.6.11", "the text has a CR or LF that is not part of a CR LF"),
    Flaw.TOO_LARGE: TOO_LARGE,
    Flaw.LINE_TOO_LONG: reply(554, "5.6.0", "the text has a line longer than this host takes"),
}


@lru_cache(maxsize=16)
def ehlo(hostname: str, octets: int) -> bytes:
    """Return the answer to EHLO: our name and the extensions."""
    # RFC 2034 section 4: no enhanced status in the answer to EHLO.
    extensions = ("PIPELINING", f"SIZE {octets}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "HELP")
    return format_reply(Reply(250, (hostname, *extensions)))


@lru_cache(maxsize=16)
def greeting(hostname: str) -> bytes:
    """Return the 220."""
    return format_reply(Reply(220, (f"{hostname} ESMTP Posthouse",)))
