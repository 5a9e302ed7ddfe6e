"""The native language, described once: every table of site.toml and every key in it.

The reader, the JSON Schema and docs/site.md are all made from this; a key that is not here
does not exist.  A key's field of the model has the same name with underscores unless ``field`` says otherwise.
"""

from datetime import timedelta
from typing import Final

from posthouse.mail.limits import Concurrency, Limits, RetryPolicy, Timeouts
from posthouse.site.model import (
    LOGIN_NAMES,
    ChannelDeclaration,
    ChannelKind,
    Domain,
    DomainKind,
    LogDeclaration,
    LogFormat,
    MailboxFormat,
    Site,
    TableKind,
    TlsUse,
)
from posthouse.site.toml.feature_language import ACCESS, GENERICS, MAILERTABLE, MASQUERADE, VIRTUAL
from posthouse.site.toml.keys import Key, Section, Shape, keys_of
from posthouse.site.toml.kinds import (
    Choice,
    Count,
    Duration,
    Entries,
    FilePath,
    Flag,
    ListOf,
    Size,
    Template,
    Text,
)
from posthouse.site.toml.values import (
    CHANNEL,
    DOMAIN,
    HOST_PORT,
    IP,
    LISTEN,
    LMTP,
    NAMESERVER,
    NETWORK,
    PATTERN,
    TABLE,
    USERS,
)

_RFC_LIMITS = "RFC 5321 section 4.5.3.1"


_SECOND = timedelta(seconds=1)

_site = keys_of(Site)
SITE = Section(
    "site",
    Shape.SINGLE,
    "Who this mail router is, and where it keeps its things. Relative paths, here and everywhere in the file, are "
    "meant from the directory in which the file stands.",
    (
        _site("name", DOMAIN, "The host's full name: in the greeting, in HELO and in Received fields.", required=True),
        _site(
            "postmaster",
            Text("an address"),
            "Where mail to `postmaster` goes when no alias says so, and bounces that can't be returned.",
        ),
        _site("spool", FilePath(), "The directory of the queue.", default='"spool"'),
        _site("run", FilePath(), "The directory of sockets and process ids.", default='"run"'),
        _site("user", Text("a login name"), "The account that the daemon becomes when it was started as root."),
        _site("workers", Count(0, 64), "How many processes accept mail; 0: one for each core, four at most."),
        _site(
            "dead-letters",
            FilePath(),
            "The mailbox (mbox) for what can be neither delivered nor returned.",
            default="`dead-letters` in the spool",
        ),
        _site("vrfy", Flag(), "Does VRFY say whether a user is known?"),
    ),
    required=True,
)

LISTENER = Section(
    "listener",
    Shape.REPEATED,
    "A socket on which mail comes in. The Unix socket `submit.sock` in the run directory, through which programs of "
    "this machine hand mail in, is there without being declared.",
    (
        Key("address", LISTEN, "Where to listen. Port 0 lets the system choose one.", required=True),
        Key("relay-from", ListOf(NETWORK), "Clients from these networks may send mail to anywhere. Clients of a Unix "
            "socket always may.", default="nobody"),
    ),
)  # fmt: skip

_domain = keys_of(Domain)
DOMAINS = Section(
    "domains",
    Shape.NAMED,
    "A domain that this site takes mail for; NAME is the domain, in quotes: `[domains.\"example.org\"]`.",
    (
        Key("kind", Choice(DomainKind), "`local`: its users are here, and unknown ones are refused. `relay`: its "
            "mail is accepted from anyone and passed on.", default='"local"'),
        _domain("subdomains", Flag(), "Is mail for every name below the domain taken too?"),
        _domain("users", ListOf(USERS), f"Tables whose keys are the domain's users; `{LOGIN_NAMES}` stands for the "
                "login names of accounts. Aliases are known besides.", default="only aliases", only=("local",)),
        _domain("recipients", ListOf(TABLE), "Tables whose keys are the recipients (the local-part, or the whole "
                "address) that are accepted.", default="any", only=("relay",)),
        _domain("channel", CHANNEL, "The channel that delivers.", default='"local"', only=("local",)),
    ),
)  # fmt: skip

