"""Does a queued recipient match a listing's filter?  One answer for every spool."""

from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from re import Pattern
from re import compile as compile_pattern

from msgspec import Struct

from posthouse.mail.address import Address
from posthouse.mail.errors import MalformedError
from posthouse.mail.queued import REPORT_CHANNEL, QueueFilter, QueueId, QueueRow, RecipientState
from posthouse.queueing.queue_id import lowest_queue_id

GROUPINGS = ("host", "channel", "sender", "recipient-domain", "state")
NULL_SENDER = "<>"  # how the null reverse-path is written in a filter and in a group


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Pattern[str]:
    return compile_pattern(translate(pattern.lower()))


def matches_host(pattern: str, host: str) -> bool:
    """Compare a host with a shell pattern, without case."""
    return _compiled(pattern).match(host.lower()) is not None


def matches_address(pattern: str, address: Address | None) -> bool:
    """Compare a mailbox, or without ``@`` in the pattern also its domain; None is the null reverse-path."""
    if address is None:
        return pattern in {NULL_SENDER, "*"}
    compiled = _compiled(pattern)
    if compiled.match(str(address).lower()) is not None:
        return True
    return "@" not in pattern and compiled.match(address.domain.lower()) is not None


class Bounds(Struct, frozen=True):
    """The range of queue ids that a filter's ages allow: low <= id < high; "" without a bound."""

    low: QueueId
    high: QueueId


def bounds(query: QueueFilter) -> Bounds:
    """Turn ages into ids."""
    low = lowest_queue_id(query.accepted_after) if query.accepted_after else ""
    high = lowest_queue_id(query.accepted_before) if query.accepted_before else ""
    return Bounds(low, high)


def matches(query: QueueFilter, row: QueueRow) -> bool:
    """Does every given field match?"""
    limits = bounds(query)
    queue_id = row.message.queue_id
    checks = (
        not query.queue_ids or queue_id in query.queue_ids,
        queue_id >= limits.low and (not limits.high or queue_id < limits.high),
        not query.states or row.state in query.states,
        not query.channel or query.channel in channels_of(row),
        not query.host or matches_host(query.host, row.recipient.route.host),
        not query.sender or matches_address(query.sender, row.message.reverse_path.address),
        not query.recipient or matches_address(query.recipient, row.recipient.address),
    )
    return all(checks)


def channels_of(row: QueueRow) -> tuple[str, ...]:
    """Return the channel of a recipient's route, and the report channel while it is filed there."""
    channel = row.recipient.route.channel
    return (channel, REPORT_CHANNEL) if row.state is RecipientState.REPORTING else (channel,)


_KEYS: dict[str, Callable[[QueueRow], str]] = {
    "host": lambda row: row.recipient.route.host.lower(),
    "channel": lambda row: row.recipient.route.channel,
    "sender": lambda row: str(row.message.reverse_path) or NULL_SENDER,
    "recipient-domain": lambda row: row.recipient.address.domain.lower(),
    "state": lambda row: row.state.value,
}


def grouping(by: str) -> Callable[[QueueRow], str]:
    """Return what a listing is counted by.  Raises MalformedError for an unknown word."""
    if by not in _KEYS:
        raise MalformedError(f"cannot group by {by!r}; possible: {', '.join(GROUPINGS)}")
    return _KEYS[by]
