"""M lines: how mail leaves, with every field, and the mailers that are always there."""

import re
from typing import Final

from msgspec import structs

from posthouse.mail.lookup import BUILTIN
from posthouse.rewriting.symbols import MACRO
from posthouse.site.cf.declared import MailerDeclaration
from posthouse.site.cf.dollars import SPACE, munch
from posthouse.site.cf.options.kinds import leading_number, seconds_of
from posthouse.site.cf.state import Reading

MOST_MAILERS: Final = 25
SMTP_LINE: Final = 990  # characters, without CRLF: what F=L means without L=

_NAME_END: Final = re.compile(rf"[,{SPACE}]")
_FIELD: Final = re.compile(rf"[,{SPACE}]*([^=,]*)(=?)[{SPACE}]*")
_WORD: Final = re.compile(rf"[^{SPACE}]+")
_USER_TOKEN: Final = re.compile(rf"{MACRO}u")
_TEXT_FIELDS: Final = {
    "P": "path",
    "E": "end_of_line",
    "D": "directories",
    "C": "charset",
    "Q": "queue_group",
    "/": "root",
}
_MAY_BE_EMPTY: Final = frozenset("P")
_NUMBER_FIELDS: Final = {
    "M": "largest_message",
    "m": "messages_per_connection",
    "r": "recipients_per_envelope",
    "L": "longest_line",
    "N": "niceness",
}
_EMPTY_NAMES: Final = {
    "E": "end-of-line string",
    "D": "working directory",
    "C": "charset",
    "Q": "queue",
    "/": "root directory",
}


def predefine(reading: Reading) -> None:
    """Declare the mailers that need no M line; one of the same name replaces them."""
    user = f"{MACRO}u"
    unix = "X-Unix"
    for line in (
        f"prog, P=/bin/sh, F=lsouDq9, T={unix}/{unix}/{unix}, A=sh -c {user}",
        f"*file*, P=[FILE], F=lsDFMPEouq9, T={unix}/{unix}/{unix}, A=FILE {user}",
        f"*include*, P=/dev/null, F=su, A=INCLUDE {user}",
    ):
        read_mailer(reading, line)
    for name, mailer in reading.mailers.items():
        reading.mailers[name] = structs.replace(mailer, origin=BUILTIN)


def read_mailer(reading: Reading, text: str) -> None:
    """Read an M line; a second one of the same name replaces the first and keeps its place."""
    end = _NAME_END.search(text)
    name = text[: end.start()] if end else text
    if not name:
        reading.complaints.error("name required for mailer", "write Mname, P=..., A=...")
        return
    known = reading.mailers.get(name.lower())
    if known is None and len(reading.mailers) >= MOST_MAILERS:
        reading.complaints.error(f"too many mailers defined ({MOST_MAILERS} max)", "take out those that no rule uses")
        return
    fields = _read_fields(reading, name, text[end.end() :] if end else "")
    if fields is None or not _is_complete(reading, name, fields):
        return
    number = known.number if known else len(reading.mailers)
    mailer = structs.replace(MailerDeclaration(name, number, "", (), origin=reading.origin), **fields)
    reading.mailers[name.lower()] = _with_defaults(mailer, fields, reading.level)


Fields = dict[str, object]


def _read_fields(reading: Reading, name: str, text: str) -> Fields | None:
    """Return the fields by their names in the model; None when the line cannot be followed."""
    fields: Fields = {}
    while text:
        field = _FIELD.match(text)
        if field is None or not field[2]:
            reading.complaints.error(f"mailer {name}: `=' expected", "separate fields with commas: P=..., F=..., A=...")
            return None
        value, text = munch(text[field.end() :], ",")
        if not _read_field(reading, name, field[1][:1], value, fields):
            return None
    return fields


def _read_field(reading: Reading, name: str, letter: str, value: str, fields: Fields) -> bool:
    """Read one field; say whether the line is worth reading on."""
    if letter in _TEXT_FIELDS:
        if value or letter in _MAY_BE_EMPTY:
            fields[_TEXT_FIELDS[letter]] = value
        else:
            reading.complaints.error(
                f"mailer {name}: null {_EMPTY_NAMES[letter]}", f"give {letter}= a value, or take it out"
            )
    elif letter in _NUMBER_FIELDS:
        fields[_NUMBER_FIELDS[letter]] = leading_number(value)
    elif letter == "F":
        flags = {char for char in value if char not in SPACE and "!" <= char <= "~"}
        fields["flags"] = "".join(sorted(flags | set(str(fields.get("flags", "")))))
    elif letter in ("S", "R"):
        return _read_rule_sets(reading, letter, value, fields)
    elif letter == "A":
        fields["argv"] = tuple(_WORD.findall(value))
    elif letter == "T":
        _read_types(value, fields)
    elif letter == "U":
        _read_user(reading, value, fields)
    elif letter == "W":
        fields["wait_seconds"] = seconds_of(value, "s", reading.syntax)
    else:
        reading.complaints.error(
            f"M{name}: unknown mailer equate {letter}=", "the fields are P F S R A E L M m r D U N C T W Q and /"
        )
    return True


