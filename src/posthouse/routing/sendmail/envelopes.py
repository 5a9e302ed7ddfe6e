"""From the addresses of a message to what the spool keeps of them: recipients, failures, an envelope per sender."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from posthouse.mail.address import Address, Path
from posthouse.mail.envelope import Envelope, FailedRecipient, MailerUser, Notify, Recipient
from posthouse.mail.outcome import Disposition, Outcome
from posthouse.mail.queued import REPORT_CHANNEL
from posthouse.mail.route import Route
from posthouse.mail.status import Status
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.recipients import FILE, PROGRAM
from posthouse.rewriting.tokens import fold
from posthouse.routing.resolution import Routed
from posthouse.routing.sendmail.addressee import Addressee, State
from posthouse.routing.sendmail.compiled import SendmailRouting

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_OVER_THE_NET: Final = "[IPC]"


class Given(Struct, frozen=True):
    """One recipient as the sender gave it."""

    address: Address
    orcpt: str = ""
    notify: Notify | None = None


def address_of(text: str, domain: str = "") -> Address:
    """Return octet text as an address; without an ``@`` it is one of ``domain``."""
    shown = _CONTROL.sub("?", text.encode("latin-1", "replace").decode("utf-8", "replace"))
    local, at, host = shown.rpartition("@")
    if not at or not local or not host:
        return Address(shown or "?", domain)
    if len(local) > 1 and local.startswith('"') and local.endswith('"'):
        local = strip_quotes(local) or local
    return Address(local, host)


def routed_of(routing: SendmailRouting, one: Addressee) -> Routed:
    """Return where an address goes, with what its mailer is told."""
    mailer = routing.configuration.mailers.get(fold(one.mailer))
    is_bare = one.mailer in (PROGRAM, FILE) or mailer is None or not mailer.is_local
    address = address_of(one.user, "" if is_bare else routing.host_name)
    host = one.host or ""
    if mailer is not None and mailer.path == _OVER_THE_NET:
        host = host.removesuffix(".")  # rules end a name that is known to be whole with a dot
    controller = one.controller
    user = MailerUser(
        one.user,
        one.written,
        one.alias.written if one.alias is not None and not one.is_primary else "",
        controller.login if controller is not None else "",
        controller.uid if controller is not None else 0,
        controller.gid if controller is not None else 0,
        controller.home if controller is not None else "",
    )
    return Routed(Route(one.mailer, host, address), address, user)


def envelopes_of(
    routing: SendmailRouting,
    addressees: Iterable[Addressee],
    given: Mapping[int, Given],
    collected: Envelope,
    arrival: tuple[tuple[str, str], ...] = (),
) -> tuple[Envelope, ...]:
    """Return the envelopes of a message: the sender's, and one for each owner of a list.

    ``given`` leads from the identity of an address (``id``) to how the sender gave it; others are left out.  What
    ``collected`` has that was never resolved stays in the first.  ``arrival``: see MailerUser.
    """
    sender = str(collected.reverse_path)
    by_owner: dict[str, tuple[list[Recipient], list[FailedRecipient]]] = {}
    for one in addressees:
        how = given.get(id(one.root))
        if how is None or (one.state is State.BAD and one.alias is None):
            continue
        owner = one.list_owner
        recipients, failed = by_owner.setdefault("" if owner == sender else owner, ([], []))
        routed = routed_of(routing, one)
        mailer = replace(routed.mailer, arrival=arrival) if routed.mailer is not None else None
        if one.state.is_sendable:
            recipients.append(Recipient(routed.address, routed.route, how.address, how.orcpt, how.notify, mailer))
        elif one.state is State.BAD:
            nowhere = Route(REPORT_CHANNEL, "", routed.address)
            reported = Recipient(routed.address, nowhere, how.address, how.orcpt, how.notify, mailer)
            failed.append(FailedRecipient(reported, _failure(one.reason)))
    own = by_owner.setdefault("", ([], []))
    own[0].extend(one for one in collected.recipients if not one.route.channel)
    own[1].extend(collected.failed)
    envelopes = [
        replace(
            collected,
            reverse_path=Path(address_of(owner)) if owner else collected.reverse_path,
            recipients=tuple(recipients),
            failed=tuple(failed),
        )
        for owner, (recipients, failed) in sorted(by_owner.items(), key=lambda entry: entry[0] != "")
        if recipients or failed
    ]
    return tuple(envelopes) or (collected,)


def _failure(reason: str) -> Outcome:
    """Return why a member of a list gets nothing, of the reply that its sender would have had."""
    rest = reason.partition(" ")[2]
    status = Status.leading(rest)
    final = Status(5, status.subject, status.detail) if status is not None else Status(5, 0, 0)
    return Outcome(Disposition.FAILED, final, reason or "554 not a recipient", tried=False)
