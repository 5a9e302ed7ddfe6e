"""Table, answered by a command (``type=nis``): ``ypmatch KEY MAP``, or what ``command=`` says.

The command is run without a shell; ``%s`` in it stands for the key, which else comes last.  The first line that it
says is the value.  Exit status 75, a signal, and a command that is not there or takes too long are no answer; any
other but 0 says that the key is not there.

Known limits: ypmatch itself exits alike for a key that is not there and for a server that is not there.
"""

from collections.abc import Iterator

from posthouse.adapters.map_program import ProgramSource
from posthouse.mail.lookup import NOT_FOUND, Answer, MapStatus
from posthouse.mail.map_arguments import MapArguments
from posthouse.site.tailor.entries import TailorTable

_DEFAULT = "ypmatch %s {file}"


class CommandTable:
    """Port Table on one command."""

    def __init__(self, table: TailorTable, seconds: float) -> None:
        self.name = table.name
        self._origin = table.origin
        command = dict(table.parameters).get("command") or _DEFAULT.format(file=table.file)
        words = command.split()
        at = words.index("%s") if "%s" in words else len(words)
        flags = MapArguments(file=words[0], rest=" ".join(words[1:at]))
        self._source = ProgramSource(flags, None, behind_key=words[at + 1 :], time_limit_seconds=seconds)

    async def lookup(self, key: str) -> Answer:
        """Run the command."""
        if not key or key.startswith("-"):
            return NOT_FOUND  # it would be an option
        found = await self._source.find(key, ())
        if found.status is MapStatus.FOUND and found.value is not None:
            return Answer((" ".join(found.value.split()),), self._origin)
        return NOT_FOUND if found.status is MapStatus.NOT_FOUND else Answer(unavailable=found.reason)

    @property
    def version(self) -> object:
        """A new one each time: what a command says may depend on anything."""
        return object()

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """None that could be listed."""
        return iter(())
