"""What a trusted alias names beyond a mailbox: ``user|program`` and ``user/file``, done as that user.

The rule: nothing runs with other rights than the user's own.  Where we cannot have them the mail waits, and the log
says why.  A program gets the text on its input, in the user's home, with HOME, USER and SHELL alone; exit 0 is
delivered, 192 to 255 (0300 to 0377) a refusal, everything else is tried again.  MMDF maildelivery(5), tables(5).
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from posthouse.channels import mailer_file
from posthouse.channels.program import lines_of_unix
from posthouse.mail import events
from posthouse.mail.account import Account, LoginsError
from posthouse.mail.errors import MalformedError
from posthouse.mail.mbox_format import FromQuoter, from_line
from posthouse.mail.octet_text import octets
from posthouse.mail.outcome import Outcome, deferred, delivered, failed
from posthouse.ports import AttemptReport
from posthouse.programs.finishing import run_to_end
from posthouse.programs.identity import Identity
from posthouse.programs.start import ProgramStart, start_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from posthouse.mail.queued import Batch, LeasedRecipient, MessageInfo
    from posthouse.ports import Channel, Clock, EventLog, Logins, StoredText

_MARK: Final = re.compile(r"[|/]")
_SECONDS: Final = 300.0  # of a program; one more for each _OCTETS_A_SECOND of the text
_OCTETS_A_SECOND: Final = 20
_REFUSALS: Final = range(0o300, 0o400)
_SHELL: Final = "/bin/sh"
_UMASK: Final = 0o077
_FILE_MODE: Final = "600"
_VARIABLE: Final = re.compile(r"\$\((sender|address|size)\)")
_SPECIAL: Final = re.compile(r"([^A-Za-z0-9_@%+=:,./-])")  # to the shell, or perhaps to some shell
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MOST_SAID: Final = 4096  # octets


class QualifiedChannel:
    """Port Channel: around the channel of the mailboxes, which gets every recipient that is one."""

    def __init__(self, mailboxes: Channel, logins: Logins, clock: Clock, log: EventLog) -> None:
        self._mailboxes = mailboxes
        self._logins = logins
        self._clock = clock
        self._log = log

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        """Deliver to the mailboxes together, then to each program and file."""
        plain = tuple(one for one in batch.recipients if not _is_qualified(one))
        if len(plain) == len(batch.recipients):
            return await self._mailboxes.attempt(batch, text)
        outcomes: dict[int, Outcome] = {}
        if plain:
            report = await self._mailboxes.attempt(replace(batch, recipients=plain), text)
            outcomes = {one.number: outcome for one, outcome in zip(plain, report.outcomes, strict=True)}
        for one in batch.recipients:
            if one.number not in outcomes:
                outcomes[one.number] = await self._deliver(batch.message, one, text)
        return AttemptReport(tuple(outcomes[one.number] for one in batch.recipients))

    async def close(self) -> None:
        """Close the mailboxes."""
        await self._mailboxes.close()

    async def _deliver(self, message: MessageInfo, leased: LeasedRecipient, text: StoredText) -> Outcome:
        who = leased.recipient.mailer
        if who is None:
            raise ValueError("a mailbox was taken for a program or a file")
        mark = _MARK.search(who.user)
        at = len(who.user) if mark is None else mark.start()
        qualifier = who.user[at:]
        try:
            account = self._logins.find(who.controller)
            if account is None:
                return self._waits(message, who.user, f"{who.controller} has no account here")
            identity = _identity(account)
            if qualifier.startswith("|"):
                return await self._run(message, account, identity, _command(qualifier[1:], message, who.user), text)
            return await self._append(message, account, identity, qualifier[1:], text)
        except (LoginsError, PermissionError) as error:
            return self._waits(message, who.user, str(error))
        except OSError as error:
            return self._waits(message, who.user, f"cannot be started: {error.strerror}")
        except MalformedError as error:
            return failed(str(error), status="5.1.7")

    def _waits(self, message: MessageInfo, what: str, why: str) -> Outcome:
        """Put it off; the sender is not told what our aliases name."""
        self._log.event(events.TROUBLE, queue_id=message.queue_id, where=what, error=why)
        return deferred("the program or file of an alias cannot be used now", status="4.3.0")

    async def _run(
        self, message: MessageInfo, account: Account, identity: Identity | None, command: str, text: StoredText
    ) -> Outcome:
        # What it prints is nobody's.  With both outputs closed, what it leaves running holds up nobody.
        script = f"exec >/dev/null 2>&1\n{command}".encode("latin-1", "replace")
        environment = {"HOME": account.home, "USER": account.login, "SHELL": account.shell or _SHELL}
        start = ProgramStart(_SHELL, (b"sh", b"-c", script), environment, _directory(account), identity, umask=_UMASK)
        limit = _SECONDS + message.octets / _OCTETS_A_SECOND
        status, _ = await _finished(start, lines_of_unix(text), limit)
        if status == 0:
            return delivered("delivered to a program")
        if status in _REFUSALS:
            return failed(f"the program of an alias refused the message with exit status {status}", status="5.3.0")
        ending = "did not end in time" if status is None else f"ended with {status}"
        return self._waits(message, f"{account.login}|{command}", f"the program {ending}")

    async def _append(
        self, message: MessageInfo, account: Account, identity: Identity | None, name: str, text: StoredText
    ) -> Outcome:
        path = Path(account.home or "/") / os.fsdecode(name.encode("latin-1", "replace"))
        writer = [sys.executable, "-I", "-m", mailer_file.__name__, str(path), _FILE_MODE]
        start = ProgramStart(
            sys.executable,
            [os.fsencode(word) for word in writer],
            {"LANG": "C.UTF-8"},
            _directory(account),
            identity,
            umask=_UMASK,
        )
        content = _as_mbox(from_line(message.reverse_path, self._clock.now()), message, text)
        status, said = await _finished(start, content, _SECONDS + message.octets / _OCTETS_A_SECOND)
        if status == 0:
            return delivered("delivered to a file")
        return self._waits(message, f"{account.login}/{name}", said or f"the writer of the file ended with {status}")


def _is_qualified(leased: LeasedRecipient) -> bool:
    who = leased.recipient.mailer
    return who is not None and bool(who.controller)


def _identity(account: Account) -> Identity | None:
    """Return whom to become; None if we are the user.  Raises PermissionError."""
    if os.geteuid() == account.uid:
        return None
    if os.geteuid() == 0:
        return Identity(account.uid, account.gid)
    raise PermissionError(f"what is {account.login}'s is done as {account.login}, which takes the rights of root")


def _command(command: str, message: MessageInfo, address: str) -> str:
    """Fill the variables in, each as a word to any shell.  Raises MalformedError for an option."""
    values = {"sender": octets(str(message.reverse_path)), "address": address, "size": str(message.octets)}
    if values["sender"].startswith("-") and "$(sender)" in command:
        raise MalformedError("the sender would be taken for an option of a program")

    def quoted(value: str) -> str:
        return _SPECIAL.sub(r"\\\1", _CONTROL.sub("", value))

    return _VARIABLE.sub(lambda match: quoted(values[match[1]]), command)


def _directory(account: Account) -> str:
    """Return the home, where there is one: a program can be run without."""
    return account.home if account.home and Path(account.home).is_dir() else "/"


async def _finished(start: ProgramStart, text: AsyncIterator[bytes], seconds: float) -> tuple[int | None, str]:
    """Run a program to its end: its exit status, None when it took too long, and what it said.  Raises OSError."""
    finished = await run_to_end(await start_program(start), text, seconds, _MOST_SAID)
    return finished.status, _CONTROL.sub(" ", finished.said.decode("utf-8", "replace")).strip()


async def _as_mbox(first: bytes, message: MessageInfo, text: StoredText) -> AsyncIterator[bytes]:
    quoter = FromQuoter()
    yield first + f"Return-Path: <{message.reverse_path}>\n".encode()
    async for chunk in lines_of_unix(text):
        yield quoter.feed(chunk)
    yield quoter.finish().removesuffix(b"\n")  # the empty line at the end is the writer's
