"""A message of a sendmail site delivered here and now: each mailer in its turn, then what is to be reported.

Sendmail Installation and Operation Guide, sections 2.4 and 3.3: who hands in a message with DeliveryMode=interactive
waits for the deliveries, and gets the last bad exit status.  What is left is put into the spool before that.
"""

import os
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from posthouse.deliver.cf_compatible import Compatibility
from posthouse.deliver.cf_envelope import CfEnvelope, Delivered, MailerPort, Message, ReportPort, Standing
from posthouse.deliver.cf_report import ReportWriter, reportable
from posthouse.mail.account import Account
from posthouse.mail.envelope import MailerUser, Notify
from posthouse.mailers.arguments import speaks_smtp
from posthouse.mailers.batches import Addressee, Load, loads_of
from posthouse.mailers.exits import TOLD_POSTMASTER, Ending, transcript_line, without_codes
from posthouse.ports import Clock
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import CfConfiguration

_REPORT_OCTETS = 1024  # of what a report says itself, as its size is reckoned
DEAD_LETTER = "dead.letter"
_FILE = "*file*"
_URGENCIES = frozenset({"urgent", "normal", "non-urgent"})
DEEPEST_REPORT = 3  # a report about a report about a report goes nowhere


class Delivery(Struct):
    """What deliveries need.  ``say`` prints for whoever waits; ``draw_name`` names a message."""

    configuration: CfConfiguration
    mailers: MailerPort
    reports: ReportPort
    writer: ReportWriter
    clock: Clock
    say: Callable[[str], None]
    draw_name: Callable[[], str]
    is_verbose: bool = False
    is_asked_for: bool = False  # a queue run for this very message, sender or recipient
    error_mode: str = "mail"  # print, quiet: the option ErrorMode, for whoever waits
    invoker: Account | None = None  # who waits
    compatible: Compatibility | None = None  # None where the rules have no check_compat

    async def run(self, envelope: CfEnvelope, depth: int = 0) -> None:
        """Deliver to everybody who waits, report, and keep what is left."""
        await self._ask_compatible(envelope)
        if envelope.standing(Standing.WAITING):
            envelope.attempts += 1
            envelope.is_split = True
        expensive = self._waiting_mailers()
        for way in envelope.standing(Standing.WAITING):
            if fold(way.addressee.mailer) in expensive:
                way.standing = Standing.QUEUED
        waiting = [way.addressee for way in envelope.standing(Standing.WAITING)]
        for load in loads_of(waiting, self.configuration.mailers):
            await self._deliver(envelope, load)
        self._expire(envelope)
        if reportable(envelope):
            await self._tell_sender(envelope, depth)
        if envelope.standing(Standing.QUEUED):
            await self.reports.keep(envelope)

    async def _ask_compatible(self, envelope: CfEnvelope) -> None:
        """Ask check_compat about who is to be tried now, or is queued untried: the daemon does not ask again."""
        if self.compatible is None:
            return
        for way in envelope.standing(Standing.WAITING, Standing.QUEUED):
            is_waiting = way.standing is Standing.WAITING
            ending = await self.compatible.ending(envelope, way) if is_waiting or way.attempted is None else None
            if ending is None:
                continue
            way.ending, way.attempted, way.standing = ending, self.clock.now(), _standing(ending)
            if ending.is_success:
                way.notify = Notify.NEVER
                continue
            envelope.message = ending.message
            if ending.is_temporary:
                if self.is_verbose:
                    self.say(f"{way.who.written}... {ending.message}")
            elif is_waiting:
                envelope.exit_status = ending.exit_status

    def _waiting_mailers(self) -> frozenset[str]:
        """Return the mailers for which mail stays in the queue: F=e with HoldExpensive, F=% until it is asked for."""
        flags = ("e" if self.configuration.flag("HoldExpensive") else "") + ("" if self.is_asked_for else "%")
        return frozenset(
            name for name, mailer in self.configuration.mailers.items() if any(mailer.has(flag) for flag in flags)
        )

    async def _deliver(self, envelope: CfEnvelope, load: Load) -> None:
        everyone = ",".join(one.who.written for one in load.addressees)
        if self.is_verbose and load.mailer.path != "[FILE]":
            via = f" via {load.mailer.name}" if load.host else f" to {load.mailer.name}"
            place = f"{load.host}{via}" if load.host else load.mailer.name
            named = (
                ",".join(one.who.written for one in reversed(load.addressees)) if speaks_smtp(load.mailer) else everyone
            )
            self.say(f"{named}... Connecting to {place}...")
        message = Message(envelope.opened, envelope.octets, envelope.parameters, _rcpt_parameters(envelope))
        done = await self.mailers.deliver(load, message)
        envelope.transcript += done.transcript
        self._echo(done.dialogue)
        now = self.clock.now()
        ways = {way.addressee.number: way for way in envelope.ways}
        whole = _are_alike(done.endings)
        for one, ending in zip(load.addressees, done.endings, strict=True):
            way = ways[one.number]
            way.ending, way.attempted = ending, now
            way.remote = done.remote if whole and not ending.is_success else ""
            way.standing = _standing(ending)
            way.is_passed_on = done.passes_reports
        self._tell(envelope, load, done, everyone)
        self._echo(done.farewell)

    def _echo(self, lines: Sequence[str]) -> None:
        if self.is_verbose:
            for line in lines:
                self.say(line)

    def _tell(self, envelope: CfEnvelope, load: Load, done: Delivered, everyone: str) -> None:
        """Put the endings into the transcript, once where all are alike, and remember the worst."""
        endings = done.endings
        whole = _are_alike(endings)
        told = [(everyone, endings[0])] if whole else _told(load, endings)
        for who, ending in told:
            if ending.is_success:
                if self.is_verbose:
                    self.say(f"{who}... {ending.message}" + (f" ({done.thanks})" if done.thanks else ""))
                continue
            said = transcript_line(ending.reply, who)
            envelope.transcript.append(without_codes(said) if ending.exit_status == os.EX_TEMPFAIL else said)
            if self.is_verbose and ending.exit_status == os.EX_TEMPFAIL:
                self.say(without_codes(said))
            envelope.message = ending.message
            if ending.exit_status != os.EX_TEMPFAIL:
                envelope.exit_status = ending.exit_status
        for one, ending in zip(load.addressees, endings, strict=True):
            way = next(way for way in envelope.ways if way.addressee is one)
            is_told = way.notify is not None and Notify.SUCCESS in way.notify and not way.is_passed_on
            if ending.is_success and is_told:
                words = "Successfully delivered" if load.mailer.is_local else "relayed; expect no further notifications"
                envelope.transcript.append(f"{one.who.written}... {words}")

    def _expire(self, envelope: CfEnvelope) -> None:
        """Give up what has been tried for too long."""
        patience = self.configuration.duration(f"Timeout.queuereturn.{_urgency(envelope)}")
        late = envelope.standing(Standing.QUEUED)
        if not late or self.clock.now() - envelope.accepted < patience:
            return
        words = duration_in_words(int(patience.total_seconds()))
        envelope.transcript += [
            f"Message could not be delivered for {words}",
            "Message will be deleted from queue",
        ]
        for way in late:
            way.standing = Standing.BAD
            if way.ending is not None:
                way.ending = Ending(way.ending.exit_status, way.ending.reply, "4.4.7", way.ending.diagnostic)

    async def _tell_sender(self, envelope: CfEnvelope, depth: int) -> None:
        """Report failures as ErrorMode has it; what nobody can be told is kept."""
        if self.error_mode == "quiet" and not envelope.is_report:
            return
        if self.error_mode == "print" and self._is_invokers(envelope):
            await self._save(envelope)
        elif depth < DEEPEST_REPORT:
            await self._report(envelope, depth)
        elif envelope.is_report:
            await self._keep_unwanted(envelope)

    def _is_invokers(self, envelope: CfEnvelope) -> bool:
        who = self.invoker
        return who is not None and envelope.sender_is_local and envelope.sender.partition("@")[0] == who.login

    async def _save(self, envelope: CfEnvelope) -> None:
        """Leave the message in the home of who sent it, who has been told what is wrong."""
        who = self.invoker
        if who is not None and envelope.standing(Standing.BAD):
            path = f"{who.home.rstrip('/')}/{DEAD_LETTER}"
            if await self._append(envelope, MailerUser(path, path, "", who.login, who.uid, who.gid, who.home)):
                self.say(f"{path}... Saved message in {path}")

    async def _append(self, envelope: CfEnvelope, who: MailerUser) -> bool:
        """Write the message to a file, as one for its user."""
        mailer = self.configuration.mailers[_FILE]
        if not who.uid:  # ours are the rights then
            mailer = replace(mailer, flags="".join(sorted({*mailer.flags, "S"} - {"o"})))
        load = Load(mailer, "", (Addressee(0, _FILE, "", who),))
        done = await self.mailers.deliver(load, Message(envelope.opened, envelope.octets))
        return all(ending.is_success for ending in done.endings)

    async def _keep_unwanted(self, bounce: CfEnvelope) -> None:
        """Keep a report that nobody can be given: in DeadLetterDrop, or in the queue for a person to look at."""
        path = self.configuration.text("DeadLetterDrop")
        if path and await self._append(bounce, MailerUser(path, path)):
            self.say(f"{bounce.sender}... Saved message in {path}")
            return
        for way in bounce.standing(Standing.BAD):
            way.standing = Standing.QUEUED
        bounce.is_held = True

    async def _report(self, envelope: CfEnvelope, depth: int) -> None:
        copies = self.configuration.text("PostmasterCopy")
        if envelope.is_report:
            addresses = [self.configuration.text("DoubleBounceAddress")]
        else:
            addresses = [envelope.sender_typed or envelope.sender, *envelope.errors_to]
            if any(way.ending is not None and way.ending.exit_status in TOLD_POSTMASTER for way in envelope.ways):
                addresses.append("postmaster")
        await self._send_report(envelope, [one for one in addresses if one], depth, pm=envelope.is_report)
        if copies and not envelope.is_report and envelope.standing(Standing.BAD):
            await self._send_report(envelope, [copies], depth, pm=True, returns_body=False)

    async def _send_report(
        self, envelope: CfEnvelope, addresses: Sequence[str], depth: int, *, pm: bool, returns_body: bool = True
    ) -> None:
        if not addresses:
            return
        now, name = self.clock.now(), self.draw_name()
        host = self.configuration.program.macros.get("j", "localhost")
        boundary = f"{envelope.name}.{int(now.timestamp())}/{host}"
        report, body = await self.writer.report(
            envelope, boundary, now, to_postmaster=pm, returns_body=returns_body and self._returns_body(envelope)
        )
        opened = self.writer.open(report, body, addresses, name, now, pm=pm)
        ways = await self.reports.ways_to(addresses)
        bounce = CfEnvelope(
            name=name,
            sender=opened.stored.circumstances.sender,
            sender_is_local=True,
            sender_type="RFC822",
            opened=opened,
            octets=_REPORT_OCTETS + (envelope.octets if report.returns_body else 0),
            accepted=now,
            came_from="localhost",
            ways=ways,
            is_report=True,
            hops=envelope.hops,
        )
        self._note_unresolved(bounce)
        if bounce.hops > self.configuration.number("MaxHopCount"):
            # It has been round as often as its cause: it is kept for a person to look at, and not sent on.
            for way in bounce.ways:
                way.standing = Standing.QUEUED
            bounce.is_held = True
            await self.reports.keep(bounce)
            return
        if bounce.standing(Standing.BAD) and not envelope.is_report:
            if pm:
                await self._keep_unwanted(bounce)
            else:
                await self._to_postmaster(envelope, bounce, depth)
            for way in bounce.standing(Standing.BAD):
                way.standing = Standing.SENT
        await self.run(bounce, depth + 1)

    async def _to_postmaster(self, envelope: CfEnvelope, bounce: CfEnvelope, depth: int) -> None:
        """Nobody is there to be told: the postmaster is, of the message itself."""
        address = self.configuration.text("DoubleBounceAddress")
        if address and depth + 1 < DEEPEST_REPORT:
            envelope.transcript += bounce.transcript
            await self._send_report(envelope, [address], depth + 1, pm=True)

    def _note_unresolved(self, bounce: CfEnvelope) -> None:
        for way in bounce.standing(Standing.BAD):
            if way.ending is not None:
                bounce.transcript.append(way.ending.reply)

    def _returns_body(self, envelope: CfEnvelope) -> bool:
        if envelope.body_is_withheld or envelope.precedence < 0:
            return False
        if any("Message is too large" in line for line in envelope.transcript):
            return False
        return "nobodyreturn" not in self.configuration.words("PrivacyOptions")


