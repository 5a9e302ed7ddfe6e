"""Every bound on what comes from outside, in one value.

RFC 5321 section 4.5.3.1 sets minimums that a server must accept; a Limits
below one of them cannot be made.  Durations of the SMTP client are those of
RFC 5321 section 4.5.3.2.
"""

from datetime import timedelta

from msgspec import Struct

# RFC 5321 section 4.5.3.1.4: 512 octets with CRLF; the extensions add to MAIL and RCPT:
# SIZE 26, BODY 17, SMTPUTF8 10, RET/ENVID 8 + 107, NOTIFY/ORCPT 28 + 501, local-parts of UTF-8.
_COMMAND_MINIMUM = 512
_TEXT_LINE_MINIMUM = 1000  # RFC 5321 section 4.5.3.1.6, CRLF included
_RECIPIENTS_MINIMUM = 100  # RFC 5321 section 4.5.3.1.8
_TEXT_MINIMUM = 64 * 1024  # RFC 5321 section 4.5.3.1.7


class Limits(Struct, frozen=True):
    """Bounds of the way in.  Sizes in octets, the rest are counts."""

    text_octets: int = 50 * 1024 * 1024
    text_line_octets: int = 1024 * 1024
    header_octets: int = 1024 * 1024
    command_octets: int = 4096
    recipients: int = 1000
    errors: int = 20  # bad commands and refused recipients in one session
    hops: int = 100  # Received: fields; RFC 5321 section 6.3 asks for at least 100
    connections: int = 1000
    connections_per_client: int = 200
    messages_per_session: int = 10_000
    alias_depth: int = 20
    alias_width: int = 10_000  # recipients that one address may expand to
    programs_octets: int = 16 * 1024  # output of a program channel that is kept for the bounce
    spool_free_octets: int = 64 * 1024 * 1024  # less than this free on the spool's disk: 452

    def __post_init__(self) -> None:
        for name, minimum in (
            ("text_octets", _TEXT_MINIMUM),
            ("text_line_octets", _TEXT_LINE_MINIMUM),
            ("command_octets", _COMMAND_MINIMUM),
            ("recipients", _RECIPIENTS_MINIMUM),
        ):
            if getattr(self, name) < minimum:
                raise ValueError(f"limits.{name} must be at least {minimum} (RFC 5321 section 4.5.3.1)")


class Timeouts(Struct, frozen=True):
    """How long each wait may last.  The first group is the server's, the second RFC 5321 4.5.3.2's for the client."""

    command: timedelta = timedelta(minutes=5)  # RFC 5321 section 4.5.3.2.7, at least five minutes
    text: timedelta = timedelta(minutes=10)  # between two blocks of text
    session: timedelta = timedelta(hours=2)

    connect: timedelta = timedelta(seconds=30)
    greeting: timedelta = timedelta(minutes=5)
    mail: timedelta = timedelta(minutes=5)
    rcpt: timedelta = timedelta(minutes=5)
    data_command: timedelta = timedelta(minutes=2)
    data_block: timedelta = timedelta(minutes=3)
    data_end: timedelta = timedelta(minutes=10)
    quit: timedelta = timedelta(seconds=5)
    dns: timedelta = timedelta(seconds=20)
    program: timedelta = timedelta(minutes=10)
    drain: timedelta = timedelta(seconds=30)  # graceful stop: how long running transactions may take


class RetryPolicy(Struct, frozen=True):
    """When a deferred recipient is tried again, and for how long."""

    first_delay: timedelta = timedelta(minutes=5)
    max_delay: timedelta = timedelta(hours=4)
    warn_after: timedelta | None = timedelta(hours=4)  # None: no delay warnings
    expire_after: timedelta = timedelta(days=5)  # RFC 5321 section 4.5.4.1: at least 4-5 days
    dead_host: timedelta = timedelta(minutes=5)  # how long an unreachable host is left alone


class Concurrency(Struct, frozen=True):
    """Bounds of the way out."""

    attempts: int = 100  # running at once, all hosts together
    per_host_initial: int = 5
    per_host: int = 20
    recipients_per_attempt: int = 50
    lease: timedelta = timedelta(minutes=10)  # renewed at half its time while an attempt runs
