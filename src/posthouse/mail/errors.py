"""The root of every exception that Posthouse raises on purpose.

Mail's everyday troubles are values (Outcome, Refusal), not exceptions.  An
exception is what nobody at this level could decide: a full disk, a damaged
file, a broken configuration.
"""


class PosthouseError(Exception):
    """Caught by the outermost layer of each process, which logs it and goes on or exits."""


class MalformedError(PosthouseError, ValueError):
    """Text that does not follow its grammar.  The parser's caller turns it into a reply."""


class DialectUnavailableError(PosthouseError):
    """A header cannot be edited now, since a table or map that it needs cannot answer.  Try later."""


class SpoolError(PosthouseError):
    """The spool could not do what was asked.  The way in answers 451 or 452; the way out tries again."""


class SpoolFullError(SpoolError):
    """No room on the disk, or the spool's own limit is reached.  The way in answers 452 4.3.1."""
