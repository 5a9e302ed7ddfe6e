"""The Site: one model, whatever language described it.

A tree of frozen values.  Everything that can decide about mail carries its
Origin, which explain and the error messages print.  Nothing else in the
program knows which language it was read from.  Paths are absolute here: the
reader has resolved them against the file they stood in.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from posthouse.mail.limits import Concurrency, Limits, RetryPolicy, Timeouts
from posthouse.mail.lookup import BUILTIN, Origin
from posthouse.mail.problem import Problem

Network = IPv4Network | IPv6Network

LOGIN_NAMES: Final = "login-names"  # the table that every site has: the accounts, passwd(5)


class DomainKind(Enum):
    """What we are for a domain."""

    LOCAL = "local"  # final destination: users are known, unknown ones are refused
    RELAY = "relay"  # accepted from anyone, passed on by the routes


class Domain(Struct, frozen=True):
    """A domain that this site takes mail for.

    ``users`` names tables whose keys are the users of a local domain (besides
    aliases); ``login_names`` adds the login names.  ``recipients``
    does the same for a relay domain: empty means that any local-part is accepted.
    """

    name: str  # lower case, without a leading dot
    kind: DomainKind
    subdomains: bool = False
    users: tuple[str, ...] = ()
    login_names: bool = False
    recipients: tuple[str, ...] = ()
    channel: str = ""  # local: the channel that delivers ("local" when empty)
    origin: Origin = BUILTIN


class TableKind(Enum):
    """Where a table's entries are."""

    FILE = "file"
    REGEXP = "regexp"
    DBM = "dbm"
    HASH = "hash"  # a text as makemap(8) takes it, or the database that it made of it
    INLINE = "inline"


class TableSource(Struct, frozen=True):
    """A declared table."""

    name: str
    kind: TableKind
    path: Path | None = None  # file, regexp, dbm, hash
    member: str = ""  # dbm: our name in a database that serves several tables (MMDF's MDBM)
    is_aliases_file: bool = False  # file: the syntax is that of aliases(5), with continuation lines
    entries: tuple[tuple[str, tuple[str, ...], Origin], ...] = ()  # inline: key, values, where
    origin: Origin = BUILTIN


class AliasSource(Struct, frozen=True):
    """One table of aliases, in search order; ``public`` lets EXPN show it."""

    table: str
    public: bool = False
    origin: Origin = BUILTIN


class ChannelKind(Enum):
    """What a channel does with mail."""

    SMTP = "smtp"
    LMTP = "lmtp"
    LOCAL = "local"
    PROGRAM = "program"
    DISCARD = "discard"


class TlsUse(Enum):
    """What an smtp channel does about STARTTLS."""

    MAY = "may"  # when offered, without checking the certificate (RFC 7435)
    NEVER = "never"
    MUST = "must"  # deferred without it


class MailboxFormat(Enum):
    """How the local channel keeps mail."""

    MAILDIR = "maildir"
    MBOX = "mbox"


class ChannelDeclaration(Struct, frozen=True):
    """A channel and its parameters.  A parameter that the kind does not have stays at its default.

    ``mailbox`` is a path with ``{user}`` and ``{domain}`` in it.  ``argv`` may hold ``{recipient}``,
    ``{user}``, ``{domain}``, ``{sender}``, ``{queue_id}``; each stays one argument.
    """

    name: str
    kind: ChannelKind
    relay: str = ""  # smtp, lmtp: host, [literal] or unix:/path, with :port; "" = by MX
    port: int = 25  # smtp without a relay port
    tls: TlsUse = TlsUse.MAY
    helo: str = ""  # "" = the site's name
    source_address: str = ""
    sends_paths: bool = False  # smtp: source routes go out, as an MMDF channel writes them
    mailbox: str = ""
    mailbox_format: MailboxFormat = MailboxFormat.MAILDIR
    argv: tuple[str, ...] = ()
    directory: Path | None = None  # program: where it runs
    time_limit: timedelta = timedelta(minutes=10)
    keep_connections: int = 20  # idle connections kept in all
    idle: timedelta = timedelta(seconds=5)  # how long an idle connection is kept
    messages_per_connection: int = 100
    concurrency: int = 20  # attempts at once to one host
    recipients_per_attempt: int = 50
    origin: Origin = BUILTIN


