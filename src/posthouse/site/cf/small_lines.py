"""The lines that need little reading: D, E, K, P, Q, V and X."""

import re
from typing import Final

from posthouse.rewriting.program import MapDeclaration
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import Milter, QueueGroup
from posthouse.site.cf.dollars import SPACE, munch, printable_line
from posthouse.site.cf.options.kinds import leading_number, seconds_of
from posthouse.site.cf.state import Reading

NEWEST_LEVEL: Final = 10
VENDORS: Final = frozenset({"berkeley", "sun", "dec", "hp", "ibm", "sendmail", "debian"})
_MAP_KINDS: Final = (
    "hash btree dbm cdb text stab implicit user host dns bestmx null sequence switch dequote macro arith regex program"
    " syslog socket ldap ldapx nis nisplus ni netinfo ph hesiod userdb arpa"
)
MAP_KINDS: Final = frozenset(_MAP_KINDS.split())
MOST_PRIORITIES: Final = 20
MOST_QUEUE_GROUPS: Final = 50
MOST_MILTERS: Final = 25

_VERSION: Final = re.compile(rf"[{SPACE}]*([0-9]{{1,6}})(?:/([A-Za-z]*))?")
_MAP: Final = re.compile(
    rf"[{SPACE}]*([A-Za-z0-9][A-Za-z0-9_.]*+)[^A-Za-z0-9_.]?[{SPACE}]*([A-Za-z0-9]++)[^A-Za-z0-9]?[{SPACE}]*(.*)",
    re.DOTALL,
)
_EQUATE: Final = re.compile(rf"[,{SPACE}]*([^=,]*)=[{SPACE}]*")
_NAME: Final = re.compile(rf"[^,{SPACE}]*")


def read_macro(reading: Reading, text: str) -> None:
    """Read ``Dxvalue``: the value is kept unexpanded."""
    name, rest = reading.name_of(text)
    if name:
        reading.macros[name], _ = munch(rest)


def read_version(reading: Reading, text: str) -> None:
    """Read ``Vlevel/vendor``."""
    match = _VERSION.match(text)
    if match is None:
        reading.complaints.error(f'invalid argument to V line: "{printable_line(text[:20])}"', "write V10/Berkeley")
        return
    reading.level = int(match[1])
    reading.vendor = match[2] or ""
    if reading.level >= 5:
        reading.macros["w"] = reading.macros["w"].partition(".")[0]
    if reading.level > NEWEST_LEVEL:
        reading.complaints.warning(
            f"level {reading.level} is newer than {NEWEST_LEVEL}, which this program reads", f"write V{NEWEST_LEVEL}"
        )
    if match[2] is not None and match[2].lower() not in VENDORS:
        reading.complaints.error(f'invalid V line vendor code: "{match[2]}"', "write Berkeley")


def read_map(reading: Reading, text: str) -> None:
    """Read ``Kname kind arguments``, expanded now."""
    match = _MAP.fullmatch(reading.expand(text))
    if match is None:
        reading.complaints.error(
            f'config K line "K{printable_line(text)}" is not complete', "write Kname kind arguments"
        )
        return
    name, kind, arguments = match[1], match[2].lower(), match[3]
    if kind not in MAP_KINDS:
        reading.complaints.error(
            f"map {name}: class {kind} not available", f"the kinds are {', '.join(sorted(MAP_KINDS))}"
        )
        return
    reading.maps[fold(name)] = MapDeclaration(name, kind, arguments, reading.origin)


def read_priority(reading: Reading, text: str) -> None:
    """Read ``Pname=number``."""
    name, equals, number = text.partition("=")
    if not equals:
        reading.complaints.error(f'unknown configuration line "P{printable_line(text)}"', "write Pname=number")
    elif len(reading.priorities) >= MOST_PRIORITIES and fold(name) not in reading.priorities:
        reading.complaints.error(f"too many P lines, {MOST_PRIORITIES} max", "take some out")
    else:
        reading.priorities.setdefault(fold(name), leading_number(number))


def read_environment(reading: Reading, text: str) -> None:
    """Read ``Evar=value``, or ``Evar`` to pass ours on."""
    name, equals, value = text.partition("=")
    if not name or "\0" in text:
        reading.complaints.error("an E line without a name", "write Evar=value")
    else:
        reading.environment[name] = value if equals else None


def read_queue_group(reading: Reading, text: str) -> None:
    """Read ``Qname, P=path, F=flags, I=time, J=jobs, N=nice, r=recipients, R=runners``."""
    name, fields = _equates(reading, text, "queue")
    if not name or fields is None:
        return
    if len(reading.queue_groups) >= MOST_QUEUE_GROUPS:
        reading.complaints.error(f"too many queue groups ({MOST_QUEUE_GROUPS} max)", "take some out")
        return
    unknown = sorted(set(fields) - set("PFIJNrR"))
    if unknown:
        reading.complaints.error(f"Q{name}: unknown queue equate {unknown[0]}=", "the fields are P F I J N r and R")
    reading.queue_groups[fold(name)] = QueueGroup(
        name,
        fields.get("P", ""),
        fields.get("F", ""),
        seconds_of(fields.get("I", ""), "m", reading.syntax),
        leading_number(fields.get("J", "")),
        leading_number(fields.get("N", "")),
        leading_number(fields.get("r", "")),
        leading_number(fields.get("R", "")),
        reading.origin,
    )


def read_milter(reading: Reading, text: str) -> None:
    """Read ``Xname, S=socket, F=flags, T=timeouts``."""
    name, fields = _equates(reading, text, "filter")
    if not name or fields is None:
        return
    if "S" not in fields:
        reading.complaints.error(f"X{name}: `S=' socket missing", "write S=local:/path or S=inet:port@host")
    elif len(reading.milters) >= MOST_MILTERS:
        reading.complaints.error(f"too many filters, {MOST_MILTERS} max", "take some out")
    else:
        reading.milters.append(Milter(name, fields["S"], fields.get("F", ""), fields.get("T", ""), reading.origin))


def _equates(reading: Reading, text: str, what: str) -> tuple[str, dict[str, str] | None]:
    """Return the name of a line and its ``X=value`` fields; None when a field cannot be read."""
    name = _NAME.match(text)
    rest = text[name.end() :] if name else text
    if name is None or not name[0]:
        reading.complaints.error(f"name required for {what}", f"write {text[:1] or 'name'}, X=value")
        return "", None
    fields: dict[str, str] = {}
    while rest.strip(f",{SPACE}"):
        equate = _EQUATE.match(rest)
        if equate is None or not equate[1]:
            reading.complaints.error(f"{what} {name[0]}: `=' expected", "separate fields with commas: X=value, Y=value")
            return name[0], None
        value, rest = munch(rest[equate.end() :], ",")
        fields[equate[1][:1]] = value.rstrip(SPACE)
    return name[0], fields
