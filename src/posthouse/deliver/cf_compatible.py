"""The rule set check_compat, for messages that a command delivers: may this sender write to this recipient?

Sendmail Installation and Operation Guide, section 5.1.4.6.  It is asked when everything is known of both, before the
first attempt; the daemon asks it at RCPT.  What the rule says in words is told to nobody: its exit status counts.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final

from posthouse.deliver.cf_envelope import CfEnvelope, Way
from posthouse.deliver.mailer_text import Answers
from posthouse.mailers.exits import Ending, ending_of_exit
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.verdicts import Ruling, check

NAME: Final = "check_compat"
DISCARDED: Final = Ending(os.EX_OK, "250 2.0.0 Discarded", "2.0.0")


class Compatibility:
    """Asks about one pair at a time.  ``environment`` makes one of the macros of a message."""

    def __init__(
        self, program: CompiledProgram, answers: Answers, environment: Callable[[Mapping[str, str]], Environment]
    ) -> None:
        self._program = program
        self._answers = answers
        self._environment = environment

    async def ending(self, envelope: CfEnvelope, way: Way) -> Ending | None:
        """Return how it ended for a recipient who is not to get the message; None for one who is."""
        environment = self._environment({**self._program.program.macros, **envelope.opened.macros})
        steps = check(self._program, environment, NAME, envelope.sender, way.who.written)
        verdict = await self._answers.answer_all(steps)
        if verdict.ruling is Ruling.DISCARD:
            return DISCARDED
        if verdict.ruling is Ruling.REFUSE and verdict.refusal is not None:
            return ending_of_exit(verdict.refusal.exit_status, is_unix=False)
        return ending_of_exit(os.EX_TEMPFAIL, is_unix=False) if verdict.is_deferred else None
