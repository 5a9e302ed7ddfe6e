"""docs/cf.md: what of a sendmail.cf is read, and what each option does; made from the table of options itself."""

from collections.abc import Iterable

from posthouse.site.cf.blame import WITHOUT_EFFECT
from posthouse.site.cf.dollars import written
from posthouse.site.cf.idle import IDLE_FLAGS
from posthouse.site.cf.options.kinds import Form, Value
from posthouse.site.cf.options.row import Option
from posthouse.site.cf.options.table import OPTIONS

_HEAD = """\
# sendmail.cf

A site file whose name ends in `.cf` is read as sendmail's own configuration language: version 8, levels 1 to 10.
This page is made from the table of options (`posthouse.site.cf.reference`); a test holds it to that.

`posthouse check --site /etc/mail/sendmail.cf` says what the file makes of this machine, every mistake with its line,
and everything that is accepted without having an effect, with the reason.

## Lines

| line | read as |
|---|---|
| `#` | a comment; from level 3 on also within a line, unless a backslash stands before it |
| `D` `T` | macros; trusted users, which are class t |
| `C` `F` | classes from words, files (with formats of scanf(3)), programs (60 seconds, 16 megabytes) and maps |
| `S` `R` | rule sets; both sides are expanded when they are read |
| `K` | maps; the arguments are expanded when they are read |
| `H` `P` | header fields with flags or a macro as condition, checks of fields; precedences |
| `M` | mailers |
| `O` | options, by letter or name |
| `Q` `X` `E` | queue groups, mail filters, environment |
| `V` | the level and the vendor |
| `L` | nothing |

## Routing

Every recipient goes through rule sets 3 and 0; then through the alias files (mailers with F=A), rule set 5 (F=5)
and the user's own `.forward` (F=w), in sendmail's order and with its rules about who may name programs and files.
`owner-LIST` gets the failures of LIST, in a message of its own. A bad member of a list is reported to its sender;
the others get the mail.

The rule sets check_relay, check_mail, check_rcpt, check_data, check_compat and check_eoh, those
that H lines name, and check_vrfy and check_expn decide with `$#error`, `$#discard` and `$#error $@ quarantine`,
which holds the message until `posthouse queue release`. They see the sender in `$f`, `{mail_mailer}`, `{mail_host}`,
`{mail_addr}`. What local programs hand in is asked about in header checks alone, and in check_compat, which
the daemon asks at RCPT, and a command that delivers or queues before it does: then the rule's exit status counts, not
its words. Where a map cannot answer, the client is told to try again: never "not found".

check_relay is asked when a client connects. Whom it refuses is greeted and then refused whatever it asks, in its
words; with 421 the connection ends at once. `$#discard` and quarantine hold for all that the client sends.
Before that the client's name is looked up, and where this name leads, in the hosts file and DNS as the service switch
says: `{client_resolve}` is OK, FORGED (the name leads elsewhere), FAIL (no name) or TEMP (nobody can say now; also
of a name that cannot be followed now, where sendmail says FORGED). Only with OK is `{client_name}` the name, else
the address in brackets; `{client_ptr}` is the name in any case.
Set are also `{client_addr}` and `{client_port}`; `{daemon_name}`, `{daemon_addr}`, `{daemon_port}`, `{daemon_family}`,
`{daemon_flags}` and `{daemon_info}` of the DaemonPortOptions; `{if_name}`, and `{if_addr}` and `{if_family}` outside
127.0.0.0/8; `$r`, `$s` and `$_`. Never set, because clients are offered neither AUTH nor TLS: `{auth_authen}`,
`{auth_author}`, `{auth_ssf}`, `{auth_type}`, `{tls_version}`, `{verify}`, `{cipher}`, `{cipher_bits}`, `{alg_bits}`,
`{cert_issuer}`, `{cert_subject}`, `{cert_md5}`, `{cert_fp}`, `{cn_issuer}`, `{cn_subject}`.

The Received field is that of the H line, whatever flags it has, and stands where the H lines have it. Who the client
was (`$r`, `$s`, `$_`, `{client_...}`, `{daemon_...}`, `{if_...}`) is kept with the message, so that other H lines and
reports know it when the message goes out; each value to 512 octets.

`posthouse explain ADDRESS` shows every rule that is applied, with file and line.

## Handing mail in

`sendmail` and `sendmail -bs` deliver before they answer, with DeliveryMode interactive or background: by programs,
files and SMTP, each recipient in sendmail's order; what is deferred stays in the queue. `sendmail -q` tries the queue
in the order of QueueSortOrder. The priority of a message is its size, so much for each recipient and attempt, less for
its class: a P line names it, the Precedence field asks for it. Reports about a class below 0 hold no body.

A user's own `.mailcf` in the home holds H lines (fields of the name take the place of the site's) and D lines, for
what that user sends with a command that delivers itself. It is read when it is a plain file of at most 64 kilobytes
that belongs to the user and that nobody else may write; other lines in it are told of, with their numbers.

## Load

The load is the system's average of the last minute, asked for once a second at most. From QueueLA on the commands
leave in the queue what is heavier than QueueFactor / (load - QueueLA + 1). From RefuseLA on clients from the network
get 421, from DelayLA on each of their commands waits a second; what they pipeline counts as one. ConnectionRateThrottle
is divided among the smtpd processes; whoever would wait for more than a minute gets 421. The daemon delivers nothing
while even a message to one recipient is too heavy.

## The cache

What was read is kept in `/var/cache/posthouse`, where that directory exists, and counts as long as no file that was
read has changed.

## Options

"No effect" means: accepted, listed by `posthouse check`, and otherwise not looked at.
"""


def compose() -> str:
    """Return the page."""
    lines = [_HEAD, "| option | letter | value | default | what it does |", "|---|---|---|---|---|"]
    lines += map(_row, sorted(OPTIONS.values(), key=lambda option: option.name.lower()))
    lines += ["", "## Flags of mailers without effect", "", "| flag | reason |", "|---|---|"]
    lines += (f"| `{flag}` | {reason} |" for flag, reason in sorted(IDLE_FLAGS.items()))
    lines += ["", "## Words of DontBlameSendmail without effect", "", "| words | reason |", "|---|---|"]
    lines += (f"| {_listed(words.split())} | {reason} |" for reason, words in WITHOUT_EFFECT.items())
    return "\n".join(lines) + "\n"


def _row(option: Option) -> str:
    letter = f"`{option.letter}`" if option.letter else ""
    effect = option.effect if option.has_effect else f"No effect: {option.reason}"
    cells = (f"`{option.name}`", letter, _value(option), _default(option.kind.form, option.default), effect)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _value(option: Option) -> str:
    kind = option.kind
    if kind.form is Form.CHOICE:
        return _listed(dict.fromkeys(kind.choices.values()))
    if kind.form is Form.TIME:
        return f"a time; a number alone counts {_UNITS[kind.unit]}"
    return str(kind.form.value)


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _default(form: Form, value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() if form is Form.TIME:
            return _time(value)
        case int():
            return oct(value).removeprefix("0o") if form is Form.OCTAL else str(value)
        case str() if value.strip():
            return f"`{written(value)}`"
        case str() if value:
            return "a blank"
        case _:
            return ""


def _time(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
