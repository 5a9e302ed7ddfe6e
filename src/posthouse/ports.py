"""The ports: what engines and the two halves ask of the world.

Each port has adapters named ``<port>_<technology>``; those of the spool, tables, resolver, clock and drop pass one
suite for each port in tests/contract.  Methods are coroutines where an adapter may wait; one that never waits
simply returns (see submit/eager.py for how the hot path runs such a coroutine without a task).
"""

from collections.abc import AsyncIterator, Container, Coroutine, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from posthouse.mail.account import Account
from posthouse.mail.address import Address, Path
from posthouse.mail.address_file import AddressFile
from posthouse.mail.envelope import Envelope
from posthouse.mail.lookup import Answer, MapAnswer
from posthouse.mail.outcome import Outcome
from posthouse.mail.queued import (
    Batch,
    Hop,
    LeaseRequest,
    MessageInfo,
    QueueCount,
    QueueFilter,
    QueueId,
    QueueRow,
    QueueTotals,
    Settlement,
    Verb,
    WarningMark,
)


class Clock(Protocol):
    """Time.  ``now`` is UTC and may jump; ``monotonic`` is in seconds and never does."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class LoadAverage(Protocol):
    """How busy the machine is."""

    def now(self) -> int:
        """Return how many processes wanted to run, on the average of the last minute.  Never waits, never raises."""


class EventLog(Protocol):
    """Where the steps of a message's life are written.

    One event is one line; the same keys everywhere (docs/logs.md): ``queue_id``,
    ``recipient``, ``channel``, ``next_hop``, ``status``, ``delay`` ...  Values that are None are left out.
    Known event names stand in mail/events.py.
    """

    def event(self, name: str, /, **fields: object) -> None: ...


class Meter(Protocol):
    """Counters and gauges, by metric name and label values."""

    def count(self, metric: str, amount: float = 1, /, **labels: str) -> None: ...

    def gauge(self, metric: str, value: float, /, **labels: str) -> None: ...

    def observe(self, metric: str, value: float, /, **labels: str) -> None: ...


class Wakeup(Protocol):
    """The hint that new work may be due.  Losing one costs time, never mail."""

    def notify(self) -> None: ...


class Waiter(Protocol):
    """How deliver's loop waits: for a hint, for a time, or for whichever comes first."""

    def notify(self) -> None:
        """End the wait that runs, or the next one.  Also what the wake-up datagram calls."""

    async def wait(self, until: datetime | None) -> None:
        """Return at a notification or at this time; None waits for a notification alone."""

    async def sleep(self, until: datetime) -> None:
        """Return at this time, whatever is notified meanwhile.  Many may sleep at once."""

    def found(self, work: bool) -> None:
        """Learn whether the wait that has ended led to work: hints that lead to none may be heard less often."""


class Spawner(Protocol):
    """How deliver runs attempts beside each other."""

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run it concurrently and keep it alive to its end.  It never raises an Exception."""


class Draft(Protocol):
    """One message being written into the spool.  Nothing of it exists before ``commit`` returns."""

    async def write(self, chunk: bytes) -> None:
        """Append text (CRLF line ends).  Raises SpoolError; SpoolFullError when the disk is full."""

    async def commit(
        self,
        envelope: Envelope,
        accepted: datetime,
        settlements: Sequence[Settlement] = (),
        warnings: Sequence[WarningMark] = (),
    ) -> QueueId:
        """Make the message durable and return its name; raises SpoolError, and then it does not exist.

        ``settlements`` and ``warnings`` are applied in the same transaction: a bounce
        exists exactly when what it reports is no longer owed.  A settlement whose
        token is no longer valid refuses the whole commit (SpoolError).
        """

    async def abandon(self) -> None:
        """Forget the draft.  Harmless after commit and when called twice."""


class SpoolIntake(Protocol):
    """The spool's face towards submit."""

    def begin(self) -> Draft: ...


class DroppedMessage(Protocol):
    """A message that a program left while nobody could take it.  Nothing in it is to be believed."""

    user: str  # whose file it is, as the kernel says
    since: datetime  # when it was written

    async def first_line(self, most: int) -> bytes:
        """Read the first line, at most so many octets of it.  Comes before ``chunks``."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Stream the rest."""

    async def close(self) -> None:
        """Let go of it."""


