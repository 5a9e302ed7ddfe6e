"""``sendmail -bs`` of a site that has a sendmail.cf: SMTP on standard input, each message delivered before its 250.

DeliveryMode decides as it does for the command.  The rule: 250 is said when every recipient has been delivered to,
is reported, or lies in the spool.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.cli.classic.cf_arrival import Arrival
from posthouse.cli.classic.cf_intake import Names
from posthouse.cli.classic.cf_queue import run_queue_of
from posthouse.cli.classic.cf_site import CfSite
from posthouse.cli.classic.cf_spool import keep_rest
from posthouse.cli.classic.command_line import QueueRun
from posthouse.cli.classic.smtp_pipe import blames_the_rules, converse
from posthouse.cli.submission.people import login_name
from posthouse.mail.reply import Reply
from posthouse.smtp.server_events import (
    DataAsked,
    ExpandAsked,
    HelloGiven,
    MailGiven,
    QueueAsked,
    RcptGiven,
    ServerEvent,
    TextChunk,
    TextEnded,
    TextRefused,
    TransactionReset,
    VerifyAsked,
)
from posthouse.submit.client import Client
from posthouse.submit.sendmail.queue_start import refuse_start, started, wanted_recipients
from posthouse.submit.sendmail.router import SendmailRouter
from posthouse.wiring.accepting import open_session

if TYPE_CHECKING:
    from posthouse.smtp.server import ServerSession


def serve_stdin_by_rules(path: Path, settings: Sequence[str], users: Path | None) -> int:
    """Talk SMTP with whoever started us until they quit or leave; return the exit status."""
    with asyncio.Runner() as runner:
        site = CfSite(path, settings, users, keep_rest)
        try:
            return RulesSession(site, runner).serve()
        finally:
            runner.run(site.close())


class RulesSession:
    """One session: blocking reads, questions run to their end."""

    def __init__(self, site: CfSite, runner: asyncio.Runner) -> None:
        self._site = site
        self._runner = runner
        user = login_name()
        self._session: ServerSession = open_session(site.site, user=user)
        self._router = SendmailRouter(site.routing, site.routing_world, site.switch)
        self._client = Client(user=user, may_relay=True, over_pipe=True)
        self._names = Names(site)
        self._arrival: Arrival | None = None
        self._has_looked_up = False  # an address, since the last message
        self._code = os.EX_OK

    def serve(self) -> int:
        """Serve until QUIT or the end of the input; return the first bad status, 70 for senseless rules among them."""
        try:
            converse(self._session, self._answer)
        finally:
            self._drop()
        return self._code

    def _answer(self, event: ServerEvent) -> Reply | None:
        answer = self._runner.run(self._act(event))
        if blames_the_rules(answer):
            self._end_with(os.EX_SOFTWARE)
        return answer

    async def _act(self, event: ServerEvent) -> Reply | None:
        """Do what an event asks for; return the answer to one that waits."""
        match event:
            case HelloGiven(name, esmtp):
                self._has_looked_up = False
                protocol = "ESMTP" if esmtp else "SMTP"
                self._client = Client(
                    name=name, protocol=protocol, user=self._client.user, may_relay=True, over_pipe=True
                )
            case MailGiven(path, parameters):
                self._drop()
                self._arrival = Arrival(self._site, self._client, self._names)
                self._arrival.has_looked_up = self._has_looked_up
                return await self._arrival.sender(path, parameters)
            case VerifyAsked(argument):
                return self._note_look_up(await self._router.verify(argument, self._client))
            case ExpandAsked(argument):
                return self._note_look_up(await self._router.expand(argument, self._client))
            case QueueAsked(node):
                return await self._start_queue(node)
            case TransactionReset() | TextRefused():
                self._drop()
        if self._arrival is None:
            return None
        return await self._act_in(self._arrival, event)

    async def _start_queue(self, node: str) -> Reply:
        """ETRN: try the mail here and now, as -qR does."""
        refusal = await refuse_start(self._router, node, self._client)
        if refusal is not None:
            return refusal
        await run_queue_of(self._site, QueueRun("R", wanted_recipients(node)))
        return started(node)

    async def _act_in(self, arrival: Arrival, event: ServerEvent) -> Reply | None:
        match event:
            case RcptGiven(path, parameters):
                return await arrival.recipient(path, parameters)
            case DataAsked():
                return await arrival.start_text()
            case TextChunk(text):
                arrival.write(text)
            case TextEnded(_, last):
                arrival.write(last)
                answer = await arrival.finish()
                self._drop()
                return answer
        return None

    def _note_look_up(self, answer: Reply) -> Reply:
        """Addresses that were looked up count as recipients do: none is then the only one that Received names."""
        if answer.code == 250:
            self._has_looked_up = True
            if self._arrival is not None:
                self._arrival.has_looked_up = True
        return answer

    def _drop(self) -> None:
        if self._arrival is not None:
            self._end_with(self._arrival.exit_status)
            self._arrival.close()
            self._arrival = None
            self._has_looked_up = False

    def _end_with(self, exit_status: int) -> None:
        """Note a status that the command ends with: the first, unless what went wrong may be tried again."""
        if self._code == os.EX_OK and exit_status != os.EX_TEMPFAIL:
            self._code = exit_status
