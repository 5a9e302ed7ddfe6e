"""docs/tailor.md, from the table of keywords: a test compares them, so that the page cannot lie.

python -m posthouse.site.tailor.reference > docs/tailor.md
"""

import sys
from enum import Enum, Flag
from pathlib import Path

from posthouse.site.tailor.entries import LogSpec, ProgramSpec
from posthouse.site.tailor.keywords import KEYWORDS, Keyword
from posthouse.site.tailor.model import TailorConfiguration

_HEAD = """\
# mmdftailor

A site may be an MMDF tailor file: a file whose name ends in `mmdftailor` or `.tailor`. `posthouse check --site
mmdftailor` lists everything in it that is wrong or has no effect, with file and line; `checkup` looks the whole
site over. The table of keywords is made from the code (`python -m posthouse.site.tailor.reference`); a test holds
it.

## Records and fields

- A line that begins with a blank or a tab goes on with the record above it, also with a comment.
- Blanks, tabs, `,` `:` `;` and `#` separate fields; white space with one other separator beside it counts once. A
  field that would begin with `;` or `#` is a comment to the end of the record.
- Double quotes toggle quoting anywhere; `""` is an empty value. A backslash takes the meaning from the next
  character; `\\n \\r \\b \\f` and octal numbers stand for characters.
- `key=value` is a pair. Blanks around the `=`, or a second `=` in an unquoted value, are understood and complained
  of: MMDF 2.44 reads them otherwise.
- `/` and `|` are ordinary characters, as the manual pages have them. After `COMPAT "2.44"` they separate fields.
- Keywords, keys and tokens have no case; values keep theirs. Octets are Latin-1.

Nothing in the file stops the reading. An unknown keyword or key, a wrong value, a name that is not defined: each is
a complaint, is left out, and the rest of the record counts. A file that does not say who we are (`MLNAME`), or
cannot be read, is an error, and `check` exits 78. A file may have 10 MiB.

The order counts: aliases, domains and channels are searched in the order of the file; a second `MCHN` of a name
takes the place of the first; a second `MTBL` of a name is never found. `insrc outsrc indest outdest known` need a
table that stands above; `tbl=` and `table=` make the table that they miss.

## Keywords

| keyword | parameters | default | meaning | has no effect because |
|---|---|---|---|---|
"""
_TAIL = """
## MTBL, a table

`MTBL name, file=F, show="text", flags=X, flags=Y`. The first word sets `name`, `file` and `show`. `file` is
relative to `MTBLDIR`.

- `flags`, one token each: `file` `dbm` `ns` `nis` (where the entries are), `domain` `channel` `alias` (what a
  nameserver is asked for), `abort` `route` `partial` `reject`. `root` is read as `domain`.
- `type`: `file dbm ns nis regexp rbl ldap sql test`.
  `regexp` has `addprefix addsuffix cflag eflag`; an expression that could take for ever is left out and said.
  `rbl` has `domain`, the zone, and `link`, the page to cite.
  `ldap` has `server_host server_port timeout search_base scope filter attrib`; `%s` in the filter is the key. `bind_dn`
  is who asks, and the first line of `password_file`, beside the tables, the password. It needs the library of
  `posthouse[ldap]`.
  `sql` has `database`, a SQLite file, and `query`, in which `:key` is the key.
  `nis` runs `ypmatch KEY FILE`, or what `command` says, in which `%s` is the key; exit 0 with a line is a value,
  75 no answer.
- The tables of all `dbm` flags are in one database, `MDBM`, which `dbmbuild` makes; it is
  replaced whole, so that nobody sees half of it. Until it is there, the texts are read. `dbmedit` writes what it
  changes beside it, in `MDBM.edits`, a line for each key; `dbmbuild` of all tables forgets that, of some takes it over.

## MDMN, a domain

`MDMN name, dmn=D, show="text", table=T`. The first word sets `name`, `dmn` and `show`; `dmn=""` is the root domain.
`tbl` is taken for `table`, with a complaint.

## ALIAS, a source of aliases

`ALIAS table=T, trusted, nobypass, public`.

## MCHN, a channel

The first word sets `name`, `que`, `tbl` and `pgm`. Texts: `show que tbl pgm lname ldomain host user scr trn
confstr`; numbers: `poll` (8) `ttl` (120 minutes) `warntime` `failtime` (hours); tables: `insrc outsrc indest
outdest known`; `log` and `level`, which raises the level of `MCHANLOG` and never lowers it. Once for each token:
`mod=reg bak psv imm pick send host esmtp`; `auth=free inlog inwarn inblock outlog outwarn outblock hau dho`;
`ap=same 822 733` (the last holds), `big nodots try nosrcrt rejsrcrt` (they add up), `jnt` (733 and big). `lname`,
`ldomain` and the log have the values that stand above.

`scr`, `trn` and `poll` have no effect. Channel programs (`pgm`):

- `smtp`: connects to the addresses that the channel's table has for the host; with `host` to that host, which is in
  the table, too, or is written `[host]:port`. `confstr` is what it says in HELO.
- `local`: mailboxes in `MDLVRDIR`; for `user|program` and `user/file`, which trusted aliases may name, the program or
  file. Both are used as that user, in his home: this takes the rights of root, unless Posthouse runs as him. Without
  them the mail waits, and the log says why; a daemon that `MLOGIN` tells to be somebody else has given root up.
  - The program is a line for `sh`, and gets the text on its input, `HOME`, `USER` and `SHELL`, and the umask 077.
    `$(sender) $(address) $(size)` are filled in, each as one word. Exit 0 is delivered, 192 to 255 a refusal, all
    else is tried again. It has five minutes, and a second more for each 20 octets.
  - The file is an mbox, relative to the home or with a second slash (`joe//tmp/box`) absolute; it is made with the mode
    0600. What cannot be written waits.
- `list`: hands the message in again for the list's name at our full name, whose alias has the members. The return
  address is `NAME-request` if there is such an alias, else `MSUPPORT`.
- `delay`: hands the message in again as it was, until its address can be verified.
- `uucp`: runs `UUXSTR` with `machine!rmail (path)` for each address, the path taken from the channel's table (`%s` is
  the user). The text begins with `From path date remote from UUNAME`. `confstr` (`naddrs=`, `maxlen=`, `rewrite=`) has
  no effect: each address has a uux of its own, and is written as RFC 976 has it.
- `sendprog`: `confstr` is the command, run without a shell; `$(from) $(to) $(to.user) $(to.host) $(to.address)
  $(local)`. Without `confstr` it is what the channel's table has for the host.

Mail for a channel with another program waits, and `check` says so.

`badusers` and `badhosts` are channels like others, with `host`. `delay` takes addresses of our own clients only; a
stranger's is deferred. What goes to it is an event `unverified` in the log, with the table that did not answer.

On its way out a message is written for its channel: `ap=same` leaves the header alone; every other style gives each
domain of the address fields its official name, our own that of the channel (`lname.ldomain`), and a mailbox
without a domain that of the first `From` or `Sender`. `known=` turns hosts that are not in that table round through
us. The reverse-path is written so, too.

## As a living site

`posthouse serve --site mmdftailor` runs the site; every other command takes it the same way. `LISTEN`,
`RELAYFROM` and `PASSWD` are ours; MMDF passes over them. `RELAYFROM "192.0.2.0/24@127.0.0.1:2525"` is about that
listener alone, which then has no other networks; `"@127.0.0.1:2525"` lets nobody relay there.

- A client by SMTP belongs to the first channel of `MVALIDCHN` (without it: of all with `pgm=smtp`) whose table has
  the name that the client says, with its address in the entry; else to the last of them, and its host is its
  address. A local program, through the Unix socket, is a user of this machine: channel `MDFLCHAN`.
- Who is not in `RELAYFROM` may send where mail stays with us: to users, `badusers`, lists and wherever an alias of ours
  leads; and where authorization decides (`inblock` of his channel or `outblock` of the other) and lets him.
  Everything else is refused. Classic MMDF relayed for everybody.
- Authorization is noted in `AUTHLOG` with its codes, and as events `authorized` in the log. Warnings (`inwarn`,
  `outwarn`) and notices of bad aliases are sent as messages with the null reverse-path once the message is
  accepted.
- A source route (`RCPT TO:<@a,@b:user@c>`) is followed; whether that is relaying depends on where it leads.
- Replies are those of submit behind 550 and an enhanced status; a table that cannot be read is 451.

## Logs and programs

`MMSGLOG "file", level=L, size=N, stat=S, hdr=H, timer=SECONDS`: the file only as first parameter, relative to
`MLOGDIR`. Levels: `FAT` -1, `TMP` 5, `GEN` 10, `BST` 20, `FST` 25, `PTR` 40, `BTR` 50, `FTR` 55, or a number.
`stat`: `close cycle wait some`, which add up, `timed`, or an octal number. What a later record does not say stays.

`MSUBMIT name=N, path=P`; a bare word sets both.

## Programs

`posthouse mmdf NAME`, or the name alone where it is installed as a command; each takes `-t tailorfile`.

- `checkup [-p] [-v1..8]`: looks everything over; `**` is a problem. `-p` shows problems only.
- `checkaddr [-w] [address ...]`: is an address good here? `-w` shows what submit would say. Exit 1: one is not; 75: a
  table could not answer.
- `malias name ...`: what an alias is.
- `nictable -C|-D|-T [-d domain] [-s service] [-t transport]`: tables from a hosts.txt on standard input.
- `process-uucp [-r relay] [-c host ...] [-d domain ...] file ...`: tables from what pathalias printed, as files here.
- `dbmbuild [-nvdk] [database [table ...]]`: builds the database, or some tables of it; `-k` goes on without missing
  files.
- `dbmlist [database]`: key, table and value of every entry.
- `amp [channel|-] [style ...]`: a filter, which rewrites the header of a message for a channel, or with our own names;
  styles are words of `ap=`, without them the channel's own, else 822. A table that cannot answer: exit 75, and
  nothing was written.
- `dbmedit [-v] [-d database] [print|add|change|delete|help|quit ...]`: a command, or a dialogue on standard input.
- `tablelist`: the files of the tables.
"""


