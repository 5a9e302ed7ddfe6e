"""What an alias is, in a sentence, as malias(1) says it."""

from posthouse.mail.lookup import Answer, Lookup
from posthouse.routing.mmdf.compiled import INCLUDED_FILES, MmdfRouting, Steps, TableUnavailableError
from posthouse.site.tailor.entries import Lines, TailorAlias

_INCLUDE = ":include:"


def describe_alias(routing: MmdfRouting, name: str, *, is_privileged: bool) -> Steps[tuple[str, ...]]:
    """Return what to print of a name: nothing but "no aliases" when there is no alias.

    ``is_privileged``: aliases of tables that are not public are shown, too.  Raises TableUnavailableError.
    """
    hit = yield from _find(routing, name)
    if hit is None:
        return (f"no aliases for '{name}'",)
    source, value = hit
    if not source.public and not is_privileged:
        return (f"{name} is a private alias",)
    shown = name if source.nobypass else f"{name} (bypassable)"
    is_file = "<" in value or _INCLUDE in value.lower()
    if value.startswith("~"):
        return (f"{shown} is a non-recursive alias: {value}",)
    if "," in value and not is_file and "|" not in value:
        return (f"{shown} is list of aliases: {value}",)
    first = value.partition(",")[0]
    what, at, host = first.partition("@")
    if "|" in what:
        user, _, program = first.partition("|")
        return (f"{shown} is a pipe alias which runs {program} as user {user or 'root'}",)
    if at and not (yield from _is_here(routing, host)):
        return (f"{shown} is a list expanded on machine {host}",)
    if is_file:
        return (yield from _file(shown, what))
    return (_of_this_machine(shown, what, value),)


def _of_this_machine(shown: str, what: str, value: str) -> str:
    if "/" in what:
        user, _, file = what.partition("/")
        return f"mail for {shown} is filed in {file} as user {user or 'root'}"
    return f"{shown} has alias {value}"


def _file(shown: str, what: str) -> Steps[tuple[str, ...]]:
    path = what[what.find("/") :] if "/" in what else what.rpartition("<")[2].strip()
    begin = f"{shown} expands to contents of list file {path}:"
    answer: Answer | None = yield Lookup(INCLUDED_FILES, path)
    if answer is None or not answer.found:
        return begin, f"unable to open file {path}"
    return (begin, *answer.values[0].splitlines())


def _find(routing: MmdfRouting, name: str) -> Steps[tuple[TailorAlias, str] | None]:
    for source, table in routing.aliases:
        answer: Answer | None = yield Lookup(table.name, name)
        if answer is not None and answer.unavailable:
            raise TableUnavailableError(answer.unavailable, is_nameserver=table.lines is Lines.NS)
        if answer is not None and answer.found:
            return source, answer.values[0]
    return None


def _is_here(routing: MmdfRouting, host: str) -> Steps[bool]:
    if routing.are_us(host) or routing.local_channel is None:
        return routing.are_us(host)
    answer: Answer | None = yield Lookup(routing.local_channel.tbl, host)
    return answer is not None and answer.found
