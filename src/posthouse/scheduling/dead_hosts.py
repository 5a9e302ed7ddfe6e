"""How long a hop that could not be reached is left alone.

One attempt speaks for all: while the hop is dead nothing is tried there, so
that a thousand messages for it cost one connection per term.  The term doubles
with each consecutive failure up to the longest retry delay.
"""

from datetime import datetime

from msgspec import Struct

from posthouse.mail.limits import RetryPolicy

_MOST_DOUBLINGS = 16


class DeadHop(Struct, frozen=True):
    """A hop in its term: ``failures`` in a row, the last of which leaves it alone ``until`` then."""

    failures: int
    until: datetime


def leave_alone(policy: RetryPolicy, before: DeadHop | None, now: datetime) -> DeadHop:
    """Return the term after a failure to reach the hop.

    Attempts that were already running when the hop died belong to the same
    failure: they neither prolong nor double the term.
    """
    longest = max(policy.max_delay, policy.dead_host)
    # A term that ends later than any does is from before the clock was set back, and over.
    if before is not None and now < before.until <= now + longest:
        return before
    failures = before.failures + 1 if before is not None else 1
    term = min(policy.dead_host * (1 << min(failures - 1, _MOST_DOUBLINGS)), longest)
    return DeadHop(failures, now + term)