def tailor_reference() -> str:
    """Return docs/tailor.md."""
    defaults = TailorConfiguration(Path("mmdftailor"))
    rows = (_row(keyword, defaults) for keyword in sorted(KEYWORDS.values(), key=lambda each: each.name))
    return _HEAD + "\n".join(rows) + "\n" + _TAIL


def _row(keyword: Keyword, defaults: TailorConfiguration) -> str:
    cells = (f"`{keyword.name}`", keyword.parameters, _default(keyword, defaults), keyword.meaning, keyword.idle)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(keyword: Keyword, defaults: TailorConfiguration) -> str:
    group, _, field = keyword.target.partition(".")
    value = getattr(getattr(defaults, group), field or "value") if group else None  # COMPAT's group is an enum
    match value:
        case None | "" | ():
            return ""
        case LogSpec():
            return f"`{value.file}`, FST, size 40, SOME"
        case ProgramSpec():
            return f"`{value.path}`"
        case bool():
            return str(int(value))
        case Flag():
            return ", ".join(str(flag.name).lower() for flag in value)
        case Enum():
            return str(value.value)
        case int() if field.endswith("_mode") or field == "mode":
            return f"{value:04o}"
    return f"`{value}`".replace("\x01", "\\001").replace("\n", "\\n")


if __name__ == "__main__":
    sys.stdout.write(tailor_reference())
