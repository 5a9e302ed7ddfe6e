"""The examples that stand beside rule sets in a site.toml, each run with the site's own maps."""

import os
from collections.abc import Iterator, Sequence

from posthouse.adapters.cf_accounts import logins_of
from posthouse.adapters.cf_maps import open_cf_maps
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.map_answers import MapAnswers, MapAnswersNow
from posthouse.cli.errors import CommandError
from posthouse.cli.rewriting.rewriter import Rewriter, RuleSetResult
from posthouse.mail.problem import Problem
from posthouse.rewriting.recipients import CANONIFY, RESOLVE
from posthouse.site.cf.declared import CfConfiguration, RuleExample
from posthouse.site.rules.octets import octets_of
from posthouse.site.rules.writing import write_right


def example_problems(configuration: CfConfiguration) -> list[Problem]:
    """Return one problem for each example that comes out otherwise, or cannot be run."""
    if not configuration.examples:
        return []
    rewriter = _rewriter(configuration)
    try:
        return list(_problems(rewriter))
    finally:
        rewriter.close()


def example_lines(configuration: CfConfiguration, addresses: Sequence[str]) -> list[str]:
    """Return ``address -> what becomes of it`` for each.  Raises CommandError for one that cannot be tried."""
    if not addresses:
        return []
    rewriter = _rewriter(configuration)
    try:
        return [_line(rewriter, address) for address in addresses]
    finally:
        rewriter.close()


def _line(rewriter: Rewriter, address: str) -> str:
    given = write_right(octets_of(address), ())
    found = _result(rewriter, RuleExample("", octets_of(address), ""))
    if isinstance(found, str):
        raise CommandError(f"{address} is no example: {found}", os.EX_DATAERR)
    return f"{given:<30} -> {write_right(' '.join(found), ()) or '{}'}"


def _rewriter(configuration: CfConfiguration) -> Rewriter:
    clock = SystemClock()
    opened = open_cf_maps(configuration, clock, logins_of(configuration, clock), None, ())
    return Rewriter(configuration, MapAnswersNow(MapAnswers(opened.maps, clock)), opened.problems)


def _problems(rewriter: Rewriter) -> Iterator[Problem]:
    for example in rewriter.configuration.examples:
        given, expected = (_readable(rewriter, text) for text in (example.given, example.expected))
        found = _result(rewriter, example)
        what = f"rule set {example.rule_set}" if example.rule_set else "the address"
        if isinstance(found, str):
            yield Problem(example.origin, f"{what} cannot be tried with {given}: {found}", "correct the example")
        elif found != _tokens(rewriter, example.expected):
            got = write_right(" ".join(found), ()) or "nothing"
            yield Problem(example.origin, f"{given} becomes {got}, not {expected}", "correct the rules, or the example")


def _result(rewriter: Rewriter, example: RuleExample) -> tuple[str, ...] | str:
    """Return the tokens that come out, or why none do."""
    names = example.rule_set or f"{CANONIFY},{RESOLVE}"
    results = list(rewriter.run_rule_sets(rewriter.environment(), _tokens(rewriter, example.given), names))
    last = results[-1] if results else None
    if not isinstance(last, RuleSetResult):
        return f"there is no rule set {names}"
    return f"a rule failed with status {last.status}" if last.status else last.tokens


def _tokens(rewriter: Rewriter, text: str) -> tuple[str, ...]:
    return rewriter.program.syntax.scan(text, rewriter.program.rule_table, lenient=True).tokens or ()


def _readable(rewriter: Rewriter, text: str) -> str:
    return write_right(" ".join(_tokens(rewriter, text)), ()) or "nothing"
