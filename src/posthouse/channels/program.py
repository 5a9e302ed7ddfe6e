"""The channel that hands each recipient's message to a program.

The program is run from the site's own words without a shell; what a message
says stays one argument.  It gets the text on standard input (LF line ends), a
clean environment, a time limit, and is judged by its exit status alone
(sysexits.py): one that does not read its input but exits with 0 has delivered.

An argument that a placeholder would begin with ``-`` is refused, since the
program would take it for an option; ``--to={recipient}`` or an argument
``--`` with text before the placeholder is safe.  ``{sender}`` of the null reverse-path is an empty argument.
"""

import re
import signal
from collections.abc import AsyncIterator, Mapping

from posthouse.channels.sysexits import judge_exit
from posthouse.mail import events
from posthouse.mail.address import Address
from posthouse.mail.errors import MalformedError
from posthouse.mail.line_ends import LineEnds
from posthouse.mail.outcome import Outcome, deferred, failed
from posthouse.mail.queued import Batch, MessageInfo
from posthouse.mail.wording import seconds_in_words
from posthouse.ports import AttemptReport, EventLog, StoredText
from posthouse.programs.finishing import run_to_end
from posthouse.programs.running import RunningProgram
from posthouse.programs.start import ProgramStart, start_program
from posthouse.site.model import ChannelDeclaration

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PLACEHOLDER = re.compile(r"\{(recipient|user|domain|sender|queue_id)\}")
_UNFIT = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")


def fill_arguments(template: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """Fill the placeholders in.  Raises MalformedError for a value that would look like an option."""
    arguments = []
    for argument in template:
        filled = _PLACEHOLDER.sub(lambda match: values[match[1]], argument)
        if filled.startswith("-") and not argument.startswith("-"):
            raise MalformedError(f"an argument would begin with '-': {filled!r}")
        arguments.append(filled)
    return arguments


def printable(output: bytes) -> str:
    """Make a program's output fit for logs, headers and replies: one line, no control characters."""
    return _UNFIT.sub(" ", output.decode("utf-8", "replace")).strip()


class ProgramChannel:
    """Runs ``declaration.argv`` once for each recipient, one after the other."""

    def __init__(self, declaration: ChannelDeclaration, log: EventLog, *, most_output_octets: int) -> None:
        self._declaration = declaration
        self._log = log
        self._most_output_octets = most_output_octets

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        """Run the program for each recipient."""
        outcomes = [await self._deliver(batch.message, leased.recipient.address, text) for leased in batch.recipients]
        return AttemptReport(tuple(outcomes))

    async def close(self) -> None:
        """Nothing is kept."""

    async def _deliver(self, message: MessageInfo, address: Address, text: StoredText) -> Outcome:
        values = {
            "recipient": str(address),
            "user": address.local_part,
            "domain": address.domain,
            "sender": str(message.reverse_path),
            "queue_id": message.queue_id,
        }
        try:
            arguments = fill_arguments(self._declaration.argv, values)
        except MalformedError:
            return failed("the address would be taken for an option of the program", status="5.1.3")
        try:
            program = await self._start(arguments, values)
        except OSError as error:
            self._log.event(events.TROUBLE, queue_id=message.queue_id, argv=arguments, error=str(error))
            return deferred(f"program cannot be started: {error.strerror}", status="4.3.0")
        return await self._judge(program, text)

    async def _start(self, arguments: list[str], values: Mapping[str, str]) -> RunningProgram:
        words = [argument.encode("utf-8", "surrogateescape") for argument in arguments]
        environment = {"PATH": _PATH, "LANG": "C.UTF-8"} | {name.upper(): value for name, value in values.items()}
        start = ProgramStart(
            words[0],
            words,
            {name: value.encode("utf-8", "surrogateescape") for name, value in environment.items()},
            str(self._declaration.directory or "/"),
        )
        return await start_program(start)

    async def _judge(self, program: RunningProgram, text: StoredText) -> Outcome:
        limit = self._declaration.time_limit.total_seconds()
        finished = await run_to_end(program, lines_of_unix(text), limit, self._most_output_octets)
        status = finished.status
        if status is None:
            return deferred(f"program ran longer than {seconds_in_words(limit)} and was stopped", status="4.3.0")
        if status < 0:
            name = signal.strsignal(-status) or "unknown"
            return deferred(f"program was ended by signal {-status} ({name})", status="4.3.0")
        return judge_exit(status, printable(finished.said))


async def lines_of_unix(text: StoredText) -> AsyncIterator[bytes]:
    """Yield a stored text as programs expect it: LF ends a line."""
    line_ends = LineEnds()
    async for chunk in text.chunks():
        yield line_ends.feed(chunk)
    yield line_ends.finish()
