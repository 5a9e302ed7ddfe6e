"""What ``sendmail -bv`` says of addresses, and VRFY and EXPN."""

import os
from collections import deque

from posthouse.mail.reply import Reply
from posthouse.mail.status import Status
from posthouse.rewriting.tokens import fold
from posthouse.routing.sendmail.addressee import Addressee, by_owner
from posthouse.routing.sendmail.complaints import USAGE
from posthouse.routing.sendmail.expansion import Expansion


def verdict_lines(expansion: Expansion, sender: str = "", *, is_verbose: bool = False) -> list[str]:
    """Return what was complained of, then a line for each address that can be delivered to, in the order of sending.

    ``sender`` would get the failures, and those of lists without owners.  ``is_verbose``: what was done with each
    address is told, too.  The result is octet text.
    """
    said: list[str] = []
    remarks = deque(expansion.remarks if is_verbose else ())
    for number, complaint in enumerate(expansion.complaints):
        while remarks and remarks[0].after <= number:
            said.append(remarks.popleft().text)
        said.append(str(complaint))
    said += [remark.text for remark in remarks]
    parts = by_owner(expansion.queue, sender).values()
    sendable = [one for part in parts for one in part if one.state.is_sendable]
    return [*said, *map(_deliverable, sendable)]


def _deliverable(one: Addressee) -> str:
    host = f"host {one.host}, " if one.host else ""
    return f"{one.written}... deliverable: mailer {one.mailer}, {host}user {one.user}"


def exit_status(expansion: Expansion) -> int:
    """Return what a command that looked at these addresses ends with: the first status, or that of a mistake.

    What may be tried again is no failure.
    """
    statuses = [one.exit_status for one in expansion.complaints if one.exit_status]
    known = next((status for status in statuses if status != os.EX_TEMPFAIL), 0)
    is_wrong = any(one.complaint.code.startswith("5") for one in expansion.complaints)
    return known or (USAGE if is_wrong and not statuses else 0)


def shown_addresses(expansion: Expansion) -> Reply | None:
    """Answer VRFY or EXPN with every address that can be delivered to; None when there is none."""
    found = [one for one in expansion.queue if one.state.is_sendable]
    if not found:
        return None
    is_250 = not expansion.verifies_only or len(found) > 1 or expansion.routing.mailer(found[0].mailer).has("q")
    lines = tuple(_octets_shown(_mailbox(expansion, one)) for one in found)
    return Reply(250 if is_250 else 252, lines, Status(2, 1, 5))


def _mailbox(expansion: Expansion, one: Addressee) -> str:
    declared = expansion.routing.configuration.mailers.get(fold(one.mailer))
    kind = fold(declared.address_type) if declared is not None else ""
    is_bare = "@" not in one.user and kind in ("", "rfc822")
    user = f"{one.user}@{expansion.routing.host_name}" if is_bare else one.user
    return f"{one.full_name} <{user}>" if one.full_name else f"<{user}>"


def _octets_shown(text: str) -> str:
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
