"""One address of a message while it is being expanded, and the order in which they are sent to.

The order is part of what a site sees: recipients of one host stand together, those without a host first, and
among themselves in the order in which they were found.
"""

from collections.abc import Iterable, Iterator
from enum import Enum

from msgspec import Struct, field

from posthouse.rewriting.recipients import ERROR, PROGRAM
from posthouse.rewriting.tokens import fold


class State(Enum):
    """What is to be done with an address."""

    OK = "ok"
    DEFERRED = "deferred"  # nobody can say now: it waits in the queue
    VERIFIED = "verified"  # it is an alias, and nobody asked what for
    BAD = "bad"  # its sender is told
    # From here on somebody else gets the mail, or has it already.
    DROPPED = "dropped"  # its .forward file names others
    EXPANDED = "expanded"  # an alias
    INCLUDED = "included"  # a list
    REPLACED = "replaced"  # by what rule set 5 made of it
    DUPLICATE = "duplicate"

    @property
    def is_sendable(self) -> bool:
        """Is it to be delivered to, now or later?"""
        return self in (State.OK, State.DEFERRED, State.VERIFIED)

    @property
    def is_dead(self) -> bool:
        """Is it done with?"""
        return self not in (State.OK, State.DEFERRED, State.VERIFIED, State.BAD)


class Addressee(Struct, eq=False):
    """One address.  ``written`` is what stood where it was found; ``alias`` the address that it came from.

    ``uid`` and what follows are those of the user whose address it is, or of the owner of the file that it came
    from; ``uid`` -1 is nobody's.
    """

    mailer: str
    host: str | None
    user: str
    written: str
    alias: "Addressee | None" = None
    state: State = State.OK
    is_primary: bool = False  # the sender gave it
    is_accepted: bool = False  # ... and all of it has been expanded
    refers_to_itself: bool = False
    stays_local: bool = False
    has_no_shell: bool = False  # the owner's shell is none: no programs, no files
    is_unsafe: bool = False  # others could have written the file
    login: str = ""
    uid: int = -1
    gid: int = -1
    home: str = ""
    full_name: str = ""
    owner: str = ""  # who gets the failures of this list
    reason: str = ""  # why it is bad or deferred: the whole reply

    @property
    def root(self) -> "Addressee":
        """The address that the sender gave."""
        found = self
        while found.alias is not None:
            found = found.alias
        return found

    @property
    def controller(self) -> "Addressee | None":
        """In whose right programs and files are used; None for nobody's."""
        found: Addressee | None = self
        while found is not None and found.uid < 0:
            found = found.alias
        return found

    @property
    def list_owner(self) -> str:
        """Who gets the failures, of the innermost list that has an owner; "" for the sender."""
        found: Addressee | None = self
        while found is not None and not found.owner:
            found = found.alias
        return found.owner if found is not None else ""

    def is_same(self, other: "Addressee") -> bool:
        """Do both mean one place?  Two errors never do, and a program runs for each of its controllers."""
        if self.mailer != other.mailer or self.mailer == ERROR or self.user != other.user or self.host != other.host:
            return False
        ours, theirs = self.controller, other.controller
        if self.mailer != PROGRAM or ours is None or theirs is None:
            return True
        return ours.uid == theirs.uid


def by_owner(queue: Iterable[Addressee], sender: str) -> dict[str, list[Addressee]]:
    """Part addresses by who gets their failures, as envelopes go out: first the sender's own, "".

    The others follow in the order of their last addresses in the queue.  A list whose owner is the sender has none.
    """
    parts: dict[str, list[Addressee]] = {"": []}
    for one in queue:
        owner = one.list_owner
        owner = "" if one.state.is_dead or owner == sender else owner
        addresses = parts.get(owner, []) if not owner else parts.pop(owner, [])
        addresses.append(one)
        parts[owner] = addresses
    return parts


class SendQueue(Struct):
    """Every address that was met, as the message is sent to them."""

    holds_expensive: frozenset[str] = frozenset()  # mailers that wait: theirs come last
    _entries: list[Addressee] = field(default_factory=list)
    _places: dict[tuple[str, str | None, str], list[Addressee]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Addressee]:
        """Yield the addresses in the order of sending."""
        return iter(sorted(self._entries, key=self._rank))

    def _rank(self, one: Addressee) -> tuple[bool, bool, str]:
        return (one.mailer in self.holds_expensive, one.host is not None, fold(one.host or ""))

    def add(self, new: Addressee) -> None:
        """Add an address, behind those that rank alike."""
        self._entries.append(new)
        self._places.setdefault((new.mailer, new.host, new.user), []).append(new)

    def find(self, new: Addressee) -> Addressee | None:
        """Return an address that makes this one a duplicate.

        One that the sender gave counts only when all of it has been expanded: until then it may turn out to be
        an alias of itself.
        """
        for known in self._places.get((new.mailer, new.host, new.user), ()):
            if (known.is_accepted or not known.is_primary) and known.is_same(new):
                return known
        return None

    def forget_after(self, count: int) -> None:
        """Forget what was added when there were already so many."""
        for one in self._entries[count:]:
            self._places[one.mailer, one.host, one.user].remove(one)
        del self._entries[count:]
