"""From any name of a domain to its official name, and the hosts on the way to it.

Two searches: the rooted one takes the name for a full domain, from the longest domain that is
configured to the root; the partial one takes it for a name that lacks its end.  MMDF tables(5).
"""

from msgspec import Struct

from posthouse.mail.lookup import Answer, Decision
from posthouse.mail.mmdf_fields import value_fields
from posthouse.routing.mmdf.compiled import DomainTable, MmdfRouting, Steps, TableUnavailableError
from posthouse.site.tailor.entries import Lines

MOST_LABELS = 50  # a name of more is not searched for; it bounds the questions of one search


class FoundDomain(Struct, frozen=True, gc=False):
    """A domain.  The last of ``hosts`` is where to hand the message to; those before lie behind it."""

    official: str
    hosts: tuple[str, ...]

    @property
    def next_host(self) -> str:
        """The host to look for in the channel tables."""
        return self.hosts[-1]


def find_domain(routing: MmdfRouting, name: str) -> Steps[FoundDomain | None]:
    """Search for a domain.  Raises TableUnavailableError when a table that could know it does not answer."""
    if name.count(".") >= MOST_LABELS:
        return None
    search = _Search(routing)
    domains = search.domains_above(name)
    if routing.is_snapshot:
        found = yield from search.each(domains, exact=True, below=True)
    else:
        # SCO's order: an exact entry of a shorter domain beats one that stands for everything below a longer one.
        found = yield from search.each(domains, exact=True, below=False)
        if found is None and routing.has_routes:
            found = yield from search.each(domains, exact=False, below=True)
    if found is None and search.trouble is not None:
        raise search.trouble
    if found is None and routing.partial:
        found = yield from search.partial(name)
    return found


class _Search:
    """One search, and the trouble that it met."""

    def __init__(self, routing: MmdfRouting) -> None:
        self._routing = routing
        self.trouble: TableUnavailableError | None = None

    def partial(self, name: str) -> Steps[FoundDomain | None]:
        """Take the name, then what is left without its first labels, for a name that lacks its domain."""
        before, rest = "", name
        while True:
            for domain in self._routing.partial:
                answer = yield from self._ask(domain, rest)
                if answer is None and self.trouble is not None:
                    raise self.trouble
                listed = value_fields(answer.values[0]) if answer is not None and answer.found else ()
                if answer is None or not listed:
                    continue
                if not before:
                    yield Decision(f"{rest} is short for {listed[0]}", answer.origin)
                    return FoundDomain(listed[0], listed)
                official = f"{self._spelled(domain, before)}{listed[0]}"
                yield Decision(f"{name} is short for {official}, below {listed[0]}", answer.origin)
                return FoundDomain(official, (official, *listed))
            label, dot, rest = rest.partition(".")
            if not dot:
                return None
            before = f"{before}{label}."

    def domains_above(self, name: str) -> list[tuple[str, DomainTable]]:
        """Return the domains that the name may end in, the longest first, and what of the name stands before them."""
        rooted, lower = self._routing.rooted, name.lower()
        found: list[tuple[str, DomainTable]] = []
        dot = lower.find(".")
        while dot >= 0:
            above = rooted.get(lower[dot + 1 :])
            if above is not None:
                found += [(name[:dot], domain) for domain in above]
            dot = lower.find(".", dot + 1)
        found += [(name, domain) for domain in rooted.get("", ())]
        if self._routing.is_snapshot:
            found = [(self._spelled(domain, head), domain) for head, domain in found]
        return found

    def each(self, domains: list[tuple[str, DomainTable]], *, exact: bool, below: bool) -> Steps[FoundDomain | None]:
        """Take the name for a full domain: ask for what stands before each domain that it may end in."""
        for head, domain in domains:
            if exact and head:
                answer = yield domain.question(head)
                if answer is not None and answer.unavailable:
                    self._note(answer, domain)
                    answer = None
                listed = value_fields(answer.values[0]) if answer is not None and answer.values else ()
                if answer is not None and listed:
                    text = f"{head} in domain {domain.dmn or 'root'} is {' '.join(listed)}"
                    yield Decision(text, answer.origin)
                    return FoundDomain(listed[0], listed)
            if below and domain.table.route:
                found = yield from self._below(domain, head)
                if found is not None:
                    return found
        return None

    def _below(self, domain: DomainTable, head: str) -> Steps[FoundDomain | None]:
        """Look for an entry that stands for everything below it."""
        rest = head
        while "." in rest:
            rest = rest.partition(".")[2]
            answer = yield from self._ask(domain, rest)
            if answer is None or not answer.found:
                continue
            official = f"{head}.{domain.dmn}" if domain.dmn else head
            hosts = (official, *value_fields(answer.values[0]))
            yield Decision(f"{official} is reached through {hosts[-1]}, which serves all below it", answer.origin)
            return FoundDomain(official, hosts)
        return None

    def _ask(self, domain: DomainTable, name: str) -> Steps[Answer | None]:
        """Ask a table; None when it does not answer, and then the trouble is kept."""
        if not name:
            return None
        answer = yield domain.question(name)
        assert answer is not None  # noqa: S101 - a Lookup is always sent an Answer
        if not answer.unavailable:
            return answer
        self._note(answer, domain)
        return None

    def _note(self, answer: Answer, domain: DomainTable) -> None:
        """Keep the trouble with a table.  Raises TableUnavailableError if the search ends there."""
        trouble = TableUnavailableError(answer.unavailable, is_nameserver=domain.is_nameserver)
        if domain.table.abort:
            raise trouble
        self.trouble = trouble

    def _spelled(self, domain: DomainTable, name: str) -> str:
        """The snapshot writes in small letters what it once looked for in the hashed database."""
        return name.lower() if self._routing.is_snapshot and domain.table.lines is Lines.DBM else name
