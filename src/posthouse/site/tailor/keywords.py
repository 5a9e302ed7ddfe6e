"""Every keyword of a tailor file: what its parameters are, where the value goes, what it does here.

docs/tailor.md is made from this table, the reader obeys it, and ``posthouse check`` quotes the
reasons.  Keywords with records of their own (MTBL, MDMN, MCHN, ALIAS) and the logs and programs have
their readers in lists.py, channel.py and specs.py.
"""

from typing import Final

from msgspec import Struct

from posthouse.site.tailor import kinds
from posthouse.site.tailor.kinds import Kind


class Keyword(Struct, frozen=True):
    """One keyword.  ``target`` is the group and field of TailorConfiguration, "" where a reader of its own serves it.

    ``idle`` is why it has no effect today; "" when it has one.
    """

    name: str
    parameters: str
    meaning: str
    target: str = ""
    kind: Kind = kinds.text
    idle: str = ""


_QUEUE_FORM = "the queue is kept in Posthouse's own spool, which needs no folders to be named"
_PROGRAMS = "Posthouse brings this program itself"
_PHONE = "there are no phone lines any more"
_ALWAYS = "it is always done"
_MBOX = "mailboxes are written as mbox files, with a From line before each message"
_LOG = "there is one event log, the file of MMSGLOG"

