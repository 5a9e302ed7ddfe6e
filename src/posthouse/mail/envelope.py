"""The envelope: reverse-path, recipients, parameters; not the header."""

import enum

from msgspec import Struct

from posthouse.mail.address import Address, Path
from posthouse.mail.outcome import Outcome
from posthouse.mail.route import Route


class Notify(enum.Flag):
    """When the sender wants a DSN.  RFC 3461 section 4.1.  NEVER is the empty set."""

    NEVER = 0
    SUCCESS = 1
    FAILURE = 2
    DELAY = 4


# RFC 3461 section 4.1: without NOTIFY an MTA reports failures, and delays if it wants to.
DEFAULT_NOTIFY = Notify.FAILURE | Notify.DELAY


class Body(enum.Enum):
    """The BODY parameter of MAIL.  RFC 6152."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"


class Return(enum.Enum):
    """How much of the message a failure DSN brings back.  RFC 3461 section 4.3."""

    FULL = "FULL"
    HEADERS = "HDRS"


class MailerUser(Struct, frozen=True, omit_defaults=True):
    """What a mailer of a sendmail.cf is told of a recipient beyond its route.  Octet text.

    ``user`` is that of mailer, host, user: what ``$u`` becomes.  ``written`` is the address as it stood where it was
    found, with phrase and comments: what listings and bounces show.  ``alias`` is the address, as written, whose
    expansion it came from; "" for one that the sender gave.  ``controller`` is the login name in whose right
    programs and files are used (and whose mailbox it is, for a local user), "" when that is nobody's: then
    DefaultUser's is meant.  ``arrival`` are the macros that tell of the client that brought the message, with their
    values: with every recipient, since each may be delivered on its own.
    """

    user: str
    written: str
    alias: str = ""
    controller: str = ""
    uid: int = 0
    gid: int = 0
    home: str = ""  # of the controller: what ``$z`` becomes
    queue_flags: str = ""  # P: it alone stands for what the sender gave; A: it comes from an alias file
    arrival: tuple[tuple[str, str], ...] = ()


class Recipient(Struct, frozen=True):
    """One forward-path as it is queued.

    ``address`` is where it is delivered; ``original`` what the sender gave;
    ``orcpt`` the ORCPT parameter undecoded (``rfc822;user@example``), "" without one;
    ``notify`` None when NOTIFY was not given, so that none is passed on; ``mailer`` None but for
    sites whose language is that of sendmail.
    """

    address: Address
    route: Route
    original: Address
    orcpt: str = ""
    notify: Notify | None = None
    mailer: MailerUser | None = None

    @property
    def wants(self) -> Notify:
        """When this recipient's sender is told, the default applied."""
        return DEFAULT_NOTIFY if self.notify is None else self.notify


class FailedRecipient(Struct, frozen=True):
    """A recipient that was found to be wrong after the sender had gone: it is queued as one to be reported."""

    recipient: Recipient
    outcome: Outcome


class Envelope(Struct, frozen=True):
    """What the spool keeps of one message besides its text."""

    reverse_path: Path
    recipients: tuple[Recipient, ...]
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: Return | None = None
    envid: str = ""  # ENVID undecoded (xtext); "" when not given
    failed: tuple[FailedRecipient, ...] = ()
    is_held: bool = False  # nothing is delivered before an operator releases it

    def __post_init__(self) -> None:
        if not self.recipients and not self.failed:
            raise ValueError("an envelope needs a recipient")
