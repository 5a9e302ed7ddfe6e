"""MMDF's channel of programs where the command of each host stands in the channel's table.  MMDF sendprog(8)."""

from collections.abc import Callable

from posthouse.mail import events
from posthouse.mail.octet_text import characters, octets
from posthouse.mail.outcome import Outcome, deferred
from posthouse.mail.queued import Batch
from posthouse.ports import AttemptReport, Channel, EventLog, StoredText, Table


class TableProgramChannel:
    """Port Channel.  What the table does not say, or says wrongly, an administrator can mend: the mail waits."""

    def __init__(self, table: Table, program: Callable[[str], Channel], log: EventLog) -> None:
        """``program`` makes the channel that runs a command; it raises ValueError for what is none."""
        self._table = table
        self._program = program
        self._log = log

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        """Run the host's command for each recipient."""
        answer = await self._table.lookup(octets(batch.hop.host))
        if answer.unavailable:
            return _each(batch, deferred("the table of the channel cannot be read", status="4.4.3"))
        if not answer.found:
            return _each(batch, deferred(f"{batch.hop.host} left the table of its channel", status="4.4.4"))
        try:
            channel = self._program(characters(answer.values[0]))
        except ValueError as error:
            where = f"table {self._table.name}, {answer.origin}"
            self._log.event(events.TROUBLE, queue_id=batch.message.queue_id, where=where, error=str(error))
            return _each(batch, deferred("the table of the channel has no command", status="4.3.5"))
        return await channel.attempt(batch, text)

    async def close(self) -> None:
        """Nothing is kept."""


def _each(batch: Batch, outcome: Outcome) -> AttemptReport:
    return AttemptReport(tuple(outcome for _ in batch.recipients))
