"""Rule sets at work: rules are applied until none matches, maps are asked, other rule sets called.

The engine is a generator: it yields a MapQuestion for each map that is not its
own and is sent the MapAnswer.  It never fails: what goes wrong is a status of
sysexits(3) and a complaint, and the work of one call is bounded.
"""

from bisect import bisect_left
from collections.abc import Generator
from typing import Final

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer, MapQuestion
from posthouse.rewriting.compiled import (
    HIGHEST_RULE_SET,
    CompiledProgram,
    CompiledRule,
    CompiledRuleSet,
    called_name,
    named_rule_set,
)
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.environment import (
    Environment,
    Event,
    RuleApplied,
    RuleFailed,
    RuleFinished,
    RuleMatched,
    RuleSetEntered,
    RuleSetLeft,
    RuleTried,
)
from posthouse.rewriting.lookups import Matched, ask_maps, ask_planned
from posthouse.rewriting.patterns import END, SHORT, Spans
from posthouse.rewriting.plans import Plan, Segment, fill, is_inert
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.right_sides import RightSide, Then
from posthouse.rewriting.scanning import MOST_TOKENS
from posthouse.rewriting.symbols import CALL, HOST_MAP_BEGIN, MAILER, MAP_BEGIN
from posthouse.rewriting.tokens import fold

OK: Final = 0
DATA_ERROR: Final = 65
TEMPORARY_FAILURE: Final = 75
CONFIGURATION_ERROR: Final = 78

MOST_ROUNDS: Final = 100  # of one rule on its own result
MOST_CALLS: Final = 15  # of rule sets in one right side
MOST_APPLICATIONS: Final = 10_000  # of rules in one call from outside, whatever they call

Steps = Generator[MapQuestion, MapAnswer, "Step"]
Step = tuple[str, int]  # workspace and status


class Rewritten(Struct, frozen=True):
    """What a rule set made of an address: its tokens, a status of sysexits(3), and what was complained of."""

    tokens: tuple[str, ...]
    status: int = OK
    complaints: tuple[Complaint, ...] = ()


class _ExhaustedError(Exception):
    """The rules go on for ever, though no single rule does."""