_ALL: Final = (
    Keyword("ALIAS", "table=T, trusted, nobypass, public", "a source of aliases; searched in the order of the file"),
    Keyword("AUTHLOG", "log", "the log of authorization", "logs.auth"),
    Keyword(
        "AUTHREQUEST", "address", "who sends authorization warnings and is named in refusals", "people.auth_request"
    ),
    Keyword("COMPAT", "documents or 2.44", "ours: whose behaviour where the two differ", "compatibility"),
    Keyword("DEADLETTER", 'file or ""', 'the last resort of mail; "" discards it', "people.dead_letter"),
    Keyword(
        "LISTEN",
        '"address:port" ...',
        "ours: where the SMTP server listens; without it at port 25 of every address",
        "switches.listen",
        kinds.words,
    ),
    Keyword(
        "MADDID",
        "0 or 1",
        "add a missing Message-ID",
        "switches.add_message_id",
        kinds.switch,
        idle="what a local program hands in always gets a missing Message-ID",
    ),
    Keyword(
        "MADDIPADDR", "0 or 1", "the peer's address in Received", "switches.add_ip_address", kinds.switch, idle=_ALWAYS
    ),
    Keyword("MADDIPNAME", "0 or 1", "the peer's name in Received", "switches.add_ip_name", kinds.switch, idle=_ALWAYS),
    Keyword("MADDRQ", "folder", "addresses, below MQUEDIR", "folders.addresses", kinds.name, _QUEUE_FORM),
    Keyword("MCHANLOG", "log", "the log of the channels", "logs.channel", idle=_LOG),
    Keyword("MCHN", "name, key=value ...", "a channel"),
    Keyword(
        "MCHNDIR",
        "folder",
        "the channel programs",
        "folders.channels",
        kinds.name,
        idle="Posthouse brings its own channel programs",
    ),
    Keyword(
        "MCMDDIR",
        "folder",
        "MMDF's commands",
        "folders.commands",
        kinds.name,
        idle="Posthouse brings MMDF's commands itself",
    ),
    Keyword("MDBM", "file", "the database that dbmbuild makes", "folders.database", kinds.name),
    Keyword("MDELIVER", "program", "deliver", "programs.deliver", idle=_PROGRAMS),
    Keyword("MDFLCHAN", "channel", 'the channel that means "this machine"', "switches.default_channel", kinds.name),
    Keyword(
        "MDLV",
        "file",
        "the users' delivery files",
        "mailboxes.maildelivery",
        kinds.name,
        idle="users have no delivery files yet",
    ),
    Keyword("MDLVRDIR", 'folder or ""', 'the mailboxes; "" is the user\'s home', "mailboxes.folder"),
    Keyword("MDMN", "name, key=value ...", "a domain; searched in the order of the file"),
    Keyword("MFAILTIME", "hours", "when mail is returned", "limits.fail_hours", kinds.count),
    Keyword(
        "MGROUP",
        "group",
        "the group that owns mailboxes",
        "people.group",
        kinds.name,
        idle="mailboxes belong to the account that Posthouse runs as",
    ),
    Keyword(
        "MLCKDIR",
        "folder",
        "lock files",
        "folders.locks",
        kinds.name,
        "the spool and the mailboxes are locked without it",
    ),
    Keyword(
        "MLCKTYPE",
        "advisory, v7, xenix or all",
        "how mailboxes are locked",
        "mailboxes.locks",
        kinds.locks,
        idle="mailboxes are always locked with a .lock file and fcntl(2)",
    ),
    Keyword("MLDOMAIN", "name", "our domain", "names.domain"),
    Keyword(
        "MLISTSIZE",
        "number",
        "more addresses than this are a big list",
        "limits.list_size",
        kinds.count,
        idle="what is returned does not depend on how many addresses there are",
    ),
    Keyword("MLNAME", "name", "our name", "names.local"),
    Keyword("MLOCHOST", "name", "the same as MLNAME", "names.local"),
    Keyword("MLOCMACHINE", 'name or ""', "this machine's name, below ours", "names.machine"),
    Keyword("MLOGDIR", "folder", "where the logs are", "folders.logs", kinds.name),
    Keyword("MLOGIN", "login", "who owns the mail system", "people.login", kinds.name),
    Keyword("MMAILID", "0 or 1", "use Mail-IDs", "switches.mail_ids", kinds.switch),
    Keyword("MMAXHOPS", "number", "more Received fields than this are a loop", "limits.most_hops", kinds.count),
    Keyword("MMAXMBSZ", "soft hard", "the bound of a mailbox", idle="mailboxes have no bound yet"),
    Keyword(
        "MMAXSORT",
        "number",
        "more messages than this are not sorted",
        "limits.most_sorted",
        kinds.count,
        "the queue is always in order, whatever its size",
    ),
    Keyword("MMBXNAME", 'name or ""', 'the mailbox file; "" is the login name', "mailboxes.name"),
    Keyword("MMBXPREF", "text", "stands before each message of a mailbox", "mailboxes.before", idle=_MBOX),
    Keyword(
        "MMBXPROT",
        "mode",
        "the mode of a new mailbox",
        "mailboxes.mode",
        kinds.octal,
        idle="a new mailbox is for its owner alone",
    ),
    Keyword("MMBXSUFF", "text", "stands behind each message of a mailbox", "mailboxes.after", idle=_MBOX),
    Keyword("MMSGLOG", "log", "the log of submission and delivery", "logs.message"),
    Keyword("MMSGQ", "folder", "texts, below MQUEDIR", "folders.texts", kinds.name, _QUEUE_FORM),
    Keyword(
        "MPHSDIR",
        "folder",
        "time stamps of the channels",
        "folders.phases",
        kinds.name,
        "the event log and the metrics say when a channel worked",
    ),
    Keyword("MPKUP", "program", "the pickup program", "programs.pickup", idle=_PROGRAMS),
    Keyword("MQUEDIR", "folder", "the home of the queue", "folders.queue", kinds.name),
    Keyword(
        "MQUEPROT",
        "mode",
        "the mode of the folder above MQUEDIR",
        "folders.queue_mode",
        kinds.octal,
        "the spool keeps its own folder closed",
    ),
    Keyword("MSGSIZELIMIT", "octets", "the largest message", "limits.message_octets", kinds.size),
    Keyword("MSIG", "text", "the signature of notices; not of delivery status notifications", "people.signature"),
    Keyword(
        "MSLEEP",
        "seconds",
        "the pause of the daemon",
        "limits.sleep_seconds",
        kinds.count,
        "deliver is told of new mail and needs no pause",
    ),
    Keyword("MSUBMIT", "program", "submit", "programs.submit", idle=_PROGRAMS),
    Keyword("MSUPPORT", "address", "who gets what MMDF cannot cope with", "people.support"),
    Keyword("MTBL", "name, key=value ...", "a table"),
    Keyword("MTBLDIR", "folder", "the table files", "folders.tables", kinds.name),
    Keyword("MTEMPT", "folder", "where addresses are built", "folders.building", kinds.name, _QUEUE_FORM),
    Keyword("MTMPT", "folder", "the same as MTEMPT", "folders.building", kinds.name, _QUEUE_FORM),
    Keyword("MV6MAIL", "program", "sends notifications", "programs.v6mail", idle=_PROGRAMS),
    Keyword(
        "MVALIDCHN",
        "channels",
        "where the SMTP server looks peers up",
        "switches.valid_channels",
        kinds.words,
    ),
    Keyword("MWARNTIME", "hours", "when the sender is warned", "limits.warn_hours", kinds.count),
    Keyword(
        "MXSELF",
        "addr or strict",
        "ours (the name of SCO's keyword is lost): a host whose best mail exchanger we are",
        "switches.mx_self",
        kinds.mx_self,
    ),
    Keyword(
        "NIQUEDIR", "folder", "work files of NIFTP", "folders.niftp", kinds.name, "there is no NIFTP network any more"
    ),
    Keyword(
        "ORPHANAGE",
        'address or ""',
        "who gets what cannot be returned",
        "people.orphanage",
        idle="what cannot be returned goes to the postmaster, then to the dead letters",
    ),
    Keyword(
        "RELAYFROM",
        '"network" or "network@address:port" ...',
        "ours: whose clients may send anywhere, at one listener alone; without it this machine's",
        "switches.relay_from",
        kinds.words,
    ),
    Keyword("TAGCHARS", "characters", "begin the tag of an address", "mailboxes.tag_characters"),
    Keyword("UUNAME", "name", "our name in UUCP; without it MLNAME", "names.uucp", kinds.name),
    Keyword("UUXSTR", "command", "the command of the UUCP channel, run without a shell", "switches.uux", kinds.name),
    Keyword(
        "ACCEPT8BITMIME",
        "0 or 1",
        "offer 8BITMIME",
        "switches.accept_8bitmime",
        kinds.switch,
        "8BITMIME is always offered",
    ),
    Keyword(
        "DSN",
        "0 or 1",
        "offer delivery status notifications",
        "switches.dsn",
        kinds.switch,
        "they are always offered",
    ),
    Keyword(
        "PASSWD",
        "file",
        "ours: whose login names and homes count, as passwd(5) has them; without it this machine's",
        "people.passwd",
        kinds.name,
    ),
    Keyword("PHLOG", "log", "the log of phone calls", "logs.phone", idle=_PHONE),
    Keyword("DEFTRAN", "file", "the transcript of phone calls", "logs.transcript", kinds.text, _PHONE),
    *(
        Keyword(name, "...", "a phone line, its port or its account", idle=_PHONE)
        for name in (
            *("DPORT", "D_PORT", "DPRT", "DLINE", "D_LINE", "DLIN"),
            *("DBAD", "DBADIN", "DBADOUT", "DACCT", "DACCOUNT"),
        )
    ),
)
# COMPAT is read by name: it also changes how the rest of the file is split into fields.
KEYWORDS: Final = {keyword.name: keyword for keyword in _ALL}
