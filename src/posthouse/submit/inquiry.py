"""VRFY and EXPN of a native site.  RFC 5321 sections 3.5 and 7.3.

The rule: who asks learns nothing that the site has not declared public.
"""

from posthouse.mail.address import Address
from posthouse.mail.address_list import parse_address_list
from posthouse.mail.lookup import NOT_FOUND, Answer
from posthouse.mail.reply import Reply, reply
from posthouse.mail.status import Status
from posthouse.routing.replies import try_later
from posthouse.routing.resolution import Destination, Resolved
from posthouse.routing.resolve import NOT_AN_ADDRESS, lookup_keys
from posthouse.submit import replies
from posthouse.submit.lookups import Lookups

_MEMBERS_SHOWN = 1000


async def verify(lookups: Lookups, argument: str) -> Reply:
    """Answer VRFY, where the site allows it."""
    address = _read(argument)
    if address is None:
        return replies.NOT_AN_ADDRESS
    lookups.refresh()
    resolution = await lookups.resolve(address)
    if resolution.destination is Destination.EXTERNAL:
        return replies.CANNOT_VERIFY
    if not isinstance(resolution, Resolved):
        return resolution.reply
    return reply(250, "2.1.5", f"<{_completed(lookups, address)}>")


async def expand(lookups: Lookups, argument: str) -> Reply:
    """Answer EXPN: the members as the first table has them that knows the list, if that table is public."""
    address = _read(argument)
    if address is None:
        return replies.NOT_AN_ADDRESS
    routing = lookups.routing
    if routing.destination_of(address) is not Destination.LOCAL:
        return replies.NO_EXPANSION
    address = _completed(lookups, address)
    for source in routing.aliases:
        answer = await _members(lookups, source.table, address)
        if answer.unavailable:
            return try_later()
        if answer.found:
            return _shown(lookups, answer) if source.public else replies.NO_EXPANSION
    return replies.NO_EXPANSION


async def _members(lookups: Lookups, table: str, address: Address) -> Answer:
    answer = NOT_FOUND
    for key in lookup_keys(address):
        answer = await lookups.ask(table, key)
        if answer.found or answer.unavailable:
            break
    return answer


def _shown(lookups: Lookups, answer: Answer) -> Reply:
    members: list[Address] = []
    for value in answer.values:
        if NOT_AN_ADDRESS.search(value):
            return replies.NO_EXPANSION
        members += parse_address_list(value, _MEMBERS_SHOWN - len(members)).addresses
    if not members:
        return replies.NO_EXPANSION
    lines = tuple(f"<{_completed(lookups, member)}>" for member in members)
    return Reply(250, lines, Status(2, 1, 5))


def _completed(lookups: Lookups, address: Address) -> Address:
    return address if address.domain else Address(address.local_part, lookups.routing.default_domain)


def _read(argument: str) -> Address | None:
    """Read the argument as people type it: ``joe``, ``<joe@example.org>``, ``Joe <joe@example.org>``."""
    parsed = parse_address_list(argument, 2)
    return parsed.addresses[0] if len(parsed.addresses) == 1 and not parsed.problems else None
