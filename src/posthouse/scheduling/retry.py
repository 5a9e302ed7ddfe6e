"""When a deferred recipient is tried again, and when waiting is over.

RFC 5321 section 4.5.4.1.  The rule: a decision depends on the time of
acceptance, which the spool keeps, never on how long a process has been up.
"""

from datetime import datetime, timedelta

from posthouse.mail.limits import RetryPolicy

_MOST_DOUBLINGS = 16  # 2**16 times any first_delay of at least 6 s exceeds the 4 d of a long expiry


def next_attempt(
    policy: RetryPolicy, accepted: datetime, now: datetime, attempts: int, jitter: float
) -> datetime | None:
    """Return when to try again, or None when the recipient has expired.

    ``attempts`` counts those made, this one included.  jitter is in [0, 1); the caller
    draws it, so that a test can choose it.  The last attempt falls at expiry.
    """
    expiry = accepted + policy.expire_after
    if now >= expiry:
        return None
    doublings = min(max(attempts - 1, 0), _MOST_DOUBLINGS)
    delay = min(policy.first_delay * (1 << doublings), policy.max_delay)
    return min(now + delay * (1 + jitter / 4), expiry)


def longest_wait(policy: RetryPolicy) -> timedelta:
    """Return the longest that anything is ever told to wait: what waits longer got its time from a wrong clock."""
    return max(policy.max_delay, policy.first_delay) * 5 / 4 + policy.dead_host + timedelta(minutes=1)


def sweep_interval(policy: RetryPolicy) -> timedelta:
    """Return how often to look for what has expired or wants a warning: a tenth of the shorter wait, 1 s to 1 min."""
    shorter = min(policy.expire_after, policy.warn_after or policy.expire_after)
    return max(timedelta(seconds=1), min(shorter / 10, timedelta(minutes=1)))