class _AbandonedError(Exception):
    """A rule cannot be finished: its rule set is left at once, with what it had before that rule."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def rewrite(
    program: CompiledProgram, environment: Environment, number: int, tokens: tuple[str, ...]
) -> Generator[MapQuestion, MapAnswer, Rewritten]:
    """Apply a rule set to an address.  Yields MapQuestions, is sent MapAnswers, raises nothing."""
    run = _Run(program, environment)
    workspace = "".join([token + END for token in tokens])
    try:
        workspace, status = yield from run.call(number, workspace, 0, MOST_TOKENS)
    except _ExhaustedError:
        run.complain(Complaint(f"rewrite: too many rules applied ({MOST_APPLICATIONS} max)", status="5.3.0"))
        status = CONFIGURATION_ERROR
    return Rewritten(tokens_of(workspace), status, tuple(run.complaints))


def tokens_of(workspace: str) -> tuple[str, ...]:
    """Return the tokens of a workspace."""
    return tuple(workspace.split(END)[:-1])


class _Run:
    """One call from outside, with everything that it calls."""

    def __init__(self, program: CompiledProgram, environment: Environment) -> None:
        self._program = program
        self._environment = environment
        self._value_of = environment.macros.get
        self._is_silent = environment.listener is None
        self.complaints: list[Complaint] = []
        self._applications_left = MOST_APPLICATIONS

    def complain(self, complaint: Complaint) -> None:
        self.complaints.append(complaint)
        if self._environment.listener is not None:
            self._environment.listener(complaint)

    def call(self, number: int, workspace: str, depth: int, most_tokens: int) -> Steps:
        """Apply one rule set, and tell the listener of its coming and going."""
        listener = self._environment.listener
        label = self._program.label(number)
        if listener is not None:
            listener(RuleSetEntered(label, tokens_of(workspace)))
        deepest = self._program.program.deepest_recursion
        if depth > deepest:
            self.complain(Complaint(f"rewrite: excessive recursion (max {deepest}), ruleset {label}", code=""))
            return workspace, CONFIGURATION_ERROR
        status = OK
        rule_set = self._program.rule_set(number)
        if rule_set is not None:
            workspace, status, is_finished = yield from self._apply(rule_set, workspace, depth, most_tokens)
            if not is_finished:
                return workspace, status
        if listener is not None:
            listener(RuleSetLeft(label, tokens_of(workspace)))
        return workspace, status

    def _apply(
        self, rule_set: CompiledRuleSet, workspace: str, depth: int, most_tokens: int
    ) -> Generator[MapQuestion, MapAnswer, tuple[str, int, bool]]:
        """Apply the rules; return workspace, status, and False when an error ended the set at once."""
        rules = rule_set.rules
        place = rounds = 0
        status = OK
        while not workspace.startswith(MAILER):
            if rounds >= MOST_ROUNDS:
                self.complain(Complaint(f"Infinite loop in ruleset {rule_set.label}, rule {place + 1}", status="5.3.5"))
                break
            is_plain = workspace.isascii()
            found, spans = self._find_rule(rule_set, place, workspace.lower() if is_plain else fold(workspace))
            if spans is None:
                break
            rounds = rounds + 1 if found == place else 1
            place = found
            rule = rules[place]
            try:
                self._admit(rule_set, rule.right, spans)
                plan = rule.plan if self._is_silent else None
                if plan is None or not (plan.fits(workspace, most_tokens) and (is_plain or is_inert(workspace))):
                    built = self._build(rule_set, place, workspace, spans)
                    workspace, made = yield from self._finish(built, depth, most_tokens)
                elif plan.called is None and plan.before.text is not None:
                    workspace, made = fill(plan.before.text, workspace, spans), OK
                else:
                    workspace, made = yield from self._carry_out(plan, (workspace, spans), depth, most_tokens)
            except _AbandonedError as reason:
                return workspace, reason.status, False
            if status == OK or made == TEMPORARY_FAILURE:
                status = made
            if rule.right.then is Then.RETURN:
                break
            if rule.right.then is Then.NEXT:
                place += 1
                rounds = 0
        return workspace, status, True

    def _find_rule(self, rule_set: CompiledRuleSet, start: int, folded: str) -> tuple[int, Spans | None]:
        """Return the first rule from ``start`` on that matches, and what its wildcards hold."""
        if self._environment.is_watching_rules:
            return self._find_rule_watched(rule_set.rules, start, folded)
        rules = rule_set.rules
        is_short = len(folded) <= SHORT
        candidates = rule_set.candidates(folded)
        for place in candidates[bisect_left(candidates, start) :] if start else candidates:
            rule = rules[place]
            for needle in rule.needles:
                if needle not in folded:
                    break
            else:
                if is_short and rule.quick is not None:
                    found = rule.quick(folded)
                    if found is not None:
                        return place, found.regs[1:]
                    continue
                spans = rule.pattern.match(folded, self._value_of)
                if spans is not None:
                    return place, spans
        return len(rules), None

    def _find_rule_watched(self, rules: tuple[CompiledRule, ...], start: int, folded: str) -> tuple[int, Spans | None]:
        """Do the same rule by rule, and tell the listener of each."""
        for place in range(start, len(rules)):
            self._tell(RuleTried(rules[place].left, rules[place].origin))
            spans = rules[place].pattern.match(folded, self._value_of)
            if spans is not None:
                self._tell(RuleMatched(rules[place].right.tokens))
                return place, spans
            self._tell(RuleFailed())
        return len(rules), None

    def _tell(self, event: Event) -> None:
        if self._environment.listener is not None:
            self._environment.listener(event)

    def _admit(self, rule_set: CompiledRuleSet, right: RightSide, spans: Spans) -> None:
        """Count one application, and see that the right side can be built."""
        self._applications_left -= 1
        if self._applications_left < 0:
            raise _ExhaustedError
        if right.needs > len(spans):
            missing = right.first_missing(len(spans))
            text = f"rewrite: ruleset {rule_set.label}: replacement ${missing} out of bounds"
            self.complain(Complaint(text, status="5.3.5"))
            raise _AbandonedError(CONFIGURATION_ERROR)

    def _build(self, rule_set: CompiledRuleSet, place: int, workspace: str, spans: Spans) -> str:
        """Return the right side with its wildcards and macros filled in."""
        rule = rule_set.rules[place]
        tell = self._tell if self._environment.is_watching_rules else None
        built = rule.right.build(workspace, spans, self._program.syntax, self._value_of, self.complain, tell)
        if self._environment.listener is not None:
            self._environment.listener(RuleApplied(rule_set.label, place + 1, rule.origin, tokens_of(built)))
        return built

    def _carry_out(self, plan: Plan, matched: Matched, depth: int, most_tokens: int) -> Steps:
        """Ask the maps and call the rule set of a plan."""
        if plan.before.text is not None:
            before, status = fill(plan.before.text, *matched), OK
        else:
            before, status = yield from self._fill_all(plan.before, matched)
        if plan.called is None:
            self._check_length(before, most_tokens)
            return before, status
        if plan.given.text is not None:
            given = fill(plan.given.text, *matched)
        else:
            given, deferred = yield from self._fill_all(plan.given, matched)
            status = status or deferred
        self._check_length(before + given, most_tokens)
        result, made = yield from self.call(plan.called, given, depth + 1, most_tokens - before.count(END))
        return before + result, made if status == OK or made == TEMPORARY_FAILURE else status

    def _fill_all(self, segment: Segment, matched: Matched) -> Steps:
        """Return the workspace that a segment of a plan makes, with the answers of maps in their places."""
        written: list[str] = []
        status = OK
        for part in segment.parts:
            if isinstance(part, tuple):
                written.append(fill(part, *matched))
                continue
            text, is_deferred = yield from ask_planned(self._program, self._environment, part, matched, self.complain)
            if text is None:
                raise _AbandonedError(DATA_ERROR)
            written.append(text)
            status = TEMPORARY_FAILURE if is_deferred else status
        return "".join(written), status

    def _finish(self, workspace: str, depth: int, most_tokens: int) -> Steps:
        """Do what a right side names, and tell the listener."""
        workspace, status = yield from self._do_all(workspace, depth, most_tokens)
        if self._environment.is_watching_rules:
            self._tell(RuleFinished(tokens_of(workspace)))
        return workspace, status

    def _do_all(self, workspace: str, depth: int, most_tokens: int) -> Steps:
        """Ask the maps and call the rule sets that a right side has named."""
        self._check_length(workspace, most_tokens)
        if workspace.isascii():
            return workspace, OK
        status = OK
        if MAP_BEGIN in workspace or HOST_MAP_BEGIN in workspace:
            asked = yield from ask_maps(self._program, self._environment, workspace, self.complain)
            if asked is None:
                raise _AbandonedError(DATA_ERROR)
            workspace, is_deferred = asked
            status = TEMPORARY_FAILURE if is_deferred else OK
            self._check_length(workspace, most_tokens)
        if CALL in workspace:
            workspace, called = yield from self._call_rule_sets(workspace, depth, most_tokens)
            if status == OK or called == TEMPORARY_FAILURE:
                status = called
        return workspace, status

    def _check_length(self, workspace: str, most_tokens: int) -> None:
        if len(workspace) > 2 * most_tokens and workspace.count(END) > most_tokens:
            self.complain(Complaint("rewrite: expansion too long", status="5.3.0"))
            raise _AbandonedError(DATA_ERROR)

    def _call_rule_sets(self, workspace: str, depth: int, most_tokens: int) -> Steps:
        """Call what ``$>`` names, the rightmost first; each call takes everything to its right."""
        tokens = list(tokens_of(workspace))
        calls = self._find_calls(tokens)
        status = OK
        if calls is None:
            return _workspace_of(tokens), CONFIGURATION_ERROR
        for place, number in reversed(calls):
            taken = _workspace_of(tokens[place + 2 :])
            result, made = yield from self.call(number, taken, depth + 1, most_tokens - place)
            tokens[place:] = tokens_of(result)
            if made not in (OK, TEMPORARY_FAILURE):
                return _workspace_of(tokens), made
            if status == OK or made == TEMPORARY_FAILURE:
                status = made
        return _workspace_of(tokens), status

    def _find_calls(self, tokens: list[str]) -> list[tuple[int, int]] | None:
        """Return the places of calls and the numbers of the rule sets that they name; None if one is unknown.

        Calls of empty rule sets are taken out.  What then stands in their place is not looked at again, so that
        a call directly behind one stays a token: so does sendmail.
        """
        calls: list[tuple[int, int]] = []
        place = 0
        while place + 1 < len(tokens):
            if tokens[place] == CALL:
                text = strip_quotes(tokens[place + 1])
                name = tokens[place + 1] = called_name(text)
                number = self._program.number_of(name)
                if number is None:
                    self._complain_of_name(text)
                    self.complain(Complaint(f"Unknown ruleset {name}", status="5.3.5"))
                    return None
                if self._program.rule_set(number) is None:
                    del tokens[place : place + 2]
                elif len(calls) >= MOST_CALLS:
                    self.complain(Complaint(f"Too many subroutine calls ({MOST_CALLS + 1} max)", status="5.3.0"))
                    return None
                else:
                    calls.append((place, number))
            place += 1
        return calls

    def _complain_of_name(self, text: str) -> None:
        name = named_rule_set(text)
        if name.isdigit():
            shown = (int(name[:18]) + 2**31) % 2**32 - 2**31  # an int of C, as sendmail shows it
            self.complain(Complaint(f"bad ruleset {shown} ({HIGHEST_RULE_SET + 1} max)", code=""))
        elif not name:
            self.complain(Complaint(f'invalid ruleset name: "{text}"', code=""))


def _workspace_of(tokens: list[str]) -> str:
    return "".join([token + END for token in tokens])
