"""The lists of a tailor file: tables, domains, alias sources and channels, with what their keys say.

Texts are octet text.  Names keep the case in which they were written and compare without it.
"" stands for "not given" unless a comment says what it means.
"""

from enum import Enum, Flag, auto

from msgspec import Struct

from posthouse.mail.lookup import BUILTIN, Origin


class Lines(Enum):
    """Where a table's entries come from: ``type=``, or a source token of ``flags=``."""

    FILE = "file"
    DBM = "dbm"  # the database that dbmbuild makes
    NS = "ns"
    NIS = "nis"
    REGEXP = "regexp"
    RBL = "rbl"
    LDAP = "ldap"
    SQL = "sql"
    TEST = "test"


class NameserverUse(Enum):
    """What a nameserver table asks for."""

    NONE = ""  # not said: the table's file says it in old files (domain, channel)
    DOMAIN = "domain"  # the official name
    CHANNEL = "channel"  # the addresses of the mail exchangers, in order
    ALIAS = "alias"  # MB, MR and MG records


class RegexpWays(Struct, frozen=True):
    """The extra keys of a table with ``type=regexp``; the flags are regcomp(3)'s and regexec(3)'s, in lower case."""

    add_prefix: bool = False  # put ^ before every pattern
    add_suffix: bool = False  # put $ behind
    compile_flags: tuple[str, ...] = ()  # extended icase newline nosub
    match_flags: tuple[str, ...] = ()  # notbol noteol


class TailorTable(Struct, frozen=True):
    """MTBL: a table.  ``file`` is relative to MTBLDIR."""

    name: str
    file: str
    show: str
    lines: Lines = Lines.FILE
    use: NameserverUse = NameserverUse.NONE
    abort: bool = False  # a timeout here ends the search: the address is deferred
    route: bool = False  # one entry acts for everything below it
    partial: bool = False  # takes part in the search for names given without their domain
    reject: bool = False  # the SMTP server refuses peers found here
    regexp: RegexpWays = RegexpWays()
    zone: str = ""  # rbl: domain=
    link: str = ""  # rbl: the page to cite
    parameters: tuple[tuple[str, str], ...] = ()  # ldap, sql: what their type asks for, keys in lower case
    implicit: bool = False  # made because a channel, a domain or an alias source named it
    origin: Origin = BUILTIN


class TailorDomain(Struct, frozen=True):
    """MDMN: a domain and its table.  ``dmn`` "" is the root domain."""

    name: str
    dmn: str
    show: str
    table: str  # as its TailorTable is spelled
    origin: Origin = BUILTIN


class TailorAlias(Struct, frozen=True):
    """ALIAS: a source of aliases."""

    table: str  # as its TailorTable is spelled
    trusted: bool = False  # values may name files and programs
    nobypass: bool = False  # searched for ``~name``, too
    public: bool = False  # EXPN and unprivileged malias may show it
    origin: Origin = BUILTIN


class Mode(Flag):
    """``mod=``; reg is none of them."""

    BAK = auto()  # only the background daemon delivers
    PSV = auto()  # waits to be picked up
    IMM = auto()  # a deliver is started at once
    PICK = auto()
    SEND = auto()
    HOST = auto()  # sorted by host, so that one connection serves many messages
    ESMTP = auto()


REG = Mode(0)


class AddressForm(Enum):
    """The part of ``ap=`` of which the last one holds."""

    SAME = "same"
    RFC822 = "822"
    RFC733 = "733"


class AddressStyle(Struct, frozen=True):
    """``ap=``: how addresses in the header are written for a channel."""

    form: AddressForm = AddressForm.SAME
    big: bool = False  # labels in reverse order (jnt is 733 and big)
    nodots: bool = False  # the next hop loses everything after its first label
    try_: bool = False  # a timeout keeps the old address, with a warning
    nosrcrt: bool = False  # routes are dropped
    rejsrcrt: bool = False  # routes are refused

    @property
    def leaves_alone(self) -> bool:
        """Are headers passed as they are?"""
        return self == AddressStyle()


class Auth(Flag):
    """``auth=``; free is none of them."""

    INLOG = auto()
    INWARN = auto()
    INBLOCK = auto()
    OUTLOG = auto()
    OUTWARN = auto()
    OUTBLOCK = auto()
    HAU = auto()  # the host and the user
    DHO = auto()  # the whole route stands for the host


FREE = Auth(0)


class LogStatus(Flag):
    """``stat=`` of a log; some is close and wait."""

    CLOSE = auto()
    CYCLE = auto()
    WAIT = auto()
    TIMED = auto()


SOME = LogStatus.CLOSE | LogStatus.WAIT


class LogLevel(Enum):
    """The named levels of ``level=``; an entry is written when its level is at most the log's."""

    FAT = -1
    TMP = 5
    GEN = 10
    BST = 20
    FST = 25
    PTR = 40
    BTR = 50
    FTR = 55


class LogSpec(Struct, frozen=True):
    """A log: ``MMSGLOG "msg.log", level=FST, size=40, stat=SOME``."""

    file: str  # relative to MLOGDIR
    level: int = LogLevel.FST.value
    size: int = 40  # units of 25 KiB
    status: LogStatus = SOME
    timer: int = 300  # seconds after which a timed log is opened again
    header: str = ""
    origin: Origin = BUILTIN


class ProgramSpec(Struct, frozen=True):
    """A program of MMDF's own: its argv[0] and its path, relative to MCMDDIR."""

    name: str
    path: str
    origin: Origin = BUILTIN


class TailorChannel(Struct, frozen=True):
    """MCHN: a channel.  Names of tables are as their TailorTable is spelled; "" is none."""

    name: str
    show: str
    que: str  # its queue folder is q.<que>
    tbl: str
    pgm: str  # in MCHNDIR
    mod: Mode = REG
    ap: AddressStyle = AddressStyle()
    lname: str = ""  # never "" unless MLNAME was when the channel was read
    ldomain: str = ""
    host: str = ""  # the relay; on badusers and badhosts where their mail goes
    user: str = ""
    scr: str = ""
    trn: str = ""
    poll: int = 8  # quarters of an hour; 0 never, -1 at every start
    insrc: str = ""
    outsrc: str = ""
    indest: str = ""
    outdest: str = ""
    known: str = ""
    confstr: str = ""
    auth: Auth = FREE
    ttl: int = 120  # minutes for which a host stays dead
    log: LogSpec = LogSpec("chan.log")  # MCHANLOG as it stood, with the channel's own file and level
    warntime: int | None = None  # hours; None: MWARNTIME
    failtime: int | None = None
    origin: Origin = BUILTIN

    @property
    def program(self) -> str:
        """The name of its program, in small letters and without a folder."""
        return self.pgm.rpartition("/")[2].lower()

    @property
    def full_name(self) -> str:
        """Our name as the hosts of this channel know it."""
        return f"{self.lname}.{self.ldomain}" if self.ldomain else self.lname