def _read_rule_sets(reading: Reading, letter: str, value: str, fields: Fields) -> bool:
    """Read ``S=envelope/header`` or ``S=both``."""
    side = "sender" if letter == "S" else "recipient"
    envelope, rest = reading.rule_sets.enter(value)
    if envelope is None:
        return False
    header: int | None = envelope
    if rest.startswith("/"):
        header, _ = reading.rule_sets.enter(rest[1:])
    if header is None:
        return False
    fields[f"{side}_envelope"], fields[f"{side}_header"] = envelope, header
    return True


def _read_types(value: str, fields: Fields) -> None:
    """Read ``T=mta/address/diagnostic``; each part that is left out has its default."""
    mta, _, rest = value.partition("/")
    address, _, diagnostic = rest.partition("/")
    fields["mta_type"] = mta or "dns"
    fields["address_type"] = address or "rfc822"
    fields["diagnostic_type"] = diagnostic or "smtp"


def _read_user(reading: Reading, value: str, fields: Fields) -> None:
    """Read ``U=user:group``, by names or numbers."""
    fields["user"] = value
    user, _, group = (part.strip(SPACE) for part in re.sub(r"[:.]", ":", value, count=1).partition(":"))
    if user[:1].isdigit():
        fields["uid"] = leading_number(user)
    elif user:
        asked = reading.surroundings.account
        account = asked(user) if asked else None
        if account is not None:
            fields["uid"], fields["gid"] = account
        elif asked is not None:
            reading.complaints.error(
                f"mailer U= flag: unknown user {user}", "name a login of this machine, or write its number"
            )
            return  # the group alone is not taken
    if group[:1].isdigit():
        fields["gid"] = leading_number(group)
    elif group:
        asked_group = reading.surroundings.group
        gid = asked_group(group) if asked_group else None
        if gid is not None:
            fields["gid"] = gid
        elif asked_group is not None:
            reading.complaints.error(
                f"mailer U= flag: unknown group {group}", "name a group of this machine, or its number"
            )


def _is_complete(reading: Reading, name: str, fields: Fields) -> bool:
    """Complain of what a mailer cannot do without."""
    argv, path = fields.get("argv"), fields.get("path")
    wrong, right = "", ""
    if not isinstance(argv, tuple) or not argv:
        wrong, right = f"M{name}: A= argument required", "write A= and the argument vector, as in A=mail -d $u"
    elif not path:
        wrong, right = f"M{name}: P= argument required", "write P= and a program, [IPC] or [FILE]"
    elif path == "[TCP]":
        wrong, right = f"M{name}: P=[TCP] must be replaced by P=[IPC]", "write P=[IPC]"
    elif path == "[IPC]" and len(argv) < 2:
        wrong, right = f"M{name}: too few parameters for [IPC] mailer", "write A=TCP $h"
    elif path == "[FILE]" and len(argv) != 2:
        wrong = f"M{name}: too {'few' if len(argv) < 2 else 'many'} parameters for [FILE] mailer"
        right = "write A=FILE $u"
    elif path == "[FILE]" and argv[0] != "FILE":
        wrong, right = f"M{name}: first argument in [FILE] mailer must be FILE", "write A=FILE $u"
    if wrong:
        reading.complaints.error(wrong, right)
    elif path == "[IPC]" and isinstance(argv, tuple) and argv[0] not in ("TCP", "FILE"):
        reading.complaints.warning(f"M{name}: first argument in [IPC] mailer must be TCP or FILE", "write A=TCP $h")
    return not wrong


def _with_defaults(mailer: MailerDeclaration, fields: Fields, level: int) -> MailerDeclaration:
    """Return the mailer with what follows from the rest of the line."""
    changes: Fields = {}
    if mailer.recipients_per_envelope <= 0:
        changes["recipients_per_envelope"] = 100
    if mailer.longest_line < 0:
        changes["longest_line"] = 0
    if mailer.has("L"):
        if mailer.longest_line <= 0:
            changes["longest_line"] = SMTP_LINE
        if level < 2:
            changes["flags"] = _merged(mailer.flags, "7")
    if "end_of_line" not in fields:
        # A mailer that is not told the user speaks SMTP.
        changes["end_of_line"] = "\n" if any(map(_USER_TOKEN.search, mailer.argv)) else "\r\n"
    if mailer.path == "[IPC]" and not mailer.mta_type:
        is_file = mailer.argv[0] == "FILE"
        changes.update(mta_type="dns", address_type="rfc822", diagnostic_type="x-unix" if is_file else "smtp")
    return structs.replace(mailer, **changes)


def complete_for_level(reading: Reading) -> None:
    """Give the built-in mailers the flags that old levels imply; F=m means nothing for programs and files."""
    added = {
        "local": ("A/5:@w|" if reading.level < 6 else "") + ("q" if reading.level < 7 else ""),
        "prog": ("o" if reading.level < 6 else "") + ("q" if reading.level < 7 else ""),
    }
    added["*file*"] = added["prog"]
    for name, flags in added.items():
        mailer = reading.mailers.get(name)
        if mailer is not None:
            kept = mailer.flags if name == "local" else mailer.flags.replace("m", "")
            reading.mailers[name] = structs.replace(mailer, flags=_merged(kept, flags))


def _merged(flags: str, more: str) -> str:
    return "".join(sorted({*flags, *more}))