class DropFolder(Protocol):
    """Where such messages lie.  Every method but ``close`` may raise SpoolError."""

    async def names(self, without: Container[str]) -> Sequence[str]:
        """Name what lies there, oldest first, but for these; a bounded number."""

    async def open(self, name: str) -> DroppedMessage | None:
        """Claim one; None when it is gone or somebody else has claimed it.  Raises MalformedError for no message."""

    async def remove(self, name: str) -> None:
        """Remove one durably."""

    async def set_aside(self, name: str) -> str:
        """Put one out of the way, for a person to look at, and return where it is now."""


class SpoolQueue(Protocol):
    """The spool's face towards deliver and the operators.  Every method may raise SpoolError."""

    async def lease(self, request: LeaseRequest) -> Sequence[Batch]:
        """Take due work: hops in the order in which they became due, lanes in turn."""

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Settlement]:
        """Record results durably.  Returns those refused because their lease was lost."""

    async def renew(self, batches: Sequence[Batch], until: datetime) -> None:
        """Prolong leases that still hold."""

    async def release_owner(self, owner: str) -> int:
        """Give back every lease of an owner that is gone.  Returns how many recipients."""

    async def postpone(self, hop: Hop, until: datetime, reason: str) -> None:
        """Lease nothing for this hop before ``until`` (a dead host).  ``until`` in the past ends it."""

    async def clock_set_back(self, now: datetime, latest: datetime) -> int:
        """Make due now what waits for a time after ``latest``, which only a wrong clock can have given it.

        Hops postponed beyond it are so no more, and no hop counts as served after now.  Leases stay
        as they are.  Returns how many recipients.
        """

    async def read_text(self, queue_id: QueueId) -> "StoredText":
        """Open a message's text."""

    async def next_due(self) -> datetime | None:
        """When the next work becomes due; None when nothing is queued."""

    async def overdue(self, request: LeaseRequest, accepted_before: datetime) -> Sequence[Batch]:
        """Lease queued recipients of messages older than this, whatever their schedule: they have expired."""

    async def take(self, request: LeaseRequest, queue_id: QueueId) -> Sequence[Batch]:
        """Lease what is queued of one message, whatever its schedule: whoever waits for it delivers it here and now."""

    async def unwarned(self, accepted_before: datetime, limit: int, behind: QueueId = "") -> Sequence[Batch]:
        """Return (without a lease: token 0) recipients due a delay warning, whole messages, oldest first.

        With ``behind`` only messages that come after that one.
        """

    async def forgo_warnings(self, marks: Sequence[WarningMark]) -> None:
        """Mark recipients as warned although nobody could be told: there is no way to the sender."""

    async def find(self, query: QueueFilter) -> AsyncIterator[QueueRow]:
        """Stream matching recipients in order of acceptance, without holding them in memory."""

    async def group(self, query: QueueFilter, by: str) -> Sequence[QueueCount]:
        """Count by ``host``, ``channel``, ``sender``, ``recipient-domain``, ``state``; largest first."""

    async def totals(self) -> QueueTotals:
        """Count what is queued; cheap whatever there is, for metrics and headings."""

    async def act(self, query: QueueFilter, verb: Verb, now: datetime, *, dry_run: bool, note: str = "") -> int:
        """Do an operator's verb to matching recipients and return how many.  Leased ones are left alone."""


class StoredText(Protocol):
    """The text of a queued message."""

    octets: int

    def chunks(self) -> AsyncIterator[bytes]:
        """Stream the text; small texts come whole in one chunk, larger ones in pieces of 64 KiB."""

    async def header(self, most: int) -> bytes:
        """Return the header with its empty line, at most this many octets."""


class Table(Protocol):
    """Keys and values.  Keys compare without case unless the table says otherwise."""

    name: str

    async def lookup(self, key: str) -> Answer:
        """Never raises for a broken source: the Answer says why it is unavailable."""

    @property
    def version(self) -> object:
        """Changes whenever an answer may have changed: caches compare it."""

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every entry, for checks and listings; may be empty for tables that can't be listed."""


class Map(Protocol):
    """A map of a sendmail configuration (specification section 7), with everything that its flags ask for.

    The driver gives the key and the arguments as octet text, quotes already stripped where they are to be; what
    comes back is the final value: ``%`` replaced, ``-a`` appended.  Never raises for a broken source.
    """

    async def lookup(self, key: str, arguments: Sequence[str]) -> MapAnswer: ...