TABLES = Section(
    "tables",
    Shape.NAMED,
    "A table of keys and values. A file is read again when it changes. Table files have an entry to a line, "
    "`key: value`; a backslash quotes the next character; lines that begin with `#` are comments.",
    (
        Key("kind", Choice(TableKind), "`file`: a text file, kept in memory. `regexp`: each key is a regular "
            "expression for the whole key that is asked for, the first that matches counts, `\\1` in its value is "
            "its first group. `dbm`: a database, built from a text file by `newaliases`, that stands beside it with "
            "`.dbm` at the end of its name. `hash`: a text with a key, blanks and a value to a line, as makemap(8) "
            "takes it; its database, with `.db` at the end of its name, answers where it is there and not older. "
            "`inline`: the entries stand here.",
            default='"file", or "inline" where there are entries'),
        Key("file", FilePath(), "The text file.", only=("file", "regexp", "dbm", "hash"), field="path"),
        Key("entries", Entries(), "The entries: `{ info = \"ann@example.org\", staff = [\"ann\", \"bob\"] }`.",
            only=("inline",)),
    ),
)  # fmt: skip

ALIASES = Section(
    "aliases",
    Shape.REPEATED,
    "A table of aliases; they are searched in the order in which they stand. "
    "`[aliases]` with `tables = [\"a\", \"b\"]` is short for several of them.",
    (
        Key("table", TABLE, "The table. A value is an address or several, with commas between.", required=True),
        Key("public", Flag(), "May EXPN show what is in it?", default="false"),
    ),
)  # fmt: skip

ALIASES_SHORT = Section(
    "aliases",
    Shape.SINGLE,
    "",
    (
        Key("tables", ListOf(TABLE), "The tables, in search order.", required=True),
        Key("public", Flag(), "May EXPN show what is in them?", default="false"),
    ),
)

_channel = keys_of(ChannelDeclaration)
_ADDRESS_NAMES = ("user", "domain")
_ARGUMENT_NAMES = ("recipient", "user", "domain", "sender", "queue_id")
_NETWORKED = ("smtp", "lmtp")
CHANNELS = Section(
    "channels",
    Shape.NAMED,
    "A class of delivery. The channels `smtp` and `local` are there without being declared.",
    (
        Key("kind", Choice(ChannelKind), "`smtp`: to other hosts. `lmtp`: to a mail store, by RFC 2033. `local`: to "
            "mailboxes on this machine. `program`: to a program's standard input. `discard`: to nowhere.",
            default="the channel's name, where that is a kind"),
        _channel("relay", LMTP, "Connect to this host instead of the MX hosts of the mail's domain. With a port or in "
                 "brackets it is taken as a host; otherwise its own MX hosts are asked. lmtp needs one.",
                 default="none", only=_NETWORKED),
        _channel("port", Count(1, 65535), "The port, where the relay names none.", only=_NETWORKED),
        _channel("tls", Choice(TlsUse), "`may`: STARTTLS where it is offered, the certificate is not checked. "
                 "`must`: mail waits where it is not offered. `never`.", only=_NETWORKED),
        _channel("helo", DOMAIN, "The name in EHLO.", default="the site's name", only=_NETWORKED),
        _channel("source-address", IP, "The address from which to connect.", default="the system's choice",
                 only=_NETWORKED),
        _channel("mailbox", Template("a path with `{user}` in it", _ADDRESS_NAMES, is_path=True),
                 "Where a user's mail is kept; `{user}` and `{domain}` are those of the address.",
                 default='"mail/{user}/"', only=("local",)),
        _channel("format", Choice(MailboxFormat), "The form of the mailbox.", field="mailbox_format", only=("local",)),
        _channel("argv", ListOf(Template("a text", _ARGUMENT_NAMES), least=1), "The program and its arguments; no "
                 "shell reads them. `{recipient}`, `{user}`, `{domain}`, `{sender}` and `{queue_id}` are filled in; "
                 "each stays one argument. A program needs it.", only=("program",)),
        _channel("directory", FilePath(), "Where the program runs.", default="`/`", only=("program",)),
        _channel("time-limit", Duration(_SECOND), "How long the program may run.", only=("program",)),
        _channel("keep-connections", Count(0, 10_000), "Idle connections kept in all.", only=_NETWORKED),
        _channel("idle", Duration(), "How long an idle connection is kept.", only=_NETWORKED),
        _channel("messages-per-connection", Count(1), "Messages after which a connection is closed.", only=_NETWORKED),
        _channel("concurrency", Count(1, 10_000), "Attempts at once to one host."),
        _channel("recipients-per-attempt", Count(1, 10_000), "Recipients of one message in one attempt."),
    ),
)  # fmt: skip

