"""SMTP and LMTP spoken to a program over its pipes, one command at a time, as sendmail speaks it.

A program that is no server of the network has read its own manual: the commands are spelt as it has always got them
(``MAIL From:``), and nothing is pipelined.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Final

from msgspec import Struct

from posthouse.deliver.mailer_text import OutgoingText
from posthouse.mail.limits import Timeouts
from posthouse.mail.reply import Reply
from posthouse.mailers.exits import Ending, ending_of_exit
from posthouse.smtp.exchange import read_extensions
from posthouse.smtp.reply import ProtocolError, ReplyReader, with_status
from posthouse.smtp.transparency import TextEncoder

MOST_TRANSCRIPT: Final = 200  # lines
MOST_SAID: Final = 2000  # lines
_NO_USER: Final = frozenset({550, 551, 553})
_READ: Final = 16 * 1024


class Talk(Struct, frozen=True):
    """What is to be said.  Addresses are octet text without angle brackets; ``octets`` goes into SIZE=."""

    name: str  # ours
    sender: str
    recipients: tuple[tuple[str, str], ...]  # the address, and the parameters of RCPT with a blank before them
    octets: int
    parameters: tuple[tuple[str, str], ...] = ()  # of MAIL: the extension that they need, and the word
    is_lmtp: bool = False
    is_extended: bool = False  # EHLO first: F=a
    is_plain: bool = False  # never EHLO: F=2


class TalkEndedError(Exception):
    """The other side is gone, late, or talks nonsense.  Caught in Dialogue.run alone."""


class Dialogue:
    """One conversation.  ``transcript`` is what a bounce shows of it.

    ``said`` is all of it but the text, up to ``farewell``; ``thanks`` is what the whole text was taken with.
    """

    def __init__(
        self, reader: asyncio.StreamReader, send: Callable[[bytes], Awaitable[None]], timeouts: Timeouts, host: str
    ) -> None:
        self.transcript: list[str] = []
        self.said: list[str] = []
        self.farewell: list[str] = []
        self.thanks = ""
        self.has_dsn = False
        self._accepted: dict[int, str] = {}  # what was said to each RCPT
        self._reader = reader
        self._send = send
        self._timeouts = timeouts
        self._host = host
        self._replies = ReplyReader()

    async def run(self, talk: Talk, text: OutgoingText) -> tuple[Ending, ...]:
        """Say everything; return one ending for each recipient."""
        endings: list[Ending | None] = [None] * len(talk.recipients)
        try:
            await self._converse(talk, text, endings)
            before = len(self.said)
            try:
                await self._say("QUIT", self._timeouts.quit)
            finally:
                self.farewell = self.said[before:]
                del self.said[before:]
        except TalkEndedError as error:
            rest = ending_of_exit(os.EX_TEMPFAIL, is_unix=False, reason=str(error))
            return tuple(rest if one is None else one for one in endings)
        broken = ending_of_exit(os.EX_TEMPFAIL, is_unix=False)
        return tuple(broken if one is None else one for one in endings)

    async def _converse(self, talk: Talk, text: OutgoingText, endings: list[Ending | None]) -> None:
        greeting = await self._reply(self._timeouts.greeting)
        if greeting.code != 220:
            self._decide_rest(endings, "", greeting)
            return
        extensions = await self._hello(talk, greeting, endings)
        if extensions is None:
            return
        words = [word for needs, word in talk.parameters if needs in extensions]
        if "SIZE" in extensions:
            words.insert(0, f"SIZE={talk.octets}")
        command = " ".join([f"MAIL From:<{talk.sender}>", *words])
        answer = await self._say(command, self._timeouts.mail)
        if answer.code // 100 != 2:
            self._decide_rest(endings, command, answer)
            return
        self.has_dsn = "DSN" in extensions
        await self._recipients(talk, endings, has_dsn=self.has_dsn)
        if None in endings:
            await self._text(talk, text.chunks(takes_eight_bits="8BITMIME" in extensions), endings)
        elif talk.is_lmtp:
            await self._say("RSET", self._timeouts.quit)

    async def _hello(self, talk: Talk, greeting: Reply, endings: list[Ending | None]) -> dict[str, str] | None:
        """Introduce ourselves; None when that was refused."""
        extended = not talk.is_plain and (talk.is_extended or "ESMTP" in greeting.text)
        verb = "LHLO" if talk.is_lmtp else "EHLO" if extended else "HELO"
        answer = await self._say(f"{verb} {talk.name}", self._timeouts.greeting)
        if answer.code // 100 == 5 and verb == "EHLO":
            verb = "HELO"
            answer = await self._say(f"{verb} {talk.name}", self._timeouts.greeting)
        if answer.code // 100 != 2:
            self._decide_rest(endings, f"{verb} {talk.name}", answer)
            return None
        return {} if verb == "HELO" else read_extensions(answer)

    async def _recipients(self, talk: Talk, endings: list[Ending | None], *, has_dsn: bool) -> None:
        for number, (recipient, parameters) in enumerate(talk.recipients):
            command = f"RCPT To:<{recipient}>" + (parameters if has_dsn else "")
            answer = await self._say(command, self._timeouts.rcpt)
            if answer.code // 100 != 2:
                self._note(command, answer)
                endings[number] = ending_of_reply(answer)
            else:
                self._accepted[number] = f"{answer.code} {' '.join(answer.lines)}"

    async def _text(self, talk: Talk, text: AsyncIterator[bytes], endings: list[Ending | None]) -> None:
        answer = await self._say("DATA", self._timeouts.data_command)
        if answer.code != 354:
            self._decide_rest(endings, "DATA", answer)
            return
        encoder = TextEncoder()
        async for chunk in text:
            await self._write(encoder.encode(chunk))
        await self._write(encoder.end())
        self._hear(">>> .")
        waiting = [number for number, ending in enumerate(endings) if ending is None]
        if not talk.is_lmtp:
            answer = await self._reply(self._timeouts.data_end)
            self.thanks = answer.text if answer.code // 100 == 2 else ""
            self._decide_rest(endings, ".", answer)
            return
        for number in waiting:
            answer = await self._reply(self._timeouts.data_end)
            if answer.code // 100 != 2:
                self._note(".", answer)
            endings[number] = ending_of_reply(answer)

    def _decide_rest(self, endings: list[Ending | None], command: str, answer: Reply) -> None:
        if answer.code // 100 != 2:
            self._note(command, answer)
        for number, ending in enumerate(endings):
            if ending is None:
                decided = ending_of_reply(answer)
                said = decided.diagnostic or self._accepted.get(number, "")
                endings[number] = Ending(decided.exit_status, decided.reply, decided.status, said)

    def _note(self, command: str, answer: Reply) -> None:
        if len(self.transcript) >= MOST_TRANSCRIPT:
            return
        if not self.transcript:
            self.transcript.append(f"... while talking to {self._host}:")
        if command:
            self.transcript.append(f">>> {command}")
        self.transcript += [f"<<< {line}" for line in _wire_lines(answer)]

    def _hear(self, line: str) -> None:
        if len(self.said) < MOST_SAID:
            self.said.append(line)

    async def _say(self, command: str, patience: timedelta) -> Reply:
        self._hear(f">>> {command}")
        await self._write(f"{command}\r\n".encode("iso8859-1", "replace"))
        return await self._reply(patience)

    async def _write(self, octets: bytes) -> None:
        try:
            async with asyncio.timeout(self._timeouts.data_block.total_seconds()):
                await self._send(octets)
        except (TimeoutError, OSError) as error:
            raise TalkEndedError(str(error) or "the mailer reads nothing") from error

    async def _reply(self, patience: timedelta) -> Reply:
        try:
            async with asyncio.timeout(patience.total_seconds()):
                while (answer := self._replies.next_reply()) is None:
                    octets = await self._reader.read(_READ)
                    if not octets:
                        raise TalkEndedError("the mailer has ended the dialogue")
                    self._replies.receive(octets)
        except TimeoutError as error:
            raise TalkEndedError("the mailer answers nothing") from error
        except ProtocolError as error:
            raise TalkEndedError(str(error)) from error
        for line in _wire_lines(answer):
            self._hear(line)
        return answer


def _wire_lines(answer: Reply) -> list[str]:
    last = len(answer.lines) - 1
    return [f"{answer.code}{' ' if number == last else '-'}{line}" for number, line in enumerate(answer.lines)]


def ending_of_reply(answer: Reply) -> Ending:
    """Return what a reply means for a recipient."""
    if answer.code // 100 == 2:
        return ending_of_exit(os.EX_OK)
    said = f"{answer.code} {' '.join(answer.lines)}"
    status = with_status(answer).status
    if answer.code // 100 == 4:
        ending = ending_of_exit(os.EX_TEMPFAIL, is_unix=False, reason=said)
    else:
        ending = ending_of_exit(os.EX_NOUSER if answer.code in _NO_USER else os.EX_UNAVAILABLE, is_unix=False)
    return Ending(ending.exit_status, ending.reply, str(status) if status else ending.status, said)
