"""The options of messages, addresses, aliases, the queue, and of the program as a whole."""

from typing import Final

from posthouse.site.cf.options.kinds import (
    BOOLEAN,
    LINES,
    MUNCHED,
    NUMBER,
    OCTAL,
    TEXT,
    Form,
    Kind,
    choice,
    time,
    words,
)
from posthouse.site.cf.options.row import Option, without_effect
from posthouse.site.cf.options.smtp import EIGHT_BIT

_OF_PRIORITY: Final = (
    "the priority of a message: for mailq -v, sendmail -q and QueueLA; the daemon goes by time, and is fair to hosts"
)
_NO_HOST_STATUS: Final = without_effect("the state of hosts is kept by the deliver process itself")
_NO_HEADERS: Final = without_effect("no field of a header is cut short or made one line")
_NO_SHARED_MEMORY: Final = without_effect("processes share nothing but the spool")
_SUBMISSION: Final = without_effect("the sendmail command has its own rule, -o on its command line")
_ONE_SPOOL: Final = without_effect("the spool keeps messages as its own rows and files, never readable by others")
_ALWAYS_SAFE: Final = without_effect("a message is always on the disk before it is accepted")
_NO_USERS: Final = without_effect("programs run as the account of the daemon")

_SAFE_FILES: Final = words(
    "Safe AssumeSafeChown CertOwner ClassFileInUnsafeDirPath DontWarnForwardFileInUnsafeDirPath "
    "ErrorHeaderInUnsafeDirPath FileDeliveryToHardLink FileDeliveryToSymLink "
    "ForwardFileInGroupWritableDirPath ForwardFileInUnsafeDirPath ForwardFileInUnsafeDirPathSafe "
    "GroupReadableAuthInfoFile GroupReadableKeyFile GroupReadableSASLDBFile "
    "GroupReadableDefaultAuthInfoFile GroupWritableAliasFile GroupWritableDirPathSafe "
    "GroupWritableForwardFile GroupWritableForwardFileSafe GroupWritableIncludeFile "
    "GroupWritableIncludeFileSafe GroupWritableSASLDBFile HelpFileInUnsafeDirPath "
    "IncludeFileInGroupWritableDirPath IncludeFileInUnsafeDirPath IncludeFileInUnsafeDirPathSafe "
    "InsufficientEntropy LinkedAliasFileInWritableDir LinkedClassFileInWritableDir "
    "LinkedForwardFileInWritableDir LinkedIncludeFileInWritableDir LinkedMapInWritableDir "
    "LinkedServiceSwitchFileInWritableDir MapInUnsafeDirPath NonRootSafeAddr RunProgramInUnsafeDirPath "
    "RunWritableProgram TrustStickyBit WorldWritableAliasFile WorldWritableForwardFile "
    "WorldWritableIncludeFile WriteMapToHardLink WriteMapToSymLink WriteStatsToHardLink "
    "WriteStatsToSymLink"
)
_NO_RECIPIENT: Final = Kind(
    Form.CHOICE,
    choices={
        "none": "none",
        "add-to-undisclosed": "add-to-undisclosed",
        "add-to": "add-to",
        "add-apparently-to": "add-apparently-to",
        "add-bcc": "add-bcc",
    },
)
_DELIVERY: Final = Kind(
    Form.CHOICE, choices={"i": "interactive", "b": "background", "q": "queue", "d": "deferred", "": "interactive"}
)
_SUPER_SAFE: Final = Kind(
    Form.CHOICE,
    choices={"i": "interactive", "p": "postmilter", "t": "true", "y": "true", "f": "false", "n": "false", "": "true"},
)
_PROBE: Final = Kind(
    Form.CHOICE, choices={"loopback": "loopback", "t": "true", "y": "true", "f": "false", "n": "false", "": "true"}
)