class Logins(Protocol):
    """The accounts whose mail is local: the machine's, or those of a passwd(5) file."""

    def find(self, login: str) -> Account | None:
        """Find an account by its name, as it is or in lower case.  Raises LoginsError when nobody can say."""

    def by_uid(self, uid: int) -> Account | None:
        """Find an account by its number.  Raises LoginsError."""

    def accounts(self) -> Iterator[Account]:
        """Every account.  Raises LoginsError."""

    def shell_is_listed(self, shell: str) -> bool:
        """Say whether a shell stands in shells(5), so that its users may have programs run for them."""


class AddressFiles(Protocol):
    """Files of addresses: ``.forward`` and ``:include:``.  Never raises: the AddressFile says what was wrong."""

    async def forward(self, paths: Sequence[str], user: Account) -> AddressFile | None:
        """Read the first of these that is there and may be believed; None when none is."""

    async def include(self, path: str, reader: Account) -> AddressFile:
        """Read one with the rights of an account."""


class MxHost(Struct, frozen=True):
    """One host of a mail domain, and its addresses."""

    name: str
    preference: int
    addresses: tuple[str, ...]


class Resolver(Protocol):
    """DNS as mail needs it.  RFC 5321 section 5, RFC 7505."""

    async def mail_hosts(self, domain: str) -> "MailHosts":
        """Resolve a mail domain to hosts; never raises for DNS's everyday answers."""

    async def addresses(self, host: str) -> "MailHosts":
        """Resolve one host name without MX."""


class MailHosts(Struct, frozen=True):
    """What DNS said of a mail domain.

    Exactly one holds: ``hosts`` is not empty; or ``failure`` says why not, as an
    Outcome that is deferred (DNS cannot answer) or failed (no such domain, null MX).
    ``steps`` are clauses for explain ("MX 10 mx1.example.org").
    """

    hosts: tuple[MxHost, ...] = ()
    failure: Outcome | None = None
    steps: tuple[str, ...] = ()


class AttemptReport(Struct, frozen=True):
    """What a channel made of a batch: one outcome per recipient, in the batch's order.

    ``reached`` False: the next hop could not be reached at all, so that trying
    other messages for it now is pointless (``Concurrency`` feedback, dead-host memory).
    """

    outcomes: tuple[Outcome, ...]
    reached: bool = True
    remote: str = ""


class Channel(Protocol):
    """A class of delivery."""

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        """Try once.  An exception is a bug or a broken machine: the caller defers the batch."""

    async def close(self) -> None:
        """Give up idle connections; running attempts go on."""


class Letter(Protocol):
    """A report, ready to go.  What it returns may be large: it is read while it is written."""

    octets: int
    is_ascii: bool

    def chunks(self) -> AsyncIterator[bytes]:
        """Stream it as message text; may be done again.  Raises SpoolError."""


class Submission(Protocol):
    """The way in, as the way out sees it: how a bounce becomes a message."""

    async def submit_report(
        self,
        letter: Letter,
        recipient: str,
        *,
        about: MessageInfo,
        settlements: Sequence[Settlement] = (),
        warnings: Sequence[WarningMark] = (),
    ) -> QueueId | None:
        """Submit a DSN with the null reverse-path.

        Returns its queue id; None when the address cannot be routed (then nothing was written, and
        the caller goes on to the postmaster, then to the dead-letter mailbox).  Raises SpoolError.
        """


class Dialect(Protocol):
    """How a message looks on its way out: what a site's channels do to its envelope and its header fields.

    Stands between the spool and a channel.  The stored text is never changed; what the channel gets is a
    view of it, whose header was edited for this batch and whose body is streamed as it is.
    """

    async def render(self, batch: Batch, text: StoredText) -> tuple[Batch, StoredText]:
        """Return the batch and the text as this batch's channel is to send them.

        Raises DialectUnavailableError when a table or map that it needs cannot answer: the batch is deferred.
        """


class AuthorizationLog(Protocol):
    """Where an MMDF site notes who was let through, and who was not; in the words of auth(5)."""

    def write(self, message: str, entries: Sequence[str]) -> None:
        """Append the entries of one message, by its name.  Never raises."""


class Resubmission(Protocol):
    """The way in, as a channel sees it that hands a message in again: of a list, or to be verified anew."""

    async def resubmit(self, message: MessageInfo, sender: Path, recipient: Address, text: "StoredText") -> Outcome:
        """Hand the text in for one recipient.  Delivered is: the way in has taken the message over."""


class DeadLetters(Protocol):
    """The last resort for what can be neither delivered nor returned."""

    async def store(self, letter: Letter, reason: str) -> None:
        """Append durably, or raise SpoolError."""