ROUTE = Section(
    "route",
    Shape.REPEATED,
    "Which channel takes mail for a host. The most specific pattern wins, among equals the first. Without a route for "
    "`*`, the channel `smtp` takes what is left.",
    (
        Key("host", PATTERN, "`example.org`; `*.example.org` (every name below it); `.example.org` (both); `*` (all).",
            required=True, field="pattern"),
        Key("channel", CHANNEL, "The channel.", required=True),
        Key("relay", LMTP, "Instead of the channel's relay.", default="the channel's"),
    ),
)  # fmt: skip

_retry = keys_of(RetryPolicy)
RETRY = Section(
    "retry",
    Shape.SINGLE,
    "When deferred mail is tried again. The delay doubles each time, from the first to the longest.",
    (
        _retry("first-delay", Duration(), "The first delay."),
        _retry("max-delay", Duration(), "The longest delay."),
        _retry("warn-after", Duration(never=True), "When the sender is told of the delay."),
        _retry("expire-after", Duration(), "When mail is given up and returned. RFC 5321 section 4.5.4.1 asks for four "
               "to five days."),
        _retry("dead-host", Duration(), "How long a host that can't be reached is left alone."),
    ),
)  # fmt: skip

_limit = keys_of(Limits)
LIMITS = Section(
    "limits",
    Shape.SINGLE,
    "Bounds of the way in. The least values are those of RFC 5321 section 4.5.3.1.",
    (
        _limit("text-octets", Size(64 * 1024, why=_RFC_LIMITS), "The largest message; what SIZE announces."),
        _limit("text-line-octets", Size(1000, why=_RFC_LIMITS), "The longest line of a message."),
        _limit("header-octets", Size(1024), "The largest header."),
        _limit("command-octets", Size(512, why=_RFC_LIMITS), "The longest command line."),
        _limit("recipients", Count(100, why=_RFC_LIMITS), "Recipients of one message."),
        _limit("errors", Count(1), "Bad commands and refused recipients before a session is ended."),
        _limit("hops", Count(1, 10_000), "Received fields, after which mail is taken to loop."),
        _limit("connections", Count(1), "Sessions at once."),
        _limit("connections-per-client", Count(1), "Sessions at once from one address."),
        _limit("messages-per-session", Count(1), "Messages in one session."),
        _limit("alias-depth", Count(1, 1000), "How deep aliases may lead to aliases."),
        _limit("alias-width", Count(1), "How many recipients one address may become."),
        _limit("programs-octets", Size(), "How much of a program's output is kept for the bounce."),
        _limit("spool-free-octets", Size(0), "With less than this free on the spool's disk, mail is refused for the "
               "time being (452)."),
    ),
)  # fmt: skip

_timeout = keys_of(Timeouts)
TIMEOUTS = Section(
    "timeouts",
    Shape.SINGLE,
    "How long each wait may last. The first three are the server's; those from `connect` to `quit` are the "
    "client's, see RFC 5321 section 4.5.3.2.",
    (
        _timeout("command", Duration(), "For the client's next command."),
        _timeout("text", Duration(), "For the next block of a message."),
        _timeout("session", Duration(), "For a whole session."),
        _timeout("connect", Duration(), "For a connection."),
        _timeout("greeting", Duration(), "For the greeting."),
        _timeout("mail", Duration(), "For the reply to MAIL."),
        _timeout("rcpt", Duration(), "For the reply to RCPT."),
        _timeout("data-command", Duration(), "For the reply to DATA."),
        _timeout("data-block", Duration(), "For a block of the message to be taken."),
        _timeout("data-end", Duration(), "For the reply to the final dot."),
        _timeout("quit", Duration(), "For the reply to QUIT."),
        _timeout("dns", Duration(), "For an answer of the DNS."),
        _timeout("program", Duration(), "For a program channel that sets no time limit."),
        _timeout("drain", Duration(), "For running transactions, when Posthouse stops."),
    ),
)

