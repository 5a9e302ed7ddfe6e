"""Take in what was dropped while nobody answered: the same intake, later.

The rule: a file goes only after the spool has its message, or into the place for what is no
message; what cannot be decided now stays for the next look.  No file stops the others.

Known limits: a crash, or a stop in haste, between the commit and the removal brings the message twice.
"""

from datetime import datetime, timedelta

from posthouse.mail import events
from posthouse.mail.errors import MalformedError, PosthouseError, SpoolError
from posthouse.mail.reply import Reply
from posthouse.ports import DropFolder, DroppedMessage
from posthouse.submit import replies
from posthouse.submit.client import Client
from posthouse.submit.dropped import DroppedEnvelope, longest_line, read_envelope
from posthouse.submit.intake import Intake
from posthouse.submit.local import LineEnds
from posthouse.submit.transaction import Transaction

# How long a file that had to wait is left alone: as long as it has waited, within these.
_LEAST_WAIT = timedelta(seconds=10)
_MOST_WAIT = timedelta(minutes=10)
_MOST_REMEMBERED = 10_000


class LaterError(PosthouseError):
    """This message cannot be taken now.  Caught in ``Pickup``, which leaves the file."""


class Pickup:
    """Looks into the folder when told to."""

    def __init__(self, intake: Intake, folder: DropFolder) -> None:
        self._intake = intake
        self._folder = folder
        self._site = intake.parts.site
        self._clock = intake.parts.clock
        self._log = intake.parts.log
        self._patience = intake.parts.site.retry.expire_after
        self._waiting: dict[str, datetime] = {}  # until when a file is left alone
        self._done: set[str] = set()  # taken, but still there: must never be taken again
        self._leaving = False

    def leave(self) -> None:
        """Finish with the message that is being taken."""
        self._leaving = True

    async def look(self) -> None:
        """Take everything that can be taken now.  Raises SpoolError when the folder cannot be read."""
        now = self._clock.now()
        # A clock that was set back must not make a file wait for ever.
        self._waiting = {name: until for name, until in self._waiting.items() if now < until <= now + _MOST_WAIT}
        for name in await self._folder.names(self._waiting.keys() | self._done):
            if self._leaving:
                return
            await self._take(name)

    async def _take(self, name: str) -> None:
        try:
            message = await self._folder.open(name)
        except MalformedError as error:
            await self._set_aside(name, str(error))
            return
        except SpoolError as error:
            self._leave_alone(name, _MOST_WAIT, str(error))
            return
        if message is not None:
            try:
                await self._take_opened(name, message)
            finally:
                await message.close()

    async def _take_opened(self, name: str, message: DroppedMessage) -> None:
        waited = self._clock.now() - message.since
        wait = min(max(waited, _LEAST_WAIT), _MOST_WAIT)
        try:
            queue_id = await self._submit(message, is_final=waited > self._patience)
        except MalformedError as error:
            await self._set_aside(name, str(error), message.user)
        except (LaterError, SpoolError) as error:
            self._leave_alone(name, wait, str(error))
        except Exception as error:  # noqa: BLE001 - a bug with one message must not stop the others
            self._leave_alone(name, _MOST_WAIT, repr(error))
        else:
            self._log.event(events.PICKED_UP, queue_id=queue_id, file=name, user=message.user, waited=waited)
            await self._remove(name)

    async def _submit(self, message: DroppedMessage, *, is_final: bool) -> str:
        """Bring one message through the intake and return its queue id."""
        limits = self._site.limits
        envelope = read_envelope(await message.first_line(longest_line(limits)), limits)
        # Completed by the command that took it: what comes from the file counts as relayed text.
        client = Client(name=self._site.name, user=message.user, may_relay=True)
        transaction = self._intake.begin(client)
        try:
            await self._address(transaction, envelope, is_final=is_final)
            _require(await transaction.start_text())
            ends = LineEnds()
            async for chunk in message.chunks():
                await transaction.write(ends.convert(chunk))
            await transaction.write(ends.finish())
            _require(await transaction.finish())
        finally:
            await transaction.abandon()
        return transaction.queue_id

    async def _address(self, transaction: Transaction, envelope: DroppedEnvelope, *, is_final: bool) -> None:
        """Offer sender and recipients; who is refused has failed, and his sender gets a report."""
        _require(await transaction.sender(envelope.reverse_path, envelope.mail))
        for path, parameters in envelope.recipients:
            reply = await transaction.recipient(path, parameters)
            if reply.is_positive:
                continue
            if reply.is_transient and reply != replies.TOO_MANY_RECIPIENTS and not is_final:
                raise LaterError(f"{path}: {reply}")
            transaction.fail_recipient(path, parameters, reply)

    async def _remove(self, name: str) -> None:
        try:
            await self._folder.remove(name)
        except SpoolError as error:
            self._done.add(name)
            self._log.event(events.TROUBLE, where="pickup", file=name, error=f"taken, but not removed: {error}")

    async def _set_aside(self, name: str, reason: str, user: str = "") -> None:
        try:
            kept = await self._folder.set_aside(name)
        except SpoolError as error:
            self._leave_alone(name, _MOST_WAIT, f"{reason}; and it cannot be put aside: {error}")
        else:
            self._log.event(events.SET_ASIDE, file=name, user=user or None, reason=reason, kept=kept)

    def _leave_alone(self, name: str, wait: timedelta, reason: str) -> None:
        if len(self._waiting) >= _MOST_REMEMBERED:
            self._waiting.clear()
        self._waiting[name] = self._clock.now() + wait
        self._log.event(events.TROUBLE, where="pickup", file=name, error=reason)


def _require(reply: Reply) -> None:
    """Raise for a refusal of the whole message: LaterError or MalformedError."""
    if reply.is_transient:
        raise LaterError(str(reply))
    if not reply.is_positive:
        raise MalformedError(str(reply))
