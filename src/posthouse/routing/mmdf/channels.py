"""From a host to the channel that reaches it, and the address as that channel wants it."""

from collections.abc import Sequence

from posthouse.mail.lookup import Answer, Decision, Lookup
from posthouse.rewriting.mmdf.text import as_733, as_822
from posthouse.routing.mmdf.compiled import MmdfRouting, Steps, TableUnavailableError
from posthouse.routing.mmdf.domains import find_domain
from posthouse.site.tailor.entries import AddressForm, TailorChannel


def is_reached(channel: TailorChannel, host: str, *, is_nameserver: bool) -> Steps[bool]:
    """Is a host in the table of a channel?  Raises TableUnavailableError when the table does not answer."""
    answer: Answer | None = yield Lookup(channel.tbl, host)
    reached = _reached(channel, host, answer, is_nameserver=is_nameserver)
    if reached is not None:
        yield reached
    return reached is not None


def find_channel(routing: MmdfRouting, host: str, *, after: int = -1) -> Steps[tuple[int, TailorChannel] | None]:
    """Return the first channel behind a position that has the host, and its own position."""
    for at in range(after + 1, len(routing.channels)):
        channel, is_nameserver = routing.channels[at]
        answer: Answer | None = yield Lookup(channel.tbl, host)
        if answer is not None and not answer.values and not answer.unavailable:
            continue
        reached = _reached(channel, host, answer, is_nameserver=is_nameserver)
        if reached is not None:
            yield reached
            return at, channel
    return None


def _reached(channel: TailorChannel, host: str, answer: Answer | None, *, is_nameserver: bool) -> Decision | None:
    assert answer is not None  # noqa: S101 - a Lookup is always sent an Answer
    if answer.unavailable:
        raise TableUnavailableError(answer.unavailable, is_nameserver=is_nameserver)
    return Decision(f"host {host} is on channel {channel.name}", answer.origin) if answer.values else None


def written_for(
    routing: MmdfRouting, channel: TailorChannel, local: str, domain: str, route: Sequence[str]
) -> Steps[str]:
    """Write an address in the style of a channel.  Raises TableUnavailableError."""
    style = channel.ap
    hops = [domain] if style.nosrcrt else [*route, domain]
    if style.big or style.nodots:
        hops = yield from _restyled(routing, channel, hops)
    return in_form(channel, local, hops[-1], hops[:-1])


def in_form(channel: TailorChannel, local: str, domain: str, route: Sequence[str]) -> str:
    """Write an address in the form of a channel, which is all of the style of nearly every one."""
    write = as_822 if channel.ap.form is AddressForm.RFC822 else as_733
    return write(local, domain, route)


def _restyled(routing: MmdfRouting, channel: TailorChannel, hops: Sequence[str]) -> Steps[list[str]]:
    """Turn domains round (big), and leave the next hop its first label only (nodots); unknown ones stay."""
    restyled: list[str] = []
    for at, hop in enumerate(hops):
        is_short = channel.ap.nodots and at == 0
        found = (yield from find_domain(routing, hop)) if channel.ap.big or is_short else None
        if found is None:
            restyled.append(hop)
        elif is_short:
            restyled.append(found.hosts[0].partition(".")[0])
        else:
            restyled.append(".".join(reversed(found.official.split("."))))
    return restyled
