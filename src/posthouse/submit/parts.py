"""What every transaction of one process shares."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING

from msgspec import Struct

from posthouse.site.model import Site

if TYPE_CHECKING:
    from posthouse.ports import Clock, EventLog, Meter, SpoolIntake, Wakeup
    from posthouse.submit.router import Router


class Parts(Struct, frozen=True):
    """The site and the ports, as Intake was given them."""

    site: Site
    router: Router
    spool: SpoolIntake
    clock: Clock
    log: EventLog
    meter: Meter
    wakeup: Wakeup
    resolves_later: bool = False  # the spool's reader resolves again: who cannot be resolved now is taken all the same
