"""From a recipient's outcome to what becomes of it: gone, tried again, or reported.

Pure.  The rule: a recipient is GONE only when nobody is owed a word about it;
every other end leads through a report, which commits together with its end.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from posthouse.mail import events
from posthouse.mail.envelope import Notify, Recipient
from posthouse.mail.outcome import Disposition, Outcome
from posthouse.mail.queued import Batch, Ending, LeasedRecipient, MessageInfo, Settlement
from posthouse.mail.status import Status
from posthouse.mail.wording import seconds_in_words

_EXPIRED = Status.parse("5.4.7")


class Verdict(Struct, frozen=True):
    """What is to be recorded of one recipient, and what to say of it in the log."""

    batch: Batch
    leased: LeasedRecipient
    event: str
    outcome: Outcome
    ending: Ending
    due: datetime | None = None
    attempted: datetime | None = None  # when the attempt ended; None without one

    @property
    def settlement(self) -> Settlement:
        """What the spool is told."""
        message, batch = self.batch.message, self.batch
        return Settlement(
            message.queue_id, self.leased.number, batch.token, self.ending, self.outcome, self.due, self.attempted
        )


def judge(batch: Batch, leased: LeasedRecipient, outcome: Outcome, due: datetime | None, now: datetime) -> Verdict:
    """Judge an attempt's outcome.  ``due`` is when a deferred recipient is tried again; None when it has expired."""
    if outcome.disposition is Disposition.DELIVERED:
        ending = _ending(report=owes_success(batch.message, leased.recipient, outcome))
        return Verdict(batch, leased, events.DELIVERED, outcome, ending, attempted=now)
    if outcome.disposition is Disposition.FAILED:
        ending = _ending(report=owes_failure(leased.recipient))
        return Verdict(batch, leased, events.FAILED, outcome, ending, attempted=now)
    if due is not None:
        return Verdict(batch, leased, events.DEFERRED, outcome, Ending.RETRY, due, attempted=now)
    return expire(batch, leased, outcome, now)


def expire(
    batch: Batch, leased: LeasedRecipient, last: Outcome | None, now: datetime, *, tried: bool = True
) -> Verdict:
    """Give up a recipient whose time has run out; ``last`` is what it was told last."""
    outcome = Outcome(
        Disposition.FAILED,
        _EXPIRED,
        f"could not be delivered within {_span(now - batch.message.accepted)}; {_last_words(last)}",
        tried=tried,
    )
    ending = _ending(report=owes_failure(leased.recipient))
    return Verdict(batch, leased, events.EXPIRED, outcome, ending, attempted=now if tried else None)


def owes_failure(recipient: Recipient) -> bool:
    """Is a failure to be reported?  With the null reverse-path the reader is our postmaster."""
    return Notify.FAILURE in recipient.wants


def owes_success(message: MessageInfo, recipient: Recipient, outcome: Outcome) -> bool:
    """Is it ours to confirm the delivery?

    RFC 3461 section 5.2.2: a host that does DSN was given NOTIFY and confirms
    itself; behind one that does not, the trail ends, and we say "relayed".  What this host
    delivered itself (nobody remote answered) we confirm as delivered.
    """
    is_last_to_know = outcome.relayed or not outcome.remote
    return Notify.SUCCESS in recipient.wants and not message.reverse_path.is_null and is_last_to_know


def _ending(*, report: bool) -> Ending:
    return Ending.REPORT if report else Ending.GONE


def _last_words(last: Outcome | None) -> str:
    if last is None:
        return "no attempt could be made, the next host was not reachable all the time"
    if last.code:
        code = "" if last.diagnostic.startswith(str(last.code)) else f"{last.code} "
        return f"last, {last.remote or 'this host'} said: {code}{last.diagnostic}"
    host = "" if last.diagnostic.startswith(last.remote) else f"trying {last.remote}: "  # nobody spoke
    return f"last, {host}{last.diagnostic}"


def _span(time: timedelta) -> str:
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if time >= unit:
            count = time // unit
            return f"{count} {name}{'s' if count != 1 else ''}"
    return seconds_in_words(max(0, int(time.total_seconds())))
