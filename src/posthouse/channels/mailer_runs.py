"""One delivery by a mailer: its program run with arguments, or spoken to over its pipes, or a file appended to.

Everything is bounded: the time of a delivery, the output that is kept, the dialogue.  The rule: each recipient has an
ending of its own, and nothing is taken for delivered that did not say so.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import asyncio
import errno
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from posthouse.channels.mailer_dialogue import Dialogue, Talk
from posthouse.channels.mailer_process import UMASK, clean_environment, first_directory, identity_of, octet_words
from posthouse.deliver.cf_envelope import Delivered, Message
from posthouse.deliver.mailer_text import OutgoingText, Renderer
from posthouse.mail.errors import DialectUnavailableError
from posthouse.mailers.arguments import fill_arguments, speaks_smtp
from posthouse.mailers.batches import Addressee, Load
from posthouse.mailers.exits import Ending, ending_of_exit
from posthouse.programs.finishing import run_to_end
from posthouse.programs.start import ProgramStart, start_program
from posthouse.rewriting.macros import expand
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import MailerDeclaration

if TYPE_CHECKING:
    from posthouse.mail.limits import Timeouts
    from posthouse.programs.running import RunningProgram

FILE_WRITER: Final = "posthouse.channels.mailer_file"
_MOST_OUTPUT: Final = 64 * 1024  # octets


class MailerSettings(Struct, frozen=True):
    """What is the same for every delivery.  ``default_identity`` is DefaultUser."""

    timeouts: Timeouts
    default_identity: tuple[int, int]
    time_limit_seconds: float = 3600.0
    file_mode: int = 0o600


class MailerRuns:
    """Runs the mailers of one configuration."""

    def __init__(self, renderer: Renderer, settings: MailerSettings) -> None:
        self._renderer = renderer
        self._settings = settings
        self._configuration = renderer.configuration

    async def deliver(self, load: Load, message: Message) -> Delivered:
        """Deliver once."""
        mailer = load.mailer
        if 0 < mailer.largest_message < message.octets:
            return _too_large(load)
        try:
            sender = await self._renderer.sender_for(message.opened, mailer)
            return await self._deliver(load, message, sender)
        except DialectUnavailableError as error:
            return _all(load, ending_of_exit(os.EX_TEMPFAIL, reason=str(error)))

    async def _deliver(self, load: Load, message: Message, sender: str) -> Delivered:
        mailer = load.mailer
        own = [_macros_of(addressee, mailer) for addressee in load.addressees]
        macros = {"g": sender, "h": load.host, **own[-1]}
        if mailer.path == "[FILE]":
            return await self._append(load, message, macros)
        base = {**self._configuration.program.macros, **message.opened.macros, "g": sender, "h": load.host}
        passed_on = "" if message.opened.stored.circumstances.is_report and not mailer.has("g") else sender
        is_dialogue = speaks_smtp(mailer)
        arguments = fill_arguments(mailer, base, own, sender=passed_on)
        text = await self._renderer.write(message.opened, mailer, macros, is_smtp=is_dialogue)
        start = self._start(load, arguments, {**base, **own[-1]})
        try:
            program = await start_program(start)
        except OSError as error:
            return _not_started(load, error)
        if is_dialogue:
            return await self._talk(program, load, message, text, sender)
        return await self._feed(program, load, text)

    def _start(self, load: Load, arguments: Sequence[str], macros: Mapping[str, str]) -> ProgramStart:
        mailer = load.mailer
        return ProgramStart(
            mailer.path,
            octet_words(arguments, mailer.path),
            clean_environment(self._configuration.environment),
            first_directory(expand(mailer.directories, macros).split(":")),
            identity_of(mailer, load.addressees[0].who, self._settings.default_identity),
            mailer.niceness,
            UMASK,
        )

    async def _feed(self, program: RunningProgram, load: Load, text: OutgoingText) -> Delivered:
        """Give the text to a program and judge its exit."""
        finished = await run_to_end(program, text.chunks(), self._limit(load.mailer), _MOST_OUTPUT)
        status = finished.status
        if status is None:
            return _all(load, ending_of_exit(os.EX_TEMPFAIL, reason="the mailer ran too long"))
        said = _lines(finished.said)
        is_unix = fold(load.mailer.diagnostic_type) == "x-unix"
        if status < 0:
            words = f"451 4.3.0 mailer {load.mailer.name} died with signal {-status}"
            ending = ending_of_exit(os.EX_TEMPFAIL, is_unix=is_unix)
            return Delivered((ending,) * len(load.addressees), (*said, words))
        reason = f"{load.mailer.name} mailer ({load.mailer.path}) exited with EX_TEMPFAIL"
        return _all(load, ending_of_exit(status, is_unix=is_unix, reason=reason), said)

    async def _talk(
        self, program: RunningProgram, load: Load, message: Message, text: OutgoingText, sender: str
    ) -> Delivered:
        """Speak SMTP or LMTP to a program."""
        mailer, circumstances = load.mailer, message.opened.stored.circumstances
        is_null = circumstances.is_report and not mailer.has("g")
        name = self._configuration.program.macros.get("j", "localhost")
        talk = Talk(
            name=name,
            sender="" if is_null else _route_through(name, sender) if mailer.has("p") else sender,
            recipients=tuple(
                # Whoever was added last is named first: so it has always been.
                (one.who.user, message.recipient_parameters.get(one.number, ""))
                for one in reversed(load.addressees)
            ),
            octets=message.octets,
            parameters=message.parameters,
            is_lmtp=mailer.has("z"),
            is_extended=mailer.has("a"),
            is_plain=mailer.has("2"),
        )
        dialogue = Dialogue(program.stdout, program.write, self._settings.timeouts, name)
        try:
            async with asyncio.timeout(self._limit(mailer)):
                endings = await dialogue.run(talk, text)
                program.no_more()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.timeouts.quit.total_seconds()):
                        await program.wait()
        except TimeoutError:
            return _all(load, ending_of_exit(os.EX_TEMPFAIL, is_unix=False, reason="the mailer ran too long"))
        finally:
            await program.end()
            program.close()
        closing = (f"Closing connection to {mailer.name}",) if mailer.has("z") else ()
        return Delivered(
            endings[::-1],
            tuple(dialogue.transcript),
            name,
            passes_reports=dialogue.has_dsn,
            dialogue=tuple(dialogue.said),
            farewell=(*closing, *dialogue.farewell),
            thanks=dialogue.thanks,
        )

    async def _append(self, load: Load, message: Message, macros: Mapping[str, str]) -> Delivered:
        """Append to a file, in a process of its own that has the rights of whoever named it."""
        mailer, who = load.mailer, load.addressees[0].who
        words = mailer.argv[1:2] or ("",)
        path = expand(words[0], {**self._configuration.program.macros, **message.opened.macros, **macros})
        if not path:
            return _all(load, ending_of_exit(os.EX_CONFIG), ("empty filename specification for mailer *file*",))
        text = await self._renderer.write(message.opened, mailer, macros, is_smtp=False)
        rules = [self._configuration.text("SafeFileEnvironment"), "links" if self._may_be_linked else ""]
        arguments = [sys.executable, "-I", "-m", FILE_WRITER, path, f"{self._settings.file_mode:o}", *rules]
        start = ProgramStart(
            sys.executable,
            octet_words(arguments, sys.executable),
            clean_environment(self._configuration.environment),
            identity=identity_of(mailer, who, self._settings.default_identity),
            umask=UMASK,
        )
        try:
            program = await start_program(start)
        except OSError as error:
            return _not_started(load, error)
        return await self._feed(program, load, text)

    @property
    def _may_be_linked(self) -> bool:
        blamed_for = {word.lower() for word in self._configuration.words("DontBlameSendmail")}
        return "filedeliverytohardlink" in blamed_for

    def _limit(self, mailer: MailerDeclaration) -> float:
        return float(mailer.wait_seconds or self._settings.time_limit_seconds)


def _macros_of(addressee: Addressee, mailer: MailerDeclaration) -> dict[str, str]:
    user = addressee.who.user
    if mailer.has("s"):
        user = strip_quotes(user)
    if mailer.has("B") and user.startswith("\\") and user[1:2].isalnum():
        user = user[1:]
    if fold(mailer.name) == "prog":
        user = user.removeprefix("|")
    return {"u": user, "z": addressee.who.home}


def _route_through(host: str, sender: str) -> str:
    """Return a sender as a path that names us first: RFC 821, section 3.6."""
    return f"@{host}{',' if sender.startswith('@') else ':'}{sender}"


def _too_large(load: Load) -> Delivered:
    status = "5.2.3" if load.mailer.is_local else "5.3.4"
    ending = Ending(os.EX_UNAVAILABLE, "554 5.0.0 Service unavailable", status)
    said = f"552 {status} Message is too large; {load.mailer.largest_message} bytes max"
    several = [line for _ in load.addressees[1:] for line in (said, ending.reply)]
    return Delivered((ending,) * len(load.addressees), (*several, said))


def _not_started(load: Load, error: OSError) -> Delivered:
    is_passing = error.errno in (errno.EAGAIN, errno.ENOMEM, errno.ENFILE, errno.EMFILE)
    ending = ending_of_exit(os.EX_TEMPFAIL if is_passing else os.EX_UNAVAILABLE, is_unix=False)
    words = f"Cannot exec {load.mailer.path}: {error.strerror or error}"
    return Delivered((ending,) * len(load.addressees), trouble=words)


def _all(load: Load, ending: Ending, transcript: tuple[str, ...] = ()) -> Delivered:
    return Delivered((ending,) * len(load.addressees), transcript)


def _lines(said: bytes) -> tuple[str, ...]:
    text = said.decode("iso8859-1").replace("\r\n", "\n").removesuffix("\n")
    return tuple(text.split("\n")) if text else ()
