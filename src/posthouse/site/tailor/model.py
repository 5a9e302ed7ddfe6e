"""What an mmdftailor says, as values: MMDF's own model, before anything is made of it.

Texts are octet text: one character below U+0100 for each octet of the file.  Names keep the case
in which they were written and compare without it.  "" stands for "not given" unless a comment
says what it means; folders and files are as written, the properties of TailorConfiguration
resolve them.  Orders are the file's: aliases, domains and channels are searched in it.
"""

from collections.abc import Iterator, Mapping
from enum import Enum, Flag, auto
from pathlib import Path

from msgspec import Struct, field

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.model import OldConfiguration
from posthouse.site.tailor.entries import (
    LogSpec,
    ProgramSpec,
    TailorAlias,
    TailorChannel,
    TailorDomain,
    TailorTable,
)


class Compatibility(Enum):
    """Whose behaviour a site wants where the documents and MMDF 2.44 differ (keyword COMPAT, ours)."""

    DOCUMENTS = "documents"
    SNAPSHOT = "2.44"  # partial search in every table; unquoted / and | separate fields


class TailorNames(Struct, frozen=True):
    """Who we are."""

    local: str = ""  # MLNAME, MLOCHOST
    domain: str = ""  # MLDOMAIN
    machine: str = ""  # MLOCMACHINE
    uucp: str = ""  # UUNAME

    @property
    def full(self) -> str:
        """MLNAME.MLDOMAIN."""
        return f"{self.local}.{self.domain}" if self.domain else self.local

    @property
    def full_machine(self) -> str:
        """MLOCMACHINE.MLNAME.MLDOMAIN; the full name where there is no machine."""
        return f"{self.machine}.{self.full}" if self.machine else self.full

    @property
    def all_forms(self) -> tuple[str, ...]:
        """Every name that is ours."""
        return tuple(name for name in (self.local, self.full, self.machine, self.full_machine) if name)

    def are_us(self, name: str) -> bool:
        """Is this domain one of our names?"""
        return name.lower() in {our.lower() for our in self.all_forms}


class TailorFolders(Struct, frozen=True):
    """Where things are.  Those of the queue are relative to ``queue``."""

    commands: str = "/usr/mmdf"  # MCMDDIR
    channels: str = "/usr/mmdf/chans"  # MCHNDIR
    tables: str = "/usr/mmdf/table"  # MTBLDIR
    database: str = ""  # MDBM; "" is mmdfdbm in MTBLDIR
    logs: str = "/usr/mmdf/log"  # MLOGDIR
    phases: str = "/usr/mmdf/log/phase"  # MPHSDIR
    queue: str = "/usr/spool/mmdf/lock/home"  # MQUEDIR
    addresses: str = "addr/"  # MADDRQ
    texts: str = "msg/"  # MMSGQ
    building: str = "tmp/"  # MTEMPT, MTMPT
    locks: str = "/tmp/mmdf"  # MLCKDIR  # noqa: S108 - the documented default
    niftp: str = ""  # NIQUEDIR
    queue_mode: int = 0o700  # MQUEPROT: the parent of MQUEDIR


class TailorPeople(Struct, frozen=True):
    """Accounts and addresses.  "" for an address is "not given" unless said otherwise."""

    login: str = "mmdf"  # MLOGIN
    group: str = "mmdf"  # MGROUP
    signature: str = "Mail System (MMDF)"  # MSIG
    support: str = ""  # MSUPPORT; "" is mmdf at our full name
    auth_request: str = ""  # AUTHREQUEST; the same
    orphanage: str | None = None  # ORPHANAGE; None is MSUPPORT, "" straight to the dead letters
    dead_letter: str | None = None  # DEADLETTER; None is DeadLetters in MQUEDIR, "" discards
    passwd: str = ""  # PASSWD (ours): a file of accounts; "" is this machine's


class MailboxLock(Flag):
    """MLCKTYPE: how a mailbox is locked."""

    ADVISORY = auto()  # fcntl(2)
    V7 = auto()  # <user>.lock in the mailbox folder
    XENIX = auto()  # /tmp/<user>.mlk


class TailorMailboxes(Struct, frozen=True):
    """Delivery to users."""

    folder: str = ""  # MDLVRDIR; "" is the user's home
    name: str = "mailbox"  # MMBXNAME; "" is the login name
    before: str = "\x01\x01\x01\x01\n"  # MMBXPREF
    after: str = "\x01\x01\x01\x01\n"  # MMBXSUFF
    mode: int = 0o600  # MMBXPROT
    maildelivery: str = ".maildelivery"  # MDLV
    locks: MailboxLock = MailboxLock.ADVISORY | MailboxLock.V7 | MailboxLock.XENIX
    tag_characters: str = "="  # TAGCHARS
    soft_quota: int = -1  # MMAXMBSZ, octets; -1 none
    hard_quota: int = -1


