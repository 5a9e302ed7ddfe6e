"""An explanation, as text for people and as values for JSON."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

from posthouse.cli.explain.address import Explanation, NextStop, short_file
from posthouse.cli.formats import printable
from posthouse.mail.reply import Reply
from posthouse.ports import MailHosts
from posthouse.routing.resolution import Refused, Resolved
from posthouse.routing.trace import as_dicts, as_lines


def as_text(explanation: Explanation, home: Path, width: int) -> Iterator[str]:
    """Yield the lines of one explanation; file names are shown as the site's directory sees them."""
    yield printable(str(explanation.address))
    for number, step in enumerate(as_lines(explanation.resolution.trace), start=1):
        yield from _wrapped(f"{number:>3}. ", short_file(printable(step), home), width)
    yield from _conclusion(explanation, home, width)
    for stop in explanation.stops:
        yield from _stop_lines(stop, width)
    if str(explanation.outside) == str(explanation.relaying):
        yield from _wrapped("  Any client is told: ", str(explanation.outside), width)
    else:
        yield from _wrapped("  An outside client is told: ", str(explanation.outside), width)
        yield from _wrapped("  A client that may relay:   ", str(explanation.relaying), width)


def _conclusion(explanation: Explanation, home: Path, width: int) -> Iterator[str]:
    resolution = explanation.resolution
    if isinstance(resolution, Resolved):
        for problem in resolution.problems:
            yield from _wrapped("  problem: ", short_file(printable(problem), home), width)
        return
    verdict = "refused" if isinstance(resolution, Refused) else "cannot be decided now"
    yield from _wrapped(f"  => {verdict}: ", short_file(printable(resolution.reason), home), width)


def _stop_lines(stop: NextStop, width: int) -> Iterator[str]:
    route = stop.route
    kind = f" ({stop.channel.kind.value})" if stop.channel and stop.channel.kind.value != route.channel else ""
    host = f", host {printable(route.host)}" if route.host else ""
    yield from _wrapped("  => ", f"channel {route.channel}{kind}{host}, address {printable(str(route.address))}", width)
    if stop.hosts is not None and stop.tried is not None:
        for line in _host_lines(stop.hosts, stop.tried):
            yield from _wrapped("       ", line, width)


def _host_lines(hosts: MailHosts, tried: MailHosts) -> Iterator[str]:
    if hosts.failure is not None:
        yield f"DNS: {_failure(hosts)}"
    for host in hosts.hosts:
        left_out = "" if host in tried.hosts else " not tried: it is this site, or no better than it"
        yield f"{host.preference:>5} {host.name} [{', '.join(host.addresses)}]{left_out}"
    if hosts.failure is None and tried.failure is not None:
        yield f"would fail: {_failure(tried)}"


def _failure(hosts: MailHosts) -> str | None:
    failure = hosts.failure
    return None if failure is None else f"{failure.status} {printable(failure.diagnostic)}"


def _wrapped(head: str, text: str, width: int) -> list[str]:
    lines = textwrap.wrap(
        text,
        width=width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return lines or [head.rstrip()]


def as_values(explanation: Explanation) -> dict[str, object]:
    """Return an explanation for JSON."""
    resolution = explanation.resolution
    resolved = isinstance(resolution, Resolved)
    return {
        "address": str(explanation.address),
        "result": "resolved" if resolved else "refused" if isinstance(resolution, Refused) else "deferred",
        "destination": resolution.destination.value,
        "reason": None if isinstance(resolution, Resolved) else resolution.reason,
        "problems": resolution.problems if isinstance(resolution, Resolved) else (),
        "steps": as_dicts(resolution.trace),
        "routes": [_stop_values(stop) for stop in explanation.stops],
        "replies": {"outside": _reply(explanation.outside), "relaying": _reply(explanation.relaying)},
    }


def _reply(reply: Reply) -> str:
    return str(reply)


def _stop_values(stop: NextStop) -> dict[str, object]:
    values: dict[str, object] = {
        "channel": stop.route.channel,
        "kind": stop.channel.kind.value if stop.channel else None,
        "host": stop.route.host,
        "address": str(stop.route.address),
    }
    if stop.hosts is not None and stop.tried is not None:
        values["hosts"] = [
            {
                "name": host.name,
                "preference": host.preference,
                "addresses": host.addresses,
                "tried": host in stop.tried.hosts,
            }
            for host in stop.hosts.hosts
        ]
        values["dns_failure"] = _failure(stop.hosts)
        values["failure"] = _failure(stop.tried)
    return values