MAIL_OPTIONS: Final = (
    Option("AliasFile", "A", LINES, (), "aliases: each file in turn"),
    Option("AliasWait", "a", time("m"), 300, without_effect("alias files are read as text, and need no rebuilding")),
    Option("BlankSub", "B", TEXT, " ", "what joins two words of an address"),
    Option("CheckAliases", "n", BOOLEAN, False, without_effect("posthouse check looks at every alias")),
    Option("CheckpointInterval", "C", NUMBER, 10, without_effect("each outcome is recorded at once")),
    Option("ClassFactor", "z", NUMBER, 1800, _OF_PRIORITY),
    Option("ColonOkInAddr", "", BOOLEAN, True, "whether a colon in an address stands for a list; true below level 6"),
    Option("ControlSocketName", "", TEXT, "", without_effect("use posthouse queue and signals")),
    Option("DataFileBufferSize", "", NUMBER, 4096, _ONE_SPOOL),
    Option("DeadLetterDrop", "", TEXT, "", "dead-letters; reports of the sendmail command that nobody can be given"),
    Option("DefaultCharSet", "", TEXT, "unknown-8bit", "what EightBitMode=mimefy says of text of eight bits"),
    Option("DefaultUser", "u", TEXT, "1:1", "programs that nobody controls run as this account"),
    Option("DelayLA", "", NUMBER, 0, "from this load on commands from the network are answered a second later"),
    Option(
        "DeliveryMode",
        "d",
        _DELIVERY,
        "background",
        "i, b: the sendmail command and -bs deliver before they answer; q, d: they only queue; the daemon delivers",
    ),
    Option("DialDelay", "", time("s"), 0, without_effect("a host that cannot be reached is tried again later")),
    Option(
        "DontBlameSendmail",
        "",
        _SAFE_FILES,
        (),
        "what is overlooked in the rights of .forward files, and of files that mail is written to",
    ),
    Option("DontInitGroups", "", BOOLEAN, False, _NO_USERS),
    Option("DontProbeInterfaces", "", _PROBE, "false", "whether the names of interfaces are in class w"),
    Option("DontPruneRoutes", "R", BOOLEAN, False, without_effect("source routes are always dropped, RFC 5321")),
    Option("DoubleBounceAddress", "", TEXT, "postmaster", "postmaster, who gets what nobody else can"),
    Option(
        "EightBitMode",
        "8",
        EIGHT_BIT,
        "pass8",
        "text of eight bits that is no MIME: passed on, made MIME, or refused by the sendmail command",
    ),
    Option("ErrorHeader", "E", TEXT, "", "a text, or a file with one, for people at the beginning of reports"),
    Option(
        "ErrorMode",
        "e",
        choice(p="print", q="quiet", m="mail", w="write", e="berknet"),
        "print",
        "how the sendmail command tells of failures: print leaves the message in dead.letter for whoever sent it",
    ),
    Option("FastSplit", "", NUMBER, 1, without_effect("each recipient is queued on its own")),
    Option("ForkEachJob", "Y", BOOLEAN, False, without_effect("one process delivers everything")),
    Option("ForwardPath", "J", TEXT, "", "where users keep instructions for their own mail"),
    Option("HelpFile", "H", TEXT, "", without_effect("HELP tells the commands of this server")),
    Option("HoldExpensive", "c", BOOLEAN, False, "the sendmail command leaves mail for mailers with F=e in the queue"),
    Option("HostStatusDirectory", "", TEXT, "", _NO_HOST_STATUS),
    Option("IgnoreDots", "i", BOOLEAN, False, _SUBMISSION),
    Option("LDAPDefaultSpec", "", TEXT, "", "flags with which the K line of every LDAP map begins"),
    Option("LogLevel", "L", NUMBER, 9, without_effect("every event is logged; choose when you read, posthouse log")),
    Option("MailboxDatabase", "", TEXT, "pw", "pw:/FILE: users are those of this passwd(5) file, not the machine's"),
    Option("MatchGECOS", "G", BOOLEAN, False, "users are found by their full names, too"),
    Option("MaxAliasRecursion", "", NUMBER, 10, "limits.alias-depth"),
    Option("MaxDaemonChildren", "", NUMBER, 0, "limits.connections, when greater than 0"),
    Option("MaxForwardEntries", "", NUMBER, 0, "addresses of one .forward file; 0 means any number"),
    Option("MaxHeadersLength", "", NUMBER, 32768, "limits.header-octets"),
    Option("MaxHopCount", "h", NUMBER, 25, "limits.hops"),
    Option("MaxMessageSize", "", NUMBER, 0, "limits.text-octets, of SMTP also less than 65536; 0 means no limit"),
    Option("MaxMimeHeaderLength", "", TEXT, "0/0", _NO_HEADERS),
    Option("MaxQueueAge", "", time("m"), 0, "retry.max-delay, when greater than 0"),
    Option("MaxQueueChildren", "", NUMBER, 0, without_effect("one process delivers everything")),
    Option("MaxQueueRunSize", "", NUMBER, 0, "messages of one run by sendmail -q; the daemon delivers what is due"),
    Option("MaxRunnersPerQueue", "", NUMBER, 1, without_effect("one process delivers everything")),
    Option("MeToo", "m", BOOLEAN, True, "a sender in an alias gets a copy"),
    Option(
        "MinFreeBlocks", "b", TEXT, "100", "limits.spool-free-octets, in blocks of 1024 octets; after /, text-octets"
    ),
    Option("MinQueueAge", "", time("m"), 0, "retry.first-delay, when greater than 0"),
    Option("MustQuoteChars", "", TEXT, "@,;:\\()[].'", "names with one of them are quoted in headers"),
    Option("NiceQueueRun", "", NUMBER, 0, without_effect("deliveries run at the priority of the daemon")),
    Option(
        "NoRecipientAction",
        "",
        _NO_RECIPIENT,
        "none",
        "what a message without recipient fields is given, by the sendmail command",
    ),
    Option("OldStyleHeaders", "o", BOOLEAN, False, "blanks separate addresses in recipient fields without commas"),
    Option("OperatorChars", "", MUNCHED, "", "which characters are words of an address by themselves"),
    Option("PidFile", "", TEXT, "", without_effect("the pid file is in the run directory")),
    Option("PostmasterCopy", "P", TEXT, "", "who is told of failures that the sendmail command met, too"),
    Option("ProcessTitlePrefix", "", TEXT, "", without_effect("processes are named by their part")),
    Option("QueueDirectory", "Q", TEXT, "", "spool: the directory posthouse in it"),
    Option("QueueFactor", "q", NUMBER, 600000, "which priorities are too heavy for a load from QueueLA on"),
    Option("QueueFileMode", "", OCTAL, 0o600, _ONE_SPOOL),
    Option(
        "QueueLA",
        "x",
        NUMBER,
        8,
        "from this load on heavy mail waits in the queue; 8 for each processor",
    ),
    Option(
        "QueueSortOrder",
        "",
        choice(f="filename", h="host", m="modification", p="priority", t="time", r="random", n="none"),
        "priority",
        "the order of a run by sendmail -q; the daemon goes by time, and is fair to hosts",
    ),
    Option("RecipientFactor", "y", NUMBER, 30000, _OF_PRIORITY),
    Option(
        "RefuseLA", "X", NUMBER, 12, "from this load on connections from the network get 421; 12 for each processor"
    ),
    Option("RejectNUL", "", BOOLEAN, False, without_effect("NUL octets in a message pass through")),
    Option("RequiresDirfsync", "", BOOLEAN, True, _ALWAYS_SAFE),
    Option("RetryFactor", "Z", NUMBER, 90000, _OF_PRIORITY),
    Option(
        "RrtImpliesDsn",
        "",
        BOOLEAN,
        False,
        "Return-Receipt-To asks for a report of success, as -N does; receipt fields are dropped on the way out",
    ),
    Option("RunAsUser", "", TEXT, "", "user"),
    Option("SafeFileEnvironment", "", TEXT, "", "the directory under which alone mail is written to files"),
    Option("SaveFromLine", "f", BOOLEAN, False, _SUBMISSION),
    Option("SendMimeErrors", "j", BOOLEAN, True, without_effect("reports are always MIME, RFC 3464")),
    Option("SevenBitInput", "7", BOOLEAN, False, "the sendmail command drops the highest bit of every octet"),
    Option("SharedMemoryKey", "", NUMBER, 0, _NO_SHARED_MEMORY),
    Option("SharedMemoryKeyFile", "", TEXT, "", _NO_SHARED_MEMORY),
    Option("SingleLineFromHeader", "", BOOLEAN, False, _NO_HEADERS),
    Option("SingleThreadDelivery", "", BOOLEAN, False, _NO_HOST_STATUS),
    Option(
        "SoftBounce", "", BOOLEAN, False, "replies of SMTP refuse for the time being what they would refuse for good"
    ),
    Option("StatusFile", "S", TEXT, "", without_effect("counts are in the metrics and in the log")),
    Option("SuperSafe", "s", _SUPER_SAFE, "true", _ALWAYS_SAFE),
    Option("TempFileMode", "F", OCTAL, 0o600, _ONE_SPOOL),
    Option("TimeZoneSpec", "t", TEXT, "", without_effect("dates are in the zone of the process, TZ")),
    Option("TrustedUser", "", TEXT, "", _NO_USERS),
    Option("UnixFromLine", "", MUNCHED, "From \ue00eg \ue00ed", "the From_ line of mailers without F=n"),
    Option(
        "UnsafeGroupWrites",
        "",
        BOOLEAN,
        True,
        without_effect("DontBlameSendmail alone says which rights of files are overlooked"),
    ),
    Option("UseErrorsTo", "l", BOOLEAN, False, "who is told of failures that the sendmail command met, too"),
    Option("UseMSP", "", BOOLEAN, False, without_effect("the sendmail command hands mail to the daemon anyway")),
    Option("UserDatabaseSpec", "U", TEXT, "", without_effect("there is no user database; use aliases")),
    Option("Verbose", "v", BOOLEAN, False, _SUBMISSION),
    Option("XscriptFileBufferSize", "", NUMBER, 4096, _ONE_SPOOL),
)