class TailorLimits(Struct, frozen=True):
    """Times and sizes."""

    warn_hours: int = 48  # MWARNTIME
    fail_hours: int = 96  # MFAILTIME
    sleep_seconds: int = 600  # MSLEEP
    most_hops: int = 20  # MMAXHOPS
    most_sorted: int = 300  # MMAXSORT
    list_size: int = 12  # MLISTSIZE
    message_octets: int = 0  # MSGSIZELIMIT; 0 none


class MxSelf(Enum):
    """MXSELF (ours; the name of SCO's keyword is lost): a host whose best mail exchanger we are."""

    ADDR = "addr"  # its address is asked for
    STRICT = "strict"  # it is not found


class TailorSwitches(Struct, frozen=True):
    """What is done or left."""

    add_message_id: bool = False  # MADDID
    add_ip_address: bool = True  # MADDIPADDR
    add_ip_name: bool = True  # MADDIPNAME
    mail_ids: bool = False  # MMAILID
    accept_8bitmime: bool = False  # ACCEPT8BITMIME
    dsn: bool = False  # DSN
    mx_self: MxSelf = MxSelf.ADDR
    default_channel: str = "local"  # MDFLCHAN: "this machine"
    valid_channels: tuple[str, ...] = ()  # MVALIDCHN
    listen: tuple[str, ...] = ()  # LISTEN (ours); () is port 25 of every address
    relay_from: tuple[str, ...] = ()  # RELAYFROM (ours); () is this machine
    uux: str = "uux - -r"  # UUXSTR


class TailorPrograms(Struct, frozen=True):
    """MMDF's own programs."""

    submit: ProgramSpec = ProgramSpec("submit", "submit")  # MSUBMIT
    deliver: ProgramSpec = ProgramSpec("deliver", "deliver")  # MDELIVER
    pickup: ProgramSpec = ProgramSpec("pickup", "deliver")  # MPKUP
    v6mail: ProgramSpec = ProgramSpec("mmdfmail", "v6mail")  # MV6MAIL


class TailorLogs(Struct, frozen=True):
    """The logs."""

    message: LogSpec = LogSpec("msg.log")  # MMSGLOG
    channel: LogSpec = LogSpec("chan.log")  # MCHANLOG
    auth: LogSpec = LogSpec("auth.log")  # AUTHLOG
    phone: LogSpec = LogSpec("ph.log")  # PHLOG
    transcript: str = "ph.trn"  # DEFTRAN


class TailorConfiguration(OldConfiguration, frozen=True):
    """A whole tailor file.

    ``complaints`` is what MMDF would warn of (and what it would swallow); the rest of the record counted all the
    same.  ``without_effect`` names what is accepted and does nothing today, with the reason.
    """

    file: Path
    names: TailorNames = TailorNames()
    folders: TailorFolders = TailorFolders()
    people: TailorPeople = TailorPeople()
    mailboxes: TailorMailboxes = TailorMailboxes()
    limits: TailorLimits = TailorLimits()
    switches: TailorSwitches = TailorSwitches()
    programs: TailorPrograms = TailorPrograms()
    logs: TailorLogs = TailorLogs()
    tables: tuple[TailorTable, ...] = ()
    domains: tuple[TailorDomain, ...] = ()
    channels: tuple[TailorChannel, ...] = ()
    aliases: tuple[TailorAlias, ...] = ()
    compatibility: Compatibility = Compatibility.DOCUMENTS
    origins: Mapping[str, Origin] = field(default_factory=dict)  # keyword in capitals -> where it stands last
    complaints: tuple[Problem, ...] = ()
    without_effect: tuple[Problem, ...] = ()

    def table(self, name: str) -> TailorTable | None:
        """Return the first table of this name, without case."""
        wanted = name.lower()
        return next((table for table in self.tables if table.name.lower() == wanted), None)

    def channel(self, name: str) -> TailorChannel | None:
        """Return the channel of this name, without case."""
        wanted = name.lower()
        return next((channel for channel in self.channels if channel.name.lower() == wanted), None)

    @property
    def local_channel(self) -> TailorChannel | None:
        """The channel that means this machine."""
        return self.channel(self.switches.default_channel)

    def under(self, folder: str, name: str = "") -> Path:
        """Return a file in a folder of the tailor file; what is relative is meant from where the tailor file stands."""
        return self.file.parent / folder / name

    def table_path(self, table: TailorTable) -> Path:
        """Return the text file of a table."""
        return self.under(self.folders.tables, table.file)

    @property
    def passwd_file(self) -> Path | None:
        """The passwd(5) file of the accounts; None for this machine's."""
        return self.under("", self.people.passwd) if self.people.passwd else None

    @property
    def database_path(self) -> Path:
        """Where the database of the dbm tables is."""
        return self.under(self.folders.tables, self.folders.database or "mmdfdbm")

    def queue_folders(self) -> Iterator[str]:
        """Yield the names of the queue folders, each once, in the order of the channels."""
        yield from dict.fromkeys(f"q.{channel.que}" for channel in self.channels)

    @property
    def support(self) -> str:
        """Whom MMDF writes when it cannot cope."""
        return self.people.support or f"{self.people.login}@{self.names.full}"
