"""``sendmail -bv``: say whether addresses can be delivered to, in the classic's words."""

import os
from pathlib import Path

from posthouse.cli.formats import printable
from posthouse.cli.site_access import read_site_file
from posthouse.cli.submission.people import qualified
from posthouse.mail.address import NULL_PATH, Address
from posthouse.mail.address_list import parse_address_list
from posthouse.routing.resolution import Deferred, Resolution, Resolved
from posthouse.site.model import Site
from posthouse.submit.eager import run
from posthouse.submit.router import Router


def verify(site_file: Path, arguments: tuple[str, ...]) -> int:
    """Print what becomes of each address; return 0 when all are deliverable."""
    from posthouse.wiring.accepting import build_router
    from posthouse.wiring.machine import light_event_log, system_clock

    site = read_site_file(site_file)
    clock = system_clock()
    router = build_router(site, clock, light_event_log(site, clock, "sendmail"))
    code = os.EX_OK
    for argument in arguments:
        found = parse_address_list(argument)
        for problem in found.problems:
            print(f"{printable(argument)}... {printable(problem)}")
            code = code or os.EX_USAGE
        for address in found.addresses:
            code = _verify_one(site, router, address) or code
    return code


def _verify_one(site: Site, router: Router, address: Address) -> int:
    resolution = run(router.explain(qualified(site, address), NULL_PATH))
    for line in verdict_lines(address, resolution):
        print(line)
    if isinstance(resolution, Resolved):
        return os.EX_OK
    return os.EX_TEMPFAIL if isinstance(resolution, Deferred) else os.EX_NOUSER


def verdict_lines(address: Address, resolution: Resolution) -> list[str]:
    """Return ``ADDR... deliverable: mailer M, host H, user U``, a line for each recipient; or why not."""
    if not isinstance(resolution, Resolved):
        return [f"{printable(str(address))}... {printable(resolution.reason)}"]
    lines = []
    for routed in resolution.recipients:
        route = routed.route
        host = f"host {printable(route.host)}, " if route.host else ""
        user = printable(str(route.address) if route.host else route.address.local_part)
        lines.append(f"{printable(str(routed.address))}... deliverable: mailer {route.channel}, {host}user {user}")
    return lines
