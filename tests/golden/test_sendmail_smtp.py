"""What a real sendmail -bs said to clients, and what we say: ten dialogues with deliver.cf, reply by reply."""

import asyncio
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec.structs import replace

from posthouse.adapters.cf_maps import service_switch
from posthouse.adapters.cf_world import open_world
from posthouse.adapters.clock_system import SystemClock
from posthouse.mail.reply import Reply, reply
from posthouse.routing.resolution import Resolved
from posthouse.routing.sendmail.compiled import compile_sendmail
from posthouse.site.cf.assemble import assemble
from posthouse.site.cf.personality import personality_of
from posthouse.smtp.sendmail_session import SendmailSession
from posthouse.smtp.server import DataAsked, ExpandAsked, MailGiven, RcptGiven, ServerEvent, TextEnded, VerifyAsked
from posthouse.submit.client import Client
from posthouse.submit.sendmail.router import SendmailRouter
from support.sendmail_deliveries import make_place
from support.sendmail_mail import configuration_of, logins_of, mail_corpus, recorded
from support.sendmail_smtp import run_dialogue

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_DATE = re.compile(r"Fri, 2 Jan 2026 03:04:05 GMT")


@pytest.fixture(scope="module")
def cf() -> Iterator[Path]:
    with mail_corpus() as path:
        yield path


class Dialogue:
    """One client, in lock step."""

    def __init__(self, cf: Path, options: list[str]) -> None:
        configuration = configuration_of(cf, options)
        site = assemble(replace(configuration, complaints=()))
        personality = personality_of(configuration, site.limits, "root@localhost", MOMENT, offers_auth=True)
        self.session = SendmailSession(site.name, site.limits, personality)
        world, self.maps = open_world(configuration, SystemClock(), logins_of(cf))
        self._router = SendmailRouter(compile_sendmail(configuration), world, service_switch(configuration))
        self._message = self._router.begin(Client())

    async def say(self, octets: bytes) -> list[str]:
        """Return the replies to what the client says."""
        self.session.receive(octets)
        while (event := self.session.next_event()) is not None:
            answer = await self._answer(event)
            if answer is not None:
                self.session.answer(answer)
        return _DATE.sub("<DATE>", self.session.take_outgoing().decode()).splitlines()

    async def _answer(self, event: ServerEvent) -> Reply | None:
        match event:
            case MailGiven(path, parameters):
                self._message = self._router.begin(Client(self.session.client_name, user="root", local_submission=True))
                return await self._message.sender(path, parameters)
            case RcptGiven(path, parameters):
                assert path.address is not None
                resolution = await self._message.recipient(path.address, parameters)
                return reply(250, "2.1.5", "good") if isinstance(resolution, Resolved) else resolution.reply
            case DataAsked():
                return Reply(354, ("send it",))
            case TextEnded():
                return reply(250, "2.0.0", "<QID> accepted")
            case VerifyAsked(argument):
                return await self._router.verify(argument, Client())
            case ExpandAsked(argument):
                return await self._router.expand(argument, Client())
        return None


async def _replies(cf: Path, case: dict[str, Any]) -> list[list[str]]:
    dialogue = Dialogue(cf, case.get("opts", []))
    dialogue.session.greet()
    replies = [await dialogue.say(b"")]
    for line in case["lines"]:
        lines = [line] if isinstance(line, str) else line
        replies.append(await dialogue.say("".join(f"{one}\r\n" for one in lines).encode()))
    await dialogue.maps.close()
    return replies


@pytest.mark.parametrize("case", recorded("smtp"), ids=lambda case: " ".join(map(str, case["lines"]))[:60])
def test_a_dialogue_is_what_the_real_program_said(cf: Path, case: dict[str, Any]) -> None:
    replies = asyncio.run(_replies(cf, case))

    differences = [
        (line, wanted, got)
        for line, wanted, got in zip(["", *case["lines"]], case["replies"], replies, strict=True)
        if wanted != got
    ]
    assert differences == []


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with TemporaryDirectory(prefix="posthouse-dialogues-") as folder:
        Path(folder).chmod(0o755)  # mailers run as the users who are told of
        yield make_place(Path(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="files of the recorded users can only be made by root")
@pytest.mark.parametrize("case", recorded("smtp"), ids=lambda case: " ".join(map(str, case["lines"]))[:60])
def test_the_command_answers_and_delivers_as_the_real_program(place: Path, case: dict[str, Any]) -> None:
    seen = run_dialogue(case, place)

    assert seen["replies"] == case["replies"]
    assert seen.get("deliveries") == case.get("deliveries")
    assert seen["rc"] == case["rc"]
