"""What a command needs of a site that has a sendmail.cf: its rules, maps, aliases, accounts, and its spool."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from posthouse.adapters.cf_accounts import default_identity, logins_of
from posthouse.adapters.cf_maps import service_switch
from posthouse.adapters.cf_world import open_world
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.load_system import SystemLoad
from posthouse.adapters.personal_cf import read_personal
from posthouse.cli.errors import CommandError
from posthouse.deliver.mailer_text import Renderer
from posthouse.mail.account import LoginsError
from posthouse.mail.problem import Problem
from posthouse.rewriting.environment import Environment
from posthouse.routing.sendmail.compiled import compile_sendmail
from posthouse.site.cf.assemble import assemble
from posthouse.site.cf.options.overrides import with_options
from posthouse.wiring.site_file import load_rules

if TYPE_CHECKING:
    from posthouse.deliver.cf_envelope import CfEnvelope
    from posthouse.ports import Logins
    from posthouse.site.model import Site

Keep = Callable[["Site", "CfEnvelope"], None]
Closing = Callable[[], Awaitable[None]]


class CfSite:
    """One site, opened for one command.  ``settings`` are options of the command line; ``users`` a passwd(5) file."""

    def __init__(self, path: Path, settings: Sequence[str], users: Path | None, keep: Keep) -> None:
        read, native = load_rules(path)
        configuration, complaints = with_options(read, settings)
        for complaint in complaints:
            if complaint.is_error:
                raise CommandError(str(complaint.problem), os.EX_USAGE)
        self.site: Site = assemble(configuration) if native is None else replace(native, cf=configuration)
        self.configuration = configuration
        self.clock = SystemClock()
        self.load = SystemLoad(self.clock)
        self.logins: Logins = logins_of(configuration, self.clock, users)
        self.routing = compile_sendmail(configuration)
        self.routing_world, self._answers = open_world(configuration, self.clock, self.logins)
        self.renderer = Renderer(configuration, self.routing.program, self._answers, self.clock)
        self.switch = service_switch(configuration)
        self._keep = keep
        self._to_close: list[Closing] = []

    def take_personal(self, uid: int) -> Sequence[Problem]:
        """Take in the .mailcf of an account; return what of it is ignored, with the reasons."""
        try:
            user = self.logins.by_uid(uid)
        except LoginsError:
            return ()
        if user is None:
            return ()
        personal, problems = read_personal(self.configuration, user)
        if personal is self.configuration:
            return problems
        self.configuration = personal
        self.routing = compile_sendmail(self.configuration)
        self.renderer = Renderer(self.configuration, self.routing.program, self._answers, self.clock)
        return problems

    def environment(self, macros: Mapping[str, str]) -> Environment:
        """Return the macros of one message."""
        deferring = self.configuration.text("DeliveryMode")[:1] == "d"
        return Environment(macros, switch=self.switch, is_deferring=deferring)

    @property
    def default_identity(self) -> tuple[int, int]:
        """Return DefaultUser as numbers."""
        return default_identity(self.configuration)

    async def keep(self, envelope: CfEnvelope) -> None:
        """Put what is left of a message into the spool."""
        self._keep(self.site, envelope)

    def close_later(self, closing: Closing) -> None:
        """Remember what is to be closed with the site."""
        self._to_close.append(closing)

    async def close(self) -> None:
        """Let go of the maps, and of what was opened with this site."""
        for closing in self._to_close:
            await closing()
        await self._answers.close()
