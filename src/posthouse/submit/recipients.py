"""The recipients of one transaction, as they collect: expanded, free of duplicates, bounded.

The rule of RFC 3461 section 5.2.7 as it is kept here: ORCPT and NOTIFY go on to
every address that a recipient expands to, so that each delivery, delay and failure is reported for the
address that the sender gave.  (The RFC would also allow "expanded" for an alias of several.)
"""

from posthouse.mail.address import Address
from posthouse.mail.envelope import FailedRecipient, Recipient
from posthouse.mail.limits import Limits
from posthouse.mail.outcome import Outcome
from posthouse.mail.queued import REPORT_CHANNEL
from posthouse.mail.route import Route
from posthouse.routing.resolution import Resolved
from posthouse.smtp.parameters import RcptParameters


class Recipients:
    """What RCPT has brought so far."""

    __slots__ = (
        "_expanded",
        "_expanded_maximum",
        "_given",
        "_given_maximum",
        "_queued",
        "_resolved",
        "failed",
        "given",
        "single",
    )

    def __init__(self, limits: Limits) -> None:
        self._given_maximum = limits.recipients
        self._expanded_maximum = max(limits.recipients, limits.alias_width)
        self._expanded = 0  # what the recipients given so far expand to
        self._given: set[tuple[str, str]] = set()  # those that were resolved
        self._queued: dict[tuple[str, ...], Recipient] = {}
        self._resolved: list[tuple[Address, Resolved]] = []
        self.failed: list[FailedRecipient] = []
        self.given = 0
        self.single: Address | None = None  # the recipient, while there is only one

    def __bool__(self) -> bool:
        return bool(self._queued or self.failed)

    def __len__(self) -> int:
        return len(self._queued) + len(self.failed)

    @property
    def are_full(self) -> bool:
        """May no more be given?"""
        return self.given >= self._given_maximum

    def add(self, original: Address, resolution: Resolved, parameters: RcptParameters, asked: Address) -> bool:
        """Take one recipient with all that it expands to.  False, and nothing is taken: there is no room for it.

        ``asked`` is what was resolved: the address itself, or with its source route.
        """
        queued = self._queued
        # Counted with the duplicates among them: what is kept of each expansion costs memory all the same.
        if self._expanded and self._expanded + len(resolution.recipients) > self._expanded_maximum:
            return False
        self._given.add(asked.key)
        self._expanded += len(resolution.recipients)
        self._take_alone(original)
        self._resolved.append((original, resolution))
        for routed in resolution.recipients:
            # The same mailbox is queued once, whatever names the sender knows it by; what was asked first holds.
            key = routed.key
            if key not in queued:
                queued[key] = Recipient(
                    routed.address, routed.route, original, parameters.orcpt, parameters.notify, routed.mailer
                )
        return True

    def has(self, asked: Address) -> bool:
        """Was this very address, with this route, taken before?"""
        return asked.key in self._given

    def fail(self, original: Address, parameters: RcptParameters, outcome: Outcome) -> None:
        """Take one recipient as failed: it goes nowhere but into a report."""
        self._take_alone(original)
        nowhere = Route(REPORT_CHANNEL, "", original)
        recipient = Recipient(original, nowhere, original, parameters.orcpt, parameters.notify)
        self.failed.append(FailedRecipient(recipient, outcome))

    def postpone(self, original: Address, parameters: RcptParameters) -> None:
        """Take one recipient without knowing where it goes."""
        self._take_alone(original)
        unknown = Route("", "", original)
        recipient = Recipient(original, unknown, original, parameters.orcpt, parameters.notify)
        self._queued.setdefault(original.key, recipient)

    def _take_alone(self, original: Address) -> None:
        self.single = None if self.given else original
        self.given += 1

    def queued(self) -> tuple[Recipient, ...]:
        """Return the recipients for the envelope."""
        return tuple(self._queued.values())

    def resolved(self) -> list[tuple[Address, Resolved]]:
        """Return what was given with what became of it, for the log."""
        return self._resolved
