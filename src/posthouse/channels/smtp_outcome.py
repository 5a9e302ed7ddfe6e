"""From a peer's reply to a recipient's outcome.  Pure.

The first digit decides (RFC 5321 section 4.2.1); the enhanced status is the
peer's own where it agrees with that digit, else the nearest of RFC 3463.  Only
a 2yz is a delivery, and a recipient without a reply is a deferral.
"""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from posthouse.mail.outcome import Disposition, Outcome, deferred
from posthouse.mail.reply import Reply
from posthouse.mail.status import Status
from posthouse.smtp.client import Awaiting, ConnectionLost, RecipientResult

_MOST_DIAGNOSTIC = 1000  # characters of a reply that are kept; a peer could send many lines
_UNFIT = re.compile(r"[\x00-\x20\x7f-\x9f]+")

_NEAREST = {
    421: "4.3.2",
    450: "4.2.0",
    452: "4.3.1",
    454: "4.7.0",
    500: "5.5.2",
    501: "5.5.4",
    502: "5.5.1",
    503: "5.5.1",
    504: "5.5.4",
    530: "5.7.0",
    552: "5.3.4",
    553: "5.1.3",
    555: "5.5.4",
}


def outcome_of_reply(reply: Reply, command: Awaiting | None, remote: str) -> Outcome:
    """Return what a reply makes of a recipient.  ``command`` None: the words are our own."""
    said = _UNFIT.sub(" ", str(reply))[:_MOST_DIAGNOSTIC]
    digit = reply.code // 100
    if digit not in (2, 4, 5):
        return deferred(f"unexpected reply: {said}", status="4.5.0", remote=remote, code=reply.code)
    where = "" if digit == 2 or command is None else f" (in reply to {command.value})"
    if command is None:
        return Outcome(Disposition(digit), _status(reply), f"{said}{where}")
    return Outcome(Disposition(digit), _status(reply), f"{said}{where}", remote, reply.code)


def outcomes_of_results(results: Sequence[RecipientResult], remote: str, *, relayed: bool) -> tuple[Outcome, ...]:
    """Return one outcome per recipient of a transaction that ended."""
    outcomes = (outcome_of_reply(result.reply, result.command, remote) for result in results)
    return tuple(_mark(outcome, relayed) for outcome in outcomes)


def outcomes_of_loss(
    event: ConnectionLost, recipients: int, remote: str, trouble: str, *, relayed: bool
) -> tuple[Outcome, ...]:
    """Return the outcomes of a transaction that was cut off.  Undecided is deferred, never more."""
    where = f" while awaiting the reply to {event.awaiting.value}" if event.awaiting is not None else ""
    after = "; it may have been delivered all the same" if event.text_ended else ""  # RFC 1047
    reason = _UNFIT.sub(" ", trouble)[:_MOST_DIAGNOSTIC] or "connection lost"
    unknown = deferred(f"{reason}{where}{after}", status="4.4.2", remote=remote)
    results = event.results or (None,) * recipients
    return tuple(
        unknown if result is None else _mark(outcome_of_reply(result.reply, result.command, remote), relayed)
        for result in results
    )


def _mark(outcome: Outcome, relayed: bool) -> Outcome:
    if relayed and outcome.disposition is Disposition.DELIVERED:
        return replace(outcome, relayed=True)
    return outcome


def _status(reply: Reply) -> Status:
    digit = reply.code // 100
    if reply.status is not None and reply.status.class_ == digit:
        return reply.status
    return Status.parse(_NEAREST.get(reply.code, f"{digit}.0.0"))
