"""The check rule sets of a sendmail site: check_relay, check_mail, check_rcpt, check_data, check_eoh, header checks.

Sendmail Installation and Operation Guide, section 5.1.4.  A map that cannot answer makes the client try again.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING, Final

from posthouse.mail.reply import Reply, reply
from posthouse.mailers.checks import check_fields
from posthouse.mailers.fields import split_fields
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.verdicts import Ruling, Verdict, check
from posthouse.routing.sendmail.complaints import AddressComplaint

if TYPE_CHECKING:
    from posthouse.rewriting.environment import Environment
    from posthouse.routing.sendmail.compiled import SendmailRouting
    from posthouse.submit.sendmail.driver import World

TRY_LATER: Final = reply(451, "4.3.0", "Temporary system failure. Please try again later.")


class Policy:
    """The rules about who may send, for one message.  ``discards`` and ``quarantine`` are set by what they said."""

    __slots__ = ("_environment", "_routing", "_world", "discards", "exit_status", "quarantine")

    def __init__(self, routing: SendmailRouting, world: World, environment: Environment) -> None:
        self._routing = routing
        self._world = world
        self._environment = environment
        self.discards = False
        self.exit_status = 0  # of the last refusal
        self.quarantine = ""  # why the message is to be held

    def has(self, name: str) -> bool:
        """Does the configuration have rules of this name?"""
        number = self._routing.program.number_of(name)
        return number is not None and self._routing.has_rule_set(number)

    @property
    def checks_header(self) -> bool:
        """Is the header looked at?"""
        return self.has("check_eoh") or any(one.rule_set for one in self._routing.configuration.headers)

    async def ask(self, name: str, text: str, other: str | None = None, *, about: str = "") -> Reply | None:
        """Ask a rule set; return its refusal.  ``about`` is the address that a refusal names."""
        if not self.has(name):
            return None
        steps = check(self._routing.program, self._environment, name, text, other)
        return self._judge(await self._world.answer_all(steps), about)

    async def header(self, header: bytes) -> Reply | None:
        """Ask about every field, then about the header as a whole."""
        fields = tuple(split_fields(header.replace(b"\r\n", b"\n")))
        program, declarations = self._routing.program, self._routing.configuration.headers
        checked = await self._world.answer_all(check_fields(program, self._environment, declarations, fields))
        for verdict in (*checked.refusals, *((checked.other,) if checked.other is not None else ())):
            refusal = self._judge(verdict, "")
            if refusal is not None:
                return refusal
        return await self.ask("check_eoh", str(len(fields)), str(len(header)))

    def _judge(self, verdict: Verdict, about: str) -> Reply | None:
        if verdict.ruling is Ruling.DISCARD:
            self.discards = True
        elif verdict.ruling is Ruling.QUARANTINE:
            self.quarantine = self.quarantine or verdict.reason
        elif verdict.ruling is Ruling.REFUSE and verdict.refusal is not None:
            said = verdict.refusal.reply
            self.exit_status = verdict.refusal.exit_status
            return AddressComplaint(Complaint(said.text, said.code, said.status, about)).reply
        elif verdict.is_deferred:
            return TRY_LATER
        return None