class RouteRule(Struct, frozen=True):
    """Hosts to a channel.  ``pattern`` is a domain, ``*.domain`` (subdomains only), ``.domain`` (both) or ``*``.

    Most specific wins; among equals the first.
    """

    pattern: str  # lower case
    channel: str
    relay: str = ""  # overrides the channel's; host, [literal], with :port
    origin: Origin = BUILTIN


class VirtualUsers(Struct, frozen=True):
    """Tables that say who users of local domains, and of ``domains`` besides, really are; before any alias."""

    tables: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()  # lower case
    origin: Origin = BUILTIN


class Listener(Struct, frozen=True):
    """A socket on which mail comes in.  ``address`` is ``host:port``, ``[v6]:port`` or ``unix:/path``.

    ``relay_from`` are the networks whose clients may relay; a Unix socket's
    clients always may (the kernel names them).
    """

    address: str
    relay_from: tuple[Network, ...] = ()
    origin: Origin = BUILTIN


class LogFormat(Enum):
    """How log events are written."""

    JSON = "json"
    TEXT = "text"


class LogDeclaration(Struct, frozen=True):
    """Where events go; ``path`` None is standard error."""

    path: Path | None = None
    format: LogFormat = LogFormat.JSON


class OldConfiguration(Struct, frozen=True):
    """A configuration in one of the old languages, whole.

    Each reader has a subclass of its own: a command that only hands mail in imports none of them.
    """


class Site(Struct, frozen=True):
    """Everything that one Posthouse needs to know."""

    name: str  # the host name: greeting, HELO, Received
    home: Path  # the directory of the site file
    file: Path
    spool: Path
    run: Path  # sockets, pid file
    domains: Mapping[str, Domain]
    channels: Mapping[str, ChannelDeclaration]
    routes: tuple[RouteRule, ...] = ()
    tables: Mapping[str, TableSource] = field(default_factory=dict)
    aliases: tuple[AliasSource, ...] = ()
    virtual: VirtualUsers | None = None
    mailertables: tuple[str, ...] = ()  # tables of next hops by host, asked before the routes
    listeners: tuple[Listener, ...] = ()
    postmaster: str = "postmaster"
    user: str = ""  # the account the daemon runs as when it was started as root
    workers: int = 0  # smtpd processes; 0: one for each core, four at most
    vrfy: bool = False
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    concurrency: Concurrency = field(default_factory=Concurrency)
    log: LogDeclaration = field(default_factory=LogDeclaration)
    metrics: str = ""  # host:port; "" = none
    dead_letters: Path | None = None  # None: <spool>/dead-letters (mbox)
    nameservers: tuple[str, ...] = ()  # host or host:port; empty = the system's
    passwd: Path | None = None  # passwd(5) file of the accounts that have mail here; None: the machine's accounts
    files: tuple[Path, ...] = ()  # every file read, for `check` and caches
    complaints: tuple[Problem, ...] = ()  # what the old languages only warn of; `check` lists it
    without_effect: tuple[Problem, ...] = ()  # what they accept and Posthouse has no use for, with the reason
    mmdf: OldConfiguration | None = None  # the tailor file of an MMDF site; tailor/site.py knows its type
    cf: OldConfiguration | None = None  # the sendmail.cf of a sendmail site; cf/declared.py knows its type

    @property
    def default_local_domain(self) -> str:
        """What completes an address without a domain: the site's name if it is local, else the first local domain."""
        if self.name in self.domains:
            return self.name
        return next((d.name for d in self.domains.values() if d.kind is DomainKind.LOCAL), self.name)