def _urgency(envelope: CfEnvelope) -> str:
    """Return by which time limit a message is given up: its Priority field says so, reports have their own."""
    word = (envelope.opened.stored.header.value("priority") or "").strip().lower()
    return word if word in _URGENCIES else "dsn" if envelope.is_report else "normal"


def _told(load: Load, endings: Sequence[Ending]) -> list[tuple[str, Ending]]:
    return [(one.who.written, ending) for one, ending in zip(load.addressees, endings, strict=True)]


def _are_alike(endings: Sequence[Ending]) -> bool:
    """Can one line tell how it ended for everybody?"""
    return len({one.reply if one.is_success else one for one in endings}) == 1


def _standing(ending: Ending) -> Standing:
    if ending.is_success:
        return Standing.SENT
    return Standing.QUEUED if ending.is_temporary else Standing.BAD


def _rcpt_parameters(envelope: CfEnvelope) -> dict[int, str]:
    """Return what RCPT says of each recipient's reports, with a blank before it."""
    parameters: dict[int, str] = {}
    for way in envelope.ways:
        words = []
        if way.notify is not None:
            words.append("NOTIFY=" + (",".join(flag.name or "" for flag in way.notify) or "NEVER"))
        if way.original:
            words.append(f"ORCPT={way.original}")
        if words:
            parameters[way.addressee.number] = " " + " ".join(words)
    return parameters


def duration_in_words(seconds: int) -> str:
    """Return a time as reports tell it: ``5 days``, ``1 day``, ``zero seconds``."""
    if seconds <= 0:
        return "zero seconds"
    words: list[str] = []
    for unit, name in ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, seconds = divmod(seconds, unit)
        if name == "day" and words:  # weeks are told as days
            count += 7 * int(words.pop().split()[0])
        if count:
            words.append(f"{count} {name}{'s' if count != 1 else ''}")
    return ", ".join(words)
