"""MMDF's channel to UUCP: one uux for each recipient, which runs rmail on the next machine.  MMDF uucp(8), RFC 976.

The channel's table has a path for each host, in which ``%s`` is the user: ``seismo!foo!%s``.  Its first machine is
where uux goes; the rest is rmail's argument.  No shell has a say in it.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from posthouse.mail.address import Address, Path
from posthouse.mail.dates import format_asctime
from posthouse.mail.octet_text import characters, octets
from posthouse.mail.outcome import Outcome, deferred, failed
from posthouse.mail.queued import Batch, LeasedRecipient
from posthouse.ports import AttemptReport, Channel, Clock, StoredText, Table
from posthouse.queueing.texts import EditedText

ARGUMENTS = ("{domain}!rmail", "({user})")  # behind the words of UUXSTR; the address is (rest of the path)@(machine)


class UucpChannel:
    """Port Channel."""

    def __init__(self, uux: Channel, table: Table, clock: Clock, *, our_name: str, uucp_name: str) -> None:
        """``uux`` runs the program with ARGUMENTS; ``our_name`` is the domain that senders lose on the way."""
        self._uux = uux
        self._table = table
        self._clock = clock
        self._our_name = our_name
        self._uucp_name = uucp_name

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        """Queue for each recipient at its next machine."""
        return AttemptReport(tuple([await self._queue(batch, leased, text) for leased in batch.recipients]))

    async def close(self) -> None:
        """Nothing is kept."""
        await self._uux.close()

    async def _queue(self, batch: Batch, leased: LeasedRecipient, text: StoredText) -> Outcome:
        host = batch.hop.host
        answer = await self._table.lookup(octets(host))
        if answer.unavailable:
            return deferred(f"channel table: {answer.unavailable}", status="4.4.3")
        if not answer.found:
            return deferred(f"{host} has no path in the table of its channel, {self._table.name}", status="4.4.4")
        whole = characters(answer.values[0]).replace("%s", user_path(leased.recipient.address, host))
        machine, bang, rest = whole.partition("!")
        try:
            target = Address(rest, machine)
        except ValueError:
            bang = ""
        if not bang:
            return failed(f"{whole!r} is no path of UUCP machines", status="5.1.2")
        recipient = replace(leased, recipient=replace(leased.recipient, address=target))
        report = await self._uux.attempt(replace(batch, recipients=(recipient,)), self._with_from_line(batch, text))
        return report.outcomes[0]

    def _with_from_line(self, batch: Batch, text: StoredText) -> StoredText:
        sender = sender_path(batch.message.reverse_path, self._our_name)
        date = format_asctime(self._clock.now())
        return EditedText(text, 0, f"From {sender} {date} remote from {self._uucp_name}\r\n".encode())


def user_path(address: Address, host: str) -> str:
    """Return what stands for the user in a path to ``host``: ``user%b@host`` is ``b!user``."""
    user, *hops = address.local_part.split("%")
    if address.domain.lower() != host.lower():
        hops.append(address.domain)
    return _bangs(user, hops)


def sender_path(path: Path, our_name: str) -> str:
    """Return a reverse-path as the next machine is to see it, which puts our name in front: ``u%b@c`` is ``c!b!u``."""
    if path.address is None:
        return "MAILER-DAEMON"
    user, *hops = path.address.local_part.split("%")
    hops += [path.address.domain, *reversed(path.route)]
    if hops[-1].lower() == our_name.lower():
        hops.pop()
    return _bangs(user, hops)


def _bangs(user: str, hops: Sequence[str]) -> str:
    return "!".join([*reversed([hop for hop in hops if hop]), user])