# Renewed at half its time, by a spool that may be busy for seconds; a forgotten one must not hold mail for days.
_SHORTEST_LEASE, _LONGEST_LEASE = timedelta(seconds=10), timedelta(days=1)
_concurrency = keys_of(Concurrency)
CONCURRENCY = Section(
    "concurrency",
    Shape.SINGLE,
    "Bounds of the way out.",
    (
        _concurrency("attempts", Count(1, 100_000), "Attempts at once, all hosts together."),
        _concurrency("per-host-initial", Count(1, 10_000), "Attempts at once to a host that nothing is known of yet."),
        _concurrency("per-host", Count(1, 10_000), "Attempts at once to one host, at most."),
        _concurrency("recipients-per-attempt", Count(1, 10_000), "Recipients of one message in one attempt."),
        _concurrency(
            "lease",
            Duration(_SHORTEST_LEASE, _LONGEST_LEASE),
            "How long a recipient that is being delivered is kept from other processes, 10 s to a day. An attempt that "
            "takes longer renews it; after a crash that nobody noticed the recipient is tried again when it is over.",
        ),
    ),
)

_log = keys_of(LogDeclaration)
LOG = Section(
    "log",
    Shape.SINGLE,
    "Where the steps of each message's life are written.",
    (
        _log("file", FilePath(), "The file.", default="standard error", field="path"),
        _log("format", Choice(LogFormat), "The form of a line."),
    ),
)

METRICS = Section(
    "metrics",
    Shape.SINGLE,
    "Numbers for Prometheus.",
    (
        Key(
            "listen",
            HOST_PORT,
            "Where they can be fetched, by everybody who can connect there.",
            default="nowhere",
            required=True,
        ),
    ),
)

DNS = Section(
    "dns",
    Shape.SINGLE,
    "Whom to ask for MX hosts and addresses.",
    (Key("servers", ListOf(NAMESERVER), "Name servers.", default="the system's", required=True),),
)

ACCOUNTS = Section(
    "accounts",
    Shape.SINGLE,
    "Whose login names and homes count for mail. Who runs a command is known from the system all the same.",
    (
        Key("passwd", FilePath(), "A file as passwd(5) has it, whose accounts take the place of the machine's: users "
            "who have mail here and nothing else. It is read again when it changes; while it cannot be read, mail "
            "for accounts waits.",
            default="the machine's accounts", required=True),
    ),
)  # fmt: skip

MMDF = Section(
    "mmdf",
    Shape.SINGLE,
    "Routing by MMDF's rules: a tailor file in this language; `posthouse convert mmdftailor` writes it. Its keys are "
    "the keywords of docs/tailor.md in small letters; `[[mmdf.table]]`, `[[mmdf.domain]]`, `[[mmdf.alias]]` and "
    "`[[mmdf.channel]]` are MTBL, MDMN, ALIAS and MCHN, with the keys these have. A list stands for a parameter that "
    'may come again: `flags = ["dbm", "route"]`. What the other tables of this file say counts besides.',
    (),
)

REWRITING = Section(
    "rewriting",
    Shape.SINGLE,
    "Routing by rule sets: a sendmail.cf in this language, in a notation made to be read; `posthouse convert "
    "sendmail.cf` writes it, and docs/rewriting.md describes it. What the other tables say counts besides.",
    (),
)

SECTIONS: Final = (
    SITE, LISTENER, DOMAINS, TABLES, ALIASES, VIRTUAL, GENERICS, MASQUERADE, ACCESS, CHANNELS, MAILERTABLE, ROUTE,
    RETRY, LIMITS, TIMEOUTS, CONCURRENCY, LOG, METRICS, DNS, ACCOUNTS,
    MMDF, REWRITING,
)  # fmt: skip
