"""Which rule sets of a sendmail.cf are those that m4 makes of Debian's sendmail-cf.

A rule is known by a hash of its set's name and its sides; a set is standard when all of its rules are.  Rules that
an administrator has added make their set custom, and no other.
"""

import hashlib
from collections.abc import Iterator

from posthouse.site.rules.source import RuleSetSource

_OCTETS = 5  # of a hash: a foreign rule has one of the thousand that are known once in a thousand million


def fingerprints(rule_set: RuleSetSource) -> Iterator[str]:
    """Yield the fingerprint of each rule of a set."""
    name = (rule_set.names[-1] if rule_set.names else str(rule_set.number)).lower()
    for rule in rule_set.rules:
        sides = (" ".join(side.text.split()) for side in (rule.left, rule.right))
        text = "\0".join((name, *sides)).encode("utf-8")
        yield hashlib.blake2b(text, digest_size=_OCTETS).hexdigest()


def is_standard(rule_set: RuleSetSource) -> bool:
    """Are all of a set's rules standard ones?  A set without rules is not."""
    from posthouse.site.rules.standard_rules import FINGERPRINTS

    return bool(rule_set.rules) and all(one in FINGERPRINTS for one in fingerprints(rule_set))
